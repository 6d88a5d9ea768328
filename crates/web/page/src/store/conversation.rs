//! The open conversation: which messages of it are loaded.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, ChatId, Failure, Message, Notice, Page, Request};

use super::Store;
use crate::{
    browser,
    limits::LOAD_AGAIN_AFTER,
    link,
    model::window::{Arrival, PAGE, Window},
};

/// Where the view of a conversation starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// At the newest message.
    Bottom,
    /// At the unread mark.
    Unread,
    /// Where the user was: a row is this far below the top of the area.
    Left {
        /// The row.
        key: String,
        /// In pixels.
        top: f64,
    },
}

/// Where the user has left a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeftAt {
    position: i64,
    key: String,
    top: f64,
}

/// Messages of context before the first unread one.
const CONTEXT: u32 = 20;
#[expect(clippy::cast_possible_truncation, reason = "a small number")]
const LIMIT: u32 = PAGE as u32;

struct Loaded {
    messages: Vec<Message>,
    notices: Vec<Notice>,
    has_older: bool,
    has_newer: bool,
}

impl Loaded {
    fn into_window(self, chat: ChatId) -> Window {
        let mut window = Window::new(chat, self.messages, self.has_older, self.has_newer);
        window.add_notices(self.notices);
        window
    }
}

async fn load(chat: ChatId, page: Page, limit: u32) -> Option<Loaded> {
    match link::call(Request::Messages { chat, page, limit }).await {
        Ok(Answer::Messages {
            messages,
            has_older,
            has_newer,
            notices,
        }) => Some(Loaded {
            messages,
            notices,
            has_older,
            has_newer,
        }),
        _ => None,
    }
}

impl Store {
    /// Opens a conversation at its first unread message, or else at its end; for somebody who comes back to it by the
    /// browser's history, where it was left.
    pub(crate) fn open(self, chat: ChatId, comes_back: bool) {
        if self.open.get_untracked() == Some(chat) {
            return;
        }
        let left_at = self.left_at.with_value(|left_at| left_at.get(&chat).cloned());
        let left_at = left_at.filter(|_| comes_back);
        let entry = self.roster.with_untracked(|roster| roster.get(&chat).cloned());
        let first_unread = entry
            .filter(|entry| entry.unread > 0)
            .and_then(|entry| entry.first_unread);
        batch(move || {
            self.window.set(None);
            self.unread_from.set(first_unread);
            self.open.set(Some(chat));
        });
        self.clear_mark(chat);
        self.load_first(chat, left_at);
    }

    /// Notes where the user is in the open conversation, at a row that far below the top; `None` at its end.
    pub(crate) fn keep_place(self, row: Option<(&str, f64)>) {
        let Some(chat) = self.open.get_untracked() else {
            return;
        };
        let left_at = row.and_then(|(key, top)| {
            let position = self
                .window
                .with_untracked(|window| Some(window.as_ref()?.message_of(key)?.position))?;
            let key = key.to_owned();
            Some(LeftAt { position, key, top })
        });
        self.left_at.update_value(|places| {
            match left_at {
                Some(left_at) => places.insert(chat, left_at),
                None => places.remove(&chat),
            };
        });
    }

    /// Loads the first page of the open conversation: where it was left, or around the first unread message, or the end.
    fn load_first(self, chat: ChatId, left_at: Option<LeftAt>) {
        let first_unread = self.unread_from.get_untracked();
        let unread = self
            .roster
            .with_untracked(|roster| Some(roster.get(&chat)?.unread))
            .unwrap_or(0);
        self.loading.set_value(true);
        spawn_local(async move {
            let window = match (&left_at, first_unread) {
                (Some(left_at), _) => around(chat, left_at.position).await,
                (None, Some(from)) if unread > u64::from(LIMIT - CONTEXT) => around(chat, from).await,
                _ => newest(chat).await,
            };
            self.loading.set_value(false);
            // Meanwhile another conversation was opened, or the messages of this one were loaded.
            if self.open.get_untracked() != Some(chat) || self.window.with_untracked(Option::is_some) {
                return;
            }
            let place = match &left_at {
                Some(LeftAt { key, top, .. }) => Place::Left {
                    key: key.clone(),
                    top: *top,
                },
                None if first_unread.is_some() => Place::Unread,
                None => Place::Bottom,
            };
            match window {
                Some(window) => self.show(window, place),
                None => set_timeout(move || self.load_first(chat, left_at), LOAD_AGAIN_AFTER),
            }
        });
    }

    /// Closes the open conversation.
    pub(crate) fn close(self) {
        if self.open.get_untracked().is_some() {
            batch(move || {
                self.open.set(None);
                self.window.set(None);
                self.unread_from.set(None);
            });
        }
    }

    /// Loads the page before the window.
    pub(crate) fn load_older(self) {
        let first = self
            .window
            .with_untracked(|window| window.as_ref().filter(|window| window.has_older)?.first());
        if let Some(first) = first {
            self.extend(Page::Before(first), |window, loaded| {
                window.prepend(loaded.messages, loaded.has_older);
                window.add_notices(loaded.notices);
            });
        }
    }

    /// Loads the page after the window.
    pub(crate) fn load_newer(self) {
        let last = self
            .window
            .with_untracked(|window| window.as_ref().filter(|window| window.has_newer)?.last());
        if let Some(last) = last {
            self.extend(Page::From(last + 1), |window, loaded| {
                window.append(loaded.messages, loaded.has_newer);
                window.add_notices(loaded.notices);
            });
        }
    }

    fn extend(self, page: Page, put: impl FnOnce(&mut Window, Loaded) + 'static) {
        let Some(chat) = self.open.get_untracked() else {
            return;
        };
        if self.loading.get_value() {
            return;
        }
        self.loading.set_value(true);
        spawn_local(async move {
            let loaded = load(chat, page, LIMIT).await;
            self.loading.set_value(false);
            self.window.maybe_update(|window| match (window, loaded) {
                (Some(window), Some(loaded)) if window.chat == chat => {
                    put(window, loaded);
                    true
                }
                _ => false,
            });
        });
    }

    /// Shows the newest messages, loading them if they are not there.
    pub(crate) fn jump_to_latest(self) {
        let at_end = self
            .window
            .with_untracked(|window| window.as_ref().is_some_and(|window| !window.has_newer));
        match self.open.get_untracked() {
            Some(_) if at_end => self.place.set(Some(Place::Bottom)),
            Some(chat) => spawn_local(async move {
                if let Some(window) = newest(chat).await
                    && self.open.get_untracked() == Some(chat)
                {
                    self.show(window, Place::Bottom);
                }
            }),
            None => {}
        }
    }

    /// Reloads what is shown: more has happened than was reported.
    pub(super) fn load_again(self) {
        let Some(chat) = self.open.get_untracked() else {
            return;
        };
        let from = self.window.with_untracked(|window| {
            window
                .as_ref()
                .filter(|window| window.has_newer)
                .and_then(Window::first)
        });
        spawn_local(async move {
            let window = match from {
                Some(from) => around(chat, from).await,
                None => newest(chat).await,
            };
            if self.open.get_untracked() == Some(chat) && window.is_some() {
                self.window.set(window);
            }
        });
    }

    fn show(self, window: Window, place: Place) {
        batch(move || {
            self.window.set(Some(window));
            self.place.set(Some(place));
        });
    }

    /// Adds a new message, or replaces one that has changed.
    pub(super) fn take_message(self, message: Message) {
        let (chat, sender) = (message.chat, message.sender);
        let mut is_added = false;
        self.window.maybe_update(|window| match window {
            Some(window) if window.chat == message.chat => {
                is_added = window.take(message) == Arrival::Added;
                true
            }
            _ => false,
        });
        // It takes the place of the typing at once: the conversation, which says so, too, comes only after it.
        if is_added {
            self.roster.maybe_update(|roster| {
                let entry = roster
                    .get_mut(&chat)
                    .filter(|entry| entry.typing.contains(&sender));
                let Some(entry) = entry else { return false };
                Arc::make_mut(entry).typing.retain(|typing| *typing != sender);
                true
            });
        }
    }

    /// Adds a line that is no message.
    pub(super) fn take_notice(self, notice: Notice) {
        self.window.maybe_update(|window| match window {
            Some(window) if window.chat == notice.chat => {
                window.take_notice(notice);
                true
            }
            _ => false,
        });
    }

    /// Sends a text. When this returns, the message is in the window.
    pub(crate) async fn send(self, chat: ChatId, text: String) -> Result<(), Failure> {
        let request = Request::SendText {
            chat,
            text,
            token: browser::random_token(),
        };
        if let Answer::Message(message) = link::call(request).await? {
            // Whoever answers has seen what was unread.
            self.unread_from.set(None);
            self.take_message(*message);
            self.jump_to_latest();
        }
        Ok(())
    }
}

async fn newest(chat: ChatId) -> Option<Window> {
    let loaded = load(chat, Page::Newest, LIMIT).await?;
    Some(loaded.into_window(chat))
}

/// The messages from a position on, and some before it.
async fn around(chat: ChatId, from: i64) -> Option<Window> {
    let loaded = load(chat, Page::From(from), LIMIT).await?;
    let mut window = loaded.into_window(chat);
    window.first()?;
    // From the place that was asked for on, so that no line between the two pages is missed.
    let before = load(chat, Page::Before(from), CONTEXT).await?;
    window.prepend(before.messages, before.has_older);
    window.add_notices(before.notices);
    Some(window)
}
