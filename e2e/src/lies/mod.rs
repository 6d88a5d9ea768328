//! The lies of a server, one list for the simulation, the terminal and the page.
//!
//! A [`Liar`] stands between an honest server and one client. It watches what passes, and tells the lies that it was
//! asked for, each in so many frames. Then it is honest again, though what it said stays said.

mod forger;
mod log;
mod receipts;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use subrosa_wire::{
    AccountId, ConversationId, ProblemCode, Timestamp,
    frames::{
        self, Account, Acknowledged, Appended, ClientFrame, GroupState, LogEntry, LogPage, Problem,
        ServerFrame, SyncState, WelcomeItem, WelcomesWaiting, append, client_frame::Request,
        log_entry::Payload, server_frame::Body,
    },
};

pub use self::forger::Forger;
use self::log::Gap;
use crate::{
    Server,
    tampering::{Tampering, TamperingProxy},
};

macro_rules! lies {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// One way to lie.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Lie {
            $($(#[$doc])* $name,)*
        }

        impl Lie {
            /// Every lie.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Whether it is a lie about what a client asks when it connects.
            pub const fn is_at_connecting(self) -> bool {
                matches!(
                    self,
                    Self::MemberNowhere
                        | Self::NoOwnDevices
                        | Self::OneOwnDevice
                        | Self::NoConversations
                        | Self::OldGroup
                        | Self::ReplayedWelcome
                        | Self::WelcomeAhead
                        | Self::ForeignGroup
                        | Self::ForeignWelcome
                )
            }

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

lies! {
    // ---- the log ----
    /// One message is left out, and all that follows takes a place before its own.
    DropEntry = "drop-entry";
    /// The same, and the server names no hash of the log that would show it.
    DropEntryUnchained = "drop-entry-unchained";
    /// The newest entry is not there yet.
    WithholdNewest = "withhold-newest";
    /// An entry comes without payload.
    StripPayload = "strip-payload";
    /// A byte of an entry is another one.
    ChangeByte = "change-byte";
    /// Two neighbours in the log have changed places.
    SwapEntries = "swap-entries";
    /// An entry carries the send id of something that this client has not sent yet.
    OwnSendId = "own-send-id";
    /// Frames that make no sense come before the true one.
    Garbage = "garbage";

    // ---- answers to what was sent ----
    /// What was sent stands at place 0.
    AppendedAtZero = "appended-0";
    /// What was sent stands three places further.
    AppendedAhead = "appended-3";
    /// What was sent stands where no log reaches.
    AppendedFar = "appended-far";
    /// What was sent stands at the last number that there is.
    AppendedLast = "appended-last";
    /// What was thrown away was accepted.
    AppendedNever = "appended-never";
    /// The device is no member.
    NotAMember = "not-a-member";
    /// The conversation has moved on.
    StaleEpoch = "stale-epoch";
    /// The log was pruned.
    LogPruned = "log-pruned";
    /// The next send has a number that is far ahead.
    OutOfOrderFar = "out-of-order-far";
    /// The next send has number 1.
    OutOfOrderFirst = "out-of-order-first";
    /// The next send has a number a little ahead.
    OutOfOrderNear = "out-of-order-near";

    // ---- the state of an account ----
    /// The device is a member of no conversation.
    MemberNowhere = "member-nowhere";
    /// The account has no device.
    NoOwnDevices = "no-own-devices";
    /// The account has this device only.
    OneOwnDevice = "one-own-device";
    /// The account has no conversation.
    NoConversations = "no-conversations";

    // ---- groups ----
    /// The group is as it was when the device first asked.
    OldGroup = "old-group";
    /// The device is let in again with a Welcome that it has used, into a conversation it is said not to be in.
    ReplayedWelcome = "replayed-welcome";
    /// A Welcome leads three places further than it does.
    WelcomeAhead = "welcome-3";
    /// Under the id of a conversation stands a group with an account of the server's own.
    ForeignGroup = "foreign-group";
    /// The same, by a Welcome.
    ForeignWelcome = "foreign-welcome";
    /// A conversation that is being created exists already: it is a group with an account of the server's own.
    ForeignExists = "foreign-exists";

    // ---- receipts and records ----
    /// The first receipt of each device, and the first value of each record, in place of the newest.
    OldRegisters = "old-registers";
    /// A receipt is from another device.
    MixUpReceipts = "mix-up-receipts";
    /// A byte of a receipt or record is another one.
    ChangeRegister = "change-register";
    /// There are no receipts.
    NoReceipts = "no-receipts";

    // ---- the directory ----
    /// Two people have changed handles.
    SwapHandles = "swap-handles";
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Lie {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|lie| lie.name() == name);
        found.ok_or_else(|| format!("{name:?} is no lie"))
    }
}

/// Somebody who lies to one client.
pub struct Liar {
    /// What is to be said, and in how many frames.
    lies: Vec<(Lie, u8)>,
    seen: Seen,
    forger: Forger,
    victim: AccountId,
    /// The entry that is left out.
    gap: Option<Gap>,
    /// The conversation in whose place the client sees the forger's group, and how far its log reaches.
    captured: Option<(ConversationId, u64)>,
    /// Whose handles are swapped; by default those of whoever the client asks about.
    swapped: Option<(String, String)>,
    /// How often each lie was told.
    told: BTreeMap<Lie, u64>,
}

/// A liar to whom both a test and a proxy hold on.
#[derive(Clone)]
pub struct SharedLiar(Arc<Mutex<Liar>>);

impl SharedLiar {
    /// Puts somebody who can lie before a person's clients.
    ///
    /// # Panics
    /// If the server does not know the person.
    pub fn before(server: &Server, proxy: &TamperingProxy, handle: &str) -> Self {
        let sql = "SELECT account_id FROM accounts WHERE handle = ?1";
        let id: rusqlite::Result<Vec<u8>> = rusqlite::Connection::open(server.database())
            .and_then(|database| database.query_row(sql, [handle], |row| row.get(0)));
        let id = id.unwrap_or_else(|error| panic!("no account id of {handle}: {error}"));
        let victim = AccountId::try_from(&id).unwrap_or_else(|error| panic!("{error}"));
        #[expect(
            clippy::disallowed_methods,
            reason = "real clients have the machine's clock, too"
        )]
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH);
        let millis = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let liar = Self::from(Liar::before(victim, Timestamp::from_millis(millis), 1));
        proxy.tamper(liar.clone());
        liar
    }

    /// The liar.
    pub fn get(&self) -> MutexGuard<'_, Liar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Liar> for SharedLiar {
    fn from(liar: Liar) -> Self {
        Self(Arc::new(Mutex::new(liar)))
    }
}

impl Tampering for SharedLiar {
    fn to_server(&mut self, frame: ClientFrame) -> Vec<ClientFrame> {
        self.get().to_server(frame)
    }

    fn to_client(&mut self, frame: ServerFrame) -> Vec<ServerFrame> {
        self.get().to_client(frame)
    }

    fn to_client_over_rest(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.get().to_client_over_rest(bytes)
    }
}

/// What has passed.
#[derive(Default)]
struct Seen {
    /// Requests without an answer.
    open: HashMap<u64, Request>,
    /// Send ids of appends without an answer.
    send_ids: HashMap<u64, Bytes>,
    /// The first group of each conversation.
    groups: HashMap<Bytes, GroupState>,
    welcomes: Vec<WelcomeItem>,
    /// Key packages that the client has published.
    key_packages: Vec<Bytes>,
    accounts: BTreeMap<Bytes, Account>,
    /// The head and the epoch of each conversation.
    heads: HashMap<Bytes, (u64, u64)>,
    registers: receipts::First,
}

impl Liar {
    /// Somebody who stands before this account's device.
    pub fn before(victim: AccountId, now: Timestamp, seed: u64) -> Self {
        Self {
            lies: Vec::new(),
            seen: Seen::default(),
            forger: Forger::new(now, seed),
            victim,
            gap: None,
            captured: None,
            swapped: None,
            told: BTreeMap::new(),
        }
    }

    /// Whose handles [`Lie::SwapHandles`] swaps; for REST they are of the same length.
    pub fn swap(&mut self, one: &str, other: &str) {
        self.swapped = Some((one.to_owned(), other.to_owned()));
    }

    /// Tells a lie in so many of the frames that follow and for which it makes sense.
    pub fn lie(&mut self, lie: Lie, frames: u8) {
        self.lies.push((lie, frames));
    }

    /// From here on everything is true.
    pub fn be_honest(&mut self) {
        self.lies.clear();
        self.ended();
    }

    /// What the forger has read. Nothing of it was for it.
    pub fn read(&self) -> &[Vec<u8>] {
        self.forger.read()
    }

    /// How often each lie was told.
    pub fn told(&self) -> &BTreeMap<Lie, u64> {
        &self.told
    }

    /// Forgets what belongs to lies that are no longer told.
    fn ended(&mut self) {
        let is_told = |lie| self.lies.iter().any(|(told, _)| *told == lie);
        if ![Lie::DropEntry, Lie::DropEntryUnchained].into_iter().any(is_told) {
            self.gap = None;
        }
        if ![Lie::ForeignGroup, Lie::ForeignWelcome, Lie::ForeignExists]
            .into_iter()
            .any(is_told)
        {
            self.captured = None;
        }
    }
}

impl Tampering for Liar {
    fn to_server(&mut self, mut frame: ClientFrame) -> Vec<ClientFrame> {
        let Some(request) = frame.request.clone() else {
            return vec![frame];
        };
        self.seen.request(frame.request_id, &request);
        if let Some(gap) = &self.gap {
            gap.request(&mut frame);
        }
        if self.is_kept_back(&request) {
            frame.request = Some(Request::Ping(frames::Ping {}));
        }
        vec![frame]
    }

    fn to_client(&mut self, frame: ServerFrame) -> Vec<ServerFrame> {
        let asked = self.seen.open.remove(&frame.request_id);
        self.seen.send_ids.remove(&frame.request_id);
        self.seen.answer(&frame);
        let mut frames = vec![frame];
        for at in 0..self.lies.len() {
            let (lie, left) = self.lies[at];
            if left == 0 {
                continue;
            }
            let mut told = false;
            frames = frames
                .into_iter()
                .flat_map(|frame| {
                    let (frames, is_told) = self.tell(lie, frame, asked.as_ref());
                    told |= is_told;
                    frames
                })
                .collect();
            if told {
                self.lies[at].1 -= 1;
                *self.told.entry(lie).or_default() += 1;
            }
        }
        self.lies.retain(|(_, left)| *left > 0);
        self.ended();
        frames
    }

    fn to_client_over_rest(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let is_told = self.lies.iter().any(|(lie, _)| *lie == Lie::SwapHandles);
        let Some((one, other)) = self.swapped.as_ref().filter(|_| is_told) else {
            return bytes;
        };
        // What the page is made of passes here, too, and is compressed.
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(binary) => return binary.into_bytes(),
        };
        let quoted = |handle: &str| format!("\"{handle}\"");
        // For a moment one of them has a handle that nobody has.
        let nobody = quoted(&"?".repeat(one.len()));
        text.replace(&quoted(one), &nobody)
            .replace(&quoted(other), &quoted(one))
            .replace(&nobody, &quoted(other))
            .into_bytes()
    }
}

impl Seen {
    fn request(&mut self, id: u64, request: &Request) {
        match request {
            Request::PublishKeyPackages(publish) => {
                self.key_packages.extend(publish.one_time.iter().cloned());
            }
            Request::Append(append) => drop(self.send_ids.insert(id, append.send_id.clone())),
            _ => {}
        }
        self.open.insert(id, request.clone());
    }

    fn answer(&mut self, frame: &ServerFrame) {
        if let Some(body) = &frame.body {
            self.registers.see(body);
        }
        match &frame.body {
            Some(Body::GroupState(state)) => {
                let first = self.groups.entry(state.conversation_id.clone());
                first.or_insert_with(|| state.clone());
            }
            Some(Body::SyncState(state)) => {
                self.welcomes.extend(state.welcomes.iter().cloned());
                for head in &state.conversations {
                    self.heads
                        .insert(head.conversation_id.clone(), (head.head_seq, head.epoch));
                }
            }
            Some(Body::WelcomesWaiting(waiting)) => self.welcomes.extend(waiting.welcomes.iter().cloned()),
            Some(Body::Account(account)) => {
                self.accounts.insert(account.account_id.clone(), account.clone());
            }
            Some(Body::KeyPackages(packages)) => {
                if let Some(account) = &packages.account {
                    self.accounts.insert(account.account_id.clone(), account.clone());
                }
            }
            _ => {}
        }
    }
}

impl Liar {
    /// Whether the server does not hear of a request, because the answer to it is made up.
    fn is_kept_back(&self, request: &Request) -> bool {
        let next = |lie| {
            self.lies
                .iter()
                .find(|(told, _)| *told == lie)
                .map(|(_, left)| *left)
        };
        let is_append = matches!(
            request,
            Request::Append(append) if matches!(append.payload, Some(append::Payload::ApplicationMessage(_)))
        );
        if is_append && next(Lie::AppendedNever).is_some() {
            return true;
        }
        // Of the refusals that are made up, every second one is of something that was done.
        let refused = [
            Lie::NotAMember,
            Lie::StaleEpoch,
            Lie::OutOfOrderFar,
            Lie::OutOfOrderFirst,
            Lie::OutOfOrderNear,
        ];
        if is_append && refused.into_iter().filter_map(next).any(|left| left % 2 == 0) {
            return true;
        }
        self.captured
            .is_some_and(|(id, _)| conversation_of(request).is_some_and(|of| of[..] == id.as_bytes()[..]))
    }

    /// What becomes of a frame, and whether the lie was told with it.
    fn tell(
        &mut self,
        lie: Lie,
        mut frame: ServerFrame,
        asked: Option<&Request>,
    ) -> (Vec<ServerFrame>, bool) {
        let Some(body) = &mut frame.body else {
            return (vec![frame], false);
        };
        let is_told = match lie {
            Lie::DropEntry => return self.tell_gap(frame),
            Lie::DropEntryUnchained => {
                let (mut frames, is_told) = self.tell_gap(frame);
                frames.iter_mut().for_each(log::name_no_hash);
                return (frames, is_told);
            }
            Lie::WithholdNewest => log::withhold_newest(body),
            Lie::StripPayload => log::change_entry(body, |entry| entry.payload = None),
            Lie::ChangeByte => log::change_entry(body, change_byte),
            Lie::SwapEntries => log::swap_entries(body),
            Lie::OwnSendId => {
                let pending = self.seen.send_ids.values().min().cloned();
                pending.is_some_and(|id| log::change_entry(body, |entry| entry.send_id = id))
            }
            Lie::Garbage => {
                let mut frames = noise();
                frames.push(frame);
                return (frames, true);
            }
            Lie::AppendedAtZero => change_seq(body, |_| 0),
            Lie::AppendedAhead => change_seq(body, |seq| seq.saturating_add(3)),
            Lie::AppendedFar => change_seq(body, |_| 1 << 52),
            Lie::AppendedLast => change_seq(body, |_| u64::MAX),
            Lie::AppendedNever => self.accept_what_was_kept_back(body, asked),
            Lie::NotAMember => refuse(body, asked, true, Problem::new(ProblemCode::NotAMember, "")),
            Lie::StaleEpoch => {
                let (head_seq, epoch) = self.head_of(asked);
                let problem = Problem {
                    head_seq,
                    epoch: epoch.saturating_add(1),
                    ..Problem::new(ProblemCode::StaleEpoch, "")
                };
                refuse(body, asked, false, problem)
            }
            Lie::LogPruned => {
                matches!(body, Body::LogPage(_)) && {
                    *body = Body::Problem(Problem::new(ProblemCode::LogPruned, ""));
                    true
                }
            }
            Lie::OutOfOrderFar => refuse(body, asked, false, out_of_order((1 << 53) - 1)),
            Lie::OutOfOrderFirst => refuse(body, asked, false, out_of_order(1)),
            Lie::OutOfOrderNear => {
                let Some(Request::Append(append)) = asked else {
                    return (vec![frame], false);
                };
                refuse(
                    body,
                    asked,
                    false,
                    out_of_order(append.send_number.saturating_add(5)),
                )
            }
            Lie::MemberNowhere | Lie::NoOwnDevices | Lie::OneOwnDevice | Lie::NoConversations => match body {
                Body::SyncState(state) => change_state(lie, state),
                _ => false,
            },
            Lie::OldGroup => match body {
                Body::SyncState(state) => {
                    // So that it is asked for.
                    for conversation in &mut state.conversations {
                        conversation.member &= !self.seen.groups.contains_key(&conversation.conversation_id);
                    }
                    false
                }
                Body::GroupState(state) => {
                    let old = self.seen.groups[&state.conversation_id].clone();
                    let is_other = old != *state;
                    *state = old;
                    is_other
                }
                _ => false,
            },
            Lie::ReplayedWelcome => match body {
                Body::SyncState(state) if !self.seen.welcomes.is_empty() => {
                    for conversation in &mut state.conversations {
                        conversation.member = false;
                    }
                    state.welcomes.clone_from(&self.seen.welcomes);
                    true
                }
                _ => false,
            },
            Lie::WelcomeAhead => move_welcomes(body),
            Lie::ForeignGroup => return self.tell_foreign_group(frame, asked, false),
            Lie::ForeignWelcome => return self.tell_foreign_group(frame, asked, true),
            Lie::ForeignExists => self.tell_foreign_creation(body, asked),
            Lie::OldRegisters => self.seen.registers.show_old(body),
            Lie::MixUpReceipts => receipts::mix_up(body),
            Lie::ChangeRegister => receipts::change_byte(body),
            Lie::NoReceipts => receipts::withhold(body),
            Lie::SwapHandles => self.swap_handles(body),
        };
        (vec![frame], is_told)
    }

    fn tell_gap(&mut self, mut frame: ServerFrame) -> (Vec<ServerFrame>, bool) {
        if self.gap.is_none() {
            self.gap = frame.body.as_ref().and_then(Gap::at_first_message_of);
        }
        let is_told = self.gap.as_ref().is_some_and(|gap| gap.answer(&mut frame));
        (vec![frame], is_told)
    }

    /// The head and epoch of the conversation that a request is about.
    fn head_of(&self, asked: Option<&Request>) -> (u64, u64) {
        let id = asked.and_then(conversation_of);
        id.and_then(|id| self.seen.heads.get(id))
            .copied()
            .unwrap_or((1, 1))
    }

    fn accept_what_was_kept_back(&self, body: &mut Body, asked: Option<&Request>) -> bool {
        let (Body::Pong(_), Some(Request::Append(append))) = (&*body, asked) else {
            return false;
        };
        let (head, epoch) = self.head_of(asked);
        *body = Body::Appended(Appended {
            conversation_id: append.conversation_id.clone(),
            seq: head + 1,
            epoch,
            accepted_at_ms: 1_800_000_000_000,
            ..Appended::default()
        });
        true
    }

    /// Under a conversation's id the client sees the forger's group, and everything about it is made up.
    fn tell_foreign_group(
        &mut self,
        mut frame: ServerFrame,
        asked: Option<&Request>,
        by_welcome: bool,
    ) -> (Vec<ServerFrame>, bool) {
        let Some(body) = &mut frame.body else {
            return (vec![frame], false);
        };
        if let Body::SyncState(state) = body {
            let Some(head) = state.conversations.first_mut() else {
                return (vec![frame], false);
            };
            let Ok(id) = ConversationId::try_from(&head.conversation_id[..]) else {
                return (vec![frame], false);
            };
            head.member = false;
            let (seq, epoch) = (head.head_seq, head.epoch);
            self.captured = Some((id, seq));
            self.forger.found(id, self.victim, epoch + 1);
            if by_welcome && let Some(package) = self.seen.key_packages.pop() {
                let welcome = self.forger.invite(id, self.victim, &package, seq);
                state.welcomes.extend(welcome);
            }
            return (vec![frame], true);
        }
        let is_told = self.answer_for_captured(body, asked);
        (vec![frame], is_told)
    }

    fn tell_foreign_creation(&mut self, body: &mut Body, asked: Option<&Request>) -> bool {
        if let (Body::Appended(_), Some(Request::CreateConversation(create))) = (&*body, asked) {
            // Not the id that it was to have: that is the client's own.
            let mut bytes = create.conversation_id.to_vec();
            bytes[0] ^= 0xFF;
            let Ok(id) = ConversationId::try_from(&bytes) else {
                return false;
            };
            self.captured = Some((id, 1));
            self.forger.found(id, self.victim, 1);
            *body = Body::Problem(Problem {
                conversation_id: id.to_vec().into(),
                ..Problem::new(ProblemCode::ConversationExists, "")
            });
            return true;
        }
        self.answer_for_captured(body, asked)
    }

    /// Answers a request about the conversation that the forger has in hand.
    fn answer_for_captured(&mut self, body: &mut Body, asked: Option<&Request>) -> bool {
        let Some((id, head)) = &mut self.captured else {
            return false;
        };
        let id_bytes = Bytes::from(id.to_vec());
        if let Body::Deliver(deliver) = body {
            deliver.entries.retain(|entry| entry.conversation_id != id_bytes);
            return false;
        }
        let Some(asked) = asked.filter(|request| conversation_of(request).is_some_and(|of| *of == id_bytes))
        else {
            return false;
        };
        let answer = match asked {
            Request::FetchGroup(_) => Body::GroupState(self.forger.group(*id, *head)),
            Request::Append(append) => {
                match &append.payload {
                    Some(append::Payload::Commit(commit)) => self.forger.accept(*id, &commit.commit),
                    Some(append::Payload::ApplicationMessage(message)) => self.forger.decrypt(*id, message),
                    Some(append::Payload::Leave(_)) | None => {}
                }
                *head += 1;
                Body::Appended(Appended {
                    conversation_id: id_bytes,
                    seq: *head,
                    epoch: self.forger.epoch(*id),
                    accepted_at_ms: 1_800_000_000_000,
                    ..Appended::default()
                })
            }
            Request::FetchLog(_) => Body::LogPage(LogPage {
                conversation_id: id_bytes,
                head_seq: *head,
                ..LogPage::default()
            }),
            Request::Acknowledge(_) => Body::Acknowledged(Acknowledged {}),
            _ => return false,
        };
        *body = answer;
        true
    }

    /// Gives somebody the handle of the account that was seen before.
    fn swap_handles(&self, body: &mut Body) -> bool {
        let account = match body {
            Body::Account(account) => account,
            Body::KeyPackages(packages) => match &mut packages.account {
                Some(account) => account,
                None => return false,
            },
            _ => return false,
        };
        if let Some((one, other)) = &self.swapped {
            let swapped = match &account.handle {
                handle if handle == one => other,
                handle if handle == other => one,
                _ => return false,
            };
            account.handle.clone_from(swapped);
            return true;
        }
        let other = self
            .seen
            .accounts
            .values()
            .find(|other| other.account_id != account.account_id);
        account.handle = other.map_or_else(|| "somebody_else".to_owned(), |other| other.handle.clone());
        true
    }
}

/// The conversation that a request is about.
fn conversation_of(request: &Request) -> Option<&Bytes> {
    match request {
        Request::Append(append) => Some(&append.conversation_id),
        Request::FetchLog(fetch) => Some(&fetch.conversation_id),
        Request::FetchGroup(fetch) => Some(&fetch.conversation_id),
        Request::Acknowledge(acknowledge) => {
            acknowledge.cursors.first().map(|cursor| &cursor.conversation_id)
        }
        _ => None,
    }
}

fn out_of_order(expected: u64) -> Problem {
    Problem {
        expected_send_number: expected,
        ..Problem::new(ProblemCode::SendOutOfOrder, "")
    }
}

/// Refuses a message, or also a page of the log.
fn refuse(body: &mut Body, asked: Option<&Request>, pages: bool, problem: Problem) -> bool {
    let is_it = match asked {
        Some(Request::Append(_)) => matches!(body, Body::Appended(_) | Body::Pong(_)),
        Some(Request::FetchLog(_)) => pages && matches!(body, Body::LogPage(_)),
        _ => false,
    };
    if is_it {
        *body = Body::Problem(problem);
    }
    is_it
}

fn change_seq(body: &mut Body, change: impl FnOnce(u64) -> u64) -> bool {
    let Body::Appended(appended) = body else {
        return false;
    };
    appended.seq = change(appended.seq);
    true
}

/// Tells a lie about the state of the account.
fn change_state(lie: Lie, state: &mut SyncState) -> bool {
    let before = state.clone();
    match lie {
        Lie::MemberNowhere => {
            for conversation in &mut state.conversations {
                conversation.member = false;
            }
        }
        Lie::NoOwnDevices => state.own_devices.clear(),
        Lie::OneOwnDevice => state.own_devices.truncate(1),
        Lie::NoConversations => state.conversations.clear(),
        _ => {}
    }
    *state != before
}

/// Lets Welcomes lead three places further than they do.
fn move_welcomes(body: &mut Body) -> bool {
    let welcomes = match body {
        Body::SyncState(state) => &mut state.welcomes,
        Body::WelcomesWaiting(waiting) => &mut waiting.welcomes,
        _ => return false,
    };
    for welcome in &mut *welcomes {
        welcome.seq = welcome.seq.saturating_add(3);
    }
    !welcomes.is_empty()
}

fn change_byte(entry: &mut LogEntry) {
    if let Some(Payload::ApplicationMessage(bytes) | Payload::Commit(bytes) | Payload::Leave(bytes)) =
        &mut entry.payload
    {
        let mut changed = bytes.to_vec();
        // Within the ciphertext of a message, and within the signed part of a commit.
        let at = changed.len() / 2;
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1;
        }
        *bytes = changed.into();
    }
}

/// Frames without sense.
pub fn noise() -> Vec<ServerFrame> {
    let push = |body| ServerFrame {
        request_id: 0,
        body: Some(body),
    };
    let far_out = LogEntry {
        conversation_id: vec![9; 16].into(),
        seq: u64::MAX,
        payload: Some(Payload::Commit(vec![0; 3].into())),
        ..LogEntry::default()
    };
    vec![
        ServerFrame::default(),
        ServerFrame {
            request_id: 1 << 62,
            body: None,
        },
        ServerFrame {
            request_id: 1 << 60,
            body: Some(Body::Acknowledged(Acknowledged {})),
        },
        push(Body::Deliver(frames::Deliver {
            entries: vec![LogEntry::default(), far_out],
        })),
        push(Body::WelcomesWaiting(WelcomesWaiting {
            welcomes: vec![WelcomeItem::default()],
        })),
    ]
}
