//! `MessageWindow`: the loaded messages, with days and the unread mark between them, and the button to the newest.

use std::collections::HashMap;

use leptos::{ev, prelude::*, task::spawn_local};
use subrosa_web_rpc::{ConversationState, Request};

use super::{bubble::MessageBubble, copying, entry::Entry, notices, scroll::Scroller, typing::TypingBubble};
use crate::{
    browser,
    components::{icon, skeleton},
    format,
    i18n::now,
    link,
    model::{
        faces, roster,
        rows::{Row, rows},
        window::Window,
    },
    reactive::{effect, flag, memo, shown_if, text},
    store::{Store, use_store},
};

/// More new rows than this at once are a loaded page, which is not animated.
const ARRIVALS_MAX: usize = 3;

/// A row on the screen. It keeps its element when it changes.
#[derive(Clone)]
struct Drawn {
    key: String,
    row: ArcRwSignal<Row>,
    is_new: bool,
}

#[component]
pub(super) fn MessageWindow() -> impl IntoView {
    let store = use_store();
    let entry = expect_context::<Entry>();
    let scroller = Scroller::new(store);
    let drawn = RwSignal::new(Vec::<Drawn>::new());
    effect!(move || draw(store, &scroller, drawn));
    effect!(move || {
        if store.place.get().is_some() {
            scroller.settle();
        }
    });
    mark_read(store, entry, &scroller);

    let is_loading = memo!(move || store.window.with(Option::is_none));
    let is_empty = memo!(move || {
        store
            .window
            .with(|window| window.as_ref().is_some_and(|window| window.messages.is_empty()))
    });
    let is_start = memo!(move || {
        store
            .window
            .with(|window| window.as_ref().is_some_and(|window| !window.has_older))
    });
    let unread = memo!(move || entry.with(|entry| entry.map_or(0, |entry| entry.unread)));
    let is_unread = memo!(move || unread.get() > 0);
    view! {
        <div class="log-wrap">
            <div class="messages scroll" node_ref=scroller.area tabindex="0" role="log" aria-label=text!(now!("messages-with", name = entry.name()))
                aria-live=move || if scroller.at_bottom.get() { "polite" } else { "off" } aria-relevant="additions"
                aria-busy=text!(is_loading.get().to_string()) data-testid="messages" on:scroll=move |_| scroller.scrolled()
                on:copy=move |event| copying::copy(&event, store, entry)>
                <Show when=flag!(is_loading.get())>{skeleton::bubbles()}</Show>
                <div class="messages-inner" node_ref=scroller.content>
                    <Show when=flag!(is_start.get())>{start(store, entry, is_empty)}</Show>
                    <ol role="list">
                        <For each=move || drawn.get() key=|drawn| drawn.key.clone() let:drawn>
                            {row(drawn, store)}
                        </For>
                    </ol>
                    <TypingBubble />
                </div>
            </div>
            <Show when=flag!(scroller.is_far.get() && !is_loading.get())>
                <button type="button" class="jump" data-testid="jump-latest" aria-label=text!(jump_label(unread.get())) title=text!(jump_label(unread.get()))
                    on:click=move |_| store.jump_to_latest()>
                    {shown_if(is_unread, move || view! { <span class="badge tabular" aria-hidden="true">{text!(unread.get().to_string())}</span> }.into_any())}
                    {icon::icon(icon::DOWN)}
                </button>
            </Show>
        </div>
    }
}

fn jump_label(unread: u64) -> String {
    if unread > 0 {
        now!("jump-latest-new", count = unread)
    } else {
        now!("jump-latest")
    }
}

/// Updates the rows on the screen to the window. Rows that stay keep their signal, and so their element.
fn draw(store: Store, scroller: &Scroller, drawn: RwSignal<Vec<Drawn>>) {
    let unread_from = store.unread_from.get();
    format::follow_zone();
    let Some((wanted, at_end)) = store.window.with(|window| {
        window
            .as_ref()
            .map(|window| (rows(window, unread_from, browser::day_of), !window.has_newer))
    }) else {
        drawn.set(Vec::new());
        return scroller.reset();
    };
    let old = drawn.get_untracked();
    let known: HashMap<&str, &ArcRwSignal<Row>> =
        old.iter().map(|drawn| (drawn.key.as_str(), &drawn.row)).collect();
    let first_new = wanted
        .iter()
        .rposition(|row| known.contains_key(row.key().as_str()))
        .map_or(0, |last| last + 1);
    let arrivals = at_end && !old.is_empty() && wanted.len() - first_new <= ARRIVALS_MAX;
    let next: Vec<Drawn> = wanted
        .into_iter()
        .enumerate()
        .map(|(index, row)| {
            let key = row.key();
            let signal = match known.get(key.as_str()) {
                Some(signal) => {
                    if signal.with_untracked(|old| *old != row) {
                        signal.set(row);
                    }
                    (*signal).clone()
                }
                None => ArcRwSignal::new(row),
            };
            Drawn {
                key,
                row: signal,
                is_new: arrivals && index >= first_new,
            }
        })
        .collect();
    if next.len() != old.len() || next.iter().zip(&old).any(|(next, old)| next.key != old.key) {
        drawn.set(next);
    }
    scroller.settle();
}

fn row(drawn: Drawn, store: Store) -> AnyView {
    let Drawn { key, row, is_new } = drawn;
    match row.get_untracked() {
        Row::Day { at_ms, .. } => view! {
            <li class="day" data-key=key><h2>{text!(format::heading(at_ms, store.today.get()))}</h2></li>
        }
        .into_any(),
        Row::Unread => {
            let count = store.open.get_untracked().and_then(|id| {
                store
                    .roster
                    .with_untracked(|roster| Some(roster.get(&id)?.unread))
            });
            let count = count.unwrap_or(0);
            let words = move || {
                if count > 0 {
                    now!("unread-divider", count = count)
                } else {
                    now!("unread-divider-plain")
                }
            };
            view! { <li class="fresh" data-key=key data-testid="unread-divider"><span>{words}</span></li> }
                .into_any()
        }
        Row::Notice { notice, .. } => {
            let title = format::full(notice.at.as_millis());
            // The people in it may be called by another name later.
            let words = move || match row.get() {
                Row::Notice { notice, .. } => notices::of_event(&notice),
                _ => String::new(),
            };
            view! {
                <li class="event" data-key=key data-testid="conversation-event"><p title=title>{text!(words())}</p></li>
            }
            .into_any()
        }
        Row::Message { .. } => view! { <MessageBubble row key is_new /> }.into_any(),
    }
}

/// The start of a conversation, above its first message.
fn start(store: Store, entry: Entry, is_empty: Memo<bool>) -> impl IntoView {
    let is_group = move || entry.is_group();
    let saw_start = memo!(move || store
        .window
        .with(|window| { window.as_ref().is_some_and(Window::shows_start) }));
    view! {
        <div class="start" data-testid="conversation-start">
            {entry.avatar("big")}
            <strong><bdi class="name">{text!(entry.name())}</bdi></strong>
            <Show when=flag!(entry.is_request())>{asked_by(store, entry)}</Show>
            <Show when=flag!(!entry.is_request())>
                <p>{move || match (is_empty.get(), entry.state()) {
                    (true, _) if entry.is_notes() => now!("empty-notes"),
                    (false, _) if entry.is_notes() => now!("conversation-start-notes"),
                    (true, Some(ConversationState::Starting)) if is_group() => now!("empty-group"),
                    // This device was there from the start: nothing was said before.
                    (true, _) if is_group() && saw_start.get() => now!("empty-group"),
                    (false, _) if is_group() => now!("conversation-start-group"),
                    (true, Some(ConversationState::Starting)) => now!("empty-conversation", name = entry.name()),
                    (true, _) => now!("empty-conversation-here"),
                    (false, _) => now!("conversation-start", name = entry.name()),
                }}</p>
            </Show>
        </div>
    }
}

/// Who asks: the handle and the groups in common, or who invites.
fn asked_by(store: Store, entry: Entry) -> impl IntoView {
    let handle = move || entry.with(|entry| entry.and_then(faces::handle_beside_name));
    let inviter = move || entry.with(|entry| faces::name(faces::inviter(entry?)?));
    let groups = memo!(move || {
        let account = entry.with(|entry| Some(entry?.with.as_ref()?.account_id));
        store
            .roster
            .with(|roster| roster::names_of_groups_with(roster, account?))
    });
    let words = move || {
        let invitation = inviter().map(|name| now!("invited-by", name = name));
        invitation.or_else(|| Some(now!("both-in", groups = groups.get()?)))
    };
    view! {
        {move || handle().map(|handle| view! { <bdi dir="ltr" data-testid="request-handle">{handle}</bdi> })}
        {move || words().map(|words| view! { <p class="common" data-testid="request-about">{words}</p> })}
    }
}

/// Marks the conversation as read once the newest message is in view and the user is looking at the page.
fn mark_read(store: Store, entry: Entry, scroller: &Scroller) {
    let at_bottom = scroller.at_bottom;
    let looked_at = RwSignal::new(browser::is_looked_at());
    let look = move || {
        looked_at.try_set(browser::is_looked_at());
    };
    let listeners = [
        window_event_listener(ev::focus, move |_| look()),
        window_event_listener(ev::blur, move |_| look()),
        window_event_listener_untyped("visibilitychange", move |_| look()),
    ];
    on_cleanup(move || {
        listeners
            .into_iter()
            .for_each(leptos::leptos_dom::helpers::WindowListenerHandle::remove);
    });
    let unseen = memo!(move || {
        entry.with(|entry| {
            let entry = entry.as_ref().filter(|entry| entry.unread > 0)?;
            Some((
                entry.id,
                entry.unread,
                entry.last_message.as_ref().map(|message| message.position),
            ))
        })
    });
    effect!(move || {
        let Some((chat, ..)) = unseen.get() else {
            return;
        };
        let loaded = store
            .window
            .with(|window| window.as_ref().is_some_and(|window| window.chat == chat));
        if loaded && at_bottom.get() && looked_at.get() {
            spawn_local(async move {
                let _ = link::call(Request::MarkRead(chat)).await;
            });
        }
    });
}
