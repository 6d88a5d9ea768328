//! The app: which screen is shown, and what happens when somebody signs in or out.

use leptos::{either::EitherOf7, prelude::*, task::spawn_local};

use crate::{
    auth::{Auth, RecoveryCodeScreen, trouble},
    browser,
    i18n::now,
    later::{self, Messenger},
    limits, link,
    model::{faces, route::Route},
    reactive::{effect, memo},
    router::Router,
    store::{SignUpStep, Stage, Store},
    theme,
};

/// The screen that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Starting,
    Auth,
    Code,
    Main,
    Dead,
    Unsupported,
    Evicted,
    Broken,
}

#[component]
pub(crate) fn App() -> impl IntoView {
    provide_context(theme::start());
    browser::follow_input();
    let store = Store::start();
    provide_context(store);
    let router = Router::start();
    provide_context(router);

    let screen = Memo::new(
        move |old: Option<&Screen>| match (store.stage(), store.sign_up_step.get()) {
            (Stage::Dead, _) => Screen::Dead,
            // While another tab takes the lead, the screen stays. Who has no account here does not wait for the worker.
            (Stage::Starting, _) => match old {
                Some(screen @ (Screen::Main | Screen::Code | Screen::Auth)) => *screen,
                _ if store.remembers_account() => Screen::Starting,
                _ => Screen::Auth,
            },
            (Stage::SignedIn, SignUpStep::Code { .. }) => Screen::Code,
            (Stage::SignedIn, SignUpStep::Working) | (Stage::SignedOut, _) => Screen::Auth,
            (Stage::SignedIn, SignUpStep::None) | (Stage::Revoked, _) => Screen::Main,
            (Stage::Unsupported, _) => Screen::Unsupported,
            (Stage::Evicted, _) => Screen::Evicted,
            (Stage::Broken, _) => Screen::Broken,
        },
    );
    follow_stage(store, router);
    follow_title(store, router);
    later::preload();
    move || match screen.get() {
        Screen::Starting => EitherOf7::A(view! { <trouble::Starting /> }),
        Screen::Auth => EitherOf7::B(view! { <Auth /> }),
        Screen::Code => EitherOf7::C(code(store)),
        Screen::Main => EitherOf7::D(view! { <Messenger /> }),
        Screen::Dead => EitherOf7::E(view! { <trouble::Dead /> }),
        Screen::Unsupported => EitherOf7::F(view! { <trouble::Unsupported /> }),
        Screen::Evicted => EitherOf7::G(view! { <trouble::Evicted /> }.into_any()),
        Screen::Broken => EitherOf7::G(view! { <trouble::Broken /> }.into_any()),
    }
}

fn code(store: Store) -> impl IntoView {
    match store.sign_up_step.get_untracked() {
        SignUpStep::Code { code, is_new } => Some(view! { <RecoveryCodeScreen code is_new /> }),
        SignUpStep::None | SignUpStep::Working => None,
    }
}

/// Loads the conversations when somebody signs in, and clears them when nobody is signed in any more.
fn follow_stage(store: Store, router: Router) {
    let stage = memo!(move || store.stage());
    Effect::new(move |was_in: Option<bool>| {
        let is_in = match stage.get() {
            Stage::SignedIn | Stage::Revoked => true,
            // Nobody has signed out: a reload should lead back to the same place.
            Stage::Starting | Stage::Dead => return was_in.unwrap_or_default(),
            _ => false,
        };
        if is_in || stage.get() == Stage::SignedOut {
            store.remember_account(is_in);
        }
        match (was_in.unwrap_or_default(), is_in) {
            (false, true) => {
                store.load();
                store.ask_for_unsaved_code();
                link::register_service_worker();
                look_after_storage(store);
            }
            (true, false) => {
                store.clear();
                router.replace(Route::List);
            }
            _ => {}
        }
        is_in
    });
}

fn look_after_storage(store: Store) {
    let look = move || {
        spawn_local(async move {
            if link::is_nearly_full().await {
                store.storage_low.set(true);
            }
        });
    };
    spawn_local(async move {
        link::persist().await;
        look();
    });
    let _ = set_interval_with_handle(look, limits::LOOK_EVERY * 10);
}

/// Keeps the title up to date: what is open, and how many messages are unread.
fn follow_title(store: Store, router: Router) {
    effect!(move || {
        let name = match router.route() {
            Route::Settings if store.me().is_some() => Some(now!("settings")),
            Route::Chat(_) => store
                .open
                .get()
                .and_then(|id| store.roster.with(|roster| Some(faces::name_of(roster.get(&id)?)))),
            _ => None,
        };
        let app = now!("app");
        let title = name.map_or_else(|| app.clone(), |name| format!("\u{2068}{name}\u{2069} – {app}"));
        let unread = store.unread();
        browser::document().set_title(&if unread > 0 {
            format!("({unread}) {title}")
        } else {
            title
        });
    });
}
