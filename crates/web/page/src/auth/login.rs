//! `LoginForm`: handle and password. Its errors do not reveal whether the handle exists.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Failure, Request, Secret};
use subrosa_wire::Handle;

use super::{AuthScreen, brand};
use crate::{
    browser,
    components::{
        button::submit,
        failure,
        field::{Hint, Kind, field},
        notice,
        password::password,
    },
    i18n::{now, t},
    link,
};

#[component]
pub(super) fn LoginForm(screen: RwSignal<AuthScreen>, handle: RwSignal<String>) -> impl IntoView {
    let secret = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let tried = RwSignal::new(false);
    let failed = RwSignal::new(None::<Failure>);
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        failed.set(None);
        let Ok(account) = handle.with_untracked(|handle| handle.trim().parse::<Handle>()) else {
            return browser::focus("#login-handle");
        };
        if secret.with_untracked(String::is_empty) {
            return browser::focus("#login-password");
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let request = Request::SignIn {
                handle: account,
                password: Secret::new(secret.get_untracked()),
            };
            if let Err(failure) = link::call(request).await {
                failed.try_set(Some(failure));
                busy.try_set(false);
                browser::focus("#login-password");
            }
        });
    };
    view! {
        <section class="card">
            <header>
                {brand()}
                <h1>{t!("login-title")}</h1>
                <p class="lead">{t!("login-lead")}</p>
            </header>
            <form novalidate=true on:submit=submitted>
                {field(Kind::handle("login-handle"), t!("handle"), handle, move || wanted_handle(&handle.get(), tried.get()))}
                {password("login-password", false, false, t!("password"), secret, move || {
                    if tried.get() && secret.with(String::is_empty) { Hint::Wrong(now!("password-missing")) } else { Hint::Plain(String::new()) }
                })}
                {notice::maybe_error(move || failed.get().as_ref().map(failure::words))}
                {submit("login-submit", t!("sign-in"), t!("login-working"), busy)}
            </form>
            <div>
                <p class="swap">
                    <button type="button" class="text-button" data-testid="go-recover" on:click=move |_| screen.set(AuthScreen::Recover)>{t!("forgot-password")}</button>
                </p>
                <p class="swap">
                    <span>{t!("no-account")}</span>
                    <button type="button" class="text-button" data-testid="go-register" on:click=move |_| screen.set(AuthScreen::Register)>{t!("create-account")}</button>
                </p>
            </div>
        </section>
    }
}

/// The hint below a handle that need not be free.
pub(super) fn wanted_handle(typed: &str, tried: bool) -> Hint {
    if tried && typed.trim().parse::<Handle>().is_err() {
        Hint::Wrong(now!("handle-rule"))
    } else {
        Hint::Plain(String::new())
    }
}
