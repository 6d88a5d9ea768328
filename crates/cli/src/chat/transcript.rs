//! The messages of a chat as rows of a screen.

use jiff::{civil::Date, tz::TimeZone};
use subrosa_client::{Message, MessageStatus, Notice, printable, without_marks};

use super::{
    model::{Scroll, Thread},
    wrap,
};
use crate::{
    instant::{day, long_day, minute},
    people::{Names, notice_text},
};

/// Columns to the left of the messages, for the cursor.
pub(super) const GUTTER: usize = 2;
/// Columns of a tab in a message.
const TAB: &str = "    ";

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub kind: RowKind,
    pub text: String,
    /// The message that it belongs to; separators belong to the message below them.
    pub position: i64,
    /// Counts the rows of that message.
    pub index: usize,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// A day begins.
    Day,
    /// New messages begin.
    New,
    /// Sender, time and status.
    Header,
    /// The same of a message that could not be sent.
    FailedHeader,
    /// A line of the text.
    Text,
    /// A line that is no message.
    Notice,
}

/// The rows of a thread, `width` columns wide including the gutter.
pub(super) fn rows(thread: &Thread, names: &Names, zone: &TimeZone, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut previous: Option<&Message> = None;
    let mut last_day: Option<Date> = None;
    let mut notices = thread.notices.iter().peekable();
    for message in &thread.messages {
        while let Some(notice) = notices.next_if(|notice| notice.position <= message.position) {
            add_notice(&mut rows, notice, names, width);
            previous = None;
        }
        let mut add = Adder {
            rows: &mut rows,
            position: message.position,
            next: 0,
        };
        let today = day(message.sent_at, zone);
        if last_day != Some(today) {
            add.separator(RowKind::Day, &long_day(today), width);
            previous = None;
        }
        if thread.new_from == Some(message.position) {
            let is_new = |other: &&Message| !other.outgoing && other.position >= message.position;
            let count = thread.messages.iter().filter(is_new).count();
            add.separator(RowKind::New, &format!("{count} new"), width);
            previous = None;
        }
        let header = header(message, names, zone);
        if previous.is_none_or(|previous| {
            previous.sender != message.sender || self::header(previous, names, zone) != header
        }) {
            let kind = match message.status {
                MessageStatus::Failed => RowKind::FailedHeader,
                _ => RowKind::Header,
            };
            add.row(kind, header);
        }
        let text = without_marks(&printable(&message.text)).replace('\t', TAB);
        for range in wrap::rows(&text, width.saturating_sub(GUTTER)) {
            add.row(RowKind::Text, text[range].to_owned());
        }
        previous = Some(message);
        last_day = Some(today);
    }
    for notice in notices {
        add_notice(&mut rows, notice, names, width);
    }
    rows
}

fn add_notice(rows: &mut Vec<Row>, notice: &Notice, names: &Names, width: usize) {
    let mut add = Adder {
        rows,
        position: notice.position,
        next: 0,
    };
    let text = notice_text(notice, names);
    for range in wrap::rows(&text, width.saturating_sub(GUTTER)) {
        add.row(RowKind::Notice, text[range].to_owned());
    }
}

/// Sender, time, and for sent messages the status in words.
fn header(message: &Message, names: &Names, zone: &TimeZone) -> String {
    let at = minute(message.sent_at, zone);
    if message.outgoing {
        format!("you {at} · {}", status_text(message.status))
    } else {
        format!("{} {at}", names.display(message.sender))
    }
}

/// A symbol for a quick look, and a word for readers and screen readers.
pub(super) fn status_text(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Pending => "… pending",
        MessageStatus::Failed => "✗ FAILED",
        MessageStatus::Sent => "✓ sent",
        MessageStatus::Delivered => "✓✓ delivered",
        MessageStatus::Read => "✓✓ read",
        MessageStatus::Unread => "new",
        other => other.as_str(),
    }
}

struct Adder<'a> {
    rows: &'a mut Vec<Row>,
    position: i64,
    next: usize,
}

impl Adder<'_> {
    fn row(&mut self, kind: RowKind, text: String) {
        self.rows.push(Row {
            kind,
            text,
            position: self.position,
            index: self.next,
        });
        self.next += 1;
    }

    /// A text in the middle of a line, truncated if necessary.
    fn separator(&mut self, kind: RowKind, text: &str, width: usize) {
        let text = wrap::cut(&format!(" {text} "), width);
        let dashes = width.saturating_sub(wrap::columns(&text));
        let left = dashes / 2;
        self.row(
            kind,
            format!("{}{text}{}", "─".repeat(left), "─".repeat(dashes - left)),
        );
    }
}

/// The index of the row at the top of a view of this height.
pub(super) fn top(rows: &[Row], scroll: Scroll, height: usize) -> usize {
    let last_top = rows.len().saturating_sub(height);
    match scroll {
        Scroll::Newest => last_top,
        Scroll::At { position, row } => {
            let found = rows
                .iter()
                .position(|at| (at.position, at.index) >= (position, row));
            found.unwrap_or(last_top).min(last_top)
        }
    }
}

/// The scroll position that brings a row to the top of a view of this height, or that of the newest messages if
/// everything below fits.
pub(super) fn scroll_to(rows: &[Row], top: usize, height: usize) -> Scroll {
    if top >= rows.len().saturating_sub(height) {
        return Scroll::Newest;
    }
    rows.get(top).map_or(Scroll::Newest, |row| Scroll::At {
        position: row.position,
        row: row.index,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::*, *};

    fn shown(thread: &Thread, width: usize) -> Vec<String> {
        rows(thread, &names(), &TimeZone::UTC, width)
            .into_iter()
            .map(|row| row.text)
            .collect()
    }

    #[test]
    fn each_day_has_a_separator_and_each_sender_a_header() {
        let thread = thread(vec![
            received(1, "hi", 0),
            received(2, "there", 1),
            sent(3, "hello", 2, MessageStatus::Read),
            sent(4, "tomorrow", 86_400, MessageStatus::Pending),
        ]);
        assert_eq!(
            shown(&thread, 40),
            [
                "─────── Monday, 23 November 2026 ───────",
                "Bob (@bob) 12:00",
                "hi",
                "there",
                "you 12:00 · ✓✓ read",
                "hello",
                "────── Tuesday, 24 November 2026 ───────",
                "you 12:00 · … pending",
                "tomorrow",
            ]
        );
    }

    #[test]
    fn new_messages_begin_below_a_separator_that_counts_them() {
        let mut thread = thread(vec![
            received(1, "old", 0),
            received(2, "a", 1),
            received(3, "b", 2),
        ]);
        thread.new_from = Some(2);
        assert_eq!(
            shown(&thread, 20)[3..6],
            ["────── 2 new ───────", "Bob (@bob) 12:00", "a"]
        );
    }

    #[test]
    fn a_line_that_is_no_message_stands_at_its_place() {
        let mut thread = thread(vec![received(1, "hi", 0), received(3, "there", 1)]);
        thread.notices = vec![notice(2), notice(4)];
        let rows = rows(&thread, &names(), &TimeZone::UTC, 200);
        let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.position)).collect();
        assert_eq!(
            kinds,
            [
                (RowKind::Day, 1),
                (RowKind::Header, 1),
                (RowKind::Text, 1),
                (RowKind::Notice, 2),
                (RowKind::Header, 3),
                (RowKind::Text, 3),
                (RowKind::Notice, 4),
            ]
        );
        assert!(rows[3].text.starts_with("Bob (@bob) signed in with a new device"));
    }

    #[test]
    fn every_status_has_a_word() {
        use MessageStatus::{Delivered, Failed, Pending, Read, Sent, Unread};
        for status in [Pending, Failed, Sent, Delivered, Read, Unread] {
            let word = if status == Unread { "new" } else { status.as_str() };
            assert!(status_text(status).to_lowercase().ends_with(word), "{status:?}");
        }
    }

    #[test]
    fn a_message_cannot_leave_its_rows() {
        let thread = thread(vec![received(1, "\u{1b}[2J\u{202e}a\rb\n── 9 new ──", 0)]);
        let rows = rows(&thread, &names(), &TimeZone::UTC, 30);
        assert!(
            rows.iter()
                .all(|row| !row.text.chars().any(|c| c.is_control() || c == '\u{202e}'))
        );
        assert_eq!(rows.last().map(|row| row.kind), Some(RowKind::Text));
    }

    #[test]
    fn the_place_stays_while_messages_come() {
        let mut messages: Vec<_> = (1..20).map(|at| received(at, "text", at)).collect();
        let before = rows(&thread(messages.clone()), &names(), &TimeZone::UTC, 40);
        let scroll = scroll_to(&before, 4, 5);
        messages.push(received(20, "more", 20));
        messages.insert(0, received(0, "older", 0));
        let after = rows(&thread(messages), &names(), &TimeZone::UTC, 40);
        assert_eq!(after[top(&after, scroll, 5)].text, before[4].text);
        assert_eq!(after[top(&after, scroll, 5)].position, before[4].position);
    }

    #[test]
    fn the_end_of_the_rows_is_the_newest() {
        let all = rows(&thread(vec![received(1, "a", 0)]), &names(), &TimeZone::UTC, 40);
        assert_eq!(scroll_to(&all, 0, 3), Scroll::Newest);
        assert_eq!(scroll_to(&all, 1, 2), Scroll::Newest);
        assert_eq!(scroll_to(&all, 0, 2), Scroll::At { position: 1, row: 0 });
        assert_eq!(top(&all, Scroll::At { position: 99, row: 0 }, 2), 1);
    }
}
