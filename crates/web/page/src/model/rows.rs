//! The rows of a conversation: days, the mark above the unread messages, and messages grouped by sender.

use std::sync::Arc;

use subrosa_web_rpc::{Message, Notice};

use super::window::Window;

/// Messages that one person sends within this time form a group.
const GROUP_MS: u64 = 5 * 60 * 1000;

/// One row of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// A day begins: days since 1970 in the user's time zone.
    Day {
        /// The day.
        day: i64,
        /// An instant within it.
        at_ms: u64,
    },
    /// The messages below were unread when the conversation was opened.
    Unread,
    /// A line that is no message.
    Notice {
        /// The line.
        notice: Arc<Notice>,
        /// Counts those at the same position.
        index: usize,
    },
    /// A message.
    Message {
        /// The message.
        message: Arc<Message>,
        /// It begins a group.
        first: bool,
        /// It ends a group.
        last: bool,
    },
}

impl Row {
    /// The row's key among the others. It stays the same when the row changes.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Day { day, .. } => format!("day-{day}"),
            Self::Unread => "unread".to_owned(),
            Self::Notice { notice, index } => format!("notice-{}-{index}", notice.position),
            Self::Message { message, .. } => message.id.to_string(),
        }
    }
}

/// The rows of a window. `unread_from` is the position of the first message that is marked as new; `day_of` gives
/// the day of an instant in the user's time zone.
pub(crate) fn rows(window: &Window, unread_from: Option<i64>, day_of: impl Fn(u64) -> i64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(window.messages.len() + 8);
    // Times can run backwards across devices; a day is named only once, so that keys stay unique.
    let mut day = i64::MIN;
    let mut unread_shown = false;
    let mut previous: Option<&Message> = None;
    let mut notices = window.notices.iter().peekable();
    for message in &window.messages {
        while let Some(notice) = notices.next_if(|notice| notice.position <= message.position) {
            add_notice(&mut rows, notice);
            previous = None;
        }
        let at_ms = message.sent_at.as_millis();
        let its_day = day_of(at_ms);
        let mut first = previous.is_none_or(|previous| !together(previous, message));
        if its_day > day {
            day = its_day;
            first = true;
            end_group(&mut rows);
            rows.push(Row::Day { day, at_ms });
        }
        if !unread_shown && !message.outgoing && unread_from.is_some_and(|from| message.position >= from) {
            unread_shown = true;
            first = true;
            end_group(&mut rows);
            rows.push(Row::Unread);
        }
        if first {
            end_group(&mut rows);
        }
        rows.push(Row::Message {
            message: message.clone(),
            first,
            last: false,
        });
        previous = Some(message);
    }
    for notice in notices {
        add_notice(&mut rows, notice);
    }
    end_group(&mut rows);
    rows
}

fn add_notice(rows: &mut Vec<Row>, notice: &Arc<Notice>) {
    end_group(rows);
    let index = match rows.last() {
        Some(Row::Notice { notice: other, index }) if other.position == notice.position => index + 1,
        _ => 0,
    };
    rows.push(Row::Notice {
        notice: notice.clone(),
        index,
    });
}

fn together(one: &Message, next: &Message) -> bool {
    one.sender == next.sender
        && one.outgoing == next.outgoing
        && next.sent_at.as_millis().abs_diff(one.sent_at.as_millis()) <= GROUP_MS
}

fn end_group(rows: &mut [Row]) {
    if let Some(Row::Message { last, .. }) = rows.last_mut() {
        *last = true;
    }
}

#[cfg(test)]
mod tests {
    use subrosa_web_rpc::MessageStatus;
    use subrosa_wire::{AccountId, Timestamp};

    use super::*;
    use crate::model::samples::{CHAT, HOUR, message, notice};

    fn at(position: i64, hours: u64, sender: u8) -> Message {
        Message {
            sent_at: Timestamp::from_millis(hours * HOUR),
            sender: AccountId::from_bytes([sender; 16]),
            outgoing: sender == 1,
            ..message(position)
        }
    }

    fn shape(messages: Vec<Message>, unread_from: Option<i64>) -> String {
        shape_of(&Window::new(CHAT, messages, false, false), unread_from)
    }

    fn shape_of(window: &Window, unread_from: Option<i64>) -> String {
        rows(window, unread_from, |ms| {
            i64::try_from(ms / (24 * HOUR)).unwrap_or_default()
        })
        .iter()
        .map(|row| match row {
            Row::Day { day, .. } => format!("day{day}"),
            Row::Unread => "new".to_owned(),
            Row::Notice { index, .. } => format!("line{index}"),
            Row::Message {
                first: true,
                last: true,
                ..
            } => "()".to_owned(),
            Row::Message { first: true, .. } => "(".to_owned(),
            Row::Message { last: true, .. } => ")".to_owned(),
            Row::Message { .. } => ".".to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
    }

    #[test]
    fn messages_are_grouped_by_person_and_day() {
        let messages = vec![
            at(1, 1, 2),
            at(2, 1, 2),
            at(3, 1, 2),
            at(4, 1, 1),
            at(5, 26, 1),
            at(6, 26, 2),
        ];
        assert_eq!(shape(messages, None), "day0 ( . ) () day1 () ()");
    }

    #[test]
    fn a_line_stands_at_its_place_and_ends_a_group() {
        let mut window = Window::new(CHAT, vec![at(1, 1, 2), at(3, 1, 2), at(5, 1, 2)], false, false);
        let by_another = Notice {
            by: None,
            ..notice(4)
        };
        window.add_notices(vec![notice(4), by_another, notice(7)]);
        assert_eq!(shape_of(&window, None), "day0 ( ) line0 line1 () line0");
    }

    #[test]
    fn a_long_pause_begins_a_group() {
        assert_eq!(shape(vec![at(1, 1, 2), at(2, 3, 2)], None), "day0 () ()");
    }

    #[test]
    fn the_mark_of_what_is_new_stands_before_the_first_received_message_from_there_on() {
        let messages = vec![at(1, 1, 2), at(2, 1, 1), at(3, 1, 2), at(4, 1, 2)];
        assert_eq!(shape(messages.clone(), Some(2)), "day0 () () new ( )");
        assert_eq!(shape(messages, Some(9)), "day0 () () ( )");
    }

    #[test]
    fn a_clock_that_runs_backwards_names_no_day_twice() {
        assert_eq!(
            shape(vec![at(1, 30, 2), at(2, 1, 1), at(3, 31, 2)], None),
            "day1 () () ()"
        );
    }

    /// A pending message whose conversation goes on under another id on the wire arrives as this change, too.
    #[test]
    fn the_row_of_a_message_keeps_its_key_when_the_message_is_sent() {
        let pending = message(1_000_000);
        let mut window = Window::new(CHAT, vec![pending.clone()], false, false);
        let key_of_last = |window: &Window| rows(window, None, |_| 0).last().map(Row::key);
        let key = key_of_last(&window);
        window.take(Message {
            position: 4,
            status: MessageStatus::Sent,
            sent_at: Timestamp::from_millis(HOUR),
            ..pending
        });
        assert_eq!(key_of_last(&window), key);
    }
}
