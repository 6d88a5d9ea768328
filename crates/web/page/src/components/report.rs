//! Details in English for a report.

use leptos::prelude::*;

use crate::i18n::t;

/// The details, folded away.
pub(crate) fn folded(text: String) -> impl IntoView {
    view! {
        <details class="more">
            <summary>{t!("detail-for-report")}</summary>
            <p class="detail" lang="en" dir="ltr">{text}</p>
        </details>
    }
}
