//! The first page that a new user sees: one thing to do.

use leptos::prelude::*;

use super::AuthScreen;
use crate::{components::icon, i18n::t};

#[component]
pub(super) fn Welcome(screen: RwSignal<AuthScreen>) -> impl IntoView {
    let promise = |path, text: fn() -> String| view! { <li>{icon::icon(path)}<span>{text}</span></li> };
    view! {
        <section class="card welcome">
            <header>
                <span class="seal">{icon::sized(icon::ROSE, "44")}</span>
                <h1>{t!("app")}</h1>
                <p class="lead">{t!("welcome-lead")}</p>
            </header>
            <ul class="promises" role="list">
                {promise(icon::LOCK, || crate::i18n::now!("welcome-encrypted"))}
                {promise(icon::DEVICE, || crate::i18n::now!("welcome-devices"))}
                {promise(icon::PERSON, || crate::i18n::now!("welcome-handle"))}
            </ul>
            <div class="choices">
                <button type="button" class="button primary" data-testid="go-register" on:click=move |_| screen.set(AuthScreen::Register)>
                    {t!("create-account")}
                </button>
                <button type="button" class="button quiet" data-testid="go-login" on:click=move |_| screen.set(AuthScreen::Login)>
                    {t!("sign-in")}
                </button>
            </div>
        </section>
    }
}
