//! What must hold in every world in which somebody was not honest, once all are: nobody has read what was not for
//! them, no message is lost in silence, and nothing is stuck.

use proptest::prelude::*;
use subrosa_engine::{ChatId, ConversationState, Message, MessageStatus, Misbehaviour, Warning};

use crate::world::{Text, World};

impl World {
    /// Texts from `honest_from` on were written when all were honest.
    pub(crate) fn check_promises(&mut self, honest_from: usize) -> Result<(), TestCaseError> {
        let described = self.describe();
        let held = self
            .check_readers()
            .and_then(|()| self.check_steps())
            .and_then(|()| self.check_texts_of_liars_world(honest_from));
        held.map_err(|error| TestCaseError::fail(format!("{error}{described}")))
    }

    /// A step that fails takes all else with it.
    pub(crate) fn check_steps(&self) -> Result<(), TestCaseError> {
        for (index, device) in self.devices.iter().enumerate() {
            prop_assert!(
                device.failures.is_empty(),
                "steps of device {} failed: {:?}",
                index,
                device.failures
            );
        }
        Ok(())
    }

    /// What was written to the other account was read by nobody else.
    fn check_readers(&mut self) -> Result<(), TestCaseError> {
        for liar in &self.hostile_liars {
            for text in &self.texts {
                let needle = text.text.as_bytes();
                let has_read = |content: &Vec<u8>| content.windows(needle.len()).any(|part| part == needle);
                prop_assert!(
                    !liar.read().iter().any(has_read),
                    "the server's own account has read {:?}",
                    text.text
                );
            }
        }
        for (index, device) in self.devices.iter_mut().enumerate() {
            let (main, peer) = (device.chat(), device.peer);
            let conversations = device
                .engine()
                .conversations()
                .expect("conversations are readable");
            for conversation in conversations {
                let with = conversation.with.map(|with| with.account_id);
                if Some(conversation.id) == main {
                    prop_assert_eq!(
                        with,
                        peer,
                        "device {}: the conversation is with somebody else",
                        index
                    );
                    continue;
                }
                let messages = device.engine().messages(conversation.id, None, 10_000);
                for message in messages.expect("messages are readable") {
                    prop_assert!(
                        self.texts.iter().all(|text| text.text != message.text),
                        "device {}: {:?} stands in another conversation",
                        index,
                        message.text
                    );
                }
            }
        }
        Ok(())
    }

    fn check_texts_of_liars_world(&mut self, honest_from: usize) -> Result<(), TestCaseError> {
        let mut devices = Vec::new();
        for device in &mut self.devices {
            let (chat, state) = (device.chat(), device.known_state());
            devices.push((chat, state, device.messages()));
        }
        // Nobody may have what was written on a profile that went back.
        let lasting = |(_, text): &(usize, &Text)| !text.is_undone;
        for (number, text) in self.texts.iter().enumerate().filter(lasting) {
            let find = |messages: &[Message]| {
                let mut found = messages
                    .iter()
                    .filter(|message| message.text == text.text)
                    .cloned();
                (found.next(), found.count())
            };
            let (own, _) = find(&devices[text.device].2);
            let Some(own) = own else {
                return Err(TestCaseError::fail(format!(
                    "{:?} is gone where it was written",
                    text.text
                )));
            };
            let is_accepted = matches!(
                own.status,
                MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read
            );
            let is_anywhere_else = devices
                .iter()
                .enumerate()
                .any(|(index, (_, _, messages))| index != text.device && find(messages).0.is_some());
            for (index, (chat, state, messages)) in devices.iter().enumerate() {
                let (found, more) = find(messages);
                prop_assert_eq!(more, 0, "device {} shows {:?} more than once", index, text.text);
                if let Some(found) = &found {
                    let author = self.devices[text.device].session.account_id;
                    prop_assert_eq!(
                        found.sender,
                        author,
                        "device {}: {:?} of somebody else",
                        index,
                        text.text
                    );
                    continue;
                }
                if number >= honest_from {
                    // Whoever cannot use the conversation is told so.
                    let is_usable =
                        |state: &Option<ConversationState>| *state == Some(ConversationState::Joined);
                    prop_assert!(
                        !is_usable(state) || !is_usable(&devices[text.device].1),
                        "device {} does not get {:?}, which was written when all were honest",
                        index,
                        text.text
                    );
                } else if is_accepted && self.devices[index].is_from_the_start && !self.has_pruned {
                    let is_shown = |device: usize, chat: Option<ChatId>| {
                        self.devices[device]
                            .warnings
                            .iter()
                            .any(|warning| says_missing(warning, chat))
                    };
                    // If nobody has it, it is enough that the author knows.
                    let author_knows = !is_anywhere_else && is_shown(text.device, devices[text.device].0);
                    prop_assert!(
                        author_knows || is_shown(index, *chat),
                        "device {} lost {:?} in silence",
                        index,
                        text.text
                    );
                }
            }
        }
        Ok(())
    }
}

/// Whether somebody who reads this knows that messages of this conversation may be missing.
fn says_missing(warning: &Warning, in_chat: Option<ChatId>) -> bool {
    match warning {
        Warning::HistoryGap { chat }
        | Warning::MemberMisbehaved { chat, .. }
        | Warning::LogsDisagree { chat, .. }
        | Warning::MessagesMissing { chat, .. }
        | Warning::Unreadable { chat, .. } => Some(*chat) == in_chat,
        Warning::NotProcessed { chat, .. } => *chat == in_chat,
        Warning::ServerMisbehaved { chat, how } => {
            let is_about_nothing = matches!(
                how,
                Misbehaviour::NoConversation | Misbehaviour::WrongAnswer | Misbehaviour::MalformedAccount
            );
            (chat.is_none() || *chat == in_chat) && !is_about_nothing
        }
        _ => false,
    }
}
