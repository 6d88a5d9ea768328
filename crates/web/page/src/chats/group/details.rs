//! The details of a group: its picture and name, what it is about, who is in it, and in plain words how it is protected.

use leptos::prelude::*;

use super::{
    super::{bubble::linked, entry::Entry, mute::MuteRow, timer::TimerRow},
    edit::EditGroup,
    leave::Leave,
    members::Members,
    permissions::Permissions,
    rights::Rights,
};
use crate::{
    components::icon,
    i18n::t,
    reactive::{flag, memo, shown_if},
};

#[component]
pub(in crate::chats) fn GroupFacts() -> impl IntoView {
    let entry = expect_context::<Entry>();
    let rights = Rights::of(entry);
    let editing = RwSignal::new(false);
    let may_edit = memo!(move || rights.with(|rights| rights.is_some_and(|rights| rights.may_rename)));
    let about = memo!(move || entry.with(|entry| entry.and_then(|entry| entry.description.clone())));
    view! {
        <div class="details-inner of-group">
            {entry.avatar("big")}
            <div class="group-name">
                <h2 id="facts-name"><bdi class="name">{move || entry.name()}</bdi></h2>
                {shown_if(may_edit, move || view! {
                    <button type="button" class="icon-button" data-testid="edit-group" aria-label=t!("edit-group") title=t!("edit-group") on:click=move |_| editing.set(true)>
                        {icon::sized(icon::PENCIL, "18")}
                    </button>
                }.into_any())}
            </div>
            {move || about.get().map(|about| view! { <p class="group-about" dir="auto" data-testid="group-about">{linked(&about, entry.is_request())}</p> })}
            <Members rights />
            <Permissions rights />
            <div class="panel">
                <h3>{icon::sized(icon::LOCK, "18")}<span>{t!("encrypted-title")}</span></h3>
                <p>{t!("encrypted-what-group")}</p>
                <p>{t!("encrypted-key-group")}</p>
            </div>
            <Show when=flag!(!entry.is_request())><MuteRow /><TimerRow may_change=may_edit /></Show>
            <Leave rights />
        </div>
        <EditGroup open=editing />
    }
}
