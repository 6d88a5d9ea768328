//! `ChatList`: the conversations, and a field that searches them and the people on the server.

use leptos::{ev::KeyboardEvent, prelude::*};
use subrosa_web_rpc::ChatId;
use wasm_bindgen::JsCast as _;

use super::{
    chat_item::ChatItem,
    chat_menu::{ChatMenu, ChatMenus},
    notes,
    people::People,
};
use crate::{
    browser,
    components::{
        avatar, icon,
        menu::{self, Menu, item},
        notice, skeleton,
    },
    i18n::{now, t},
    limits::LIST_ROWS,
    model::{faces::Face, handles, roster, route::Route},
    reactive::{effect, flag, memo, text},
    router::use_router,
    store::{Stage, use_store},
};

/// The id of the menu of what can be begun.
const NEW_MENU: &str = "new-menu";

#[component]
pub(super) fn Side(
    /// Becomes `true` when the user wants to create a group.
    new_group: RwSignal<bool>,
) -> impl IntoView {
    let store = use_store();
    let search = RwSignal::new(String::new());
    let limit = RwSignal::new(LIST_ROWS);
    let searching = memo!(move || search.with(|search| !search.trim().is_empty()));
    // Whether the list is that of the archived conversations.
    let in_archive = RwSignal::new(false);
    let order = memo!(move || {
        let is_search = searching.get();
        store.roster.with(|roster| match (is_search, in_archive.get()) {
            (true, _) => search.with(|search| roster::order(roster, search)),
            (false, true) => roster::archived(roster),
            (false, false) => roster::current(roster),
        })
    });
    let archived = memo!(move || store.roster.with(roster::archived_count));
    let has_archived = memo!(move || archived.get() > 0);
    let shown = move || order.with(|order| order.iter().take(limit.get()).copied().collect::<Vec<_>>());
    // The whole list is one stop of the Tab key: the open conversation, or else the first.
    let tab_stop = memo!(move || {
        let open = store.open.get();
        order.with(|order| {
            let is_shown = |open: &ChatId| order.iter().take(limit.get()).any(|chat| chat == open);
            open.filter(is_shown).or_else(|| order.first().copied())
        })
    });
    let enter_archive = move |_| {
        in_archive.set(true);
        browser::focus_soon("[data-testid=archived-back]");
    };
    let leave_archive = move || {
        in_archive.set(false);
        browser::focus_soon("[data-testid=archived]");
    };
    // The last of them may come back by itself.
    effect!(move || {
        if !has_archived.get() {
            in_archive.set(false);
        }
    });
    // Enter was pressed before there was an answer to what the field says.
    let awaits_hit = RwSignal::new(false);
    let list = NodeRef::<leptos::html::Div>::new();
    let router = use_router();
    let error = RwSignal::new(None::<String>);
    ChatMenu::provide(error);
    let begin_notes = Callback::new(move |()| notes::open(store, router, error));

    let scrolled = move |_| {
        if let Some(list) = list.get_untracked() {
            let left = list.scroll_height() - list.scroll_top() - list.client_height();
            if left < 800 && order.with_untracked(Vec::len) > limit.get_untracked() {
                limit.update(|limit| *limit += LIST_ROWS);
            }
        }
    };
    let keyed = move |event: KeyboardEvent| {
        // 229: the key belongs to an input method that is still composing. Others belong to the menu.
        if event.is_composing() || event.key_code() == 229 || event.default_prevented() {
            return;
        }
        match event.key().as_str() {
            "ArrowDown" => step(&event, list, 1),
            "ArrowUp" => step(&event, list, -1),
            "Home" if !in_field(&event) => jump(&event, list, false),
            "End" if !in_field(&event) => jump(&event, list, true),
            "Enter" if in_field(&event) && searching.get_untracked() => {
                let is_decided =
                    open_only_hit(list, &search.with_untracked(|search| handles::prefix(search)));
                awaits_hit.set(!is_decided);
            }
            "Escape" if searching.get_untracked() => {
                event.prevent_default();
                search.set(String::new());
                browser::focus("[data-testid=search]");
            }
            "Escape" if in_archive.get_untracked() => {
                event.prevent_default();
                leave_archive();
            }
            _ => {}
        }
    };
    let list_name = move || {
        if in_archive.get() && !searching.get() {
            now!("archived")
        } else {
            now!("chats")
        }
    };
    view! {
        <div class="side-inner" on:keydown=keyed>
            <div class="side-head">
                <span class="brand">{icon::sized(icon::ROSE, "26")}<h1>{t!("app")}</h1></span>
                <nav aria-label=t!("account")>
                    <button type="button" class="icon-button" aria-label=t!("new") title=t!("new") data-testid="new" aria-haspopup="menu"
                        popovertarget=NEW_MENU on:click=|event| menu::place(&event, NEW_MENU)>{icon::icon(icon::PLUS)}</button>
                    <Own />
                </nav>
                <Menu id=NEW_MENU label=t!("new")>
                    {item("new-chat", icon::CHAT, t!("new-chat"), || browser::focus("[data-testid=search]"))}
                    <Show when=flag!(store.stage() == Stage::SignedIn)>
                        {item("new-group", icon::PEOPLE, t!("new-group"), move || new_group.set(true))}
                    </Show>
                    {item("notes-to-self", icon::BOOKMARK, t!("notes-to-self"), move || begin_notes.run(()))}
                </Menu>
            </div>
            <div class="search" role="search">
                {icon::sized(icon::SEARCH, "18")}
                <input type="search" data-testid="search" aria-label=t!("search") placeholder=t!("search") autocomplete="off"
                    autocapitalize="none" spellcheck="false" maxlength="64" dir="auto" prop:value=search
                    on:input:target=move |event| {
                        awaits_hit.set(false);
                        search.set(event.target().value());
                    } />
                {move || searching.get().then(|| view! {
                    <button type="button" class="icon-button" aria-label=t!("search-clear") on:click=move |_| {
                        search.set(String::new());
                        browser::focus("[data-testid=search]");
                    }>{icon::sized(icon::CLOSE, "18")}</button>
                })}
            </div>
            {notice::maybe_error(move || error.get())}
            <Show when=flag!(in_archive.get() && !searching.get())>
                <div class="side-part">
                    <button type="button" class="icon-button" data-testid="archived-back" aria-label=t!("to-chats") title=t!("to-chats")
                        on:click=move |_| leave_archive()>{icon::mirrored(icon::BACK)}</button>
                    <h2>{t!("archived")}</h2>
                </div>
            </Show>
            <div class="side-scroll scroll" node_ref=list on:scroll=scrolled>
                <Show when=flag!(searching.get() && order.with(|order| !order.is_empty()))>
                    <h2>{t!("chats")}</h2>
                </Show>
                <ul role="list" data-testid="chat-list" aria-label=list_name>
                    <For each=shown key=|id| *id let:id><ChatItem id tab_stop /></For>
                </ul>
                <Show when=flag!(has_archived.get() && !in_archive.get() && !searching.get())>
                    <button type="button" class="chat archived" data-testid="archived" on:click=enter_archive>
                        <span class="archived-mark">{icon::icon(icon::ARCHIVE)}</span>
                        <span class="chat-line">
                            <span class="chat-name">{t!("archived")}</span>
                            <span class="tabular" aria-hidden="true">{text!(archived.get().to_string())}</span>
                            <span class="hidden-text">{text!(now!("chats-count", count = archived.get()))}</span>
                        </span>
                    </button>
                </Show>
                <Show when=flag!(!store.loaded.get())>{skeleton::list()}</Show>
                <Show when=flag!(searching.get())><People search awaits_hit /></Show>
                <Show when=flag!(store.loaded.get() && !searching.get() && !has_archived.get() && order.with(Vec::is_empty))>
                    <EmptyList begin_notes />
                </Show>
            </div>
            <ChatMenus />
        </div>
    }
}

/// What stands in place of the list while there is nothing in it.
#[component]
fn EmptyList(begin_notes: Callback<()>) -> impl IntoView {
    let store = use_store();
    let handle = move || store.me().map(|me| format!("@{}", me.handle)).unwrap_or_default();
    view! {
        <div class="empty" data-testid="empty-list">
            <span class="state-mark">{icon::sized(icon::PERSON, "26")}</span>
            <h2>{t!("empty-list")}</h2>
            <p>{t!("empty-list-hint", handle = handle())}</p>
            <button type="button" class="button primary" on:click=|_| browser::focus("[data-testid=search]")>{t!("find-somebody")}</button>
            <button type="button" class="button quiet" data-testid="notes-begin" on:click=move |_| begin_notes.run(())>
                {icon::sized(icon::BOOKMARK, "18")}{t!("notes-to-self")}
            </button>
        </div>
    }
}

/// The user's avatar, which leads to the account page.
#[component]
fn Own() -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let online = move || matches!(store.connection(), Some(subrosa_web_rpc::Connection::Online));
    let label = move || {
        if online() {
            now!("account-online")
        } else {
            now!("account-offline")
        }
    };
    view! {
        <a class="me" href="/settings" data-testid="settings-link" data-online=text!(online().to_string()) aria-label=label title=label
            aria-current=move || (router.route() == Route::Settings).then_some("page") on:click=router.follow(Route::Settings)>
            {move || store.me().map(|me| avatar::avatar(&Face::of_me(&me), ""))}
        </a>
    }
}

fn in_field(event: &KeyboardEvent) -> bool {
    event
        .target()
        .is_some_and(|target| target.has_type::<web_sys::HtmlInputElement>())
}

fn rows(list: NodeRef<leptos::html::Div>) -> Vec<web_sys::HtmlElement> {
    list.get_untracked()
        .map(|list| browser::all_in(&list, "a, [data-testid=person-result], [data-testid=archived]"))
        .unwrap_or_default()
}

/// Opens the conversation that was found, if it is the only one; or else the only person. Returns `false` if nothing was
/// found yet for this text.
fn open_only_hit(list: NodeRef<leptos::html::Div>, prefix: &str) -> bool {
    let Some(list) = list.get_untracked() else {
        return false;
    };
    for kind in ["[data-testid=chat-item]", "[data-testid=person-result]"] {
        match browser::all_in(&list, kind).as_slice() {
            [] => {}
            [only] => {
                let handle = only.get_attribute("data-handle");
                let is_of_text = handle.is_none_or(|handle| handle.starts_with(prefix));
                if is_of_text {
                    only.click();
                }
                return is_of_text;
            }
            _ => return true,
        }
    }
    false
}

/// Moves the focus to the next or the previous row; above the first one is the field.
fn step(event: &KeyboardEvent, list: NodeRef<leptos::html::Div>, by: isize) {
    let rows = rows(list);
    let focused = browser::document().active_element();
    // The button of a row counts as the row.
    let row_of = |focused: &web_sys::Element| focused.closest("li").ok()??.first_element_child();
    let focused = focused.map(|focused| row_of(&focused).unwrap_or(focused));
    let here = rows
        .iter()
        .position(|row| focused.as_ref() == Some(row.unchecked_ref()));
    let next = match here {
        Some(0) if by < 0 => {
            event.prevent_default();
            return browser::focus("[data-testid=search]");
        }
        Some(here) => here.checked_add_signed(by),
        None if by > 0 => Some(0),
        None => None,
    };
    if let Some(target) = next.and_then(|next| rows.get(next)) {
        event.prevent_default();
        let _ = target.focus();
    }
}

fn jump(event: &KeyboardEvent, list: NodeRef<leptos::html::Div>, to_end: bool) {
    let rows = rows(list);
    if let Some(target) = if to_end { rows.last() } else { rows.first() } {
        event.prevent_default();
        let _ = target.focus();
    }
}
