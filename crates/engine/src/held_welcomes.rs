//! Welcomes whose ratchet trees are being fetched. All of it is lost with the connection: a Welcome that was not
//! acknowledged comes again.

use std::collections::BTreeMap;

use subrosa_wire::{ConversationId, frames::WelcomeItem};

use crate::limits::WELCOMES_HELD_MAX;

/// Welcomes that wait for their trees, at most one for each conversation.
#[derive(Debug, Default)]
pub(crate) struct HeldWelcomes {
    items: BTreeMap<ConversationId, WelcomeItem>,
    has_turned_away: bool,
}

impl HeldWelcomes {
    /// Holds a Welcome. Returns whether its tree is to be fetched: not if this or another one of the conversation is
    /// held already, or there are too many.
    pub(crate) fn hold(&mut self, id: ConversationId, item: &WelcomeItem) -> bool {
        if self.items.contains_key(&id) || self.items.len() >= WELCOMES_HELD_MAX {
            self.has_turned_away = true;
            return false;
        }
        self.items.insert(id, item.clone());
        true
    }

    /// Whether a Welcome to the conversation is held.
    pub(crate) fn contains(&self, id: ConversationId) -> bool {
        self.items.contains_key(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Notes that the server has more Welcomes than it has shown.
    pub(crate) fn more_wait(&mut self) {
        self.has_turned_away = true;
    }

    /// Takes the Welcome out that waits for the tree of a conversation.
    pub(crate) fn take(&mut self, id: ConversationId) -> Option<WelcomeItem> {
        self.items.remove(&id)
    }

    /// Whether Welcomes wait at the server for which there is room now. Returns `true` only once.
    pub(crate) fn take_room(&mut self) -> bool {
        self.items.is_empty() && std::mem::take(&mut self.has_turned_away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_welcome_of_each_conversation_is_held_and_not_too_many() {
        let id = |number: usize| ConversationId::from_bytes([u8::try_from(number).unwrap_or_default(); 16]);
        let item = WelcomeItem::default();
        let mut held = HeldWelcomes::default();
        assert!((0..WELCOMES_HELD_MAX).all(|number| held.hold(id(number), &item)));
        assert!(!held.hold(id(0), &item));
        assert!(!held.hold(id(WELCOMES_HELD_MAX), &item));
        assert!(!held.take_room(), "nothing has become free");
        for number in 0..WELCOMES_HELD_MAX {
            assert!(held.take(id(number)).is_some());
            assert!(held.take(id(number)).is_none());
        }
        assert!(held.take_room() && !held.take_room());
    }
}
