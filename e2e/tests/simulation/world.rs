//! The world: two accounts with some devices each, one server, and a list of things that happen.

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};
use subrosa_e2e::{lies::Liar, tampering::Tampering};
use subrosa_engine::{Command, ConversationState, Input, content::SendToken};
use subrosa_wire::{
    ConversationId, Timestamp,
    frames::{ClientFrame, ServerFrame},
    rest,
};
use tempfile::TempDir;

use crate::{
    action::{Action, Plan},
    clubs::{Club, is_change},
    device::{Device, Halt, Skew, VaultWork},
    groups::GROUP,
    hostile::{Malice, RawDevice, Stranger},
    network,
    recovery::deliver,
    server::Server,
    tally,
};

const ACCOUNTS: usize = 2;
const DEVICES_MAX: usize = 5;
/// The same in a world with a group.
const GROUP_DEVICES_MAX: usize = 9;
/// A network without faults needs far fewer rounds to settle.
const SETTLING_ROUNDS_MAX: usize = 3_000;
/// How long a world may take to recover once all are honest.
const RECOVERY_MAX: Duration = Duration::from_mins(15);
/// Nothing that is tried again waits for longer.
const RETRY_MAX: Duration = Duration::from_mins(2);
/// A host does not call the engine more often.
const TICK_MIN: Duration = Duration::from_millis(10);
const STRANGERS_MAX: usize = 4;
/// A draft with more bytes than this is deleted rather than gone on with.
const DRAFT_LONG: usize = 60;
/// After this many seconds without faults all devices of an account have the same draft.
const DRAFT_SECONDS: usize = 20;
/// The first index of strangers, and of hostile devices: no device of a world has one as high.
const STRANGER: usize = 100;
const HOSTILE: usize = 200;
/// How long the server keeps what a device has not fetched, in a world where it prunes.
pub(crate) const RETENTION: Duration = Duration::from_mins(1);

pub(crate) struct World {
    folder: TempDir,
    pub server: Server,
    pub devices: Vec<Device>,
    now: Timestamp,
    rng: ChaCha20Rng,
    seed: u64,
    /// Every text, in the order in which they were written.
    pub texts: Vec<Text>,
    /// How many words were typed into drafts.
    words: usize,
    /// Those that nobody has deleted, with the account on whose devices they must be.
    pub kept_words: Vec<(usize, String)>,
    /// Who stands between the server and each device.
    liars: HashMap<usize, Box<dyn Tampering>>,
    /// The same in a world where somebody is malicious: one for each device.
    pub hostile_liars: Vec<Liar>,
    /// Hostile devices of the accounts, and who has harmed whom.
    members: HashMap<usize, RawDevice>,
    strangers: usize,
    is_hostile: bool,
    /// What strangers begin waits for a decision.
    asks: bool,
    /// The server has deleted what some device may have needed.
    pub has_pruned: bool,
    /// What is known of the group, in a world with one.
    pub club: Option<Club>,
}

/// A text that somebody wrote.
#[expect(clippy::struct_field_names, reason = "nothing else says what it says")]
pub(crate) struct Text {
    pub text: String,
    /// The device on which it was written.
    pub device: usize,
    /// The profile of that device has gone back to what it was before.
    pub is_undone: bool,
}

impl World {
    /// Lets the actions happen, ends all faults, and checks what must then hold.
    pub(crate) fn run(plan: &Plan) -> Result<(), TestCaseError> {
        let mut world = if plan.has_group() {
            Self::with_group(plan)
        } else {
            // In a third of them a first message waits until it is answered, which also accepts it.
            let mut world = Self::empty(plan.seed);
            world.asks = plan.seed.is_multiple_of(3);
            world.with_devices(plan.devices)
        };
        let is_hostile = plan.is_hostile();
        // In most worlds they know each other before anybody does harm.
        if !plan.has_group() && (is_hostile || plan.goes_back()) && !plan.seed.is_multiple_of(4) {
            world.talk();
        }
        if is_hostile {
            world.be_hostile();
        }
        for action in &plan.actions {
            world.act(*action);
        }
        let held = if plan.has_group() {
            world.end_club(plan)
        } else if is_hostile {
            world.end_hostility()
        } else if plan.goes_back() {
            world.end_return()
        } else {
            world.end_faults()
        };
        tally::count(&mut world);
        held?;
        world.check_expiry()
    }

    fn end_faults(&mut self) -> Result<(), TestCaseError> {
        self.settle()?;
        // Whoever came late, or had to come back, has at least this.
        let last = self.texts.len();
        for account in 0..ACCOUNTS {
            self.send_text(account);
        }
        self.settle()?;
        self.settle_drafts();
        self.check_drafts()?;
        self.check_agreement(last)
    }

    /// Whatever was said and done: all are honest from here on, and the promises hold.
    fn end_hostility(&mut self) -> Result<(), TestCaseError> {
        for liar in &mut self.hostile_liars {
            liar.be_honest();
        }
        self.cut_all();
        self.server.end_fork();
        self.recover()?;
        self.choose_ways_out()?;
        let last = self.texts.len();
        for index in 0..self.devices.len() {
            self.send_text(index);
            self.recover()?;
        }
        self.check_promises(last)
    }

    /// What must hold where the server went back: a user enters what cannot be followed, and everybody has everything.
    fn end_return(&mut self) -> Result<(), TestCaseError> {
        self.recover()?;
        self.choose_ways_out()?;
        let last = self.texts.len();
        for account in 0..ACCOUNTS {
            self.send_text(account);
        }
        self.settle()?;
        self.settle_drafts();
        self.check_drafts()?;
        self.check_all_texts(last)
    }

    pub(crate) fn new(seed: u64, devices: u8) -> Self {
        Self::empty(seed).with_devices(devices)
    }

    /// A world in which what strangers begin waits for a decision, as it does unless somebody has chosen otherwise.
    pub(crate) fn that_asks(seed: u64) -> Self {
        let mut world = Self::empty(seed);
        world.asks = true;
        world
    }

    /// Both accounts with this many devices.
    pub(crate) fn with_devices(self, devices: u8) -> Self {
        let mut world = self;
        for _ in 0..devices {
            for account in 0..ACCOUNTS {
                world.add_device(account);
            }
        }
        // All have published key packages before anything happens: a device that has none yet is not
        // added to a conversation, but joins from outside, and has what is said from then on.
        while world.deliver_all() {}
        for device in &mut world.devices {
            device.is_from_the_start = true;
            device.peer = Some(world.server.person(1 - device.account).account_id);
        }
        world
    }

    /// A world with this many accounts, each with one device, who have never talked.
    pub(crate) fn of_accounts(seed: u64, accounts: usize) -> Self {
        Self::empty(seed).with_accounts(accounts)
    }

    /// This many accounts with one device each.
    pub(crate) fn with_accounts(self, accounts: usize) -> Self {
        let mut world = self;
        for account in 0..accounts {
            world.add_device(account);
        }
        while world.deliver_all() {}
        world
    }

    /// What the directory says of an account.
    pub(crate) fn person(&self, account: usize) -> rest::Person {
        self.server.person(account)
    }

    pub(crate) fn empty(seed: u64) -> Self {
        // Memory, not the disk: durability against power loss is not what is tested here.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .expect("a folder");
        let now = Timestamp::from_millis(1_800_000_000_000);
        let server = Server::open(folder.path(), now);
        Self {
            folder,
            server,
            devices: Vec::new(),
            now,
            rng: ChaCha20Rng::seed_from_u64(!seed),
            seed,
            texts: Vec::new(),
            words: 0,
            kept_words: Vec::new(),
            liars: HashMap::new(),
            hostile_liars: Vec::new(),
            members: HashMap::new(),
            strangers: 0,
            is_hostile: false,
            asks: false,
            has_pruned: false,
            club: None,
        }
    }

    /// From here on somebody stands between the server and each device, and not everybody is honest.
    fn be_hostile(&mut self) {
        self.is_hostile = true;
        for index in 0..self.devices.len() {
            self.be_hostile_to(index);
        }
    }

    fn be_hostile_to(&mut self, index: usize) {
        let device = &mut self.devices[index];
        device.is_hostile = true;
        let seed = self.seed.wrapping_add(0x11A2 + index as u64);
        self.hostile_liars
            .push(Liar::before(device.session.account_id, self.now, seed));
    }

    /// Delivers one frame in each direction to each device; returns whether there was one.
    pub(crate) fn deliver_all(&mut self) -> bool {
        let mut delivered = false;
        for index in 0..self.devices.len() {
            let link = self.devices[index].link.as_ref();
            delivered |= link.is_some_and(|link| !link.to_server.is_empty() || !link.to_device.is_empty());
            self.deliver_to_server(index);
            self.deliver_to_device(index);
        }
        delivered
    }

    /// Lets something happen.
    pub(crate) fn act(&mut self, action: Action) {
        let count = self.devices.len();
        let of = |who: u8| usize::from(who) % count;
        match action {
            Action::SendText(who) => self.send_text(of(who)),
            Action::MarkRead(who) => self.mark_read(of(who)),
            Action::TypeText(who) => self.type_text(of(who)),
            Action::DeliverToServer(who) => self.deliver_to_server(of(who)),
            Action::DeliverToDevice(who) => self.deliver_to_device(of(who)),
            Action::Connect(who) => {
                let index = of(who);
                if self.devices[index].link.is_none() {
                    self.connect(index);
                }
            }
            Action::Cut(who) => self.cut(of(who)),
            Action::Wait(millis) => self.wait(Duration::from_millis(u64::from(millis))),
            Action::AddDevice(who) => {
                let most = if self.club.is_some() {
                    GROUP_DEVICES_MAX
                } else {
                    DEVICES_MAX
                };
                if count < most {
                    self.add_device(self.devices[of(who)].account);
                }
            }
            Action::ReorderToServer(who) => {
                self.on_link(of(who), |link| network::reorder(&mut link.to_server));
            }
            Action::ReorderToDevice(who) => {
                self.on_link(of(who), |link| network::reorder(&mut link.to_device));
            }
            Action::DuplicateToServer(who) => {
                self.on_link(of(who), |link| network::duplicate(&mut link.to_server));
            }
            Action::DuplicateToDevice(who) => {
                self.on_link(of(who), |link| network::duplicate(&mut link.to_device));
            }
            // Whoever waits for an answer to it waits until the connection is cut.
            Action::LoseToServer(who) => self.on_link(of(who), |link| drop(link.to_server.pop_front())),
            Action::LoseToDevice(who) => self.on_link(of(who), |link| drop(link.to_device.pop_front())),
            Action::CrashBeforeCommit(who, commits) => self.devices[of(who)].die_at(commits, true),
            Action::CrashAfterCommit(who, commits) => self.devices[of(who)].die_at(commits, false),
            Action::RestartServer => {
                self.cut_all();
                self.server.restart();
            }
            Action::Prune => self.prune(),
            Action::Lie(who, lie, frames) => {
                self.hostile_liars[of(who)].lie(lie, frames);
                if lie.is_at_connecting() {
                    // A server can bring it about that it is asked.
                    self.cut(of(who));
                    self.connect(of(who));
                }
            }
            Action::Fork(who) => {
                let is_forked = |(index, _): &(usize, &Device)| who >> (index % 8) & 1 == 1;
                let forked = self.devices.iter().enumerate().filter(is_forked);
                let forked = forked.map(|(_, device)| device.session).collect();
                self.at_another_server(|server| server.fork(forked));
            }
            Action::EndFork => {
                // What was said to two servers at once is not told apart, unless a log shows it.
                self.kept_words.clear();
                self.at_another_server(Server::end_fork);
            }
            Action::Keep => {
                self.at_another_server(Server::keep);
                if let Some(club) = &mut self.club {
                    club.keep();
                }
            }
            Action::RollBack => {
                self.at_another_server(Server::roll_back);
                if let Some(club) = &mut self.club {
                    club.roll_back();
                }
            }
            Action::KeepProfile(who) => self.with_profile(of(who), |device, texts| {
                device.back_up();
                device.copied_at = Some(texts.len());
            }),
            Action::RollBackProfile(who) => {
                let index = of(who);
                // What was typed there since may be nowhere else.
                let account = self.devices[index].account;
                self.kept_words.retain(|(of, _)| *of != account);
                self.with_profile(index, |device, texts| {
                    if let Some(copied_at) = device.copied_at {
                        device.put_back();
                        for text in &mut texts[copied_at..] {
                            text.is_undone |= text.device == index;
                        }
                    }
                });
            }
            Action::Member(who, what) => self.harm(self.devices[of(who)].account, what),
            Action::Stranger(who, how) => self.accost(of(who), how),
            Action::Group(who, deed) => self.change_group(of(who), deed),
            Action::SetTimer(who, is_on) => self.set_timer(of(who), is_on),
        }
    }

    /// Changes what the devices are connected to.
    fn at_another_server(&mut self, change: impl FnOnce(&mut Server)) {
        let is_connected = |index: &usize| self.devices[*index].link.is_some();
        let connected: Vec<_> = (0..self.devices.len()).filter(is_connected).collect();
        self.cut_all();
        change(&mut self.server);
        for index in connected {
            self.connect(index);
        }
    }

    /// Does something with a profile while the process does not run.
    fn with_profile(&mut self, index: usize, act: impl FnOnce(&mut Device, &mut [Text])) {
        let is_connected = self.devices[index].link.is_some();
        self.cut(index);
        act(&mut self.devices[index], &mut self.texts);
        if is_connected {
            self.connect(index);
        }
    }

    fn cut_all(&mut self) {
        for index in 0..self.devices.len() {
            self.cut(index);
        }
    }

    /// A hostile device of this account does harm in the conversation.
    fn harm(&mut self, account: usize, what: Malice) {
        let Some(id) = self.conversation() else { return };
        let seed = self.seed;
        let (server, now) = (&mut self.server, self.now);
        let member = self
            .members
            .entry(account)
            .or_insert_with(|| RawDevice::new(&server.enrol(account, HOSTILE + account, seed, now)));
        let let_in = member.harm(server, id, what);
        tally::harmed(what, let_in);
        self.collect_pushes();
    }

    /// The conversation, once some device is in it.
    fn conversation(&mut self) -> Option<ConversationId> {
        self.devices.iter_mut().find_map(|device| {
            let chat = device.chat()?;
            let conversation = device
                .engine()
                .conversation(chat)
                .expect("conversations are readable")?;
            (conversation.state == ConversationState::Joined).then_some(conversation.conversation_id)
        })
    }

    /// A stranger does something to the account of this device.
    fn accost(&mut self, index: usize, how: Stranger) {
        if self.strangers == STRANGERS_MAX {
            return;
        }
        let number = STRANGER + self.strangers;
        self.strangers += 1;
        let mut stranger = RawDevice::new(&self.server.register(number, self.seed, self.now));
        let person = self.server.newest_person();
        let let_in = if how == Stranger::NoKeyPackages {
            let is_taken = stranger.publish_no_keys(&mut self.server);
            let _ = self.step(index, Command::OpenDirect(person));
            is_taken
        } else {
            let victim = self.devices[index].session.account_id;
            stranger.begin(&mut self.server, victim, how)
        };
        tally::accosted(how, let_in);
        self.collect_pushes();
    }

    /// Deletes what is older than the retention.
    pub(crate) fn prune(&mut self) {
        self.has_pruned = true;
        self.server.prune(self.now.minus(RETENTION));
    }

    fn on_link(&mut self, index: usize, act: impl FnOnce(&mut network::Link)) {
        if let Some(link) = &mut self.devices[index].link {
            act(link);
        }
    }

    /// From now on the device hears what this makes of the server's words.
    pub(crate) fn lie_to(&mut self, index: usize, liar: impl Tampering + 'static) {
        self.liars.insert(index, Box::new(liar));
    }

    /// One step of a device; if its process dies, its connection ends with it.
    pub(crate) fn step(&mut self, index: usize, input: impl Into<Input>) -> Result<(), Halt> {
        let device = &mut self.devices[index];
        let done = device.step(self.now, input);
        if done.is_ok() && device.link.is_some() {
            let _ = self.work_on_vault(index);
        }
        if let Err(Halt::Died | Halt::Failed) = done {
            self.died(index);
        }
        done
    }

    fn died(&mut self, index: usize) {
        let device = &mut self.devices[index];
        self.server.disconnect(device.session);
        // What was wanted in memory is forgotten; what is stored is looked at again.
        device.vault_work = VaultWork::Store;
    }

    /// Brings the server's copy of the vault up to date, as the SDK does it.
    fn work_on_vault(&mut self, index: usize) -> Result<(), Halt> {
        let done = self.try_to_work_on_vault(index);
        if let Err(Halt::Died | Halt::Failed) = done {
            self.died(index);
        }
        done
    }

    fn try_to_work_on_vault(&mut self, index: usize) -> Result<(), Halt> {
        loop {
            let device = &mut self.devices[index];
            let account = device.session.account_id;
            match std::mem::replace(&mut device.vault_work, VaultWork::Nothing) {
                VaultWork::Nothing => return Ok(()),
                VaultWork::Fetch => {
                    let sealed = self.server.vault(account);
                    let output =
                        device.with_engine(self.now, |engine, now| engine.merge_vault(now, &sealed))?;
                    device.vault_work = VaultWork::Store;
                    device.carry_out(output);
                }
                VaultWork::Store => {
                    let Some(put) = device.with_engine(self.now, |engine, _| engine.vault_to_put())? else {
                        continue;
                    };
                    if self.server.put_vault(account, &put.sealed) {
                        device.with_engine(self.now, |engine, _| engine.vault_put(&put))?;
                    } else {
                        device.vault_work = VaultWork::Fetch;
                    }
                }
            }
        }
    }

    /// Writes into every other conversation that the device has.
    fn answer_strangers(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let main = device.chat();
        let conversations = device
            .engine()
            .conversations()
            .expect("conversations are readable");
        for chat in conversations.iter().map(|conversation| conversation.id) {
            if Some(chat) != main {
                let command = Command::SendText {
                    chat,
                    text: "who are you?".to_owned(),
                    token: SendToken::random(&mut self.rng),
                };
                // It may say that it cannot be used.
                let _ = self.step(index, command);
            }
        }
    }

    /// A user who has not seen that it was done asks again, and means the same text.
    pub(crate) fn send_text(&mut self, index: usize) {
        if self.strangers > 0 {
            self.answer_strangers(index);
        }
        let device = &mut self.devices[index];
        let text = format!("text {} of account {}", self.texts.len(), device.account);
        let token = SendToken::random(&mut self.rng);
        loop {
            let device = &mut self.devices[index];
            let Some(chat) = device.chat() else {
                if device.group.is_some() {
                    return;
                }
                let peer = self.server.person(1 - device.account);
                if let Err(Halt::Refused(_)) = self.step(index, Command::OpenDirect(peer)) {
                    return;
                }
                continue;
            };
            let command = Command::SendText {
                chat,
                text: text.clone(),
                token,
            };
            match self.step(index, command) {
                Ok(()) => break,
                Err(Halt::Died | Halt::Failed) => {}
                // The conversation says that it cannot be used.
                Err(Halt::Refused(_)) => return,
            }
        }
        self.texts.push(Text {
            text,
            device: index,
            is_undone: false,
        });
    }

    /// A user who has not seen that it was done does not mind.
    fn mark_read(&mut self, index: usize) {
        if let Some(chat) = self.devices[index].chat() {
            let _ = self.step(index, Command::MarkRead(chat));
        }
    }

    /// A user goes on with the draft that is shown, or deletes it if it has become long.
    fn type_text(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let (account, Some(chat)) = (device.account, device.chat()) else {
            return;
        };
        let shown = device.draft();
        let is_long = shown.len() > DRAFT_LONG;
        let word = format!("<{}>", self.words);
        self.words += 1;
        let text = if is_long {
            String::new()
        } else {
            format!("{shown}{word}")
        };
        // Whether it was kept is not known if the process has died over it.
        let command = Command::KeepDraft {
            chat,
            text,
            shown: shown.clone(),
        };
        let is_kept = self.step(index, command).is_ok();
        if is_long {
            self.kept_words
                .retain(|(of, word)| *of != account || !shown.contains(word));
        } else if is_kept {
            self.kept_words.push((account, word));
        }
    }

    /// Lets the devices bring their drafts in step.
    pub(crate) fn settle_drafts(&mut self) {
        deliver(self);
        for _ in 0..DRAFT_SECONDS {
            self.wait(Duration::from_secs(1));
            deliver(self);
        }
    }

    pub(crate) fn add_device(&mut self, account: usize) {
        let index = self.devices.len();
        let skew = Skew::from_seed(self.rng.next_u64());
        let now = skew.show(self.now);
        let is_first = self.devices.iter().all(|device| device.account != account);
        let profile = if is_first {
            self.server.register(account, self.seed, now)
        } else {
            self.server.enrol(account, index, self.seed, now)
        };
        let seed = self.seed.wrapping_add(index as u64 * 1_000);
        let mut device = Device::new(self.folder.path(), index, account, &profile, skew, seed);
        if is_first && !self.asks {
            device.welcome_everybody(now);
        }
        device.group = self.club.is_some().then_some(GROUP);
        device.peer = self
            .devices
            .iter()
            .find(|other| other.account != account)
            .map(|other| other.session.account_id);
        self.devices.push(device);
        if self.is_hostile {
            self.be_hostile_to(index);
        }
        let _ = self.work_on_vault(index);
        self.connect(index);
        self.collect_pushes();
    }

    pub(crate) fn connect(&mut self, index: usize) {
        let device = &mut self.devices[index];
        self.server.connect(device.session);
        device.link = Some(network::Link::default());
        // Whoever dies over it connects again some time later.
        let _ = self.step(index, Input::Connected);
    }

    pub(crate) fn cut(&mut self, index: usize) {
        let device = &mut self.devices[index];
        if device.link.take().is_some() {
            self.server.disconnect(device.session);
            let _ = self.step(index, Input::Disconnected);
        }
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        self.server.set_time(self.now);
        for index in 0..self.devices.len() {
            if self.devices[index].link.is_some() {
                let _ = self.step(index, Input::Tick);
            }
        }
    }

    pub(crate) fn deliver_to_server(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let Some(link) = &mut device.link else { return };
        let Some(frame) = link.to_server.pop_front() else {
            return;
        };
        let frames = match (self.liars.get_mut(&index), self.hostile_liars.get_mut(index)) {
            (Some(liar), _) => liar.to_server(frame),
            (None, Some(liar)) => liar.to_server(frame),
            (None, None) => vec![frame],
        };
        for frame in frames {
            let is_change = is_change(&frame);
            let answer = self.server.handle(self.devices[index].session, frame);
            if is_change {
                self.note_members(&answer);
            }
            self.on_link(index, |link| link.to_device.push_back(answer));
        }
        self.collect_pushes();
    }

    /// The server's answer to a request that the device itself does not make.
    pub(crate) fn ask(&mut self, index: usize, request: ClientFrame) -> ServerFrame {
        self.server.handle(self.devices[index].session, request)
    }

    fn collect_pushes(&mut self) {
        for device in &mut self.devices {
            let Some(link) = &mut device.link else { continue };
            link.to_device.extend(self.server.pushes(device.session));
        }
    }

    /// What the device is to receive next: the server's answer to everything it has asked, and what was pushed.
    pub(crate) fn next_frame(&mut self, index: usize) -> Option<ServerFrame> {
        self.deliver_to_server(index);
        self.collect_pushes();
        self.devices[index].link.as_mut()?.to_device.pop_front()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn deliver_to_device(&mut self, index: usize) {
        let Some(link) = &mut self.devices[index].link else {
            return;
        };
        let Some(frame) = link.to_device.pop_front() else {
            return;
        };
        let frames = match (self.liars.get_mut(&index), self.hostile_liars.get_mut(index)) {
            (Some(liar), _) => liar.to_client(frame),
            (None, Some(liar)) => liar.to_client(frame),
            (None, None) => vec![frame],
        };
        for frame in frames {
            let _ = self.step(index, Input::Received(Box::new(frame)));
        }
    }

    /// Two accounts that have talked, each with this many devices.
    pub(crate) fn talking(seed: u64, devices: u8) -> Self {
        let mut world = Self::new(seed, devices);
        world.talk();
        world
    }

    /// One of each account says something.
    fn talk(&mut self) {
        for index in [0, 1] {
            self.send_text(index);
            self.must_settle();
        }
    }

    /// [`World::settle`], for tests in which nothing else is random.
    ///
    /// # Panics
    /// If something does not hold.
    pub(crate) fn must_settle(&mut self) {
        if let Err(error) = self.settle() {
            panic!("{error}");
        }
    }

    /// Ends all faults and waits until nothing is left to do.
    pub(crate) fn settle(&mut self) -> Result<(), TestCaseError> {
        for index in 0..self.devices.len() {
            self.devices[index].live_on();
            self.cut(index);
            self.connect(index);
        }
        for _ in 0..SETTLING_ROUNDS_MAX {
            if self.deliver_all() {
                continue;
            }
            let mut unsent = 0;
            for device in &mut self.devices {
                unsent += device.engine().outbox_len().expect("the database is readable");
                unsent += u64::from(device.has_wishes());
                unsent += u64::from(device.waits_for_turn);
            }
            if unsent == 0 {
                return Ok(());
            }
            if self.has_pruned {
                // Of a commit that the log does not keep nobody can show any more where it led: the user decides.
                for index in 0..self.devices.len() {
                    self.try_again(index);
                }
            }
            // Something waits for its time to try again.
            self.wait(Duration::from_secs(1));
        }
        Err(TestCaseError::fail("the world does not come to rest"))
    }

    /// Lets everybody recover from what was said and done, and waits until nothing is left to do.
    pub(crate) fn recover(&mut self) -> Result<(), TestCaseError> {
        for index in 0..self.devices.len() {
            self.devices[index].live_on();
            self.cut(index);
        }
        // Something that is never given up, such as a stranger without key packages, is no reason to wait for ever.
        let patience = self.now.plus(RECOVERY_MAX / 3);
        let end = self.now.plus(RECOVERY_MAX);
        for _ in 0..SETTLING_ROUNDS_MAX {
            for index in 0..self.devices.len() {
                if self.devices[index].link.is_none() {
                    self.connect(index);
                }
            }
            if self.deliver_all() {
                continue;
            }
            let (now, has_patience) = (self.now, self.now < patience);
            let is_at_rest = |device: &mut Device| {
                let is_waiting = || device.wakes_in(now).is_some_and(|wait| wait <= RETRY_MAX);
                !(has_patience && is_waiting()) && device.is_at_rest()
            };
            if self.devices.iter_mut().all(is_at_rest) {
                return Ok(());
            }
            let next = self
                .devices
                .iter()
                .filter_map(|device| device.wakes_in(now))
                .min();
            match next {
                Some(wait) if now.plus(wait) < end => self.wait(wait.max(TICK_MIN)),
                _ => {
                    return Err(TestCaseError::fail(format!(
                        "a device is stuck: {}",
                        self.describe()
                    )));
                }
            }
        }
        Err(TestCaseError::fail(format!(
            "the devices ask without end: {}",
            self.describe()
        )))
    }

    /// Whoever is shown that a conversation waits for a decision lets it go on, if need be from what the server shows.
    pub(crate) fn choose_ways_out(&mut self) -> Result<(), TestCaseError> {
        for index in (0..self.devices.len()).cycle().take(2 * self.devices.len()) {
            if self.try_again(index) {
                self.recover()?;
            }
        }
        Ok(())
    }

    /// The user of a device decides to go on with a conversation that waits for that. Returns whether one does.
    fn try_again(&mut self, index: usize) -> bool {
        let device = &mut self.devices[index];
        if let Some(ConversationState::CutOff | ConversationState::Quarantined) = device.known_state()
            && let Some(chat) = device.chat()
        {
            let _ = self.step(index, Command::TryAgain(chat));
            return true;
        }
        false
    }

    /// What each device says of itself.
    pub(crate) fn describe(&mut self) -> String {
        let mut description = String::new();
        for (index, device) in self.devices.iter_mut().enumerate() {
            let (state, unsent) = (device.known_state(), device.engine().outbox_len());
            let (warnings, failures) = (&device.warnings, &device.failures);
            description = format!(
                "{description}\n  device {index} of account {}: {state:?}, {unsent:?} unsent, warned {warnings:?}, \
                 failed {failures:?}",
                device.account
            );
        }
        description
    }
}
