//! The choice of what the list shows: all conversations, or a part of them.

use leptos::prelude::*;

use crate::{
    i18n::{now, t},
    model::roster::{self, Part},
    reactive::{effect, memo, shown_if, text},
    store::use_store,
};

/// What a part is called.
pub(super) fn name(part: Part) -> String {
    match part {
        Part::All => now!("chats"),
        Part::Unread => now!("filter-unread"),
        Part::Groups => now!("filter-groups"),
        Part::Requests => now!("filter-requests"),
        Part::Archived => now!("archived"),
    }
}

/// Goes back to all conversations once there is nothing more in a part that is only offered for what is in it.
pub(super) fn leave_empty_parts(part: RwSignal<Part>, has_requests: Memo<bool>) {
    let store = use_store();
    let has_archived = memo!(move || store
        .roster
        .with(|roster| roster::count(roster, Part::Archived) > 0));
    effect!(move || {
        let is_left = match part.get() {
            Part::Archived => !has_archived.get(),
            Part::Requests => !has_requests.get(),
            _ => false,
        };
        if is_left {
            part.set(Part::All);
        }
    });
}

/// Whether there is something to be seen under the requests: one of them, or somebody to unblock.
pub(super) fn has_requests() -> Memo<bool> {
    let store = use_store();
    memo!(move || {
        store
            .roster
            .with(|roster| roster::count(roster, Part::Requests) > 0)
            || store.blocked.with(|blocked| !blocked.is_empty())
    })
}

#[component]
pub(super) fn Filters(
    /// What is shown.
    part: RwSignal<Part>,
    has_requests: Memo<bool>,
) -> impl IntoView {
    view! {
        <div class="filters" role="radiogroup" aria-label=t!("filter") data-testid="filters">
            {filter(part, Part::All, "filter-all", t!("filter-all"))}
            {filter(part, Part::Unread, "filter-unread", t!("filter-unread"))}
            {filter(part, Part::Groups, "filter-groups", t!("filter-groups"))}
            {shown_if(has_requests, move || filter(part, Part::Requests, "filter-requests", t!("filter-requests")))}
        </div>
    }
}

fn filter(
    chosen: RwSignal<Part>,
    part: Part,
    id: &'static str,
    label: impl Fn() -> String + Send + Sync + 'static,
) -> AnyView {
    let store = use_store();
    let is_counted = matches!(part, Part::Unread | Part::Requests);
    let count = memo!(move || {
        if is_counted {
            store.roster.with(|roster| roster::count(roster, part))
        } else {
            0
        }
    });
    let has_any = memo!(move || count.get() > 0);
    view! {
        <label class="filter">
            <input type="radio" name="filter" data-testid=id prop:checked=move || chosen.get() == part on:change=move |_| chosen.set(part) />
            <span>
                {label}
                {shown_if(has_any, move || view! { <span class="tabular">" "{text!(count.get().to_string())}</span> }.into_any())}
            </span>
        </label>
    }
    .into_any()
}
