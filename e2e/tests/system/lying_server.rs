//! A server that lies: real clients, and between them and a real server somebody who changes what passes.
//! Clients refuse what is not true, say so, lose nothing, and go on when the truth is back.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use subrosa_e2e::{
    Person, Server,
    tampering::{EachEntry, EachFrame, Honest, Tampering, TamperingProxy},
    until,
};
use subrosa_wire::frames::{
    ClientFrame, DeviceKeyPackage, LogEntry, ServerFrame, append, client_frame::Request, log_entry::Payload,
    server_frame::Body,
};

/// Alice and Bob, who reaches the server through a proxy that can lie to him.
pub(crate) struct Stage {
    /// Runs as long as this value lives.
    pub server: Server,
    pub proxy: TamperingProxy,
    pub alice: Person,
    pub bob: Person,
}

impl Stage {
    /// They have never talked.
    pub(crate) async fn of_strangers() -> Self {
        let server = Server::start().await;
        let proxy = TamperingProxy::before(server.address()).await;
        let (alice, mut bob) = (
            Person::sign_up(&server, "alice").await,
            Person::sign_up(&server, "bob").await,
        );
        bob.server = proxy.url();
        Self {
            server,
            proxy,
            alice,
            bob,
        }
    }

    /// They have talked.
    pub(crate) async fn set() -> Self {
        let stage = Self::of_strangers().await;
        let (alice, bob) = (&stage.alice, &stage.bob);
        alice.send(bob, "first").await;
        bob.send(alice, "second").await;
        assert_eq!(alice.texts(bob).await, ["first", "second"]);
        assert_eq!(bob.texts(alice).await, ["first", "second"]);
        // What he listens to from then on is new.
        assert_eq!(bob.receive(1).await[0]["text"], "first");
        stage
    }
}

fn payload(entry: &mut LogEntry) -> &mut Bytes {
    match &mut entry.payload {
        Some(Payload::ApplicationMessage(bytes) | Payload::Commit(bytes) | Payload::Leave(bytes)) => bytes,
        None => panic!("an entry without payload"),
    }
}

fn is_commit(entry: &LogEntry) -> bool {
    matches!(entry.payload, Some(Payload::Commit(_)))
}

/// Flips the last bit of the last byte but `from_end`.
fn flip(bytes: &Bytes, from_end: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    let at = bytes.len() - 1 - from_end;
    bytes[at] ^= 1;
    bytes.into()
}

/// Bob has refused this text of Alice. She sends it again as soon as she hears that he has come back into the group.
async fn it_arrives_after_all(stage: &Stage, text: &str) {
    let alice_listens = stage.alice.listen();
    alice_listens.note("connected").await;
    until("it is sent again", async || {
        let texts = stage.bob.texts(&stage.alice).await;
        texts.iter().filter(|it| *it == text).count() == 1
    })
    .await;
    alice_listens.end().await.ok();
}

#[tokio::test]
async fn a_changed_message_is_refused_and_told() {
    let stage = Stage::set().await;
    stage.proxy.tamper(EachEntry(|mut entry: LogEntry| {
        if !is_commit(&entry) {
            let changed = flip(payload(&mut entry), 20);
            *payload(&mut entry) = changed;
        }
        vec![entry]
    }));
    let bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    stage.alice.send(&stage.bob, "changed on its way").await;
    bob_listens.note("warning").await;
    bob_listens.end().await.ok();
    stage.proxy.tamper(Honest);
    stage.alice.send(&stage.bob, "honest again").await;
    let texts = stage.bob.texts(&stage.alice).await;
    assert_eq!(texts[..3], ["first", "second", "honest again"]);
    stage.bob.send(&stage.alice, "and back").await;
    let texts = stage.alice.texts(&stage.bob).await;
    assert!(texts.contains(&"and back".to_owned()), "{texts:?}");
    it_arrives_after_all(&stage, "changed on its way").await;
}

#[tokio::test]
async fn a_cut_message_is_refused_and_told() {
    let stage = Stage::set().await;
    stage.proxy.tamper(EachEntry(|mut entry: LogEntry| {
        if !is_commit(&entry) {
            let cut = payload(&mut entry).slice(..40);
            *payload(&mut entry) = cut;
        }
        vec![entry]
    }));
    let bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    stage.alice.send(&stage.bob, "cut on its way").await;
    bob_listens.note("warning").await;
    bob_listens.end().await.ok();
    stage.proxy.tamper(Honest);
    stage.alice.send(&stage.bob, "whole again").await;
    let texts = stage.bob.texts(&stage.alice).await;
    assert_eq!(texts[..3], ["first", "second", "whole again"]);
    it_arrives_after_all(&stage, "cut on its way").await;
}

#[tokio::test]
async fn a_message_that_comes_twice_is_shown_once() {
    let stage = Stage::set().await;
    stage
        .proxy
        .tamper(EachEntry(|entry: LogEntry| vec![entry.clone(), entry]));
    let mut bob_listens = stage.bob.listen();
    for text in ["one", "two", "three"] {
        stage.alice.send(&stage.bob, text).await;
        assert_eq!(bob_listens.message().await["text"], text);
    }
    bob_listens.end().await.ok();
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        ["first", "second", "one", "two", "three"]
    );
}

/// Passes everything on, and after each message puts it once more under the next place in the log.
#[tokio::test]
async fn a_message_replayed_as_a_new_one_is_refused_and_told() {
    let stage = Stage::set().await;
    stage.proxy.tamper(EachEntry(|entry: LogEntry| {
        if is_commit(&entry) {
            return vec![entry];
        }
        let replayed = LogEntry {
            seq: entry.seq + 1,
            send_id: vec![7; 16].into(),
            ..entry.clone()
        };
        vec![entry, replayed]
    }));
    let mut bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    stage.alice.send(&stage.bob, "only once").await;
    assert_eq!(bob_listens.message().await["text"], "only once");
    bob_listens.note("warning").await;
    bob_listens.end().await.ok();
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        ["first", "second", "only once"]
    );
}

/// Two true messages under one number: the second has its own place in the log, and is taken from there.
#[tokio::test]
async fn two_messages_at_one_place_are_both_shown_in_their_order() {
    let stage = Stage::set().await;
    let mut first = None;
    stage.proxy.tamper(EachEntry(move |entry: LogEntry| {
        if is_commit(&entry) {
            return vec![entry];
        }
        let place = *first.get_or_insert(entry.seq);
        vec![LogEntry { seq: place, ..entry }]
    }));
    let mut bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    stage.alice.send(&stage.bob, "at its place").await;
    assert_eq!(bob_listens.message().await["text"], "at its place");
    stage.alice.send(&stage.bob, "at the place of the other").await;
    bob_listens.end().await.ok();
    stage.proxy.tamper(Honest);
    stage.alice.send(&stage.bob, "honest again").await;
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        [
            "first",
            "second",
            "at its place",
            "at the place of the other",
            "honest again"
        ]
    );
}

/// The largest number that there is: whoever believed it would wait for all the entries before it.
#[tokio::test]
async fn an_entry_at_an_impossible_place_is_told_and_taken_from_where_it_is() {
    let stage = Stage::set().await;
    stage.proxy.tamper(EachEntry(|entry: LogEntry| {
        vec![LogEntry {
            seq: u64::MAX,
            ..entry
        }]
    }));
    let bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    stage.alice.send(&stage.bob, "far out").await;
    bob_listens.note("warning").await;
    bob_listens.end().await.ok();
    stage.proxy.tamper(Honest);
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        ["first", "second", "far out"]
    );
    stage.bob.send(&stage.alice, "and back").await;
    assert_eq!(
        stage.alice.texts(&stage.bob).await,
        ["first", "second", "far out", "and back"]
    );
}

#[tokio::test]
async fn a_withheld_message_is_missed_told_and_awaited() {
    let stage = Stage::set().await;
    // From here on one place of the log does not exist for Bob.
    let hidden = Arc::new(Mutex::new(None));
    let place = Arc::clone(&hidden);
    stage.proxy.tamper(EachEntry(move |entry: LogEntry| {
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if is_commit(&entry) || *place.get_or_insert(entry.seq) != entry.seq {
            vec![entry]
        } else {
            Vec::new()
        }
    }));
    let bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    stage.alice.send(&stage.bob, "withheld").await;
    stage.alice.send(&stage.bob, "delivered").await;
    bob_listens.note("warning").await;
    // What follows is not shown as if nothing was missing.
    assert!(
        bob_listens.lines().iter().all(|line| line["event"] != "message"),
        "{:?}",
        bob_listens.lines()
    );
    bob_listens.end().await.ok();
    assert!(hidden.lock().unwrap_or_else(PoisonError::into_inner).is_some());
    stage.proxy.tamper(Honest);
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        ["first", "second", "withheld", "delivered"]
    );
}

#[tokio::test]
async fn messages_in_another_order_are_shown_in_theirs() {
    let stage = Stage::set().await;
    let mut held = Vec::new();
    stage.proxy.tamper(EachFrame(move |frame: ServerFrame| {
        // Pushes come in pairs, the later one first.
        if !matches!(frame.body, Some(Body::Deliver(_))) {
            return vec![frame];
        }
        held.push(frame);
        if held.len() < 2 {
            return Vec::new();
        }
        held.drain(..).rev().collect()
    }));
    let mut bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    for text in ["one", "two", "three", "four"] {
        stage.alice.send(&stage.bob, text).await;
    }
    // If the pushes were not even in number, one is still held: its place is noticed to be empty.
    stage.proxy.tamper(Honest);
    stage.alice.send(&stage.bob, "five").await;
    bob_listens
        .next("the last message", |line| line["text"] == "five")
        .await;
    bob_listens.end().await.ok();
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        ["first", "second", "one", "two", "three", "four", "five"]
    );
}

#[tokio::test]
async fn a_forged_commit_is_refused_told_and_survived() {
    let stage = Stage::set().await;
    // A second device of Alice joins by a commit, which reaches Bob changed.
    stage.proxy.tamper(EachEntry(|mut entry: LogEntry| {
        if is_commit(&entry) {
            let changed = flip(payload(&mut entry), 100);
            *payload(&mut entry) = changed;
        }
        vec![entry]
    }));
    let bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    let second = stage.alice.second_device().await;
    bob_listens.note("warning").await;
    bob_listens.end().await.ok();
    stage.proxy.tamper(Honest);
    second.send(&stage.bob, "from the second device").await;
    let texts = stage.bob.texts(&stage.alice).await;
    assert_eq!(texts, ["first", "second", "from the second device"]);
    stage.bob.send(&stage.alice, "to both").await;
    assert_eq!(
        second.texts(&stage.bob).await,
        ["from the second device", "to both"]
    );
    assert_eq!(
        stage.alice.texts(&stage.bob).await,
        ["first", "second", "from the second device", "to both"]
    );
}

#[tokio::test]
async fn a_commit_replayed_as_a_new_one_is_refused_told_and_survived() {
    let stage = Stage::set().await;
    stage.proxy.tamper(EachEntry(|entry: LogEntry| {
        if !is_commit(&entry) {
            return vec![entry];
        }
        let replayed = LogEntry {
            seq: entry.seq + 1,
            send_id: vec![7; 16].into(),
            ..entry.clone()
        };
        vec![entry, replayed]
    }));
    let bob_listens = stage.bob.listen();
    bob_listens.note("connected").await;
    let second = stage.alice.second_device().await;
    bob_listens.note("warning").await;
    bob_listens.end().await.ok();
    stage.proxy.tamper(Honest);
    second.send(&stage.bob, "after the replay").await;
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        ["first", "second", "after the replay"]
    );
    stage.bob.send(&stage.alice, "and back").await;
    assert_eq!(second.texts(&stage.bob).await, ["after the replay", "and back"]);
}

/// Gives, in place of the key packages asked for, those of a third person.
struct SwapKeyPackages(Arc<Mutex<Option<Vec<DeviceKeyPackage>>>>);

impl Tampering for SwapKeyPackages {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(Body::KeyPackages(packages)) = &mut frame.body {
            let mut stolen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &*stolen {
                None => *stolen = Some(packages.devices.clone()),
                Some(stolen) => packages.devices.clone_from(stolen),
            }
        }
        vec![frame]
    }
}

/// What is written to Bob waits, and the user hears of the false key packages.
async fn is_refused_and_told(alice: &Person, text: &str) {
    let waits = alice.run(&["send", "@bob", text, "--timeout", "0"]).await;
    assert_eq!(waits.ends_with(6).one()["status"], "pending");
    let alice_listens = alice.listen();
    alice_listens.note("\"how\":\"key_package_forged\"").await;
    alice_listens.end().await.ok();
}

#[tokio::test]
async fn a_swapped_key_package_is_refused_and_nothing_is_encrypted_for_it() {
    let server = Server::start().await;
    let proxy = TamperingProxy::before(server.address()).await;
    let (mut alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let mallory = Person::sign_up(&server, "mallory").await;
    alice.server = proxy.url();
    proxy.tamper(SwapKeyPackages(Arc::default()));
    alice.send(&mallory, "hello mallory").await;
    // From now on Bob's key packages are Mallory's.
    is_refused_and_told(&alice, "for bob alone").await;
    assert_eq!(mallory.texts(&alice).await, ["hello mallory"]);
    assert_eq!(mallory.run(&["chats"]).await.ok().lines().len(), 1);
    proxy.tamper(Honest);
    alice.send(&bob, "the second").await;
    assert_eq!(bob.texts(&alice).await, ["for bob alone", "the second"]);
}

/// Says that somebody has another account key, over the WebSocket and over REST.
struct SwapAccountKey {
    handle: String,
    false_key: Vec<u8>,
    true_key: Vec<u8>,
}

impl Tampering for SwapAccountKey {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        let account = match &mut frame.body {
            Some(Body::Account(account)) => Some(account),
            Some(Body::KeyPackages(packages)) => packages.account.as_mut(),
            _ => None,
        };
        if let Some(account) = account.filter(|account| account.handle == self.handle) {
            account.account_key = self.false_key.clone().into();
        }
        vec![frame]
    }

    fn to_client_over_rest(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let (from, to) = (
            URL_SAFE_NO_PAD.encode(&self.true_key),
            URL_SAFE_NO_PAD.encode(&self.false_key),
        );
        String::from_utf8_lossy(&bytes).replace(&from, &to).into_bytes()
    }
}

#[tokio::test]
async fn a_false_account_key_at_first_contact_does_not_let_a_message_out() {
    let server = Server::start().await;
    let proxy = TamperingProxy::before(server.address()).await;
    let (mut alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let mallory = Person::sign_up(&server, "mallory").await;
    let (true_key, false_key) = (account_key(&server, "bob"), account_key(&server, "mallory"));
    alice.server = proxy.url();
    proxy.tamper(SwapAccountKey {
        handle: "bob".to_owned(),
        false_key,
        true_key,
    });
    // The account id does not name the false key.
    let refused = alice
        .run(&["send", "@bob", "for bob alone", "--timeout", "3"])
        .await;
    refused.ends_with(5);
    assert!(
        refused.stderr.contains("not valid"),
        "the user is not told: {}",
        refused.stderr
    );
    assert_eq!(mallory.run(&["chats"]).await.ok().lines().len(), 0);
    assert_eq!(bob.run(&["chats"]).await.ok().lines().len(), 0);
}

/// Shows one person as another: the account key, and the key packages that go with it.
struct Impersonate {
    key: SwapAccountKey,
    packages: SwapKeyPackages,
}

impl Tampering for Impersonate {
    fn to_client(&mut self, frame: ServerFrame) -> Vec<ServerFrame> {
        let frames = self.key.to_client(frame);
        frames
            .into_iter()
            .flat_map(|frame| self.packages.to_client(frame))
            .collect()
    }

    fn to_client_over_rest(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.key.to_client_over_rest(bytes)
    }
}

#[tokio::test]
async fn an_account_key_that_changes_after_the_first_contact_is_told_and_gets_nothing() {
    let server = Server::start().await;
    let proxy = TamperingProxy::before(server.address()).await;
    let (mut alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    let mallory = Person::sign_up(&server, "mallory").await;
    alice.server = proxy.url();
    let stolen = Arc::<Mutex<Option<Vec<DeviceKeyPackage>>>>::default();
    proxy.tamper(SwapKeyPackages(Arc::clone(&stolen)));
    alice.send(&mallory, "hello mallory").await;
    // Alice meets Bob honestly. His devices have no key packages, as far as she is told: the text waits.
    proxy.tamper(EachFrame(|mut frame: ServerFrame| {
        if matches!(frame.body, Some(Body::KeyPackages(_))) {
            let code = subrosa_wire::ProblemCode::NoKeyPackages;
            frame.body = Some(Body::Problem(subrosa_wire::frames::Problem::new(code, "")));
        }
        vec![frame]
    }));
    let waits = alice
        .run(&["send", "@bob", "for bob alone", "--timeout", "1"])
        .await;
    assert_eq!(waits.ends_with(6).one()["status"], "pending");
    assert!(!waits.stderr.contains("server_misbehaved"), "{}", waits.stderr);
    // From now on Bob is Mallory, in every respect.
    proxy.tamper(Impersonate {
        key: SwapAccountKey {
            handle: "bob".to_owned(),
            true_key: account_key(&server, "bob"),
            false_key: account_key(&server, "mallory"),
        },
        packages: SwapKeyPackages(stolen),
    });
    is_refused_and_told(&alice, "this as well").await;
    assert_eq!(mallory.texts(&alice).await, ["hello mallory"]);
    assert_eq!(bob.run(&["chats"]).await.ok().lines().len(), 0);
    proxy.tamper(Honest);
    alice.send(&bob, "the third").await;
    assert_eq!(
        bob.texts(&alice).await,
        ["for bob alone", "this as well", "the third"]
    );
    assert_eq!(mallory.texts(&alice).await, ["hello mallory"]);
}

/// The public account key of a person, as the server's database has it.
fn account_key(server: &Server, handle: &str) -> Vec<u8> {
    let sql = "SELECT account_key FROM accounts WHERE handle = ?1";
    let key = rusqlite::Connection::open(server.database())
        .and_then(|database| database.query_row(sql, [handle], |row| row.get(0)));
    key.unwrap_or_else(|error| panic!("no account key of {handle}: {error}"))
}

#[tokio::test]
async fn a_false_welcome_is_refused_and_told_and_the_conversation_is_joined_all_the_same() {
    let Stage {
        server: _server,
        proxy,
        alice,
        bob,
    } = Stage::of_strangers().await;
    proxy.tamper(EachFrame(|mut frame: ServerFrame| {
        let welcomes = match &mut frame.body {
            Some(Body::SyncState(state)) => &mut state.welcomes,
            Some(Body::WelcomesWaiting(waiting)) => &mut waiting.welcomes,
            _ => return vec![frame],
        };
        for welcome in welcomes {
            welcome.welcome = flip(&welcome.welcome, 30);
        }
        vec![frame]
    }));
    alice.send(&bob, "before bob joined").await;
    let bob_listens = bob.listen();
    bob_listens.note("warning").await;
    bob_listens.end().await.ok();
    proxy.tamper(Honest);
    bob.send(&alice, "here i am").await;
    alice.send(&bob, "welcome").await;
    let mut texts = bob.texts(&alice).await;
    // Alice may have sent it again by now.
    texts.retain(|text| text != "before bob joined");
    assert_eq!(texts, ["here i am", "welcome"]);
}

/// Tells the client that the server has something it does not have, and the other way round.
#[tokio::test]
async fn frames_without_sense_are_survived() {
    let stage = Stage::set().await;
    let noise = [
        ServerFrame::default(),
        ServerFrame {
            request_id: 999,
            body: None,
        },
        ServerFrame {
            request_id: 1 << 60,
            body: Some(Body::Acknowledged(subrosa_wire::frames::Acknowledged {})),
        },
        ServerFrame {
            request_id: 0,
            body: Some(Body::Deliver(subrosa_wire::frames::Deliver {
                entries: vec![LogEntry::default()],
            })),
        },
        ServerFrame {
            request_id: 0,
            body: Some(Body::Deliver(subrosa_wire::frames::Deliver {
                entries: vec![LogEntry {
                    conversation_id: vec![9; 16].into(),
                    seq: u64::MAX,
                    payload: Some(Payload::Commit(vec![0; 3].into())),
                    ..LogEntry::default()
                }],
            })),
        },
        ServerFrame {
            request_id: 0,
            body: Some(Body::WelcomesWaiting(subrosa_wire::frames::WelcomesWaiting {
                welcomes: vec![subrosa_wire::frames::WelcomeItem::default()],
            })),
        },
    ];
    stage.proxy.tamper(EachFrame(move |frame: ServerFrame| {
        let mut frames = noise.to_vec();
        frames.push(frame);
        frames
    }));
    stage.alice.send(&stage.bob, "through the noise").await;
    assert_eq!(
        stage.bob.texts(&stage.alice).await,
        ["first", "second", "through the noise"]
    );
    stage.bob.send(&stage.alice, "and back").await;
    stage.proxy.tamper(Honest);
    assert_eq!(
        stage.alice.texts(&stage.bob).await,
        ["first", "second", "through the noise", "and back"]
    );
}

/// Changes each commit that a client sends, and counts them: then it is the server that refuses.
struct FlipSentCommits(Arc<AtomicUsize>);

impl Tampering for FlipSentCommits {
    fn to_server(&mut self, mut frame: ClientFrame) -> Vec<ClientFrame> {
        if let Some(Request::Append(append)) = &mut frame.request
            && let Some(append::Payload::Commit(commit)) = &mut append.payload
        {
            commit.commit = flip(&commit.commit, 100);
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        vec![frame]
    }
}

#[tokio::test]
async fn a_commit_changed_on_its_way_to_the_server_is_refused_there_and_nothing_is_lost() {
    let Stage {
        server: _server,
        proxy,
        alice,
        bob,
    } = Stage::of_strangers().await;
    alice.send(&bob, "first").await;
    bob.receive(1).await;
    // The first message of Bob's turn comes after a commit.
    let changed = Arc::new(AtomicUsize::new(0));
    proxy.tamper(FlipSentCommits(Arc::clone(&changed)));
    bob.run(&["send", "@alice", "after a broken commit", "--timeout", "3"])
        .await;
    let bob_listens = bob.listen();
    bob_listens.note("connected").await;
    until("a commit is sent", async || changed.load(Ordering::SeqCst) > 0).await;
    bob_listens.end().await;
    proxy.tamper(Honest);
    bob.send(&alice, "after it").await;
    let expected = ["first", "after a broken commit", "after it"];
    assert_eq!(alice.texts(&bob).await, expected);
    assert_eq!(bob.texts(&alice).await, expected);
}
