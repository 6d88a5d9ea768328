//! `MessageBubble`: a message's text, time and status, and the two actions for one that failed.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{ConversationKind, Message, MessageStatus, Request};

use super::entry::Entry;
use crate::{
    components::{
        failure,
        ticks::{self, ticks},
    },
    format,
    i18n::{now, t},
    link,
    model::{
        emoji,
        faces::{self, Face},
        links::{Piece, pieces},
        preview,
        rows::Row,
    },
    reactive::{memo, text},
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
    // Who has written a message never changes.
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
            let name = faces::name_in(group, &sender);
            let hue = Face::of_account(&sender, &name).hue;
            Some((name, hue))
        })
    });
    let who = move || match sender.get() {
        _ if outgoing => now!("you"),
        Some((name, _)) => name,
        None => entry.name(),
    };
    view! {
        <li class="row" class:new=is_new data-testid="message" data-key=key.clone() data-id=key data-status=move || ticks::name(status.get())
            data-outgoing=outgoing.to_string() data-first=text!(is_first().to_string()) data-last=text!(is_last.get().to_string())
            data-emoji=move || emoji.get().map(|count| count.to_string())>
            <div class="bubble-wrap">
                <div class="bubble" title=text!(format::full(at_ms.get()))>
                    <span class="hidden-text">{text!(now!("said", name = who()))}</span>
                    {move || sender.get().filter(|_| is_first()).map(|(name, hue)| view! {
                        <span class=format!("sender one-line hue-{hue}") aria-hidden="true" data-testid="sender"><bdi>{name}</bdi></span>
                    })}
                    <div class="said" dir="auto">
                        <Text text />
                        <span class="stamp tabular">
                            <time dir="auto">{text!(format::time(at_ms.get()))}</time>
                            {outgoing.then(|| ticks(move || status.get()))}
                        </span>
                    </div>
                </div>
                {move || (status.get() == MessageStatus::Failed).then(|| view! { <Failed message /> })}
            </div>
        </li>
    }
}

/// The text. A very long one shows its start first.
#[component]
fn Text(text: Memo<String>) -> impl IntoView {
    let whole = RwSignal::new(false);
    let is_clipped = memo!(move || !whole.get() && text.with(|text| preview::clip(text).is_some()));
    view! {
        <span class="bubble-text" data-testid="message-text">
            {move || text.with(|text| linked(if whole.get() { text } else { preview::clip(text).unwrap_or(text) }))}
        </span>
        {move || is_clipped.get().then(|| view! {
            <button type="button" class="more-text" on:click=move |_| whole.set(true)>{t!("show-all")}</button>
        })}
    }
}

/// Plain text, with addresses as links that reveal nothing to the sites they lead to.
fn linked(text: &str) -> Vec<AnyView> {
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
