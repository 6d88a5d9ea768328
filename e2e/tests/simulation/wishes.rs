//! What users want changed in a group, and whether any of it is forgotten.

use std::{fmt, str::FromStr};

use proptest::{prelude::*, sample::select};
use subrosa_engine::{
    ConversationState, Event, Warning, Wish,
    api::{Rights, Role},
};
use subrosa_wire::AccountId;

use crate::device::Device;

/// Something that a user does in a group. A number chooses the account that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Add(u8),
    Remove(u8),
    Ban(u8),
    Readmit(u8),
    GiveRole(u8, Role),
    Rename,
    SetRights(Rights),
    /// The account becomes the successor, if one is needed.
    Leave(u8),
}

/// Everybody may add and rename.
const OPEN: Rights = Rights {
    profile: Role::Member,
    ..Rights::DEFAULT
};
/// Only owners and admins write, and add.
const ANNOUNCEMENTS: Rights = Rights {
    add: Role::Admin,
    post: Role::Admin,
    ..Rights::DEFAULT
};
/// In the order of their numbers in what is written down.
const RIGHTS: [Rights; 3] = [Rights::DEFAULT, OPEN, ANNOUNCEMENTS];
const ROLES: [Role; 3] = [Role::Member, Role::Admin, Role::Owner];

impl Deed {
    /// Adding and removing are most of what happens in groups.
    pub(crate) fn any() -> impl Strategy<Value = Self> + use<> {
        let of = |make: fn(u8) -> Self| any::<u8>().prop_map(make).boxed();
        prop_oneof![
            4 => of(Self::Add),
            3 => of(Self::Remove),
            1 => of(Self::Ban),
            1 => of(Self::Readmit),
            4 => (any::<u8>(), select(&ROLES[..])).prop_map(|(whom, role)| Self::GiveRole(whom, role)),
            2 => Just(Self::Rename),
            1 => select(&RIGHTS[..]).prop_map(Self::SetRights),
            1 => of(Self::Leave),
        ]
    }

    /// What it is called in the tally.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Remove(_) => "remove",
            Self::Ban(_) => "ban",
            Self::Readmit(_) => "readmit",
            Self::GiveRole(..) => "role",
            Self::Rename => "rename",
            Self::SetRights(_) => "rights",
            Self::Leave(_) => "leave",
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        let place = |position: Option<usize>| position.unwrap_or_default();
        match self {
            Self::Add(whom)
            | Self::Remove(whom)
            | Self::Ban(whom)
            | Self::Readmit(whom)
            | Self::Leave(whom) => write!(f, "{name}:{whom}"),
            Self::GiveRole(whom, role) => {
                let role = place(ROLES.iter().position(|it| it == role));
                write!(f, "{name}:{whom}:{role}")
            }
            Self::Rename => f.write_str(name),
            Self::SetRights(rights) => {
                let rights = place(RIGHTS.iter().position(|it| it == rights));
                write!(f, "{name}:{rights}")
            }
        }
    }
}

impl FromStr for Deed {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let bad = || format!("{word:?} is nothing that is done in a group");
        let mut parts = word.split(':');
        let name = parts.next().unwrap_or_default();
        let mut small = || parts.next().and_then(|part| part.parse::<u8>().ok());
        let deed = match name {
            "add" => small().map(Self::Add),
            "remove" => small().map(Self::Remove),
            "ban" => small().map(Self::Ban),
            "readmit" => small().map(Self::Readmit),
            "role" => small().zip(small()).and_then(|(whom, role)| {
                let role = ROLES.get(usize::from(role))?;
                Some(Self::GiveRole(whom, *role))
            }),
            "rename" => Some(Self::Rename),
            "rights" => small().and_then(|rights| {
                let rights = RIGHTS.get(usize::from(rights))?;
                Some(Self::SetRights(*rights))
            }),
            "leave" => small().map(Self::Leave),
            _ => None,
        };
        deed.ok_or_else(bad)
    }
}

impl Device {
    /// What the user wants changed in the group.
    fn wishes(&mut self) -> Vec<(AccountId, Wish)> {
        let Some(chat) = self.chat() else {
            return Vec::new();
        };
        self.engine().wishes(chat).expect("wishes are readable")
    }

    /// Whether the user wants something changed in the group that is not changed yet.
    pub(crate) fn has_wishes(&mut self) -> bool {
        self.group.is_some() && !self.wishes().is_empty()
    }

    /// After each step: whatever is no longer wished is so by now, was replaced by the user, or was said to be given up.
    pub(crate) fn watch_wishes(&mut self, events: &[Event]) {
        let before = std::mem::take(&mut self.wished);
        self.wished = self.wishes();
        if before.is_empty() || self.known_state() != Some(ConversationState::Joined) {
            // Whoever is out of the group can change nothing in it, and sees that.
            return;
        }
        let me = self.session.account_id;
        let chat = self.chat().expect("it had wishes in it");
        let members = self.engine().members(chat).expect("members are readable");
        for (account, wish) in before {
            if self.wished.iter().any(|(other, _)| *other == account) {
                continue;
            }
            let role = members
                .iter()
                .find(|member| member.account_id == account)
                .map(|member| member.role);
            let is_done = match wish {
                Wish::Add => role.is_some(),
                Wish::Remove | Wish::Ban => role.is_none(),
                Wish::GiveRole(wanted) => role == Some(wanted),
                // These are no matter of the members.
                Wish::Readmit | Wish::SetRights(_) => true,
                _ => false,
            };
            let is_told = |event: &Event| match event {
                Event::Warning(Warning::ChangeGivenUp { account: about, .. }) => {
                    *about == account || *about == me
                }
                // One step may bring several changes, of which a later one undoes what was wished.
                Event::NoticeAdded(notice) => notice.who.contains(&account),
                _ => false,
            };
            if !is_done && !events.iter().any(is_told) {
                self.forgotten.push(format!("{wish:?} of {account}"));
            }
        }
    }
}
