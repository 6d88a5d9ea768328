//! Drafts: text that was typed and not sent, stored with its conversation.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Request};
use subrosa_wire::ConversationId;

use crate::{limits::DRAFT_AFTER, link};

/// The draft of one conversation.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    conversation: StoredValue<ConversationId>,
    /// Text that was typed and is not stored yet.
    unkept: StoredValue<Option<String>>,
    number: StoredValue<u32>,
}

impl Draft {
    pub(super) fn new(conversation: ConversationId) -> Self {
        Self {
            conversation: StoredValue::new(conversation),
            unkept: StoredValue::new(None),
            number: StoredValue::new(0),
        }
    }

    /// Gives the draft its conversation's new id.
    pub(super) fn follow(self, conversation: ConversationId) {
        self.conversation.set_value(conversation);
    }

    /// The stored draft.
    pub(super) async fn kept(self) -> Option<String> {
        match link::call(Request::Draft(self.conversation.try_get_value()?)).await {
            Ok(Answer::Draft(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Stores a text after a moment without typing.
    pub(super) fn keep_soon(self, text: String) {
        let number = self.number.get_value().wrapping_add(1);
        self.number.set_value(number);
        self.unkept.set_value(Some(text));
        set_timeout(
            move || {
                if self.number.try_get_value() == Some(number) {
                    self.flush();
                }
            },
            DRAFT_AFTER,
        );
    }

    /// Stores at once what is not stored yet.
    pub(super) fn flush(self) {
        let text = self.unkept.try_update_value(Option::take).flatten();
        if let (Some(text), Some(conversation)) = (text, self.conversation.try_get_value()) {
            spawn_local(async move {
                let _ = link::call(Request::KeepDraft { conversation, text }).await;
            });
        }
    }

    /// Forgets what is not stored yet.
    pub(super) fn remove(self) {
        self.unkept.set_value(Some(String::new()));
        self.flush();
    }
}
