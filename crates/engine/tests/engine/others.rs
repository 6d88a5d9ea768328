//! Others who have founded conversations with a device, made with MLS alone, and a server that serves them.

use std::collections::HashMap;

use subrosa_engine::{
    ChatId, Command, Engine,
    account::{
        VaultContents, VaultKey,
        enrolment::{OpenVault, enrol_device},
    },
    content::{Origin, compose},
    profile_objects::format::{ObjectKey, ProfileObject},
    receipts::format::{KEY_LABEL, KEY_LEN, Receipt, ReceiptKey, Whose},
    signals::format::{Sender, Signal, SignalKind},
};
use subrosa_mls::{
    DeviceIdentity, Group, GroupPolicy, LogClaim, MemoryStore, Mls, ProcessError, Received, SuccessionKeyHash,
};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, ProblemCode,
    frames::{
        self, Account, Acknowledged, Append, Appended, ClientFrame, ConversationHead, ConversationReceipts,
        FetchObject, GroupState, KeyPackagesPublished, LogEntry, LogPage, ObjectPut, Problem, PutObject,
        PutReceipt, ReceiptChanged, ReceiptPut, ReceiptsPage, RecordsPage, SealedObject, SyncState, append,
        client_frame::Request, log_entry::Payload, look_up_account::By, server_frame::Body,
    },
    limits::KEY_PACKAGES_TARGET,
};
use zeroize::Zeroizing;

use crate::device::{Device, START, TAG};

/// Somebody who has founded a conversation, and its log after the creation.
pub(crate) struct Other {
    pub id: ConversationId,
    contents: VaultContents,
    identity: DeviceIdentity,
    store: MemoryStore,
    rng: SeededRng,
    group: Group,
    /// The number of the last send.
    sent: u64,
    /// What follows seq 1.
    pub log: Vec<LogEntry>,
    /// The cursor that the device has acknowledged.
    pub cursor: u64,
    pub receipts: Receipts,
    /// What the device has had passed on.
    pub signals: Vec<frames::Signal>,
    /// The sealed object that the server has for each id, with its revision.
    pub objects: HashMap<Vec<u8>, (u64, Vec<u8>)>,
    /// Whether it reads what the device sends.
    pub reads: bool,
    /// What it has read.
    pub heard: Vec<Vec<u8>>,
}

/// The receipts of a conversation at its server.
#[derive(Default)]
pub(crate) struct Receipts {
    /// What the device has put, in this order.
    pub put: Vec<PutReceipt>,
    /// What the server shows when it is asked.
    pub shown: Vec<frames::Receipt>,
    pub newest_change: u64,
}

impl Other {
    pub(crate) fn new(me: AccountId, number: u16) -> Self {
        let mut rng = SeededRng::new(u64::from(number) + 10_000);
        let contents = VaultContents::generate(SuccessionKeyHash::from_bytes([9; 32]), None, &mut rng);
        let vault = OpenVault {
            key: VaultKey::generate(&mut rng),
            revision: 1,
            contents,
        };
        let (_, identity) = enrol_device(&vault, START, &mut rng);
        let mut id = [7; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let id = ConversationId::from_bytes(id);
        let policy = GroupPolicy::direct(vault.account_id(), me).unwrap();
        let store = MemoryStore::new();
        let mls = Mls::new(&store, &mut rng, START);
        let group = mls.create_group(&identity, id, &policy).unwrap();
        Self {
            id,
            contents: vault.contents,
            identity,
            store,
            rng,
            group,
            sent: 1,
            log: Vec::new(),
            cursor: 0,
            receipts: Receipts::default(),
            signals: Vec::new(),
            objects: HashMap::new(),
            reads: false,
            heard: Vec::new(),
        }
    }

    pub(crate) fn account(&self) -> AccountId {
        self.contents.account_id()
    }

    /// Another device of the same account.
    pub(crate) fn sibling(&mut self) -> DeviceIdentity {
        let vault = OpenVault {
            key: VaultKey::generate(&mut self.rng),
            revision: 1,
            contents: VaultContents::decode(&self.contents.encode()).unwrap(),
        };
        enrol_device(&vault, START, &mut self.rng).1
    }

    /// The group as an honest server shows it.
    pub(crate) fn group_state(&mut self) -> GroupState {
        let head_seq = self.head();
        let mls = Mls::new(&self.store, &mut self.rng, START);
        GroupState {
            conversation_id: self.id.to_vec().into(),
            epoch: self.group.epoch(),
            head_seq,
            group_info: self.group.group_info(&mls, &self.identity).unwrap().into(),
            ratchet_tree: self.group.ratchet_tree().unwrap().into(),
            ..GroupState::default()
        }
    }

    /// The seq of the newest entry.
    pub(crate) fn head(&self) -> u64 {
        self.log.len() as u64 + 1
    }

    /// The receipt of the founder's device with these contents, as the server pushes it. `change` alters what it is bound
    /// to.
    pub(crate) fn receipt(
        &mut self,
        version: u64,
        receipt: &Receipt,
        change: impl FnOnce(&mut Whose),
    ) -> ReceiptChanged {
        let mut whose = self.whose(version);
        change(&mut whose);
        let (epoch, key) = self.receipt_key();
        let sealed = receipt.seal((epoch, &key), &whose, &mut self.rng);
        self.receipts.newest_change += 1;
        ReceiptChanged {
            receipt: Some(frames::Receipt {
                conversation_id: self.id.to_vec().into(),
                device_id: whose.device.to_vec().into(),
                version,
                change: self.receipts.newest_change,
                sealed: sealed.into(),
            }),
            after_change: self.receipts.newest_change - 1,
        }
    }

    /// A value of the founder's profile object.
    pub(crate) fn seal_profile(&mut self, shown: &ProfileObject, object: &ObjectKey) -> Vec<u8> {
        let signer = (
            &self.contents.account_key,
            self.contents.identity().succession_key_hash,
        );
        shown.seal(object, signer, &mut self.rng)
    }

    fn sender(&self) -> Sender {
        Sender {
            conversation: self.id,
            founding: 0,
            account: self.account(),
            device: self.identity.certificate.device_id(),
        }
    }

    /// A signal of the founder's device, as the server pushes it.
    pub(crate) fn signal(&mut self, signal: Signal) -> frames::Signal {
        let sender = self.sender();
        let (epoch, key) = self.receipt_key();
        frames::Signal {
            conversation_id: self.id.to_vec().into(),
            device_id: sender.device.to_vec().into(),
            sealed: signal.seal((epoch, &key), &sender, &mut self.rng).into(),
        }
    }

    /// Opens a signal that the device has had passed on.
    pub(crate) fn open_signal(&mut self, signal: &frames::Signal, by: &Device) -> SignalKind {
        let sender = Sender {
            account: by.account(),
            device: by.engine.me().device_id,
            ..self.sender()
        };
        let (_, key) = self.receipt_key();
        Signal::open(&signal.sealed, &key, &sender).unwrap().unwrap().kind
    }

    fn whose(&self, version: u64) -> Whose {
        Whose {
            conversation: self.id,
            founding: 0,
            account: self.account(),
            device: self.identity.certificate.device_id(),
            version,
        }
    }

    fn receipt_key(&mut self) -> (u64, ReceiptKey) {
        let mls = Mls::new(&self.store, &mut self.rng, START);
        let key = self.group.export_secret(&mls, KEY_LABEL, &[], KEY_LEN).unwrap();
        (self.group.epoch(), Zeroizing::new(key[..].try_into().unwrap()))
    }

    /// Opens what the device has put.
    pub(crate) fn open_receipt(&mut self, put: &PutReceipt, by: &Device) -> Receipt {
        let whose = Whose {
            account: by.account(),
            device: by.engine.me().device_id,
            ..self.whose(put.version)
        };
        let (_, key) = self.receipt_key();
        Receipt::open(&put.sealed, &key, &whose).unwrap()
    }

    fn entry(&self, sender: DeviceId, send_id: &[u8], payload: Payload) -> LogEntry {
        LogEntry {
            conversation_id: self.id.to_vec().into(),
            seq: self.head() + 1,
            send_id: send_id.to_vec().into(),
            accepted_at_ms: START.as_millis(),
            payload: Some(payload),
            sender_device: sender.to_vec().into(),
            tag: TAG.to_vec().into(),
        }
    }

    /// Appends a text, and returns its entry.
    pub(crate) fn say(&mut self, text: &str) -> LogEntry {
        self.sent += 1;
        self.say_with(text, &LogClaim::of_no_place(self.sent))
    }

    /// The same with this claim.
    pub(crate) fn say_with(&mut self, text: &str, claim: &LogClaim) -> LogEntry {
        let origin = Origin {
            sender: self.account(),
            conversation: self.id,
        };
        let salt = [u8::try_from(self.log.len()).unwrap(); 16];
        let (_, content) = origin.encode(&compose::text(&origin, salt, text)).unwrap();
        self.send(&content, claim)
    }

    /// Appends a message with this content, and returns its entry.
    pub(crate) fn send(&mut self, content: &[u8], claim: &LogClaim) -> LogEntry {
        let mls = Mls::new(&self.store, &mut self.rng, START);
        let message = self.group.encrypt(&mls, &self.identity, content, claim).unwrap();
        let sender = self.identity.certificate.device_id();
        self.accept(sender, Payload::ApplicationMessage(message.into()))
    }

    /// Appends what another device of the account has made, and returns the entry.
    pub(crate) fn accept(&mut self, sender: DeviceId, payload: Payload) -> LogEntry {
        let entry = self.entry(sender, &[8; 16], payload);
        self.log.push(entry.clone());
        entry
    }

    /// Appends a commit that lets another device of the account in.
    pub(crate) fn let_in(&mut self, sender: DeviceId, commit: Vec<u8>) -> LogEntry {
        self.follow(&commit);
        self.accept(sender, Payload::Commit(commit.into()))
    }

    /// Opens what the device has sent.
    pub(crate) fn open(&mut self, message: &[u8]) -> Result<Received, ProcessError> {
        let mls = Mls::new(&self.store, &mut self.rng, START);
        self.group.process(&mls, message)
    }

    fn object(&self, fetch: &FetchObject) -> Body {
        let (revision, sealed) = self
            .objects
            .get(&fetch.object_id[..])
            .cloned()
            .unwrap_or_default();
        Body::Object(SealedObject {
            object_id: fetch.object_id.clone(),
            revision,
            sealed: sealed.into(),
        })
    }

    fn put_object(&mut self, put: &PutObject) -> Body {
        let object = self.objects.entry(put.object_id.to_vec()).or_default();
        let stored = object.0 == put.replaces;
        if stored {
            *object = (put.replaces + 1, put.sealed.to_vec());
        }
        Body::ObjectPut(ObjectPut {
            stored,
            revision: object.0,
        })
    }

    /// Takes what the device appends, as an honest server does.
    pub(crate) fn append(&mut self, sender: DeviceId, append: &Append) -> Appended {
        let payload = match append.payload.as_ref().unwrap() {
            append::Payload::ApplicationMessage(message) => {
                if self.reads {
                    let Ok(Received::Application(read)) = self.open(message) else {
                        panic!("the device's message does not open")
                    };
                    self.heard.push(read.content.clone());
                }
                Payload::ApplicationMessage(message.clone())
            }
            append::Payload::Commit(commit) => {
                self.follow(&commit.commit);
                Payload::Commit(commit.commit.clone())
            }
            append::Payload::Leave(proposal) => Payload::Leave(proposal.clone()),
        };
        let entry = self.entry(sender, &append.send_id, payload);
        self.log.push(entry);
        self.appended()
    }

    /// The answer to the newest entry.
    pub(crate) fn appended(&self) -> Appended {
        Appended {
            conversation_id: self.id.to_vec().into(),
            seq: self.head(),
            epoch: self.group.epoch(),
            accepted_at_ms: START.as_millis(),
            tag: TAG.to_vec().into(),
        }
    }

    fn follow(&mut self, commit: &[u8]) {
        let mls = Mls::new(&self.store, &mut self.rng, START);
        let Ok(Received::Commit(staged)) = self.group.process(&mls, commit) else {
            panic!("the device's commit is not valid")
        };
        self.group.merge(&mls, staged).unwrap();
    }
}

/// The honest server of some conversations.
#[derive(Default)]
pub(crate) struct Others(pub HashMap<ConversationId, Other>);

impl Others {
    pub(crate) fn new(me: AccountId, count: u16) -> Self {
        Self(
            (0..count)
                .map(|number| Other::new(me, number))
                .map(|other| (other.id, other))
                .collect(),
        )
    }

    /// The one conversation that there is, or one of several.
    pub(crate) fn only(&mut self) -> &mut Other {
        self.0.values_mut().next().unwrap()
    }

    fn of(&mut self, id: &[u8]) -> &mut Other {
        self.0.get_mut(&ConversationId::try_from(id).unwrap()).unwrap()
    }

    pub(crate) fn state(&self, device: &Device) -> SyncState {
        let heads = self.0.values().map(|other| ConversationHead {
            conversation_id: other.id.to_vec().into(),
            head_seq: other.head(),
            epoch: other.group.epoch(),
            former: false,
            member: other.group.epoch() > 0,
            cursor: other.cursor,
            send_number: 0,
            head_hash: Vec::new().into(),
            receipts_change: other.receipts.newest_change,
        });
        SyncState {
            conversations: heads.collect(),
            ..device.empty_state()
        }
    }

    /// What an honest server answers.
    pub(crate) fn answer(&mut self, device: &Device, frame: &ClientFrame) -> Body {
        match frame.request.as_ref().unwrap() {
            Request::Sync(_) => Body::SyncState(self.state(device)),
            Request::Append(append) => {
                let sender = device.engine.me().device_id;
                Body::Appended(self.of(&append.conversation_id).append(sender, append))
            }
            Request::FetchLog(fetch) => {
                let other = self.of(&fetch.conversation_id);
                let after = usize::try_from(fetch.after_seq).unwrap().max(1) - 1;
                Body::LogPage(LogPage {
                    conversation_id: fetch.conversation_id.clone(),
                    entries: other.log[after..].to_vec(),
                    head_seq: other.head(),
                    ..LogPage::default()
                })
            }
            Request::FetchGroup(fetch) => Body::GroupState(self.of(&fetch.conversation_id).group_state()),
            Request::LookUpAccount(look_up) => {
                let Some(By::AccountId(account)) = &look_up.by else {
                    panic!("a handle is looked up")
                };
                let found = self
                    .0
                    .values()
                    .find(|other| other.account().to_vec() == account[..]);
                match found {
                    Some(other) => {
                        let identity = other.contents.identity();
                        Body::Account(Account {
                            account_id: account.clone(),
                            handle: format!("other{}", hex::encode(&other.id.as_bytes()[..2])),
                            account_key: identity.account_key.as_bytes().to_vec().into(),
                            succession_key_hash: identity.succession_key_hash.as_bytes().to_vec().into(),
                        })
                    }
                    None => Body::Problem(Problem::new(ProblemCode::UnknownAccount, "")),
                }
            }
            Request::Acknowledge(acknowledge) => {
                for cursor in &acknowledge.cursors {
                    self.of(&cursor.conversation_id).cursor = cursor.seq;
                }
                Body::Acknowledged(Acknowledged {})
            }
            Request::AcknowledgeWelcomes(_) => Body::Acknowledged(Acknowledged {}),
            Request::PublishKeyPackages(_) => Body::KeyPackagesPublished(KeyPackagesPublished {
                key_packages_left: KEY_PACKAGES_TARGET,
            }),
            Request::PutReceipt(put) => {
                let receipts = &mut self.of(&put.conversation_id).receipts;
                receipts.put.push(put.clone());
                receipts.newest_change += 1;
                Body::ReceiptPut(ReceiptPut {
                    version: put.version,
                    change: receipts.newest_change,
                    after_change: receipts.newest_change - 1,
                })
            }
            Request::PassOn(pass_on) => {
                for signal in &pass_on.signals {
                    self.of(&signal.conversation_id).signals.push(signal.clone());
                }
                Body::Acknowledged(Acknowledged {})
            }
            Request::FetchObject(fetch) => self.only().object(fetch),
            Request::PutObject(put) => self.only().put_object(put),
            Request::FetchReceipts(fetch) => Body::ReceiptsPage(ReceiptsPage {
                conversations: fetch
                    .conversations
                    .iter()
                    .map(|wanted| {
                        let receipts = &self.of(&wanted.conversation_id).receipts;
                        let is_later = |receipt: &&frames::Receipt| receipt.change > wanted.after_change;
                        ConversationReceipts {
                            conversation_id: wanted.conversation_id.clone(),
                            receipts: receipts.shown.iter().filter(is_later).cloned().collect(),
                            newest_change: receipts.newest_change,
                        }
                    })
                    .collect(),
            }),
            // A server that knows no records, as far as it matters here.
            Request::PutRecord(_) => Body::Problem(Problem::new(ProblemCode::UnknownRequest, "")),
            Request::FetchRecords(_) => Body::RecordsPage(RecordsPage::default()),
            other => panic!("asked for {other:?}"),
        }
    }

    /// Answers everything, until there is nothing more to answer.
    pub(crate) fn converse(&mut self, device: &mut Device) {
        self.converse_lying(device, |_| {});
    }

    /// The same, with what a liar makes of each answer.
    pub(crate) fn converse_lying(&mut self, device: &mut Device, mut lie: impl FnMut(&mut Body)) {
        while !device.asked.is_empty() {
            let frame = device.asked.remove(0);
            let mut body = self.answer(device, &frame);
            lie(&mut body);
            device.answer(frame.request_id, body);
        }
    }
}

/// A device that is in one conversation, and its server.
pub(crate) fn joined() -> (Device, Others, ChatId) {
    let (mut device, mut others, chat) = invited();
    device.step(Command::Accept(chat)).unwrap();
    others.converse(&mut device);
    (device, others, chat)
}

/// The same before the user has accepted the conversation.
pub(crate) fn invited() -> (Device, Others, ChatId) {
    let mut device = Device::new(1);
    let mut others = Others::new(device.account(), 1);
    device.step(subrosa_engine::Input::Connected).unwrap();
    others.converse(&mut device);
    let chat = only_chat(&device.engine);
    (device, others, chat)
}

fn only_chat(engine: &Engine) -> ChatId {
    let conversations = engine.conversations().unwrap();
    assert_eq!(conversations.len(), 1);
    conversations[0].id
}
