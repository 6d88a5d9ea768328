//! Worlds with a group: several accounts, of which some found it and the others come and go.
//!
//! When all faults have ended, everybody who is a member agrees on members, roles, rights, name and messages; nobody has
//! read what was said while they were not one; and whatever anybody wanted is done, or was said to be impossible.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use subrosa_engine::{
    Command, ConversationState, Message, MessageStatus, Warning,
    api::{Rights, Role},
};
use subrosa_wire::{
    AccountId, DeviceId,
    frames::{ClientFrame, ServerFrame, append, client_frame::Request, server_frame::Body},
};

use crate::{
    action::Plan,
    device::{Device, Halt},
    groups::{GROUP, create, gift},
    tally,
    wishes::Deed,
    world::World,
};

/// What is known of the group of a world from outside.
#[derive(Default)]
pub(crate) struct Club {
    /// Who was in it from which place of the log on, in order.
    history: Vec<Members>,
    /// The same, when the server's folder was copied.
    kept: Vec<Members>,
    /// Names that were given to it.
    names: usize,
    /// The accounts that have wanted to leave.
    leavers: BTreeSet<usize>,
}

/// Who is in the group from a place of the log on, as the server has it.
#[derive(Debug, Clone)]
struct Members {
    from_seq: u64,
    accounts: BTreeSet<AccountId>,
    /// Whoever leaves takes the other devices out first.
    devices: BTreeSet<DeviceId>,
}

impl Club {
    fn readers(&self, seq: u64) -> Option<&Members> {
        self.history.iter().rev().find(|members| members.from_seq <= seq)
    }

    /// Who is a member now.
    fn members(&self) -> BTreeSet<AccountId> {
        self.history
            .last()
            .map(|members| members.accounts.clone())
            .unwrap_or_default()
    }

    pub(crate) fn keep(&mut self) {
        self.kept.clone_from(&self.history);
    }

    pub(crate) fn roll_back(&mut self) {
        self.history.clone_from(&self.kept);
    }
}

/// Whether a request can change who is in a group.
pub(crate) fn is_change(frame: &ClientFrame) -> bool {
    match &frame.request {
        Some(Request::CreateConversation(_) | Request::RestoreLog(_)) => true,
        Some(Request::Append(request)) => matches!(
            request.payload,
            Some(append::Payload::Commit(_) | append::Payload::Leave(_))
        ),
        _ => false,
    }
}

/// What a device shows of the group besides its messages.
type Shown = (Vec<(AccountId, Role)>, Option<Rights>, Option<String>);

impl World {
    /// Accounts with this many devices each, of which all but the last have a group. In most worlds it is made before
    /// anything happens.
    pub(crate) fn with_group(plan: &Plan) -> Self {
        let accounts = usize::from(plan.accounts);
        let mut world = Self::empty(plan.seed);
        world.club = Some(Club::default());
        for _ in 0..plan.devices {
            for account in 0..accounts {
                world.add_device(account);
            }
        }
        while world.deliver_all() {}
        for device in &mut world.devices {
            device.is_from_the_start = true;
        }
        let first: Vec<_> = (1..accounts - 1).collect();
        let command = create(&world, &first);
        // Nobody is in it who could refuse.
        let _ = world.step(0, command);
        if !plan.seed.is_multiple_of(4) {
            world.must_settle();
            let mut roles = vec![(1, Role::Admin)];
            if plan.seed.is_multiple_of(2) && accounts > 3 {
                roles.push((2, Role::Owner));
            }
            for (to, role) in roles {
                let command = gift(&mut world, 0, to, role);
                let _ = world.step(0, command);
            }
            world.must_settle();
        }
        world
    }

    /// The user of a device does something in the group, or, if that one may not, the next one who may.
    pub(crate) fn change_group(&mut self, index: usize, deed: Deed) {
        let count = self.devices.len();
        let is_done = (index..index + count).any(|index| self.change_group_on(index % count, deed));
        tally::changed(deed, is_done);
    }

    /// Returns whether this user may.
    fn change_group_on(&mut self, index: usize, deed: Deed) -> bool {
        let accounts = self.accounts();
        let of = |who: u8| usize::from(who) % accounts.len();
        let Some(chat) = self.devices[index].chat() else {
            return false;
        };
        let command = match deed {
            Deed::Add(whom) => Command::AddMembers {
                chat,
                people: vec![self.person(of(whom))],
            },
            Deed::Remove(whom) => Command::RemoveMember {
                chat,
                account: accounts[of(whom)],
            },
            Deed::Ban(whom) => Command::Ban {
                chat,
                account: accounts[of(whom)],
            },
            Deed::Readmit(whom) => Command::Readmit {
                chat,
                account: accounts[of(whom)],
            },
            Deed::GiveRole(whom, role) => Command::GiveRole {
                chat,
                account: accounts[of(whom)],
                role,
            },
            Deed::Rename => {
                let club = self.club.as_mut().expect("there is a group");
                club.names += 1;
                Command::Rename {
                    chat,
                    name: format!("name {}", club.names),
                }
            }
            Deed::SetRights(rights) => Command::SetRights { chat, rights },
            Deed::Leave(successor) => {
                let club = self.club.as_mut().expect("there is a group");
                club.leavers.insert(self.devices[index].account);
                Command::Leave {
                    chat,
                    successor: Some(accounts[of(successor)]),
                }
            }
        };
        // What was wanted of the same account before is replaced.
        let about = match deed {
            Deed::Add(whom)
            | Deed::Remove(whom)
            | Deed::Ban(whom)
            | Deed::Readmit(whom)
            | Deed::GiveRole(whom, _)
            | Deed::Leave(whom) => Some(accounts[of(whom)]),
            Deed::Rename | Deed::SetRights(_) => None,
        };
        self.devices[index]
            .wished
            .retain(|(account, _)| Some(*account) != about);
        self.ask_until_known(index, &command)
    }

    /// A user who has not seen that it was done asks again. Returns whether it is accepted.
    fn ask_until_known(&mut self, index: usize, command: &Command) -> bool {
        loop {
            match self.step(index, command.clone()) {
                Ok(()) => return true,
                Err(Halt::Refused(_)) => return false,
                Err(Halt::Died | Halt::Failed) => {}
            }
        }
    }

    /// The accounts, in the order of their numbers.
    fn accounts(&self) -> Vec<AccountId> {
        let accounts: BTreeMap<_, _> = self
            .devices
            .iter()
            .map(|device| (device.account, device.session.account_id))
            .collect();
        accounts.into_values().collect()
    }

    /// Notes whose the group is after a request that may have changed that.
    pub(crate) fn note_members(&mut self, answer: &ServerFrame) {
        let accounts = self.accounts();
        let Some(club) = &mut self.club else { return };
        let seq = match &answer.body {
            Some(Body::Appended(appended)) => appended.seq,
            Some(Body::LogRestored(restored)) => restored.head_seq,
            _ => return,
        };
        let is_known = club.history.last().is_some_and(|last| last.from_seq >= seq);
        if !is_known {
            club.history.push(Members {
                from_seq: seq,
                accounts: self.server.members_of(GROUP, &accounts),
                devices: self.server.devices_in(GROUP),
            });
        }
    }

    // ---- the end ----

    /// Ends all faults, lets everybody say and change something, and checks all that must hold.
    pub(crate) fn end_club(&mut self, plan: &Plan) -> Result<(), TestCaseError> {
        let held = self.try_to_end_club(plan);
        let described = if held.is_err() {
            self.describe()
        } else {
            String::new()
        };
        held.map_err(|error| TestCaseError::fail(format!("{error}{described}")))
    }

    fn try_to_end_club(&mut self, plan: &Plan) -> Result<(), TestCaseError> {
        for liar in &mut self.hostile_liars {
            liar.be_honest();
        }
        self.recover()?;
        self.choose_ways_out()?;
        self.settle_leaving()?;
        let last = self.texts.len();
        for index in 0..self.devices.len() {
            if self.devices[index].known_state() == Some(ConversationState::Joined) {
                self.send_text(index);
                self.recover()?;
            }
        }
        self.rename_at_the_end()?;
        let is_honest = !plan.is_hostile();
        self.check_forgotten()?;
        if is_honest {
            self.check_warnings(plan)?;
        }
        self.check_steps()?;
        self.check_members(is_honest)?;
        self.check_group_texts(last, is_honest && !plan.goes_back())
    }

    /// Other devices of somebody who has left find out after a while.
    fn settle_leaving(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..3 {
            self.wait(std::time::Duration::from_secs(15));
            self.recover()?;
        }
        Ok(())
    }

    /// Whoever may gives the group a name, which everybody then knows.
    fn rename_at_the_end(&mut self) -> Result<(), TestCaseError> {
        for index in 0..self.devices.len() {
            let Some(chat) = self.devices[index].chat() else {
                continue;
            };
            if self.devices[index].known_state() != Some(ConversationState::Joined) {
                continue;
            }
            let command = Command::Rename {
                chat,
                name: "the end".to_owned(),
            };
            if self.ask_until_known(index, &command) {
                return self.recover();
            }
        }
        Ok(())
    }

    /// Nothing that anybody wanted is forgotten.
    fn check_forgotten(&mut self) -> Result<(), TestCaseError> {
        for (index, device) in self.devices.iter_mut().enumerate() {
            prop_assert!(
                device.forgotten.is_empty(),
                "device {} has forgotten {:?}",
                index,
                device.forgotten
            );
            let is_joined = device.known_state() == Some(ConversationState::Joined);
            prop_assert!(
                !is_joined || !device.has_wishes(),
                "device {} still has wishes",
                index
            );
        }
        Ok(())
    }

    /// Nobody was warned without a reason.
    fn check_warnings(&mut self, plan: &Plan) -> Result<(), TestCaseError> {
        let (has_pruned, goes_back) = (self.has_pruned, plan.goes_back());
        let leavers = self.club.as_ref().map(|club| club.leavers.clone());
        let leavers = leavers.unwrap_or_default();
        for (index, device) in self.devices.iter_mut().enumerate() {
            let has_left = leavers.contains(&device.account);
            let is_expected = |warning: &Warning| match warning {
                Warning::ChangeGivenUp { .. } => true,
                // A leave takes the account's other devices out first. If it is given up then, they come back without
                // what was said in between.
                Warning::HistoryGap { .. } => has_pruned || goes_back || has_left,
                Warning::ServerWentBack | Warning::ProfileWentBack => goes_back,
                _ => false,
            };
            prop_assert!(
                goes_back || device.warnings.iter().all(is_expected),
                "device {}: {:?}",
                index,
                device.warnings
            );
            let counts = device.recovered();
            prop_assert_eq!(counts.quarantines, 0, "device {}", index);
            prop_assert!(
                has_pruned || goes_back || counts.cut_offs == 0,
                "device {} was cut off",
                index
            );
        }
        Ok(())
    }

    /// Whoever is a member has the group, and sees in it what everybody sees; nobody else has it.
    fn check_members(&mut self, is_honest: bool) -> Result<(), TestCaseError> {
        let accounts = self.accounts();
        let members = self.server.members_of(GROUP, &accounts);
        let mut expected: Option<(usize, Shown)> = None;
        for (index, device) in self.devices.iter_mut().enumerate() {
            let state = device.known_state();
            let is_member = members.contains(&device.session.account_id);
            if !is_member {
                prop_assert!(
                    matches!(state, None | Some(ConversationState::Removed)),
                    "device {} is {:?} in a group that it is not in",
                    index,
                    state
                );
                continue;
            }
            if !is_honest && state != Some(ConversationState::Joined) {
                // It says that it cannot be used.
                continue;
            }
            prop_assert_eq!(state, Some(ConversationState::Joined), "device {}", index);
            let shown = shown(device);
            let those: BTreeSet<_> = shown.0.iter().map(|(account, _)| *account).collect();
            prop_assert_eq!(&those, &members, "the members on device {}", index);
            match &expected {
                Some((first, expected)) => {
                    prop_assert_eq!(&shown, expected, "devices {} and {}", index, first);
                }
                None => expected = Some((index, shown)),
            }
        }
        Ok(())
    }

    /// Everybody has what was said while they were members, once and in one order, and nothing else. The texts from
    /// `last_from` on were written when all faults had ended.
    fn check_group_texts(&mut self, last_from: usize, is_exact: bool) -> Result<(), TestCaseError> {
        let lists: Vec<_> = self.devices.iter_mut().map(Device::messages).collect();
        let is_usable = |device: &mut Device| device.known_state() == Some(ConversationState::Joined);
        let usable: Vec<_> = self.devices.iter_mut().map(is_usable).collect();
        let now = self.club.as_ref().expect("there is a group").members();
        let mut places: HashMap<u64, &str> = HashMap::new();
        for (index, list) in lists.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for message in list {
                let text = self.texts.iter().find(|text| text.text == message.text);
                let Some(text) = text else {
                    return Err(TestCaseError::fail(format!(
                        "device {index} has what nobody wrote: {message:?}"
                    )));
                };
                prop_assert!(
                    seen.insert(&message.text),
                    "device {} has {:?} twice",
                    index,
                    message.text
                );
                let author = self.devices[text.device].session.account_id;
                prop_assert_eq!(message.sender, author, "device {}: {:?}", index, message);
                if let (Some(seq), true) = (message.seq, is_exact) {
                    let place = places.entry(seq).or_insert(&message.text);
                    prop_assert_eq!(*place, &message.text, "place {} on device {}", seq, index);
                    self.check_reader(index, message, seq)?;
                }
            }
        }
        for (number, text) in self.texts.iter().enumerate() {
            let find = |list: &[Message]| list.iter().find(|message| message.text == text.text).cloned();
            let own = find(&lists[text.device]);
            let Some(own) = own else {
                prop_assert!(
                    text.is_undone || !is_exact,
                    "{:?} is gone where it was written",
                    text.text
                );
                continue;
            };
            let is_accepted = matches!(
                own.status,
                MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read
            );
            for (index, list) in lists.iter().enumerate() {
                let found = find(list);
                if !is_accepted && is_exact {
                    prop_assert!(
                        index == text.device || found.is_none(),
                        "{:?} is {:?} where it was written, and on device {}",
                        text.text,
                        own.status,
                        index
                    );
                    continue;
                }
                let device = &self.devices[index];
                let account = device.session.account_id;
                let is_due = if number >= last_from {
                    let author = self.devices[text.device].session.account_id;
                    let is_usable = usable[index] && usable[text.device];
                    is_accepted && is_usable && now.contains(&account) && now.contains(&author)
                } else {
                    let seq = own.seq.unwrap_or_default();
                    let club = self.club.as_ref().expect("there is a group");
                    let was_member = club.readers(seq).is_some_and(|readers| {
                        readers.accounts.contains(&account)
                            && readers.devices.contains(&device.session.device_id)
                    });
                    let first = list.first().and_then(|message| message.seq);
                    let had_begun = first.is_some_and(|first| first <= seq);
                    let has_all = device.is_from_the_start || had_begun;
                    is_exact && !self.has_pruned && was_member && has_all
                };
                prop_assert!(
                    found.is_some() || !is_due,
                    "device {} lacks {:?} (place {:?})",
                    index,
                    text.text,
                    own.seq
                );
            }
        }
        Ok(())
    }

    /// Nobody reads what was said while they were not a member.
    fn check_reader(&self, index: usize, message: &Message, seq: u64) -> Result<(), TestCaseError> {
        let club = self.club.as_ref().expect("there is a group");
        let account = self.devices[index].session.account_id;
        let may_read = club
            .readers(seq)
            .is_some_and(|readers| readers.accounts.contains(&account));
        prop_assert!(
            may_read,
            "device {} has read {:?}, which was not for it: {:?}",
            index,
            message,
            club.history
        );
        Ok(())
    }
}

/// Worlds in which something went wrong once.
const ONCE_WRONG: [(&str, &str); 4] = [
    (
        "an answer to the creation of a group was lost, and the log pruned: it was made a second time",
        "10197425659288817868 3 1 add:124 up:204 down:188 up:240 down:96 add:77 up:240 wait:82129 add:126 down:245 \
         cut:62 down:233 twice-up:123 up:119 up:26 down:139 twice-down:79 up:125 up:26 up:237 group:12:role:95:0 \
         down:229 down:127 down:46 up:170 up:106 down:15 group:125:remove:29 up:136 up:104 up:134 up:53 lose-up:199 \
         down:37 down:26 down:193 up:130 up:146 cut:208 down:138 down:232 send:184 group:173:rename connect:143 \
         down:9 prune up:124 down:160",
    ),
    (
        "a device that was on its way back when its account was removed waited until the next connection",
        "11105972650110235045 3 1 group:21:remove:178 member:28:half-path send:121 up:195 down:57 down:161 down:247 \
         up:55 group:144:leave:59 up:153",
    ),
    (
        "the same, with a commit that nobody could process",
        "607842927808664017 4 1 connect:112 up:9 down:182 group:73:leave:2 member:22:broken-tag down:48 wait:14404 \
         group:216:add:78 up:37 down:2 down:235 group:214:rename down:14 up:87 down:96 wait:19426 up:231 down:178 \
         send:185 group:61:leave:13 reorder-down:7 up:27 up:148 up:71 send:203 group:92:remove:113 cut:102 down:85 \
         down:26 wait:43571",
    ),
    (
        "a new device came in while its account left, and waited until the next connection",
        "212380999129873654 3 1 lose-up:5 send:114 group:237:ban:67 down:64 group:199:leave:153 add:1 down:241 up:97 \
         up:144 group:183:role:236:1",
    ),
];

#[test]
fn what_went_wrong_once_does_not_any_more() {
    for (what, world) in ONCE_WRONG {
        let plan: Plan = world.parse().expect("a world");
        if let Err(error) = World::run(&plan) {
            panic!("{what}: {error}");
        }
    }
}

fn shown(device: &mut Device) -> Shown {
    let chat = device.chat().expect("it has the group");
    let members = device.engine().members(chat).expect("members are readable");
    let policy = device.engine().policy(chat).expect("the group is readable");
    let conversation = device.engine().conversation(chat);
    let conversation = conversation.expect("conversations are readable");
    (
        members
            .into_iter()
            .map(|member| (member.account_id, member.role))
            .collect(),
        policy.map(|policy| *policy.rights()),
        conversation.and_then(|conversation| conversation.title),
    )
}
