//! Drafts: text that was typed and not sent, stored with its conversation.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{ChatId, Request};

use crate::{limits::DRAFT_AFTER, link};

/// The draft of one conversation.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    chat: ChatId,
    /// Text that was typed and is not stored yet.
    unkept: StoredValue<Option<String>>,
    number: StoredValue<u32>,
    /// How many texts are being stored.
    storing: RwSignal<u32>,
}

impl Draft {
    pub(super) fn new(chat: ChatId) -> Self {
        Self {
            chat,
            unkept: StoredValue::new(None),
            number: StoredValue::new(0),
            storing: RwSignal::new(0),
        }
    }

    /// Whether everything that was typed here is stored: what the conversation has as its draft is the newest then, from
    /// this tab or another.
    pub(super) fn is_settled(self) -> bool {
        self.storing.get() == 0 && self.unkept.with_value(Option::is_none)
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
        if let Some(text) = text {
            let chat = self.chat;
            self.storing.try_update(|storing| *storing += 1);
            spawn_local(async move {
                let request = Request::KeepDraft {
                    chat,
                    text: text.clone(),
                };
                if link::call(request).await.is_err() {
                    // It is only here, unless more was typed since.
                    self.unkept.try_update_value(|unkept| {
                        unkept.get_or_insert(text);
                    });
                }
                self.storing.try_update(|storing| *storing -= 1);
            });
        }
    }

    /// Forgets what was typed.
    pub(super) fn remove(self) {
        self.unkept.set_value(Some(String::new()));
        self.flush();
    }
}
