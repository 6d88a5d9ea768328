//! Changing the password.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Failure, FailureKind, Request, Secret};

use crate::{
    browser,
    components::{
        button::working,
        failure,
        field::Hint,
        notice,
        password::{self, new_password, of_user, password},
    },
    i18n::{now, t},
    link,
    reactive::text,
    store::use_store,
};

#[component]
pub(super) fn ChangePassword() -> impl IntoView {
    let store = use_store();
    let old = RwSignal::new(String::new());
    let new = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let tried = RwSignal::new(false);
    let outcome = RwSignal::new(None::<Result<(), Failure>>);
    let handle = move || store.me().map(|me| me.handle.to_string()).unwrap_or_default();
    let verdict = password::judged(handle, new);
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        outcome.set(None);
        if old.with_untracked(String::is_empty) {
            return browser::focus("#password-old");
        }
        if new.with_untracked(String::is_empty) || !password::is_taken(verdict.get_untracked()) {
            return browser::focus("#password-new");
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let request = Request::ChangePassword {
                old: Secret::new(old.get_untracked()),
                new: Secret::new(new.get_untracked()),
            };
            let result = link::call(request).await.map(drop);
            if result.is_ok() {
                tried.try_set(false);
                old.try_set(String::new());
                new.try_set(String::new());
            }
            outcome.try_set(Some(result));
            busy.try_set(false);
        });
    };
    view! {
        <section class="group" aria-labelledby="password-title">
            <h2 id="password-title">{t!("change-password")}</h2>
            <p class="lead">{t!("change-password-lead")}</p>
            <form novalidate=true on:submit=submitted>
                {of_user(handle)}
                {password("password-old", false, false, t!("old-password"), old, move || {
                    if tried.get() && old.with(String::is_empty) { Hint::Wrong(now!("password-missing")) } else { Hint::Plain(String::new()) }
                })}
                {new_password("password-new", t!("new-password"), new, verdict, tried)}
                {move || outcome.get().map(|result| match result {
                    Ok(()) => notice::done(t!("password-changed")).into_any(),
                    Err(failure) if failure.kind == FailureKind::WrongPassword => notice::error(now!("old-password-wrong")).into_any(),
                    Err(failure) => notice::error(failure::words(&failure)).into_any(),
                })}
                <div class="actions">
                    <button type="submit" class="button small" data-testid="password-submit" aria-busy=text!(busy.get().to_string())>
                        {t!("change-password-do")}
                        {move || busy.get().then(working)}
                    </button>
                </div>
            </form>
        </section>
    }
}
