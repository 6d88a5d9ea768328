//! When a device renews its leaf key: soon after it was added, at the start of a turn, and from time to time.

use std::time::Duration;

use subrosa_engine::{ChatId, Command, Conversation, Input, content::SendToken};
use subrosa_wire::{
    ProblemCode,
    frames::{
        Acknowledged, Append, ConversationHead, Problem, append::Payload, client_frame::Request,
        server_frame::Body,
    },
};

use crate::{
    changed_keys::{answer, connect},
    device::{Device, OwnLog, START},
    key_packages::{Stock, push_welcome_made_with, visit},
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn is_commit(append: &Append) -> bool {
    matches!(append.payload, Some(Payload::Commit(_)))
}

/// Accepts all that the device sends, until it sends nothing more; what else it asks is forgotten. Returns whether each
/// was a commit.
fn accept(device: &mut Device, seq: &mut u64) -> Vec<bool> {
    let mut accepted = Vec::new();
    let mut log = OwnLog::default();
    while !device.asked.is_empty() {
        let frame = device.asked.remove(0);
        let body = match frame.request.unwrap() {
            Request::Append(append) => {
                *seq += 1;
                accepted.push(is_commit(&append));
                log.accept(device, append, *seq)
            }
            Request::FetchLog(fetch) => log.page(fetch),
            _ => continue,
        };
        answer(device, frame.request_id, body);
    }
    accepted
}

/// Ticks as the device asks, up to this instant. Returns whether each send was a commit.
fn ticks_until(device: &mut Device, end: Duration, seq: &mut u64) -> Vec<bool> {
    let end = START.plus(end);
    let mut sent = Vec::new();
    while let Some(at) = device.wake_at.filter(|at| *at <= end) {
        device.now = device.now.max(at);
        device.step(Input::Tick).unwrap();
        // Sync follows by itself each day.
        while let Some(sync) = device
            .asked
            .iter()
            .position(|frame| matches!(frame.request, Some(Request::Sync(_))))
        {
            let sync = device.asked.remove(sync);
            let mut state = device.empty_state();
            state.key_packages = None;
            state.conversations = heads(device, *seq);
            answer(device, sync.request_id, Body::SyncState(state));
        }
        sent.extend(accept(device, seq));
    }
    device.now = end;
    device.step(Input::Tick).unwrap();
    sent.extend(accept(device, seq));
    sent
}

/// The conversations of the device, with the log of each at this place.
fn heads(device: &Device, head_seq: u64) -> Vec<ConversationHead> {
    let conversations = device.engine.conversations().unwrap();
    let head = |conversation: Conversation| ConversationHead {
        conversation_id: conversation.conversation_id.to_vec().into(),
        head_seq,
        member: true,
        ..ConversationHead::default()
    };
    conversations.into_iter().map(head).collect()
}

fn chat(device: &Device) -> ChatId {
    device.engine.conversations().unwrap()[0].id
}

fn send(device: &mut Device, seq: &mut u64) -> Vec<bool> {
    let chat = chat(device);
    device
        .step(Command::SendText {
            chat,
            text: format!("text {seq}"),
            token: SendToken::from_bytes([u8::try_from(*seq).unwrap(); 16]),
        })
        .unwrap();
    accept(device, seq)
}

/// A device that a stranger has added, with one of its one-time key packages.
fn added() -> Device {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    push_welcome_made_with(&mut device, &stock.one_time[0]);
    want_all(&mut device);
    device
}

/// The user wants all conversations: nobody sees that a device is there before.
fn want_all(device: &mut Device) {
    for conversation in device.engine.conversations().unwrap() {
        device.step(Command::Accept(conversation.id)).unwrap();
    }
}

// Whoever only read never updated, and neither did who joined by a key package that was in use elsewhere.
#[test]
fn who_joins_by_a_last_resort_updates_at_once() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    push_welcome_made_with(&mut device, &stock.last_resort.clone().unwrap());
    assert_eq!(accept(&mut device, &mut 1), [] as [bool; 0]);
    want_all(&mut device);
    assert_eq!(accept(&mut device, &mut 1), [true]);
}

#[test]
fn who_joins_by_a_welcome_updates_within_minutes() {
    let (mut device, mut seq) = (added(), 1);
    assert_eq!(accept(&mut device, &mut seq), [] as [bool; 0]);
    assert_eq!(ticks_until(&mut device, MINUTE / 2, &mut seq), [] as [bool; 0]);
    assert_eq!(ticks_until(&mut device, 5 * MINUTE, &mut seq), [true]);
}

#[test]
fn who_joins_by_a_welcome_updates_before_its_first_message() {
    let (mut device, mut seq) = (added(), 1);
    assert_eq!(send(&mut device, &mut seq), [true, false]);
    assert_eq!(ticks_until(&mut device, HOUR, &mut seq), [] as [bool; 0]);
}

#[test]
fn who_only_reads_updates_within_seven_days_and_again() {
    let (mut device, mut seq) = (added(), 1);
    assert_eq!(ticks_until(&mut device, 5 * MINUTE, &mut seq), [true]);
    assert_eq!(ticks_until(&mut device, 5 * DAY, &mut seq), [] as [bool; 0]);
    assert_eq!(ticks_until(&mut device, 7 * DAY + 5 * MINUTE, &mut seq), [true]);
    assert_eq!(ticks_until(&mut device, 14 * DAY + 5 * MINUTE, &mut seq), [true]);
}

#[test]
fn a_turn_that_nobody_interrupts_ends_after_an_hour() {
    let (mut device, mut seq) = (added(), 1);
    assert_eq!(send(&mut device, &mut seq), [true, false]);
    device.now = START.plus(59 * MINUTE);
    assert_eq!(send(&mut device, &mut seq), [false]);
    device.now = START.plus(61 * MINUTE);
    assert_eq!(send(&mut device, &mut seq), [true, false]);
    assert_eq!(send(&mut device, &mut seq), [false]);
}

// The time of the last update lay in the future, and nothing was due until then.
#[test]
fn a_clock_that_was_fast_does_not_stop_updates() {
    let (mut device, mut seq) = (added(), 1);
    device.now = START.plus(400 * DAY);
    assert_eq!(send(&mut device, &mut seq), [true, false]);
    device.now = START.plus(HOUR);
    assert_eq!(send(&mut device, &mut seq), [true, false]);

    device.now = START.plus(400 * DAY);
    assert_eq!(send(&mut device, &mut seq), [true, false]);
    device.now = START.plus(2 * HOUR);
    // Sync looks at every conversation.
    let heads = heads(&device, seq);
    connect(&mut device, |state| state.conversations = heads);
    assert_eq!(accept(&mut device, &mut seq), [true]);
}

#[test]
fn updates_that_are_due_together_are_spread() {
    const CONVERSATIONS: usize = 20;
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    for package in &stock.one_time[..CONVERSATIONS] {
        push_welcome_made_with(&mut device, package);
    }
    want_all(&mut device);
    device.asked.clear();
    device.now = START.plus(HOUR);
    let heads = heads(&device, 1);
    connect(&mut device, |state| state.conversations = heads);
    let mut commits = 0;
    let mut steps = 0;
    loop {
        let sent = accept_commits(&mut device);
        assert!(sent <= 4, "{sent} in one step");
        commits += sent;
        steps += 1;
        let next = device.wake_at.unwrap();
        if commits == CONVERSATIONS || steps == 100 {
            assert!(next > device.now, "it asks for a tick at once, without end");
            break;
        }
        device.now = device.now.plus(Duration::from_millis(1)).max(next);
        device.step(Input::Tick).unwrap();
    }
    assert_eq!(commits, CONVERSATIONS);
    // The records of what is wanted are put meanwhile.
    assert!(steps < 60, "{steps} steps");
    assert!(device.now.since(START.plus(HOUR)) < 3 * MINUTE);
}

/// Accepts the first entry of the device in each conversation, and returns how many there were. Other requests are
/// answered with nothing.
fn accept_commits(device: &mut Device) -> usize {
    let mut commits = 0;
    let mut log = OwnLog::default();
    while !device.asked.is_empty() {
        for frame in std::mem::take(&mut device.asked) {
            let body = match frame.request.unwrap() {
                Request::Append(append) => {
                    commits += 1;
                    log.accept(device, append, 2)
                }
                Request::FetchLog(fetch) => log.page(fetch),
                Request::Acknowledge(_) | Request::AcknowledgeWelcomes(_) => {
                    Body::Acknowledged(Acknowledged {})
                }
                _ => Body::Problem(Problem::new(ProblemCode::UnknownAccount, "")),
            };
            answer(device, frame.request_id, body);
        }
    }
    commits
}
