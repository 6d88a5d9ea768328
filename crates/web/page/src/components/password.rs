//! A password field whose text can be shown, and a meter of how hard the password is to guess.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, PasswordVerdict, Request, Secret};

use super::{
    field::{Hint, focus_when_there, hint_line},
    icon,
};
use crate::{
    i18n::{now, t},
    limits::JUDGE_AFTER,
    link,
    reactive::{effect, memo, text},
};

/// A field for a password. `new` is for one that is being chosen.
pub(crate) fn password(
    name: &'static str,
    new: bool,
    focused: bool,
    label: impl Fn() -> String + Send + Sync + 'static,
    value: RwSignal<String>,
    hint: impl Fn() -> Hint + Send + Sync + 'static,
) -> AnyView {
    drawn(name, new, focused, label, value, memo!(hint))
}

fn drawn(
    name: &'static str,
    new: bool,
    focused: bool,
    label: impl Fn() -> String + Send + Sync + 'static,
    value: RwSignal<String>,
    hint: Memo<Hint>,
) -> AnyView {
    let hint_id = format!("{name}-hint");
    let shown = RwSignal::new(false);
    let input = NodeRef::<leptos::html::Input>::new();
    if focused {
        focus_when_there(input);
    }
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <div class="field-box" class:wrong=move || hint.with(|hint| matches!(hint, Hint::Wrong(_)))>
                <input
                    id=name
                    name=name
                    data-testid=name
                    type=move || if shown.get() { "text" } else { "password" }
                    node_ref=input
                    autocomplete=if new { "new-password" } else { "current-password" }
                    autocapitalize="none"
                    spellcheck="false"
                    aria-describedby=hint_id.clone()
                    prop:value=value
                    on:input:target=move |event| value.set(event.target().value())
                />
                <button type="button" class="icon-button" aria-pressed=text!(shown.get().to_string())
                    aria-label=t!("password-show") title=t!("password-show") on:click=move |_| shown.update(|shown| *shown = !*shown)>
                    {move || icon::icon(if shown.get() { icon::EYE_OFF } else { icon::EYE })}
                </button>
            </div>
            {hint_line(hint_id, hint)}
        </div>
    }
    .into_any()
}

/// For the browser's password manager, which keeps a password by the name that stands in the same form: that of the user
/// who is signed in, where no field asks for it.
pub(crate) fn of_user(handle: impl Fn() -> String + Send + Sync + 'static) -> impl IntoView {
    view! { <input type="text" name="username" autocomplete="username" value=handle readonly=true hidden=true /> }
}

/// A field for a password that is being chosen, with its strength below it. `tried` is set once the user has tried to
/// submit it.
pub(crate) fn new_password(
    name: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    value: RwSignal<String>,
    verdict: RwSignal<Option<PasswordVerdict>>,
    tried: RwSignal<bool>,
) -> impl IntoView {
    let below = move || {
        if tried.get() && value.with(String::is_empty) {
            Hint::Wrong(now!("password-rule"))
        } else {
            hint(verdict.get())
        }
    };
    view! {
        <div class="stack tight">
            {password(name, true, false, label, value, below)}
            {meter(verdict)}
        </div>
    }
}

/// Asks the engine to judge a password while it is being typed.
pub(crate) fn judged(
    handle: impl Fn() -> String + Send + Sync + 'static,
    password: RwSignal<String>,
) -> RwSignal<Option<PasswordVerdict>> {
    let verdict = RwSignal::new(None);
    let asked = StoredValue::new(0_u32);
    effect!(move || {
        let (handle, password) = (handle(), password.get());
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        if password.is_empty() {
            verdict.set(None);
            return;
        }
        set_timeout(
            move || {
                if asked.try_get_value() != Some(number) {
                    return;
                }
                spawn_local(async move {
                    let request = Request::JudgePassword {
                        handle,
                        password: Secret::new(password),
                    };
                    if let Ok(Answer::Password(judged)) = link::call(request).await
                        && asked.try_get_value() == Some(number)
                    {
                        verdict.set(Some(judged));
                    }
                });
            },
            JUDGE_AFTER,
        );
    });
    verdict
}

/// What the line below a new password says.
fn hint(verdict: Option<PasswordVerdict>) -> Hint {
    match verdict {
        None => Hint::Plain(now!("password-rule")),
        Some(PasswordVerdict::TooShort) => Hint::Plain(now!("password-too-short")),
        Some(PasswordVerdict::Guessable) => Hint::Wrong(now!("password-guessable")),
        Some(PasswordVerdict::Fair) => Hint::Plain(now!("password-fair")),
        Some(PasswordVerdict::Good) => Hint::Good(now!("password-good")),
        Some(PasswordVerdict::Strong) => Hint::Good(now!("password-strong")),
    }
}

/// Four bars; the words below the field say the same.
fn meter(verdict: RwSignal<Option<PasswordVerdict>>) -> impl IntoView {
    let level = move || match verdict.get() {
        None => "0",
        Some(PasswordVerdict::TooShort | PasswordVerdict::Guessable) => "1",
        Some(PasswordVerdict::Fair) => "2",
        Some(PasswordVerdict::Good) => "3",
        Some(PasswordVerdict::Strong) => "4",
    };
    view! { <div class="meter" aria-hidden="true" data-level=level><span></span><span></span><span></span><span></span></div> }
}

/// Whether a password with this verdict is accepted.
pub(crate) fn is_taken(verdict: Option<PasswordVerdict>) -> bool {
    !matches!(
        verdict,
        Some(PasswordVerdict::TooShort | PasswordVerdict::Guessable)
    )
}
