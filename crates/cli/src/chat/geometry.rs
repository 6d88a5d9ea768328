//! The layout of the screen, for drawing and for scrolling.

use ratatui::layout::Rect;

use super::{
    model::{Focus, Model, Thread},
    transcript::{GUTTER, Row, rows},
};

/// From this width on, the list of chats and the open chat are side by side.
const TWO_PANES_WIDTH: u16 = 60;
const LIST_WIDTH_MIN: u16 = 22;
const LIST_WIDTH_MAX: u16 = 36;
/// The most rows of the composer; a longer text scrolls.
const COMPOSER_ROWS_MAX: u16 = 6;
/// From this height of the list on, a chat takes two rows.
const TALL_LIST: u16 = 8;

/// The areas of the screen. An area may be empty on a small one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    pub header: Rect,
    pub list: Option<Rect>,
    /// Between list and chat.
    pub divider: Option<Rect>,
    pub chat: Option<ChatAreas>,
    pub footer: Rect,
}

/// The areas of the open chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChatAreas {
    pub title: Rect,
    pub transcript: Rect,
    pub rule: Rect,
    pub composer: Rect,
}

impl Geometry {
    pub(super) fn of(model: &Model) -> Self {
        let mut rest = Rect::new(0, 0, model.width, model.height);
        // The smaller the screen, the less there is around the messages.
        let header = take_top(&mut rest, u16::from(model.height >= 6));
        let footer = take_bottom(&mut rest, u16::from(model.height >= 4));
        let chat = model.thread.as_ref();
        if model.width < TWO_PANES_WIDTH {
            let chat = chat.filter(|_| model.focus != Focus::Chats);
            return Self {
                header,
                list: chat.is_none().then_some(rest),
                divider: None,
                chat: chat.map(|thread| ChatAreas::of(thread, rest)),
                footer,
            };
        }
        let list = take_left(&mut rest, (model.width / 3).clamp(LIST_WIDTH_MIN, LIST_WIDTH_MAX));
        let divider = take_left(&mut rest, 1);
        Self {
            header,
            list: Some(list),
            divider: Some(divider),
            chat: chat.map(|thread| ChatAreas::of(thread, rest)),
            footer,
        }
    }

    /// The area of the open chat's messages; empty if they are not visible.
    pub(super) fn transcript(&self) -> Rect {
        self.chat.map(|chat| chat.transcript).unwrap_or_default()
    }

    /// Columns of the composer's text.
    pub(super) fn composer_columns(&self) -> usize {
        composer_columns(self.chat.map(|chat| chat.composer).unwrap_or_default().width)
    }
}

impl ChatAreas {
    fn of(thread: &Thread, mut area: Rect) -> Self {
        let rows = thread.composer.rows(composer_columns(area.width)).len();
        let rows_max = COMPOSER_ROWS_MAX.min(area.height / 3).max(1);
        let composer = take_bottom(&mut area, u16::try_from(rows).unwrap_or(u16::MAX).min(rows_max));
        let has_rule = area.height >= 4;
        let rule = take_bottom(&mut area, has_rule.into());
        let has_title = area.height >= 3;
        let title = take_top(&mut area, has_title.into());
        Self {
            title,
            transcript: area,
            rule,
            composer,
        }
    }
}

/// The prompt takes as many columns as the gutter of the messages.
fn composer_columns(width: u16) -> usize {
    usize::from(width).saturating_sub(GUTTER).max(1)
}

/// How many rows a chat takes in the list.
pub(super) fn list_row_height(list: Rect) -> u16 {
    if list.height >= TALL_LIST { 2 } else { 1 }
}

/// The rows of the open chat as they are wrapped on this screen, and how many are visible at once.
pub(super) fn transcript_rows(model: &Model, thread: &Thread) -> (Vec<Row>, usize) {
    let area = Geometry::of(model).transcript();
    let rows = rows(thread, &model.names, &model.zone, usize::from(area.width));
    (rows, usize::from(area.height))
}

fn take_top(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let taken = Rect {
        height: rows,
        ..*area
    };
    *area = Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..*area
    };
    taken
}

fn take_bottom(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    area.height -= rows;
    Rect {
        y: area.y + area.height,
        height: rows,
        ..*area
    }
}

fn take_left(area: &mut Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    let taken = Rect {
        width: columns,
        ..*area
    };
    *area = Rect {
        x: area.x + columns,
        width: area.width - columns,
        ..*area
    };
    taken
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::model, *};

    #[test]
    fn a_narrow_screen_shows_the_list_or_the_chat() {
        let mut model = model(40, 12, Vec::new());
        let geometry = Geometry::of(&model);
        assert!(geometry.list.is_none() && geometry.chat.is_some());
        model.focus = Focus::Chats;
        let geometry = Geometry::of(&model);
        assert!(geometry.list.is_some() && geometry.chat.is_none());
    }

    #[test]
    fn a_wide_screen_shows_both() {
        let geometry = Geometry::of(&model(60, 12, Vec::new()));
        assert_eq!(geometry.list.map(|list| list.width), Some(22));
        assert_eq!(geometry.transcript().width, 60 - 22 - 1);
    }

    #[test]
    fn areas_never_leave_the_screen() {
        for width in 0..80 {
            for height in 0..20 {
                let mut model = model(width, height, Vec::new());
                if let Some(thread) = &mut model.thread {
                    thread.composer.insert(&"many words ".repeat(40));
                }
                let screen = Rect::new(0, 0, width, height);
                let geometry = Geometry::of(&model);
                let chat = geometry
                    .chat
                    .map(|chat| [chat.title, chat.transcript, chat.rule, chat.composer]);
                let areas = [
                    geometry.header,
                    geometry.footer,
                    geometry.list.unwrap_or_default(),
                ];
                for area in areas.into_iter().chain(chat.unwrap_or_default()) {
                    assert_eq!(area.intersection(screen).area(), area.area(), "{width}×{height}");
                }
            }
        }
    }
}
