//! Numbers that cannot be, from a server: none is believed, none costs a message, and none makes a loop.

use std::time::Duration;

use subrosa_engine::{
    ChatId, Command, Event, Input, Message, MessageStatus, Misbehaviour, Warning, content::SendToken,
};
use subrosa_mls::Received;
use subrosa_wire::{
    ProblemCode,
    frames::{
        Append, Appended, ClientFrame, LogPage, Problem, append::Payload, client_frame::Request,
        server_frame::Body,
    },
    limits::{SEND_NUMBER_MAX, SEQ_MAX, TIME_MAX},
};

use crate::{
    device::Device,
    others::{Others, joined},
};

pub(crate) fn send(device: &mut Device, chat: ChatId, text: &str) -> Message {
    device.events.clear();
    device
        .step(Command::SendText {
            chat,
            text: text.to_owned(),
            token: SendToken::from_bytes([u8::try_from(text.len()).unwrap(); 16]),
        })
        .unwrap();
    let sent = device.events.iter().find_map(|event| match event {
        Event::MessageSent(message) => Some((**message).clone()),
        _ => None,
    });
    sent.unwrap()
}

/// Answers what comes before a message, and returns the request that carries it.
pub(crate) fn next_append(device: &mut Device, others: &mut Others) -> (u64, Append) {
    loop {
        if device.asked.is_empty() {
            device.now = device.wake_at.unwrap();
            device.step(Input::Tick).unwrap();
            continue;
        }
        let frame = device.asked.remove(0);
        if let Some(Request::Append(append)) = &frame.request
            && matches!(append.payload, Some(Payload::ApplicationMessage(_)))
        {
            return (frame.request_id, append.clone());
        }
        let body = others.answer(device, &frame);
        device.answer(frame.request_id, body);
    }
}

pub(crate) fn message(device: &Device, message: &Message) -> Message {
    device.engine.message(message.id).unwrap().unwrap()
}

fn server_did(chat: ChatId, how: Misbehaviour) -> Warning {
    Warning::ServerMisbehaved {
        chat: Some(chat),
        how,
    }
}

// A seq of u64::MAX made the message vanish from the history; 0 and 2^52 put it in the wrong place.
#[test]
fn an_answer_with_a_number_that_cannot_be_is_not_believed_and_the_message_is_sent_again() {
    for (seq, at, how) in [
        (0, 1, Misbehaviour::ImpossibleSeq),
        (SEQ_MAX + 1, 1, Misbehaviour::ImpossibleSeq),
        (u64::MAX, 1, Misbehaviour::ImpossibleSeq),
        (3, TIME_MAX.as_millis() + 1, Misbehaviour::ImpossibleNumber),
        (3, u64::MAX, Misbehaviour::ImpossibleNumber),
    ] {
        let (mut device, mut others, chat) = joined();
        let sent = send(&mut device, chat, "hello");
        let (request_id, first) = next_append(&mut device, &mut others);
        let appended = others.only().append(device.engine.me().device_id, &first);
        let lie = Appended {
            seq,
            accepted_at_ms: at,
            ..appended
        };
        device.answer(request_id, Body::Appended(lie));
        assert_eq!(device.warnings(), [&server_did(chat, how)]);
        assert_eq!(message(&device, &sent).status, MessageStatus::Pending);
        assert!(device.asked.is_empty(), "it is not sent again at once");

        let (request_id, again) = next_append(&mut device, &mut others);
        assert_eq!((&again.send_id, &again.payload), (&first.send_id, &first.payload));
        let appended = others.only().appended();
        device.answer(request_id, Body::Appended(appended.clone()));
        let shown = message(&device, &sent);
        assert_eq!(
            (shown.status, shown.seq),
            (MessageStatus::Sent, Some(appended.seq))
        );
        assert_eq!(device.engine.messages(chat, None, 10).unwrap(), [shown]);
    }
}

#[test]
fn a_message_that_is_said_to_stand_in_a_place_that_is_taken_is_sent_as_something_new() {
    let (mut device, mut others, chat) = joined();
    let sent = send(&mut device, chat, "hello");
    let (request_id, first) = next_append(&mut device, &mut others);
    let lie = Appended {
        seq: 1,
        ..others.only().appended()
    };
    device.answer(request_id, Body::Appended(lie));
    assert_eq!(
        device.warnings(),
        [&server_did(chat, Misbehaviour::AcceptedElsewhere)]
    );
    let (request_id, again) = next_append(&mut device, &mut others);
    assert_ne!(again.send_id, first.send_id);
    let appended = others.only().append(device.engine.me().device_id, &again);
    device.answer(request_id, Body::Appended(appended));
    assert_eq!(message(&device, &sent).status, MessageStatus::Sent);
}

#[test]
fn what_cannot_be_in_a_state_or_a_page_is_left_out_and_the_rest_is_used() {
    let (mut device, mut others, chat) = joined();
    device.step(Input::Connected).unwrap();
    let entry = others.only().say("hello");
    let sync = device.asked.remove(0);
    let mut state = others.state(&device);
    for (head_seq, epoch) in [(0, 1), (SEQ_MAX + 1, 1), (3, SEQ_MAX + 1)] {
        state.conversations.push(subrosa_wire::frames::ConversationHead {
            head_seq,
            epoch,
            ..state.conversations[0].clone()
        });
    }
    device.answer(sync.request_id, Body::SyncState(state));
    assert_eq!(
        device.warnings(),
        [
            &server_did(chat, Misbehaviour::ImpossibleSeq),
            &server_did(chat, Misbehaviour::ImpossibleNumber)
        ]
    );
    let fetch = device.asked.remove(0);
    let Some(Request::FetchLog(_)) = fetch.request else {
        panic!("asked for {fetch:?}")
    };
    let mut impossible = entry.clone();
    impossible.seq = 0;
    let mut ages_ahead = entry.clone();
    ages_ahead.seq += 1;
    ages_ahead.accepted_at_ms = u64::MAX;
    let page = LogPage {
        conversation_id: entry.conversation_id.clone(),
        head_seq: entry.seq,
        entries: vec![impossible, ages_ahead, entry],
        ..LogPage::default()
    };
    device.answer(fetch.request_id, Body::LogPage(page));
    assert_eq!(device.engine.messages(chat, None, 10).unwrap().len(), 1);
}

#[test]
fn an_instant_far_ahead_does_not_keep_a_conversation_at_the_top_of_the_list() {
    let (mut device, mut others, chat) = joined();
    let sent = send(&mut device, chat, "hello");
    let (request_id, append) = next_append(&mut device, &mut others);
    let mut appended = others.only().append(device.engine.me().device_id, &append);
    appended.accepted_at_ms = TIME_MAX.as_millis();
    device.answer(request_id, Body::Appended(appended));
    assert_eq!(message(&device, &sent).sent_at, sent.sent_at);
    let listed = device.engine.conversation(chat).unwrap().unwrap();
    assert!(listed.active_at <= device.now.plus(Duration::from_hours(24)));
}

#[test]
fn a_message_keeps_the_time_at_which_it_was_written_unless_the_server_had_it_earlier() {
    for (accepted_later_ms, kept_later_ms) in [(3_600_000, 0), (-60_000, -60_000)] {
        let (mut device, mut others, chat) = joined();
        let sent = send(&mut device, chat, "hello");
        let written_at = sent.sent_at.as_millis();
        let (request_id, append) = next_append(&mut device, &mut others);
        let mut appended = others.only().append(device.engine.me().device_id, &append);
        appended.accepted_at_ms = written_at.saturating_add_signed(accepted_later_ms);
        device.answer(request_id, Body::Appended(appended));
        assert_eq!(
            message(&device, &sent).sent_at.as_millis(),
            written_at.saturating_add_signed(kept_later_ms)
        );
    }
}

fn out_of_order(expected: u64) -> Body {
    let mut problem = Problem::new(ProblemCode::SendOutOfOrder, "");
    problem.expected_send_number = expected;
    Body::Problem(problem)
}

// A device that believed the highest number could never send again.
#[test]
fn a_device_that_was_led_to_the_end_of_the_numbers_can_send_again() {
    let (mut device, mut others, chat) = joined();
    let sent = send(&mut device, chat, "one");
    let also = send(&mut device, chat, "three");
    let (request_id, first) = next_append(&mut device, &mut others);
    let honest = first.send_number;
    // The answer to the second one is not waited for any more.
    device.asked.clear();
    device.answer(request_id, out_of_order(SEND_NUMBER_MAX));
    let (request_id, last) = next_append(&mut device, &mut others);
    assert_eq!(
        (last.send_number, &last.send_id),
        (SEND_NUMBER_MAX, &first.send_id)
    );
    // The server is honest again.
    device.asked.clear();
    device.answer(request_id, out_of_order(honest));
    for (number, message) in (honest..).zip([&sent, &also]) {
        let (request_id, append) = next_append(&mut device, &mut others);
        assert_eq!(append.send_number, number);
        let appended = others.only().append(device.engine.me().device_id, &append);
        device.answer(request_id, Body::Appended(appended));
        assert_eq!(self::message(&device, message).status, MessageStatus::Sent);
    }
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
}

#[test]
fn a_number_of_a_send_that_cannot_be_is_not_believed_and_costs_no_message() {
    for expected in [0, SEND_NUMBER_MAX + 1, u64::MAX] {
        let (mut device, mut others, chat) = joined();
        let sent = send(&mut device, chat, "hello");
        let (request_id, first) = next_append(&mut device, &mut others);
        device.answer(request_id, out_of_order(expected));
        assert!(matches!(
            device.warnings()[..],
            [Warning::ServerMisbehaved {
                how: Misbehaviour::ImpossibleNumber,
                ..
            }]
        ));
        let (request_id, again) = next_append(&mut device, &mut others);
        assert_eq!(again, first);
        let appended = others.only().append(device.engine.me().device_id, &again);
        device.answer(request_id, Body::Appended(appended));
        assert_eq!(message(&device, &sent).status, MessageStatus::Sent);
    }
}

fn stale_epoch(head_seq: u64) -> Body {
    let mut problem = Problem::new(ProblemCode::StaleEpoch, "");
    problem.epoch = 1;
    problem.head_seq = head_seq;
    Body::Problem(problem)
}

// There were 2,521 requests within 17 seconds: each page of the log, even an empty one, ended the pause.
#[test]
fn a_refusal_that_is_repeated_makes_the_pauses_longer() {
    let out_of_order: fn(&mut Others, &Append) -> Body = |_, append| out_of_order(append.send_number + 1);
    let stale: fn(&mut Others, &Append) -> Body = |others, _| stale_epoch(others.only().head());
    let ahead: fn(&mut Others, &Append) -> Body = |others, _| stale_epoch(others.only().head() + 1);
    for refusal in [out_of_order, stale, ahead] {
        let (mut device, mut others, chat) = joined();
        let sent = send(&mut device, chat, "hello");
        let end = device.now.plus(Duration::from_mins(1));
        let mut asked = 0;
        loop {
            while !device.asked.is_empty() && asked < 1_000 {
                asked += 1;
                let frame: ClientFrame = device.asked.remove(0);
                let body = match &frame.request {
                    Some(Request::Append(append)) => refusal(&mut others, append),
                    _ => others.answer(&device, &frame),
                };
                device.answer(frame.request_id, body);
            }
            let Some(at) = device.wake_at.filter(|at| *at <= end) else {
                break;
            };
            device.now = device.now.plus(Duration::from_millis(1)).max(at);
            device.step(Input::Tick).unwrap();
        }
        assert!(asked <= 30, "{asked} requests in a minute");
        assert_eq!(message(&device, &sent).status, MessageStatus::Pending);
    }
}

// Each answer used up a message key for each message that waited: after 31 of them, receivers could not open what
// followed.
#[test]
fn false_numbers_again_and_again_do_not_lead_the_receivers_out_of_reach() {
    let (mut device, mut others, chat) = joined();
    let texts: Vec<_> = (1..=32).map(|len| "x".repeat(len)).collect();
    for text in &texts {
        send(&mut device, chat, text);
    }
    for _ in 0..40 {
        let (request_id, append) = next_append(&mut device, &mut others);
        device.asked.clear();
        device.answer(request_id, out_of_order(append.send_number + 1));
    }
    for text in &texts {
        let (request_id, append) = next_append(&mut device, &mut others);
        let Some(Payload::ApplicationMessage(message)) = &append.payload else {
            panic!("not a message")
        };
        let opened = others.only().open(message);
        assert!(
            matches!(opened, Ok(Received::Application(_))),
            "{text}: {opened:?}"
        );
        let appended = others.only().append(device.engine.me().device_id, &append);
        device.answer(request_id, Body::Appended(appended));
    }
    assert_eq!(device.engine.outbox_len().unwrap(), 0);
}
