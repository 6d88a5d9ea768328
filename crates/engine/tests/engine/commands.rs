//! What a user asks for, and what is stored for it. Without a server.

use subrosa_engine::{Command, Event, Message, MessageStatus, content::SendToken};
use subrosa_wire::ConversationId;

use crate::device::Device;

/// A device that has opened a conversation with the second person.
fn opened() -> (Device, ConversationId) {
    let mut device = Device::new(1);
    let peer = Device::person(2);
    device.step(Command::OpenDirect(peer.clone())).unwrap();
    let conversation = device
        .engine
        .direct_conversation_with(peer.account_id)
        .unwrap()
        .unwrap();
    (device, conversation)
}

fn send(device: &mut Device, conversation: ConversationId, text: &str, token: u8) -> Message {
    device.events.clear();
    device
        .step(Command::SendText {
            conversation,
            text: text.to_owned(),
            token: SendToken::from_bytes([token; 16]),
        })
        .unwrap();
    match device.events.as_slice() {
        [Event::MessageSent(message)] => (**message).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_text_with_the_same_token_is_one_message() {
    let (mut device, conversation) = opened();
    let first = send(&mut device, conversation, "hello", 1);
    assert_eq!(first.status, MessageStatus::Pending);
    assert_eq!(send(&mut device, conversation, "hello", 1), first);
    assert_eq!(
        device.engine.messages(conversation, None, 10).unwrap(),
        std::slice::from_ref(&first)
    );
    assert_eq!(device.engine.outbox_len().unwrap(), 1);
    // Another token or another text is another message.
    assert_ne!(send(&mut device, conversation, "hello", 2).id, first.id);
    assert_ne!(send(&mut device, conversation, "hello!", 1).id, first.id);
    assert_eq!(device.engine.outbox_len().unwrap(), 3);
}

#[test]
fn pages_go_forward_from_a_position_and_backward_before_one() {
    let (mut device, conversation) = opened();
    let sent: Vec<_> = (0..5)
        .map(|number| send(&mut device, conversation, &format!("text {number}"), number))
        .collect();
    let engine = &device.engine;
    let from = |position, limit| engine.messages_from(conversation, position, limit).unwrap();
    assert_eq!(from(0, 2), sent[..2]);
    assert_eq!(from(sent[1].position, 2), sent[1..3]);
    assert_eq!(from(sent[1].position + 1, 10), sent[2..]);
    assert_eq!(from(sent[4].position + 1, 10), []);
    assert_eq!(
        engine.messages(conversation, Some(sent[2].position), 1).unwrap(),
        sent[1..2]
    );
    let unknown = ConversationId::from_bytes([9; 16]);
    assert_eq!(engine.messages_from(unknown, 0, 10).unwrap(), []);
}

#[test]
fn a_conversation_tells_when_something_was_last_said() {
    let (mut device, conversation) = opened();
    let opened_at = device.now;
    let told = |device: &Device| device.engine.conversation(conversation).unwrap().unwrap();
    assert_eq!(told(&device).active_at, opened_at);
    device.now = device.now.plus(std::time::Duration::from_secs(5));
    let message = send(&mut device, conversation, "hello", 1);
    assert_eq!(told(&device).active_at, message.sent_at);
    assert_eq!(told(&device).first_unread, None);
}
