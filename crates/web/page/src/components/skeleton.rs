//! Placeholders for what is being loaded. They appear after a moment, so that nothing flickers when loading is quick.

use leptos::prelude::*;

/// An empty element with a class, without anything dynamic.
pub(crate) fn shape(class: &'static str) -> impl IntoView {
    view! { <span class=class></span> }
}

/// Rows of the list of conversations.
pub(crate) fn list() -> impl IntoView {
    let row = || {
        view! {
            <div class="skeleton-row">
                {view! { <div class="dot"></div> }}
                <div>{view! { <div class="bar"></div> }}{view! { <div class="bar"></div> }}</div>
            </div>
        }
    };
    view! { <div class="skeleton" aria-hidden="true">{(0..6).map(|_| row()).collect_view()}</div> }
}

/// Messages.
pub(crate) fn bubbles() -> impl IntoView {
    let bar = || view! { <div class="bar"></div> };
    view! { <div class="skeleton skeleton-bubbles" aria-hidden="true">{(0..7).map(|_| bar()).collect_view()}</div> }
}
