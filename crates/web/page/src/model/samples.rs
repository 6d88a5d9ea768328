//! Messages and conversations for tests.

use subrosa_web_rpc::{Conversation, ConversationState, Message, MessageStatus, Peer};
use subrosa_wire::{AccountId, ConversationId, Timestamp};

pub(crate) const HOUR: u64 = 3_600_000;

/// A received message whose position and time come from one number.
pub(crate) fn message(position: i64) -> Message {
    Message {
        id: format!("{position:064x}"),
        conversation: ConversationId::from_bytes([1; 16]),
        sender: AccountId::from_bytes([2; 16]),
        outgoing: false,
        text: format!("message {position}"),
        sent_at: Timestamp::from_millis(position.unsigned_abs() * 1000),
        status: MessageStatus::Read,
        position,
    }
}

/// A conversation with somebody.
pub(crate) fn conversation(number: u8, handle: &str, name: Option<&str>) -> Conversation {
    Conversation {
        id: ConversationId::from_bytes([number; 16]),
        peer: Peer {
            account_id: AccountId::from_bytes([number; 16]),
            handle: handle.parse().ok(),
            name: name.map(str::to_owned),
        },
        unread: 0,
        first_unread: None,
        last_message: None,
        active_at: Timestamp::from_millis(u64::from(number)),
        state: ConversationState::Joined,
        draft: None,
    }
}
