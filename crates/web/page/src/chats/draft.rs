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
    /// The draft that what is typed is made from.
    shown: StoredValue<String>,
    number: StoredValue<u32>,
    /// How many texts are being stored.
    storing: RwSignal<u32>,
}

impl Draft {
    pub(super) fn new(chat: ChatId) -> Self {
        Self {
            chat,
            unkept: StoredValue::new(None),
            shown: StoredValue::new(String::new()),
            number: StoredValue::new(0),
            storing: RwSignal::new(0),
        }
    }

    /// Whether everything that was typed here is stored: what the conversation has as its draft is the newest then, from
    /// this tab, another one or another device.
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

    /// Notes that the draft is shown as it is stored.
    pub(super) fn shows(self, kept: &str) {
        self.shown.try_update_value(|shown| kept.clone_into(shown));
    }

    /// Stores at once what is not stored yet.
    pub(super) fn flush(self) {
        let text = self.unkept.try_update_value(Option::take).flatten();
        if let Some(text) = text {
            let chat = self.chat;
            let replaced = |shown: &mut String| std::mem::replace(shown, text.clone());
            let shown = self.shown.try_update_value(replaced).unwrap_or_default();
            self.storing.try_update(|storing| *storing += 1);
            spawn_local(async move {
                let request = Request::KeepDraft {
                    chat,
                    text: text.clone(),
                    shown: shown.clone(),
                };
                if link::call(request).await.is_err() {
                    // It is only here, unless more was typed since.
                    self.shown.try_set_value(shown);
                    self.unkept.try_update_value(|unkept| {
                        unkept.get_or_insert(text);
                    });
                }
                self.storing.try_update(|storing| *storing -= 1);
            });
        }
    }

    /// Notes that what was typed is being sent: unless more is typed, [`Self::flush`] deletes the draft.
    pub(super) fn is_sent(self) {
        self.number
            .try_update_value(|number| *number = number.wrapping_add(1));
        self.unkept.try_set_value(Some(String::new()));
    }
}
