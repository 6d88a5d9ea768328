//! Making a new recovery code, shown and checked as at sign-up.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Failure, FailureKind, Request, Secret};

use crate::{
    auth::CodeCard,
    browser,
    components::{
        button::working,
        failure,
        field::{Hint, Kind, field},
        notice,
        password::password,
    },
    i18n::{now, t},
    link,
    reactive::text,
};

/// How far it has come.
#[derive(Clone, PartialEq, Eq)]
enum Step {
    Asking,
    Code(Secret),
    Done,
}

#[component]
pub(super) fn RenewCode() -> impl IntoView {
    let secret = RwSignal::new(String::new());
    let old_code = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let tried = RwSignal::new(false);
    let failed = RwSignal::new(None::<Failure>);
    let step = RwSignal::new(Step::Asking);
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
                    tried.try_set(false);
                    secret.try_set(String::new());
                    old_code.try_set(String::new());
                    step.try_set(Step::Code(code));
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
    let form = move || {
        view! {
            <form novalidate=true on:submit=submitted>
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
        }
    };
    view! {
        <section class="group" aria-labelledby="recovery-title">
            <h2 id="recovery-title">{t!("recovery-code")}</h2>
            <p class="lead">{t!("renew-lead")}</p>
            {move || match step.get() {
                Step::Asking => form().into_any(),
                Step::Code(code) => view! {
                    <p>{t!("renew-shown")}</p>
                    <CodeCard code done=move || step.set(Step::Done) />
                }
                .into_any(),
                Step::Done => notice::done(t!("renew-done")).into_any(),
            }}
        </section>
    }
}
