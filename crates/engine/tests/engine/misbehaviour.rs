//! What a server or a member does that an honest one never does, and what the user is told of it: the ways that no
//! other test reaches.

use std::time::Duration;

use subrosa_engine::{
    ChatId, Command, ConversationState, Input, MemberMisbehaviour, Message, MessageStatus, Misbehaviour,
    Warning, content::SendToken,
};
use subrosa_mls::{
    DeviceIdentity, GroupPolicy, JoinError, LogClaim, MemoryStore, Mls, PolicyError, ProcessError, Received,
};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    AccountId, ConversationId, ProblemCode,
    frames::{
        Appended, ClientFrame, ConversationHead, Deliver, DeviceKeyPackage, GroupState, KeyPackages,
        LogEntry, Problem, ServerFrame, WelcomeItem, WelcomesWaiting, append, client_frame::Request,
        log_entry::Payload, server_frame::Body,
    },
};

use crate::{
    changed_keys::{BOB, account, alice, connect, key_package},
    device::{Device, START},
    mallory::Mallory,
    numbers::{message, next_append, send},
    others::{Others, joined},
};

fn push(device: &mut Device, entry: LogEntry) {
    device.push(Body::Deliver(Deliver { entries: vec![entry] }));
}

fn by_server(how: Misbehaviour) -> Warning {
    Warning::ServerMisbehaved { chat: None, how }
}

fn by_server_in(chat: ChatId, how: Misbehaviour) -> Warning {
    Warning::ServerMisbehaved {
        chat: Some(chat),
        how,
    }
}

fn texts(device: &Device, chat: ChatId) -> Vec<String> {
    let messages = device.engine.messages(chat, None, 10).unwrap();
    messages.into_iter().map(|message| message.text).collect()
}

/// The entry with another payload.
fn changed(entry: &LogEntry, change: impl FnOnce(&mut Vec<u8>)) -> LogEntry {
    let Some(Payload::ApplicationMessage(message)) = &entry.payload else {
        panic!("not a message")
    };
    let mut message = message.to_vec();
    change(&mut message);
    LogEntry {
        payload: Some(Payload::ApplicationMessage(message.into())),
        ..entry.clone()
    }
}

// ---- what names nothing ----

#[test]
fn what_names_no_conversation_is_passed_over() {
    let entry = LogEntry {
        seq: 1,
        payload: Some(Payload::ApplicationMessage(vec![1].into())),
        ..LogEntry::default()
    };
    let welcome = WelcomeItem {
        seq: 1,
        ..WelcomeItem::default()
    };
    let head = ConversationHead {
        head_seq: 1,
        ..ConversationHead::default()
    };
    let expected = by_server(Misbehaviour::NoConversation);

    let mut device = Device::new(1);
    connect(&mut device, |state| state.conversations.push(head));
    assert_eq!(device.warnings(), [&expected]);
    for body in [
        Body::Deliver(Deliver { entries: vec![entry] }),
        Body::WelcomesWaiting(WelcomesWaiting {
            welcomes: vec![welcome],
        }),
    ] {
        let mut device = Device::new(1);
        connect(&mut device, |_| {});
        device.push(body);
        assert_eq!(device.warnings(), [&expected]);
    }
}

// ---- the log ----

#[test]
fn an_entry_that_the_server_withholds_is_told_and_asked_for_again() {
    let (mut device, mut others, chat) = joined();
    others.only().say("hello");
    device.step(Input::Connected).unwrap();
    others.converse_lying(&mut device, |body| {
        if let Body::LogPage(page) = body {
            page.entries.clear();
        }
    });
    assert_eq!(
        device.warnings(),
        [&by_server_in(chat, Misbehaviour::EntriesWithheld)]
    );
    device.now = device.wake_at.unwrap();
    device.step(Input::Tick).unwrap();
    others.converse(&mut device);
    assert_eq!(texts(&device, chat), ["hello"]);
}

#[test]
fn an_entry_that_is_refused_twice_is_told_and_skipped() {
    for is_cut in [true, false] {
        let (mut device, mut others, chat) = joined();
        let first = others.only().say("one");
        let false_form = changed(&first, |message| {
            if is_cut {
                message.truncate(message.len() / 2);
            } else {
                *message.last_mut().unwrap() ^= 1;
            }
        });
        push(&mut device, false_form.clone());
        assert_eq!(device.warnings(), Vec::<&Warning>::new());
        others.converse_lying(&mut device, |body| {
            if let Body::LogPage(page) = body {
                page.entries = vec![false_form.clone()];
            }
        });
        let told = device.warnings();
        let is_expected = match &told[..] {
            // What an honest server would not have taken.
            [
                Warning::ServerMisbehaved {
                    how: Misbehaviour::EntryForged { seq, .. },
                    ..
                },
            ] => is_cut && *seq == first.seq,
            // What only members can check.
            [
                Warning::Unreadable {
                    seq,
                    error: ProcessError::Undecryptable(_),
                    ..
                },
            ] => !is_cut && *seq == first.seq,
            _ => false,
        };
        assert!(is_expected, "{told:?}");
        assert_eq!(device.engine.recovery_counts().entries_refused, 2);
        let second = others.only().say("two");
        push(&mut device, second);
        assert_eq!(texts(&device, chat), ["two"]);
    }
}

#[test]
fn a_log_that_has_become_shorter_is_told_and_entered_again() {
    let (mut device, mut others, chat) = joined();
    let entry = others.only().say("hello");
    push(&mut device, entry.clone());
    device.step(Input::Connected).unwrap();
    let shorter = entry.seq - 1;
    let mut is_lying = true;
    others.converse_lying(&mut device, |body| match body {
        Body::SyncState(state) => state.conversations[0].head_seq = shorter,
        Body::GroupState(state) => {
            state.head_seq = shorter;
            is_lying = false;
        }
        Body::LogPage(page) if is_lying => {
            page.entries.retain(|entry| entry.seq <= shorter);
            page.head_seq = shorter;
        }
        _ => {}
    });
    assert!(
        device
            .warnings()
            .contains(&&by_server_in(chat, Misbehaviour::LogShortened)),
        "{:?}",
        device.warnings()
    );
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.state, ConversationState::Joined);
    assert_eq!(texts(&device, chat), ["hello"]);
}

// ---- groups ----

#[test]
fn a_welcome_that_is_none_is_told_and_dropped() {
    let mut device = Device::new(1);
    connect(&mut device, |_| {});
    device.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![WelcomeItem {
            seq: 1,
            conversation_id: vec![9; 16].into(),
            welcome: vec![1, 2, 3].into(),
            ..WelcomeItem::default()
        }],
    }));
    let told = device.warnings();
    assert!(
        matches!(
            told[..],
            [Warning::ServerMisbehaved {
                chat: None,
                how: Misbehaviour::WelcomeForged(JoinError::Malformed(_)),
            }]
        ),
        "{told:?}"
    );
    assert_eq!(device.engine.conversations().unwrap(), []);
}

#[test]
fn a_group_that_does_not_verify_is_not_entered() {
    let mut device = Device::new(1);
    let mut others = Others::new(device.account(), 1);
    device.step(Input::Connected).unwrap();
    others.converse_lying(&mut device, |body| {
        if let Body::GroupState(state) = body {
            let mut forged = state.group_info.to_vec();
            *forged.last_mut().unwrap() ^= 1;
            state.group_info = forged.into();
        }
    });
    let told = device.warnings();
    assert!(
        matches!(
            told[..],
            [Warning::ServerMisbehaved {
                chat: None,
                how: Misbehaviour::GroupForged(_),
            }]
        ),
        "{told:?}"
    );
    assert_eq!(device.engine.conversations().unwrap(), []);
}

/// A group with this device alone, as the server shows it.
fn group_of(identity: &DeviceIdentity, policy: &GroupPolicy) -> GroupState {
    let id = ConversationId::from_bytes([9; 16]);
    let (store, mut rng) = (MemoryStore::new(), SeededRng::new(3));
    let mls = Mls::new(&store, &mut rng, START);
    let group = mls.create_group(identity, id, policy).unwrap();
    GroupState {
        conversation_id: id.to_vec().into(),
        head_seq: 1,
        group_info: group.group_info(&mls, identity).unwrap().into(),
        ratchet_tree: group.ratchet_tree().unwrap().into(),
        ..GroupState::default()
    }
}

fn head_of(group: &GroupState) -> ConversationHead {
    ConversationHead {
        conversation_id: group.conversation_id.clone(),
        head_seq: group.head_seq,
        ..ConversationHead::default()
    }
}

#[test]
fn a_second_conversation_with_somebody_is_not_entered_beside_the_one_that_is_there() {
    let (mut device, mut others, chat) = joined();
    let other = others.only();
    let policy = GroupPolicy::direct(other.account(), device.account()).unwrap();
    let second = group_of(&other.sibling(), &policy);
    device.step(Input::Connected).unwrap();
    let sync = device.asked.remove(0);
    let mut state = others.state(&device);
    state.conversations.push(head_of(&second));
    device.answer(sync.request_id, Body::SyncState(state));
    answer_fetch_group(&mut device, Body::GroupState(second));
    assert_eq!(
        device.warnings(),
        [&by_server_in(chat, Misbehaviour::SecondConversation)]
    );
    assert_eq!(device.engine.conversations().unwrap().len(), 1);
}

#[test]
fn a_conversation_that_the_server_does_not_have_any_more_is_left_to_the_user() {
    let (mut device, _, chat) = joined();
    connect(&mut device, |_| {});
    while device.warnings().is_empty() {
        if device.asked.is_empty() {
            device.now = device.wake_at.unwrap();
            device.step(Input::Tick).unwrap();
        }
        for frame in std::mem::take(&mut device.asked) {
            if let Some(Request::FetchLog(_) | Request::FetchGroup(_)) = frame.request {
                let unknown = Problem::new(ProblemCode::NotAMember, "");
                device.answer(frame.request_id, Body::Problem(unknown));
            }
        }
    }
    assert_eq!(
        device.warnings(),
        [&by_server_in(chat, Misbehaviour::ConversationGone)]
    );
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.state, ConversationState::CutOff);
}

/// Answers the request for a group, which is among those that the device has made.
fn answer_fetch_group(device: &mut Device, body: Body) {
    let at = device
        .asked
        .iter()
        .position(|frame| matches!(frame.request, Some(Request::FetchGroup(_))));
    let fetch = device.asked.remove(at.unwrap());
    device.answer(fetch.request_id, body);
}

/// Answers the claim of key packages for Bob, and returns the creation that follows.
fn creation(device: &mut Device) -> ClientFrame {
    let claim = device.asked.remove(0);
    assert!(matches!(claim.request, Some(Request::ClaimKeyPackages(_))));
    let packages = KeyPackages {
        account: Some(account(&Device::person(BOB))),
        devices: vec![DeviceKeyPackage {
            key_package: key_package(&mut Device::new(BOB)).into(),
            ..DeviceKeyPackage::default()
        }],
    };
    device.answer(claim.request_id, Body::KeyPackages(packages));
    let create = device.asked.remove(0);
    assert!(matches!(create.request, Some(Request::CreateConversation(_))));
    create
}

/// The same, and refuses it because there is this conversation.
fn refuse_creation(device: &mut Device, existing: ConversationId) {
    let create = creation(device);
    let mut exists = Problem::new(ProblemCode::ConversationExists, "");
    exists.conversation_id = existing.to_vec().into();
    device.answer(create.request_id, Body::Problem(exists));
}

fn write_to_bob(device: &mut Device) -> ChatId {
    let bob = Device::person(BOB);
    device.step(Command::OpenDirect(bob.clone())).unwrap();
    let chat = device.engine.direct_chat_with(bob.account_id).unwrap().unwrap();
    device
        .step(Command::SendText {
            chat,
            text: "for bob alone".to_owned(),
            token: SendToken::from_bytes([1; 16]),
        })
        .unwrap();
    chat
}

#[test]
fn a_conversation_with_somebody_else_does_not_take_the_place_of_one_to_be_created() {
    let (mut device, mut others, _) = joined();
    let chat = write_to_bob(&mut device);
    refuse_creation(&mut device, others.only().id);
    assert!(
        device
            .warnings()
            .contains(&&by_server_in(chat, Misbehaviour::AnotherConversation)),
        "{:?}",
        device.warnings()
    );
    assert_eq!(device.asked, [], "nothing leaves");
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.state, ConversationState::Starting);
    assert_eq!(device.engine.outbox_len().unwrap(), 1);
}

#[test]
fn a_conversation_that_the_server_makes_up_is_begun_anew() {
    let (mut device, _) = alice();
    connect(&mut device, |_| {});
    let chat = write_to_bob(&mut device);
    refuse_creation(&mut device, ConversationId::from_bytes([9; 16]));
    while let Some(frame) = device.asked.pop() {
        let body = match frame.request.as_ref().unwrap() {
            Request::Sync(_) => Body::SyncState(device.empty_state()),
            Request::FetchGroup(_) => Body::Problem(Problem::new(ProblemCode::NotAMember, "")),
            other => panic!("asked for {other:?}"),
        };
        device.answer(frame.request_id, body);
    }
    assert_eq!(
        device.warnings(),
        [&by_server_in(chat, Misbehaviour::NoSuchConversation)]
    );
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.state, ConversationState::Starting);
    assert_eq!(device.engine.outbox_len().unwrap(), 1);
}

// ---- what was not accepted ----

/// Sends a text which begins a turn, so that a commit comes first.
fn send_after_a_while(device: &mut Device, chat: ChatId) -> Message {
    device.now = device.now.plus(Duration::from_mins(5));
    let sent = send(device, chat, "from this device");
    let Some(Request::Append(append)) = &device.asked[0].request else {
        panic!("asked for {:?}", device.asked)
    };
    assert!(matches!(append.payload, Some(append::Payload::Commit(_))));
    sent
}

fn converse_until_all_is_sent(device: &mut Device, others: &mut Others) {
    others.converse(device);
    while device.engine.outbox_len().unwrap() > 0 {
        device.now = device.wake_at.unwrap();
        device.step(Input::Tick).unwrap();
        others.converse(device);
    }
}

// It took effect, although the log had something else there, which was lost.
#[test]
fn a_commit_that_is_pushed_to_the_device_that_made_it_has_no_effect() {
    let (mut device, mut others, chat) = joined();
    send_after_a_while(&mut device, chat);
    let Some(Request::Append(append)) = &device.asked[0].request else {
        panic!("asked for {:?}", device.asked)
    };
    let Some(append::Payload::Commit(commit)) = &append.payload else {
        panic!("not a commit")
    };
    let lie = LogEntry {
        conversation_id: append.conversation_id.clone(),
        seq: others.only().head() + 1,
        send_id: append.send_id.clone(),
        accepted_at_ms: device.now.as_millis(),
        sender_device: device.engine.me().device_id.to_vec().into(),
        payload: Some(Payload::Commit(commit.commit.clone())),
        ..LogEntry::default()
    };
    let entry = others.only().say("from the other");
    push(&mut device, lie);
    push(&mut device, entry);
    converse_until_all_is_sent(&mut device, &mut others);
    assert_eq!(texts(&device, chat), ["from the other", "from this device"]);
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
}

// The device left the group, and what it had not read yet was lost.
#[test]
fn a_false_place_of_a_commit_in_what_is_read_already_costs_no_message() {
    let (mut device, mut others, chat) = joined();
    send_after_a_while(&mut device, chat);
    let commit = device.asked.remove(0);
    others.only().say("from the other");
    let lie = Appended {
        seq: 1,
        ..others.only().appended()
    };
    device.answer(commit.request_id, Body::Appended(lie));
    device.now = device.wake_at.unwrap();
    device.step(Input::Tick).unwrap();
    converse_until_all_is_sent(&mut device, &mut others);
    assert_eq!(texts(&device, chat), ["from the other", "from this device"]);
    assert_eq!(device.engine.recovery_counts().rejoins, 0);
    assert_eq!(
        device.warnings(),
        [&by_server_in(chat, Misbehaviour::AcceptedElsewhere)]
    );
}

// The commit was dropped, and with it what the others said after it.
#[test]
fn a_log_that_is_refused_after_a_commit_was_accepted_costs_no_message() {
    let (mut device, mut others, chat) = joined();
    send_after_a_while(&mut device, chat);
    let commit = device.asked.remove(0);
    let accepted = others.answer(&device, &commit);
    device.answer(commit.request_id, accepted.clone());
    others.only().say("from the other");
    let again = loop {
        if device.asked.is_empty() {
            device.now = device.wake_at.unwrap();
            device.step(Input::Tick).unwrap();
            continue;
        }
        let frame = device.asked.remove(0);
        match frame.request {
            Some(Request::FetchLog(_)) => {
                let lie = Problem::new(ProblemCode::NotAMember, "");
                device.answer(frame.request_id, Body::Problem(lie));
            }
            _ => break frame,
        }
    };
    assert_eq!(again.request, commit.request);
    device.answer(again.request_id, accepted);
    converse_until_all_is_sent(&mut device, &mut others);
    assert_eq!(texts(&device, chat), ["from the other", "from this device"]);
    assert_eq!(device.engine.recovery_counts().rejoins, 0);
}

// The device was in an epoch of its own: it could not read the others any more, and came back only when the user said so.
#[test]
fn a_commit_that_the_server_only_says_it_has_accepted_costs_no_message() {
    let (mut device, mut others, chat) = joined();
    send_after_a_while(&mut device, chat);
    let commit = device.asked.remove(0);
    let other = others.only();
    let lie = Appended {
        seq: other.head() + 1,
        ..other.appended()
    };
    device.answer(commit.request_id, Body::Appended(lie));
    let entry = other.say("from the other");
    push(&mut device, entry);
    assert_eq!(
        device.warnings(),
        [&by_server_in(chat, Misbehaviour::AcceptedElsewhere)]
    );
    converse_until_all_is_sent(&mut device, &mut others);
    assert_eq!(texts(&device, chat), ["from the other", "from this device"]);
    let Some(Payload::ApplicationMessage(message)) = &others.only().log.last().unwrap().payload else {
        panic!("not a message")
    };
    let message = message.clone();
    assert!(matches!(
        others.only().open(&message),
        Ok(Received::Application(_))
    ));
}

#[test]
fn messages_do_not_wait_for_a_server_that_takes_no_commits_and_in_the_end_it_is_told() {
    let (mut device, mut others, chat) = joined();
    let held = || Body::Problem(Problem::new(ProblemCode::CommitsHeld, ""));
    for attempt in 1..=20 {
        device.now = device.now.plus(Duration::from_hours(2));
        let sent = send(&mut device, chat, &format!("text {attempt}"));
        while !device.asked.is_empty() {
            let frame = device.asked.remove(0);
            let is_commit = matches!(
                &frame.request,
                Some(Request::Append(append)) if matches!(append.payload, Some(append::Payload::Commit(_)))
            );
            let body = if is_commit {
                held()
            } else {
                others.answer(&device, &frame)
            };
            device.answer(frame.request_id, body);
        }
        if !device.warnings().is_empty() {
            assert!(attempt > 10, "{attempt}");
            break;
        }
        assert_eq!(message(&device, &sent).status, MessageStatus::Sent);
    }
    let told = device.warnings();
    assert!(
        matches!(
            told[..],
            [Warning::Refused {
                code: Some(ProblemCode::CommitsHeld),
                ..
            }]
        ),
        "{told:?}"
    );
}

#[test]
fn a_commit_that_the_log_does_not_keep_any_more_takes_effect_all_the_same() {
    let (mut device, mut others, chat) = joined();
    let sent = send_after_a_while(&mut device, chat);
    let commit = device.asked.remove(0);
    let accepted = others.answer(&device, &commit);
    device.answer(commit.request_id, accepted);
    let first_kept = others.only().head() + 1;
    prune(&mut device, &mut others, first_kept);
    converse_until_all_is_sent(&mut device, &mut others);
    assert_eq!(message(&device, &sent).status, MessageStatus::Sent);
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
}

// The device could not come back without its user.
#[test]
fn messages_that_the_log_does_not_keep_before_a_commit_are_a_gap_and_nothing_else_is_lost() {
    let (mut device, mut others, chat) = joined();
    others.only().say("nobody keeps it");
    let sent = send_after_a_while(&mut device, chat);
    let commit = device.asked.remove(0);
    let accepted = others.answer(&device, &commit);
    device.answer(commit.request_id, accepted);
    let first_kept = others.only().head();
    prune(&mut device, &mut others, first_kept);
    converse_until_all_is_sent(&mut device, &mut others);
    assert_eq!(message(&device, &sent).status, MessageStatus::Sent);
    assert_eq!(device.warnings(), [&Warning::HistoryGap { chat }]);
    assert_eq!(device.engine.recovery_counts().rejoins, 0);
}

/// Refuses the log as often as it takes to be believed.
fn prune(device: &mut Device, others: &mut Others, first_kept: u64) {
    let mut pruned = Problem::new(ProblemCode::LogPruned, "");
    (pruned.first_seq, pruned.head_seq) = (first_kept, others.only().head());
    for _ in 0..2 {
        if device.asked.is_empty() {
            device.now = device.wake_at.unwrap();
            device.step(Input::Tick).unwrap();
        }
        let fetch = device.asked.remove(0);
        assert!(matches!(fetch.request, Some(Request::FetchLog(_))), "{fetch:?}");
        device.answer(fetch.request_id, Body::Problem(pruned.clone()));
    }
}

fn takes_claim_of(device: &mut Device, account: AccountId) -> u64 {
    let claim = device.asked.remove(0);
    let Some(Request::ClaimKeyPackages(of)) = claim.request else {
        panic!("{claim:?}")
    };
    assert_eq!(of.account_id, account.to_vec());
    claim.request_id
}

// What Bob had handed out was thrown away when the other claim was refused: with few claims left, no attempt had two.
#[test]
fn a_refused_claim_costs_nothing_that_another_was_given() {
    let (mut device, bob) = alice();
    connect(&mut device, |_| {});
    write_to_bob(&mut device);
    let packages = KeyPackages {
        account: Some(account(&bob)),
        devices: vec![DeviceKeyPackage {
            key_package: key_package(&mut Device::new(BOB)).into(),
            ..DeviceKeyPackage::default()
        }],
    };
    let request_id = takes_claim_of(&mut device, bob.account_id);
    device.receive(ServerFrame {
        request_id,
        body: Some(Body::KeyPackages(packages)),
    });
    let me = device.account();
    let request_id = takes_claim_of(&mut device, me);
    let refused = Problem::new(ProblemCode::RateLimited, "");
    device.answer(request_id, Body::Problem(refused));
    device.now = device.wake_at.unwrap();
    device.step(Input::Tick).unwrap();
    let request_id = takes_claim_of(&mut device, me);
    device.answer(request_id, Body::KeyPackages(KeyPackages::default()));
    assert!(matches!(
        device.asked[..],
        [ClientFrame {
            request: Some(Request::CreateConversation(_)),
            ..
        }]
    ));
}

// The user had to decide about a conversation that had never begun.
#[test]
fn a_conversation_that_the_server_only_says_it_has_created_is_created_again() {
    let (mut device, _) = alice();
    connect(&mut device, |_| {});
    let chat = write_to_bob(&mut device);
    let create = creation(&mut device);
    let lie = Appended {
        seq: 1,
        epoch: 1,
        ..Appended::default()
    };
    device.answer(create.request_id, Body::Appended(lie));
    while !matches!(
        device.asked.first().map(|frame| &frame.request),
        Some(Some(Request::ClaimKeyPackages(_)))
    ) {
        if device.asked.is_empty() {
            device.now = device.wake_at.unwrap();
            device.step(Input::Tick).unwrap();
            continue;
        }
        let frame = device.asked.remove(0);
        assert!(matches!(frame.request, Some(Request::FetchLog(_))), "{frame:?}");
        let unknown = Problem::new(ProblemCode::NotAMember, "");
        device.answer(frame.request_id, Body::Problem(unknown));
    }
    let conversation = device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(conversation.state, ConversationState::Starting);
    assert_eq!(device.engine.outbox_len().unwrap(), 1);
    creation(&mut device);
}

// ---- refusals ----

#[test]
fn a_message_that_the_server_refuses_for_good_is_told_and_kept_as_failed() {
    let (mut device, mut others, chat) = joined();
    let sent = send(&mut device, chat, "hello");
    let (request_id, _) = next_append(&mut device, &mut others);
    let refused = Problem::new(ProblemCode::TooLarge, "71680 bytes");
    device.answer(request_id, Body::Problem(refused));
    assert_eq!(
        device.warnings(),
        [&Warning::Refused {
            message: Some(sent.id),
            code: Some(ProblemCode::TooLarge),
            detail: "71680 bytes".to_owned(),
        }]
    );
    assert_eq!(message(&device, &sent).status, MessageStatus::Failed);
}

// ---- members ----

/// What the other person of the conversation is said to have done after this message or commit of a hostile device of
/// theirs. What is refused is asked for once more.
fn told_of(make: impl FnOnce(&mut Mallory) -> Payload) -> (MemberMisbehaviour, Device, Others, ChatId) {
    let (mut device, mut others, chat) = joined();
    let (mut mallory, entered) = Mallory::enter(others.only());
    push(&mut device, entered);
    let entry = others.only().accept(mallory.id, make(&mut mallory));
    push(&mut device, entry);
    if let Some(fetch) = device
        .asked
        .iter()
        .position(|frame| matches!(frame.request, Some(Request::FetchLog(_))))
    {
        assert_eq!(device.warnings(), Vec::<&Warning>::new());
        let fetch = device.asked.remove(fetch);
        let body = others.answer(&device, &fetch);
        device.answer(fetch.request_id, body);
    }
    let told = device.warnings();
    let [
        Warning::MemberMisbehaved {
            chat: told_chat,
            member,
            how,
        },
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!((*told_chat, *member), (chat, others.only().account()));
    let how = how.clone();
    (how, device, others, chat)
}

/// A content in the smallest bucket.
fn padded(content: &[u8]) -> Vec<u8> {
    let mut padded = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
    padded.extend_from_slice(content);
    padded.resize(256, 0);
    padded
}

const CLAIM: LogClaim = LogClaim::of_no_place(2);

#[test]
fn a_message_that_no_honest_member_sends_is_told_and_skipped() {
    let no_padding = told_of(|mallory| mallory.message(b"no padding", &CLAIM.encode()));
    assert!(
        matches!(no_padding.0, MemberMisbehaviour::InvalidPadding { .. }),
        "{:?}",
        no_padding.0
    );
    let no_claim = told_of(|mallory| mallory.message(&padded(b"text"), b"no claim"));
    assert!(
        matches!(no_claim.0, MemberMisbehaviour::InvalidClaim { .. }),
        "{:?}",
        no_claim.0
    );
    let no_content = told_of(|mallory| mallory.message(&padded(b"no content"), &CLAIM.encode()));
    assert!(
        matches!(no_content.0, MemberMisbehaviour::InvalidContent { .. }),
        "{:?}",
        no_content.0
    );
    for (_, mut device, mut others, chat) in [no_padding, no_claim, no_content] {
        let entry = others.only().say("it goes on");
        push(&mut device, entry);
        assert_eq!(texts(&device, chat), ["it goes on"]);
    }
}

#[test]
fn a_commit_that_no_honest_member_makes_is_told_and_the_conversation_entered_again() {
    // The device's leaf is the second.
    let removal = told_of(|mallory| mallory.removal(1));
    assert!(
        matches!(
            removal.0,
            MemberMisbehaviour::BrokenRule {
                rule: PolicyError::RemovedForeignDevice(_),
                ..
            }
        ),
        "{:?}",
        removal.0
    );
    let invalid = told_of(Mallory::commit_of_another_transcript);
    assert!(
        matches!(invalid.0, MemberMisbehaviour::InvalidCommit { .. }),
        "{:?}",
        invalid.0
    );
    for (_, device, _, chat) in [removal, invalid] {
        let conversation = device.engine.conversation(chat).unwrap().unwrap();
        assert_eq!(conversation.state, ConversationState::Joining);
        assert_eq!(device.engine.recovery_counts().rejoins, 1);
    }
}

#[test]
fn what_a_member_says_about_the_log_is_compared_and_its_count_followed() {
    let (mut device, mut others, chat) = joined();
    let other = others.only();
    let member = other.account();
    let entry = other.say_with("one", &LogClaim::of_no_place(2));
    push(&mut device, entry);
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
    let after_two = other.say_with("four", &LogClaim::of_no_place(5));
    push(&mut device, after_two.clone());
    let from_the_future = LogClaim {
        seq: 1_000,
        ..LogClaim::of_no_place(6)
    };
    let entry = other.say_with("five", &from_the_future);
    push(&mut device, entry);
    assert_eq!(
        device.warnings(),
        [
            &Warning::MessagesMissing {
                chat,
                member,
                before_seq: after_two.seq,
            },
            &Warning::LogsDisagree { chat, member }
        ]
    );
    let counts = device.engine.recovery_counts();
    assert_eq!((counts.messages_missing, counts.logs_disagree), (2, 1));
    assert_eq!(texts(&device, chat), ["one", "four", "five"]);
}
