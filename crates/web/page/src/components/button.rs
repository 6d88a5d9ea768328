//! The button that submits a form, and shows that work is being done.

use leptos::prelude::*;

use crate::reactive::text;

/// The main button of a form.
pub(crate) fn submit(
    name: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
    working_label: impl Fn() -> String + Send + Sync + 'static,
    busy: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <button type="submit" class="button primary wide" data-testid=name aria-busy=text!(busy.get().to_string())
            aria-disabled=text!(busy.get().to_string())>
            {move || if busy.get() { working_label() } else { label() }}
            {move || busy.get().then(working)}
        </button>
    }
}

/// Three dots that show that work is being done.
pub(crate) fn working() -> impl IntoView {
    view! { <span class="working" aria-hidden="true"><i></i><i></i><i></i></span> }
}
