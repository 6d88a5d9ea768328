//! Draws the model. All information is in words or symbols, never in colour alone. Of colours there are two of the
//! sixteen that every theme of a terminal chooses itself, and none if `NO_COLOR` is set. Untrusted text has been made printable before it is drawn.

mod chats;
mod conversation;
mod overlays;

pub(super) use overlays::HELP_ROWS;

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Color, Modifier, Style},
};
use subrosa_client::{ConversationState, printable_line};

use super::{
    geometry::Geometry,
    model::{Focus, Model, Overlay, Scroll, connection_text},
    wrap,
};

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);
const UNREAD: Style = BOLD.fg(Color::Cyan);
const FAILED: Style = BOLD.fg(Color::Red);
/// Between two keys of the last line.
const BETWEEN_KEYS: &str = " · ";
/// Somebody is typing.
const TYPING: &str = "typing…";

/// Draws everything, and puts the cursor where the user's focus is, since screen readers read there.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    // The model may not know the newest size yet.
    let screen = frame.area();
    if screen.width != model.width || screen.height != model.height {
        return;
    }
    let geometry = Geometry::of(model);
    let buffer = frame.buffer_mut();
    header(model, geometry.header, buffer);
    if let Some(divider) = geometry.divider {
        for y in divider.rows().map(|row| row.y) {
            put(
                buffer,
                Rect {
                    y,
                    height: 1,
                    ..divider
                },
                "│",
                DIM,
            );
        }
    }
    let mut cursor = None;
    if let Some(list) = geometry.list {
        cursor = chats::draw(model, list, buffer).filter(|_| model.focus == Focus::Chats);
    }
    if let (Some(areas), Some(thread)) = (geometry.chat, &model.thread) {
        cursor = conversation::draw(model, thread, areas, buffer).or(cursor);
    }
    footer(model, geometry.footer, buffer);
    if let Some(overlay) = &model.overlay {
        cursor = Some(overlays::draw(model, overlay, screen, buffer));
    }
    if let Some(cursor) = cursor
        && screen.contains(cursor)
    {
        frame.set_cursor_position(cursor);
    }
}

fn header(model: &Model, area: Rect, buffer: &mut Buffer) {
    let connection = connection_text(&model.status);
    let text = format!("@{} · {connection}", model.me.handle.as_str());
    let unread = model.unread_elsewhere();
    let text = if unread > 0 {
        format!("{text} · {unread} new elsewhere")
    } else {
        text
    };
    put(buffer, area, &text, BOLD);
}

/// A notice if there is one, otherwise the keys for the current focus.
fn footer(model: &Model, area: Rect, buffer: &mut Buffer) {
    if let Some(notice) = &model.notice {
        put(buffer, area, notice, REVERSED);
        return;
    }
    let is_scrolled = model
        .thread
        .as_ref()
        .is_some_and(|thread| thread.scroll != Scroll::Newest);
    let keys: &[&str] = match (&model.overlay, model.focus) {
        (Some(Overlay::Search(_)), _) => &["Enter opens", "Esc closes"],
        (Some(Overlay::Help(_)), _) => &["arrows scroll", "Esc closes"],
        (None, Focus::Chats) => &["F1 help", "Enter opens", "/ finds people", "q quits"],
        (None, Focus::Messages) => &["F1 help", "Enter writes", "Esc chats", "arrows move"],
        (None, Focus::Composer) if is_scrolled => &["F1 help", "PageDown: newer messages"],
        (None, Focus::Composer) => &["F1 help", "Enter sends", "Tab chats", "Alt+Enter new line"],
    };
    let keys = [ways_out(model), keys].concat();
    put(buffer, area, &fitting(&keys, usize::from(area.width)), DIM);
}

/// The keys that lead out of a state in which the open chat cannot go on by itself.
fn ways_out(model: &Model) -> &'static [&'static str] {
    match model.open_chat().map(|chat| chat.state) {
        Some(ConversationState::Blocked) => &["Ctrl+T tries again"],
        Some(ConversationState::Quarantined) => &["Ctrl+T tries again", "Ctrl+X hides it"],
        Some(ConversationState::CutOff) => &["Ctrl+T comes back"],
        _ => &[],
    }
}

/// As many of the keys as fit, the first ones first.
fn fitting(keys: &[&str], width: usize) -> String {
    let mut text = String::new();
    for key in keys {
        let between = if text.is_empty() { "" } else { BETWEEN_KEYS };
        if wrap::columns(&text) + wrap::columns(between) + wrap::columns(key) > width {
            break;
        }
        text.push_str(between);
        text.push_str(key);
    }
    text
}

/// Writes one line, cut to the area.
fn put(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    buffer.set_stringn(
        area.x,
        area.y,
        wrap::cut(&printable_line(text), width),
        width,
        style,
    );
}

/// The line of an area that is `row` rows below its top; empty if it is not in the area.
fn line(area: Rect, row: usize) -> Rect {
    match u16::try_from(row) {
        Ok(row) if row < area.height => Rect {
            y: area.y + row,
            height: 1,
            ..area
        },
        _ => Rect::default(),
    }
}

/// The part of a line to the right of its first columns.
fn indented(area: Rect, columns: usize) -> Rect {
    let columns = u16::try_from(columns).unwrap_or(u16::MAX).min(area.width);
    Rect {
        x: area.x + columns,
        width: area.width - columns,
        ..area
    }
}

fn at(area: Rect, column: usize) -> Position {
    Position {
        x: area.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX)),
        y: area.y,
    }
}

#[cfg(test)]
mod tests;
