//! Leaving a group: a question first, which says who owns the group afterwards.

use leptos::prelude::*;
use subrosa_web_rpc::{Contact, Request, Role};

use super::{super::entry::Entry, rights::Rights};
use crate::{
    components::{
        dialog::{Attempt, Confirm},
        icon,
    },
    i18n::{now, t},
    model::faces,
    reactive::{flag, memo, text},
};

/// The button at the end of the details.
#[component]
pub(super) fn Leave(rights: Rights) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let is_asked = RwSignal::new(false);
    let attempt = Attempt::new();
    let is_member = memo!(move || rights.with(|rights| rights.is_some()));
    let is_leaving = memo!(move || rights.with(|rights| rights.is_some_and(|rights| rights.is_leaving)));
    // Whoever owns the group alone hands it over: to an admin, if there is one.
    let heirs = memo!(move || {
        let is_needed = rights.with(|rights| rights.is_some_and(|rights| rights.is_last_owner));
        entry.with(|group| {
            let members = group.filter(|_| is_needed).map(|group| group.members.clone());
            let mut members = members.unwrap_or_default();
            members.retain(|member| member.contact.handle.is_some());
            members.sort_by_key(|member| member.role != Role::Admin);
            members
                .into_iter()
                .map(|member| member.contact)
                .collect::<Vec<_>>()
        })
    });
    let chosen = RwSignal::new(None::<Contact>);
    let successor = move || {
        heirs.with(|heirs| {
            let chosen = chosen.get().filter(|chosen| heirs.contains(chosen));
            chosen.or_else(|| heirs.first().cloned())
        })
    };
    let leave = move || {
        let Some(chat) = untrack(|| entry.with(|entry| entry.map(|entry| entry.id))) else {
            return;
        };
        let successor = untrack(successor).and_then(|heir| heir.handle);
        attempt.run(Request::LeaveGroup { chat, successor });
    };
    let asked = move |_| {
        attempt.clear();
        chosen.set(None);
        is_asked.set(true);
    };
    view! {
        <Show when=flag!(is_member.get())>
            <button type="button" class="row-button danger" data-testid="leave-group" disabled=move || is_leaving.get() on:click=asked>
                {icon::sized(icon::OUT, "20")}
                <span>{move || if is_leaving.get() { now!("leaving-group") } else { now!("leave-group") }}</span>
            </button>
        </Show>
        <Confirm open=is_asked title=move || now!("leave-title", name = entry.name()) label=move || now!("leave-group") attempt run=leave>
            <p>{t!("leave-what")}</p>
            <Show when=flag!(heirs.with(|heirs| !heirs.is_empty()))>
                <label>
                    <span class="label">{t!("leave-successor")}</span>
                    <select data-testid="leave-successor" on:change:target=move |event| {
                        let index = usize::try_from(event.target().selected_index()).unwrap_or_default();
                        chosen.set(heirs.with_untracked(|heirs| heirs.get(index).cloned()));
                    }>
                        {move || heirs.get().into_iter().map(|heir| {
                            let name = faces::name(&heir).unwrap_or_else(|| now!("unknown-person"));
                            view! { <option>{text!(name.clone())}</option> }
                        }).collect_view()}
                    </select>
                </label>
            </Show>
        </Confirm>
    }
}
