//! Applies the worker's events to the store.

use std::sync::Arc;

use leptos::prelude::*;
use subrosa_web_rpc::{Event, NoticeKind, State, Warning};

use super::Store;
use crate::{
    browser,
    model::{roster, warnings},
};

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
            Event::Contact(person) => {
                self.roster
                    .maybe_update(|roster| roster::take_person(roster, &person));
                self.window
                    .maybe_update(|window| window.as_mut().is_some_and(|window| window.take_person(&person)));
                self.blocked.update(|blocked| {
                    blocked.retain(|other| other.account_id != person.account_id);
                    if person.is_blocked {
                        blocked.push((*person).clone());
                    }
                });
                // Of those who are banned only the rights speak.
                self.rights_changed.update(|changed| *changed += 1);
            }
            Event::Notice(notice) => {
                if notice.kind == NoticeKind::RightsChanged {
                    self.rights_changed.update(|changed| *changed += 1);
                }
                self.take_notice(*notice);
            }
            Event::Message(message) => self.take_message(*message),
            Event::MessageRemoved { chat, message } => {
                self.window.maybe_update(|window| match window {
                    Some(window) if window.chat == chat => {
                        window.remove(message);
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
                self.reloads.update(|reloads| *reloads += 1);
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
        self.warnings
            .update(|warnings| warnings::add(warnings, number, warning));
    }
}
