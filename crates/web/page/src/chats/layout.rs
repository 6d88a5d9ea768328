//! The layout of the page: three columns, two, or one, and which column is shown when there is only one.

use leptos::{either::EitherOf3, ev, prelude::*};
use wasm_bindgen::{JsCast as _, closure::Closure};

use super::{
    banners::Banners,
    blocking::{BlockQuestion, BlockedPeople, Blocking},
    deletion::{Deletion, DeletionQuestion},
    details::Details,
    group::NewGroup,
    here,
    pane::ChatPane,
    person::{PersonDialog, PersonPage},
    side::Side,
};
use crate::{
    browser,
    components::{icon, pictures},
    i18n::t,
    model::route::Route,
    reactive::{flag, memo, text},
    router::use_router,
    settings::Settings,
    store::use_store,
};

/// Whether the window only has room for one column.
#[derive(Clone, Copy)]
pub(crate) struct Narrow(pub(crate) RwSignal<bool>);

/// The column with details: whether the user wants to see it, and whether the window has room for it.
#[derive(Clone, Copy)]
pub(super) struct DetailsColumn {
    wanted: RwSignal<bool>,
    has_room: RwSignal<bool>,
}

/// The setting that remembers that the column was closed.
const CLOSED: &str = "subrosa-details-closed";

impl DetailsColumn {
    fn new() -> Self {
        Self {
            wanted: RwSignal::new(browser::kept(CLOSED).is_none()),
            has_room: watch_width("(min-width: 73.75rem)"),
        }
    }

    /// Whether the window has room for it.
    pub(super) fn has_room(self) -> bool {
        self.has_room.get_untracked()
    }

    /// Whether it is shown beside an open conversation.
    pub(super) fn is_open(self) -> bool {
        self.wanted.get() && self.has_room.get()
    }

    /// Opens or closes it, which the browser remembers.
    pub(super) fn set(self, is_open: bool) {
        browser::keep(CLOSED, (!is_open).then_some("1"));
        self.wanted.set(is_open);
    }
}

/// What is shown beside the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pane {
    List,
    Chat,
    Settings,
}

impl Pane {
    const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Chat => "chat",
            Self::Settings => "settings",
        }
    }
}

#[component]
pub(crate) fn Layout() -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let narrow = Narrow(watch_width("(max-width: 44.99rem)"));
    provide_context(narrow);
    let column = DetailsColumn::new();
    provide_context(column);
    pictures::provide();
    PersonDialog::provide();
    Blocking::provide();
    Deletion::provide();
    here::report();
    let new_group = RwSignal::new(false);
    let pane = memo!(move || match router.route() {
        Route::List => Pane::List,
        Route::Chat(_) => Pane::Chat,
        Route::Settings => Pane::Settings,
    });
    let is_chat = memo!(move || pane.get() == Pane::Chat && store.open.get().is_some());
    let details = move || is_chat.get() && column.is_open();
    // On a narrow page the list is all there is, and so its main part.
    let side_role = move || if narrow.0.get() { "main" } else { "navigation" };
    let escape = window_event_listener(ev::keydown, move |event| {
        let in_dialog = browser::first("dialog[open]").is_some();
        if event.key() == "Escape"
            && !event.default_prevented()
            && !event.is_composing()
            && !in_dialog
            && router.route_now() != Route::List
        {
            event.prevent_default();
            if narrow.0.get_untracked() {
                router.back();
            } else {
                router.go(Route::List);
            }
            browser::focus_soon("[data-testid=chat-item][tabindex='0']");
        }
    });
    on_cleanup(move || escape.remove());
    view! {
        <Show when=flag!(is_chat.get())>
            <a class="skip" href="#main" on:click=|event| { event.prevent_default(); browser::focus("#main"); }>{t!("skip")}</a>
        </Show>
        <div class="layout" data-pane=move || pane.get().name() data-details=text!(details().to_string())>
            <Banners />
            <div class="side" role=side_role aria-label=t!("chats")><Side new_group /></div>
            <main id="main" tabindex="-1">
                {move || match pane.get() {
                    Pane::List => EitherOf3::A(view! { <NothingOpen /> }),
                    Pane::Chat => EitherOf3::B(view! { <ChatPane /> }),
                    Pane::Settings => EitherOf3::C(view! { <Settings /> }),
                }}
            </main>
            <Show when=flag!(details())><Details /></Show>
        </div>
        <NewGroup open=new_group />
        <PersonPage />
        <BlockedPeople />
        <BlockQuestion />
        <DeletionQuestion />
    }
}

/// What is shown beside the list while nothing is open.
#[component]
fn NothingOpen() -> impl IntoView {
    view! {
        <div class="pane-empty">
            <div class="empty">
                <span class="mark">{icon::sized(icon::ROSE, "56")}</span>
                <h2>{t!("nothing-open")}</h2>
                <p>{t!("nothing-open-hint")}</p>
            </div>
        </div>
    }
}

/// Whether the window has a width, as a media query.
fn watch_width(query: &str) -> RwSignal<bool> {
    let has_width = RwSignal::new(false);
    if let Ok(Some(query)) = browser::window().match_media(query) {
        has_width.set(query.matches());
        let watched = query.clone();
        let changed = Closure::<dyn Fn()>::new(move || {
            has_width.try_set(watched.matches());
        });
        let _ = query.add_event_listener_with_callback("change", changed.into_js_value().unchecked_ref());
    }
    has_width
}
