//! Boxes that say something.

use leptos::prelude::*;

use super::icon;

/// What went wrong, announced at once.
pub(crate) fn error(text: String) -> impl IntoView {
    view! { <div class="notice bad" role="alert" data-testid="error">{icon::icon(icon::WARN)}<div>{text}</div></div> }
}

/// What went wrong, if anything did.
pub(crate) fn maybe_error(text: impl Fn() -> Option<String> + Send + Sync + 'static) -> impl IntoView {
    move || text().map(error)
}

/// What has been done.
pub(crate) fn done(text: impl Fn() -> String + Send + Sync + 'static) -> impl IntoView {
    view! { <div class="notice ok" role="status">{icon::icon(icon::CHECK)}<div>{text}</div></div> }
}
