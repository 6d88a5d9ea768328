//! Searches the server for people while the user types.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Failure, Person, Request};

use crate::{limits::SEARCH_AFTER, link, model::handles, reactive::effect};

/// Looks for people whose handle starts with what is typed, a moment after each change. `answered` gets what was looked for
/// and who was found; answers to earlier texts are left out.
pub(super) fn search(
    typed: RwSignal<String>,
    answered: impl Fn(String, Result<Vec<Person>, Failure>) + Copy + 'static,
) {
    let asked = StoredValue::new(0_u32);
    effect!(move || {
        let prefix = typed.with(|typed| handles::prefix(typed));
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        if !handles::could_start(&prefix) {
            untrack(|| answered(prefix, Ok(Vec::new())));
            return;
        }
        set_timeout(
            move || {
                if asked.try_get_value() != Some(number) {
                    return;
                }
                spawn_local(async move {
                    let result = match link::call(Request::SearchPeople(prefix.clone())).await {
                        Ok(Answer::People(people)) => Ok(people),
                        Ok(_) => Ok(Vec::new()),
                        Err(failure) => Err(failure),
                    };
                    // An answer to an earlier text is out of date.
                    if asked.try_get_value() == Some(number) {
                        answered(prefix, result);
                    }
                });
            },
            SEARCH_AFTER,
        );
    });
}
