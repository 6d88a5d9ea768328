//! `UserSearch`: people whose handle starts with what was typed.

use leptos::prelude::*;
use subrosa_web_rpc::{Failure, Person};

use super::directory;
use crate::{
    components::{avatar, failure, skeleton},
    i18n::t,
    model::{
        faces::Face,
        roster::{self, Roster},
        route::{ChatAddress, Route},
    },
    reactive::{flag, text},
    router::use_router,
    store::use_store,
};

#[component]
pub(super) fn People(
    search: RwSignal<String>,
    /// Whether the only person is to be opened once the answer is there.
    awaits_hit: RwSignal<bool>,
) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let is_me = move |person: &Person| store.me().is_some_and(|me| me.account_id == person.account_id);
    let found = RwSignal::new(None::<Result<Vec<Person>, Failure>>);
    directory::search(search, move |_, result| {
        let only = result.as_ref().ok().and_then(|people| {
            let mut others = people.iter().filter(|person| !is_me(person));
            others.next().filter(|_| others.next().is_none()).cloned()
        });
        found.set(Some(result));
        let is_awaited = awaits_hit.get_untracked();
        awaits_hit.set(false);
        if is_awaited && let Some(only) = only {
            router.go(Route::Chat(ChatAddress::With(only.handle)));
            search.set(String::new());
        }
    });
    view! {
        <h2>{t!("people")}</h2>
        <div aria-live="polite" data-testid="people">
            {move || found.get().map(|found| match found {
                Err(failure) => view! { <p class="hint empty">{text!(failure::words(&failure))}</p> }.into_any(),
                Ok(people) => {
                    let people: Vec<_> = people.into_iter().filter(|person| !is_me(person)).collect();
                    if people.is_empty() {
                        view! { <p class="hint empty">{t!("nobody-found")}</p> }.into_any()
                    } else {
                        view! { <ul role="list">{people.into_iter().map(|person| view! { <Found person search /> }).collect_view()}</ul> }.into_any()
                    }
                }
            })}
        </div>
        <Show when=flag!(found.with(Option::is_none))>{skeleton::list()}</Show>
    }
}

#[component]
fn Found(person: Person, search: RwSignal<String>) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let handle = person.handle.to_string();
    // The directory knows no pictures and no names, but there may be a conversation.
    let known = |roster: &Roster| {
        Some(roster::face_of(
            roster,
            roster::person(roster, person.account_id)?,
        ))
    };
    let known = store.roster.with_untracked(known);
    let face = known.unwrap_or_else(|| Face::of_account(&person.account_id, &handle));
    let route = Route::Chat(ChatAddress::With(person.handle));
    view! {
        <li>
            <button type="button" class="chat" data-testid="person-result" data-handle=handle.clone() on:click=move |_| {
                router.go(route.clone());
                search.set(String::new());
            }>
                {avatar::avatar(&face, "medium")}
                <span class="chat-name one-line"><bdi dir="ltr">"@"{handle.clone()}</bdi></span>
            </button>
        </li>
    }
}
