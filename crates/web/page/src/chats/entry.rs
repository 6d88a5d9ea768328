//! `Entry`: the conversation that is open.

use std::sync::Arc;

use leptos::prelude::*;
use subrosa_web_rpc::{Conversation, ConversationState};

use super::chat_item::name_of;
use crate::reactive::memo;

/// The open conversation, for the components of its pane.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    entry: Memo<Option<Arc<Conversation>>>,
    // Every message shows it, and it must not be computed again for each message that arrives.
    name: Memo<String>,
}

impl Entry {
    /// The conversation that the memo holds.
    pub(super) fn new(entry: Memo<Option<Arc<Conversation>>>) -> Self {
        let name = memo!(move || entry.with(|entry| entry.as_deref().map(name_of).unwrap_or_default()));
        Self { entry, name }
    }

    /// Reads the conversation.
    pub(super) fn with<T>(self, read: impl FnOnce(Option<&Conversation>) -> T) -> T {
        self.entry.with(|entry| read(entry.as_deref()))
    }

    /// The other person's name.
    pub(super) fn name(self) -> String {
        self.name.get()
    }

    /// Whether it can be used.
    pub(super) fn state(self) -> Option<ConversationState> {
        self.with(|entry| entry.map(|entry| entry.state))
    }
}
