//! The recovery code: shown once, then asked for, so that the user has saved it.

use leptos::{ev, ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::Secret;

use super::{CenteredPage, brand};
use crate::{
    browser,
    components::{
        field::{Hint, Kind, field},
        icon,
    },
    i18n::{now, t},
    model::code,
    store::{SignUpStep, use_store},
};

/// The screen after sign-up.
#[component]
pub(crate) fn RecoveryCodeScreen(code: Secret) -> impl IntoView {
    let store = use_store();
    // Leaving now would lose the code, so the browser asks first.
    let guard = window_event_listener(ev::beforeunload, |event| event.prevent_default());
    on_cleanup(move || guard.remove());
    view! {
        <CenteredPage>
            <section class="card">
                <header>
                    {brand()}
                    <h1 tabindex="-1">{t!("code-title")}</h1>
                    <p class="lead">{t!("code-lead")}</p>
                </header>
                <CodeCard code=code.clone() done=move || store.sign_up_step.set(SignUpStep::None) />
            </section>
        </CenteredPage>
    }
}

/// A code with ways to save it, and a field that checks that it was saved.
#[component]
pub(crate) fn CodeCard(
    /// The code.
    code: Secret,
    /// Called when it has been saved.
    done: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let groups: Vec<String> = code::groups(code.as_str())
        .into_iter()
        .map(str::to_owned)
        .collect();
    let code = StoredValue::new(code);
    let copied = RwSignal::new(false);
    let typed = RwSignal::new(String::new());
    let tried = RwSignal::new(false);
    let copy = move |_| {
        spawn_local(async move {
            let Some(code) = code.try_get_value() else { return };
            copied.try_set(browser::copy(code.as_str()).await);
        });
    };
    let save = move |_| {
        let text = now!(
            "code-file",
            code = code.with_value(|code| code.as_str().to_owned())
        );
        let _ = browser::save_text(
            "subrosa-recovery-code.txt",
            &text.replace(['\u{2068}', '\u{2069}'], ""),
        );
    };
    let fits = move || typed.with(|typed| code.with_value(|code| code::is_kept(code.as_str(), typed)));
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        if fits() {
            done();
        } else {
            browser::focus("#recovery-check");
        }
    };
    let hint = move || {
        if fits() {
            Hint::Good(now!("code-fits"))
        } else if tried.get() {
            Hint::Wrong(now!("code-does-not-fit"))
        } else {
            Hint::Plain(now!("code-check-hint"))
        }
    };
    view! {
        <div class="code" data-testid="recovery-code" translate="no">
            {groups.into_iter().map(|group| view! { <span>{group}</span> }).collect_view()}
        </div>
        <div class="code-actions">
            <button type="button" class="button small" on:click=copy data-testid="recovery-copy">
                {move || icon::icon(if copied.get() { icon::CHECK } else { icon::COPY })}
                <span aria-live="polite">{move || if copied.get() { now!("copied") } else { now!("copy") }}</span>
            </button>
            <button type="button" class="button small" on:click=save data-testid="recovery-save">
                {icon::icon(icon::SAVE)}
                <span>{t!("save-as-file")}</span>
            </button>
        </div>
        <form novalidate=true on:submit=submitted>
            {field(Kind::code("recovery-check"), t!("code-check"), typed, hint)}
            <button type="submit" class="button primary wide" data-testid="recovery-continue">{t!("code-continue")}</button>
        </form>
    }
}
