//! People and messages for the tests of this module.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]

use jiff::tz::TimeZone;
use subrosa_client::{
    AccountId, ChatId, Contact, Conversation, ConversationId, ConversationKind, ConversationState, DeviceId,
    LocalMessageId, Me, Message, MessageId, MessageStatus, Notice, NoticeKind, Presence, Privacy, Timestamp,
};

use super::{
    composer::Composer,
    model::{Focus, Model, PAGE, Scroll, Thread},
};
use crate::people::Names;

/// Monday, 23 November 2026, 12:00 UTC.
pub(super) const NOON: u64 = 1_795_435_200_000;

pub(super) const CHAT: ChatId = ChatId::new(1);
pub(super) const OTHER_CHAT: ChatId = ChatId::new(2);

pub(super) fn me() -> Me {
    Me {
        account_id: AccountId::from_bytes([9; 16]),
        handle: "alice".parse().unwrap(),
        device_id: DeviceId::from_bytes([8; 16]),
        name: Some("Alice".into()),
        picture: None,
        privacy: Privacy::default(),
    }
}

pub(super) fn contact(id: u8, handle: &str, name: Option<&str>) -> Contact {
    Contact {
        account_id: AccountId::from_bytes([id; 16]),
        handle: Some(handle.parse().unwrap()),
        former_handle: None,
        name: name.map(Into::into),
        picture: None,
        nickname: None,
        is_blocked: false,
    }
}

pub(super) fn bob() -> Contact {
    contact(1, "bob", Some("Bob"))
}

pub(super) fn carol() -> Contact {
    contact(2, "carol", None)
}

pub(super) fn names() -> Names {
    Names::new(&me(), &[bob(), carol()])
}

fn message(position: i64, text: &str, seconds: i64, outgoing: bool, status: MessageStatus) -> Message {
    let mut message_id = [0; 32];
    message_id[..8].copy_from_slice(&position.to_be_bytes());
    Message {
        id: LocalMessageId::new(position),
        chat: CHAT,
        message_id: MessageId::from_bytes(message_id),
        conversation_id: on_the_wire(CHAT),
        sender: if outgoing {
            me().account_id
        } else {
            bob().account_id
        },
        outgoing,
        text: text.to_owned(),
        sent_at: Timestamp::from_millis(NOON + u64::try_from(seconds).unwrap() * 1000),
        status,
        seq: u64::try_from(position).ok(),
        position,
        lifetime: None,
        expires_at: None,
    }
}

pub(super) fn received(position: i64, text: &str, seconds: i64) -> Message {
    message(position, text, seconds, false, MessageStatus::Read)
}

pub(super) fn unread(position: i64, text: &str, seconds: i64) -> Message {
    message(position, text, seconds, false, MessageStatus::Unread)
}

pub(super) fn sent(position: i64, text: &str, seconds: i64, status: MessageStatus) -> Message {
    message(position, text, seconds, true, status)
}

/// A new device of Bob's.
pub(super) fn notice(position: i64) -> Notice {
    Notice {
        chat: CHAT,
        conversation_id: on_the_wire(CHAT),
        position,
        at: Timestamp::from_millis(NOON),
        kind: NoticeKind::DeviceAdded,
        by: Some(bob().account_id),
        who: vec![bob().account_id],
    }
}

/// The id on the wire of a chat.
fn on_the_wire(chat: ChatId) -> ConversationId {
    ConversationId::from_bytes(i128::from(chat.get()).to_be_bytes())
}

pub(super) fn conversation(id: ChatId, with: Contact, unread: u64, last: Option<Message>) -> Conversation {
    Conversation {
        id,
        conversation_id: on_the_wire(id),
        kind: ConversationKind::Direct,
        title: None,
        description: None,
        picture: None,
        with: Some(with),
        presence: Presence::Unknown,
        typing: Vec::new(),
        unread,
        first_unread: None,
        active_at: last
            .as_ref()
            .map_or(Timestamp::from_millis(NOON), |message| message.sent_at),
        last_message: last,
        state: ConversationState::Joined,
        quarantine: None,
        is_hidden: false,
        standing: subrosa_client::Standing::Accepted,
        added_by: None,
        settings: subrosa_client::ChatSettings::default(),
        ask: None,
        join_requests: 0,
        draft: None,
        timer: None,
    }
}

pub(super) fn thread(messages: Vec<Message>) -> Thread {
    Thread {
        chat: CHAT,
        messages,
        notices: Vec::new(),
        wanted: PAGE,
        is_loaded: true,
        composer: Composer::default(),
        stored: String::new(),
        is_typing: false,
        scroll: Scroll::Newest,
        selected: None,
        new_from: None,
    }
}

/// A model with two chats, of which the first is open and has these messages.
pub(super) fn model(width: u16, height: u16, messages: Vec<Message>) -> Model {
    let mut model = Model::new(me(), TimeZone::UTC, width, height);
    model.now = Timestamp::from_millis(NOON);
    model.names = names();
    model.chats = vec![
        conversation(CHAT, bob(), 0, messages.last().cloned()),
        conversation(OTHER_CHAT, carol(), 3, Some(unread(7, "Are you\nthere?", 60))),
    ];
    model.selected = Some(CHAT);
    model.thread = Some(thread(messages));
    model.focus = Focus::Composer;
    model
}
