//! The banners at the top of the page: no connection, a server that hands nothing over, another version, storage almost full, signed out elsewhere,
//! and what the server should not have done.

use leptos::prelude::*;
use subrosa_web_rpc::Connection;

use super::notices::GeneralNotices;
use crate::{
    auth::trouble::ForgetDialog,
    browser,
    components::{icon, report},
    format,
    i18n::{now, t},
    limits::BANNER_AFTER,
    reactive::{effect, memo},
    store::{Stage, Store, use_store},
};

const RELOADED: &str = "subrosa-reloaded-for-version";

/// What the banner says about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionBanner {
    None,
    Connecting,
    Offline,
    Refused,
}

#[component]
pub(super) fn Banners() -> impl IntoView {
    let store = use_store();
    let wanted = memo!(move || match (store.stage(), store.connection()) {
        (Stage::SignedIn, Some(Connection::Connecting)) => ConnectionBanner::Connecting,
        (Stage::SignedIn, Some(Connection::Waiting { .. } | Connection::Off)) => ConnectionBanner::Offline,
        (Stage::SignedIn, Some(Connection::Online)) if refusal(store).is_some() => ConnectionBanner::Refused,
        _ => ConnectionBanner::None,
    });
    let shown = RwSignal::new(ConnectionBanner::None);
    let number = StoredValue::new(0_u32);
    effect!(move || {
        let wanted = wanted.get();
        let mine = number.get_value().wrapping_add(1);
        number.set_value(mine);
        // What is over within a moment is not worth a banner; one that is already shown changes in place.
        if wanted == ConnectionBanner::None || shown.get_untracked() != ConnectionBanner::None {
            // An attempt to connect is no news to those who know that there is no connection.
            if !(shown.get_untracked() == ConnectionBanner::Offline && wanted == ConnectionBanner::Connecting)
            {
                shown.set(wanted);
            }
        } else {
            set_timeout(
                move || {
                    if number.try_get_value() == Some(mine) {
                        shown.set(wanted);
                    }
                },
                BANNER_AFTER,
            );
        }
    });
    let incompatible = move || store.connection() == Some(Connection::Incompatible);
    let revoked = move || store.stage() == Stage::Revoked;
    let asked = RwSignal::new(false);
    let is_full = memo!(move || store
        .state
        .with(|state| state.as_ref().is_some_and(|state| state.storage_full)));
    let server_clock = memo!(move || store
        .state
        .with(|state| state.as_ref().and_then(|state| state.clock_difference_ms))
        .map(|difference| browser::now_ms().saturating_add_signed(difference)));
    view! {
        <div class="banners top" role="status" aria-live="polite">
            {move || (!is_full.get()).then(|| match shown.get() {
                ConnectionBanner::None => None,
                ConnectionBanner::Refused => Some(refused(store).into_any()),
                without => Some(disconnected(store, without).into_any()),
            })}
            {move || incompatible().then(version)}
            <GeneralNotices />
            {move || is_full.get().then(|| view! {
                <div class="banner bad" data-testid="storage-strip">
                    {icon::sized(icon::WARN, "16")}
                    <span>{t!("failure-storage-full")}</span>
                </div>
            })}
            {move || server_clock.get().map(|at| view! {
                <div class="banner warn" data-testid="clock-strip">
                    {icon::sized(icon::WARN, "16")}
                    <span>{move || now!("strip-clock", server = format::full(at))}</span>
                </div>
            })}
            {move || (store.storage_low.get() && !is_full.get()).then(|| view! {
                <div class="banner warn" data-testid="storage-strip">
                    {icon::sized(icon::WARN, "16")}
                    <span>{t!("strip-storage")}</span>
                    <button type="button" class="text-button" on:click=move |_| store.storage_low.set(false)>{t!("dismiss")}</button>
                </div>
            })}
            {move || revoked().then(|| view! {
                <div class="banner bad" data-testid="revoked-strip">
                    {icon::sized(icon::WARN, "16")}
                    <span>{t!("strip-revoked")}</span>
                    <button type="button" class="text-button" data-testid="revoked-remove" on:click=move |_| asked.set(true)>{t!("remove-and-sign-in")}</button>
                </div>
            })}
        </div>
        <ForgetDialog asked />
    }
}

/// Why the server hands over nothing, if it does not.
fn refusal(store: Store) -> Option<String> {
    store.state.with(|state| {
        let state = state.as_ref().filter(|state| !state.caught_up)?;
        state.refusal.clone()
    })
}

fn disconnected(store: Store, banner: ConnectionBanner) -> impl IntoView {
    let try_now = move |_| store.connect_now();
    let is_offline = banner == ConnectionBanner::Offline;
    view! {
        <div class="banner" data-testid="connection-strip">
            {icon::sized(icon::OFFLINE, "16")}
            <span>{move || if is_offline { now!("strip-offline") } else { now!("strip-connecting") }}</span>
            {is_offline.then(|| view! {
                <button type="button" class="text-button" data-testid="connect-now" on:click=try_now>{t!("try-now")}</button>
            })}
        </div>
    }
}

/// The server is there, but does not hand over what waits for this device.
fn refused(store: Store) -> impl IntoView {
    view! {
        <div class="banner warn" data-testid="refused-strip">
            {icon::sized(icon::WARN, "16")}
            <div>
                <span>{t!("strip-refused")}</span>
                {move || refusal(store).map(report::folded)}
            </div>
        </div>
    }
}

/// Page and server are of different versions: a reload brings the server's page. It is offered once.
fn version() -> impl IntoView {
    let reloaded = browser::tab_mark(RELOADED).is_some();
    view! {
        <div class="banner warn" data-testid="version-strip">
            {icon::sized(icon::INFO, "16")}
            <span>{move || if reloaded { now!("strip-version-again") } else { now!("strip-version") }}</span>
            {(!reloaded).then(|| view! {
                <button type="button" class="text-button" data-testid="reload" on:click=|_| {
                    browser::leave_tab_mark(RELOADED, "yes");
                    browser::reload();
                }>{t!("reload")}</button>
            })}
        </div>
    }
}
