//! How much work the server may cause in one conversation, by time. It outlives connections: a server could end one in
//! order to be rid of a limit.

use subrosa_wire::Timestamp;

use crate::{
    limits::{
        ENCRYPTED_PER_EPOCH_MAX, JOINS_BURST, JOINS_INTERVAL, RECEIPTS_BURST, RECEIPTS_INTERVAL,
        REFUSALS_BURST, REFUSALS_INTERVAL, RESENDS_BURST, RESENDS_INTERVAL, RESTORES_BURST,
        RESTORES_INTERVAL,
    },
    requests::RateLimit,
};

/// The work of a conversation that only a fault of somebody else causes, and how often this device reports.
pub(super) struct Budget {
    joins: RateLimit,
    refusals: RateLimit,
    resends: RateLimit,
    restores: RateLimit,
    receipts: RateLimit,
    /// No entry is looked at before this instant.
    refused_until: Option<Timestamp>,
    /// Messages that were encrypted in this epoch.
    encrypted: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            joins: RateLimit::new(JOINS_BURST, JOINS_INTERVAL),
            refusals: RateLimit::new(REFUSALS_BURST, REFUSALS_INTERVAL),
            resends: RateLimit::new(RESENDS_BURST, RESENDS_INTERVAL),
            restores: RateLimit::new(RESTORES_BURST, RESTORES_INTERVAL),
            receipts: RateLimit::new(RECEIPTS_BURST, RECEIPTS_INTERVAL),
            refused_until: None,
            encrypted: 0,
        }
    }
}

impl Budget {
    /// Takes an attempt to join from outside, or returns when the next one is permitted.
    pub(super) fn join(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.joins.take(now)
    }

    /// Gives one back that the server has put off: it has cost next to nothing.
    pub(super) fn join_not_tried(&mut self) {
        self.joins.give_back();
    }

    /// Whether messages are sent again for one more device that comes back.
    pub(super) fn resend(&mut self, now: Timestamp) -> bool {
        self.resends.take(now).is_ok()
    }

    /// Whether one more part of the log is put back.
    pub(super) fn restore(&mut self, now: Timestamp) -> bool {
        self.restores.take(now).is_ok()
    }

    /// Takes a receipt of this device, or returns when the next one is permitted.
    pub(super) fn receipt(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.receipts.take(now)
    }

    /// Whether this many more messages may be encrypted in this epoch.
    pub(super) fn may_encrypt(&self, count: usize) -> bool {
        self.encrypted + count <= ENCRYPTED_PER_EPOCH_MAX
    }

    /// Notes that a message was encrypted, whatever becomes of it.
    pub(super) fn encrypted(&mut self) {
        self.encrypted += 1;
    }

    /// Notes that an epoch begins, and with it every ratchet.
    pub(super) fn epoch_began(&mut self) {
        self.encrypted = 0;
    }

    /// Notes that an entry was refused. After too many there is a pause for half a burst, so that not every few entries
    /// cost a page of the log.
    pub(super) fn refused(&mut self, now: Timestamp) {
        let pause = REFUSALS_INTERVAL * (REFUSALS_BURST / 2);
        self.refused_until = self.refusals.take(now).err().map(|at| at.plus(pause));
    }

    /// Until when no entry is looked at, if too many were refused.
    pub(super) fn refused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.refused_until.filter(|until| *until > now)
    }
}
