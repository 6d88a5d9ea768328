//! The open chat: title, messages, composer.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};
use subrosa_client::{Conversation, ConversationState, Presence};

use super::{
    super::{
        geometry::{ChatAreas, transcript_rows},
        model::{Focus, Model, Thread},
        transcript::{GUTTER, Row, RowKind, top},
        wrap,
    },
    BOLD, DIM, FAILED, TYPING, UNREAD, at, indented, line, put,
};
use crate::instant::last_time;

/// Draws the chat. Returns where its cursor is, if the focus is here.
pub(super) fn draw(
    model: &Model,
    thread: &Thread,
    areas: ChatAreas,
    buffer: &mut Buffer,
) -> Option<Position> {
    header(model, thread, areas.title, buffer);
    let selected = messages(model, thread, areas.transcript, buffer);
    put(
        buffer,
        areas.rule,
        &"─".repeat(usize::from(areas.rule.width)),
        DIM,
    );
    let writing = composer(thread, areas.composer, buffer);
    match model.focus {
        Focus::Chats => None,
        Focus::Messages => selected,
        Focus::Composer => writing,
    }
}

/// Draws the title, and after it what the other person is doing. That never cuts off the handle, which alone says who it
/// is: if the title has no room beside it, the handle stands there in its place, or else the title alone.
fn header(model: &Model, thread: &Thread, area: Rect, buffer: &mut Buffer) {
    let title = title(model, thread);
    let chat = model.chat(thread.chat);
    let doing = chat.and_then(|chat| doing(model, chat));
    let doing = doing.map(|doing| format!(" · {doing}")).unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(wrap::columns(&doing));
    let handle = chat.and_then(|chat| chat.with.as_ref()?.handle.as_ref());
    let handle = handle.map(|handle| format!("@{}", handle.as_str()));
    let shown = [Some(&title), handle.as_ref()]
        .into_iter()
        .flatten()
        .find(|shown| wrap::columns(shown) <= room);
    let Some(shown) = shown.filter(|_| !doing.is_empty()) else {
        put(buffer, area, &title, BOLD);
        return;
    };
    put(buffer, area, shown, BOLD);
    put(buffer, indented(area, wrap::columns(shown)), &doing, DIM);
}

/// What the other person of a chat is doing, as far as it is known.
fn doing(model: &Model, chat: &Conversation) -> Option<String> {
    match chat.presence {
        // The title says that the chat is in this state.
        _ if chat.state != ConversationState::Joined => None,
        _ if !chat.typing.is_empty() => Some(TYPING.to_owned()),
        Presence::Here => Some("online".to_owned()),
        Presence::LastSeen(at) => Some(format!("last seen {}", last_time(at, model.now, &model.zone))),
        Presence::Unknown => None,
    }
}

fn title(model: &Model, thread: &Thread) -> String {
    let title = model.title(thread.chat);
    match model.chat(thread.chat).map(|chat: &Conversation| chat.state) {
        Some(ConversationState::Blocked) => {
            format!("{title} · BLOCKED: a key did not verify")
        }
        Some(ConversationState::Quarantined) => {
            format!("{title} · SET ASIDE: it cannot be processed")
        }
        Some(ConversationState::CutOff) => {
            format!("{title} · CUT OFF: to come back is unchecked, and messages can be missing")
        }
        Some(ConversationState::Joining) => format!("{title} · joining…"),
        _ => title,
    }
}

/// Draws the visible rows. Returns where the selected message is.
fn messages(model: &Model, thread: &Thread, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if thread.is_loaded && thread.messages.is_empty() {
        put(
            buffer,
            line(area, 0),
            "No messages yet. Write the first one below.",
            Style::new(),
        );
        return None;
    }
    let (rows, height) = transcript_rows(model, thread);
    let first = top(&rows, thread.scroll, height);
    let selected = thread
        .selected_message()
        .filter(|_| model.focus == Focus::Messages);
    let selected = selected.map(|message| message.position);
    // A few messages are shown just above the composer.
    let empty = height.saturating_sub(rows.len());
    let mut cursor = None;
    for (place, row) in rows.iter().skip(first).take(height).enumerate() {
        let area = line(area, empty + place);
        let is_selected = Some(row.position) == selected && !matches!(row.kind, RowKind::Day | RowKind::New);
        if is_selected {
            put(buffer, area, ">", BOLD);
            cursor = cursor.or(Some(at(area, 0)));
        }
        draw_row(row, area, buffer);
    }
    cursor
}

fn draw_row(row: &Row, area: Rect, buffer: &mut Buffer) {
    match row.kind {
        RowKind::Day => put(buffer, area, &row.text, DIM),
        RowKind::New => put(buffer, area, &row.text, UNREAD),
        RowKind::Header => put(buffer, indented(area, GUTTER), &row.text, BOLD),
        RowKind::FailedHeader => put(buffer, indented(area, GUTTER), &row.text, FAILED),
        RowKind::Notice => put(buffer, indented(area, GUTTER), &row.text, DIM),
        RowKind::Text => put(buffer, indented(area, GUTTER), &row.text, Style::new()),
    }
}

/// Draws the composer, scrolled so that the cursor is visible. Returns where it is.
fn composer(thread: &Thread, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    if area.is_empty() {
        return None;
    }
    put(buffer, line(area, 0), ">", BOLD);
    let field = indented(area, GUTTER);
    let columns = usize::from(field.width).max(1);
    let (row, column) = thread.composer.position(columns);
    let height = usize::from(area.height);
    let first = (row + 1).saturating_sub(height);
    for (place, range) in thread
        .composer
        .rows(columns)
        .into_iter()
        .skip(first)
        .take(height)
        .enumerate()
    {
        put(
            buffer,
            line(field, place),
            &thread.composer.text()[range],
            Style::new(),
        );
    }
    Some(at(line(field, row - first), column))
}
