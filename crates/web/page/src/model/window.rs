//! The loaded window of a conversation's messages: a run without gaps, of bounded length.

use std::sync::Arc;

use subrosa_web_rpc::{ChatId, Contact, LocalMessageId, Message, Notice, NoticeKind};

/// Messages in one page.
pub(crate) const PAGE: usize = 50;
/// The most messages in the window, and so in the document.
pub(crate) const WINDOW_MAX: usize = 180;

/// A run of messages in ascending order of position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// Whose messages these are.
    pub(crate) chat: ChatId,
    /// The messages.
    pub(crate) messages: Vec<Arc<Message>>,
    /// The lines between them that are no messages, in ascending order of position.
    pub(crate) notices: Vec<Arc<Notice>>,
    /// There are older ones.
    pub(crate) has_older: bool,
    /// There are newer ones.
    pub(crate) has_newer: bool,
}

/// What a message that arrived means for the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It was added to the window.
    Added,
    /// It was in the window and is replaced.
    Replaced,
    /// It lies outside of the window.
    Outside,
}

impl Window {
    /// A window that holds one loaded page.
    pub(crate) fn new(chat: ChatId, messages: Vec<Message>, has_older: bool, has_newer: bool) -> Self {
        let messages = messages.into_iter().map(Arc::new).collect();
        Self {
            chat,
            messages,
            notices: Vec::new(),
            has_older,
            has_newer,
        }
    }

    /// Adds the lines that came with a page.
    pub(crate) fn add_notices(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            self.take_notice(notice);
        }
    }

    /// Adds a line, if it lies in the window.
    pub(crate) fn take_notice(&mut self, notice: Notice) {
        if !self.reaches(notice.position) || self.notices.iter().any(|known| **known == notice) {
            return;
        }
        let index = self
            .notices
            .partition_point(|other| other.position <= notice.position);
        self.notices.insert(index, Arc::new(notice));
    }

    /// Whether one of the lines tells that the group was created, or the user added to it: nothing before that is meant for
    /// this device.
    pub(crate) fn shows_start(&self) -> bool {
        self.notices.iter().any(|notice| match notice.kind {
            NoticeKind::Created => true,
            NoticeKind::Added => notice.about_user,
            _ => false,
        })
    }

    /// Shows a person as they are now in the lines. Returns whether that changes anything.
    pub(crate) fn take_person(&mut self, person: &Contact) -> bool {
        let shows_other = |shown: &Contact| shown.account_id == person.account_id && shown != person;
        let mut is_changed = false;
        for notice in &mut self.notices {
            if notice.by.iter().chain(&notice.who).any(shows_other) {
                let notice = Arc::make_mut(notice);
                let shown = notice.by.iter_mut().chain(&mut notice.who);
                for shown in shown.filter(|shown| shown.account_id == person.account_id) {
                    shown.clone_from(person);
                }
                is_changed = true;
            }
        }
        is_changed
    }

    fn reaches(&self, position: i64) -> bool {
        let before = self.first().is_some_and(|first| position < first);
        let after = self.last().is_none_or(|last| position > last);
        !(before && self.has_older || after && self.has_newer)
    }

    fn drop_notices(&mut self) {
        let notices = std::mem::take(&mut self.notices);
        self.notices = notices
            .into_iter()
            .filter(|notice| self.reaches(notice.position))
            .collect();
    }

    /// The position of the oldest message.
    pub(crate) fn first(&self) -> Option<i64> {
        self.messages.first().map(|message| message.position)
    }

    /// The position of the newest message.
    pub(crate) fn last(&self) -> Option<i64> {
        self.messages.last().map(|message| message.position)
    }

    /// The message whose row has this key.
    pub(crate) fn message_of(&self, key: &str) -> Option<&Message> {
        let id = key.parse().ok().map(LocalMessageId::new)?;
        let message = self.messages.iter().find(|message| message.id == id)?;
        Some(message)
    }

    /// Adds an older page at the start and drops what is over the bound at the end.
    pub(crate) fn prepend(&mut self, page: Vec<Message>, has_older: bool) {
        let first = self.first();
        let older = page
            .into_iter()
            .filter(|message| first.is_none_or(|first| message.position < first));
        self.messages.splice(0..0, older.map(Arc::new));
        self.has_older = has_older;
        if self.messages.len() > WINDOW_MAX {
            self.messages.truncate(WINDOW_MAX);
            self.has_newer = true;
            self.drop_notices();
        }
    }

    /// Adds a newer page at the end and drops what is over the bound at the start.
    pub(crate) fn append(&mut self, page: Vec<Message>, has_newer: bool) {
        let last = self.last();
        let newer = page
            .into_iter()
            .filter(|message| last.is_none_or(|last| message.position > last));
        self.messages.extend(newer.map(Arc::new));
        self.has_newer = has_newer;
        self.drop_oldest();
    }

    /// Adds a new message, or replaces one that has changed.
    pub(crate) fn take(&mut self, message: Message) -> Arrival {
        let known = self.messages.iter().position(|other| other.id == message.id);
        if let Some(index) = known {
            if self.messages[index].position == message.position {
                self.messages[index] = Arc::new(message);
                return Arrival::Replaced;
            }
            self.messages.remove(index);
        }
        if !self.reaches(message.position) {
            return Arrival::Outside;
        }
        let index = self
            .messages
            .partition_point(|other| other.position < message.position);
        self.messages.insert(index, Arc::new(message));
        if !self.has_newer {
            self.drop_oldest();
        }
        if known.is_some() {
            Arrival::Replaced
        } else {
            Arrival::Added
        }
    }

    /// Removes a message.
    pub(crate) fn remove(&mut self, id: LocalMessageId) {
        self.messages.retain(|message| message.id != id);
    }

    fn drop_oldest(&mut self) {
        if self.messages.len() > WINDOW_MAX {
            self.messages.drain(..self.messages.len() - WINDOW_MAX);
            self.has_older = true;
            self.drop_notices();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use subrosa_web_rpc::MessageStatus;

    use super::*;
    use crate::model::samples::{CHAT, contact, message, notice};

    fn window(range: std::ops::Range<i64>, has_older: bool, has_newer: bool) -> Window {
        Window::new(CHAT, range.map(message).collect(), has_older, has_newer)
    }

    fn positions(window: &Window) -> Vec<i64> {
        window.messages.iter().map(|message| message.position).collect()
    }

    #[test]
    fn scrolling_back_drops_the_newest_and_remembers_that_they_are_there() {
        let mut window = window(1000..1170, true, false);
        window.prepend((940..1000).map(message).collect(), true);
        assert_eq!(window.messages.len(), WINDOW_MAX);
        assert_eq!((window.first(), window.last()), (Some(940), Some(1119)));
        assert!(window.has_newer && window.has_older);
    }

    #[test]
    fn scrolling_forth_drops_the_oldest_and_remembers_that_they_are_there() {
        let mut window = window(0..170, false, true);
        window.append((170..230).map(message).collect(), false);
        assert_eq!((window.first(), window.last()), (Some(50), Some(229)));
        assert!(window.has_older && !window.has_newer);
    }

    #[test]
    fn a_page_that_overlaps_adds_nothing_twice() {
        let mut window = window(10..20, true, true);
        window.prepend((5..15).map(message).collect(), false);
        window.append((15..25).map(message).collect(), false);
        assert_eq!(positions(&window), (5..25).collect::<Vec<_>>());
    }

    #[test]
    fn a_new_message_is_added_only_where_the_window_reaches() {
        let mut at_end = window(0..10, false, false);
        assert_eq!(at_end.take(message(10)), Arrival::Added);
        let mut in_history = window(0..10, false, true);
        assert_eq!(in_history.take(message(99)), Arrival::Outside);
        assert_eq!(in_history.messages.len(), 10);
        let mut later = window(50..60, true, false);
        assert_eq!(later.take(message(3)), Arrival::Outside);
    }

    #[test]
    fn a_message_that_is_sent_moves_to_its_place() {
        let mut window = window(0..3, false, false);
        let mut pending = message(1_000_000);
        window.take(pending.clone());
        window.take(message(3));
        assert_eq!(window.last(), Some(1_000_000));
        pending.position = 4;
        pending.status = MessageStatus::Sent;
        assert_eq!(window.take(pending), Arrival::Replaced);
        assert_eq!(positions(&window), [0, 1, 2, 3, 4]);
        assert_eq!(window.messages.last().unwrap().status, MessageStatus::Sent);
    }

    #[test]
    fn lines_are_kept_as_far_as_the_window_reaches() {
        let mut window = window(50..100, true, false);
        window.add_notices(vec![notice(60), notice(20), notice(60), notice(500)]);
        let at =
            |window: &Window| -> Vec<_> { window.notices.iter().map(|notice| notice.position).collect() };
        assert_eq!(at(&window), [60, 500]);
        window.prepend((0..50).map(message).collect(), false);
        window.take_notice(notice(20));
        assert_eq!(at(&window), [20, 60, 500]);
        window.append((100..300).map(message).collect(), false);
        assert_eq!(window.first(), Some(120));
        assert_eq!(at(&window), [500]);
    }

    #[test]
    fn a_person_is_called_by_a_new_name_in_the_lines_that_are_shown() {
        let mut window = window(1..3, false, false);
        window.take_notice(notice(2));
        let ben = contact(2, "ben", None);
        assert!(!window.take_person(&ben));
        let called = Contact {
            nickname: Some("Benny".to_owned()),
            ..ben
        };
        assert!(window.take_person(&called));
        let shown = &window.notices[0];
        assert_eq!(
            (shown.by.as_ref(), &shown.who[..]),
            (Some(&called), &[called.clone()][..])
        );
    }

    #[test]
    fn a_line_shows_whether_this_device_was_there_from_the_start() {
        let line = |kind, about_user| Notice {
            kind,
            about_user,
            ..notice(1)
        };
        for (line, shows) in [
            (line(NoticeKind::Created, false), true),
            (line(NoticeKind::Added, true), true),
            (line(NoticeKind::Added, false), false),
            (line(NoticeKind::DeviceAdded, true), false),
        ] {
            let mut window = Window::new(CHAT, Vec::new(), false, false);
            window.take_notice(line);
            assert_eq!(window.shows_start(), shows);
        }
    }

    #[test]
    fn ten_thousand_arrivals_keep_the_window_at_its_bound() {
        let mut window = window(0..1, false, false);
        for position in 1..10_000 {
            window.take(message(position));
        }
        assert_eq!(window.messages.len(), WINDOW_MAX);
        assert!(window.has_older);
        assert_eq!(window.last(), Some(9_999));
    }

    #[test]
    fn an_empty_conversation_takes_its_first_message() {
        let mut window = window(0..0, false, false);
        assert_eq!(window.take(message(5)), Arrival::Added);
        window.remove(message(5).id);
        assert!(window.messages.is_empty());
    }
}
