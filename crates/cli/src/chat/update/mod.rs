//! An input changes the model and returns effects. This is a pure function, so that it can be tested without a terminal
//! and without a server.

mod keys;

use crossterm::event::KeyEvent;
use subrosa_client::{
    ChatId, Conversation, ConversationState, Event, Handle, LocalMessageId, Message, Notice, Person, Status,
    Warning,
};

use super::model::{Focus, Model, Overlay, Scroll, Thread};
use crate::{people::Names, warnings};

/// An input: something that happened.
#[derive(Debug)]
pub(super) enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size, in columns and rows.
    Resized(u16, u16),
    /// The terminal's window has got or lost the focus.
    InFront(bool),
    /// Nothing was typed for a moment.
    Paused,
    /// No key was pressed for a while.
    Idle,
    /// The connection or the outbox changed.
    Status(Status),
    /// The client reports an event.
    Event(Event),
    /// The client had more events than the interface could follow.
    Missed,
    /// The list of chats, as requested.
    Chats(Vec<Conversation>, Names),
    /// The newest messages of a chat, as requested, and the lines between them.
    Messages(ChatId, Vec<Message>, Vec<Notice>),
    /// What a search found.
    Found(String, Result<Vec<Person>, String>),
    /// A chat was found or created.
    Opened(ChatId),
    /// A text was not accepted: it goes back to its composer.
    NotSent { chat: ChatId, text: String, why: String },
    /// A draft was not kept. `shown` is the one that is.
    NotKept {
        chat: ChatId,
        shown: String,
        why: String,
    },
    /// An effect failed.
    Failed(String),
}

/// An effect: something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    LoadChats,
    LoadMessages {
        chat: ChatId,
        limit: u32,
    },
    Send {
        chat: ChatId,
        text: String,
    },
    KeepDraft {
        chat: ChatId,
        text: String,
        shown: String,
    },
    /// Reports to the others that the user is typing, or has stopped without sending.
    Type {
        chat: ChatId,
        is_typing: bool,
    },
    /// Reports to others whether the user is looking at the app.
    SetHere(bool),
    MarkRead(ChatId),
    Retry(LocalMessageId),
    Discard(LocalMessageId),
    TryAgain(ChatId),
    Hide(ChatId),
    Search(String),
    OpenChat(Handle),
    RetryConnection,
}

/// What is done first.
pub(super) fn begin() -> Vec<Effect> {
    vec![Effect::SetHere(true), Effect::LoadChats]
}

/// Handles one input.
pub(super) fn update(model: &mut Model, input: Input) -> Vec<Effect> {
    match input {
        Input::Key(_) | Input::Paste(_) => model.attention.is_idle = false,
        Input::Idle => model.attention.is_idle = true,
        _ => {}
    }
    let mut effects = handle(model, input);
    effects.extend(presence(model));
    effects
}

/// What is done before the user leaves, for good or until the next key.
pub(super) fn leave(model: &mut Model) -> Vec<Effect> {
    model.attention.is_idle = true;
    let (stopped, kept, gone) = (stop_typing(model), keep_draft(model), presence(model));
    stopped.into_iter().chain(kept).chain(gone).collect()
}

fn handle(model: &mut Model, input: Input) -> Vec<Effect> {
    match input {
        Input::Key(key) => keys::key(model, key),
        Input::Paste(text) => keys::paste(model, &text),
        Input::Resized(width, height) => {
            (model.width, model.height) = (width, height);
            Vec::new()
        }
        Input::InFront(in_front) => {
            model.attention.in_front = in_front;
            seen(model).into_iter().collect()
        }
        Input::Paused => keep_draft(model).into_iter().collect(),
        Input::Idle => Vec::new(),
        Input::Status(status) => {
            model.status = status;
            Vec::new()
        }
        Input::Event(event) => self::event(model, event),
        Input::Missed => {
            let thread = model.thread.as_ref().map(reload);
            [Effect::LoadChats].into_iter().chain(thread).collect()
        }
        Input::Chats(chats, names) => {
            show_chats(model, chats, names);
            Vec::new()
        }
        Input::Messages(chat, messages, notices) => show_messages(model, chat, messages, notices),
        Input::Found(query, found) => {
            if let Some(Overlay::Search(search)) = &mut model.overlay
                && search.query() == query
            {
                search.found = Some((query, found));
            }
            clamp_hit(model);
            Vec::new()
        }
        Input::Opened(chat) => {
            model.overlay = None;
            open(model, chat)
        }
        Input::NotSent { chat, text, why } => {
            let draft = model.give_back(chat, &text);
            model.notice = Some(why);
            let keep = |(text, shown)| Effect::KeepDraft { chat, text, shown };
            draft.map(keep).into_iter().collect()
        }
        Input::NotKept { chat, shown, why } => {
            model.draft_not_kept(chat, shown);
            model.notice = Some(why);
            Vec::new()
        }
        Input::Failed(why) => {
            model.notice = Some(why);
            Vec::new()
        }
    }
}

/// Opens a chat.
fn open(model: &mut Model, chat: ChatId) -> Vec<Effect> {
    let mut effects = Vec::new();
    if model.thread.as_ref().is_none_or(|thread| thread.chat != chat) {
        effects.extend(stop_typing(model));
        effects.extend(keep_draft(model));
        model.open(chat);
    }
    model.focus = Focus::Composer;
    effects.push(Effect::LoadChats);
    effects.extend(model.thread.as_ref().map(reload));
    effects
}

/// Reports whether the user is here, if that has changed.
fn presence(model: &mut Model) -> Option<Effect> {
    let attention = &mut model.attention;
    let is_here = attention.in_front && !attention.is_idle;
    let has_changed = std::mem::replace(&mut attention.is_here, is_here) != is_here;
    has_changed.then_some(Effect::SetHere(is_here))
}

/// Reports that the text in the composer has changed.
fn typed(model: &mut Model) -> Option<Effect> {
    let is_joined = model
        .open_chat()
        .is_some_and(|chat| chat.state == ConversationState::Joined);
    let thread = model.thread.as_mut()?;
    if thread.composer.text().is_empty() {
        return stop_typing(model);
    }
    // In any other state, what is written reaches nobody yet.
    thread.is_typing |= is_joined;
    is_joined.then_some(Effect::Type {
        chat: thread.chat,
        is_typing: true,
    })
}

/// Reports that the user has stopped typing without sending, if they were reported to be typing.
fn stop_typing(model: &mut Model) -> Option<Effect> {
    let thread = model.thread.as_mut()?;
    let was_typing = std::mem::take(&mut thread.is_typing);
    was_typing.then_some(Effect::Type {
        chat: thread.chat,
        is_typing: false,
    })
}

/// What was typed in the open chat and is not kept.
fn keep_draft(model: &mut Model) -> Option<Effect> {
    let (chat, text, shown) = model.draft_to_keep()?;
    Some(Effect::KeepDraft { chat, text, shown })
}

fn reload(thread: &Thread) -> Effect {
    Effect::LoadMessages {
        chat: thread.chat,
        limit: thread.wanted,
    }
}

fn event(model: &mut Model, event: Event) -> Vec<Effect> {
    let touched = match event {
        Event::MessageReceived(message) | Event::MessageSent(message) => message.chat,
        Event::NoticeAdded(notice) => notice.chat,
        Event::MessageStatusChanged { chat, .. }
        | Event::MessageRemoved { chat, .. }
        | Event::ConversationCleared(chat)
        | Event::ConversationChanged(chat) => chat,
        Event::ContactChanged(_)
        | Event::DraftChanged(_)
        | Event::TypingChanged(_)
        | Event::PresenceChanged(_)
        | Event::PrivacyChanged(_) => return vec![Effect::LoadChats],
        Event::Warning(warning) => {
            model.notice = Some(warning_text(model, &warning));
            return Vec::new();
        }
        // Nothing else is shown, such as another id on the wire.
        _ => return Vec::new(),
    };
    let thread = model.thread.as_ref().filter(|thread| thread.chat == touched);
    [Effect::LoadChats]
        .into_iter()
        .chain(thread.map(reload))
        .collect()
}

fn warning_text(model: &Model, warning: &Warning) -> String {
    let chat = warnings::chat(warning).or_else(|| model.chat_of(warnings::message(warning)?));
    let conversation = chat.and_then(|chat| model.chat(chat));
    let said = warnings::say(warning, conversation, &model.names);
    format!("WARNING: {}", said.warning)
}

fn show_chats(model: &mut Model, chats: Vec<Conversation>, names: Names) {
    model.chats = chats;
    model.names = names;
    if model.selected_index().is_none() {
        model.selected = model.chats.first().map(|chat| chat.id);
    }
    model.show_draft();
    keys::search_chats(model);
    clamp_hit(model);
}

fn show_messages(
    model: &mut Model,
    chat: ChatId,
    messages: Vec<Message>,
    notices: Vec<Notice>,
) -> Vec<Effect> {
    let Some(thread) = model.thread.as_mut().filter(|thread| thread.chat == chat) else {
        return Vec::new();
    };
    let is_new = |message: &&Message| message.status == subrosa_client::MessageStatus::Unread;
    let is_seen_at_once = thread.is_loaded && thread.scroll == Scroll::Newest && model.attention.in_front;
    if !is_seen_at_once && thread.new_from.is_none() {
        thread.new_from = messages.iter().find(is_new).map(|message| message.position);
    }
    // Older messages were requested, or new ones came: the window grows at one end only.
    let grown = u32::try_from(messages.len()).unwrap_or(u32::MAX);
    thread.wanted = thread.wanted.max(grown.min(super::model::THREAD_MESSAGES_MAX));
    thread.messages = messages;
    thread.notices = notices;
    let is_opened = !std::mem::replace(&mut thread.is_loaded, true);
    let chat = thread.chat;
    if thread.selected_index().is_none() && thread.selected.is_some() {
        thread.selected = thread.messages.last().map(|message| message.id);
    }
    let is_marked = || {
        model
            .chat(chat)
            .is_some_and(|chat| chat.settings.is_marked_unread)
    };
    let opened = (is_opened && is_marked()).then_some(Effect::MarkRead(chat));
    seen(model).or(opened).into_iter().collect()
}

/// The user sees the newest message, which is reported to the other person.
fn seen(model: &Model) -> Option<Effect> {
    let thread = model.thread.as_ref()?;
    let is_shown = super::geometry::Geometry::of(model).chat.is_some() && model.attention.in_front;
    (is_shown && thread.scroll == Scroll::Newest && thread.has_unread())
        .then_some(Effect::MarkRead(thread.chat))
}

fn clamp_hit(model: &mut Model) {
    let last = model.hits().len().saturating_sub(1);
    if let Some(Overlay::Search(search)) = &mut model.overlay {
        search.selected = search.selected.min(last);
    }
}

#[cfg(test)]
mod tests;
