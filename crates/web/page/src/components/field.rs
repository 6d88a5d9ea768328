//! A field of a form: label, input, and a line below that says what is right or wrong.

use leptos::prelude::*;

use crate::{
    browser,
    reactive::{effect, memo},
};

/// What the line below a field says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A rule or an explanation.
    Plain(String),
    /// The value is fine.
    Good(String),
    /// The value is not allowed.
    Wrong(String),
}

impl Hint {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Good(text) | Self::Wrong(text) => text,
        }
    }

    fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong(_))
    }

    fn class(&self) -> &'static str {
        match self {
            Self::Plain(_) => "hint",
            Self::Good(_) => "hint ok",
            Self::Wrong(_) => "hint bad",
        }
    }
}

/// What a field is for, and how the browser treats it.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// The name for tests, and the start of the id.
    pub(crate) name: &'static str,
    /// What the browser may fill in.
    pub(crate) autocomplete: &'static str,
    /// A prefix in front of the text.
    pub(crate) prefix: &'static str,
    /// Turns off spelling corrections and capital letters.
    pub(crate) exact: bool,
    /// The field gets the focus when its form appears.
    pub(crate) focused: bool,
}

impl Kind {
    /// A field with this name for free text.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self {
            name,
            autocomplete: "off",
            prefix: "",
            exact: false,
            focused: false,
        }
    }

    /// A field with this name for a handle.
    pub(crate) const fn handle(name: &'static str) -> Self {
        Self {
            name,
            autocomplete: "username",
            prefix: "@",
            exact: true,
            focused: true,
        }
    }

    /// A field with this name for a code.
    pub(crate) const fn code(name: &'static str) -> Self {
        Self {
            name,
            autocomplete: "off",
            prefix: "",
            exact: true,
            focused: false,
        }
    }
}

/// A field.
pub(crate) fn field(
    kind: Kind,
    label: impl Fn() -> String + Send + Sync + 'static,
    value: RwSignal<String>,
    hint: impl Fn() -> Hint + Send + Sync + 'static,
) -> AnyView {
    drawn(kind, label, value, memo!(hint))
}

fn drawn(
    kind: Kind,
    label: impl Fn() -> String + Send + Sync + 'static,
    value: RwSignal<String>,
    hint: Memo<Hint>,
) -> AnyView {
    let hint_id = format!("{}-hint", kind.name);
    let input = NodeRef::<leptos::html::Input>::new();
    if kind.focused {
        focus_when_there(input);
    }
    view! {
        <div class="field">
            <label for=kind.name>{label}</label>
            <div class="field-box" class:wrong=move || hint.with(Hint::is_wrong)>
                {(!kind.prefix.is_empty()).then(|| view! { <span class="prefix" aria-hidden="true">{kind.prefix}</span> })}
                <input
                    id=kind.name
                    name=kind.name
                    data-testid=kind.name
                    type="text"
                    dir="auto"
                    node_ref=input
                    autocomplete=kind.autocomplete
                    autocapitalize=if kind.exact { "none" } else { "sentences" }
                    spellcheck=if kind.exact { "false" } else { "true" }
                    aria-describedby=hint_id.clone()
                    aria-invalid=move || hint.with(Hint::is_wrong).to_string()
                    prop:value=value
                    on:input:target=move |event| value.set(event.target().value())
                />
            </div>
            {hint_line(hint_id, hint)}
        </div>
    }
    .into_any()
}

/// A field for several lines.
pub(crate) fn text_area(
    name: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    value: RwSignal<String>,
    hint: impl Fn() -> Hint + Send + Sync + 'static,
) -> AnyView {
    let hint = memo!(hint);
    let hint_id = format!("{name}-hint");
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <div class="field-box" class:wrong=move || hint.with(Hint::is_wrong)>
                <textarea id=name name=name data-testid=name rows="3" dir="auto" autocomplete="off" aria-describedby=hint_id.clone()
                    aria-invalid=move || hint.with(Hint::is_wrong).to_string()
                    prop:value=value on:input:target=move |event| value.set(event.target().value())></textarea>
            </div>
            {hint_line(hint_id, hint)}
        </div>
    }
    .into_any()
}

/// The line below a field.
pub(crate) fn hint_line(id: String, hint: Memo<Hint>) -> impl IntoView {
    view! {
        <p id=id class=move || hint.with(Hint::class) aria-live="polite">{move || hint.with(|hint| hint.text().to_owned())}</p>
    }
}

/// Puts the focus on an input once it is in the document.
pub(crate) fn focus_when_there(input: NodeRef<leptos::html::Input>) {
    effect!(move || {
        if let Some(input) = input.get() {
            request_animation_frame(move || {
                if !browser::is_writing() {
                    let _ = input.focus();
                }
            });
        }
    });
}
