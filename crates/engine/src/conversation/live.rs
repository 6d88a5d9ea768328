//! What is known about a conversation on the current connection, and lost with it.

use std::collections::{HashMap, HashSet};

use subrosa_wire::{AccountId, DeviceId};

use crate::{ids::OutboxId, limits::REMOVALS_MAX, requests::Retry};

/// State of a conversation on this connection.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// The newest seq that the server has named.
    pub head: u64,
    /// The cursor last reported to the server.
    pub acknowledged: u64,
    pub is_fetching: bool,
    /// The head that was known when the log was requested: a page with a lower head contradicts it.
    pub head_at_request: u64,
    /// The seq of an entry that was refused and is being fetched again: the log may hold another one there.
    pub fetched_again: Option<u64>,
    pub is_handshake_in_flight: bool,
    pub in_flight: HashSet<OutboxId>,
    pub is_claiming: bool,
    /// Key packages claimed for the creation, by account.
    pub claimed: HashMap<AccountId, Vec<Vec<u8>>>,
    pub retry: Retry,
    /// How many times removal of each of this account's devices was attempted.
    removals: HashMap<DeviceId, u32>,
}

impl Live {
    /// Notes a seq that the server has named.
    pub(super) fn head_is_at_least(&mut self, seq: u64) {
        self.head = self.head.max(seq);
    }

    /// Forgets what is in flight.
    pub(super) fn forget_sends(&mut self) {
        self.in_flight.clear();
        self.is_handshake_in_flight = false;
        self.is_claiming = false;
        self.claimed.clear();
    }

    /// Whether another attempt to remove a signed-out device makes sense. Each call counts as an attempt.
    pub(super) fn may_remove(&mut self, device: DeviceId) -> bool {
        let tries = self.removals.entry(device).or_default();
        *tries += 1;
        *tries <= REMOVALS_MAX
    }
}
