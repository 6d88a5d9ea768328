//! The recovery code: shown until the user has saved it, and then asked for without being shown. Whoever leaves the screen
//! before that finds it again.

use leptos::{either::Either, ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Request, Secret};

use super::{CenteredPage, brand, focus_heading};
use crate::{
    browser,
    components::{
        field::{Hint, Kind, field},
        icon,
    },
    i18n::{now, t},
    link,
    model::code,
    store::{SignUpStep, use_store},
};

/// The screen after sign-up, after the code was renewed, and at each start until it was confirmed.
#[component]
pub(crate) fn RecoveryCodeScreen(code: Secret, is_new: bool) -> impl IntoView {
    let code = StoredValue::new(code);
    let is_asked = RwSignal::new(!is_new);
    view! {
        <CenteredPage>
            <section class="card">
                {move || if is_asked.get() {
                    Either::Left(view! { <Check code is_asked is_new /> })
                } else {
                    Either::Right(view! { <Code code is_asked /> })
                }}
            </section>
        </CenteredPage>
    }
}

/// The code with ways to save it.
#[component]
fn Code(code: StoredValue<Secret>, is_asked: RwSignal<bool>) -> impl IntoView {
    focus_heading();
    let groups = code.with_value(|code| {
        let groups = code::groups(code.as_str()).into_iter();
        groups.map(str::to_owned).collect::<Vec<_>>()
    });
    let copied = RwSignal::new(false);
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
    view! {
        <header>
            {brand()}
            <h1 tabindex="-1">{t!("code-title")}</h1>
            <p class="lead">{t!("code-lead")}</p>
        </header>
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
        <button type="button" class="button primary wide" data-testid="recovery-saved" on:click=move |_| is_asked.set(true)>{t!("code-saved")}</button>
    }
}

/// Asks for the code, to see that it was saved.
#[component]
fn Check(code: StoredValue<Secret>, is_asked: RwSignal<bool>, is_new: bool) -> impl IntoView {
    let store = use_store();
    let typed = RwSignal::new(String::new());
    let tried = RwSignal::new(false);
    let fits = move || typed.with(|typed| code.with_value(|code| code::is_kept(code.as_str(), typed)));
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        if !fits() {
            return browser::focus("#recovery-check");
        }
        spawn_local(async move {
            // If this fails, the code is shown once more at the next start.
            if let Some(code) = code.try_get_value() {
                let _ = link::call(Request::CodeSaved(code)).await;
            }
            store.sign_up_step.set(SignUpStep::None);
        });
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
        <header>
            {brand()}
            <h1>{t!("code-check-title")}</h1>
            <p class="lead">{t!("code-check-lead")}</p>
            {(!is_new).then(|| view! { <p class="lead">{t!("code-check-newer")}</p> })}
        </header>
        <form novalidate=true on:submit=submitted>
            {field(Kind { focused: true, ..Kind::code("recovery-check") }, t!("code-check"), typed, hint)}
            <button type="submit" class="button primary wide" data-testid="recovery-continue">{t!("code-continue")}</button>
            <button type="button" class="button quiet wide" data-testid="recovery-again" on:click=move |_| is_asked.set(false)>{t!("code-again")}</button>
            {(!is_new).then(|| view! {
                <button type="button" class="button quiet wide" data-testid="recovery-later" on:click=move |_| store.sign_up_step.set(SignUpStep::None)>{t!("code-later")}</button>
            })}
        </form>
    }
}
