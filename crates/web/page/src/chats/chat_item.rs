//! One conversation in the list.

use leptos::prelude::*;
use subrosa_web_rpc::{ChatId, Conversation, ConversationKind, ConversationState, MessageStatus};
use subrosa_wire::Handle;

use super::{
    chat_menu::{ChatMenu, MENU},
    presence,
};
use crate::{
    components::{avatar, icon, ticks::ticks},
    format,
    i18n::{now, t},
    model::{
        faces::{self, Face},
        preview,
        route::{ChatAddress, Route},
    },
    reactive::{memo, shown_if, text},
    router::use_router,
    store::use_store,
};

/// The route of a conversation.
pub(super) fn route_of(conversation: &Conversation) -> Route {
    Route::Chat(match handle_of(conversation) {
        Some(handle) => ChatAddress::With(handle.clone()),
        None => ChatAddress::Id(conversation.id),
    })
}

/// The other person's handle, if there is one and it is known.
pub(super) fn handle_of(conversation: &Conversation) -> Option<&Handle> {
    conversation.with.as_ref()?.handle.as_ref()
}

#[component]
pub(super) fn ChatItem(
    id: ChatId,
    /// The conversation that the Tab key leads to.
    tab_stop: Memo<Option<ChatId>>,
) -> impl IntoView {
    let store = use_store();
    let router = use_router();
    let entry = memo!(move || store.roster.with(|roster| roster.get(&id).cloned()));
    let of = move |read: fn(&Conversation) -> String| {
        entry.with(|entry| entry.as_deref().map(read).unwrap_or_default())
    };
    let route = memo!(move || entry.with(|entry| entry.as_deref().map_or(Route::List, route_of)));
    let is_open = memo!(move || store.open.get() == Some(id));
    let unread = memo!(move || entry.with(|entry| entry.as_ref().map_or(0, |entry| entry.unread)));
    let settings = move || entry.with(|entry| entry.as_ref().map(|entry| entry.settings).unwrap_or_default());
    let is_muted = memo!(move || settings().mute.is_on(store.now.get()));
    let menu = expect_context::<ChatMenu>();
    let is_menu_open = memo!(move || menu.is_open_of(id));
    let face = memo!(move || entry.with(|entry| entry.as_deref().map(face_of)));
    let is = move |read: fn(&Conversation) -> bool| {
        memo!(move || entry.with(|entry| entry.as_deref().is_some_and(read)))
    };
    let has_menu = is(|entry| !entry.is_request);
    let is_invitation = is(|entry| faces::inviter(entry).is_some());
    let is_blocked = is(presence::is_blocked);
    let is_pinned = is(|entry| entry.settings.is_pinned);
    let is_online = is(presence::is_online);
    let at_ms = memo!(move || {
        entry.with(|entry| {
            entry
                .as_ref()
                .and_then(|entry| Some(entry.last_message.as_ref()?.sent_at.as_millis()))
        })
    });
    let own_status = memo!(move || entry.with(|entry| entry.as_deref().and_then(own_status)));
    // What comes and goes has memos of its own, so that it is not rebuilt with each message: a removed view stays
    // subscribed to its signals, and each message would take longer than the one before.
    let is_dated = memo!(move || at_ms.with(Option::is_some));
    let is_own = memo!(move || own_status.with(Option::is_some));
    let is_unread = memo!(move || unread.get() > 0);
    let is_marked = memo!(move || unread.get() == 0 && settings().is_marked_unread);
    let tab_index = move || if tab_stop.get() == Some(id) { "0" } else { "-1" };
    let clicked = move |event: leptos::ev::MouseEvent| {
        // One that is open already is not opened again.
        if is_open.get_untracked() {
            store.clear_mark(id);
        }
        router.follow(route.get_untracked())(event);
    };
    view! {
        <li class="chat-row" on:contextmenu=move |event| menu.context_wanted(&event, id) on:keydown=move |event| menu.keyed(&event, id)>
            <a class="chat" data-testid="chat-item" data-handle=move || of(|entry| handle_of(entry).map(ToString::to_string).unwrap_or_default())
                data-chat=id.get().to_string()
                data-unread=text!((is_unread.get() || is_marked.get()).to_string()) data-muted=text!(is_muted.get().to_string()) href=text!(route.get().path()) tabindex=tab_index
                aria-current=move || is_open.get().then_some("true") on:click=clicked>
                <span class="chat-face">
                    {move || face.get().map(|face| avatar::avatar(&face, ""))}
                    {shown_if(is_online, || presence::mark().into_any())}
                </span>
                <span class="chat-text">
                    <span class="chat-line">
                        <span class="chat-name one-line">
                            <bdi>{text!(of(name_of))}</bdi>
                            {shown_if(is_online, || view! { <span class="hidden-text">" "{t!("online")}</span> }.into_any())}
                        </span>
                        {shown_if(is_dated, move || view! {
                            <time class="tabular" title=text!(at_ms.get().map(format::full).unwrap_or_default())>
                                {text!(at_ms.get().map(|at_ms| format::brief(at_ms, store.today.get())).unwrap_or_default())}
                            </time>
                        }.into_any())}
                    </span>
                    <span class="chat-line">
                        <span class="chat-last one-line">
                            {shown_if(is_invitation, || view! { <span class="sign">{icon::sized(icon::PEOPLE, "16")}</span> }.into_any())}
                            <bdi>{move || entry.with(|entry| entry.as_deref().map(last_line))}</bdi>
                        </span>
                        {shown_if(is_blocked, || sign("blocked-sign", icon::BAN, t!("blocked")))}
                        {shown_if(is_muted, || sign("muted", icon::BELL_OFF, t!("muted")))}
                        {shown_if(is_pinned, || sign("pinned", icon::PIN, t!("pinned")))}
                        {shown_if(is_own, move || ticks(move || own_status.get().unwrap_or(MessageStatus::Pending)).into_any())}
                        {shown_if(is_unread, move || view! {
                            <span class="badge tabular" data-testid="unread">
                                <span aria-hidden="true">{move || if unread.get() > 999 { "999+".to_owned() } else { unread.get().to_string() }}</span>
                                <span class="hidden-text">{t!("unread-count", count = unread.get())}</span>
                            </span>
                        }.into_any())}
                        {shown_if(is_marked, || view! {
                            <span class="badge dot" data-testid="marked-unread"><span class="hidden-text">{t!("marked-unread")}</span></span>
                        }.into_any())}
                    </span>
                </span>
            </a>
            {shown_if(has_menu, move || view! {
                <button type="button" class="icon-button chat-more" data-testid="chat-more" data-open=text!(is_menu_open.get().to_string())
                    aria-haspopup="menu" popovertarget=MENU aria-label=text!(now!("chat-menu", name = of(name_of))) on:click=move |event| menu.pressed(&event, id)>
                    {icon::icon(icon::MORE)}
                </button>
            }.into_any())}
        </li>
    }
}

/// How far the own message has come that the row shows.
fn own_status(entry: &Conversation) -> Option<MessageStatus> {
    let is_shown = entry.draft.is_none() && !presence::Shown::is_typing(entry);
    let message = entry.last_message.as_ref().filter(|_| is_shown)?;
    message.outgoing.then_some(message.status)
}

/// The face in the list: at an invitation, that of who invites.
fn face_of(entry: &Conversation) -> Face {
    match faces::inviter(entry) {
        Some(inviter) => Face::of_contact(inviter).without_picture(),
        None => Face::of_conversation(entry),
    }
}

/// The name in the list: at an invitation, that of who invites.
fn name_of(entry: &Conversation) -> String {
    match faces::inviter(entry) {
        Some(inviter) => faces::name(inviter).unwrap_or_else(|| now!("unknown-person")),
        None => faces::name_of(entry),
    }
}

/// A small sign behind the last line, and what it says.
fn sign(
    name: &'static str,
    path: &'static str,
    words: impl Fn() -> String + Send + Sync + 'static,
) -> AnyView {
    view! { <span class="sign" data-testid=name>{icon::sized(path, "16")}<span class="hidden-text">{words}</span></span> }
        .into_any()
}

fn accent(words: String) -> AnyView {
    view! { <span class="accent">{words}</span> }.into_any()
}

/// The line below the name: that the other person types, the draft, or the last message.
fn last_line(entry: &Conversation) -> impl IntoView + use<> {
    if faces::inviter(entry).is_some() {
        return (None, now!("invites-you", name = faces::name_of(entry)));
    }
    if presence::Shown::is_typing(entry) {
        let words = presence::typing_words(faces::typing_names(entry).as_deref());
        return (Some(accent(words)), String::new());
    }
    let marker = entry.draft.is_some().then(|| {
        let marker = format!("{} ", now!("draft"));
        accent(marker)
    });
    let text = match (&entry.draft, &entry.last_message) {
        (Some(draft), _) => preview::line(draft),
        (None, Some(message)) if entry.kind == ConversationKind::NotesToSelf => preview::line(&message.text),
        (None, None) if entry.kind == ConversationKind::NotesToSelf => now!("empty-notes"),
        (None, Some(message)) if message.outgoing => now!("you-said", text = preview::line(&message.text)),
        (None, Some(message)) if entry.kind == ConversationKind::Group => {
            let name = faces::name_in(entry, &message.sender);
            now!("they-said", name = name, text = preview::line(&message.text))
        }
        (None, Some(message)) => preview::line(&message.text),
        (None, None) if entry.state == ConversationState::Starting => now!("no-messages-yet"),
        (None, None) => now!("no-messages-here"),
    };
    (marker, text)
}
