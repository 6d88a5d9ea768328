//! Who may do what in a group: roles of accounts, and the lowest role that each right takes.

use super::InvalidPolicy;

/// What an account is in a group. Higher roles include the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// Every member that is named as nothing else.
    #[default]
    Member,
    /// Manages members.
    Admin,
    /// Makes admins and other owners.
    Owner,
}

impl Role {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Member => 0,
            Self::Admin => 1,
            Self::Owner => 2,
        }
    }

    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Member),
            1 => Some(Self::Admin),
            2 => Some(Self::Owner),
            _ => None,
        }
    }
}

/// The lowest role that may do each thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Adds people.
    pub add: Role,
    /// Removes, bans and readmits people of a lower role: [`Role::Admin`] or [`Role::Owner`].
    pub remove: Role,
    /// Changes the name, the picture and the description.
    pub profile: Role,
    /// Writes messages. [`Role::Admin`] makes an announcement group.
    pub post: Role,
    /// Pins messages.
    pub pin: Role,
}

impl Rights {
    /// What a new group has: everybody writes and adds, admins do the rest.
    pub const DEFAULT: Self = Self {
        add: Role::Member,
        remove: Role::Admin,
        profile: Role::Admin,
        post: Role::Member,
        pin: Role::Admin,
    };

    pub(super) fn encode(self) -> Vec<u8> {
        self.all().map(Role::code).to_vec()
    }

    /// `None` if the bytes are not rights.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let codes: &[u8; 5] = bytes.try_into().ok()?;
        let role = |code| Role::from_code(code);
        let [add, remove, profile, post, pin] = codes;
        let rights = Self {
            add: role(*add)?,
            remove: role(*remove)?,
            profile: role(*profile)?,
            post: role(*post)?,
            pin: role(*pin)?,
        };
        rights.check().is_ok().then_some(rights)
    }

    pub(super) fn check(self) -> Result<(), InvalidPolicy> {
        if self.remove == Role::Member {
            return Err(InvalidPolicy::RemovedByMembers);
        }
        Ok(())
    }

    /// All of them, in the order of the encoding.
    pub(super) fn all(self) -> [Role; 5] {
        [self.add, self.remove, self.profile, self.post, self.pin]
    }
}

impl Default for Rights {
    fn default() -> Self {
        Self::DEFAULT
    }
}
