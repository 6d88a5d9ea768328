//! What the user shows of themselves: picture and display name.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::{Failure, Request};
use subrosa_wire::limits::DISPLAY_NAME_MAX;

use super::picture;
use crate::{
    components::{
        avatar,
        button::working,
        failure,
        field::{Hint, Kind, field},
        notice,
    },
    i18n::{now, t},
    link,
    model::faces::{Face, grouped},
    reactive::{memo, text},
    store::use_store,
};

#[component]
pub(super) fn Profile() -> impl IntoView {
    let store = use_store();
    let kept = move || store.me().and_then(|me| me.name).unwrap_or_default();
    let name = RwSignal::new(untrack(kept));
    let busy = RwSignal::new(false);
    let outcome = RwSignal::new(None::<Result<(), Failure>>);
    let changed = memo!(move || name.with(|name| name.trim() != kept().trim()));
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        let wanted = name.get_untracked().trim().to_owned();
        if busy.get_untracked() || wanted.len() > DISPLAY_NAME_MAX {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let result = link::call(Request::SetName(wanted)).await;
            outcome.try_set(Some(result.map(drop)));
            busy.try_set(false);
        });
    };
    view! {
        <section class="group" aria-labelledby="profile-title">
            <h2 id="profile-title">{t!("profile")}</h2>
            <div class="profile">
                {move || store.me().map(|me| avatar::avatar(&Face::of_me(&me), ""))}
                <div>
                    <strong><bdi class="name">{move || store.me().map(|me| me.name.unwrap_or_else(|| me.handle.to_string()))}</bdi></strong>
                    <span class="handle">{move || store.me().map(|me| format!("@{}", me.handle))}</span>
                </div>
            </div>
            <picture::Picture />
            <dl class="accounts">
                <dt>{t!("account-id")}</dt>
                <dd class="account-id" dir="ltr" data-testid="account-id">{move || store.me().map(|me| grouped(&me.account_id))}</dd>
            </dl>
            <p class="lead">{t!("account-id-what")}</p>
            <form on:submit=submitted>
                {field(Kind::text("profile-name"), t!("display-name"), name, move || {
                    if name.with(|name| name.trim().len() > DISPLAY_NAME_MAX) { Hint::Wrong(now!("failure-name")) } else { Hint::Plain(now!("display-name-rule")) }
                })}
                {move || outcome.get().filter(|_| !changed.get() || busy.get() || outcome.with(|outcome| matches!(outcome, Some(Err(_))))).map(|result| match result {
                    Ok(()) => notice::done(t!("name-saved")).into_any(),
                    Err(failure) => notice::error(failure::words(&failure)).into_any(),
                })}
                <div class="actions">
                    <button type="submit" class="button primary small" data-testid="profile-submit" disabled=move || !changed.get() aria-busy=text!(busy.get().to_string())>
                        {t!("save-name")}
                        {move || busy.get().then(working)}
                    </button>
                </div>
            </form>
        </section>
    }
}
