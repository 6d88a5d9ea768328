//! The third column: who the other person is, and in plain words how the conversation is protected.

use leptos::{ev::KeyboardEvent, prelude::*};

use subrosa_web_rpc::{Conversation, ConversationKind};

use super::{entry::Entry, layout::DetailsColumn};
use crate::{
    browser,
    components::{avatar, icon},
    i18n::{now, t},
    model::faces::{self, Face},
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
        if event.key() == "Escape" && !event.is_composing() {
            event.prevent_default();
            close();
        }
    };
    view! {
        <aside id="details" class="details scroll" tabindex="0" aria-label=t!("about-person") data-testid="details" on:keydown=keyed>
            <button type="button" class="icon-button" data-testid="details-close" aria-label=t!("close") title=t!("close") on:click=move |_| close()>
                {icon::icon(icon::CLOSE)}
            </button>
            <Show when=move || entry.with(|entry| entry.is_some())><Facts /></Show>
        </aside>
    }
}

/// The details, for the column, and for the dialog on narrower pages.
#[component]
pub(super) fn Facts() -> impl IntoView {
    let entry = expect_context::<Entry>();
    let handle = move || {
        entry
            .with(|entry| entry.and_then(faces::handle_beside_name))
            .map(|handle| view! { <p class="handle"><bdi dir="ltr">{handle}</bdi></p> })
    };
    view! {
        <div class="details-inner">
            {entry.avatar("big")}
            <div>
                <h2 id="facts-name"><bdi class="name">{move || entry.name()}</bdi></h2>
                {handle}
            </div>
            {move || entry.with(|entry| entry.filter(|entry| entry.kind == ConversationKind::Group).map(members))}
            <div class="panel">
                <h3>{icon::sized(icon::LOCK, "18")}<span>{t!("encrypted-title")}</span></h3>
                <p>{move || if entry.is_group() { now!("encrypted-what-group") } else { now!("encrypted-what") }}</p>
                <p>{move || if entry.is_group() { now!("encrypted-key-group") } else { now!("encrypted-key") }}</p>
            </div>
        </div>
    }
}

/// The other members of a group.
fn members(group: &Conversation) -> impl IntoView + use<> {
    let members = group.members.iter().map(|member| {
        let name = faces::name(member).unwrap_or_else(|| now!("unknown-person"));
        let face =
            Face::of_account(&member.account_id, &name).with_picture(member.account_id, member.picture);
        view! {
            <li class="member" data-testid="member">
                {avatar::avatar(&face, "small")}
                <span class="one-line"><bdi>{name}</bdi></span>
            </li>
        }
    });
    view! {
        <div class="panel">
            <h3>{now!("members-count", count = group.members.len() as u64 + 1)}</h3>
            <ul class="members" role="list">{members.collect::<Vec<_>>()}</ul>
        </div>
    }
}
