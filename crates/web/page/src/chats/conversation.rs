//! An open conversation: who it is with, the messages, and the field to write in.

use leptos::{
    either::{Either, EitherOf4},
    prelude::*,
};
use subrosa_web_rpc::{ChatId, Conversation, ConversationKind, ConversationState};

use super::{
    blocking::BlockedFoot,
    composer::MessageInput,
    details::Facts,
    entry::Entry,
    group::Rights,
    layout::DetailsColumn,
    messages::MessageWindow,
    notices::Notices,
    presence,
    request::{self, RequestPanel},
    timer::length,
};
use crate::{
    components::{
        dialog::{Modal, close_open},
        icon,
    },
    i18n::{now, t},
    model::{faces, members},
    reactive::{memo, text},
    router::use_router,
    store::{Stage, use_store},
};

/// What stands below the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foot {
    /// The field to write in.
    Field,
    /// The decision about a request.
    Request,
    /// That the other person is blocked.
    Blocked,
    /// That only admins write here.
    OnlyAdmins,
}

#[component]
pub(super) fn ConversationPane(chat: ChatId) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let entry = Entry::new(store.roster, move || Some(chat));
    provide_context(entry);
    let column = expect_context::<DetailsColumn>();
    let rights = Rights::of(entry);
    let foot = memo!(move || {
        if store.stage() == Stage::Revoked {
            // The field itself says why it is of no use.
            Foot::Field
        } else if entry.with(|entry| entry.is_some_and(presence::is_blocked)) {
            Foot::Blocked
        } else if entry.is_request() {
            Foot::Request
        } else if rights.with(|rights| rights.is_none_or(|rights| rights.may_post)) {
            Foot::Field
        } else {
            Foot::OnlyAdmins
        }
    });
    let with = memo!(move || entry.with(|entry| entry?.with.clone()));
    request::leave_when_gone(entry, router);
    let timer = memo!(move || entry.with(|entry| entry.and_then(|entry| entry.timer)));
    let about = RwSignal::new(false);
    // Beside the conversation where there is room, otherwise above it.
    let toggle = move |_| {
        if column.has_room() {
            column.set(!column.is_open());
        } else {
            about.set(true);
        }
    };
    let is_open = move || (column.is_open() || about.get()).to_string();
    view! {
        <section class="conversation" aria-label=text!(now!("conversation-with", name = entry.name())) data-testid="conversation">
            <div class="top">
                <header class="pane-head">
                    <button type="button" class="icon-button back" data-testid="back" aria-label=t!("back") title=t!("back") on:click=move |_| router.back()>
                        {icon::mirrored(icon::BACK)}
                    </button>
                    <div class="who">
                        {entry.avatar("medium")}
                        <div>
                            <h1 class="one-line"><bdi class="name">{text!(entry.name())}</bdi></h1>
                            <p class="sub">
                                {icon::sized(icon::LOCK, "14")}
                                {move || timer.get().map(|timer| {
                                    let words = now!("timer-is", time = length(timer));
                                    view! { <span class="sub-timer" role="img" aria-label=words.clone() title=words data-testid="header-timer">{icon::sized(icon::CLOCK, "14")}</span> }
                                })}
                                <Subtitle entry />
                            </p>
                        </div>
                        <button type="button" class="cover" data-testid="header" aria-label=t!("about-person") title=t!("about-person")
                            aria-expanded=is_open on:click=toggle></button>
                    </div>
                    <button type="button" class="icon-button" data-testid="about" aria-label=t!("about-person") title=t!("about-person")
                        aria-expanded=is_open on:click=toggle>{icon::mirrored(icon::PANEL)}</button>
                </header>
                <Notices chat />
            </div>
            <MessageWindow />
            {move || match foot.get() {
                Foot::Field => EitherOf4::A(view! { <MessageInput chat /> }),
                Foot::Request => EitherOf4::B(view! { <RequestPanel chat /> }),
                Foot::Blocked => EitherOf4::C(view! { <BlockedFoot person=with /> }),
                Foot::OnlyAdmins => EitherOf4::D(view! { <p class="no-input" role="note" data-testid="only-admins-write">{t!("only-admins-write")}</p> }),
            }}
            <Modal open=about labelled_by="facts-name">
                <Facts />
                <div class="actions">
                    <button type="button" class="button small" on:click=move |_| close_open()>{t!("close")}</button>
                </div>
            </Modal>
        </section>
    }
}

/// The line below the name: what is wrong with the conversation, or else what is known of the other person.
#[component]
fn Subtitle(entry: Entry) -> impl IntoView {
    let store = use_store();
    let handle = memo!(move || entry.with(|entry| entry.and_then(faces::handle_beside_name)));
    let members = memo!(move || entry.with(|entry| {
        let is_group = entry.is_some_and(|entry| entry.kind == ConversationKind::Group);
        is_group.then(|| entry.map_or(0, members::count))
    }));
    let trouble = memo!(move || entry.with(|entry| entry.and_then(trouble)));
    let shown = memo!(move || match trouble.get() {
        None => entry.with(|entry| entry.and_then(presence::Shown::of)),
        Some(_) => None,
    });
    move || match (shown.get(), handle.get()) {
        (Some(shown), handle) => {
            let name = shown.name();
            Either::Left(view! {
                {handle.map(|handle| view! { <span class="sub-handle one-line">{handle}</span> })}
                <span class="presence one-line" data-presence=name data-testid="presence">{text!(shown.words(store.today.get()))}</span>
            })
        }
        (None, handle) => Either::Right(view! {
            <span class="one-line">{move || match (trouble.get(), &handle) {
                (Some(trouble), _) => trouble,
                _ if members.get().is_some() => now!("members-count", count = members.get().unwrap_or_default()),
                (None, Some(handle)) => now!("subtitle-handle", handle = handle.as_str()),
                (None, None) => now!("subtitle-encrypted"),
            }}</span>
        }),
    }
}

fn trouble(entry: &Conversation) -> Option<String> {
    match entry.state {
        _ if presence::is_blocked(entry) => Some(now!("subtitle-person-blocked")),
        _ if entry.is_request => Some(match entry.kind {
            ConversationKind::Group => now!("subtitle-invitation"),
            _ => now!("subtitle-request"),
        }),
        ConversationState::Blocked => Some(now!("subtitle-blocked")),
        ConversationState::Quarantined => Some(now!("subtitle-set-aside")),
        ConversationState::CutOff => Some(now!("subtitle-cut-off")),
        ConversationState::Joining => Some(now!("subtitle-joining")),
        ConversationState::Removed => Some(now!("subtitle-removed")),
        ConversationState::Starting | ConversationState::Joined => None,
    }
}
