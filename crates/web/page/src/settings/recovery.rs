//! Making a new recovery code, which is then shown and checked on the same screen as at sign-up.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Failure, FailureKind, Request, Secret};

use crate::{
    browser,
    components::{
        button::working,
        failure,
        field::{Hint, Kind, field},
        notice,
        password::{of_user, password},
    },
    i18n::{now, t},
    link,
    reactive::text,
    store::{SignUpStep, use_store},
};

#[component]
pub(super) fn RenewCode() -> impl IntoView {
    let store = use_store();
    let handle = move || store.me().map(|me| me.handle.to_string()).unwrap_or_default();
    let secret = RwSignal::new(String::new());
    let old_code = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let tried = RwSignal::new(false);
    let failed = RwSignal::new(None::<Failure>);
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        failed.set(None);
        if secret.with_untracked(String::is_empty) {
            return browser::focus("#renew-password");
        }
        if old_code.with_untracked(|code| code.trim().is_empty()) {
            return browser::focus("#renew-code");
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let request = Request::RenewRecoveryCode {
                password: Secret::new(secret.get_untracked()),
                old_code: Secret::new(old_code.get_untracked()),
            };
            match link::call(request).await {
                Ok(Answer::RecoveryCode(code)) => {
                    store.sign_up_step.set(SignUpStep::Code { code, is_new: true });
                }
                Ok(_) => {}
                Err(failure) => {
                    failed.try_set(Some(failure));
                }
            }
            busy.try_set(false);
        });
    };
    let words = move || {
        failed.with(|failed| {
            let failure = failed.as_ref()?;
            Some(match failure.kind {
                FailureKind::WrongPassword => now!("old-password-wrong"),
                FailureKind::WrongRecoveryCode => now!("renew-old-code-wrong"),
                _ => failure::words(failure),
            })
        })
    };
    view! {
        <section class="group" aria-labelledby="recovery-title">
            <h2 id="recovery-title">{t!("recovery-code")}</h2>
            <p class="lead">{t!("renew-lead")}</p>
            <form novalidate=true on:submit=submitted>
                {of_user(handle)}
                {password("renew-password", false, false, t!("password"), secret, move || {
                    if tried.get() && secret.with(String::is_empty) { Hint::Wrong(now!("password-missing")) } else { Hint::Plain(now!("renew-password-hint")) }
                })}
                {field(Kind::code("renew-code"), t!("renew-old-code"), old_code, move || {
                    if tried.get() && old_code.with(|code| code.trim().is_empty()) { Hint::Wrong(now!("renew-old-code-hint")) } else { Hint::Plain(now!("renew-old-code-hint")) }
                })}
                {notice::maybe_error(words)}
                <div class="actions">
                    <button type="submit" class="button small" data-testid="renew-submit" aria-busy=text!(busy.get().to_string())>
                        {t!("renew-do")}
                        {move || busy.get().then(working)}
                    </button>
                </div>
            </form>
        </section>
    }
}
