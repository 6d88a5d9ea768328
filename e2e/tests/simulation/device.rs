//! A device: an engine over a database in a file, which outlives it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rusqlite::Connection;
use subrosa_engine::{
    Audience, ChatId, Command, CommandError, ConversationState, Engine, EngineError, Event, Input,
    LocalMessageId, Message, MessageStatus, NewProfile, Notice, Output, Privacy, RecoveryCounts, Warning,
    Wish,
    database::{Database, DatabaseError, DatabaseKey},
};
use subrosa_server::session::Session;
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, ProblemCode, Timestamp,
    frames::{ClientFrame, FetchGroup, client_frame::Request, server_frame::Body},
};

use crate::network::Link;

/// A device of an account.
pub(crate) struct Device {
    pub account: usize,
    pub session: Session,
    pub link: Option<Link>,
    /// It was there before anything was said.
    pub is_from_the_start: bool,
    /// Everything the user was warned of: nothing, as long as nobody is malicious.
    pub warnings: Vec<Warning>,
    /// The devices of its account of which the user was told.
    pub new_devices: Vec<DeviceId>,
    /// The lines of the conversation that are no messages.
    pub notices: Vec<Notice>,
    /// Steps that failed, in a world where somebody is malicious: none of it may ever stop the others.
    pub failures: Vec<String>,
    /// Whether somebody is malicious.
    pub is_hostile: bool,
    /// The server has said last that others join first.
    pub waits_for_turn: bool,
    /// The account that it talks to.
    pub peer: Option<AccountId>,
    /// The group that it talks in, in a world with one.
    pub group: Option<ConversationId>,
    /// What the user wants changed in the group; none after a start, until it is looked up again.
    pub wished: Vec<(AccountId, Wish)>,
    /// What the user wanted changed and what is neither so by now nor was said to be impossible.
    pub forgotten: Vec<String>,
    /// When it wants to go on by itself, by its own clock.
    wake_at: Option<Timestamp>,
    /// What engines that have died had counted.
    recovered: RecoveryCounts,
    /// The conversation with the other account, as soon as the device knows one.
    chat: Option<ChatId>,
    /// What a screen shows that was loaded once and follows the events from then on; none before it was loaded.
    shown: Option<BTreeMap<LocalMessageId, Message>>,
    /// How many texts there were in the world when its profile was copied.
    pub copied_at: Option<usize>,
    /// What is to be done with the vault at the server.
    pub vault_work: VaultWork,
    /// What each id has named, over all crashes: never anything else.
    named: BTreeMap<LocalMessageId, (ChatId, String)>,
    /// By how much its clock is wrong.
    skew: Skew,
    engine: Option<Engine>,
    fate: Arc<Mutex<Fate>>,
    file: PathBuf,
    key: DatabaseKey,
    seed: u64,
}

/// Why a step was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The process has died in the middle of what was asked of it.
    Died,
    /// The engine did not accept a command.
    Refused(CommandError),
    /// It failed. A host drops the connection and goes on.
    Failed,
}

/// What is to be done with the vault at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum VaultWork {
    Nothing,
    Store,
    Fetch,
}

/// How far a clock is from the world's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Skew {
    Ahead(Duration),
    Behind(Duration),
}

/// When the process dies.
#[derive(Debug, Default)]
struct Fate {
    crash: Option<Crash>,
    has_died: bool,
}

#[derive(Debug)]
struct Crash {
    commits_left: u8,
    is_before: bool,
}

impl Fate {
    /// Asked at each commit: whether it takes place.
    fn may_commit(&mut self) -> bool {
        match &mut self.crash {
            None => true,
            Some(Crash {
                commits_left: commits @ 1..,
                ..
            }) => {
                *commits -= 1;
                true
            }
            Some(Crash { is_before, .. }) => {
                let may_commit = !*is_before;
                self.crash = None;
                self.has_died = true;
                may_commit
            }
        }
    }
}

impl Skew {
    /// Up to an hour to either side.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let by = Duration::from_millis(seed / 2 % (60 * 60 * 1_000));
        if seed.is_multiple_of(2) {
            Self::Ahead(by)
        } else {
            Self::Behind(by)
        }
    }

    /// What the clock shows.
    pub(crate) fn show(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ahead(by) => now.plus(by),
            Self::Behind(by) => now.minus(by),
        }
    }
}

impl Device {
    pub(crate) fn new(
        folder: &Path,
        index: usize,
        account: usize,
        profile: &NewProfile,
        skew: Skew,
        seed: u64,
    ) -> Self {
        let certificate = &profile.identity.certificate;
        let session = Session {
            account_id: certificate.account_id(),
            device_id: certificate.device_id(),
        };
        let file = folder.join(format!("device-{index}.db"));
        let key = DatabaseKey::from_bytes([7; 32]);
        let fate = Arc::default();
        let database = Database::create(&file, &key).expect("a new database can be made");
        let database = gated(database, &fate);
        let engine = Engine::create(database, profile, rng(seed)).expect("a profile can be made");
        Self {
            account,
            session,
            link: None,
            is_from_the_start: false,
            warnings: Vec::new(),
            new_devices: Vec::new(),
            notices: Vec::new(),
            failures: Vec::new(),
            is_hostile: false,
            waits_for_turn: false,
            peer: None,
            group: None,
            wished: Vec::new(),
            forgotten: Vec::new(),
            wake_at: None,
            recovered: RecoveryCounts::default(),
            chat: None,
            shown: None,
            copied_at: None,
            vault_work: VaultWork::Store,
            named: BTreeMap::new(),
            skew,
            engine: Some(engine),
            fate,
            file,
            key,
            seed,
        }
    }

    /// Has nothing wait for a decision that others begin.
    pub(crate) fn welcome_everybody(&mut self, now: Timestamp) {
        let privacy = Privacy {
            writers: Audience::Everybody,
            adders: Audience::Everybody,
            ..Privacy::default()
        };
        self.try_step(now, Command::SetPrivacy(privacy))
            .expect("it is kept");
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the process die at the commit after so many others.
    pub(crate) fn die_at(&mut self, commits_left: u8, is_before: bool) {
        self.fate().crash = Some(Crash {
            commits_left,
            is_before,
        });
    }

    /// Starts the process again on a disk that has room for so many more pages of the database.
    pub(crate) fn limit_disk(&mut self, pages: u32) {
        self.engine = None;
        self.shown = None;
        let database = Database::open(&self.file, &self.key).expect("the database opens");
        let read = |sql| {
            database
                .connection()
                .query_row(sql, [], |row| row.get::<_, u32>(0))
        };
        let count = read("PRAGMA page_count").expect("pages are counted");
        let limit = format!("PRAGMA max_page_count = {}", count + pages);
        assert_eq!(read(&limit).expect("a limit is set"), count + pages);
        let engine = Engine::open(database, rng(self.seed)).expect("the profile opens");
        self.engine = engine;
    }

    /// Does something with the database while the process is not running.
    pub(crate) fn with_database<T>(&mut self, act: impl FnOnce(&Connection) -> T) -> T {
        self.engine = None;
        self.shown = None;
        let database = Database::open(&self.file, &self.key).expect("the database opens");
        act(database.connection())
    }

    /// Copies the profile while the process is not running.
    pub(crate) fn back_up(&mut self) {
        self.with_database(|database| {
            // What is in the write-ahead log comes into the file.
            database
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .expect("the log is folded in");
        });
        std::fs::copy(&self.file, self.copy()).expect("a file can be copied");
    }

    /// Puts the copy in the place of the profile. What was named since is gone.
    pub(crate) fn put_back(&mut self) {
        self.lift_limit();
        for suffix in ["-wal", "-shm"] {
            let mut beside = self.file.clone().into_os_string();
            beside.push(suffix);
            let _ = std::fs::remove_file(beside);
        }
        std::fs::copy(self.copy(), &self.file).expect("a file can be copied");
        self.named.clear();
        self.wished.clear();
        self.chat = None;
        self.vault_work = VaultWork::Store;
    }

    fn copy(&self) -> PathBuf {
        self.file.with_extension("copy")
    }

    /// Starts the process again on a disk with room.
    pub(crate) fn lift_limit(&mut self) {
        self.engine = None;
        self.shown = None;
    }

    /// A step that may fail.
    pub(crate) fn try_step(&mut self, now: Timestamp, input: impl Into<Input>) -> Result<(), EngineError> {
        let now = self.skew.show(now);
        let output = self.engine().step(now, input.into())?;
        self.carry_out(output);
        Ok(())
    }

    /// A step that fails, and why.
    pub(crate) fn failing_step(&mut self, now: Timestamp, input: impl Into<Input>) -> EngineError {
        match self.try_step(now, input) {
            Ok(()) => panic!("the step did not fail"),
            Err(error) => error,
        }
    }

    pub(crate) fn live_on(&mut self) {
        self.fate().crash = None;
    }

    /// The engine; started again if the process has died, if need be more than once.
    pub(crate) fn engine(&mut self) -> &mut Engine {
        while self.engine.is_none() {
            self.seed += 1;
            let database = Database::open(&self.file, &self.key).expect("the database opens after a crash");
            let database = gated(database, &self.fate);
            match Engine::open(database, rng(self.seed)) {
                _ if std::mem::take(&mut self.fate().has_died) => {}
                Ok(engine) => self.engine = Some(engine.expect("the profile is there after a crash")),
                Err(error) => panic!("the profile is not readable after a crash: {error}"),
            }
        }
        self.engine.as_mut().expect("it was just started")
    }

    /// One step, with all that it leads to.
    pub(crate) fn step(&mut self, now: Timestamp, input: impl Into<Input>) -> Result<(), Halt> {
        let input = input.into();
        if let Input::Received(frame) = &input {
            match &frame.body {
                Some(Body::Problem(problem)) => {
                    self.waits_for_turn = problem.known_code() == Some(ProblemCode::NotYourTurn);
                }
                Some(Body::GroupState(_)) => self.waits_for_turn = false,
                _ => {}
            }
        }
        let output = self.with_engine(now, |engine, now| engine.step(now, input))?;
        self.carry_out(output);
        Ok(())
    }

    /// Does something with the engine that is neither refused nor fails, unless the process dies over it.
    pub(crate) fn with_engine<T>(
        &mut self,
        now: Timestamp,
        act: impl FnOnce(&mut Engine, Timestamp) -> Result<T, EngineError>,
    ) -> Result<T, Halt> {
        let now = self.skew.show(now);
        let done = act(self.engine(), now);
        if std::mem::take(&mut self.fate().has_died) {
            let is_clean = matches!(
                done,
                Ok(_) | Err(EngineError::Database(DatabaseError::CommitStopped))
            );
            assert!(is_clean, "a commit was stopped, and the step said something else");
            if let Some(engine) = self.engine.take() {
                self.recovered += engine.recovery_counts();
            }
            self.shown = None;
            self.wished.clear();
            self.link = None;
            return Err(Halt::Died);
        }
        match done {
            Ok(done) => Ok(done),
            // In a group, what somebody wants may be forbidden by now.
            Err(EngineError::Command(error)) if self.is_hostile || self.group.is_some() => {
                Err(Halt::Refused(error))
            }
            Err(error) if self.is_hostile => {
                self.failures.push(error.to_string());
                self.link = None;
                Err(Halt::Failed)
            }
            Err(error) => panic!("neither a command nor a frame of an honest server is an error: {error}"),
        }
    }

    /// What was needed to come back, over all crashes.
    pub(crate) fn recovered(&mut self) -> RecoveryCounts {
        let mut counts = self.recovered;
        counts += self.engine().recovery_counts();
        counts
    }

    /// After what time it goes on by itself.
    pub(crate) fn wakes_in(&self, now: Timestamp) -> Option<Duration> {
        let now = self.skew.show(now).as_millis();
        let wait = |at: Timestamp| Duration::from_millis(at.as_millis().saturating_sub(now));
        self.wake_at.map(wait)
    }

    /// The state of the conversation with the other account, if there is one here.
    pub(crate) fn known_state(&mut self) -> Option<ConversationState> {
        let chat = self.chat()?;
        let conversation = self
            .engine()
            .conversation(chat)
            .expect("conversations are readable");
        conversation.map(|conversation| conversation.state)
    }

    /// The state of the conversation with the other account.
    pub(crate) fn state(&mut self) -> ConversationState {
        self.known_state().expect("there is a conversation")
    }

    pub(crate) fn carry_out(&mut self, output: Output) {
        self.wake_at = output.wake_at;
        self.show(&output.events);
        if self.group.is_some() {
            self.watch_wishes(&output.events);
        }
        for event in output.events {
            match event {
                // Somebody signs in: that is no fault.
                Event::Warning(Warning::NewDevice(device)) => self.new_devices.push(device),
                Event::Warning(warning) => self.warnings.push(warning),
                Event::NoticeAdded(notice) => self.notices.push(*notice),
                Event::VaultChanged => self.vault_work = self.vault_work.max(VaultWork::Store),
                Event::VaultWanted => self.vault_work = VaultWork::Fetch,
                _ => {}
            }
        }
        if let Some(link) = &mut self.link {
            link.to_server.extend(output.frames);
        }
    }

    /// Changes what is shown by what the events say, and by nothing else.
    fn show(&mut self, events: &[Event]) {
        let Some(mut shown) = self.shown.take() else {
            let messages = self.messages();
            self.shown = Some(
                messages
                    .into_iter()
                    .map(|message| (message.id, message))
                    .collect(),
            );
            return;
        };
        for event in events {
            match event {
                Event::MessageReceived(message) | Event::MessageSent(message) => {
                    shown.insert(message.id, Message::clone(message));
                }
                Event::MessageStatusChanged { message, .. } => self.show_again(&mut shown, *message),
                Event::ConversationMoved(chat) => {
                    let moved = shown.values().filter(|message| message.chat == *chat);
                    for message in moved.map(|message| message.id).collect::<Vec<_>>() {
                        self.show_again(&mut shown, message);
                    }
                }
                Event::MessageRemoved { message, .. } => {
                    shown.remove(message);
                }
                Event::ConversationCleared(chat) => shown.retain(|_, message| message.chat != *chat),
                _ => {}
            }
        }
        self.shown = Some(shown);
    }

    fn show_again(&mut self, shown: &mut BTreeMap<LocalMessageId, Message>, message: LocalMessageId) {
        let changed = self.engine().message(message);
        if let Some(changed) = changed.expect("messages are readable") {
            shown.insert(changed.id, changed);
        }
    }

    /// What is shown, by id.
    pub(crate) fn shown(&self) -> Option<Vec<&Message>> {
        self.shown.as_ref().map(|shown| shown.values().collect())
    }

    /// The conversation with the other account, if there is one here.
    pub(crate) fn chat(&mut self) -> Option<ChatId> {
        if self.chat.is_none() {
            let found = if let Some(group) = self.group {
                self.engine().chat_by_conversation_id(group)
            } else {
                let peer = self.peer?;
                self.engine().direct_chat_with(peer)
            };
            self.chat = found.expect("conversations are readable");
        }
        self.chat
    }

    /// A request for the group of the conversation with the other account.
    pub(crate) fn fetch_group(&mut self) -> ClientFrame {
        let chat = self.chat().expect("there is a conversation");
        let conversation = self
            .engine()
            .conversation(chat)
            .expect("conversations are readable");
        let conversation_id = conversation.expect("it is still there").conversation_id;
        ClientFrame {
            request_id: 1,
            request: Some(Request::FetchGroup(FetchGroup {
                conversation_id: conversation_id.to_vec().into(),
            })),
        }
    }

    /// Whether nothing that a person would wait for is left to do in the conversation: it can be used, or says that it
    /// cannot.
    pub(crate) fn is_at_rest(&mut self) -> bool {
        match self.known_state() {
            None
            | Some(
                ConversationState::Blocked
                | ConversationState::CutOff
                | ConversationState::Quarantined
                | ConversationState::Removed,
            ) => true,
            Some(ConversationState::Joined) if self.has_wishes() => false,
            Some(ConversationState::Joined) => {
                let messages = self.messages();
                messages
                    .iter()
                    .all(|message| message.status != MessageStatus::Pending)
            }
            Some(_) => false,
        }
    }

    /// The draft of the conversation with the other account.
    pub(crate) fn draft(&mut self) -> String {
        let Some(chat) = self.chat() else {
            return String::new();
        };
        let conversation = self
            .engine()
            .conversation(chat)
            .expect("conversations are readable");
        conversation
            .and_then(|conversation| conversation.draft)
            .unwrap_or_default()
    }

    /// What it shows.
    pub(crate) fn messages(&mut self) -> Vec<Message> {
        let Some(chat) = self.chat() else {
            return Vec::new();
        };
        let messages = self.engine().messages(chat, None, 10_000);
        let messages = messages.expect("messages are readable");
        for message in &messages {
            let named = (message.chat, message.text.clone());
            let first = self.named.entry(message.id).or_insert_with(|| named.clone());
            assert_eq!(*first, named, "id {} names something else by now", message.id);
        }
        messages
    }
}

fn gated(mut database: Database, fate: &Arc<Mutex<Fate>>) -> Database {
    let fate = Arc::clone(fate);
    database.gate_commits(move || fate.lock().unwrap_or_else(PoisonError::into_inner).may_commit());
    database
}

fn rng(seed: u64) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}
