//! `UserSearch`: people whose handle starts with what was typed.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Failure, Person, Request};

use crate::{
    components::{avatar, failure, skeleton},
    i18n::t,
    limits::SEARCH_AFTER,
    link,
    model::{
        faces::Face,
        roster::{self, Roster},
        route::{ChatAddress, Route},
    },
    reactive::{effect, text},
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
    let answered = move |result: Result<Vec<Person>, Failure>| {
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
    };
    let asked = StoredValue::new(0_u32);
    effect!(move || {
        let prefix = search.with(|search| handle_prefix(search));
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        if !could_be_handle(&prefix) {
            found.set(Some(Ok(Vec::new())));
            return;
        }
        set_timeout(
            move || {
                if asked.try_get_value() != Some(number) {
                    return;
                }
                spawn_local(async move {
                    let result = match link::call(Request::SearchPeople(prefix)).await {
                        Ok(Answer::People(people)) => Ok(people),
                        Ok(_) => Ok(Vec::new()),
                        Err(failure) => Err(failure),
                    };
                    // An answer to an earlier text is out of date.
                    if asked.try_get_value() == Some(number) {
                        answered(result);
                    }
                });
            },
            SEARCH_AFTER,
        );
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
        <Show when=move || found.with(Option::is_none)>{skeleton::list()}</Show>
    }
}

#[component]
fn Found(person: Person, search: RwSignal<String>) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let handle = person.handle.to_string();
    // The directory knows no pictures, but there may be a conversation.
    let known = |roster: &Roster| roster::picture_of(roster, person.account_id);
    let picture = store.roster.with_untracked(known);
    let face = Face::of_account(&person.account_id, &handle).with_picture(person.account_id, picture);
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

/// What a search looks for in handles.
pub(super) fn handle_prefix(search: &str) -> String {
    search.trim().trim_start_matches('@').to_ascii_lowercase()
}

fn could_be_handle(prefix: &str) -> bool {
    !prefix.is_empty()
        && prefix.len() <= 32
        && prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}
