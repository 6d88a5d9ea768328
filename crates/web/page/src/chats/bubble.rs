//! `MessageBubble`: a message's text, time and status, and the two actions for one that failed.

use std::sync::Arc;

use leptos::{either::Either, prelude::*, task::spawn_local};
use subrosa_web_rpc::{ConversationKind, Message, MessageStatus, Request, Role};
use subrosa_wire::AccountId;

use super::{entry::Entry, person::PersonDialog, timer::length};
use crate::{
    components::{
        avatar, failure, icon,
        ticks::{self, ticks},
    },
    format,
    i18n::{now, t},
    link,
    model::{
        emoji,
        faces::{self, Face},
        links::{Piece, pieces},
        members, preview,
        rows::Row,
    },
    reactive::{memo, shown_if, text},
};

#[component]
pub(super) fn MessageBubble(
    /// The row, which always is that of a message.
    row: ArcRwSignal<Row>,
    /// The row's key.
    key: String,
    /// Whether it has just arrived.
    is_new: bool,
) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let dialog = expect_context::<PersonDialog>();
    let row = RwSignal::from(row);
    let message = Memo::new(move |old: Option<&Option<Arc<Message>>>| match row.get() {
        Row::Message { message, .. } => Some(message),
        _ => old.cloned().flatten(),
    });
    let is_first = move || row.with(|row| matches!(row, Row::Message { first: true, .. }));
    let is_last = memo!(move || row.with(|row| matches!(row, Row::Message { last: true, .. })));
    let status = memo!(move || {
        message.with(|message| {
            message
                .as_ref()
                .map_or(MessageStatus::Pending, |message| message.status)
        })
    });
    let has_failed = memo!(move || status.get() == MessageStatus::Failed);
    let at_ms = memo!(move || {
        message.with(|message| message.as_ref().map_or(0, |message| message.sent_at.as_millis()))
    });
    let text = memo!(move || {
        message.with(|message| {
            message
                .as_ref()
                .map(|message| message.text.clone())
                .unwrap_or_default()
        })
    });
    // For how long it is kept, and who has written it, never changes.
    let lifetime = message.with_untracked(|message| message.as_ref().and_then(|message| message.lifetime));
    let outgoing = message.with_untracked(|message| message.as_ref().is_some_and(|message| message.outgoing));
    let emoji = memo!(move || text.with(|text| emoji::count(text)));
    // In a group a message says who has written it, and the first of several in a row shows it.
    let sender = memo!(move || {
        let sender = message.with(|message| {
            message
                .as_ref()
                .filter(|message| !message.outgoing)
                .map(|message| message.sender)
        })?;
        entry.with(|entry| {
            let group = entry.filter(|entry| entry.kind == ConversationKind::Group)?;
            Some(Sender {
                account: sender,
                face: faces::face_in(group, &sender),
                name: faces::name_in(group, &sender),
                role: members::role_of(group, sender),
                is_member: members::is_member(group, sender),
            })
        })
    });
    let is_faced = untrack(|| sender.with(Option::is_some));
    let shown_sender = memo!(move || sender.get().filter(|_| is_first()));
    let who = move || match sender.get() {
        _ if outgoing => now!("you"),
        Some(sender) => sender.name,
        None => entry.name(),
    };
    view! {
        <li class="row" class:new=is_new data-testid="message" data-key=key.clone() data-id=key data-status=move || ticks::name(status.get())
            data-outgoing=outgoing.to_string() data-faced=is_faced.then_some("true") data-first=text!(is_first().to_string()) data-last=text!(is_last.get().to_string())
            data-emoji=move || emoji.get().map(|count| count.to_string())>
            {move || sender.get().filter(|_| is_last.get()).map(|sender| sender_face(&sender, dialog))}
            <div class="bubble-wrap">
                <div class="bubble" title=text!(format::full(at_ms.get()))>
                    {move || match shown_sender.get() {
                        Some(sender) => Either::Left(sender_line(sender, dialog)),
                        None => Either::Right(view! { <span class="hidden-text">{text!(now!("said", name = who()))}</span> }),
                    }}
                    <div class="said" dir="auto">
                        <Text text />
                        <span class="stamp tabular">
                            {lifetime.map(|lifetime| {
                                let words = now!("timer-message", time = length(lifetime));
                                view! { <span class="fleeting" role="img" aria-label=words.clone() title=words data-testid="fleeting">{icon::sized(icon::CLOCK, "12")}</span> }
                            })}
                            <time dir="auto">{text!(format::time(at_ms.get()))}</time>
                            {outgoing.then(|| ticks(move || status.get()))}
                        </span>
                    </div>
                </div>
                {shown_if(has_failed, move || view! { <Failed message /> }.into_any())}
            </div>
        </li>
    }
}

/// Who has written a message in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sender {
    account: AccountId,
    name: String,
    face: Face,
    role: Role,
    /// Whether they still are in the group.
    is_member: bool,
}

/// The line above the first of several messages. The name leads to the person; by keyboard, the list of members does.
fn sender_line(sender: Sender, dialog: PersonDialog) -> impl IntoView {
    let Sender {
        account,
        name,
        face,
        role,
        is_member,
    } = sender;
    let name = if is_member {
        Either::Left(view! {
            <button type="button" class="sender-name one-line" tabindex="-1" title=t!("person-show") data-testid="sender" on:click=move |_| dialog.show(account)>
                <bdi>{name}</bdi>
            </button>
        })
    } else {
        Either::Right(view! { <span class="one-line" data-testid="sender"><bdi>{name}</bdi></span> })
    };
    let role = role_words(role).map(|role| {
        view! { <span class="sender-role" data-testid="sender-role">{role}</span> }
    });
    view! { <span class=format!("sender hue-{}", face.hue)>{name}{role}</span> }
}

/// The avatar beside the last of several messages. It leads to the person as the name does, for those who see it.
fn sender_face(sender: &Sender, dialog: PersonDialog) -> impl IntoView + use<> {
    let account = sender.account;
    let face = avatar::avatar(&sender.face, "small");
    if sender.is_member {
        Either::Left(view! {
            <button type="button" class="row-face" tabindex="-1" aria-hidden="true" title=t!("person-show") data-testid="sender-face"
                on:click=move |_| dialog.show(account)>{face}</button>
        })
    } else {
        Either::Right(view! { <span class="row-face">{face}</span> })
    }
}

/// What stands behind the name of somebody who has a role.
fn role_words(role: Role) -> Option<String> {
    match role {
        Role::Owner => Some(now!("role-owner")),
        Role::Admin => Some(now!("role-admin")),
        Role::Member => None,
    }
}

/// The text. A very long one shows its start first.
#[component]
fn Text(text: Memo<String>) -> impl IntoView {
    let entry = expect_context::<Entry>();
    let whole = RwSignal::new(false);
    let is_clipped = memo!(move || !whole.get() && text.with(|text| preview::clip(text).is_some()));
    view! {
        <span class="bubble-text" data-testid="message-text">
            {move || text.with(|text| linked(if whole.get() { text } else { preview::clip(text).unwrap_or(text) }, entry.is_request()))}
        </span>
        {shown_if(is_clipped, move || view! {
            <button type="button" class="more-text" on:click=move |_| whole.set(true)>{t!("show-all")}</button>
        }.into_any())}
    }
}

/// Plain text, with addresses as links that reveal nothing to the sites they lead to.
/// In a request they stay text.
pub(super) fn linked(text: &str, is_request: bool) -> Vec<AnyView> {
    if is_request {
        return vec![text.to_owned().into_any()];
    }
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned().into_any(),
            Piece::Link { text, address } => {
                let (text, address) = (text.to_owned(), address.into_owned());
                view! { <a href=address target="_blank" rel="noopener noreferrer nofollow ugc">{text}</a> }
                    .into_any()
            }
        })
        .collect()
}

/// What can be done with a message that the server refused.
#[component]
fn Failed(message: Memo<Option<Arc<Message>>>) -> impl IntoView {
    let error = RwSignal::new(None::<String>);
    let run = move |request: fn(&Message) -> Request| {
        let Some(request) = message.with_untracked(|message| message.as_deref().map(request)) else {
            return;
        };
        spawn_local(async move {
            if let Err(failure) = link::call(request).await {
                error.try_set(Some(failure::words(&failure)));
            }
        });
    };
    view! {
        <div class="failed" role="group" aria-label=t!("status-failed")>
            <span>{move || error.get().unwrap_or_else(|| now!("not-sent"))}</span>
            <button type="button" class="text-button" data-testid="retry" on:click=move |_| run(|message| Request::Retry(message.id))>{t!("retry")}</button>
            <button type="button" class="text-button" data-testid="discard" on:click=move |_| run(|message| Request::Discard(message.id))>{t!("delete")}</button>
        </div>
    }
}
