//! The account page: profile, look, language, privacy, devices, password, recovery code, sign-out, about.

mod about;
mod devices;
mod look;
mod password;
mod picture;
mod privacy;
mod profile;
mod recovery;
mod sign_out;

use leptos::prelude::*;

use crate::{
    components::icon,
    i18n::t,
    router::use_router,
    store::{Stage, use_store},
};

#[component]
pub(crate) fn Settings() -> impl IntoView {
    let router = use_router();
    let store = use_store();
    // A device that was signed out elsewhere can no longer change anything at the server.
    let is_signed_in = move || store.stage() == Stage::SignedIn;
    view! {
        <section class="settings" data-testid="settings">
            <header class="pane-head">
                <button type="button" class="icon-button back" data-testid="back" aria-label=t!("back") title=t!("back") on:click=move |_| router.back()>
                    {icon::mirrored(icon::BACK)}
                </button>
                <div class="who"><h1>{t!("settings")}</h1></div>
            </header>
            <div class="settings-scroll scroll" tabindex="0" role="region" aria-label=t!("settings")>
                <div class="settings-inner">
                    <profile::Profile />
                    <look::Look />
                    <Show when=is_signed_in>
                        <privacy::Privacy />
                        <devices::Devices />
                        <password::ChangePassword />
                        <recovery::RenewCode />
                    </Show>
                    <sign_out::SignOut />
                    <about::About />
                </div>
            </div>
        </section>
    }
}
