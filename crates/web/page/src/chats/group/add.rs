//! The dialog that adds people to a group.

use leptos::{ev::SubmitEvent, prelude::*};
use subrosa_web_rpc::{ChatId, Contact, Request};
use subrosa_wire::AccountId;

use super::{super::entry::Entry, picker::PeoplePicker, rights::Rights};
use crate::{
    components::{
        button::working,
        dialog::{Attempt, Modal, close_open},
        icon, notice,
    },
    i18n::{now, t},
    model::members::{self, Pending},
    reactive::{effect, text},
};

#[component]
pub(super) fn AddPeople(
    /// Whether it is shown.
    open: RwSignal<bool>,
    /// What the user may change in the group.
    rights: Rights,
) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let people = RwSignal::new(Vec::<Contact>::new());
    let attempt = Attempt::new();
    effect!(move || {
        if open.get() {
            people.set(Vec::new());
            attempt.clear();
        }
    });
    let barred = Callback::new(move |account| why_not(entry, rights, account));
    let is_empty = move || people.with(Vec::is_empty);
    let add = move |chat: ChatId| {
        if untrack(is_empty) {
            return;
        }
        let people = people.get_untracked();
        let people = people.into_iter().filter_map(|person| person.handle).collect();
        attempt.run(Request::AddMembers { chat, people });
    };
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(chat) = untrack(|| entry.with(|entry| entry.map(|entry| entry.id))) {
            add(chat);
        }
    };
    view! {
        <Modal open labelled_by="add-people-title" kind="dialog frame">
            <form class="frame-inner" on:submit=submitted>
                <header class="frame-head">
                    <h2 id="add-people-title">{t!("add-people")}</h2>
                    <button type="button" class="icon-button" aria-label=t!("close") title=t!("close") on:click=|_| close_open()>
                        {icon::icon(icon::CLOSE)}
                    </button>
                </header>
                <div class="half people">
                    <PeoplePicker chosen=people barred />
                    {notice::maybe_error(move || attempt.error.get())}
                </div>
                <footer class="frame-foot">
                    <div class="actions">
                        <button type="button" class="button" data-testid="cancel" on:click=|_| close_open()>{t!("cancel")}</button>
                        <button type="submit" class="button primary" data-testid="add-people-submit" disabled=is_empty aria-busy=text!(attempt.busy.get().to_string())>
                            {t!("add")}
                            {move || attempt.busy.get().then(working)}
                        </button>
                    </div>
                </footer>
            </form>
        </Modal>
    }
}

/// Why somebody cannot be added, if so.
fn why_not(entry: Entry, rights: Rights, account: AccountId) -> Option<String> {
    let (is_member, pending) = entry.with(|group| match group {
        Some(group) => (
            members::is_member(group, account),
            members::pending(group, account),
        ),
        None => (false, None),
    });
    if is_member {
        return Some(now!("already-member"));
    }
    if pending == Some(Pending::Addition) {
        return Some(now!("pending-addition"));
    }
    let is_banned = rights.with(|rights| {
        let mut banned = rights.into_iter().flat_map(|rights| &rights.banned);
        banned.any(|person| person.account_id == account)
    });
    is_banned.then(|| now!("banned"))
}
