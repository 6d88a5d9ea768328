//! `Entry`: the conversation that is open.

use std::sync::Arc;

use leptos::prelude::*;
use subrosa_web_rpc::{Conversation, ConversationState};

use super::chat_item::name_of;
use crate::reactive::memo;

/// The conversation that is open, for the parts of its pane.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    entry: Memo<Option<Arc<Conversation>>>,
    // Stands in every message, and must not be looked at again for each message that comes.
    name: Memo<String>,
}

impl Entry {
    /// Names what the memo gives.
    pub(super) fn new(entry: Memo<Option<Arc<Conversation>>>) -> Self {
        let name = memo!(move || entry.with(|entry| entry.as_deref().map(name_of).unwrap_or_default()));
        Self { entry, name }
    }

    /// Reads the conversation.
    pub(super) fn with<T>(self, read: impl FnOnce(Option<&Conversation>) -> T) -> T {
        self.entry.with(|entry| read(entry.as_deref()))
    }

    /// What the other person is called.
    pub(super) fn name(self) -> String {
        self.name.get()
    }

    /// Whether it can be used.
    pub(super) fn state(self) -> Option<ConversationState> {
        self.with(|entry| entry.map(|entry| entry.state))
    }
}
