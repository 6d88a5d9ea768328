//! A whole client, Bob's, in front of a server that lies: what it is given, and what it may never do.

use std::{collections::VecDeque, path::PathBuf, sync::LazyLock};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use subrosa_engine::{
    ChatId, Command, Engine, Input, Message, NewProfile, Output,
    account::{VaultContents, VaultKey},
    content::{Origin, SendToken, compose},
    database::{Database, DatabaseKey},
};
use subrosa_mls::{CommitPlan, LogClaim, LogHash, MemoryStore, PublicView};
use subrosa_wire::frames::{
    AccountRecord, ConversationHead, ConversationReceipts, Deliver, LogEntry, LogPage, ObjectPut, Receipt,
    ReceiptChanged, ReceiptPut, ReceiptsPage, RecordChanged, RecordPut, RecordsPage, SealedObject,
    ServerFrame, Signal, SyncState, WelcomeItem, WelcomesWaiting, client_frame::Request, log_entry::Payload,
    server_frame::Body,
};

use crate::world::{self, ALICE, CONVERSATION, NOW, World};

/// The one text that Alice has sent: a client may show no other.
pub const HONEST_TEXT: &str = "Meet me under the rose.";
/// The one text that Bob sends.
pub const OWN_TEXT: &str = "At six.";

/// A client that was started anew, and the requests that it waits for.
pub struct Client {
    /// The engine.
    pub engine: Engine,
    waiting: VecDeque<u64>,
    _folder: tempfile::TempDir,
}

/// A profile on disk, and what an honest server would say to it.
struct Template {
    folder: tempfile::TempDir,
    said: Vec<ServerFrame>,
}

impl Client {
    /// A client with the profile of the template, connected.
    pub fn start() -> Self {
        let folder = crate::scratch_folder();
        std::fs::copy(database_in(&Template::get().folder), database_in(&folder)).expect("a copy");
        let database = Database::open(&database_in(&folder), &database_key()).expect("the copy is sound");
        let engine = Engine::open(database, rng())
            .expect("the profile is sound")
            .expect("there is one");
        let mut client = Self {
            engine,
            waiting: VecDeque::new(),
            _folder: folder,
        };
        client.step(Input::Connected);
        client
    }

    /// One thing that happens to it. An error is fine, as long as nothing of the step is kept.
    pub fn step(&mut self, input: Input) {
        if let Ok(Output { frames, .. }) = self.engine.step(NOW, input) {
            self.waiting.extend(frames.iter().map(|frame| frame.request_id));
        }
    }

    /// The conversation, once it has joined it.
    fn chat(&self) -> Option<ChatId> {
        let chat = self.engine.chat_by_conversation_id(CONVERSATION);
        chat.expect("the database is sound")
    }

    /// What it shows of the conversation.
    pub fn messages(&self) -> Vec<Message> {
        let messages = self.chat().map(|chat| self.engine.messages(chat, None, 100));
        messages
            .transpose()
            .expect("the database is sound")
            .unwrap_or_default()
    }

    /// The user writes. Before it has joined there is nowhere to, which is an error like others.
    pub fn write(&mut self) {
        self.step(Input::Command(Command::SendText {
            chat: self.chat().unwrap_or(ChatId::new(1)),
            text: OWN_TEXT.to_owned(),
            token: SendToken::from_bytes([1; 16]),
        }));
    }

    /// The request that has waited longest.
    pub fn next_request(&mut self) -> u64 {
        self.waiting.pop_front().unwrap_or_default()
    }

    /// Frames that an honest server would send, to be spoilt.
    pub fn honest_frames() -> &'static [ServerFrame] {
        &Template::get().said
    }
}

impl Template {
    fn get() -> &'static Self {
        static TEMPLATE: LazyLock<Template> = LazyLock::new(Template::build);
        &TEMPLATE
    }

    fn build() -> Self {
        let folder = crate::scratch_folder();
        let database = Database::create(&database_in(&folder), &database_key()).expect("a database");
        let mut engine = Engine::create(database, &bob_profile(), rng()).expect("a profile");
        let key_package = first_key_package(&mut engine);
        let said = what_is_said(&key_package);
        drop(engine);
        Self { folder, said }
    }
}

/// Makes the engine publish its first key package.
fn first_key_package(engine: &mut Engine) -> Vec<u8> {
    let sync = engine.step(NOW, Input::Connected).expect("a step").frames;
    let state = SyncState {
        key_packages_left: 49,
        ..SyncState::default()
    };
    let answer = ServerFrame {
        request_id: sync[0].request_id,
        body: Some(Body::SyncState(state)),
    };
    let frames = engine
        .step(NOW, Input::Received(Box::new(answer)))
        .expect("a step")
        .frames;
    let published = frames.into_iter().find_map(|frame| match frame.request {
        Some(Request::PublishKeyPackages(packages)) => packages.one_time.into_iter().next(),
        _ => None,
    });
    published.expect("a key package").into()
}

/// Alice adds Bob, writes, and renews her key; the server tells of it in every way that it has.
fn what_is_said(key_package: &[u8]) -> Vec<ServerFrame> {
    let (alice, store) = (world::device(ALICE, 1), MemoryStore::new());
    let (group_info, tree, add) = world::with_mls(21, &store, |mls| {
        let mut group = mls
            .create_group(&alice, CONVERSATION, &world::policy())
            .expect("a group");
        let start = (
            group.group_info(mls, &alice).expect("a group info"),
            group.ratchet_tree().expect("a tree"),
        );
        let bob = mls
            .verify_key_package(key_package, World::bob())
            .expect("Bob's own");
        let plan = CommitPlan {
            add: vec![bob],
            ..CommitPlan::default()
        };
        let add = group
            .commit(mls, &alice, plan, &LogClaim::of_no_place(1))
            .expect("a commit");
        group.merge_pending_commit(mls).expect("her own commit");
        (start.0, start.1, add)
    });
    let mut view = PublicView::create(&group_info, &tree, CONVERSATION, NOW).expect("a new group");
    view.process_commit(&add.commit, &add.group_info, NOW)
        .expect("an honest commit");
    let welcome = WelcomeItem {
        item_id: 1,
        conversation_id: CONVERSATION.to_vec().into(),
        seq: 1,
        welcome: add.welcome.expect("Bob was added").into(),
        ratchet_tree: view.ratchet_tree().expect("a tree").into(),
        hash_before: LogHash::START.as_bytes().to_vec().into(),
        ..WelcomeItem::default()
    };
    let (message, update) = world::with_mls(22, &store, |mls| {
        let mut group = mls.load_group(CONVERSATION).expect("sound").expect("a member");
        let origin = Origin {
            sender: world::account(ALICE).account_id(),
            conversation: CONVERSATION,
        };
        let content = compose::text(&origin, [9; 16], HONEST_TEXT);
        let (_, encoded) = origin.encode(&content).expect("a content");
        let message = group
            .encrypt(mls, &alice, &encoded, &LogClaim::of_no_place(2))
            .expect("a message");
        (
            message,
            group
                .commit(mls, &alice, CommitPlan::default(), &LogClaim::of_no_place(3))
                .expect("a self-update")
                .commit,
        )
    });
    let entries = [
        (2, Payload::ApplicationMessage(message.into())),
        (3, Payload::Commit(update.into())),
    ]
    .map(entry);
    let head = ConversationHead {
        conversation_id: CONVERSATION.to_vec().into(),
        head_seq: 3,
        epoch: 2,
        member: true,
        receipts_change: 1,
        ..ConversationHead::default()
    };
    let state = SyncState {
        conversations: vec![head],
        welcomes: vec![welcome.clone()],
        key_packages_left: 49,
        has_last_resort_key_package: true,
        ..SyncState::default()
    };
    let record = AccountRecord {
        conversation_id: CONVERSATION.to_vec().into(),
        revision: 1,
        change: 1,
        sealed: vec![1; 64].into(),
    };
    let receipt = Receipt {
        conversation_id: CONVERSATION.to_vec().into(),
        device_id: alice.certificate.device_id().to_vec().into(),
        version: 1,
        change: 1,
        sealed: vec![1; 64].into(),
    };
    let signal = Signal {
        conversation_id: CONVERSATION.to_vec().into(),
        device_id: alice.certificate.device_id().to_vec().into(),
        sealed: vec![1; 64].into(),
    };
    let page = LogPage {
        conversation_id: CONVERSATION.to_vec().into(),
        entries: entries.to_vec(),
        head_seq: 3,
        head_hash: vec![3; 32].into(),
    };
    [
        Body::WelcomesWaiting(WelcomesWaiting {
            welcomes: vec![welcome],
        }),
        Body::Deliver(Deliver {
            entries: entries.to_vec(),
        }),
        Body::SyncState(state),
        Body::LogPage(page),
        Body::RecordPut(RecordPut {
            stored: false,
            record: Some(record.clone()),
            after_change: 0,
        }),
        Body::RecordsPage(RecordsPage {
            records: vec![record.clone()],
            newest_change: 1,
        }),
        Body::RecordChanged(RecordChanged {
            record: Some(record),
            after_change: 0,
        }),
        Body::ReceiptPut(ReceiptPut {
            version: 1,
            change: 1,
            after_change: 0,
        }),
        Body::ReceiptsPage(ReceiptsPage {
            conversations: vec![ConversationReceipts {
                conversation_id: CONVERSATION.to_vec().into(),
                receipts: vec![Receipt {
                    conversation_id: Vec::new().into(),
                    ..receipt.clone()
                }],
                newest_change: 1,
            }],
        }),
        Body::ReceiptChanged(ReceiptChanged {
            receipt: Some(receipt),
            after_change: 0,
        }),
        Body::Signal(signal),
        Body::ObjectPut(ObjectPut {
            stored: false,
            revision: 1,
        }),
        Body::Object(SealedObject {
            object_id: vec![3; 16].into(),
            revision: 1,
            sealed: vec![1; 64].into(),
        }),
    ]
    .map(|body| ServerFrame {
        request_id: 0,
        body: Some(body),
    })
    .into()
}

fn entry((seq, payload): (u64, Payload)) -> LogEntry {
    LogEntry {
        conversation_id: CONVERSATION.to_vec().into(),
        seq,
        send_id: vec![u8::try_from(seq).expect("small"); 16].into(),
        accepted_at_ms: 1_790_000_000_000,
        payload: Some(payload),
        sender_device: world::device(ALICE, 1).certificate.device_id().to_vec().into(),
        tag: vec![7; 16].into(),
    }
}

fn bob_profile() -> NewProfile {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let mut vault = VaultContents::generate(world::succession_key_hash(world::BOB), None, &mut rng);
    vault.account_key = world::account_key(world::BOB);
    NewProfile {
        handle: "bob".parse().expect("a handle"),
        identity: World::bob_identity(),
        vault,
        vault_key: VaultKey::from_bytes([5; 32]),
        vault_revision: 1,
    }
}

fn database_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("profile.db")
}

fn database_key() -> DatabaseKey {
    DatabaseKey::from_bytes([6; 32])
}

fn rng() -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(13))
}
