//! `RegisterForm`: handle, display name, password, each with its rules while it is typed.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Failure, FailureKind, Request, Secret};
use subrosa_wire::{Handle, handle::InvalidHandle, limits::DISPLAY_NAME_MAX};

use super::{AuthScreen, brand};
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
    store::{SignUpStep, use_store},
};

#[component]
pub(super) fn RegisterForm(screen: RwSignal<AuthScreen>, handle: RwSignal<String>) -> impl IntoView {
    let store = use_store();
    let name = RwSignal::new(String::new());
    let secret = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let tried = RwSignal::new(false);
    let failed = RwSignal::new(None::<Failure>);
    let taken = RwSignal::new(None::<String>);
    let verdict = password::judged(move || handle.get(), secret);

    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        failed.set(None);
        let typed = secret.get_untracked();
        let Ok(wanted) = handle.with_untracked(|handle| handle.trim().parse::<Handle>()) else {
            return browser::focus("#register-handle");
        };
        if typed.is_empty() || !password::is_taken(verdict.get_untracked()) {
            return browser::focus("#register-password");
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        store.sign_up_step.set(SignUpStep::Working);
        spawn_local(async move {
            let request = Request::SignUp {
                handle: wanted,
                name: name.get_untracked().trim().to_owned(),
                password: Secret::new(typed),
            };
            match link::call(request).await {
                Ok(Answer::RecoveryCode(code)) => {
                    store.sign_up_step.set(SignUpStep::Code { code, is_new: true });
                }
                Ok(_) => store.sign_up_step.set(SignUpStep::None),
                Err(failure) => {
                    store.sign_up_step.set(SignUpStep::None);
                    busy.try_set(false);
                    if failure.kind == FailureKind::HandleTaken {
                        taken.try_set(handle.try_get_untracked());
                        browser::focus("#register-handle");
                    } else {
                        failed.try_set(Some(failure));
                    }
                }
            }
        });
    };

    view! {
        <section class="card">
            <header>
                {brand()}
                <h1>{t!("register-title")}</h1>
                <p class="lead">{t!("register-lead")}</p>
            </header>
            <form novalidate=true on:submit=submitted>
                {field(Kind::handle("register-handle"), t!("handle"), handle, move || handle_hint(&handle.get(), taken.get(), tried.get()))}
                {field(Kind::text("register-name"), t!("display-name"), name, move || name_hint(&name.get()))}
                {new_password("register-password", t!("password"), secret, verdict, tried)}
                {notice::maybe_error(move || failed.get().as_ref().map(failure::words))}
                {submit("register-submit", t!("create-account"), t!("register-working"), busy)}
            </form>
            <p class="swap">
                <span>{t!("have-account")}</span>
                <button type="button" class="text-button" data-testid="go-login" on:click=move |_| screen.set(AuthScreen::Login)>{t!("sign-in")}</button>
            </p>
        </section>
    }
}

/// The hint below a handle while it is typed. One that is still too short is not an error yet.
fn handle_hint(typed: &str, taken: Option<String>, tried: bool) -> Hint {
    let text = typed.trim();
    if taken.is_some_and(|taken| taken == typed) {
        return Hint::Wrong(now!("failure-handle-taken"));
    }
    match text.parse::<Handle>() {
        Ok(handle) => Hint::Good(now!("handle-good", handle = format!("@{handle}"))),
        Err(_) if text.is_empty() && !tried => Hint::Plain(now!("handle-rule")),
        Err(InvalidHandle::Length) if text.len() < 3 && !tried => Hint::Plain(now!("handle-rule")),
        Err(InvalidHandle::Length) => Hint::Wrong(now!("handle-length")),
        Err(InvalidHandle::Character) => Hint::Wrong(now!("handle-character")),
        Err(InvalidHandle::Start) => Hint::Wrong(now!("handle-start")),
        Err(InvalidHandle::Separator) => Hint::Wrong(now!("handle-separator")),
        Err(InvalidHandle::Reserved) => Hint::Wrong(now!("handle-reserved")),
    }
}

/// The hint below a display name.
pub(crate) fn name_hint(typed: &str) -> Hint {
    if typed.trim().len() > DISPLAY_NAME_MAX {
        Hint::Wrong(now!("failure-name"))
    } else {
        Hint::Plain(now!("display-name-rule"))
    }
}
