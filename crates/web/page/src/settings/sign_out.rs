//! Signing this device out, which removes everything stored here, after a clear question.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{FailureKind, Request};

use crate::{
    components::{
        dialog::{Attempt, Confirm},
        failure,
    },
    i18n::{now, t},
    link,
    store::{Stage, use_store},
};

#[component]
pub(super) fn SignOut() -> impl IntoView {
    let store = use_store();
    let asked = RwSignal::new(false);
    let attempt = Attempt::new();
    // The server could not be reached: the next "yes" removes the data without it.
    let without_server = RwSignal::new(false);
    let unsent = move || {
        store
            .state
            .with(|state| state.as_ref().map_or(0, |state| state.unsent))
    };
    let run = move || {
        attempt.busy.set(true);
        attempt.clear();
        let request = if without_server.get_untracked() {
            Request::Forget
        } else {
            Request::SignOut
        };
        spawn_local(async move {
            match link::call(request).await {
                Ok(_) => {}
                Err(failure) if failure.kind == FailureKind::Unreachable => {
                    without_server.try_set(true);
                }
                Err(failure) => {
                    attempt.error.try_set(Some(failure::words(&failure)));
                }
            }
            attempt.busy.try_set(false);
        });
    };
    let ask = move |_| {
        attempt.clear();
        without_server.set(store.stage() == Stage::Revoked);
        asked.set(true);
    };
    view! {
        <section class="group" aria-labelledby="sign-out-title">
            <h2 id="sign-out-title">{t!("sign-out")}</h2>
            <p class="lead">{t!("sign-out-lead")}</p>
            <div class="actions">
                <button type="button" class="button small danger-quiet" data-testid="sign-out" on:click=ask>{t!("sign-out-this")}</button>
            </div>
            <Confirm open=asked title=t!("sign-out-question") attempt run
                label=move || if without_server.get() { now!("remove-anyway") } else { now!("sign-out-do") }>
                <p>{move || if without_server.get() { now!("sign-out-offline") } else { now!("sign-out-what") }}</p>
                {move || (unsent() > 0).then(|| view! { <p>{t!("sign-out-unsent", count = unsent())}</p> })}
            </Confirm>
        </section>
    }
}
