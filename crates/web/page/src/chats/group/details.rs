//! The details of a group: its name, who is in it, and in plain words how it is protected.

use leptos::prelude::*;

use super::{
    super::entry::Entry, leave::Leave, members::Members, permissions::Permissions, rename::Rename,
    rights::Rights,
};
use crate::{components::icon, i18n::t, reactive::memo};

#[component]
pub(in crate::chats) fn GroupFacts() -> impl IntoView {
    let entry = expect_context::<Entry>();
    let rights = Rights::of(entry);
    let renaming = RwSignal::new(false);
    let may_rename = memo!(move || rights.with(|rights| rights.is_some_and(|rights| rights.may_rename)));
    view! {
        <div class="details-inner of-group">
            {entry.avatar("big")}
            <div class="group-name">
                <h2 id="facts-name"><bdi class="name">{move || entry.name()}</bdi></h2>
                {move || may_rename.get().then(|| view! {
                    <button type="button" class="icon-button" data-testid="rename-group" aria-label=t!("rename") title=t!("rename") on:click=move |_| renaming.set(true)>
                        {icon::sized(icon::PENCIL, "18")}
                    </button>
                })}
            </div>
            <Members rights />
            <Permissions rights />
            <div class="panel">
                <h3>{icon::sized(icon::LOCK, "18")}<span>{t!("encrypted-title")}</span></h3>
                <p>{t!("encrypted-what-group")}</p>
                <p>{t!("encrypted-key-group")}</p>
            </div>
            <Leave rights />
        </div>
        <Rename open=renaming />
    }
}
