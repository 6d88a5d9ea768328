//! What the worker reports to a page without being asked.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ChatId, LocalMessageId},
    shapes::{Contact, Conversation, Message, Notice, State},
    warning::Warning,
};

/// Something changed. Each event carries the new value, so that a page need not ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The state of everything: the phase, the connection, who is signed in.
    State(Box<State>),
    /// A conversation is new, or part of it changed: last message, unread count, members, state.
    Conversation(Box<Conversation>),
    /// A person is shown in another way from now on, wherever they are shown: their handle, their name, their picture, or what
    /// the user calls them.
    Contact(Box<Contact>),
    /// A message is new, or its status or position changed.
    Message(Box<Message>),
    /// A line that is no message was added to a conversation.
    Notice(Box<Notice>),
    /// A message was discarded.
    MessageRemoved {
        /// Its conversation.
        chat: ChatId,
        /// The message.
        message: LocalMessageId,
    },
    /// A warning to the user.
    Warning(Warning),
    /// More happened than is reported one by one: reload what is shown.
    Reload,
}
