//! Commands, and what is stored for them. Without a server.

use subrosa_engine::{
    ChatId, Command, CommandError, EngineError, Event, LocalMessageId, Message, MessageStatus,
    content::SendToken,
};

use crate::device::Device;

/// A device that has opened a chat with the second person.
fn opened() -> (Device, ChatId) {
    let mut device = Device::new(1);
    let peer = Device::person(2);
    device.step(Command::OpenDirect(peer.clone())).unwrap();
    let chat = device.engine.direct_chat_with(peer.account_id).unwrap().unwrap();
    (device, chat)
}

fn send(device: &mut Device, chat: ChatId, text: &str, token: u8) -> Message {
    device.events.clear();
    device
        .step(Command::SendText {
            chat,
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
    let (mut device, chat) = opened();
    let first = send(&mut device, chat, "hello", 1);
    assert_eq!(first.status, MessageStatus::Pending);
    assert_eq!(send(&mut device, chat, "hello", 1), first);
    assert_eq!(
        device.engine.messages(chat, None, 10).unwrap(),
        std::slice::from_ref(&first)
    );
    assert_eq!(device.engine.outbox_len().unwrap(), 1);
    // Another token or another text is another message.
    assert_ne!(send(&mut device, chat, "hello", 2).id, first.id);
    assert_ne!(send(&mut device, chat, "hello!", 1).id, first.id);
    assert_eq!(device.engine.outbox_len().unwrap(), 3);
}

#[test]
fn pages_go_forward_from_a_position_and_backward_before_one() {
    let (mut device, chat) = opened();
    let sent: Vec<_> = (0..5)
        .map(|number| send(&mut device, chat, &format!("text {number}"), number))
        .collect();
    let engine = &device.engine;
    let from = |position, limit| engine.messages_from(chat, position, limit).unwrap();
    assert_eq!(from(0, 2), sent[..2]);
    assert_eq!(from(sent[1].position, 2), sent[1..3]);
    assert_eq!(from(sent[1].position + 1, 10), sent[2..]);
    assert_eq!(from(sent[4].position + 1, 10), []);
    assert_eq!(
        engine.messages(chat, Some(sent[2].position), 1).unwrap(),
        sent[1..2]
    );
    let unknown = ChatId::new(99);
    assert_eq!(engine.messages_from(unknown, 0, 10).unwrap(), []);
}

#[test]
fn a_conversation_tells_when_something_was_last_said() {
    let (mut device, chat) = opened();
    let opened_at = device.now;
    let told = |device: &Device| device.engine.conversation(chat).unwrap().unwrap();
    assert_eq!(told(&device).active_at, opened_at);
    device.now = device.now.plus(std::time::Duration::from_secs(5));
    let message = send(&mut device, chat, "hello", 1);
    assert_eq!(told(&device).active_at, message.sent_at);
    assert_eq!(told(&device).first_unread, None);
}

#[test]
fn what_is_not_there_cannot_be_written_to_or_tried_again() {
    let (mut device, chat) = opened();
    let unknown = Command::SendText {
        chat: ChatId::new(chat.get() + 1),
        text: "hello".to_owned(),
        token: SendToken::from_bytes([1; 16]),
    };
    assert!(matches!(
        device.step(unknown),
        Err(EngineError::Command(CommandError::UnknownConversation))
    ));
    let pending = send(&mut device, chat, "hello", 1);
    for message in [pending.id, LocalMessageId::new(99)] {
        for command in [Command::Retry(message), Command::Discard(message)] {
            assert!(matches!(
                device.step(command),
                Err(EngineError::Command(CommandError::UnknownMessage))
            ));
        }
    }
    assert_eq!(device.engine.message(pending.id).unwrap(), Some(pending));
}

#[test]
fn the_members_of_a_direct_conversation_are_its_two_accounts() {
    let (device, chat) = opened();
    let members = device.engine.members(chat).unwrap();
    let accounts: std::collections::BTreeSet<_> = members.iter().map(|member| member.account_id).collect();
    let me = device.account();
    let person = Device::person(2);
    assert_eq!(accounts, [me, person.account_id].into());
    for member in members {
        let handle = member.contact.and_then(|contact| contact.handle);
        assert_eq!(handle, (member.account_id != me).then(|| person.handle.clone()));
        assert_eq!((member.delivered_up_to, member.read_up_to), (0, 0));
    }
}

#[test]
fn a_nickname_is_shown_beside_the_name_until_it_is_removed() {
    let (mut device, _) = opened();
    let bob = Device::person(2).account_id;
    let nickname = |device: &Device| device.engine.contact(bob).unwrap().unwrap().nickname;
    assert_eq!(nickname(&device), None);
    device.events.clear();
    device
        .step(Command::SetNickname(bob, Some("  Uncle   Bob ".to_owned())))
        .unwrap();
    assert_eq!(nickname(&device).as_deref(), Some("Uncle Bob"));
    assert_eq!(device.events, [Event::ContactChanged(bob)]);
    // The same again changes nothing.
    device.events.clear();
    device
        .step(Command::SetNickname(bob, Some("Uncle Bob".to_owned())))
        .unwrap();
    assert_eq!(device.events, []);
    device.step(Command::SetNickname(bob, None)).unwrap();
    assert_eq!(nickname(&device), None);
    assert_eq!(device.events, [Event::ContactChanged(bob)]);
}

#[test]
fn a_nickname_is_a_name_of_somebody_who_is_known() {
    let (mut device, _) = opened();
    let bob = Device::person(2).account_id;
    let mut refusal = |account, name: &str| match device
        .step(Command::SetNickname(account, Some(name.to_owned())))
        .unwrap_err()
    {
        EngineError::Command(refusal) => refusal,
        other => panic!("{other:?}"),
    };
    for bad in ["", " \u{200b} ", "Bob\u{202e}", "B\nob", &"x".repeat(257)] {
        assert!(matches!(refusal(bob, bad), CommandError::Name(_)), "{bad:?}");
    }
    let stranger = Device::person(3).account_id;
    assert_eq!(refusal(stranger, "Carol"), CommandError::UnknownContact);
    let me = Device::person(1).account_id;
    assert_eq!(refusal(me, "Me"), CommandError::OwnAccount);
}
