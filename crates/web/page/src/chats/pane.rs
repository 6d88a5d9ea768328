//! From an address to a conversation: looks for it here, then asks the server, and says so if there is none.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, ChatId, Conversation, Failure, FailureKind, Request};

use super::{chat_item::handle_of, composer::FirstFocus, conversation::ConversationPane};
use crate::{
    components::{failure, icon, skeleton},
    i18n::t,
    link,
    model::route::{ChatAddress, Route},
    reactive::{effect, memo, text},
    router::use_router,
    store::use_store,
};

/// Where the address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// Not known yet.
    Searching,
    /// This conversation.
    Chat(ChatId),
    /// Nobody has this handle.
    Nobody,
    /// The search failed.
    Failed(Failure),
}

#[component]
pub(super) fn ChatPane() -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let found = RwSignal::new(Found::Searching);
    let attempt = RwSignal::new(0_u32);
    let first_focus = FirstFocus::provide();
    let wanted = memo!(move || match router.route() {
        Route::Chat(address) => Some(address),
        _ => None,
    });
    effect!(move || {
        wanted.track();
        first_focus.renew();
    });
    // A changed entry in the list must not open the conversation again: only the address, the first load and a retry
    // do.
    effect!(move || {
        attempt.track();
        let (Some(address), true) = (wanted.get(), store.loaded.get()) else {
            return;
        };
        // Whoever looks for somebody whose request is out of the list finds it again.
        let is_out = |entry: &Conversation| entry.hidden && handle_of(entry).is_some();
        let here = store.roster.with_untracked(|roster| {
            let mut all = roster.values();
            all.find(|entry| fits(entry, &address) && !is_out(entry)).cloned()
        });
        match (here, address) {
            (Some(entry), _) => {
                store.open(entry.id, router.comes_back());
                found.set(Found::Chat(entry.id));
            }
            (None, ChatAddress::With(handle)) => {
                store.close();
                found.set(Found::Searching);
                let asked = ChatAddress::With(handle.clone());
                spawn_local(async move {
                    let answer = link::call(Request::OpenChat(handle)).await;
                    if now_wanted(wanted) != Some(asked) {
                        return;
                    }
                    match answer {
                        Ok(Answer::Conversation(Some(entry))) => {
                            let id = entry.id;
                            store.roster.update(|roster| {
                                if roster.get(&id).is_none_or(|known| known.hidden) {
                                    roster.insert(id, (*entry).into());
                                }
                            });
                            store.open(id, router.comes_back());
                            found.set(Found::Chat(id));
                        }
                        Ok(_) => found.set(Found::Nobody),
                        Err(failure) if failure.kind == FailureKind::UnknownPerson => {
                            found.set(Found::Nobody);
                        }
                        Err(failure) => found.set(Found::Failed(failure)),
                    }
                });
            }
            (None, ChatAddress::Id(_) | ChatAddress::Nobody(_)) => {
                store.close();
                found.set(Found::Nobody);
            }
        }
    });
    on_cleanup(move || store.close());
    let chat = memo!(move || match found.get() {
        Found::Chat(chat) => Some(chat),
        _ => None,
    });
    view! {
        // Each conversation has a pane of its own, by its key. A shared pane would show in one conversation what was
        // typed in another.
        <For each=move || chat.get() key=|chat| *chat children=|chat| view! { <ConversationPane chat /> } />
        {move || match found.get() {
            Found::Searching => view! { <div class="conversation">{skeleton::shape("pane-head")}{skeleton::bubbles()}</div> }.into_any(),
            Found::Chat(_) => ().into_any(),
            Found::Nobody => nobody(router.route_now()).into_any(),
            Found::Failed(failure) => failed(failure, attempt).into_any(),
        }}
    }
}

fn now_wanted(wanted: Memo<Option<ChatAddress>>) -> Option<ChatAddress> {
    wanted.try_get_untracked().flatten()
}

fn fits(entry: &Conversation, address: &ChatAddress) -> bool {
    match address {
        ChatAddress::With(handle) => handle_of(entry) == Some(handle),
        ChatAddress::Id(id) => entry.id == *id,
        ChatAddress::Nobody(_) => false,
    }
}

fn nobody(route: Route) -> impl IntoView {
    let router = use_router();
    let name = match route {
        Route::Chat(ChatAddress::With(handle)) => handle.to_string(),
        Route::Chat(ChatAddress::Nobody(name)) => name.chars().take(64).collect(),
        _ => String::new(),
    };
    view! {
        <div class="pane-empty" data-testid="unknown-person">
            <div class="empty" role="alert">
                <span class="state-mark warn">{icon::sized(icon::PERSON, "26")}</span>
                <h1>{t!("nobody-title", handle = format!("@{name}"))}</h1>
                <p>{t!("nobody-lead")}</p>
                <button type="button" class="button" on:click=move |_| router.replace(Route::List)>{t!("to-chats")}</button>
            </div>
        </div>
    }
}

fn failed(failure: Failure, attempt: RwSignal<u32>) -> impl IntoView {
    let router = use_router();
    let again = !matches!(
        failure.kind,
        FailureKind::OwnAccount | FailureKind::HandleReassigned
    );
    view! {
        <div class="pane-empty" data-testid="open-failed">
            <div class="empty" role="alert">
                <span class="state-mark warn">{icon::sized(icon::INFO, "26")}</span>
                <h1>{t!("open-failed")}</h1>
                <p data-testid="error">{text!(failure::words(&failure))}</p>
                {again.then(|| view! {
                    <button type="button" class="button primary" on:click=move |_| attempt.update(|attempt| *attempt += 1)>{t!("try-again")}</button>
                })}
                <button type="button" class="button quiet" on:click=move |_| router.replace(Route::List)>{t!("to-chats")}</button>
            </div>
        </div>
    }
}
