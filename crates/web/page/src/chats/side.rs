//! `ChatList`: the conversations, and a field that searches them and the people on the server.

use leptos::{ev::KeyboardEvent, html::Div, prelude::*};
use subrosa_web_rpc::ChatId;

use super::{
    blocking::Blocking,
    chat_item::ChatItem,
    chat_menu::{ChatMenu, ChatMenus},
    filters::{self, Filters},
    list_keys, notes,
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
    model::{
        faces::Face,
        handles,
        roster::{self, Part},
        route::Route,
    },
    reactive::{effect, flag, memo, shown_if, text},
    router::use_router,
    store::{Stage, Store, use_store},
};

/// The id of the menu of what can be begun.
const NEW_MENU: &str = "new-menu";

/// What the list shows.
#[derive(Clone, Copy)]
struct List {
    store: Store,
    search: RwSignal<String>,
    /// Whether something is searched. All is searched, whichever part is shown.
    searching: Memo<bool>,
    /// The part that is shown while nothing is searched.
    part: RwSignal<Part>,
    order: Memo<Vec<ChatId>>,
    /// How many rows there are at most.
    limit: RwSignal<usize>,
    area: NodeRef<Div>,
    /// Enter was pressed before there was an answer to what the field says.
    awaits_hit: RwSignal<bool>,
}

impl List {
    fn new(store: Store) -> Self {
        let search = RwSignal::new(String::new());
        let searching = memo!(move || search.with(|search| !search.trim().is_empty()));
        let part = RwSignal::new(Part::All);
        let order = memo!(move || {
            let (is_search, part, open) = (searching.get(), part.get(), store.open.get());
            store.roster.with(|roster| {
                if is_search {
                    search.with(|search| roster::order(roster, search))
                } else {
                    roster::part(roster, part, open)
                }
            })
        });
        Self {
            store,
            search,
            searching,
            part,
            order,
            limit: RwSignal::new(LIST_ROWS),
            area: NodeRef::new(),
            awaits_hit: RwSignal::new(false),
        }
    }

    /// Whether this part is shown.
    fn shows(self, part: Part) -> bool {
        self.part.get() == part && !self.searching.get()
    }

    fn is_empty(self) -> bool {
        self.order.with(Vec::is_empty)
    }

    fn clear_search(self) {
        self.search.set(String::new());
        browser::focus("[data-testid=search]");
    }

    fn leave_archive(self) {
        self.part.set(Part::All);
        browser::focus_soon("[data-testid=archived]");
    }

    /// Shows more rows once the end comes near.
    fn scrolled(self) {
        if let Some(list) = self.area.get_untracked() {
            let left = list.scroll_height() - list.scroll_top() - list.client_height();
            if left < 800 && self.order.with_untracked(Vec::len) > self.limit.get_untracked() {
                self.limit.update(|limit| *limit += LIST_ROWS);
            }
        }
    }

    fn keyed(self, event: &KeyboardEvent) {
        // 229: the key belongs to an input method that is still composing. Others belong to the menu.
        if event.is_composing() || event.key_code() == 229 || event.default_prevented() {
            return;
        }
        let in_field = list_keys::in_field(event);
        match event.key().as_str() {
            "Escape" if self.searching.get_untracked() => {
                event.prevent_default();
                self.clear_search();
            }
            "Escape" if self.part.get_untracked() == Part::Archived => {
                event.prevent_default();
                self.leave_archive();
            }
            _ if list_keys::in_choice(event) => {}
            "ArrowDown" => list_keys::step(event, self.area, 1),
            "ArrowUp" => list_keys::step(event, self.area, -1),
            "Home" if !in_field => list_keys::jump(event, self.area, false),
            "End" if !in_field => list_keys::jump(event, self.area, true),
            "Enter" if in_field && self.searching.get_untracked() => {
                let prefix = self.search.with_untracked(|search| handles::prefix(search));
                self.awaits_hit.set(!list_keys::open_only_hit(self.area, &prefix));
            }
            _ => {}
        }
    }
}

#[component]
pub(super) fn Side(
    /// Becomes `true` when the user wants to create a group.
    new_group: RwSignal<bool>,
) -> impl IntoView {
    let store = use_store();
    let list = List::new(store);
    let router = use_router();
    let error = RwSignal::new(None::<String>);
    ChatMenu::provide(error);
    let begin_notes = Callback::new(move |()| notes::open(store, router, error));
    let has_requests = filters::has_requests();
    filters::leave_empty_parts(list.part, has_requests);
    let is_filtered = memo!(move || {
        let is_part = !list.searching.get() && list.part.get() != Part::Archived;
        is_part && (has_requests.get() || store.roster.with(roster::has_any))
    });
    view! {
        <div class="side-inner" on:keydown=move |event| list.keyed(&event)>
            <Head new_group begin_notes />
            <SearchField list />
            {notice::maybe_error(move || error.get())}
            <Show when=flag!(list.shows(Part::Archived))>
                <div class="side-part">
                    <button type="button" class="icon-button" data-testid="archived-back" aria-label=t!("to-chats") title=t!("to-chats")
                        on:click=move |_| list.leave_archive()>{icon::mirrored(icon::BACK)}</button>
                    <h2>{t!("archived")}</h2>
                </div>
            </Show>
            <Show when=flag!(is_filtered.get())><Filters part=list.part has_requests /></Show>
            <ChatList list begin_notes />
            <ChatMenus />
        </div>
    }
}

/// The name of the app, and what leads away from the list.
#[component]
fn Head(new_group: RwSignal<bool>, begin_notes: Callback<()>) -> impl IntoView {
    let store = use_store();
    view! {
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
    }
}

#[component]
fn SearchField(list: List) -> impl IntoView {
    let search = list.search;
    view! {
        <div class="search" role="search">
            {icon::sized(icon::SEARCH, "18")}
            <input type="search" data-testid="search" aria-label=t!("search") placeholder=t!("search") autocomplete="off"
                autocapitalize="none" spellcheck="false" maxlength="64" dir="auto" prop:value=search
                on:input:target=move |event| {
                    list.awaits_hit.set(false);
                    search.set(event.target().value());
                } />
            {shown_if(list.searching, move || view! {
                <button type="button" class="icon-button" aria-label=t!("search-clear") on:click=move |_| list.clear_search()>
                    {icon::sized(icon::CLOSE, "18")}
                </button>
            }.into_any())}
        </div>
    }
}

/// The rows, and what stands above and below them.
#[component]
fn ChatList(list: List, begin_notes: Callback<()>) -> impl IntoView {
    let List {
        store,
        search,
        searching,
        order,
        limit,
        awaits_hit,
        ..
    } = list;
    let shown = move || order.with(|order| order.iter().take(limit.get()).copied().collect::<Vec<_>>());
    // The whole list is one stop of the Tab key: the open conversation, or else the first.
    let tab_stop = memo!(move || {
        let open = store.open.get();
        order.with(|order| {
            let is_shown = |open: &ChatId| order.iter().take(limit.get()).any(|chat| chat == open);
            open.filter(is_shown).or_else(|| order.first().copied())
        })
    });
    // Each part begins at its top.
    effect!(move || {
        list.part.track();
        if let Some(area) = list.area.get() {
            area.set_scroll_top(0);
        }
    });
    let blocking = expect_context::<Blocking>();
    let name = move || {
        filters::name(if searching.get() {
            Part::All
        } else {
            list.part.get()
        })
    };
    view! {
        <div class="side-scroll scroll" node_ref=list.area on:scroll=move |_| list.scrolled()>
            <Show when=flag!(searching.get() && !list.is_empty())>
                <h2>{t!("chats")}</h2>
            </Show>
            <Show when=flag!(list.shows(Part::Requests))>
                <p class="side-lead">{t!("requests-lead")}</p>
            </Show>
            <ul role="list" data-testid="chat-list" aria-label=name>
                <For each=shown key=|id| *id let:id><ChatItem id tab_stop /></For>
            </ul>
            <Show when=flag!(list.shows(Part::All))><ArchivedRow part=list.part /></Show>
            <Show when=flag!(list.shows(Part::Requests))>
                <button type="button" class="side-link" data-testid="blocked-people" on:click=move |_| blocking.show_list()>
                    {icon::sized(icon::BAN, "18")}{t!("blocked-people")}
                </button>
            </Show>
            <Show when=flag!(!store.loaded.get())>{skeleton::list()}</Show>
            <Show when=flag!(searching.get())><People search awaits_hit /></Show>
            <Show when=flag!(store.loaded.get() && list.is_empty() && !searching.get())>
                <EmptyList part=list.part begin_notes />
            </Show>
        </div>
    }
}

/// The row that leads to the archived conversations, if there are any.
#[component]
fn ArchivedRow(part: RwSignal<Part>) -> impl IntoView {
    let store = use_store();
    let count = memo!(move || store.roster.with(|roster| roster::count(roster, Part::Archived)));
    let has_any = memo!(move || count.get() > 0);
    let enter = move |_| {
        part.set(Part::Archived);
        browser::focus_soon("[data-testid=archived-back]");
    };
    shown_if(has_any, move || {
        view! {
            <button type="button" class="chat archived" data-testid="archived" on:click=enter>
                <span class="archived-mark">{icon::icon(icon::ARCHIVE)}</span>
                <span class="chat-line">
                    <span class="chat-name">{t!("archived")}</span>
                    <span class="tabular" aria-hidden="true">{text!(count.get().to_string())}</span>
                    <span class="hidden-text">{text!(now!("chats-count", count = count.get()))}</span>
                </span>
            </button>
        }
        .into_any()
    })
}

/// What stands in place of the list while there is nothing in it.
#[component]
fn EmptyList(part: RwSignal<Part>, begin_notes: Callback<()>) -> impl IntoView {
    let store = use_store();
    let handle = move || store.me().map(|me| format!("@{}", me.handle)).unwrap_or_default();
    let has_archived = memo!(move || store
        .roster
        .with(|roster| roster::count(roster, Part::Archived) > 0));
    move || {
        match (part.get(), has_archived.get()) {
        // Whoever has archived everything needs no words about it.
        (Part::All, true) | (Part::Archived, _) => ().into_any(),
        (Part::All, false) => view! {
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
        .into_any(),
        (Part::Unread, _) => nothing(t!("no-unread")),
        (Part::Groups, _) => nothing(t!("no-groups")),
        (Part::Requests, _) => nothing(t!("no-requests")),
    }
    }
}

fn nothing(words: impl Fn() -> String + Send + Sync + 'static) -> AnyView {
    view! { <p class="side-lead" data-testid="empty-part">{text!(words())}</p> }.into_any()
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
