//! The pages for when the app cannot run: what happened, what it means, and the one thing to do about it.

use leptos::prelude::*;
use subrosa_web_rpc::{Phase, Request};

use super::{CenteredPage, brand, focus_heading};
use crate::{
    browser,
    components::{
        dialog::{Attempt, Confirm},
        icon, report,
    },
    i18n::{now, t},
    limits::SLOW_START_AFTER,
    reactive::text,
    store::{Store, use_store},
};

fn card(
    name: &'static str,
    mark: &'static str,
    path: &'static str,
    title: impl Fn() -> String + Send + 'static,
    lead: impl Fn() -> String + Send + 'static,
    rest: impl IntoView + 'static,
) -> impl IntoView {
    focus_heading();
    view! {
        <CenteredPage>
            <section class="card" data-testid=name>
                <header>
                    {brand()}
                    <span class=mark>{icon::sized(path, "26")}</span>
                    <h1 tabindex="-1">{title}</h1>
                    <p class="lead">{lead}</p>
                </header>
                {rest}
            </section>
        </CenteredPage>
    }
}

/// The worker is gone.
#[component]
pub(crate) fn Dead() -> impl IntoView {
    let reason = use_store().dead.get_untracked().unwrap_or_default();
    card(
        "dead",
        "state-mark bad",
        icon::WARN,
        t!("dead-title"),
        t!("dead-lead"),
        view! {
            <button type="button" class="button primary wide" data-testid="reload" on:click=|_| browser::reload()>{t!("reload")}</button>
            {report::folded(reason)}
        },
    )
}

/// The browser lacks a feature that the app needs.
#[component]
pub(crate) fn Unsupported() -> impl IntoView {
    let store = use_store();
    let feature = move || {
        store
            .state
            .with(|state| match state.as_ref().map(|state| &state.phase) {
                Some(Phase::Unsupported { feature }) => feature.clone(),
                _ => String::new(),
            })
    };
    card(
        "unsupported",
        "state-mark warn",
        icon::WARN,
        t!("unsupported-title"),
        t!("unsupported-lead", feature = feature()),
        view! {
            <p class="lead">{t!("unsupported-what")}</p>
            <button type="button" class="button wide" on:click=|_| browser::reload()>{t!("try-again")}</button>
        },
    )
}

/// The browser has removed this device's data.
#[component]
pub(crate) fn Evicted() -> impl IntoView {
    let store = use_store();
    let attempt = Attempt::new();
    card(
        "evicted",
        "state-mark warn",
        icon::INFO,
        t!("evicted-title"),
        t!("evicted-lead"),
        view! {
            <p class="lead">{t!("evicted-what")}</p>
            {crate::components::notice::maybe_error(move || attempt.error.get())}
            <button type="button" class="button primary wide" data-testid="evicted-continue" aria-busy=text!(attempt.busy.get().to_string())
                on:click=move |_| forget(store, attempt)>{t!("sign-in-again")}</button>
        },
    )
}

/// The database does not open.
#[component]
pub(crate) fn Broken() -> impl IntoView {
    let store = use_store();
    let reason = store
        .state
        .with_untracked(|state| match state.as_ref().map(|state| &state.phase) {
            Some(Phase::Broken { detail }) => detail.clone(),
            _ => String::new(),
        });
    let asked = RwSignal::new(false);
    card(
        "broken",
        "state-mark bad",
        icon::WARN,
        t!("broken-title"),
        t!("broken-lead"),
        view! {
            <button type="button" class="button primary wide" data-testid="reload" on:click=|_| browser::reload()>{t!("try-again")}</button>
            <button type="button" class="button danger-quiet wide" data-testid="broken-remove" on:click=move |_| asked.set(true)>
                {t!("remove-and-sign-in")}
            </button>
            {report::folded(reason)}
            <ForgetDialog asked />
        },
    )
}

/// Asks before everything stored here is removed without telling the server.
#[component]
pub(crate) fn ForgetDialog(asked: RwSignal<bool>) -> impl IntoView {
    let store = use_store();
    let attempt = Attempt::new();
    view! {
        <Confirm open=asked title=t!("forget-title") label=t!("forget-do") attempt run=move || forget(store, attempt)>
            <p>{t!("forget-lead")}</p>
        </Confirm>
    }
}

fn forget(store: Store, attempt: Attempt) {
    attempt.run_then(Request::Forget, move || store.remember_account(false));
}

/// What is loaded after the first screen could not be.
#[component]
pub(crate) fn NotLoaded(again: impl Fn() + Send + 'static) -> impl IntoView {
    card(
        "not-loaded",
        "state-mark warn",
        icon::WARN,
        t!("not-loaded-title"),
        t!("not-loaded-lead"),
        view! {
            <button type="button" class="button primary wide" data-testid="load-again" on:click=move |_| again()>{t!("try-again")}</button>
            <button type="button" class="button quiet wide" data-testid="reload" on:click=|_| browser::reload()>{t!("reload")}</button>
        },
    )
}

/// Says what is being loaded, for those who cannot see the placeholders, and helps if it takes long.
#[component]
pub(crate) fn Starting() -> impl IntoView {
    let slow = RwSignal::new(false);
    let is_slow = move || {
        slow.try_set(true);
    };
    set_timeout(is_slow, SLOW_START_AFTER);
    view! {
        <main class="boot">
            <h1 class="hidden-text">{text!(now!("starting"))}</h1>
            <div class="boot-note" role="status">
                {move || slow.get().then(|| view! {
                    <div class="notice" data-testid="slow-start">
                        {icon::icon(icon::INFO)}
                        <div>
                            <p>{t!("slow-start")}</p>
                            <button type="button" class="button small" data-testid="reload" on:click=|_| browser::reload()>{t!("reload")}</button>
                        </div>
                    </div>
                })}
            </div>
            <div class="boot-list">
                {crate::components::skeleton::shape("boot-bar")}
                {(0..4).map(|_| crate::components::skeleton::shape("boot-row")).collect_view()}
            </div>
            {crate::components::skeleton::shape("boot-chat")}
        </main>
    }
}
