//! The dialog that gives a group another name.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use subrosa_web_rpc::Request;
use subrosa_wire::limits::DISPLAY_NAME_MAX;

use super::super::entry::Entry;
use crate::{
    components::{
        dialog::{Modal, close_open},
        failure,
        field::{Hint, Kind, field},
        notice,
    },
    i18n::{now, t},
    link,
    reactive::{effect, text},
};

#[component]
pub(super) fn Rename(
    /// Whether it is shown.
    open: RwSignal<bool>,
) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let name = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    effect!(move || {
        if open.get() {
            let title = untrack(|| entry.with(|entry| entry.and_then(|entry| entry.title.clone())));
            name.set(title.unwrap_or_default());
            error.set(None);
        }
    });
    let is_long = move || name.with(|name| name.trim().len() > DISPLAY_NAME_MAX);
    let is_empty = move || name.with(|name| name.trim().is_empty());
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        let chat = untrack(|| entry.with(|entry| entry.map(|entry| entry.id)));
        let Some(chat) = chat.filter(|_| !busy.get_untracked() && !untrack(|| is_long() || is_empty()))
        else {
            return;
        };
        busy.set(true);
        error.set(None);
        let name = name.get_untracked().trim().to_owned();
        spawn_local(async move {
            match link::call(Request::RenameGroup { chat, name }).await {
                Ok(_) => close_open(),
                Err(failure) => {
                    error.try_set(Some(failure::words(&failure)));
                }
            }
            busy.try_set(false);
        });
    };
    view! {
        <Modal open labelled_by="rename-group-title">
            <h2 id="rename-group-title">{t!("rename-group")}</h2>
            <form on:submit=submitted>
                {field(Kind { focused: true, ..Kind::text("group-new-name") }, t!("group-name"), name, move || {
                    if is_long() { Hint::Wrong(now!("failure-name")) } else { Hint::Plain(now!("group-new-name-rule")) }
                })}
                {move || error.get().map(|text| view! { <div class="stack">{notice::error(text)}</div> })}
                <div class="actions">
                    <button type="button" class="button small" data-testid="cancel" on:click=move |_| close_open()>{t!("cancel")}</button>
                    <button type="submit" class="button primary small" data-testid="rename-group-submit" disabled=is_empty aria-busy=text!(busy.get().to_string())>{t!("rename")}</button>
                </div>
            </form>
        </Modal>
    }
}
