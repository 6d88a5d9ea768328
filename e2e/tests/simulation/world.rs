//! The world: two accounts with some devices each, one server, and a list of things that happen.

use std::{collections::HashMap, time::Duration};

use proptest::{prelude::*, sample::Index};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use subrosa_engine::{Command, Input, MessageStatus, content::SendToken};
use subrosa_wire::Timestamp;
use tempfile::TempDir;

use crate::{device::Device, network, server::Server};

/// Something that happens. An index chooses the device.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    SendText(Index),
    MarkRead(Index),
    DeliverToServer(Index),
    DeliverToDevice(Index),
    Connect(Index),
    Cut(Index),
    Wait(u32),
    AddDevice(Index),
    ReorderToServer(Index),
    ReorderToDevice(Index),
    DuplicateToServer(Index),
    DuplicateToDevice(Index),
    LoseToServer(Index),
    LoseToDevice(Index),
    CrashBeforeCommit(Index),
    CrashAfterCommit(Index),
    RestartServer,
}

const DEVICES_MAX: usize = 4;
/// A network without faults needs far fewer rounds to settle.
const SETTLING_ROUNDS_MAX: usize = 3_000;

pub(crate) struct World {
    folder: TempDir,
    server: Server,
    devices: Vec<Device>,
    now: Timestamp,
    seed: u64,
    rng: ChaCha20Rng,
    /// Every text, and the account that sent it.
    texts: Vec<(String, usize)>,
}

impl World {
    /// Lets the actions happen, ends all faults, and checks what must then hold.
    pub(crate) fn run(seed: u64, actions: &[Action]) -> Result<(), TestCaseError> {
        let mut world = Self::new(seed);
        for action in actions {
            world.act(action);
        }
        world.settle()?;
        world.check()
    }

    fn new(seed: u64) -> Self {
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
            seed,
            rng: ChaCha20Rng::seed_from_u64(!seed),
            texts: Vec::new(),
        };
        for account in 0..2 {
            let profile = world.server.register(account, seed, now);
            world.devices.push(Device::new(
                world.folder.path(),
                account,
                account,
                &profile,
                seed.wrapping_add(account as u64 * 1_000),
            ));
        }
        for index in 0..2 {
            world.connect(index);
        }
        // Both have published key packages before anything happens: a device that has none yet is not
        // added to a conversation, but joins from outside, and has what is said from then on.
        while world.deliver_all() {}
        world
    }

    /// Delivers one frame in each direction to each device; returns whether there was one.
    fn deliver_all(&mut self) -> bool {
        let mut delivered = false;
        for index in 0..self.devices.len() {
            let link = self.devices[index].link.as_ref();
            delivered |= link.is_some_and(|link| !link.to_server.is_empty() || !link.to_device.is_empty());
            self.deliver_to_server(index);
            self.deliver_to_device(index);
        }
        delivered
    }

    fn act(&mut self, action: &Action) {
        let count = self.devices.len();
        match action {
            Action::SendText(who) => self.send_text(who.index(count)),
            Action::MarkRead(who) => {
                let device = &mut self.devices[who.index(count)];
                if let Some(conversation) = device.conversation() {
                    device
                        .step(self.now, Command::MarkRead { conversation })
                        .expect("a known conversation");
                }
            }
            Action::DeliverToServer(who) => self.deliver_to_server(who.index(count)),
            Action::DeliverToDevice(who) => self.deliver_to_device(who.index(count)),
            Action::Connect(who) => {
                let index = who.index(count);
                if self.devices[index].link.is_none() {
                    self.connect(index);
                }
            }
            Action::Cut(who) => self.cut(who.index(count)),
            Action::Wait(millis) => self.wait(Duration::from_millis(u64::from(*millis))),
            Action::AddDevice(who) if count < DEVICES_MAX => {
                self.add_device(self.devices[who.index(count)].account);
            }
            Action::AddDevice(_) => {}
            Action::ReorderToServer(who) => {
                self.on_link(who.index(count), |link| network::reorder(&mut link.to_server));
            }
            Action::ReorderToDevice(who) => {
                self.on_link(who.index(count), |link| network::reorder(&mut link.to_device));
            }
            Action::DuplicateToServer(who) => {
                self.on_link(who.index(count), |link| network::duplicate(&mut link.to_server));
            }
            Action::DuplicateToDevice(who) => {
                self.on_link(who.index(count), |link| network::duplicate(&mut link.to_device));
            }
            // Whoever waits for an answer to it waits until the connection is cut.
            Action::LoseToServer(who) => {
                self.on_link(who.index(count), |link| drop(link.to_server.pop_front()));
            }
            Action::LoseToDevice(who) => {
                self.on_link(who.index(count), |link| drop(link.to_device.pop_front()));
            }
            Action::CrashBeforeCommit(who) => {
                // The frame was read, and then the process died with its transaction open.
                let index = who.index(count);
                self.on_link(index, |link| drop(link.to_device.pop_front()));
                self.crash(index);
            }
            Action::CrashAfterCommit(who) => {
                // The step is committed, and then the process died before anything was sent.
                let index = who.index(count);
                self.deliver_to_device(index);
                if let Some(link) = &mut self.devices[index].link {
                    link.to_server.clear();
                }
                self.crash(index);
            }
            Action::RestartServer => {
                for index in 0..count {
                    self.cut(index);
                }
                self.server.restart();
            }
        }
    }

    fn on_link(&mut self, index: usize, act: impl FnOnce(&mut network::Link)) {
        if let Some(link) = &mut self.devices[index].link {
            act(link);
        }
    }

    fn send_text(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let conversation = if let Some(conversation) = device.conversation() {
            conversation
        } else {
            let peer = self.server.person(1 - device.account);
            device.open_direct(self.now, &peer)
        };
        let text = format!("text {} of account {}", self.texts.len(), device.account);
        let command = Command::SendText {
            conversation,
            text: text.clone(),
            token: SendToken::random(&mut self.rng),
        };
        device.step(self.now, command).expect("a text can always be sent");
        self.texts.push((text, device.account));
    }

    fn add_device(&mut self, account: usize) {
        let index = self.devices.len();
        let profile = self.server.enrol(account, index, self.seed, self.now);
        let seed = self.seed.wrapping_add(index as u64 * 1_000);
        self.devices
            .push(Device::new(self.folder.path(), index, account, &profile, seed));
        self.connect(index);
        self.collect_pushes();
    }

    fn connect(&mut self, index: usize) {
        let device = &mut self.devices[index];
        self.server.connect(device.session);
        device.link = Some(network::Link::default());
        device
            .step(self.now, Input::Connected)
            .expect("a connection can be taken up");
    }

    fn cut(&mut self, index: usize) {
        let device = &mut self.devices[index];
        if device.link.take().is_some() {
            self.server.disconnect(device.session);
            device
                .step(self.now, Input::Disconnected)
                .expect("a connection can be lost");
        }
    }

    fn crash(&mut self, index: usize) {
        let device = &mut self.devices[index];
        self.server.disconnect(device.session);
        device.crash();
    }

    fn wait(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        self.server.set_time(self.now);
        for index in 0..self.devices.len() {
            let device = &mut self.devices[index];
            if device.link.is_some() {
                device.step(self.now, Input::Tick).expect("a tick is harmless");
            }
        }
    }

    fn deliver_to_server(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let Some(link) = &mut device.link else { return };
        let Some(frame) = link.to_server.pop_front() else {
            return;
        };
        let answer = self.server.handle(device.session, frame);
        link.to_device.push_back(answer);
        self.collect_pushes();
    }

    fn collect_pushes(&mut self) {
        for device in &mut self.devices {
            let Some(link) = &mut device.link else { continue };
            link.to_device.extend(self.server.pushes(device.session));
        }
    }

    fn deliver_to_device(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let Some(link) = &mut device.link else { return };
        let Some(frame) = link.to_device.pop_front() else {
            return;
        };
        let received = Input::Received(Box::new(frame));
        device
            .step(self.now, received)
            .expect("no frame of an honest server is an error");
    }

    /// Ends all faults and waits until nothing is left to do.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for index in 0..self.devices.len() {
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

    fn check(&mut self) -> Result<(), TestCaseError> {
        let mut lists = Vec::new();
        for device in &mut self.devices {
            prop_assert!(
                device.warnings.is_empty(),
                "a device was warned: {:?}",
                device.warnings
            );
            let messages = match device.conversation() {
                Some(conversation) => device
                    .engine()
                    .messages(conversation, None, 10_000)
                    .expect("messages are readable"),
                None => Vec::new(),
            };
            lists.push(messages);
        }
        // Each text is there once for the first device of each account, which was there from the start.
        for list in lists.iter().take(2) {
            let mut counts: HashMap<&str, usize> = HashMap::new();
            for message in list {
                *counts.entry(&message.text).or_default() += 1;
            }
            for (text, _) in &self.texts {
                prop_assert_eq!(counts.get(text.as_str()).copied(), Some(1), "{:?}", text);
            }
            prop_assert_eq!(list.len(), self.texts.len());
        }
        for (device, list) in self.devices.iter().zip(&lists) {
            for pair in list.windows(2) {
                prop_assert!(pair[0].seq < pair[1].seq, "out of order: {:?}", pair);
            }
            // A device that came later has what was said since: the end of what the first one has.
            let whole = &lists[0];
            let since = whole.len() - list.len().min(whole.len());
            for (theirs, ours) in list.iter().zip(&whole[since..]) {
                prop_assert_eq!(&theirs.text, &ours.text);
                prop_assert_eq!(theirs.id, ours.id);
                prop_assert_eq!(theirs.seq, ours.seq);
            }
            for message in list {
                prop_assert_eq!(message.conversation, whole[0].conversation);
                let expected: &[MessageStatus] =
                    if message.outgoing && message.sender == device.session.account_id {
                        &[MessageStatus::Sent, MessageStatus::Delivered, MessageStatus::Read]
                    } else {
                        &[MessageStatus::Unread, MessageStatus::Read]
                    };
                prop_assert!(expected.contains(&message.status), "{:?}", message);
            }
        }
        // What the first device sent has reached the other account.
        for (index, list) in lists.iter().take(2).enumerate() {
            for message in list.iter().filter(|message| message.outgoing) {
                let arrived = matches!(message.status, MessageStatus::Delivered | MessageStatus::Read);
                prop_assert!(arrived, "not delivered by account {}: {:?}", index, message);
            }
        }
        Ok(())
    }
}
