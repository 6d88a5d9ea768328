//! What is known of a conversation on the present connection, and lost with it.

use std::collections::{HashMap, HashSet};

use subrosa_wire::{AccountId, DeviceId};

use crate::{limits::REMOVALS_MAX, requests::Retry, store::outbox::OutboxId};

/// State of a conversation on this connection.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// The newest seq that the server has named.
    pub head: u64,
    /// The cursor that the server was told.
    pub acknowledged: u64,
    pub is_fetching: bool,
    /// The head as it was known when the log was asked for: a page that knows less contradicts it.
    pub head_when_asked: u64,
    /// The place of an entry that was refused and is being fetched once more: the log may hold another there.
    pub fetched_again: Option<u64>,
    pub is_handshake_in_flight: bool,
    pub in_flight: HashSet<OutboxId>,
    pub is_claiming: bool,
    /// Key packages claimed for the creation, by account.
    pub claimed: HashMap<AccountId, Vec<Vec<u8>>>,
    pub retry: Retry,
    /// How often each of this account's devices was to be removed.
    removals: HashMap<DeviceId, u32>,
}

impl Live {
    /// The server has named a place of the log.
    pub(super) fn head_is_at_least(&mut self, seq: u64) {
        self.head = self.head.max(seq);
    }

    /// Nothing that was sent is waited for any more.
    pub(super) fn forget_sends(&mut self) {
        self.in_flight.clear();
        self.is_handshake_in_flight = false;
        self.is_claiming = false;
        self.claimed.clear();
    }

    /// Whether it makes sense to remove a device that is signed out; each call counts as a try.
    pub(super) fn may_remove(&mut self, device: DeviceId) -> bool {
        let tries = self.removals.entry(device).or_default();
        *tries += 1;
        *tries <= REMOVALS_MAX
    }
}
