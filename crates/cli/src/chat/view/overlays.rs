//! Overlays: the search for people, and the help.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    widgets::{Block, Clear, Widget as _},
};

use super::{
    super::{
        model::{Hit, Model, Overlay, Search},
        wrap,
    },
    BOLD, at, indented, line, put,
};
use crate::people::one_line;

/// An overlay leaves a margin on screens from this size on.
const MARGIN_WIDTH: u16 = 50;
const MARGIN_HEIGHT: u16 = 16;
const OVERLAY_WIDTH_MAX: u16 = 72;
const OVERLAY_HEIGHT_MAX: u16 = 26;
const FIELD_LABEL: &str = "Find: ";

/// Rows of the help.
pub(in super::super) const HELP_ROWS: usize = HELP.len();

const HELP: [&str; 26] = [
    "Everywhere",
    "  Ctrl+K       find people and chats",
    "  Ctrl+N/P     next, previous chat",
    "  Ctrl+R       connect now",
    "  F1           this help",
    "  Ctrl+Z       to the shell, until fg",
    "  Ctrl+Q       quit",
    "Writing",
    "  Enter        send",
    "  Alt+Enter    new line (also Ctrl+J)",
    "  Ctrl+W, U    delete word, line",
    "  PageUp/Down  scroll",
    "  Up           to the messages",
    "  Tab          to the chats",
    "Messages",
    "  arrows       choose a message",
    "  r, d         retry, delete a failed one",
    "  Enter        back to writing",
    "Chats",
    "  Enter        open",
    "  /            find people",
    "  q            quit",
    "Signs",
    "  …            pending: not sent yet",
    "  ✓            sent: the server has it",
    "  ✓✓           delivered, or read",
];

/// Draws an overlay. Returns where its cursor is.
pub(super) fn draw(model: &Model, overlay: &Overlay, screen: Rect, buffer: &mut Buffer) -> Position {
    let title = match overlay {
        Overlay::Search(_) => " People ",
        Overlay::Help(_) => " Help ",
    };
    let area = frame(screen, title, buffer);
    match overlay {
        Overlay::Search(search) => self::search(model, search, area, buffer),
        Overlay::Help(row) => {
            help(*row, area, buffer);
            at(area, 0)
        }
    }
}

/// Clears a box in the middle, or all of a small screen, and returns the area inside.
fn frame(screen: Rect, title: &str, buffer: &mut Buffer) -> Rect {
    // The last line keeps showing the keys.
    let screen = Rect {
        height: screen.height.saturating_sub(u16::from(screen.height > 4)),
        ..screen
    };
    if screen.width < MARGIN_WIDTH || screen.height < MARGIN_HEIGHT {
        Clear.render(screen, buffer);
        return screen;
    }
    let width = (screen.width - 4).min(OVERLAY_WIDTH_MAX);
    let height = (screen.height - 2).min(OVERLAY_HEIGHT_MAX + 2);
    let area = Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    };
    Clear.render(area, buffer);
    let block = Block::bordered().title(title);
    let inner = block.inner(area);
    block.render(area, buffer);
    indented(
        Rect {
            width: inner.width.saturating_sub(1),
            ..inner
        },
        1,
    )
}

fn help(first: usize, area: Rect, buffer: &mut Buffer) {
    // Only as far as there is text below.
    let first = first.min(HELP.len().saturating_sub(usize::from(area.height)));
    for (row, text) in HELP.iter().skip(first).enumerate() {
        let style = if text.starts_with(' ') { Style::new() } else { BOLD };
        put(buffer, line(area, row), text, style);
    }
}

fn search(model: &Model, search: &Search, area: Rect, buffer: &mut Buffer) -> Position {
    put(buffer, line(area, 0), FIELD_LABEL, BOLD);
    let field = indented(line(area, 0), FIELD_LABEL.len());
    let columns = usize::from(field.width).max(1);
    let (row, column) = search.field.position(columns);
    if let Some(range) = search.field.rows(columns).into_iter().nth(row) {
        put(buffer, field, &search.field.text()[range], Style::new());
    }
    let hits = model.hits();
    let results = Rect {
        y: area.y + area.height.min(1),
        height: area.height.saturating_sub(1),
        ..area
    };
    let shown = usize::from(results.height).saturating_sub(1).max(1);
    let first = (search.selected + 1).saturating_sub(shown);
    for (place, hit) in hits.iter().enumerate().skip(first).take(shown) {
        let is_selected = place == search.selected;
        let (marker, style) = if is_selected {
            ("> ", BOLD)
        } else {
            ("  ", Style::new())
        };
        put(
            buffer,
            line(results, place - first),
            &format!("{marker}{}", hit_text(model, hit)),
            style,
        );
    }
    let below = hits.len().saturating_sub(first).min(shown);
    put(
        buffer,
        line(results, below),
        &progress(search, hits.len()),
        Style::new(),
    );
    at(
        field,
        column
            .min(columns.saturating_sub(1))
            .min(wrap::columns(search.field.text())),
    )
}

fn hit_text(model: &Model, hit: &Hit) -> String {
    match hit {
        Hit::Chat(chat) => format!("{} · chat", model.title(*chat)),
        Hit::Person(handle) => format!("@{} · new", handle.as_str()),
    }
}

/// The state of the search in words.
fn progress(search: &Search, hits: usize) -> String {
    let query = search.query();
    match &search.found {
        Some((_, Err(why))) => format!("The search failed: {}", one_line(why)),
        Some((_, Ok(_))) if hits == 0 => format!("No handle starts with {query}."),
        Some((_, Ok(_))) => String::new(),
        None if query.is_empty() => "Type the start of a handle, or of the name of a chat.".to_owned(),
        None => "Searching…".to_owned(),
    }
}
