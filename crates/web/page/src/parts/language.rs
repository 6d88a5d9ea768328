//! What is said of a language that was chosen and is not there.

use leptos::prelude::*;

use crate::i18n::{self, now};

/// Nothing, unless the language that was chosen last could not be loaded.
pub(crate) fn missing() -> impl IntoView {
    on_cleanup(i18n::forget_missing);
    move || {
        i18n::missing().map(|language| {
            view! {
                <p class="hint bad" role="alert" data-testid="language-missing">
                    {now!("language-missing", language = language.own_name())}
                </p>
            }
        })
    }
}
