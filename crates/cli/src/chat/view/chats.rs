//! The list of chats.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};
use subrosa_client::{Conversation, ConversationState, MessageStatus, without_marks};

use super::{
    super::{
        geometry::list_row_height,
        model::{Focus, Model},
        transcript::status_text,
    },
    BOLD, DIM, FAILED, TYPING, UNREAD, at, indented, line, put,
};
use crate::{instant::brief, people::message_line, shapes};

/// From this width on, a line of the list shows a time.
const TIME_LINE_WIDTH_MIN: u16 = 20;

/// Draws the list. Returns where its cursor is.
pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if model.chats.is_empty() {
        put(buffer, line(area, 0), "No chats yet.", Style::new());
        put(buffer, line(area, 1), "Press / to find people.", Style::new());
        return None;
    }
    let row_height = usize::from(list_row_height(area));
    let shown = (usize::from(area.height) / row_height).max(1);
    let selected = model.selected_index().unwrap_or_default();
    // The selected chat is visible, and the list scrolls only if it must.
    let first = selected.saturating_sub(shown - 1);
    let mut cursor = None;
    for (place, chat) in model.chats.iter().skip(first).take(shown).enumerate() {
        let is_selected = first + place == selected;
        let title = line(area, place * row_height);
        let is_open = model.thread.as_ref().is_some_and(|thread| thread.chat == chat.id);
        let marker = match (is_selected, is_open) {
            (true, _) => "> ",
            (false, true) => "* ",
            (false, false) => "  ",
        };
        let style = match chat.unread {
            0 if chat.settings.is_marked_unread => UNREAD,
            0 if is_selected && model.focus == Focus::Chats => BOLD,
            0 => Style::new(),
            _ => UNREAD,
        };
        let (title, when) = with_time(title, chat, model);
        put(
            buffer,
            title,
            &format!("{marker}{}", title_text(model, chat)),
            style,
        );
        put(buffer, when.0, &when.1, DIM);
        if row_height > 1 {
            put(
                buffer,
                line(area, place * row_height + 1),
                &format!("  {}", preview(chat)),
                if has_failed(chat) && chat.typing.is_empty() {
                    FAILED
                } else {
                    DIM
                },
            );
        }
        if is_selected {
            cursor = Some(at(title, 0));
        }
    }
    cursor
}

/// Leaves room at the end of a line for the time of the newest message, unless the name needs it more.
fn with_time(line: Rect, chat: &Conversation, model: &Model) -> (Rect, (Rect, String)) {
    let when = match &chat.last_message {
        Some(message) if line.width >= TIME_LINE_WIDTH_MIN => brief(message.sent_at, model.now, &model.zone),
        _ => String::new(),
    };
    let columns = u16::try_from(when.len()).unwrap_or(u16::MAX).min(line.width);
    let name = Rect {
        width: line.width.saturating_sub(columns + u16::from(columns > 0)),
        ..line
    };
    (name, (indented(line, usize::from(line.width - columns)), when))
}

fn has_failed(chat: &Conversation) -> bool {
    let newest = chat.last_message.as_ref();
    newest.is_some_and(|message| message.status == MessageStatus::Failed)
}

/// The count comes first, so that it is visible even if the name is truncated.
fn title_text(model: &Model, chat: &Conversation) -> String {
    let new = match chat.unread {
        0 if chat.settings.is_marked_unread => "(unread) ".to_owned(),
        0 => String::new(),
        unread => format!("({unread} new) "),
    };
    let state = match chat.state {
        ConversationState::Blocked | ConversationState::CutOff | ConversationState::Quarantined => {
            format!(" [{}]", shapes::state(chat).to_uppercase().replace('_', " "))
        }
        _ => String::new(),
    };
    let settings = chat.settings;
    let muted = if settings.mute.is_on(model.now) {
        " [muted]"
    } else {
        ""
    };
    let archived = if settings.is_archived { " [archived]" } else { "" };
    let request = if shapes::is_request(chat) {
        " [request]"
    } else {
        ""
    };
    format!(
        "{new}{}{request}{state}{muted}{archived}",
        model.names.title(chat)
    )
}

/// The newest message, or that somebody is typing the next one.
fn preview(chat: &Conversation) -> String {
    if !chat.typing.is_empty() {
        return TYPING.to_owned();
    }
    let Some(message) = &chat.last_message else {
        return "no messages".to_owned();
    };
    let text = without_marks(&message_line(&message.text));
    match (message.outgoing, message.status) {
        (true, status @ (MessageStatus::Failed | MessageStatus::Pending)) => {
            format!("{}: {text}", status_text(status))
        }
        (true, _) => format!("you: {text}"),
        (false, _) => text,
    }
}
