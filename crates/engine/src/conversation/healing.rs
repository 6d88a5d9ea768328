//! When our leaf key is renewed, so that whoever has learned it cannot read on: at the start of a turn, soon after a
//! Welcome, and after some days for those who only read.
//!
//! All of it is stored with the conversation. Instants in the future count as long ago: the clock was fast.

use std::time::Duration;

use subrosa_wire::Timestamp;

use super::Conversation;
use crate::{
    context::Context,
    limits::{
        SELF_UPDATE_INTERVAL, TURN_MAX, UPDATE_AGE_MAX, UPDATE_DELAY_MAX, UPDATE_RETRY_AFTER, UPDATE_SPREAD,
    },
};

impl Conversation {
    /// Whether the next message begins a turn, which a self-update precedes.
    pub(super) fn starts_turn(&self, now: Timestamp) -> bool {
        let updated_at = self.record.updated_at();
        let age = if updated_at > now {
            Duration::MAX
        } else {
            now.since(updated_at)
        };
        age >= TURN_MAX || age >= SELF_UPDATE_INTERVAL && !self.record.is_own_turn()
    }

    /// Whether a self-update is due, whatever is sent.
    pub(super) fn is_update_due(&self, now: Timestamp) -> bool {
        let due = self.record.update_due();
        due <= now || due.since(now) > UPDATE_AGE_MAX
    }

    /// Notes that our leaf key is new.
    pub(super) fn leaf_key_renewed(&mut self, cx: &mut Context<'_>) {
        self.record.set_updated_at(cx.now);
        // Spread, so that what was joined on one day is not renewed in one minute for ever.
        let due = cx.now.plus(UPDATE_AGE_MAX).minus(random_below(cx, UPDATE_SPREAD));
        self.record.set_update_due(due);
    }

    /// Notes that our leaf key is that of a key package. One of last resort may be in use elsewhere.
    pub(super) fn leaf_key_from_key_package(&mut self, cx: &mut Context<'_>, is_last_resort: bool) {
        self.record.set_updated_at(Timestamp::default());
        let due = if is_last_resort {
            cx.now
        } else {
            some_minutes_later(cx)
        };
        self.record.set_update_due(due);
    }

    /// Notes that a self-update lost against another commit. The message that it was to precede matters more than the
    /// new key, and two members that both insist would keep each other from sending.
    pub(super) fn update_lost(&mut self, cx: &mut Context<'_>) {
        self.record.set_updated_at(cx.now);
        if self.is_update_due(cx.now) {
            let due = some_minutes_later(cx);
            self.record.set_update_due(due);
        }
    }

    /// Notes that the server refused a self-update for another reason.
    pub(super) fn update_not_taken(&mut self, cx: &Context<'_>) {
        self.record.set_updated_at(cx.now);
        self.record.set_update_due(cx.now.plus(UPDATE_RETRY_AFTER));
    }
}

/// At random, so that not all who were added at once commit at once.
fn some_minutes_later(cx: &mut Context<'_>) -> Timestamp {
    let spread = UPDATE_DELAY_MAX.saturating_sub(SELF_UPDATE_INTERVAL);
    cx.now.plus(SELF_UPDATE_INTERVAL).plus(random_below(cx, spread))
}

fn random_below(cx: &mut Context<'_>, bound: Duration) -> Duration {
    let random = u64::from_be_bytes(cx.random());
    let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(random % bound)
}
