//! `MessageInput`: grows with its text, sends on Enter, keeps a draft that all tabs and devices share, and says so when a
//! text is too long.

use leptos::{
    ev::{self, ClipboardEvent, KeyboardEvent},
    html::Textarea,
    prelude::*,
    task::spawn_local,
};
use subrosa_web_rpc::{ChatId, ConversationState, Failure, Request};
use subrosa_wire::limits::MESSAGE_TEXT_MAX;
use web_sys::HtmlTextAreaElement;

use super::{draft::Draft, entry::Entry, typing::TypingReports};
use crate::{
    browser,
    components::{failure, icon},
    i18n::{now, t},
    link,
    model::edit,
    reactive::{effect, memo, text},
    store::{Stage, Store, use_store},
};

/// The hint below the field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Note {
    None,
    /// The pasted text is too long and was not inserted.
    PasteTooLong,
    /// The text is too long.
    TooLong,
    /// The text was not sent and is back in the field.
    Failed(Failure),
}

/// Whether the field may take the focus from another text field: once after the user has come to a conversation, and only
/// until they type something.
#[derive(Clone, Copy)]
pub(super) struct FirstFocus(StoredValue<bool>);

impl FirstFocus {
    /// For the component that calls it and for all in it.
    pub(super) fn provide() -> Self {
        let first_focus = Self(StoredValue::new(true));
        provide_context(first_focus);
        let typed = window_event_listener(ev::input, move |_| {
            first_focus.take();
        });
        on_cleanup(move || typed.remove());
        first_focus
    }

    /// The user has gone to a conversation.
    pub(super) fn renew(self) {
        self.0.set_value(true);
    }

    /// Whether it may; from now on it may not.
    fn take(self) -> bool {
        self.0
            .try_update_value(|may_take| std::mem::replace(may_take, false))
            .unwrap_or(false)
    }
}

/// The field and its state.
#[derive(Clone, Copy)]
struct Input {
    chat: ChatId,
    field: NodeRef<Textarea>,
    can_send: RwSignal<bool>,
    note: RwSignal<Note>,
    /// An input method is composing: the field is not to be changed.
    is_composing: RwSignal<bool>,
    draft: Draft,
    typing: TypingReports,
}

impl Input {
    fn area(self) -> Option<HtmlTextAreaElement> {
        self.field.try_get_untracked().flatten()
    }

    /// Focuses the field where that is of use, and disturbs nobody who types elsewhere.
    fn begin(area: HtmlTextAreaElement, first_focus: FirstFocus) {
        request_animation_frame(move || {
            let may_take = first_focus.take() || !browser::is_writing();
            // On a touch screen the focus would open the keyboard over the messages.
            if may_take && !browser::is_touch() && browser::first("dialog[open]").is_none() {
                let _ = area.focus();
            }
        });
    }

    /// Shows the draft as it is stored, unless something that was typed here is not stored yet.
    fn follow(self, kept: &str) {
        let is_unkept = !self.draft.is_settled() || self.note.with_untracked(|note| *note == Note::TooLong);
        if is_unkept || self.is_composing.get() {
            return;
        }
        let Some(area) = self.field.get() else { return };
        self.draft.shows(kept);
        if area.value() != kept {
            self.put(&area, kept);
        }
    }

    /// Replaces the text. A cursor in the middle stays where it is if the text before it does.
    fn put(self, area: &HtmlTextAreaElement, text: &str) {
        let cursor = area.selection_start().ok().flatten().unwrap_or(0);
        let before = |text: &str| text.encode_utf16().take(cursor as usize).collect::<Vec<_>>();
        let old = area.value();
        let is_in_the_middle = old.encode_utf16().count() > cursor as usize;
        let stays = is_in_the_middle && before(&old) == before(text);
        area.set_value(text);
        if stays {
            let _ = area.set_selection_range(cursor, cursor);
        }
        grow(area);
        self.can_send.try_set(!text.trim().is_empty());
    }

    /// Handles an edit.
    fn changed(self) {
        let Some(area) = self.area() else { return };
        grow(&area);
        let text = area.value();
        let too_long = text.len() > MESSAGE_TEXT_MAX && text.trim().len() > MESSAGE_TEXT_MAX;
        let can_send = !too_long && !text.trim().is_empty();
        if self.can_send.get_untracked() != can_send {
            self.can_send.set(can_send);
        }
        let note = if too_long { Note::TooLong } else { Note::None };
        if self.note.with_untracked(|old| *old != note) {
            self.note.set(note);
        }
        self.typing.edited(&text);
        if !too_long {
            self.draft.keep_soon(text);
        }
    }

    /// Sends the text. If it cannot be stored, it returns to the field, or to its conversation's draft.
    fn send(self, store: Store) {
        let Some(area) = self.area() else { return };
        if !self.can_send.get_untracked() {
            return;
        }
        let text = area.value();
        self.draft.is_sent();
        self.typing.sent();
        self.put(&area, "");
        self.note.set(Note::None);
        spawn_local(async move {
            let Err(failure) = store.send(self.chat, text.clone()).await else {
                // Only now: it is never gone from both.
                self.draft.flush();
                return;
            };
            self.note.try_set(Note::Failed(failure));
            if let Some(area) = self.area() {
                let typed = area.value();
                let all = if typed.is_empty() {
                    text
                } else {
                    format!("{text}\n{typed}")
                };
                self.put(&area, &all);
                self.draft.keep_soon(all);
            } else {
                let request = Request::KeepDraft {
                    chat: self.chat,
                    text,
                    shown: String::new(),
                };
                let _ = link::call(request).await;
            }
        });
    }

    /// Refuses a text that is too long before it is inserted.
    fn pasted(self, event: &ClipboardEvent) {
        let Some(area) = self.area() else { return };
        let pasted = event
            .clipboard_data()
            .and_then(|data| data.get_data("text/plain").ok())
            .unwrap_or_default();
        let [start, end] =
            [area.selection_start(), area.selection_end()].map(|at| at.ok().flatten().unwrap_or(0));
        if edit::len_after(&area.value(), start..end, &pasted) > MESSAGE_TEXT_MAX {
            event.prevent_default();
            self.note.set(Note::PasteTooLong);
        }
    }

    fn note(self) -> Option<String> {
        match self.note.get() {
            Note::None => None,
            Note::PasteTooLong => Some(now!("paste-too-long")),
            Note::TooLong => Some(now!("text-too-long")),
            Note::Failed(failure) => Some(failure::words(&failure)),
        }
    }
}

#[component]
pub(super) fn MessageInput(chat: ChatId) -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let first_focus = expect_context::<FirstFocus>();
    let draft = Draft::new(chat);
    let input = Input {
        chat,
        field: NodeRef::new(),
        can_send: RwSignal::new(false),
        note: RwSignal::new(Note::None),
        is_composing: RwSignal::new(false),
        draft,
        typing: TypingReports::new(chat, entry),
    };
    effect!(move || {
        if let Some(area) = input.field.get() {
            Input::begin(area, first_focus);
        }
    });
    let kept = memo!(move || {
        let draft = entry.with(|entry| entry.and_then(|entry| entry.draft.clone()));
        draft.unwrap_or_default()
    });
    effect!(move || kept.with(|kept| input.follow(kept)));
    // At "pagehide" the worker has already been stopped.
    let listeners = ["beforeunload", "visibilitychange"]
        .map(|event| window_event_listener_untyped(event, move |_| draft.flush()));
    on_cleanup(move || {
        listeners
            .into_iter()
            .for_each(leptos::leptos_dom::helpers::WindowListenerHandle::remove);
        draft.flush();
        input.typing.ended();
    });
    let blocked = move || match (store.stage(), entry.state()) {
        (Stage::Revoked, _) => Some(now!("composer-revoked")),
        (_, Some(ConversationState::Blocked)) => Some(now!("composer-blocked")),
        (_, Some(ConversationState::Removed)) => Some(now!("composer-removed")),
        _ => None,
    };
    let label = move || {
        if entry.is_notes() {
            now!("composer-notes")
        } else {
            now!("composer-label", name = entry.name())
        }
    };
    let keyed = move |event: KeyboardEvent| {
        // 229: the key belongs to an input method that is still composing.
        let is_composing = event.is_composing() || event.key_code() == 229;
        // A touch screen may have a keyboard, too.
        let sends = !browser::is_touch() || event.ctrl_key() || event.meta_key();
        if event.key() == "Enter" && !event.shift_key() && !is_composing && sends {
            event.prevent_default();
            input.send(store);
        }
    };
    view! {
        <div class="composer-area">
            {move || blocked().map(|text| view! { <p class="composer-note calm" role="status">{text}</p> })}
            {move || input.note().map(|text| view! { <p class="composer-note" role="alert" data-testid="error">{text}</p> })}
            <form class="composer" hidden=move || blocked().is_some() on:submit=move |event| {
                event.prevent_default();
                input.send(store);
            }>
                <textarea node_ref=input.field rows="1" data-testid="composer" enterkeyhint=if browser::is_touch() { "enter" } else { "send" } dir="auto" autocomplete="off"
                    aria-label=text!(label()) placeholder=text!(label())
                    on:input=move |_| input.changed() on:keydown=keyed on:paste=move |event| input.pasted(&event)
                    on:compositionstart=move |_| input.is_composing.set(true) on:compositionend=move |_| {
                        // Some browsers report the edit only later.
                        input.changed();
                        input.is_composing.set(false);
                    }
                    on:blur=move |_| draft.flush()></textarea>
                <button type="submit" class="send" data-testid="send" aria-label=t!("send") title=t!("send") disabled=move || !input.can_send.get()>
                    {icon::mirrored(icon::SEND)}
                </button>
            </form>
        </div>
    }
}

/// Fits the field's height to its text in browsers that do not do so themselves; the style sheet bounds it.
fn grow(area: &HtmlTextAreaElement) {
    thread_local! {
        static BY_ITSELF: bool = supports_field_sizing();
    }
    if BY_ITSELF.with(|by_itself| *by_itself) {
        return;
    }
    let style = web_sys::HtmlElement::style(area);
    let _ = style.set_property("height", "auto");
    let _ = style.set_property("height", &format!("{}px", area.scroll_height()));
}

fn supports_field_sizing() -> bool {
    use wasm_bindgen::JsCast as _;
    let root = browser::document()
        .document_element()
        .and_then(|root| root.dyn_into::<web_sys::HtmlElement>().ok());
    root.is_some_and(|root| browser::property(&web_sys::HtmlElement::style(&root), "fieldSizing").is_some())
}
