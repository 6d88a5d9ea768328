//! Setting a new password with the recovery code.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Failure, FailureKind, Request, Secret};
use subrosa_wire::Handle;

use super::{AuthScreen, brand, login::wanted_handle};
use crate::{
    browser,
    components::{
        button::submit,
        failure,
        field::{Hint, Kind, field},
        notice,
        password::{self, new_password},
    },
    i18n::{now, t},
    link,
};

#[component]
pub(super) fn RecoverForm(screen: RwSignal<AuthScreen>, handle: RwSignal<String>) -> impl IntoView {
    let code = RwSignal::new(String::new());
    let secret = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let tried = RwSignal::new(false);
    let failed = RwSignal::new(None::<Failure>);
    let verdict = password::judged(move || handle.get(), secret);
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        failed.set(None);
        let Ok(account) = handle.with_untracked(|handle| handle.trim().parse::<Handle>()) else {
            return browser::focus("#recover-handle");
        };
        if code.with_untracked(|code| code.trim().is_empty()) {
            return browser::focus("#recover-code");
        }
        if secret.with_untracked(String::is_empty) || !password::is_taken(verdict.get_untracked()) {
            return browser::focus("#recover-password");
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let request = Request::Recover {
                handle: account,
                code: Secret::new(code.get_untracked()),
                password: Secret::new(secret.get_untracked()),
            };
            if let Err(failure) = link::call(request).await {
                let at_code = matches!(
                    failure.kind,
                    FailureKind::MalformedRecoveryCode | FailureKind::WrongRecoveryCode
                );
                failed.try_set(Some(failure));
                busy.try_set(false);
                browser::focus(if at_code {
                    "#recover-code"
                } else {
                    "#recover-password"
                });
            }
        });
    };
    view! {
        <section class="card">
            <header>
                {brand()}
                <h1>{t!("recover-title")}</h1>
                <p class="lead">{t!("recover-lead")}</p>
            </header>
            <form novalidate=true on:submit=submitted>
                {field(Kind::handle("recover-handle"), t!("handle"), handle, move || wanted_handle(&handle.get(), tried.get()))}
                {field(Kind::code("recover-code"), t!("recovery-code"), code, move || {
                    if tried.get() && code.with(|code| code.trim().is_empty()) { Hint::Wrong(now!("recover-code-hint")) } else { Hint::Plain(now!("recover-code-hint")) }
                })}
                {new_password("recover-password", t!("new-password"), secret, verdict, tried)}
                {notice::maybe_error(move || failed.get().as_ref().map(failure::words))}
                {submit("recover-submit", t!("recover-do"), t!("login-working"), busy)}
            </form>
            <p class="swap">
                <button type="button" class="text-button" data-testid="go-login" on:click=move |_| screen.set(AuthScreen::Login)>{t!("back-to-login")}</button>
            </p>
        </section>
    }
}
