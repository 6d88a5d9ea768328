//! The quiet lines above everything: no connection, another version, storage almost full, signed out elsewhere,
//! and what the server did that it should not.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Connection, Request};

use super::notices::GeneralNotices;
use crate::{
    browser,
    gate::trouble::ForgetDialog,
    i18n::{now, t},
    limits::STRIP_AFTER,
    link,
    parts::icon,
    reactive::{effect, memo},
    store::{Stage, use_store},
};

const RELOADED: &str = "subrosa-reloaded-for-version";

/// What the connection's strip says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strip {
    None,
    Connecting,
    Offline,
}

#[component]
pub(super) fn Strips() -> impl IntoView {
    let store = use_store();
    let wanted = memo!(move || match (store.stage(), store.connection()) {
        (Stage::SignedIn, Some(Connection::Connecting)) => Strip::Connecting,
        (Stage::SignedIn, Some(Connection::Waiting { .. } | Connection::Off)) => Strip::Offline,
        _ => Strip::None,
    });
    let shown = RwSignal::new(Strip::None);
    let number = StoredValue::new(0_u32);
    effect!(move || {
        let wanted = wanted.get();
        let mine = number.get_value().wrapping_add(1);
        number.set_value(mine);
        // What is over at once was never worth a word; what is already shown changes in place.
        if wanted == Strip::None || shown.get_untracked() != Strip::None {
            // An attempt to connect is no news to somebody who knows that there is no connection.
            if !(shown.get_untracked() == Strip::Offline && wanted == Strip::Connecting) {
                shown.set(wanted);
            }
        } else {
            set_timeout(
                move || {
                    if number.try_get_value() == Some(mine) {
                        shown.set(wanted);
                    }
                },
                STRIP_AFTER,
            );
        }
    });
    let incompatible = move || store.connection() == Some(Connection::Incompatible);
    let revoked = move || store.stage() == Stage::Revoked;
    let asked = RwSignal::new(false);
    let try_now = move |_| {
        spawn_local(async {
            let _ = link::call(Request::ConnectNow).await;
        });
    };
    let is_full = memo!(move || store
        .state
        .with(|state| state.as_ref().is_some_and(|state| state.storage_full)));
    view! {
        <div class="strips top" role="status" aria-live="polite">
            {move || (shown.get() != Strip::None && !is_full.get()).then(|| view! {
                <div class="strip" data-testid="connection-strip">
                    {icon::sized(icon::OFFLINE, "16")}
                    <span>{move || if shown.get() == Strip::Connecting { now!("strip-connecting") } else { now!("strip-offline") }}</span>
                    {move || (shown.get() == Strip::Offline).then(|| view! {
                        <button type="button" class="text-button" data-testid="connect-now" on:click=try_now>{t!("try-now")}</button>
                    })}
                </div>
            })}
            {move || incompatible().then(version)}
            <GeneralNotices />
            {move || is_full.get().then(|| view! {
                <div class="strip bad" data-testid="storage-strip">
                    {icon::sized(icon::WARN, "16")}
                    <span>{t!("failure-storage-full")}</span>
                </div>
            })}
            {move || (store.storage_low.get() && !is_full.get()).then(|| view! {
                <div class="strip warn" data-testid="storage-strip">
                    {icon::sized(icon::WARN, "16")}
                    <span>{t!("strip-storage")}</span>
                    <button type="button" class="text-button" on:click=move |_| store.storage_low.set(false)>{t!("dismiss")}</button>
                </div>
            })}
            {move || revoked().then(|| view! {
                <div class="strip bad" data-testid="revoked-strip">
                    {icon::sized(icon::WARN, "16")}
                    <span>{t!("strip-revoked")}</span>
                    <button type="button" class="text-button" data-testid="revoked-remove" on:click=move |_| asked.set(true)>{t!("remove-and-sign-in")}</button>
                </div>
            })}
        </div>
        <ForgetDialog asked />
    }
}

/// Page and server do not fit: a reload brings the server's page, and is asked for once.
fn version() -> impl IntoView {
    let reloaded = browser::tab_mark(RELOADED).is_some();
    view! {
        <div class="strip warn" data-testid="version-strip">
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
