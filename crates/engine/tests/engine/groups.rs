//! Groups, and a server that shows something else in their place.

use subrosa_engine::{
    Command, ConversationState, Event, Input, Lifetime, MemberMisbehaviour, Rights, Role, Warning,
    content::{GroupProfile, MimiContent, Origin, ProfilePlaces, SendToken, compose},
};
use subrosa_mls::{DeviceIdentity, Group, LogClaim, MemoryStore, Mls, PublicView, Received};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    ConversationId, ProblemCode,
    frames::{
        Account, Acknowledged, Append, ConversationHead, CreateConversation, Deliver, DeviceKeyPackage,
        KeyPackages, LogEntry, Problem, append, client_frame::Request, log_entry::Payload,
        server_frame::Body,
    },
};

use crate::{
    changed_keys::{answer, connect},
    device::{Device, OwnLog, START, TAG},
};

const GROUP: ConversationId = ConversationId::from_bytes(*b"one of the group");
const OTHER: ConversationId = ConversationId::from_bytes(*b"another's group!");

/// The device makes a group in which a text waits, and the server is asked for nobody's key packages in vain. Returns the
/// creation with its request id.
fn creating(device: &mut Device) -> (u64, CreateConversation) {
    for _ in 0..10 {
        let Some(at) = device.asked.iter().position(|frame| {
            matches!(
                frame.request,
                Some(Request::ClaimKeyPackages(_) | Request::CreateConversation(_))
            )
        }) else {
            device.now = device.wake_at.unwrap_or(device.now).max(device.now);
            device.step(Input::Tick).unwrap();
            continue;
        };
        let frame = device.asked.remove(at);
        match frame.request {
            Some(Request::CreateConversation(create)) => return (frame.request_id, create),
            _ => device.answer(frame.request_id, Body::KeyPackages(KeyPackages::default())),
        }
    }
    panic!("no group is made");
}

fn starting(seed: u64) -> Device {
    let mut device = Device::new(seed);
    connect(&mut device, |_| {});
    device.asked.clear();
    let create = Command::CreateGroup {
        conversation_id: GROUP,
        group: "Harvest".into(),
        people: vec![Device::person(seed + 1)],
    };
    device.step(Input::Command(create)).unwrap();
    let chat = device.engine.chat_by_conversation_id(GROUP).unwrap().unwrap();
    let text = Command::SendText {
        chat,
        text: "for the harvest".to_owned(),
        token: SendToken::random(&mut SeededRng::new(1)),
    };
    device.step(Input::Command(text)).unwrap();
    device
}

// What waited for the group was sent to whoever had a group under the id that the server named.
#[test]
fn a_group_that_is_being_made_never_becomes_another_one() {
    let mut device = starting(1);
    let (request_id, create) = creating(&mut device);
    assert_eq!(create.conversation_id, GROUP.to_vec());
    let mut exists = Problem::new(ProblemCode::ConversationExists, "");
    exists.conversation_id = OTHER.to_vec().into();
    device.answer(request_id, Body::Problem(exists));
    assert_eq!(device.engine.chat_by_conversation_id(OTHER).unwrap(), None);
    // It is made under an id that nobody knows.
    let (_, again) = creating(&mut device);
    let id = ConversationId::try_from(&again.conversation_id[..]).unwrap();
    assert!(id != GROUP && id != OTHER);
    assert!(
        device
            .asked
            .iter()
            .all(|frame| !matches!(frame.request, Some(Request::Append(_))))
    );
}

#[test]
fn a_group_that_is_not_made_yet_is_not_entered_as_the_server_shows_it() {
    let mut device = starting(3);
    let chat = device.engine.chat_by_conversation_id(GROUP).unwrap().unwrap();
    device.step(Input::Disconnected).unwrap();
    device.asked.clear();
    connect(&mut device, |state| {
        state.conversations.push(ConversationHead {
            conversation_id: GROUP.to_vec().into(),
            head_seq: 1,
            epoch: 1,
            ..ConversationHead::default()
        });
    });
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.state, ConversationState::Starting);
    assert_ne!(conversation.conversation_id, GROUP);
    assert!(
        device
            .asked
            .iter()
            .all(|frame| !matches!(frame.request, Some(Request::FetchGroup(_))))
    );
}

/// A member of the device's group, made with MLS alone.
struct Peer {
    identity: DeviceIdentity,
    store: MemoryStore,
    rng: SeededRng,
}

impl Peer {
    fn new(seed: u64) -> Self {
        Self {
            identity: Device::identity(seed),
            store: MemoryStore::new(),
            rng: SeededRng::new(seed),
        }
    }

    fn mls<T>(&mut self, act: impl FnOnce(&Mls<'_>, &DeviceIdentity) -> T) -> T {
        act(&Mls::new(&self.store, &mut self.rng, START), &self.identity)
    }

    /// What the server hands out of its key packages.
    fn key_packages(&mut self) -> KeyPackages {
        let key_package = self.mls(|mls, identity| mls.key_packages(identity, 1).unwrap().remove(0));
        let certificate = &self.identity.certificate;
        let person = Device::person(2);
        KeyPackages {
            account: Some(Account {
                account_id: certificate.account_id().to_vec().into(),
                handle: person.handle.to_string(),
                account_key: person.account_key.0.clone().into(),
                succession_key_hash: person.succession_key_hash.0.clone().into(),
            }),
            devices: vec![DeviceKeyPackage {
                device_id: certificate.device_id().to_vec().into(),
                key_package: key_package.into(),
            }],
        }
    }

    fn join(&mut self, create: &CreateConversation) {
        let commit = create.commit.as_ref().unwrap();
        let mut view = PublicView::create(&create.group_info, &create.ratchet_tree, GROUP, START).unwrap();
        view.process_commit(&commit.commit, &commit.group_info, START)
            .unwrap();
        let tree = view.ratchet_tree().unwrap();
        self.mls(|mls, identity| {
            mls.stage_welcome(identity, &commit.welcome, &tree, GROUP)
                .unwrap()
                .accept(mls)
                .unwrap();
        });
    }

    fn group<T>(&mut self, act: impl FnOnce(&Mls<'_>, &DeviceIdentity, &mut Group) -> T) -> T {
        self.mls(|mls, identity| {
            let mut group = mls.load_group(GROUP).unwrap().unwrap();
            act(mls, identity, &mut group)
        })
    }

    fn follow(&mut self, commit: &[u8]) {
        self.group(|mls, _, group| match group.process(mls, commit).unwrap() {
            Received::Commit(staged) => group.merge(mls, staged).unwrap(),
            other => panic!("not a commit: {other:?}"),
        });
    }

    /// A text, whoever may write.
    fn say(&mut self, text: &str, number: u64) -> Vec<u8> {
        self.send(number, |origin, salt| compose::text(origin, salt, text))
    }

    /// A message with this content.
    fn send(&mut self, number: u64, make: impl FnOnce(&Origin, [u8; 16]) -> MimiContent) -> Vec<u8> {
        let origin = Origin {
            sender: self.identity.certificate.account_id(),
            conversation: GROUP,
        };
        let salt = [u8::try_from(number).unwrap(); 16];
        let (_, content) = origin.encode(&make(&origin, salt)).unwrap();
        let claim = LogClaim::of_no_place(number);
        self.group(|mls, identity, group| group.encrypt(mls, identity, &content, &claim).unwrap())
    }
}

/// Accepts what the device sends, with a peer who follows its commits and has key packages, until it asks nothing more.
fn serve(device: &mut Device, peer: &mut Peer, log: &mut OwnLog, seq: &mut u64) {
    while !device.asked.is_empty() {
        let frame = device.asked.remove(0);
        let body = match frame.request.unwrap() {
            Request::ClaimKeyPackages(claim)
                if claim.account_id == peer.identity.certificate.account_id().to_vec() =>
            {
                Body::KeyPackages(peer.key_packages())
            }
            Request::ClaimKeyPackages(_) => Body::KeyPackages(KeyPackages::default()),
            Request::CreateConversation(create) => {
                *seq = 1;
                peer.join(&create);
                let append = Append {
                    conversation_id: create.conversation_id,
                    send_id: create.send_id,
                    send_number: 1,
                    payload: create.commit.map(append::Payload::Commit),
                };
                log.accept(device, append, 1)
            }
            Request::Append(append) => {
                *seq += 1;
                if let Some(append::Payload::Commit(commit)) = &append.payload {
                    peer.follow(&commit.commit);
                }
                log.accept(device, append, *seq)
            }
            Request::FetchLog(fetch) => log.page(fetch),
            Request::Acknowledge(_) => Body::Acknowledged(Acknowledged {}),
            _ => Body::Problem(Problem::new(ProblemCode::UnknownRequest, "")),
        };
        answer(device, frame.request_id, body);
    }
}

/// A message of the peer arrives.
fn push(device: &mut Device, message: Vec<u8>, seq: &mut u64) {
    *seq += 1;
    device.push(Body::Deliver(Deliver {
        entries: vec![LogEntry {
            conversation_id: GROUP.to_vec().into(),
            seq: *seq,
            send_id: seq.to_be_bytes().repeat(2).into(),
            accepted_at_ms: START.as_millis(),
            payload: Some(Payload::ApplicationMessage(message.into())),
            sender_device: Device::identity(2).certificate.device_id().to_vec().into(),
            tag: TAG.to_vec().into(),
        }],
    }));
}

// Nothing was heard of a timer as long as nobody had set one, and what was not heard of was believed.
#[test]
fn whoever_may_not_set_the_timer_does_not_set_it_by_repeating_what_nobody_has_said() {
    let mut peer = Peer::new(2);
    let (mut log, mut seq) = (OwnLog::default(), 0);
    let mut device = starting(1);
    serve(&mut device, &mut peer, &mut log, &mut seq);
    let chat = device.engine.chat_by_conversation_id(GROUP).unwrap().unwrap();
    let said = GroupProfile {
        timer: Some(Lifetime::from_secs(5)),
        ..GroupProfile::default()
    };
    let places = ProfilePlaces {
        timer: seq,
        ..ProfilePlaces::default()
    };
    let repeated = GroupProfile {
        places: Some(places),
        ..said.clone()
    };
    for (number, profile) in [(1, said), (2, repeated)] {
        let message = peer.send(number, |origin, salt| {
            compose::group_profile(origin, salt, &profile)
        });
        push(&mut device, message, &mut seq);
        assert_eq!(device.engine.conversation(chat).unwrap().unwrap().timer, None);
    }
}

#[test]
fn what_somebody_writes_who_may_not_is_told_and_not_shown() {
    let mut peer = Peer::new(2);
    let (mut log, mut seq) = (OwnLog::default(), 0);
    let mut device = starting(1);
    serve(&mut device, &mut peer, &mut log, &mut seq);
    let chat = device.engine.chat_by_conversation_id(GROUP).unwrap().unwrap();
    assert_eq!(
        device.engine.conversation(chat).unwrap().unwrap().state,
        ConversationState::Joined
    );
    let message = peer.say("hello", 1);
    push(&mut device, message, &mut seq);
    let rights = Rights {
        post: Role::Admin,
        ..Rights::DEFAULT
    };
    device
        .step(Input::Command(Command::SetRights { chat, rights }))
        .unwrap();
    serve(&mut device, &mut peer, &mut log, &mut seq);
    assert_eq!(
        device.engine.policy(chat).unwrap().unwrap().rights().post,
        Role::Admin
    );
    let message = peer.say("an advertisement", 2);
    push(&mut device, message, &mut seq);
    let texts: Vec<_> = device
        .engine
        .messages(chat, None, 10)
        .unwrap()
        .into_iter()
        .map(|message| message.text)
        .collect();
    assert_eq!(texts, ["for the harvest", "hello"]);
    let told = device.events.iter().any(|event| {
        matches!(
            event,
            Event::Warning(Warning::MemberMisbehaved {
                how: MemberMisbehaviour::NotPermitted { .. },
                ..
            })
        )
    });
    assert!(told, "{:?}", device.warnings());
}
