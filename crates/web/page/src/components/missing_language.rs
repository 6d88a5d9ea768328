//! The notice that the chosen language could not be loaded.

use leptos::prelude::*;

use crate::i18n::{self, now};

/// The notice, if the language that was chosen last could not be loaded.
pub(crate) fn notice() -> impl IntoView {
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
