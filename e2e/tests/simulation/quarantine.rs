//! What cannot be processed stays in its conversation: everything else goes on, and there is a way back.

use rusqlite::{Connection, params};
use subrosa_engine::{
    Command, Conversation, ConversationState, Input, MessageStatus, Warning, content::SendToken,
};
use subrosa_mls::group_prefix;
use subrosa_wire::{ConversationId, Timestamp, limits::SEND_NUMBER_MAX};
use tempfile::TempDir;

use crate::{
    device::{Device, Skew},
    network::Link,
    server::Server,
};

/// Alice, Bob and Carol, with one device each.
struct Trio {
    _folder: TempDir,
    server: Server,
    devices: Vec<Device>,
    now: Timestamp,
    sent: u8,
}

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

impl Trio {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Timestamp::from_millis(1_800_000_000_000);
        let mut server = Server::open(folder.path(), now);
        let skew = Skew::Ahead(std::time::Duration::ZERO);
        let devices = [ALICE, BOB, CAROL].map(|index| {
            let profile = server.register(index, 5, now);
            Device::new(folder.path(), index, index, &profile, skew, 100 + index as u64)
        });
        let mut trio = Self {
            _folder: folder,
            server,
            devices: devices.into(),
            now,
            sent: 0,
        };
        for index in [ALICE, BOB, CAROL] {
            trio.connect(index);
        }
        trio.settle();
        trio
    }

    fn connect(&mut self, index: usize) {
        let device = &mut self.devices[index];
        self.server.connect(device.session);
        device.link = Some(Link::default());
        self.step(index, Input::Connected);
    }

    fn cut(&mut self, index: usize) {
        self.devices[index].link = None;
        self.server.disconnect(self.devices[index].session);
        self.step(index, Input::Disconnected);
    }

    fn step(&mut self, index: usize, input: impl Into<Input>) {
        self.devices[index]
            .try_step(self.now, input)
            .expect("no step fails because of one conversation");
    }

    /// Delivers whatever there is, and lets a minute pass.
    fn settle(&mut self) {
        for _ in 0..60 {
            while self.deliver_all() {}
            self.now = self.now.plus(std::time::Duration::from_secs(1));
            self.server.set_time(self.now);
            for index in 0..self.devices.len() {
                self.step(index, Input::Tick);
            }
        }
    }

    fn deliver_all(&mut self) -> bool {
        let mut delivered = false;
        for index in 0..self.devices.len() {
            let session = self.devices[index].session;
            let Some(link) = &mut self.devices[index].link else {
                continue;
            };
            let asked: Vec<_> = link.to_server.drain(..).collect();
            let mut frames: Vec<_> = asked
                .into_iter()
                .map(|frame| self.server.handle(session, frame))
                .collect();
            frames.extend(self.server.pushes(session));
            delivered |= !frames.is_empty();
            for frame in frames {
                self.step(index, Input::Received(Box::new(frame)));
            }
        }
        delivered
    }

    fn with(&mut self, index: usize, other: usize) -> Option<Conversation> {
        let other = self.server.person(other).account_id;
        let all = self.devices[index]
            .engine()
            .conversations()
            .expect("it is readable");
        all.into_iter()
            .find(|chat| chat.with.as_ref().is_some_and(|with| with.account_id == other))
    }

    fn chat(&mut self, index: usize, other: usize) -> Conversation {
        if self.with(index, other).is_none() {
            let person = self.server.person(other);
            self.step(index, Command::OpenDirect(person));
        }
        self.with(index, other).expect("it was just opened")
    }

    fn send(&mut self, index: usize, other: usize, text: &str) {
        let chat = self.chat(index, other).id;
        self.sent += 1;
        let token = SendToken::from_bytes([self.sent; 16]);
        self.step(
            index,
            Command::SendText {
                chat,
                text: text.to_owned(),
                token,
            },
        );
    }

    /// The texts that a device shows in a conversation, with their status.
    fn shows(&mut self, index: usize, other: usize) -> Vec<(String, MessageStatus)> {
        let chat = self.chat(index, other).id;
        let messages = self.devices[index].engine().messages(chat, None, 100);
        messages
            .expect("they are readable")
            .into_iter()
            .map(|message| (message.text, message.status))
            .collect()
    }

    fn has(&mut self, index: usize, other: usize, text: &str) -> bool {
        self.shows(index, other).iter().any(|(shown, _)| shown == text)
    }

    fn warnings(&mut self, index: usize) -> Vec<Warning> {
        std::mem::take(&mut self.devices[index].warnings)
    }
}

/// Both have written to Alice, who is offline.
fn talked() -> (Trio, ConversationId) {
    let mut trio = Trio::new();
    for other in [BOB, CAROL] {
        trio.send(other, ALICE, "hello");
        trio.settle();
        trio.send(ALICE, other, "hello yourself");
        trio.settle();
    }
    trio.cut(ALICE);
    let id = trio.chat(ALICE, BOB).conversation_id;
    (trio, id)
}

/// Makes the group unreadable, and returns what was there.
fn break_group(connection: &Connection, id: ConversationId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = connection
        .prepare("SELECT key, value FROM mls_state")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .expect("the rows are readable");
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|(key, _)| key.starts_with(&group_prefix(id)))
        .collect();
    assert!(!rows.is_empty());
    for (key, _) in &rows {
        put(connection, key, &[0xff]);
    }
    rows
}

fn put(connection: &Connection, key: &[u8], value: &[u8]) {
    let sql = "INSERT INTO mls_state (key, value) VALUES (?1, ?2)
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    connection
        .execute(sql, params![key, value])
        .expect("the row is written");
}

// Every step that touched the conversation failed, and with it the Sync of all others, after each connection again.
#[test]
fn a_conversation_that_cannot_be_processed_is_set_aside_and_everything_else_goes_on() {
    let (mut trio, id) = talked();
    let rows = trio.devices[ALICE].with_database(|connection| break_group(connection, id));
    trio.send(ALICE, BOB, "written while it is broken");
    trio.send(BOB, ALICE, "for alice");
    trio.send(CAROL, ALICE, "for alice, too");
    trio.settle();
    trio.connect(ALICE);
    trio.settle();

    let broken = trio.chat(ALICE, BOB);
    assert_eq!(broken.state, ConversationState::Quarantined);
    assert!(broken.quarantine.is_some());
    assert!(
        matches!(&trio.warnings(ALICE)[..], [Warning::NotProcessed { chat, .. }] if *chat == Some(broken.id))
    );
    assert_eq!(trio.devices[ALICE].engine().recovery_counts().quarantines, 1);
    assert!(!trio.has(ALICE, BOB, "for alice"));
    assert!(trio.has(ALICE, CAROL, "for alice, too"));
    trio.send(ALICE, CAROL, "it goes on");
    trio.send(BOB, ALICE, "are you there?");
    trio.settle();
    assert!(trio.has(CAROL, ALICE, "it goes on"));

    // It stays so over a restart, without another word, and the list can do without it.
    trio.cut(ALICE);
    trio.devices[ALICE].with_database(|_| ());
    trio.connect(ALICE);
    trio.settle();
    assert_eq!(trio.warnings(ALICE), []);
    trio.step(ALICE, Command::Hide(broken.id));
    assert_eq!(trio.with(ALICE, BOB), None);
    assert_eq!(trio.chat(ALICE, BOB).state, ConversationState::Quarantined);

    // The cause is gone: all that was said is there, in its order, and what waited leaves.
    trio.devices[ALICE].with_database(|connection| {
        for (key, value) in &rows {
            put(connection, key, value);
        }
    });
    trio.devices[ALICE].link = None;
    trio.connect(ALICE);
    trio.step(ALICE, Command::TryAgain(broken.id));
    trio.settle();
    let healed = trio.chat(ALICE, BOB);
    assert_eq!(
        (healed.state, healed.quarantine),
        (ConversationState::Joined, None)
    );
    for text in ["for alice", "are you there?"] {
        assert!(trio.has(ALICE, BOB, text), "{text}");
    }
    assert!(trio.has(BOB, ALICE, "written while it is broken"));
    assert_eq!(trio.warnings(ALICE), []);
}

#[test]
fn a_conversation_that_fails_again_at_the_same_place_is_joined_anew() {
    let (mut trio, id) = talked();
    trio.devices[ALICE].with_database(|connection| break_group(connection, id));
    trio.send(ALICE, BOB, "written while it is broken");
    trio.connect(ALICE);
    trio.settle();
    let chat = trio.chat(ALICE, BOB).id;
    trio.step(ALICE, Command::TryAgain(chat));
    trio.settle();
    assert_eq!(trio.chat(ALICE, BOB).state, ConversationState::Quarantined);
    trio.step(ALICE, Command::TryAgain(chat));
    trio.settle();
    assert_eq!(trio.chat(ALICE, BOB).state, ConversationState::Joined);
    assert!(trio.has(BOB, ALICE, "written while it is broken"));
    trio.send(BOB, ALICE, "welcome back");
    trio.settle();
    assert!(trio.has(ALICE, BOB, "welcome back"));
}

#[test]
fn a_group_that_is_gone_is_joined_anew_at_the_first_attempt() {
    let (mut trio, id) = talked();
    trio.devices[ALICE].with_database(|connection| {
        for (key, _) in break_group(connection, id) {
            let deleted = connection.execute("DELETE FROM mls_state WHERE key = ?1", [key]);
            deleted.expect("the row is deleted");
        }
    });
    trio.connect(ALICE);
    trio.settle();
    let chat = trio.chat(ALICE, BOB);
    assert_eq!(chat.state, ConversationState::Quarantined);
    trio.step(ALICE, Command::TryAgain(chat.id));
    trio.settle();
    assert_eq!(trio.chat(ALICE, BOB).state, ConversationState::Joined);
}

// The commit by which it came back carried the highest number, and the server could take none after it.
#[test]
fn a_device_that_a_false_answer_led_to_the_end_of_the_numbers_joins_anew_and_can_send() {
    let (mut trio, id) = talked();
    trio.devices[ALICE].with_database(|connection| {
        for (key, _) in break_group(connection, id) {
            let deleted = connection.execute("DELETE FROM mls_state WHERE key = ?1", [key]);
            deleted.expect("the row is deleted");
        }
        let led = connection.execute(
            "UPDATE conversations SET accepted_number = ?1",
            [i64::try_from(SEND_NUMBER_MAX - 1).expect("SQLite has room")],
        );
        led.expect("the row is written");
    });
    trio.connect(ALICE);
    trio.settle();
    let chat = trio.chat(ALICE, BOB).id;
    trio.step(ALICE, Command::TryAgain(chat));
    trio.settle();
    for text in ["one", "two"] {
        trio.send(ALICE, BOB, text);
        trio.settle();
        assert!(trio.has(BOB, ALICE, text), "{text}");
    }
}

#[test]
fn an_invitation_that_cannot_be_processed_is_dropped_and_nothing_else_happens() {
    let mut trio = Trio::new();
    trio.send(CAROL, ALICE, "hello");
    trio.settle();
    trio.cut(ALICE);
    // The private parts of the key packages.
    trio.devices[ALICE].with_database(|connection| {
        let broken = connection.execute(
            "UPDATE mls_state SET value = x'ff' WHERE substr(key, 1, 2) = CAST('k/' AS BLOB)",
            [],
        );
        assert!(broken.expect("the rows are written") > 0);
    });
    trio.send(BOB, ALICE, "hello");
    trio.send(CAROL, ALICE, "for alice");
    trio.settle();
    trio.connect(ALICE);
    trio.settle();
    let warnings = trio.warnings(ALICE);
    assert!(
        matches!(&warnings[..], [Warning::NotProcessed { chat: None, .. }]),
        "{warnings:?}"
    );
    assert!(trio.has(ALICE, CAROL, "for alice"));
    // It was acknowledged, and the conversation is entered from outside.
    trio.send(BOB, ALICE, "can you read this?");
    trio.settle();
    assert!(trio.has(ALICE, BOB, "can you read this?"));
}
