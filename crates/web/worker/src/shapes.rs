//! The client's data in the shapes that a page shows. Untrusted text is made printable here.

use subrosa_client::{self as client, Status, printable, printable_line};
use subrosa_web_rpc::{
    Connection, Conversation, ConversationState, Device, Me, Message, MessageStatus, Peer, Person, Phase,
    State,
};

/// The state of everything but messages.
pub(crate) fn state(phase: Phase, status: &Status) -> State {
    State {
        phase,
        connection: match &status.connection {
            client::Connection::Off | client::Connection::SignedOut { .. } => Connection::Off,
            client::Connection::Connecting => Connection::Connecting,
            client::Connection::Online => Connection::Online,
            client::Connection::Waiting { retry_in, .. } => Connection::Waiting {
                retry_in_ms: u32::try_from(retry_in.as_millis()).unwrap_or(u32::MAX),
            },
            client::Connection::Incompatible { .. } => Connection::Incompatible,
        },
        caught_up: status.caught_up,
        unsent: status.unsent,
        storage_full: status.storage_full,
    }
}

/// Who is signed in.
pub(crate) fn me(me: client::Me) -> Me {
    Me {
        account_id: me.account_id,
        handle: me.handle,
        name: me.name.map(|name| printable_line(&name).into_owned()),
        device_id: me.device_id,
    }
}

/// A conversation and its draft.
pub(crate) fn conversation(conversation: client::Conversation, draft: Option<String>) -> Conversation {
    let client::Conversation {
        id,
        peer,
        unread,
        first_unread,
        active_at,
        last_message,
        state,
    } = conversation;
    Conversation {
        id,
        peer: Peer {
            account_id: peer.account_id,
            handle: peer.handle,
            name: peer.name.map(|name| printable_line(&name).into_owned()),
        },
        unread,
        first_unread,
        last_message: last_message.as_ref().map(message),
        active_at,
        state: match state {
            client::ConversationState::Starting => ConversationState::Starting,
            client::ConversationState::Joining => ConversationState::Joining,
            client::ConversationState::Joined => ConversationState::Joined,
            client::ConversationState::Blocked => ConversationState::Blocked,
        },
        draft,
    }
}

/// A message.
pub(crate) fn message(message: &client::Message) -> Message {
    Message {
        id: message.id.to_string(),
        conversation: message.conversation,
        sender: message.sender,
        outgoing: message.outgoing,
        text: printable(&message.text).into_owned(),
        sent_at: message.sent_at,
        status: match message.status {
            client::MessageStatus::Pending => MessageStatus::Pending,
            client::MessageStatus::Failed => MessageStatus::Failed,
            client::MessageStatus::Sent => MessageStatus::Sent,
            client::MessageStatus::Delivered => MessageStatus::Delivered,
            client::MessageStatus::Read => MessageStatus::Read,
            client::MessageStatus::Unread => MessageStatus::Unread,
        },
        position: message.position,
    }
}

/// A person in the directory.
pub(crate) fn person(person: client::Person) -> Person {
    Person {
        account_id: person.account_id,
        handle: person.handle,
    }
}

/// A device of the account.
pub(crate) fn device(device: &client::Device) -> Device {
    Device {
        id: device.device_id,
        created_at: device.created_at,
        last_seen_at: device.last_seen_at,
        current: device.current,
        certified: device.certified,
    }
}
