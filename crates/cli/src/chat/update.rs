//! An input changes the model and returns effects. This is a pure function, so that it can be tested without a terminal
//! and without a server.

mod keys;

use crossterm::event::KeyEvent;
use subrosa_client::{
    Conversation, ConversationId, Event, Handle, Message, MessageId, Person, Status, Warning,
};

use super::model::{Focus, Model, Overlay, Scroll, Thread};
use crate::people::{Names, one_line};

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
    /// The connection or the outbox changed.
    Status(Status),
    /// The client reports an event.
    Event(Event),
    /// The client had more events than the interface could follow.
    Missed,
    /// The list of chats, as requested.
    Chats(Vec<Conversation>, Names),
    /// The newest messages of a chat, as requested.
    Messages(ConversationId, Vec<Message>),
    /// What a search found.
    Found(String, Result<Vec<Person>, String>),
    /// A chat was found or created.
    Opened(ConversationId),
    /// A text was not accepted: it goes back to its composer.
    NotSent {
        conversation: ConversationId,
        text: String,
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
        conversation: ConversationId,
        limit: u32,
    },
    Send {
        conversation: ConversationId,
        text: String,
    },
    MarkRead(ConversationId),
    Retry {
        conversation: ConversationId,
        message: MessageId,
    },
    Discard {
        conversation: ConversationId,
        message: MessageId,
    },
    Search(String),
    OpenChat(Handle),
    RetryConnection,
}

/// Handles one input.
pub(super) fn update(model: &mut Model, input: Input) -> Vec<Effect> {
    match input {
        Input::Key(key) => keys::key(model, key),
        Input::Paste(text) => keys::paste(model, &text),
        Input::Resized(width, height) => {
            (model.width, model.height) = (width, height);
            Vec::new()
        }
        Input::InFront(in_front) => {
            model.in_front = in_front;
            seen(model).into_iter().collect()
        }
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
        Input::Messages(conversation, messages) => show_messages(model, conversation, messages),
        Input::Found(query, found) => {
            if let Some(Overlay::Search(search)) = &mut model.overlay
                && search.query() == query
            {
                search.found = Some((query, found));
            }
            clamp_hit(model);
            Vec::new()
        }
        Input::Opened(conversation) => {
            model.overlay = None;
            open(model, conversation)
        }
        Input::NotSent {
            conversation,
            text,
            why,
        } => {
            model.give_back(conversation, &text);
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
fn open(model: &mut Model, conversation: ConversationId) -> Vec<Effect> {
    if model
        .thread
        .as_ref()
        .is_none_or(|thread| thread.conversation != conversation)
    {
        model.open(conversation);
    }
    model.focus = Focus::Composer;
    let load = model.thread.as_ref().map(reload);
    [Effect::LoadChats].into_iter().chain(load).collect()
}

fn reload(thread: &Thread) -> Effect {
    Effect::LoadMessages {
        conversation: thread.conversation,
        limit: thread.wanted,
    }
}

fn event(model: &mut Model, event: Event) -> Vec<Effect> {
    let touched = match event {
        Event::MessageReceived(message) | Event::MessageSent(message) => message.conversation,
        Event::MessageStatusChanged { conversation, .. }
        | Event::MessageRemoved { conversation, .. }
        | Event::ConversationChanged(conversation) => conversation,
        Event::ConversationMoved { from, to } => {
            model.moved(from, to);
            to
        }
        Event::ContactChanged(_) => return vec![Effect::LoadChats],
        Event::Warning(warning) => {
            model.notice = Some(warning_text(model, &warning));
            return Vec::new();
        }
        Event::CaughtUp | Event::VaultChanged | Event::SignedOut => return Vec::new(),
    };
    let thread = model
        .thread
        .as_ref()
        .filter(|thread| thread.conversation == touched);
    [Effect::LoadChats]
        .into_iter()
        .chain(thread.map(reload))
        .collect()
}

fn warning_text(model: &Model, warning: &Warning) -> String {
    let text = match warning {
        Warning::AccountKeyChanged(account) => format!(
            "{}: the server shows another key than before. This is a new account, or an attack; nothing is sent",
            model.names.display(*account)
        ),
        warning => warning.to_string(),
    };
    one_line(&format!("WARNING: {text}"))
}

fn show_chats(model: &mut Model, chats: Vec<Conversation>, names: Names) {
    model.chats = chats;
    model.names = names;
    if model.selected_index().is_none() {
        model.selected = model.chats.first().map(|chat| chat.id);
    }
    keys::search_chats(model);
    clamp_hit(model);
}

fn show_messages(model: &mut Model, conversation: ConversationId, messages: Vec<Message>) -> Vec<Effect> {
    let Some(thread) = model
        .thread
        .as_mut()
        .filter(|thread| thread.conversation == conversation)
    else {
        return Vec::new();
    };
    let is_new = |message: &&Message| message.status == subrosa_client::MessageStatus::Unread;
    let is_seen_at_once = thread.is_loaded && thread.scroll == Scroll::Newest && model.in_front;
    if !is_seen_at_once && thread.new_from.is_none() {
        thread.new_from = messages.iter().find(is_new).map(|message| message.position);
    }
    // Older messages were requested, or new ones came: the window grows at one end only.
    let grown = u32::try_from(messages.len()).unwrap_or(u32::MAX);
    thread.wanted = thread.wanted.max(grown.min(super::model::THREAD_MESSAGES_MAX));
    thread.messages = messages;
    thread.is_loaded = true;
    if thread.selected_index().is_none() && thread.selected.is_some() {
        thread.selected = thread.messages.last().map(|message| message.id);
    }
    seen(model).into_iter().collect()
}

/// The user sees the newest message, which is reported to the other person.
fn seen(model: &Model) -> Option<Effect> {
    let thread = model.thread.as_ref()?;
    let is_shown = super::geometry::Geometry::of(model).chat.is_some() && model.in_front;
    (is_shown && thread.scroll == Scroll::Newest && thread.has_unread())
        .then_some(Effect::MarkRead(thread.conversation))
}

fn clamp_hit(model: &mut Model) {
    let last = model.hits().len().saturating_sub(1);
    if let Some(Overlay::Search(search)) = &mut model.overlay {
        search.selected = search.selected.min(last);
    }
}

#[cfg(test)]
mod tests;
