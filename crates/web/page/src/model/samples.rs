//! Messages and conversations for tests.

use subrosa_web_rpc::{
    ChatId, ChatSettings, Contact, Conversation, ConversationKind, ConversationState, LocalMessageId,
    Message, MessageStatus, Notice, NoticeKind, Presence, Role,
};
use subrosa_wire::{AccountId, Timestamp};

pub(crate) const HOUR: u64 = 3_600_000;

/// The conversation of the messages.
pub(crate) const CHAT: ChatId = ChatId::new(1);

/// A received message whose id, position and time come from one number.
pub(crate) fn message(position: i64) -> Message {
    Message {
        id: LocalMessageId::new(position),
        chat: CHAT,
        sender: AccountId::from_bytes([2; 16]),
        outgoing: false,
        text: format!("message {position}"),
        sent_at: Timestamp::from_millis(position.unsigned_abs() * 1000),
        status: MessageStatus::Read,
        position,
        lifetime: None,
    }
}

/// A line about a new device.
pub(crate) fn notice(position: i64) -> Notice {
    Notice {
        chat: CHAT,
        position,
        at: Timestamp::from_millis(position.unsigned_abs() * 1000),
        kind: NoticeKind::DeviceAdded,
        by: Some(contact(2, "ben", None)),
        by_user: false,
        about_user: false,
        who: vec![contact(2, "ben", None)],
    }
}

/// A person.
pub(crate) fn contact(number: u8, handle: &str, name: Option<&str>) -> Contact {
    Contact {
        account_id: AccountId::from_bytes([number; 16]),
        handle: handle.parse().ok(),
        former_handle: None,
        name: name.map(str::to_owned),
        picture: None,
        nickname: None,
        is_blocked: false,
    }
}

/// A conversation with somebody.
pub(crate) fn conversation(number: u8, handle: &str, name: Option<&str>) -> Conversation {
    Conversation {
        id: ChatId::new(number.into()),
        kind: ConversationKind::Direct,
        title: None,
        description: None,
        picture: None,
        with: Some(contact(number, handle, name)),
        role: Role::Member,
        members: Vec::new(),
        former_members: Vec::new(),
        wishes: Vec::new(),
        presence: Presence::Unknown,
        typing: Vec::new(),
        unread: 0,
        first_unread: None,
        last_message: None,
        active_at: Timestamp::from_millis(u64::from(number)),
        state: ConversationState::Joined,
        quarantine: None,
        hidden: false,
        is_request: false,
        added_by: None,
        settings: ChatSettings::default(),
        draft: None,
        timer: None,
    }
}
