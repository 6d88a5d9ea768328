//! MessageInput: grows with its text, sends by Enter, keeps a draft, and refuses what is too long in words.

use leptos::{
    ev::{self, KeyboardEvent},
    html::Textarea,
    prelude::*,
    task::spawn_local,
};
use subrosa_web_rpc::{ConversationState, Failure};
use subrosa_wire::{AccountId, limits::MESSAGE_TEXT_MAX};
use web_sys::HtmlTextAreaElement;

use super::{conversation::Entry, draft::Draft};
use crate::{
    browser,
    i18n::{now, t},
    parts::{failure, icon},
    store::{Stage, use_store},
};

/// What is said below the field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Note {
    None,
    /// What was pasted is too long and was not put in.
    PasteTooLong,
    /// The text is too long.
    TooLong,
    /// It was not sent; it is in the field again.
    Failed(Failure),
}

#[component]
pub(super) fn MessageInput(account: AccountId) -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let field = NodeRef::<Textarea>::new();
    let can_send = RwSignal::new(false);
    let note = RwSignal::new(Note::None);
    let conversation = store.open.get_untracked();
    let draft = Draft::new(conversation.unwrap_or(subrosa_wire::ConversationId::from_bytes([0; 16])));

    // The id may change while the conversation is open; another conversation's id is not for this draft.
    Effect::new(move || {
        let Some(id) = store.open.get() else { return };
        let is_mine = store.roster.with_untracked(|roster| {
            roster
                .get(&id)
                .is_some_and(|entry| entry.peer.account_id == account)
        });
        if is_mine {
            draft.follow(id);
        }
    });
    let changed = move || {
        let Some(area) = field.get_untracked() else { return };
        grow(&area);
        let text = area.value();
        let too_long = text.len() > MESSAGE_TEXT_MAX && text.trim().len() > MESSAGE_TEXT_MAX;
        let sendable = !too_long && !text.trim().is_empty();
        if can_send.get_untracked() != sendable {
            can_send.set(sendable);
        }
        let next = if too_long { Note::TooLong } else { Note::None };
        if note.with_untracked(|note| *note != next) {
            note.set(next);
        }
        if !too_long {
            draft.keep_soon(text);
        }
    };
    Effect::new(move || {
        let Some(area) = field.get() else { return };
        request_animation_frame(move || {
            let fine = browser::window()
                .match_media("(pointer: fine)")
                .ok()
                .flatten()
                .is_some_and(|query| query.matches());
            if fine && browser::first("dialog[open]").is_none() {
                let _ = area.focus();
            }
        });
        spawn_local(async move {
            if let (Some(text), Some(area)) = (draft.kept().await, field.try_get_untracked().flatten())
                && area.value().is_empty()
            {
                area.set_value(&text);
                grow(&area);
                can_send.set(!text.trim().is_empty());
            }
        });
    });
    let send = move || {
        let (Some(area), Some(conversation)) = (field.get_untracked(), store.open.get_untracked()) else {
            return;
        };
        if !can_send.get_untracked() {
            return;
        }
        let text = area.value();
        area.set_value("");
        grow(&area);
        can_send.set(false);
        note.set(Note::None);
        draft.remove();
        spawn_local(async move {
            if let Err(failure) = store.send(conversation, text.clone()).await {
                note.try_set(Note::Failed(failure));
                if let Some(area) = field.try_get_untracked().flatten() {
                    let typed = area.value();
                    area.set_value(&if typed.is_empty() {
                        text
                    } else {
                        format!("{text}\n{typed}")
                    });
                    grow(&area);
                    can_send.try_set(true);
                    draft.keep_soon(area.value());
                }
            }
        });
    };
    let keyed = move |event: KeyboardEvent| {
        // 229: the key belongs to an input method that is still composing.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() && event.key_code() != 229 {
            event.prevent_default();
            send();
        }
    };
    let pasted = move |event: ev::ClipboardEvent| {
        let Some(area) = field.get_untracked() else { return };
        let text = event
            .clipboard_data()
            .and_then(|data| data.get_data("text/plain").ok())
            .unwrap_or_default();
        if area.value().len() + text.len() > MESSAGE_TEXT_MAX + 1024 {
            event.prevent_default();
            note.set(Note::PasteTooLong);
        }
    };
    let listeners = [
        window_event_listener_untyped("pagehide", move |_| draft.flush()),
        window_event_listener_untyped("visibilitychange", move |_| draft.flush()),
    ];
    on_cleanup(move || {
        listeners
            .into_iter()
            .for_each(leptos::leptos_dom::helpers::WindowListenerHandle::remove);
        draft.flush();
    });

    let blocked = move || match (store.stage(), entry.state()) {
        (Stage::Revoked, _) => Some(now!("composer-revoked")),
        (_, Some(ConversationState::Blocked)) => Some(now!("composer-blocked")),
        _ => None,
    };
    let words = move || match note.get() {
        Note::None => None,
        Note::PasteTooLong => Some(now!("paste-too-long")),
        Note::TooLong => Some(now!("text-too-long")),
        Note::Failed(failure) => Some(failure::words(&failure)),
    };
    view! {
        <div class="composer-area">
            {move || blocked().map(|text| view! { <p class="composer-note calm" role="status">{text}</p> })}
            {move || words().map(|text| view! { <p class="composer-note" role="alert" data-testid="error">{text}</p> })}
            <form class="composer" hidden=move || blocked().is_some() on:submit=move |event| {
                event.prevent_default();
                send();
            }>
                <textarea node_ref=field rows="1" data-testid="composer" dir="auto" enterkeyhint="send" autocomplete="off"
                    aria-label=move || now!("composer-label", name = entry.name()) placeholder=move || now!("composer-label", name = entry.name())
                    on:input=move |_| changed() on:keydown=keyed on:paste=pasted on:blur=move |_| draft.flush()></textarea>
                <button type="submit" class="send" data-testid="send" aria-label=t!("send") title=t!("send") disabled=move || !can_send.get()>
                    {icon::mirrored(icon::SEND)}
                </button>
            </form>
        </div>
    }
}

/// Fits the field's height to its text where the browser does not by itself; the style sheet bounds it.
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
