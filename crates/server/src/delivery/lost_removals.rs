//! Removals that have lost a race: for a while, the group takes no commits from whom they were to remove.
//!
//! Of two commits at once the first one counts. Somebody who is about to be removed could make one after the other, and no
//! removal would ever be the first.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use subrosa_wire::{AccountId, ConversationId, Timestamp};

use crate::limits::{LOST_REMOVAL_PAUSE, LOST_REMOVALS_MAX};

/// Whose commits are not taken, in which conversation, and until when.
#[derive(Default)]
pub(super) struct LostRemovals(Mutex<HashMap<(ConversationId, AccountId), Timestamp>>);

impl LostRemovals {
    /// Notes that a removal of these accounts was too late.
    pub(super) fn note(
        &self,
        conversation_id: ConversationId,
        targets: impl IntoIterator<Item = AccountId>,
        now: Timestamp,
    ) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for account_id in targets {
            if held.len() >= LOST_REMOVALS_MAX {
                held.retain(|_, until| *until > now);
            }
            if held.len() < LOST_REMOVALS_MAX {
                held.insert((conversation_id, account_id), now.plus(LOST_REMOVAL_PAUSE));
            }
        }
    }

    /// Until when the conversation takes no commits from an account; `None` if it takes them.
    pub(super) fn held_until(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&(conversation_id, account_id))
            .copied()
            .filter(|until| *until > now)
    }
}
