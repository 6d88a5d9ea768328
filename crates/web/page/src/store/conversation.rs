//! The open conversation: which messages of it are loaded.

use leptos::{prelude::*, task::spawn_local};
use subrosa_web_rpc::{Answer, Failure, Message, Page, Request};
use subrosa_wire::ConversationId;

use super::Store;
use crate::{
    browser,
    limits::LOAD_AGAIN_AFTER,
    link,
    model::window::{PAGE, Window},
};

/// Where the view of a conversation starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the newest message.
    Bottom,
    /// At the unread mark.
    Unread,
}

/// Messages of context before the first unread one.
const CONTEXT: u32 = 20;
#[expect(clippy::cast_possible_truncation, reason = "a small number")]
const LIMIT: u32 = PAGE as u32;

struct Loaded {
    messages: Vec<Message>,
    has_older: bool,
    has_newer: bool,
}

async fn load(conversation: ConversationId, page: Page, limit: u32) -> Option<Loaded> {
    match link::call(Request::Messages {
        conversation,
        page,
        limit,
    })
    .await
    {
        Ok(Answer::Messages {
            messages,
            has_older,
            has_newer,
        }) => Some(Loaded {
            messages,
            has_older,
            has_newer,
        }),
        _ => None,
    }
}

impl Store {
    /// Opens a conversation at its first unread message, or else at its end.
    pub(crate) fn open(self, conversation: ConversationId) {
        if self.open.get_untracked() == Some(conversation) {
            return;
        }
        let entry = self
            .roster
            .with_untracked(|roster| roster.get(&conversation).cloned());
        let first_unread = entry
            .filter(|entry| entry.unread > 0)
            .and_then(|entry| entry.first_unread);
        batch(move || {
            self.window.set(None);
            self.unread_from.set(first_unread);
            self.open.set(Some(conversation));
        });
        self.load_first(conversation);
    }

    /// Loads the first page of the open conversation: around the first unread message, if there is one.
    pub(super) fn load_first(self, conversation: ConversationId) {
        let first_unread = self.unread_from.get_untracked();
        let unread = self
            .roster
            .with_untracked(|roster| Some(roster.get(&conversation)?.unread))
            .unwrap_or(0);
        self.loading.set_value(true);
        spawn_local(async move {
            let window = match first_unread {
                Some(from) if unread > u64::from(LIMIT - CONTEXT) => around(conversation, from).await,
                _ => newest(conversation).await,
            };
            self.loading.set_value(false);
            // Meanwhile another conversation was opened, or this one got another id, or its messages were loaded.
            if self.open.get_untracked() != Some(conversation) || self.window.with_untracked(Option::is_some)
            {
                return;
            }
            let place = if first_unread.is_some() {
                Place::Unread
            } else {
                Place::Bottom
            };
            match window {
                Some(window) => self.show(window, place),
                None => set_timeout(move || self.load_first(conversation), LOAD_AGAIN_AFTER),
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
            });
        }
    }

    fn extend(self, page: Page, put: impl FnOnce(&mut Window, Loaded) + 'static) {
        let Some(conversation) = self.open.get_untracked() else {
            return;
        };
        if self.loading.get_value() {
            return;
        }
        self.loading.set_value(true);
        spawn_local(async move {
            let loaded = load(conversation, page, LIMIT).await;
            self.loading.set_value(false);
            self.window.maybe_update(|window| match (window, loaded) {
                (Some(window), Some(loaded)) if window.conversation == conversation => {
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
            Some(conversation) => spawn_local(async move {
                if let Some(window) = newest(conversation).await
                    && self.open.get_untracked() == Some(conversation)
                {
                    self.show(window, Place::Bottom);
                }
            }),
            None => {}
        }
    }

    /// Reloads what is shown: more has happened than was reported.
    pub(super) fn load_again(self) {
        let Some(conversation) = self.open.get_untracked() else {
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
                Some(from) => around(conversation, from).await,
                None => newest(conversation).await,
            };
            if self.open.get_untracked() == Some(conversation) && window.is_some() {
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
        self.window.maybe_update(|window| match window {
            Some(window) if window.conversation == message.conversation => {
                window.take(message);
                true
            }
            _ => false,
        });
    }

    /// Sends a text. When this returns, the message is in the window.
    pub(crate) async fn send(self, conversation: ConversationId, text: String) -> Result<(), Failure> {
        let request = Request::SendText {
            conversation,
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

async fn newest(conversation: ConversationId) -> Option<Window> {
    let loaded = load(conversation, Page::Newest, LIMIT).await?;
    Some(Window::new(
        conversation,
        loaded.messages,
        loaded.has_older,
        loaded.has_newer,
    ))
}

/// The messages from a position on, and some before it.
async fn around(conversation: ConversationId, from: i64) -> Option<Window> {
    let loaded = load(conversation, Page::From(from), LIMIT).await?;
    let mut window = Window::new(conversation, loaded.messages, loaded.has_older, loaded.has_newer);
    let before = load(conversation, Page::Before(window.first()?), CONTEXT).await?;
    window.prepend(before.messages, before.has_older);
    Some(window)
}
