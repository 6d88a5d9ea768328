//! The world: two accounts with some devices each, one server, and a list of things that happen.

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};
use subrosa_e2e::tampering::Tampering;
use subrosa_engine::{Command, Input, content::SendToken};
use subrosa_wire::{
    Timestamp,
    frames::{ClientFrame, ServerFrame},
};
use tempfile::TempDir;

use crate::{
    action::{Action, Plan},
    device::{Device, Died, Skew, VaultWork},
    network,
    server::Server,
};

const ACCOUNTS: usize = 2;
const DEVICES_MAX: usize = 5;
/// A network without faults needs far fewer rounds to settle.
const SETTLING_ROUNDS_MAX: usize = 3_000;
/// How long the server keeps what a device has not fetched, in a world where it prunes.
pub(crate) const RETENTION: Duration = Duration::from_mins(1);

pub(crate) struct World {
    folder: TempDir,
    server: Server,
    pub devices: Vec<Device>,
    now: Timestamp,
    rng: ChaCha20Rng,
    seed: u64,
    /// Every text, in the order in which they were written.
    pub texts: Vec<Text>,
    /// Who stands between the server and each device.
    liars: HashMap<usize, Box<dyn Tampering>>,
    /// The server has deleted what some device may have needed.
    pub has_pruned: bool,
}

/// A text that somebody wrote.
pub(crate) struct Text {
    pub text: String,
    /// The device on which it was written.
    pub device: usize,
}

impl World {
    /// Lets the actions happen, ends all faults, and checks what must then hold.
    pub(crate) fn run(plan: &Plan) -> Result<(), TestCaseError> {
        let mut world = Self::new(plan.seed, plan.devices);
        for action in &plan.actions {
            world.act(*action);
        }
        world.settle()?;
        // Whoever came late, or had to come back, has at least this.
        let last = world.texts.len();
        for account in 0..ACCOUNTS {
            world.send_text(account);
        }
        world.settle()?;
        world.check_agreement(last)
    }

    pub(crate) fn new(seed: u64, devices: u8) -> Self {
        // Memory, not the disk: durability against power loss is not what is tested here.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .expect("a folder");
        let now = Timestamp::from_millis(1_800_000_000_000);
        let server = Server::open(folder.path(), now);
        let mut world = Self {
            folder,
            server,
            devices: Vec::new(),
            now,
            rng: ChaCha20Rng::seed_from_u64(!seed),
            seed,
            texts: Vec::new(),
            liars: HashMap::new(),
            has_pruned: false,
        };
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
        }
        world
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

    fn act(&mut self, action: Action) {
        let count = self.devices.len();
        let of = |who: u8| usize::from(who) % count;
        match action {
            Action::SendText(who) => self.send_text(of(who)),
            Action::MarkRead(who) => self.mark_read(of(who)),
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
                if count < DEVICES_MAX {
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
                for index in 0..count {
                    self.cut(index);
                }
                self.server.restart();
            }
            Action::Prune => self.prune(),
        }
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
    pub(crate) fn step(&mut self, index: usize, input: impl Into<Input>) -> Result<(), Died> {
        let device = &mut self.devices[index];
        let done = device.step(self.now, input);
        if done.is_ok() && device.link.is_some() {
            let _ = self.work_on_vault(index);
        }
        if done == Err(Died) {
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
    fn work_on_vault(&mut self, index: usize) -> Result<(), Died> {
        let done = self.try_to_work_on_vault(index);
        if done == Err(Died) {
            self.died(index);
        }
        done
    }

    fn try_to_work_on_vault(&mut self, index: usize) -> Result<(), Died> {
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

    /// A user who has not seen that it was done asks again, and means the same text.
    pub(crate) fn send_text(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let text = format!("text {} of account {}", self.texts.len(), device.account);
        let token = SendToken::random(&mut self.rng);
        loop {
            let device = &mut self.devices[index];
            let Some(chat) = device.chat() else {
                let peer = self.server.person(1 - device.account);
                let _ = self.step(index, Command::OpenDirect(peer));
                continue;
            };
            let command = Command::SendText {
                chat,
                text: text.clone(),
                token,
            };
            if self.step(index, command).is_ok() {
                break;
            }
        }
        self.texts.push(Text { text, device: index });
    }

    /// A user who has not seen that it was done does not mind.
    fn mark_read(&mut self, index: usize) {
        if let Some(chat) = self.devices[index].chat() {
            let _ = self.step(index, Command::MarkRead(chat));
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
        let device = Device::new(self.folder.path(), index, account, &profile, skew, seed);
        self.devices.push(device);
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
        let answer = self.server.handle(device.session, frame);
        link.to_device.push_back(answer);
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
        let frames = match self.liars.get_mut(&index) {
            Some(liar) => liar.to_client(frame),
            None => vec![frame],
        };
        for frame in frames {
            let _ = self.step(index, Input::Received(Box::new(frame)));
        }
    }

    /// Two accounts that have talked, each with this many devices.
    pub(crate) fn talking(seed: u64, devices: u8) -> Self {
        let mut world = Self::new(seed, devices);
        for index in [0, 1] {
            world.send_text(index);
            world.must_settle();
        }
        world
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
            }
            if unsent == 0 {
                return Ok(());
            }
            // Something waits for its time to try again.
            self.wait(Duration::from_secs(1));
        }
        Err(TestCaseError::fail("the world does not come to rest"))
    }
}
