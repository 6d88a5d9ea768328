//! What a page is told without asking.

use serde::{Deserialize, Serialize};
use subrosa_wire::{AccountId, ConversationId};

use crate::shapes::{Conversation, Message, State};

/// Something changed. Each carries the new value, so that a page puts it in place and asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The state of everything: the phase, the connection, who is signed in.
    State(Box<State>),
    /// A conversation is new, or something of it changed: last message, unread count, peer, state.
    Conversation(Box<Conversation>),
    /// A conversation has another id from now on; its messages have, too.
    ConversationMoved {
        /// The id until now.
        from: ConversationId,
        /// The id from now on.
        to: ConversationId,
    },
    /// A message is new, or its status or position changed.
    Message(Box<Message>),
    /// A message is gone: it was discarded.
    MessageRemoved {
        /// Where it was.
        conversation: ConversationId,
        /// [`Message::id`].
        id: String,
    },
    /// Something that the user has to know.
    Warning(Warning),
    /// More happened than is told one by one: load what is shown again.
    Reload,
}

/// What a user has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// The server shows another key for a person than before: a new account, or an attack.
    KeyChanged {
        /// Whose.
        account: AccountId,
        /// The handle, if it is known.
        handle: Option<String>,
    },
    /// The server handed out something that does not verify; it was refused.
    ForgedByServer {
        /// Where, if it is about one conversation.
        conversation: Option<ConversationId>,
        /// English, for a report.
        detail: String,
    },
    /// A message did not verify and was skipped.
    MessageRefused {
        /// Where.
        conversation: ConversationId,
        /// English, for a report.
        detail: String,
    },
    /// Messages never reached this device: it was away longer than the server keeps them.
    HistoryGap {
        /// Where.
        conversation: ConversationId,
    },
    /// The server refused something.
    Refused {
        /// English, for a report.
        detail: String,
    },
}
