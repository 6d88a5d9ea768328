//! The third column: who the other person is, or who is in the group, and in plain words how the conversation is protected.

use leptos::{either::EitherOf3, ev::KeyboardEvent, prelude::*};
use subrosa_web_rpc::{ConversationKind, ConversationState};

use super::{
    blocking::BlockButton,
    entry::Entry,
    group::GroupFacts,
    layout::DetailsColumn,
    mute::MuteRow,
    person::{GroupsInCommon, Identity},
    presence,
    timer::TimerRow,
};
use crate::{
    browser,
    components::icon,
    i18n::t,
    reactive::{flag, memo},
    store::use_store,
};

#[component]
pub(super) fn Details() -> impl IntoView {
    let store = use_store();
    let entry = Entry::new(store.roster, move || store.open.get());
    provide_context(entry);
    let column = expect_context::<DetailsColumn>();
    let close = move || {
        column.set(false);
        browser::focus("[data-testid=about]");
    };
    let keyed = move |event: KeyboardEvent| {
        let in_dialog = browser::first("dialog[open]").is_some();
        if event.key() == "Escape" && !event.default_prevented() && !event.is_composing() && !in_dialog {
            event.prevent_default();
            close();
        }
    };
    view! {
        <aside id="details" class="details scroll" tabindex="0" aria-label=t!("about-person") data-testid="details" on:keydown=keyed>
            <button type="button" class="icon-button" data-testid="details-close" aria-label=t!("close") title=t!("close") on:click=move |_| close()>
                {icon::icon(icon::CLOSE)}
            </button>
            <Show when=flag!(entry.with(|entry| entry.is_some()))><Facts /></Show>
        </aside>
    }
}

/// The details, for the column, and for the dialog on narrower pages.
#[component]
pub(super) fn Facts() -> impl IntoView {
    let entry = expect_context::<Entry>();
    let kind = memo!(move || entry.with(|entry| entry.map(|entry| entry.kind)));
    move || match kind.get()? {
        ConversationKind::Direct => Some(EitherOf3::A(view! { <PersonFacts /> })),
        ConversationKind::Group => Some(EitherOf3::B(view! { <GroupFacts /> })),
        ConversationKind::NotesToSelf => Some(EitherOf3::C(view! { <NotesFacts /> })),
    }
}

#[component]
fn NotesFacts() -> impl IntoView {
    let entry = expect_context::<Entry>();
    let may_change = may_change_timer(entry);
    view! {
        <div class="details-inner of-group">
            {entry.avatar("big")}
            <h2 id="facts-name">{move || entry.name()}</h2>
            <div class="panel">
                <h3>{icon::sized(icon::LOCK, "18")}<span>{t!("encrypted-title")}</span></h3>
                <p>{t!("encrypted-what-notes")}</p>
            </div>
            <TimerRow may_change />
        </div>
    }
}

#[component]
fn PersonFacts() -> impl IntoView {
    let entry = expect_context::<Entry>();
    let with = memo!(move || entry.with(|entry| entry.and_then(|entry| entry.with.clone())));
    let may_change = may_change_timer(entry);
    view! {
        <div class="details-inner of-group">
            <Identity person=with name_id="facts-name" />
            <GroupsInCommon person=with title_id="facts-groups" />
            <div class="panel">
                <h3>{icon::sized(icon::LOCK, "18")}<span>{t!("encrypted-title")}</span></h3>
                <p>{t!("encrypted-what")}</p>
                <p>{t!("encrypted-key")}</p>
            </div>
            <Show when=flag!(!entry.is_request())><MuteRow /><TimerRow may_change /></Show>
            <BlockButton person=with />
        </div>
    }
}

/// Either side says after how long messages disappear, unless the conversation cannot be used or the person is blocked.
fn may_change_timer(entry: Entry) -> Memo<bool> {
    memo!(move || entry.with(|entry| {
        entry.is_some_and(|entry| entry.state != ConversationState::Blocked && !presence::is_blocked(entry))
    }))
}
