//! Theme and language.

use leptos::prelude::*;

use crate::{
    components,
    i18n::{self, now, t},
    language::{self, Language},
    theme::{self, Theme},
};

#[component]
pub(super) fn Look() -> impl IntoView {
    let theme = expect_context::<RwSignal<Theme>>();
    let theme_name = |theme: Theme| match theme {
        Theme::System => now!("theme-system"),
        Theme::Light => now!("theme-light"),
        Theme::Dark => now!("theme-dark"),
    };
    view! {
        <section class="group" aria-labelledby="look-title">
            <h2 id="look-title">{t!("look")}</h2>
            <fieldset class="choice">
                <legend>{t!("theme")}</legend>
                {Theme::ALL
                    .into_iter()
                    .map(|one| view! {
                        <label>
                            <input type="radio" name="theme" data-testid=format!("theme-{}", one.name()) prop:checked=move || theme.get() == one
                                on:change=move |_| theme::choose(theme, one) />
                            <span>{move || theme_name(one)}</span>
                        </label>
                    })
                    .collect_view()}
            </fieldset>
            <fieldset class="choice">
                <legend>{t!("language")}</legend>
                {move || {
                    // Rendered again if a language could not be loaded: the browser has checked its button by then.
                    i18n::missing();
                    Language::ALL
                        .into_iter()
                        .map(|one| view! {
                            <label lang=one.tag()>
                                <input type="radio" name="language" data-testid=format!("language-{}", one.tag()) prop:checked=move || language::shown() == one
                                    on:change=move |_| i18n::choose(one) />
                                <span>{one.own_name()}</span>
                            </label>
                        })
                        .collect_view()
                }}
                {components::missing_language::notice()}
            </fieldset>
        </section>
    }
}
