//! What is known about a conversation on the current connection, and lost with it.

use std::collections::{BTreeSet, HashMap, HashSet};

use subrosa_wire::{AccountId, DeviceId, Timestamp, frames::Appended};

use super::{descent::Follower, returns::Return};
use crate::{ids::OutboxId, limits::REMOVALS_MAX, requests::Retry};

/// State of a conversation on this connection.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and they occur in any combination"
)]
pub(super) struct Live {
    /// The newest seq that the server has named.
    pub head: u64,
    /// The cursor that the server has, or that was last reported to it.
    pub acknowledged: u64,
    pub is_fetching: bool,
    /// The head that was known when the log was requested: a page with a lower head contradicts it.
    pub head_at_request: u64,
    /// The seq of an entry that was refused and is being fetched again: the log may hold another one there.
    pub fetched_again: Option<u64>,
    /// The log chain was compared with the server's, or the server does not name one.
    pub is_anchored: bool,
    /// The server says what contradicts this device's membership; the group decides.
    pub is_in_doubt: bool,
    /// Pages in which the commit of a Welcome was looked for in vain.
    pub entries_tried: u32,
    /// How often in succession the server refused to hand out the log.
    pub log_refusals: u32,
    /// The oldest entry that the server says it keeps, if that is why it refused.
    pub first_kept: Option<u64>,
    /// The server expects another send number: what the log does not have is encrypted again with new ones.
    pub renumbers: bool,
    /// What was applied or followed when the group was last asked for.
    pub group_wanted_at: Option<u64>,
    /// The log was tried again from where it was left.
    pub has_resumed: bool,
    /// How far the log was followed to come back.
    pub follower: Option<Follower>,
    /// Where it is followed from: the beginning of the epoch instead of the last entry that was applied.
    pub follows_from_epoch: bool,
    /// The way back was tried in vain on this connection.
    pub is_cut_off: bool,
    /// The server refuses what this device claims about the log.
    pub claims_nothing: bool,
    /// Whether the server seems to have gone back to an earlier state.
    pub returned: Return,
    /// Whether it has lost something was decided on this connection.
    pub is_return_judged: bool,
    /// The server's log is another one than this device has read; the group is to confirm it.
    pub is_forked: bool,
    /// That was confirmed, or found false, on this connection.
    pub is_fork_judged: bool,
    /// The server takes no commits of members for the time being.
    pub commits_held_until: Option<Timestamp>,
    /// How often it has refused one for that reason.
    pub commits_held: u32,
    /// This device has sent what this profile does not know of.
    pub has_gone_back: bool,
    pub is_handshake_in_flight: bool,
    /// That the server has accepted the handshake, as it says; the log has not shown it yet.
    pub handshake_accepted: Option<Appended>,
    pub in_flight: HashSet<OutboxId>,
    pub is_claiming: bool,
    /// Accounts of which key packages were claimed together.
    pub claiming: Vec<AccountId>,
    /// Key packages claimed for the creation, by account.
    pub claimed: HashMap<AccountId, Vec<Vec<u8>>>,
    /// Whom the next commit adds.
    pub adding: BTreeSet<AccountId>,
    /// People could not be added together, and are added one at a time.
    pub adds_one_by_one: bool,
    /// The server says that this account was removed.
    pub is_former: bool,
    /// Who has added this device to the group that it is about to join.
    pub added_by: Option<AccountId>,
    /// Accounts that had no key packages, and when they are asked again.
    without_key_packages: HashMap<AccountId, Timestamp>,
    pub retry: Retry,
    /// When this device's receipt may be sent again.
    pub receipt_retry: Retry,
    /// Whose messages it newly covers.
    pub receipt_readers: BTreeSet<AccountId>,
    /// The server has named the newest change of receipts on this connection.
    pub are_receipts_named: bool,
    /// Receipts of others are to be fetched once the log is applied up to this seq.
    pub receipts_wanted_at: Option<u64>,
    /// When invite links are put again that the server could not take.
    pub link_retry: Retry,
    /// Whether the server still has the invite links was asked on this connection.
    pub are_links_compared: bool,
    /// Those that it had lost are put again.
    pub are_links_put_again: bool,
    /// Who asks to join was fetched since the last Sync.
    pub are_join_requests_fetched: bool,
    /// The server has said once that it accepted a handshake in a place where the log shows something else.
    pub was_elsewhere: bool,
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
        self.handshake_accepted = None;
        self.is_claiming = false;
        self.claiming.clear();
        self.claimed.clear();
    }

    /// Notes that an account has no key packages.
    pub(super) fn has_no_key_packages(&mut self, account: AccountId, until: Timestamp) {
        self.without_key_packages.insert(account, until);
    }

    /// Whether an account had no key packages a moment ago.
    pub(super) fn is_without_key_packages(&self, account: AccountId, now: Timestamp) -> bool {
        self.without_key_packages
            .get(&account)
            .is_some_and(|until| *until > now)
    }

    /// Whether something is due to be tried again. What is returns `true` only once.
    pub(super) fn take_due(&mut self, now: Timestamp) -> bool {
        let is_receipt_due = self.receipt_retry.take_due(now);
        let were_waiting = self.without_key_packages.len();
        self.without_key_packages.retain(|_, until| *until > now);
        let may_be_added = self.without_key_packages.len() < were_waiting;
        let may_commit = self.commits_held_until.take_if(|until| *until <= now).is_some();
        let are_links_due = self.link_retry.take_due(now);
        self.retry.take_due(now) || is_receipt_due || are_links_due || may_be_added || may_commit
    }

    /// The earliest instant at which something is due.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        let to_add = self.without_key_packages.values().min().copied();
        [
            self.retry.at(),
            self.receipt_retry.at(),
            self.link_retry.at(),
            to_add,
            self.commits_held_until,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether another attempt to remove a signed-out device makes sense.
    pub(super) fn may_remove(&self, device: DeviceId) -> bool {
        self.removals
            .get(&device)
            .is_none_or(|tries| *tries < REMOVALS_MAX)
    }

    /// Notes an attempt to remove a signed-out device.
    pub(super) fn removes(&mut self, device: DeviceId) {
        *self.removals.entry(device).or_default() += 1;
    }

    /// Notes that the server takes no commits for the time being, so that no attempt says anything about a device.
    pub(super) fn commits_are_held(&mut self, until: Timestamp) {
        self.commits_held += 1;
        self.commits_held_until = Some(until);
        self.removals.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Each look counted, and an honest server was blamed for a device that nobody had tried to remove.
    #[test]
    fn only_attempts_count_against_the_removal_of_a_device() {
        let device = DeviceId::from_bytes([1; 16]);
        let mut live = Live::default();
        for _ in 0..REMOVALS_MAX {
            assert!(live.may_remove(device) && live.may_remove(device));
            live.removes(device);
        }
        assert!(!live.may_remove(device));
        live.commits_are_held(Timestamp::from_millis(1));
        assert!(live.may_remove(device));
    }
}
