//! Receipts without a server: when they are put and fetched, and what they lead to.

use std::time::Duration;

use subrosa_engine::{
    ChatId, Command, Input, MessageStatus, Privacy, Warning,
    content::{MessageId, Origin, ReportedStatus, SendToken, StatusReport, compose},
    receipts::format::{Covered, Receipt},
};
use subrosa_mls::{LogClaim, LogHash};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, ProblemCode,
    frames::{Deliver, Problem, ReceiptChanged, ReceiptPut, client_frame::Request, server_frame::Body},
    limits::RECEIPT_VERSION_MAX,
};

use crate::{
    device::Device,
    others::{Others, joined},
};

/// Sends a text, and returns its place in the log.
fn send(device: &mut Device, others: &mut Others, chat: ChatId, text: &str) -> u64 {
    let token = SendToken::random(&mut subrosa_test_support::SeededRng::new(text.len() as u64));
    let text = text.to_owned();
    device.step(Command::SendText { chat, text, token }).unwrap();
    others.converse(device);
    others.only().head()
}

fn receive(device: &mut Device, others: &mut Others, text: &str) -> u64 {
    let entry = others.only().say(text);
    let seq = entry.seq;
    device.push(Body::Deliver(Deliver { entries: vec![entry] }));
    others.converse(device);
    seq
}

/// What the founder says to have received and read.
fn says(delivered: u64, read: u64) -> Receipt {
    Receipt {
        covered: Covered {
            delivered,
            read,
            ..Covered::default()
        },
        place: delivered,
        hash: None,
    }
}

fn push_receipt(device: &mut Device, others: &mut Others, version: u64, receipt: &Receipt) {
    let pushed = others.only().receipt(version, receipt, |_| {});
    others.only().receipts.shown.extend(pushed.receipt.clone());
    device.push(Body::ReceiptChanged(pushed));
    others.converse(device);
}

fn statuses(device: &Device, chat: ChatId) -> Vec<MessageStatus> {
    let messages = device.engine.messages(chat, None, 100).unwrap();
    messages.iter().map(|message| message.status).collect()
}

/// The last receipt that the device has put.
fn last_put(device: &Device, others: &mut Others) -> Receipt {
    let put = others.only().receipts.put.last().unwrap().clone();
    others.only().open_receipt(&put, device)
}

#[test]
fn what_was_received_and_what_was_read_is_put_as_one_value() {
    let (mut device, mut others, chat) = joined();
    let first = receive(&mut device, &mut others, "one");
    let put = last_put(&device, &mut others);
    assert_eq!(
        (put.covered.delivered, put.covered.read, put.place),
        (first, first - 1, first)
    );
    let second = receive(&mut device, &mut others, "two");
    device.step(Command::MarkRead(chat)).unwrap();
    others.converse(&mut device);
    let put = last_put(&device, &mut others);
    assert_eq!((put.covered.delivered, put.covered.read), (second, second));
    let versions: Vec<_> = others.only().receipts.put.iter().map(|put| put.version).collect();
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    let readers = [others.only().account().to_vec()];
    assert!(
        others
            .only()
            .receipts
            .put
            .iter()
            .all(|put| put.readers == readers)
    );
    // A register is no message.
    assert_eq!(others.only().log.len(), 2 + usize::from(first > 2));
}

#[test]
fn nothing_is_put_about_ones_own_messages() {
    let (mut device, mut others, chat) = joined();
    send(&mut device, &mut others, chat, "mine");
    assert!(others.only().receipts.put.is_empty());
    assert_eq!(device.engine.outbox_len().unwrap(), 0);
}

#[test]
fn in_a_busy_conversation_what_came_meanwhile_is_put_together() {
    let (mut device, mut others, _) = joined();
    let mut newest = 0;
    for number in 0..20 {
        newest = receive(&mut device, &mut others, &format!("message {number}"));
    }
    assert_eq!(others.only().receipts.put.len(), 5);
    let wake_at = device.wake_at.unwrap();
    assert!(wake_at > device.now && wake_at <= device.now.plus(Duration::from_secs(2)));
    device.now = wake_at;
    device.step(Input::Tick).unwrap();
    others.converse(&mut device);
    assert_eq!(others.only().receipts.put.len(), 6);
    assert_eq!(last_put(&device, &mut others).covered.delivered, newest);
    assert_eq!(device.engine.outbox_len().unwrap(), 0);
}

#[test]
fn a_message_is_shown_as_delivered_and_then_as_read() {
    let (mut device, mut others, chat) = joined();
    let seq = send(&mut device, &mut others, chat, "hello");
    assert_eq!(statuses(&device, chat), [MessageStatus::Sent]);
    push_receipt(&mut device, &mut others, 1, &says(seq, 0));
    assert_eq!(statuses(&device, chat), [MessageStatus::Delivered]);
    push_receipt(&mut device, &mut others, 2, &says(seq, seq));
    assert_eq!(statuses(&device, chat), [MessageStatus::Read]);
    let members = device.engine.members(chat).unwrap();
    let other = members
        .iter()
        .find(|member| member.account_id == others.only().account())
        .unwrap();
    assert_eq!((other.delivered_up_to, other.read_up_to), (seq, seq));
}

#[test]
fn what_a_device_leaves_out_is_not_delivered() {
    let (mut device, mut others, chat) = joined();
    let first = send(&mut device, &mut others, chat, "one");
    let second = send(&mut device, &mut others, chat, "second");
    let third = send(&mut device, &mut others, chat, "the third");
    let mut receipt = says(third, third);
    receipt.covered.since = first;
    receipt.covered.exceptions = vec![second];
    push_receipt(&mut device, &mut others, 1, &receipt);
    let expected = [MessageStatus::Sent, MessageStatus::Sent, MessageStatus::Read];
    assert_eq!(statuses(&device, chat), expected);
}

#[test]
fn an_older_receipt_changes_nothing() {
    let (mut device, mut others, chat) = joined();
    let seq = send(&mut device, &mut others, chat, "hello");
    push_receipt(&mut device, &mut others, 2, &says(seq, 0));
    for version in [1, 2] {
        push_receipt(&mut device, &mut others, version, &says(seq, seq));
        assert_eq!(
            statuses(&device, chat),
            [MessageStatus::Delivered],
            "version {version}"
        );
    }
    // Who says less than before has not unread anything.
    push_receipt(&mut device, &mut others, 3, &says(seq, seq));
    push_receipt(&mut device, &mut others, 4, &says(seq - 1, 0));
    assert_eq!(statuses(&device, chat), [MessageStatus::Read]);
}

#[test]
fn a_receipt_of_another_device_conversation_or_founding_is_not_used() {
    let (mut device, mut others, chat) = joined();
    let seq = send(&mut device, &mut others, chat, "hello");
    let mut try_bound_to = |change: fn(&mut subrosa_engine::receipts::format::Whose)| {
        let device_id = others
            .only()
            .receipt(1, &says(seq, seq), |_| {})
            .receipt
            .unwrap()
            .device_id;
        let mut pushed = others.only().receipt(1, &says(seq, seq), change);
        // The server says that it is from the founder's device all the same.
        pushed.receipt.as_mut().unwrap().device_id = device_id;
        device.push(Body::ReceiptChanged(pushed));
        others.converse(&mut device);
        assert_eq!(statuses(&device, chat), [MessageStatus::Sent]);
    };
    try_bound_to(|whose| whose.conversation = ConversationId::from_bytes([9; 16]));
    try_bound_to(|whose| whose.founding = 1);
    try_bound_to(|whose| whose.account = AccountId::from_bytes([9; 16]));
    try_bound_to(|whose| whose.device = DeviceId::from_bytes([9; 16]));
    try_bound_to(|whose| whose.version = 2);
    assert_eq!(device.engine.recovery_counts().receipts_refused, 5);
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
}

#[test]
fn a_receipt_from_beyond_what_was_read_of_the_log_waits_for_it() {
    let (mut device, mut others, chat) = joined();
    let seq = send(&mut device, &mut others, chat, "hello");
    // The push of the founder's own message is late.
    let late = others.only().say("an answer");
    push_receipt(&mut device, &mut others, 1, &says(late.seq, seq));
    assert_eq!(statuses(&device, chat), [MessageStatus::Sent]);
    device.push(Body::Deliver(Deliver { entries: vec![late] }));
    others.converse(&mut device);
    assert_eq!(statuses(&device, chat)[0], MessageStatus::Read);
}

#[test]
fn receipts_of_the_time_without_a_connection_are_fetched() {
    let (mut device, mut others, chat) = joined();
    let seq = send(&mut device, &mut others, chat, "hello");
    device.step(Input::Disconnected).unwrap();
    let missed = others.only().receipt(1, &says(seq, seq), |_| {});
    others.only().receipts.shown.extend(missed.receipt);
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    assert_eq!(statuses(&device, chat), [MessageStatus::Read]);
    // And not again.
    device.step(Input::Disconnected).unwrap();
    device.step(Input::Connected).unwrap();
    others.converse_lying(&mut device, |body| {
        assert!(!matches!(body, Body::ReceiptsPage(_)));
    });
}

#[test]
fn what_was_not_put_before_the_connection_was_lost_is_put_on_the_next_one() {
    let (mut device, mut others, _) = joined();
    let entry = others.only().say("hello");
    let seq = entry.seq;
    device.push(Body::Deliver(Deliver { entries: vec![entry] }));
    device.asked.clear();
    device.step(Input::Disconnected).unwrap();
    assert_eq!(device.engine.outbox_len().unwrap(), 1);
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    assert_eq!(last_put(&device, &mut others).covered.delivered, seq);
    assert_eq!(device.engine.outbox_len().unwrap(), 0);
}

#[test]
fn a_profile_from_an_older_copy_goes_on_with_the_next_version() {
    let (mut device, mut others, _) = joined();
    let entry = others.only().say("hello");
    device.push(Body::Deliver(Deliver { entries: vec![entry] }));
    let mut refused = false;
    others.converse_lying(&mut device, |body| {
        if let Body::ReceiptPut(put) = body
            && !std::mem::replace(&mut refused, true)
        {
            *put = ReceiptPut {
                version: 40,
                change: 0,
                after_change: 0,
            };
        }
    });
    let versions: Vec<_> = others.only().receipts.put.iter().map(|put| put.version).collect();
    assert_eq!(versions, [1, 41]);
    assert_eq!(device.engine.outbox_len().unwrap(), 0);
}

#[test]
fn no_lie_about_its_version_ends_the_receipts_of_a_device() {
    let (mut device, mut others, _) = joined();
    let entry = others.only().say("hello");
    device.push(Body::Deliver(Deliver { entries: vec![entry] }));
    let mut lies = 3;
    others.converse_lying(&mut device, |body| {
        if let Body::ReceiptPut(put) = body
            && lies > 0
        {
            lies -= 1;
            (put.version, put.change) = (RECEIPT_VERSION_MAX, 0);
        }
    });
    while device.engine.outbox_len().unwrap() > 0 {
        device.now = device.wake_at.unwrap();
        device.step(Input::Tick).unwrap();
        others.converse(&mut device);
    }
    assert_eq!(others.only().receipts.put.last().unwrap().version, 4);
}

#[test]
fn what_a_server_has_withheld_is_looked_at_again_on_the_next_connection() {
    let (mut device, mut others, chat) = joined();
    let seq = send(&mut device, &mut others, chat, "hello");
    let withheld = others.only().receipt(1, &says(seq, seq), |_| {});
    device.step(Input::Disconnected).unwrap();
    device.step(Input::Connected).unwrap();
    // It says that there is nothing, and that this is all.
    others.converse(&mut device);
    assert_eq!(statuses(&device, chat), [MessageStatus::Sent]);
    others.only().receipts.shown.extend(withheld.receipt);
    device.step(Input::Disconnected).unwrap();
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    assert_eq!(statuses(&device, chat), [MessageStatus::Read]);
}

#[test]
fn whoever_switches_read_receipts_off_neither_gives_nor_sees_them() {
    let (mut device, mut others, chat) = joined();
    let privacy = Privacy {
        read_receipts: false,
        ..Privacy::default()
    };
    device.step(Command::SetPrivacy(privacy)).unwrap();
    assert_eq!(device.engine.me().privacy, privacy);
    let received = receive(&mut device, &mut others, "hello");
    device.step(Command::MarkRead(chat)).unwrap();
    others.converse(&mut device);
    // Nobody can tell when it was read.
    assert_eq!(others.only().receipts.put.len(), 1);
    let put = last_put(&device, &mut others);
    assert_eq!((put.covered.delivered, put.covered.read), (received, 0));
    let seq = send(&mut device, &mut others, chat, "and you?");
    push_receipt(&mut device, &mut others, 1, &says(seq, seq));
    assert_eq!(statuses(&device, chat)[1], MessageStatus::Delivered);
}

#[test]
fn a_receipt_whose_hash_differs_shows_that_the_logs_do() {
    let mut device = Device::new(1);
    let mut others = Others::new(device.account(), 1);
    device.step(Input::Connected).unwrap();
    // The server names the hash of the log chain once; from there the device computes it.
    others.converse_lying(&mut device, |body| {
        if let Body::LogPage(page) = body {
            page.head_hash = vec![1; 32].into();
        }
    });
    let chat = device.engine.conversations().unwrap()[0].id;
    send(&mut device, &mut others, chat, "mine");
    let seq = receive(&mut device, &mut others, "hello");
    let ours = last_put(&device, &mut others);
    assert_eq!(ours.place, seq);
    let hash = ours.hash.unwrap();
    let receipt = |hash, delivered| Receipt {
        hash: Some(hash),
        place: seq,
        ..says(delivered, 0)
    };
    push_receipt(
        &mut device,
        &mut others,
        1,
        &receipt(LogHash::from_bytes([3; 32]), seq),
    );
    let warnings = device.warnings();
    let disagrees = |warning: &&&Warning| matches!(warning, Warning::LogsDisagree { .. });
    assert_eq!(warnings.iter().filter(disagrees).count(), 1, "{warnings:?}");
    assert_eq!(statuses(&device, chat)[0], MessageStatus::Sent);
    push_receipt(&mut device, &mut others, 2, &receipt(hash, seq));
    assert_eq!(statuses(&device, chat)[0], MessageStatus::Delivered);
}

#[test]
fn reports_as_messages_are_understood() {
    let (mut device, mut others, chat) = joined();
    send(&mut device, &mut others, chat, "hello");
    let id: MessageId = device.engine.messages(chat, None, 1).unwrap()[0].message_id;
    let other = others.only();
    let origin = Origin {
        sender: other.account(),
        conversation: other.id,
    };
    let report = compose::status_report(&origin, [1; 16], &StatusReport::one(id, ReportedStatus::Read));
    let (_, content) = origin.encode(&report).unwrap();
    let entry = other.send(&content, &LogClaim::of_no_place(2));
    device.push(Body::Deliver(Deliver { entries: vec![entry] }));
    others.converse(&mut device);
    assert_eq!(statuses(&device, chat), [MessageStatus::Read]);
    // And nothing is said about a report.
    assert!(others.only().receipts.put.is_empty());
}

#[test]
fn a_server_that_knows_no_receipts_is_asked_once() {
    let (mut device, mut others, _) = joined();
    for text in ["one", "two"] {
        let entry = others.only().say(text);
        device.push(Body::Deliver(Deliver { entries: vec![entry] }));
        others.converse_lying(&mut device, |body| {
            if matches!(body, Body::ReceiptPut(_)) {
                *body = Body::Problem(Problem::new(ProblemCode::UnknownRequest, ""));
            }
        });
    }
    assert_eq!(others.only().receipts.put.len(), 1);
    assert_eq!(device.engine.outbox_len().unwrap(), 0);
    assert!(device.wake_at.is_none_or(|at| at > device.now));
}

#[test]
fn receipts_that_make_no_sense_are_passed_over() {
    let (mut device, mut others, chat) = joined();
    let seq = send(&mut device, &mut others, chat, "hello");
    let good = others.only().receipt(7, &says(seq, seq), |_| {});
    let bad: [fn(&mut ReceiptChanged); 6] = [
        |changed| changed.receipt = None,
        |changed| changed.receipt.as_mut().unwrap().conversation_id.clear(),
        |changed| changed.receipt.as_mut().unwrap().device_id.clear(),
        |changed| changed.receipt.as_mut().unwrap().sealed.clear(),
        |changed| changed.receipt.as_mut().unwrap().version = 0,
        |changed| changed.receipt.as_mut().unwrap().change = u64::MAX,
    ];
    for change in bad {
        let mut changed = good.clone();
        change(&mut changed);
        device.push(Body::ReceiptChanged(changed));
        others.converse(&mut device);
        assert_eq!(statuses(&device, chat), [MessageStatus::Sent]);
    }
    device.push(Body::ReceiptChanged(good));
    others.converse(&mut device);
    assert_eq!(statuses(&device, chat), [MessageStatus::Read]);
    let fetches =
        |frame: &subrosa_wire::frames::ClientFrame| matches!(frame.request, Some(Request::FetchReceipts(_)));
    assert!(!device.asked.iter().any(fetches));
}
