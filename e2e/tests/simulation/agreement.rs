//! What must hold in every world once it has come to rest.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use subrosa_engine::{ConversationState, Message, MessageStatus, Warning, content::MessageId};

use crate::{device::Device, world::World};

/// What stands at each place of the log.
type Log<'a> = BTreeMap<Option<u64>, (MessageId, &'a String)>;

impl World {
    /// All devices of an account that are in the conversation have the same draft, and all that nobody has deleted.
    pub(crate) fn check_drafts(&mut self) -> Result<(), TestCaseError> {
        let mut drafts: BTreeMap<usize, (usize, String)> = BTreeMap::new();
        for (index, device) in self.devices.iter_mut().enumerate() {
            if device.known_state() != Some(ConversationState::Joined) {
                continue;
            }
            let draft = device.draft();
            for (_, word) in self.kept_words.iter().filter(|(of, _)| *of == device.account) {
                prop_assert!(
                    draft.contains(word),
                    "device {} lacks {:?}: {:?}",
                    index,
                    word,
                    draft
                );
            }
            let (first, expected) = drafts
                .entry(device.account)
                .or_insert_with(|| (index, draft.clone()));
            prop_assert_eq!(&draft, expected, "the drafts of devices {} and {}", index, first);
        }
        Ok(())
    }

    /// Every device has each text once, as far as it is due.
    pub(crate) fn check_all_texts(&mut self, required_from: usize) -> Result<(), TestCaseError> {
        let lists: Vec<_> = self.devices.iter_mut().map(Device::messages).collect();
        for (index, list) in lists.iter().enumerate() {
            self.check_texts(index, list, required_from)?;
        }
        self.check_undone(&lists)
    }

    /// What was written on a profile that went back is everywhere else, if it is anywhere; and where it was written, it
    /// is said to be missing.
    fn check_undone(&self, lists: &[Vec<Message>]) -> Result<(), TestCaseError> {
        for text in self.texts.iter().filter(|text| text.is_undone) {
            let has = |list: &Vec<Message>| list.iter().any(|message| message.text == text.text);
            if !lists.iter().any(has) {
                continue;
            }
            for (index, list) in lists.iter().enumerate().filter(|(_, list)| !has(list)) {
                let device = &self.devices[index];
                let is_told = device
                    .warnings
                    .iter()
                    .any(|warning| matches!(warning, Warning::ProfileWentBack | Warning::HistoryGap { .. }));
                let is_excused = if index == text.device {
                    is_told
                } else {
                    !device.is_from_the_start || self.has_pruned
                };
                prop_assert!(
                    is_excused,
                    "device {} lacks {:?} ({} messages)",
                    index,
                    text.text,
                    list.len()
                );
            }
        }
        Ok(())
    }

    /// Every device has what it must have, once, in one order; the texts from `required_from` on are on all of them.
    pub(crate) fn check_agreement(&mut self, required_from: usize) -> Result<(), TestCaseError> {
        let lists: Vec<_> = self.devices.iter_mut().map(Device::messages).collect();
        self.check_devices()?;
        let has_resent: Vec<_> = self
            .devices
            .iter_mut()
            .map(|device| device.engine().recovery_counts().messages_resent > 0)
            .collect();
        let log = check_order(&lists, &has_resent)?;
        if !self.has_pruned {
            for (index, list) in lists.iter().enumerate() {
                // Who came later has all that was said since: nothing is missing in the middle.
                let first = list.first().map(|message| message.seq);
                let since: Vec<_> = log.keys().filter(|seq| Some(**seq) >= first).copied().collect();
                let has: Vec<_> = list.iter().map(|message| message.seq).collect();
                prop_assert_eq!(has, since, "device {}", index);
            }
        }
        for (index, list) in lists.iter().enumerate() {
            self.check_shown(index, list)?;
            self.check_texts(index, list, required_from)?;
            self.check_statuses(index, list)?;
        }
        Ok(())
    }

    /// All are members, and nobody was warned without a reason.
    fn check_devices(&mut self) -> Result<(), TestCaseError> {
        let has_pruned = self.has_pruned;
        for (index, device) in self.devices.iter_mut().enumerate() {
            let is_expected = |warning: &Warning| has_pruned && matches!(warning, Warning::HistoryGap { .. });
            let warnings = &device.warnings;
            prop_assert!(
                warnings.iter().all(is_expected),
                "device {}: {:?}",
                index,
                warnings
            );
            let conversations = device
                .engine()
                .conversations()
                .expect("conversations are readable");
            let states: Vec<_> = conversations
                .iter()
                .map(|conversation| conversation.state)
                .collect();
            prop_assert_eq!(states, [ConversationState::Joined], "device {}", index);
        }
        Ok(())
    }

    /// Who followed the events sees what is stored.
    fn check_shown(&self, index: usize, list: &[Message]) -> Result<(), TestCaseError> {
        let Some(shown) = self.devices[index].shown() else {
            return Ok(());
        };
        let mut stored: Vec<_> = list.iter().collect();
        stored.sort_by_key(|message| message.id);
        prop_assert_eq!(shown, stored, "device {}", index);
        Ok(())
    }

    fn check_texts(&self, index: usize, list: &[Message], required_from: usize) -> Result<(), TestCaseError> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for message in list {
            *counts.entry(&message.text).or_default() += 1;
        }
        let device = &self.devices[index];
        // Whoever was added to the conversation when it began has all of it, unless the server has deleted some.
        let has_all = device.is_from_the_start && !self.has_pruned;
        for (number, text) in self.texts.iter().enumerate() {
            let count = counts.remove(text.text.as_str());
            let is_due = !text.is_undone && (has_all || number >= required_from || text.device == index);
            prop_assert!(
                count == Some(1) || count.is_none() && !is_due,
                "device {} has {:?} of {:?}",
                index,
                count,
                text.text
            );
        }
        prop_assert!(
            counts.is_empty(),
            "device {} has what nobody wrote: {:?}",
            index,
            counts
        );
        Ok(())
    }

    fn check_statuses(&self, index: usize, list: &[Message]) -> Result<(), TestCaseError> {
        for message in list {
            let expected: &[MessageStatus] = if message.outgoing {
                &[MessageStatus::Sent, MessageStatus::Delivered, MessageStatus::Read]
            } else {
                &[MessageStatus::Unread, MessageStatus::Read]
            };
            prop_assert!(
                expected.contains(&message.status),
                "device {}: {:?}",
                index,
                message
            );
            let is_own = message.sender == self.devices[index].session.account_id;
            prop_assert_eq!(message.outgoing, is_own);
            // What was said has reached the other account.
            let arrived = matches!(message.status, MessageStatus::Delivered | MessageStatus::Read);
            let is_due = message.outgoing && self.devices[index].is_from_the_start && !self.has_pruned;
            prop_assert!(
                arrived || !is_due,
                "not delivered by device {}: {:?}",
                index,
                message
            );
        }
        Ok(())
    }
}

/// Each list ascends, but for what its device has sent again, which stays where it was; and all agree what stands at
/// which place. Returns the places.
fn check_order<'a>(lists: &'a [Vec<Message>], has_resent: &[bool]) -> Result<Log<'a>, TestCaseError> {
    let mut log = BTreeMap::new();
    let mut conversations = HashSet::new();
    for (list, has_resent) in lists.iter().zip(has_resent) {
        let in_order: Vec<_> = list
            .iter()
            .filter(|message| !(message.outgoing && *has_resent))
            .collect();
        for pair in in_order.windows(2) {
            prop_assert!(pair[0].seq < pair[1].seq, "out of order: {:?}", pair);
        }
        for message in list {
            conversations.insert(message.conversation_id);
            let place = log
                .entry(message.seq)
                .or_insert((message.message_id, &message.text));
            prop_assert_eq!(*place, (message.message_id, &message.text));
        }
    }
    prop_assert_eq!(conversations.len(), 1);
    Ok(log)
}
