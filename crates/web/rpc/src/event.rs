//! What the worker reports to a page without being asked.

use serde::{Deserialize, Serialize};
use subrosa_wire::{AccountId, ConversationId};

use crate::shapes::{Conversation, Message, State};

/// Something changed. Each event carries the new value, so that a page need not ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The state of everything: the phase, the connection, who is signed in.
    State(Box<State>),
    /// A conversation is new, or part of it changed: last message, unread count, peer, state.
    Conversation(Box<Conversation>),
    /// A conversation and its messages have got another id.
    ConversationMoved {
        /// The old id.
        from: ConversationId,
        /// The new id.
        to: ConversationId,
    },
    /// A message is new, or its status or position changed.
    Message(Box<Message>),
    /// A message was discarded.
    MessageRemoved {
        /// Its conversation.
        conversation: ConversationId,
        /// [`Message::id`].
        id: String,
    },
    /// A warning to the user.
    Warning(Warning),
    /// More happened than is reported one by one: reload what is shown.
    Reload,
}

/// A warning to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// The server shows another key for a person than before: a new account, or an attack.
    KeyChanged {
        /// The person's account.
        account: AccountId,
        /// The handle, if it is known.
        handle: Option<String>,
    },
    /// The server handed out something that does not verify; it was refused.
    ForgedByServer {
        /// The conversation, if it is about one.
        conversation: Option<ConversationId>,
        /// English, for a report.
        detail: String,
    },
    /// A message did not verify and was skipped.
    MessageRefused {
        /// The conversation.
        conversation: ConversationId,
        /// English, for a report.
        detail: String,
    },
    /// Messages never reached this device: it was away longer than the server keeps them.
    HistoryGap {
        /// The conversation.
        conversation: ConversationId,
    },
    /// The server refused something.
    Refused {
        /// English, for a report.
        detail: String,
    },
}
