//! The dialog in which the user calls somebody by a name of their own.

use leptos::{ev::SubmitEvent, prelude::*};
use subrosa_web_rpc::{Contact, Request};
use subrosa_wire::limits::DISPLAY_NAME_MAX;

use crate::{
    components::{
        dialog::{Attempt, Modal, close_open},
        field::{Hint, Kind, field},
    },
    i18n::{now, t},
    model::faces,
    reactive::{effect, memo, text},
};

#[component]
pub(super) fn Nickname(
    /// Whether it is shown.
    open: RwSignal<bool>,
    /// Whom it is about.
    person: Memo<Option<Contact>>,
) -> impl IntoView {
    let nickname = RwSignal::new(String::new());
    let attempt = Attempt::new();
    let given =
        memo!(move || person.with(|person| person.as_ref().and_then(|person| person.nickname.clone())));
    let own_name = move || {
        let name = person.with(|person| person.as_ref().and_then(faces::own_name));
        name.unwrap_or_else(|| now!("unknown-person"))
    };
    effect!(move || {
        if open.get() {
            nickname.set(given.get_untracked().unwrap_or_default());
            attempt.clear();
        }
    });
    let is_long = move || nickname.with(|nickname| nickname.trim().len() > DISPLAY_NAME_MAX);
    let is_empty = move || nickname.with(|nickname| nickname.trim().is_empty());
    let save = move |nickname: String| {
        let account = person.with_untracked(|person| person.as_ref().map(|person| person.account_id));
        if let Some(account) = account {
            attempt.run(Request::SetNickname { account, nickname });
        }
    };
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        if !untrack(|| is_long() || is_empty()) {
            save(nickname.get_untracked().trim().to_owned());
        }
    };
    view! {
        <Modal open labelled_by="nickname-title">
            <h2 id="nickname-title">{text!(now!("nickname-title", name = own_name()))}</h2>
            <form on:submit=submitted>
                {field(Kind { focused: true, ..Kind::text("nickname-field") }, t!("nickname-field"), nickname, move || {
                    if is_long() { Hint::Wrong(now!("failure-name")) } else { Hint::Plain(now!("nickname-rule")) }
                })}
                {attempt.notice()}
                <div class="actions">
                    {move || given.get().map(|_| view! {
                        <button type="button" class="button danger-quiet small at-start" data-testid="nickname-remove" on:click=move |_| save(String::new())>{t!("remove")}</button>
                    })}
                    <button type="button" class="button small" data-testid="cancel" on:click=move |_| close_open()>{t!("cancel")}</button>
                    <button type="submit" class="button primary small" data-testid="nickname-submit" disabled=is_empty aria-busy=text!(attempt.busy.get().to_string())>{t!("save")}</button>
                </div>
            </form>
        </Modal>
    }
}
