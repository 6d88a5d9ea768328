//! Signals without a server: what is passed on, and what others' signals lead to.

use std::time::Duration;

use subrosa_engine::{
    ChatId, Command, Event, Input, Presence, Privacy,
    content::SendToken,
    signals::format::{Signal, SignalKind},
};
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    ProblemCode,
    frames::{Deliver, Problem, client_frame::Request, server_frame::Body},
};

use crate::{
    device::Device,
    others::{Others, joined},
};

/// Takes out what the device wants to have passed on.
fn passed_on(device: &mut Device, others: &mut Others) -> Vec<SignalKind> {
    others.converse(device);
    let signals = std::mem::take(&mut others.only().signals);
    signals
        .iter()
        .map(|signal| others.only().open_signal(signal, device))
        .collect()
}

fn type_in(device: &mut Device, chat: ChatId, is_typing: bool) {
    device.step(Command::Type { chat, is_typing }).unwrap();
}

fn push(device: &mut Device, others: &mut Others, kind: SignalKind, number: u64) {
    let number = device.now.as_millis() - 1_000 + number;
    let signal = others.only().signal(Signal { kind, number });
    device.push(Body::Signal(signal));
}

fn wait(device: &mut Device, time: Duration) {
    device.now = device.now.plus(time);
    device.step(Input::Tick).unwrap();
}

fn presence(device: &Device, others: &mut Others) -> Presence {
    device.engine.presence(others.only().account()).unwrap()
}

#[test]
fn typing_is_said_now_and_then_and_not_with_each_key() {
    let (mut device, mut others, chat) = joined();
    for _ in 0..50 {
        type_in(&mut device, chat, true);
    }
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Typing]);
    wait(&mut device, Duration::from_secs(4));
    type_in(&mut device, chat, true);
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Typing]);
    type_in(&mut device, chat, false);
    type_in(&mut device, chat, false);
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::StoppedTyping]);
}

#[test]
fn whoever_has_sent_and_types_on_says_so_at_once() {
    let (mut device, mut others, chat) = joined();
    type_in(&mut device, chat, true);
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Typing]);
    let (text, token) = ("done".to_owned(), SendToken::random(&mut SeededRng::new(1)));
    device.step(Command::SendText { chat, text, token }).unwrap();
    // The message itself ends the typing.
    type_in(&mut device, chat, false);
    assert_eq!(passed_on(&mut device, &mut others), []);
    type_in(&mut device, chat, true);
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Typing]);
}

#[test]
fn nobody_hears_of_typing_after_the_message() {
    let (mut device, mut others, chat) = joined();
    // As many as may leave at once.
    for number in 0..60 {
        type_in(&mut device, chat, number % 2 == 0);
    }
    passed_on(&mut device, &mut others);
    type_in(&mut device, chat, true);
    let (text, token) = ("done".to_owned(), SendToken::random(&mut SeededRng::new(1)));
    device.step(Command::SendText { chat, text, token }).unwrap();
    wait(&mut device, Duration::from_mins(1));
    assert_eq!(passed_on(&mut device, &mut others), []);
}

#[test]
fn somebody_is_shown_typing_until_they_stop_send_or_say_nothing_more() {
    let (mut device, mut others, chat) = joined();
    let other = others.only().account();
    let ends: [fn(&mut Device, &mut Others); 3] = [
        |device, others| push(device, others, SignalKind::StoppedTyping, 100),
        |device, others| {
            let entry = others.only().say("done");
            device.push(Body::Deliver(Deliver { entries: vec![entry] }));
        },
        |device, _| {
            let wake_at = device.wake_at.unwrap();
            assert!(wake_at <= device.now.plus(Duration::from_secs(7)));
            wait(device, Duration::from_secs(7));
        },
    ];
    for (number, end) in (0..).zip(ends) {
        push(&mut device, &mut others, SignalKind::Typing, 1 + number * 200);
        assert_eq!(device.engine.typing(chat), [other]);
        assert_eq!(device.engine.conversation(chat).unwrap().unwrap().typing, [other]);
        device.events.clear();
        end(&mut device, &mut others);
        assert_eq!(device.engine.typing(chat), []);
        assert!(device.events.contains(&Event::TypingChanged(chat)));
        others.converse(&mut device);
    }
}

#[test]
fn a_signal_is_not_shown_twice() {
    let (mut device, mut others, chat) = joined();
    let signal = others.only().signal(Signal {
        kind: SignalKind::Typing,
        number: device.now.as_millis() - 995,
    });
    device.push(Body::Signal(signal.clone()));
    push(&mut device, &mut others, SignalKind::StoppedTyping, 6);
    device.push(Body::Signal(signal.clone()));
    assert_eq!(device.engine.typing(chat), []);
    device.step(Input::Disconnected).unwrap();
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    device.push(Body::Signal(signal));
    assert_eq!(device.engine.typing(chat), [], "a replay on the next connection");
}

#[test]
fn presence_is_said_again_and_ends_by_itself() {
    let (mut device, mut others, _) = joined();
    device.step(Command::SetHere(true)).unwrap();
    device.step(Command::SetHere(true)).unwrap();
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Came]);
    wait(&mut device, Duration::from_mins(2));
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Here]);
    // A new connection may have new listeners.
    device.step(Input::Disconnected).unwrap();
    device.step(Input::Connected).unwrap();
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Came]);
    device.step(Command::SetHere(false)).unwrap();
    assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Gone]);
    wait(&mut device, Duration::from_mins(5));
    assert_eq!(passed_on(&mut device, &mut others), []);
}

#[test]
fn a_person_is_there_until_they_go_or_say_nothing_more() {
    let (mut device, mut others, _) = joined();
    assert_eq!(presence(&device, &mut others), Presence::Unknown);
    push(&mut device, &mut others, SignalKind::Here, 1);
    assert_eq!(presence(&device, &mut others), Presence::Here);
    let seen = device.now;
    wait(&mut device, Duration::from_secs(150));
    assert_eq!(presence(&device, &mut others), Presence::LastSeen(seen));
    push(&mut device, &mut others, SignalKind::Here, 2);
    push(&mut device, &mut others, SignalKind::Gone, 3);
    assert_eq!(presence(&device, &mut others), Presence::LastSeen(device.now));
    let events = device.events.iter();
    let changes = events
        .filter(|event| matches!(event, Event::PresenceChanged(_)))
        .count();
    assert_eq!(changes, 4);
}

#[test]
fn whoever_comes_is_answered_once() {
    let (mut device, mut others, _) = joined();
    device.step(Command::SetHere(true)).unwrap();
    passed_on(&mut device, &mut others);
    // Also one who comes just after it was said to all, and one who has loaded a page again.
    for number in [1, 2] {
        push(&mut device, &mut others, SignalKind::Came, number);
        assert_eq!(passed_on(&mut device, &mut others), [SignalKind::Here]);
        wait(&mut device, Duration::from_secs(10));
    }
    push(&mut device, &mut others, SignalKind::Came, 3);
    passed_on(&mut device, &mut others);
    for number in 4..50 {
        push(&mut device, &mut others, SignalKind::Came, number);
    }
    // Nor does an answer lead to another.
    wait(&mut device, Duration::from_secs(10));
    push(&mut device, &mut others, SignalKind::Here, 60);
    assert_eq!(passed_on(&mut device, &mut others), []);
}

#[test]
fn what_is_switched_off_is_neither_said_nor_shown() {
    let (mut device, mut others, chat) = joined();
    device.step(Command::SetHere(true)).unwrap();
    type_in(&mut device, chat, true);
    push(&mut device, &mut others, SignalKind::Here, 1);
    push(&mut device, &mut others, SignalKind::Typing, 2);
    passed_on(&mut device, &mut others);
    let off = Privacy {
        typing: false,
        last_seen: false,
        ..Privacy::default()
    };
    device.step(Command::SetPrivacy(off)).unwrap();
    // Nobody is left with what was said before.
    let ended = passed_on(&mut device, &mut others);
    assert_eq!(ended, [SignalKind::StoppedTyping, SignalKind::Gone]);
    assert_eq!(device.engine.typing(chat), []);
    assert_eq!(presence(&device, &mut others), Presence::Unknown);
    type_in(&mut device, chat, true);
    device.step(Command::SetHere(false)).unwrap();
    device.step(Command::SetHere(true)).unwrap();
    push(&mut device, &mut others, SignalKind::Here, 3);
    push(&mut device, &mut others, SignalKind::Typing, 4);
    assert_eq!(passed_on(&mut device, &mut others), []);
    assert_eq!(device.engine.typing(chat), []);
    assert_eq!(presence(&device, &mut others), Presence::Unknown);
}

#[test]
fn a_server_that_passes_nothing_on_is_asked_once() {
    let (mut device, mut others, chat) = joined();
    type_in(&mut device, chat, true);
    let asked = device
        .asked
        .iter()
        .filter(|frame| matches!(frame.request, Some(Request::PassOn(_))));
    assert_eq!(asked.count(), 1);
    others.converse_lying(&mut device, |body| {
        if matches!(body, Body::Acknowledged(_)) {
            *body = Body::Problem(Problem::new(ProblemCode::UnknownRequest, ""));
        }
    });
    others.only().signals.clear();
    type_in(&mut device, chat, false);
    device.step(Command::SetHere(true)).unwrap();
    assert_eq!(passed_on(&mut device, &mut others), []);
    assert!(device.wake_at.is_none_or(|at| at > device.now));
}

#[test]
fn signals_that_make_no_sense_are_passed_over() {
    let (mut device, mut others, chat) = joined();
    let good = others.only().signal(Signal {
        kind: SignalKind::Typing,
        number: device.now.as_millis(),
    });
    let bad: [fn(&mut subrosa_wire::frames::Signal); 5] = [
        |signal| signal.conversation_id.clear(),
        |signal| signal.device_id.clear(),
        |signal| signal.sealed.clear(),
        |signal| signal.sealed = vec![0xff; 69].into(),
        |signal| signal.sealed = signal.sealed.slice(..60),
    ];
    for change in bad {
        let mut signal = good.clone();
        change(&mut signal);
        device.push(Body::Signal(signal));
        assert_eq!(device.engine.typing(chat), []);
    }
    device.push(Body::Signal(good));
    assert_eq!(device.engine.typing(chat).len(), 1);
}

#[test]
fn what_waits_when_somebody_goes_is_not_said_afterwards() {
    let (mut device, mut others, chat) = joined();
    for number in 0..60 {
        type_in(&mut device, chat, number % 2 == 0);
    }
    passed_on(&mut device, &mut others);
    device.step(Command::SetHere(true)).unwrap();
    device.step(Command::SetHere(false)).unwrap();
    wait(&mut device, Duration::from_mins(1));
    assert_eq!(passed_on(&mut device, &mut others), []);
}
