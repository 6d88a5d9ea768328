//! Much at once, from an account that has much or from a server that means harm: the work and the space have bounds.

use std::time::Duration;

use subrosa_engine::{ConversationState, Event, Input, Misbehaviour, Warning};
use subrosa_wire::{
    ProblemCode,
    frames::{
        ConversationHead, Cursor, Deliver, LogEntry, Problem, WelcomeItem, WelcomesWaiting,
        client_frame::Request, log_entry::Payload, server_frame::Body,
    },
    limits::{
        APPLICATION_MESSAGE_MAX, CONVERSATIONS_PER_ACCOUNT_MAX, DEVICES_PER_ACCOUNT_MAX,
        ENTRIES_PER_PUSH_MAX, HANDSHAKE_MESSAGE_MAX, LOG_PAGE_ENTRIES_MAX, REQUESTS_UNDER_WAY_MAX,
        WELCOMES_PER_FRAME_MAX,
    },
};

use crate::{
    device::Device,
    others::{Others, joined},
};

fn too_much(device: &Device) -> bool {
    device.warnings().iter().any(|warning| {
        matches!(
            warning,
            Warning::ServerMisbehaved {
                how: Misbehaviour::TooMuch,
                ..
            }
        )
    })
}

// All the groups were requested in one step: the host's queue was full, the connection was closed, and the next one
// went the same way.
#[test]
fn a_device_that_comes_to_an_account_with_many_conversations_catches_up_a_few_requests_at_a_time() {
    // Making the groups takes long; the test below has as many as there can be.
    let count = if std::env::var_os("XTASK_TEST_LONG").is_some() {
        1_500
    } else {
        300
    };
    let mut device = Device::new(1);
    let mut others = Others::new(device.account(), count);
    device.step(Input::Connected).unwrap();
    let mut answered = 0;
    while !device.asked.is_empty() {
        assert!(
            device.asked.len() < REQUESTS_UNDER_WAY_MAX,
            "{} requests are in flight",
            device.asked.len()
        );
        assert!(
            !device.events.contains(&Event::CaughtUp),
            "after {answered} answers"
        );
        let frame = device.asked.remove(0);
        let body = others.answer(&device, &frame);
        device.answer(frame.request_id, body);
        answered += 1;
    }
    assert!(device.events.contains(&Event::CaughtUp));
    let conversations = device.engine.conversations().unwrap();
    assert_eq!(conversations.len(), usize::from(count));
    for conversation in conversations {
        assert_eq!(conversation.state, ConversationState::Joined);
        assert!(conversation.with.unwrap().handle.is_some());
    }
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
}

fn unknown_head(number: usize) -> ConversationHead {
    let mut id = [3; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    ConversationHead {
        conversation_id: id.to_vec().into(),
        head_seq: 1,
        epoch: 1,
        ..ConversationHead::default()
    }
}

// Each conversation of the list was compared with each request in flight: 290,000 took more than 90 seconds.
#[test]
fn a_state_with_more_than_an_account_can_have_is_not_used() {
    let heads: Vec<_> = (0..=CONVERSATIONS_PER_ACCOUNT_MAX).map(unknown_head).collect();
    for what in ["conversations", "devices", "welcomes"] {
        let mut device = Device::new(1);
        device.step(Input::Connected).unwrap();
        let sync = device.asked.remove(0);
        let mut state = device.empty_state();
        match what {
            "conversations" => state.conversations = heads.clone(),
            "devices" => state.own_devices = vec![vec![1; 16].into(); DEVICES_PER_ACCOUNT_MAX + 1],
            _ => state.welcomes = vec![WelcomeItem::default(); WELCOMES_PER_FRAME_MAX + 1],
        }
        device.answer(sync.request_id, Body::SyncState(state));
        assert!(too_much(&device), "{what}");
        assert!(device.asked.is_empty(), "{what}: {:?}", device.asked);
        // It is asked again, later.
        device.now = device.wake_at.unwrap();
        device.step(Input::Tick).unwrap();
        assert!(matches!(device.asked[0].request, Some(Request::Sync(_))));
    }
}

#[test]
fn as_many_conversations_as_an_account_can_have_are_asked_for_one_after_the_other() {
    let mut device = Device::new(1);
    device.step(Input::Connected).unwrap();
    let sync = device.asked.remove(0);
    let mut state = device.empty_state();
    state.conversations = (0..CONVERSATIONS_PER_ACCOUNT_MAX).map(unknown_head).collect();
    device.answer(sync.request_id, Body::SyncState(state));
    let mut asked = 0;
    while !device.asked.is_empty() {
        assert!(device.asked.len() < REQUESTS_UNDER_WAY_MAX);
        let frame = device.asked.remove(0);
        asked += 1;
        let refused = Problem::new(ProblemCode::NotAMember, "");
        device.answer(frame.request_id, Body::Problem(refused));
    }
    assert_eq!(asked, CONVERSATIONS_PER_ACCOUNT_MAX);
    assert!(device.events.contains(&Event::CaughtUp));
}

/// Connects, names these conversations in the answer to Sync, and says of each that it is not there. Returns how many
/// groups were asked for.
fn groups_asked_for(device: &mut Device, heads: &[ConversationHead]) -> usize {
    device.step(Input::Connected).unwrap();
    let sync = device.asked.remove(0);
    let mut state = device.empty_state();
    state.conversations = heads.to_vec();
    device.answer(sync.request_id, Body::SyncState(state));
    let mut asked = 0;
    while !device.asked.is_empty() {
        let frame = device.asked.remove(0);
        asked += usize::from(matches!(frame.request, Some(Request::FetchGroup(_))));
        let refused = Problem::new(ProblemCode::NotAMember, "");
        device.answer(frame.request_id, Body::Problem(refused));
    }
    asked
}

// They were asked for again after each Sync.
#[test]
fn a_conversation_that_is_named_and_cannot_be_entered_is_asked_for_a_few_times_an_hour() {
    let mut device = Device::new(1);
    let heads: Vec<_> = (0..3).map(unknown_head).collect();
    for _ in 0..4 {
        assert_eq!(groups_asked_for(&mut device, &heads), 3);
    }
    device.now = device.now.plus(Duration::from_mins(50));
    assert_eq!(groups_asked_for(&mut device, &heads), 0);
    device.now = device.now.plus(Duration::from_mins(20));
    assert_eq!(groups_asked_for(&mut device, &heads), 3);
}

#[test]
fn other_conversations_each_time_are_not_asked_for_without_end() {
    let mut device = Device::new(1);
    let heads: Vec<_> = (0..2 * CONVERSATIONS_PER_ACCOUNT_MAX).map(unknown_head).collect();
    let (first, others) = heads.split_at(CONVERSATIONS_PER_ACCOUNT_MAX);
    assert_eq!(
        groups_asked_for(&mut device, first),
        CONVERSATIONS_PER_ACCOUNT_MAX
    );
    assert_eq!(groups_asked_for(&mut device, others), 0);
}

// All of them were acknowledged after each reconnect.
#[test]
fn a_device_that_comes_back_acknowledges_only_the_cursors_that_the_server_lacks() {
    let mut device = Device::new(1);
    let mut others = Others::new(device.account(), 3);
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    let known: Vec<_> = others.0.values().map(|other| other.cursor).collect();
    assert_eq!(known, [2, 2, 2]);
    let behind = others.only();
    behind.cursor = 1;
    let behind = behind.id;
    device.step(Input::Connected).unwrap();
    let mut acknowledged = Vec::new();
    while !device.asked.is_empty() {
        let frame = device.asked.remove(0);
        if let Some(Request::Acknowledge(acknowledge)) = &frame.request {
            acknowledged.extend(acknowledge.cursors.clone());
        }
        let body = others.answer(&device, &frame);
        device.answer(frame.request_id, body);
    }
    assert_eq!(
        acknowledged,
        [Cursor {
            conversation_id: behind.to_vec().into(),
            seq: 2,
        }]
    );
}

fn push(device: &mut Device, entries: Vec<LogEntry>) {
    device.push(Body::Deliver(Deliver { entries }));
}

#[test]
fn what_is_larger_than_the_protocol_allows_is_not_taken() {
    let (mut device, mut others, _) = joined();
    let entry = others.only().say("hello");
    let large = |payload| LogEntry {
        seq: entry.seq + 1,
        payload: Some(payload),
        ..entry.clone()
    };
    let message = Payload::ApplicationMessage(vec![0; APPLICATION_MESSAGE_MAX + 1].into());
    let commit = Payload::Commit(vec![0; HANDSHAKE_MESSAGE_MAX + 1].into());
    let page = usize::try_from(LOG_PAGE_ENTRIES_MAX).unwrap();
    assert!(page < ENTRIES_PER_PUSH_MAX);
    let many = vec![
        LogEntry {
            payload: None,
            ..entry.clone()
        };
        ENTRIES_PER_PUSH_MAX + 1
    ];
    for entries in [vec![large(message)], vec![large(commit)], many] {
        device.step(Input::Connected).unwrap();
        device.asked.clear();
        device.events.clear();
        push(&mut device, entries);
        assert!(too_much(&device));
        assert_eq!(device.engine.recovery_counts().entries_held, 0);
    }
    device.step(Input::Connected).unwrap();
    device.events.clear();
    let welcomes = vec![WelcomeItem::default(); WELCOMES_PER_FRAME_MAX + 1];
    device.push(Body::WelcomesWaiting(WelcomesWaiting { welcomes }));
    assert!(too_much(&device));
}

// 40 entries of 5 MiB each made the database grow to 107 MiB.
#[test]
fn entries_that_came_too_early_are_held_up_to_a_number_of_bytes() {
    const MIB: u64 = 1024 * 1024;
    let mut device = Device::new(1);
    let mut others = Others::new(device.account(), 6);
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    let large = APPLICATION_MESSAGE_MAX as u64;
    let mut held = Vec::new();
    for other in others.0.values() {
        let before = device.engine.recovery_counts().entries_held;
        for ahead in 0..100 {
            let entry = LogEntry {
                conversation_id: other.id.to_vec().into(),
                seq: other.head() + 2 + ahead,
                payload: Some(Payload::ApplicationMessage(
                    vec![0; APPLICATION_MESSAGE_MAX].into(),
                )),
                ..LogEntry::default()
            };
            push(&mut device, vec![entry]);
        }
        held.push((device.engine.recovery_counts().entries_held - before) * large);
    }
    assert!(held[0] > 3 * MIB);
    assert!(held.iter().all(|bytes| *bytes <= 5 * MIB), "{held:?}");
    assert!(held.iter().sum::<u64>() <= 17 * MIB, "{held:?}");
}

// A message far ahead in the sender's ratchet cost 45 milliseconds each time the server repeated it.
#[test]
fn a_server_that_goes_on_sending_what_is_refused_is_listened_to_ever_less() {
    let (mut device, mut others, _) = joined();
    let entry = others.only().say("hello");
    let Some(Payload::ApplicationMessage(message)) = &entry.payload else {
        panic!("a text is an application message")
    };
    let mut broken = message.to_vec();
    *broken.last_mut().unwrap() ^= 1;
    let push_broken = |device: &mut Device, round: u64| {
        // A new connection does not make it forget.
        if round.is_multiple_of(100) {
            device.step(Input::Disconnected).unwrap();
            device.asked.clear();
            device.step(Input::Connected).unwrap();
        }
        for _ in 0..2 {
            let broken = LogEntry {
                seq: entry.seq + round,
                payload: Some(Payload::ApplicationMessage(broken.clone().into())),
                ..entry.clone()
            };
            push(device, vec![broken]);
        }
        device.engine.recovery_counts().entries_refused
    };
    let mut refused = 0;
    for round in 0..500 {
        refused = push_broken(&mut device, round);
    }
    assert!((1..100).contains(&refused), "{refused} entries were looked at");
    device.now = device.now.plus(Duration::from_secs(10));
    let next = refused / 2;
    assert!(push_broken(&mut device, next) > refused);
}

// Five a second were passed: an hour of garbage kept back what followed it for most of a day.
#[test]
fn garbage_of_a_member_keeps_back_what_follows_it_for_a_bounded_time() {
    const GARBAGE: usize = 200;
    let (mut device, mut others, chat) = joined();
    for _ in 0..GARBAGE {
        others.only().say("garbage");
        let Some(Payload::ApplicationMessage(message)) = &mut others.only().log.last_mut().unwrap().payload
        else {
            panic!("not a message")
        };
        let mut broken = message.to_vec();
        *broken.last_mut().unwrap() ^= 1;
        *message = broken.into();
    }
    others.only().say("hello");
    device.step(Input::Connected).unwrap();
    let began_at = device.now;
    let mut fetches = 0;
    loop {
        others.converse_lying(&mut device, |body| {
            fetches += usize::from(matches!(body, Body::LogPage(_)));
        });
        if !device.engine.messages(chat, None, 10).unwrap().is_empty() {
            break;
        }
        device.now = device
            .now
            .plus(Duration::from_millis(1))
            .max(device.wake_at.unwrap());
        device.step(Input::Tick).unwrap();
    }
    let took = device.now.since(began_at);
    assert!(took <= Duration::from_secs(5), "it took {took:?}");
    assert!(fetches <= 2 * GARBAGE, "{fetches} pages were fetched");
}
