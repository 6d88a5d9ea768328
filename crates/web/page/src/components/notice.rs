//! Boxes with a message for the user.

use leptos::prelude::*;

use super::icon;

/// An error, which screen readers announce at once.
pub(crate) fn error(text: String) -> impl IntoView {
    view! { <div class="notice bad" role="alert" data-testid="error">{icon::icon(icon::WARN)}<div>{text}</div></div> }
}

/// The error, if there is one.
pub(crate) fn maybe_error(text: impl Fn() -> Option<String> + Send + Sync + 'static) -> impl IntoView {
    maybe_error_boxed(Box::new(text))
}

fn maybe_error_boxed(text: Box<dyn Fn() -> Option<String> + Send + Sync>) -> AnyView {
    (move || text().map(error)).into_any()
}

/// A confirmation of what has been done.
pub(crate) fn done(text: impl Fn() -> String + Send + Sync + 'static) -> impl IntoView {
    view! { <div class="notice ok" role="status">{icon::icon(icon::CHECK)}<div>{text}</div></div> }
}
