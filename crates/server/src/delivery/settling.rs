//! The time after a start, in which it may turn out that the server went back to an earlier state.
//!
//! A commit that a member makes on an earlier state parts the group from those who know a later one. So a conversation
//! takes none until each of its devices was heard of, or the time is over. Messages are taken, and so are the commits of
//! devices that come in.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use subrosa_wire::{ConversationId, DeviceId, Timestamp};

use crate::{
    limits::{SETTLING_REPORTS_MAX, SETTLING_TIME},
    store::delivery::CursorMove,
};

/// What was heard of devices since the start.
pub(super) struct Settling {
    began_at: Timestamp,
    heard: Mutex<HashSet<(ConversationId, DeviceId)>>,
}

impl Settling {
    pub(super) fn new(began_at: Timestamp) -> Self {
        Self {
            began_at,
            heard: Mutex::default(),
        }
    }

    /// When the server began.
    pub(super) fn began_at(&self) -> Timestamp {
        self.began_at
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.began_at) >= SETTLING_TIME
    }

    /// Notes that devices have said how far they are. Whoever is ahead of the server does so once it has put back what
    /// the server lacks.
    pub(super) fn heard(&self, moves: &[CursorMove], now: Timestamp) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_over(now) {
            heard.clear();
            heard.shrink_to_fit();
            return;
        }
        for CursorMove {
            conversation_id,
            device_id,
            ..
        } in moves
        {
            if heard.len() < SETTLING_REPORTS_MAX {
                heard.insert((*conversation_id, *device_id));
            }
        }
    }

    /// Whether all of these devices of a conversation were heard of.
    pub(super) fn has_heard(&self, conversation_id: ConversationId, devices: &[DeviceId]) -> bool {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        devices
            .iter()
            .all(|device_id| heard.contains(&(conversation_id, *device_id)))
    }
}
