//! Applies the worker's events to the store.

use std::sync::Arc;

use leptos::prelude::*;
use subrosa_web_rpc::{Event, State, Warning};

use super::Store;
use crate::{browser, limits::WARNINGS_MAX, model::roster};

impl Store {
    /// Applies an event.
    pub(super) fn take(self, event: Event) {
        match event {
            Event::State(state) => self.put_state(*state),
            Event::Conversation(conversation) => {
                let is_open = self.open.get_untracked() == Some(conversation.id);
                // A user who is looking elsewhere finds the unread mark on return.
                if is_open && !browser::is_looked_at() && self.unread_from.get_untracked().is_none() {
                    self.unread_from.set(conversation.first_unread);
                }
                self.roster.update(|roster| {
                    roster.insert(conversation.id, Arc::new(*conversation));
                });
            }
            Event::ConversationMoved { from, to } => {
                self.roster.update(|roster| roster::follow(roster, from, to));
                if self.open.get_untracked() == Some(from) {
                    self.window.update(|window| {
                        if let Some(window) = window {
                            window.follow(from, to);
                        }
                    });
                    self.open.set(Some(to));
                    if self.window.with_untracked(Option::is_none) {
                        // What is being loaded was asked for under the old id.
                        self.load_first(to);
                    }
                }
            }
            Event::Message(message) => self.take_message(*message),
            Event::MessageRemoved { conversation, id } => {
                self.window.maybe_update(|window| match window {
                    Some(window) if window.conversation == conversation => {
                        window.remove(&id);
                        true
                    }
                    _ => false,
                });
            }
            Event::Warning(warning) => self.warn(warning),
            Event::Reload => {
                self.ask_state();
                self.load();
                self.load_again();
            }
        }
    }

    pub(super) fn put_state(self, state: State) {
        if self.state.with_untracked(|old| old.as_ref() != Some(&state)) {
            self.state.set(Some(state));
        }
    }

    fn warn(self, warning: Warning) {
        let number = self.warned.get_value() + 1;
        self.warned.set_value(number);
        self.warnings.update(|warnings| {
            warnings.retain(|(_, other)| *other != warning);
            warnings.push((number, warning));
            if warnings.len() > WARNINGS_MAX {
                warnings.remove(0);
            }
        });
    }
}
