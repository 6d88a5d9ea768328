//! Typing: reports that the user types, and shows that the other person does.

use leptos::prelude::*;
use subrosa_web_rpc::{ChatId, ConversationKind, ConversationState, Request};

use super::entry::Entry;
use crate::{
    browser,
    components::avatar,
    i18n::now,
    limits::TYPING_AGAIN_AFTER,
    link,
    model::faces,
    reactive::text,
    reactive::{flag, memo},
    store::use_store,
};

/// What was reported of the user's typing in one conversation.
#[derive(Clone, Copy)]
pub(super) struct TypingReports {
    chat: ChatId,
    entry: Entry,
    /// When typing was last reported, while it has not ended since.
    reported_ms: StoredValue<Option<u64>>,
}

impl TypingReports {
    pub(super) fn new(chat: ChatId, entry: Entry) -> Self {
        Self {
            chat,
            entry,
            reported_ms: StoredValue::new(None),
        }
    }

    /// Handles an edit by the user.
    pub(super) fn edited(self, text: &str) {
        if text.trim().is_empty() {
            return self.ended();
        }
        let now_ms = browser::now_ms();
        let again_ms = u64::try_from(TYPING_AGAIN_AFTER.as_millis()).unwrap_or(u64::MAX);
        let reported_ms = self.reported_ms.get_value();
        let is_reported = reported_ms.is_some_and(|reported_ms| now_ms.abs_diff(reported_ms) < again_ms);
        if !is_reported && self.is_seen() {
            self.reported_ms.set_value(Some(now_ms));
            self.report(true);
        }
    }

    /// The typing has ended without a message.
    pub(super) fn ended(self) {
        if self
            .reported_ms
            .try_update_value(Option::take)
            .flatten()
            .is_some()
        {
            self.report(false);
        }
    }

    /// The message was sent, which ends the typing for everybody.
    pub(super) fn sent(self) {
        self.reported_ms.set_value(None);
    }

    /// Whether there is somebody who could see it, and get the message.
    fn is_seen(self) -> bool {
        untrack(|| {
            self.entry.with(|entry| {
                entry.is_some_and(|entry| {
                    let has_others = entry.with.is_some() || !entry.members.is_empty();
                    has_others && entry.state == ConversationState::Joined
                })
            })
        })
    }

    fn report(self, is_typing: bool) {
        let chat = self.chat;
        leptos::task::spawn_local(async move {
            // If it fails, nobody sees it, which nobody misses.
            let _ = link::call(Request::SetTyping { chat, is_typing }).await;
        });
    }
}

/// A bubble at the end of the messages while the other person types. It is not announced, since it comes and goes while
/// people think.
#[component]
pub(super) fn TypingBubble() -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let is_shown = memo!(move || {
        let is_typing = entry.with(|entry| entry.is_some_and(|entry| !entry.typing.is_empty()));
        let is_at_end = store
            .window
            .with(|window| window.as_ref().is_some_and(|window| !window.has_newer));
        is_typing && is_at_end
    });
    let face = memo!(move || entry.with(|entry| {
        let group = entry.filter(|entry| entry.kind == ConversationKind::Group)?;
        Some(faces::face_in(group, group.typing.first()?))
    }));
    let names = move || {
        let of_group = entry.with(|entry| entry.and_then(faces::typing_names));
        of_group.unwrap_or_else(|| entry.name())
    };
    view! {
        <Show when=flag!(is_shown.get())>
            <div class="typing" aria-live="off" data-testid="typing" data-faced=move || face.with(Option::is_some).then_some("true")>
                {move || face.get().map(|face| view! { <span class="row-face">{avatar::avatar(&face, "small")}</span> })}
                <div class="bubble">
                    <span class="hidden-text">{text!(now!("is-typing", name = names()))}</span>
                    {dots()}
                </div>
            </div>
        </Show>
    }
}

// A view of its own: what is nested in another and never changes would be set as HTML, which the page forbids.
fn dots() -> impl IntoView {
    view! { <span class="dots" aria-hidden="true"><i></i><i></i><i></i></span> }
}
