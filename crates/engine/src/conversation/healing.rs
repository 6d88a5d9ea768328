//! When our leaf key is renewed, so that whoever has learned it cannot read on: at the start of a turn, soon after a
//! Welcome, and after some days for those who only read.
//!
//! All of it is stored with the conversation. Instants in the future count as long ago: the clock was fast.

use std::time::Duration;

use subrosa_wire::Timestamp;

use super::{
    Conversation,
    turns::{Turn, has_turns},
};
use crate::{
    context::{Context, StepResult},
    limits::{
        HEALING_PAUSE, HEALING_POSTPONED, LEAF_AGE_MAX, SELF_UPDATE_INTERVAL, TURN_MAX, UPDATE_AGE_MAX,
        UPDATE_DELAY_MAX, UPDATE_RETRY_AFTER, UPDATE_SPREAD,
    },
};

impl Conversation {
    /// Whether devices take turns here: then nothing precedes a message.
    fn has_turns(&mut self, cx: &mut Context<'_>) -> StepResult<bool> {
        let id = self.id();
        let group = self.group.find(cx, id)?;
        Ok(group.is_some_and(|group| has_turns(group.member_count())))
    }

    /// Whether the next message begins a turn of the conversation, which a self-update precedes.
    pub(super) fn starts_turn(&mut self, cx: &mut Context<'_>) -> StepResult<bool> {
        let age = self.leaf_age(cx.now);
        let starts = age >= TURN_MAX || age >= SELF_UPDATE_INTERVAL && !self.record.is_own_turn();
        Ok(starts && !self.has_turns(cx)?)
    }

    fn leaf_age(&self, now: Timestamp) -> Duration {
        let updated_at = self.record.updated_at();
        if updated_at > now {
            Duration::MAX
        } else {
            now.since(updated_at)
        }
    }

    /// Whether a self-update is due that precedes what waits to be sent. In a large group nothing does: it follows.
    pub(super) fn is_update_due_before(&mut self, cx: &mut Context<'_>, waiting: usize) -> StepResult<bool> {
        Ok((waiting == 0 || !self.has_turns(cx)?) && self.is_update_due(cx)?)
    }

    /// Whether a self-update is due, whatever is sent.
    fn is_update_due(&mut self, cx: &mut Context<'_>) -> StepResult<bool> {
        let due = self.record.update_due();
        let has_turns = self.has_turns(cx)?;
        let farthest = if has_turns { LEAF_AGE_MAX } else { UPDATE_AGE_MAX };
        let is_due = due <= cx.now || due.since(cx.now) > farthest;
        if !is_due || !has_turns {
            return Ok(is_due);
        }
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let is_fresh = group.fresh_leaves().contains(&group.own_leaf());
        let is_quiet = self.record.active_at() <= self.record.updated_at();
        if is_quiet && !is_fresh && self.leaf_age(cx.now) < UPDATE_AGE_MAX {
            // There is nothing that a new key would protect.
            self.record.set_update_due(cx.now.plus(HEALING_POSTPONED));
            return Ok(false);
        }
        Ok(true)
    }

    /// Computes this device's turn in the epoch that begins with a commit of this time.
    pub(super) fn schedule_turn(&mut self, cx: &mut Context<'_>, committed_at: Timestamp) -> StepResult {
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let devices = group.member_count();
        if has_turns(devices) && group.is_active() {
            if self.record.updated_at() == Timestamp::default() {
                // The group was smaller when this device came in.
                self.record.set_updated_at(cx.now);
            }
            let turn = Turn {
                devices,
                leaf: group.own_leaf(),
                fresh: &group.fresh_leaves(),
                since: self.record.updated_at().min(cx.now),
                committed_at: committed_at.min(cx.now),
            };
            self.record.set_update_due(turn.at());
        }
        Ok(())
    }

    /// Notes that our leaf key is new.
    pub(super) fn leaf_key_renewed(&mut self, cx: &mut Context<'_>) {
        self.record.set_updated_at(cx.now);
        // Spread, so that what was joined on one day is not renewed in one minute for ever.
        let due = cx.now.plus(UPDATE_AGE_MAX).minus(random_below(cx, UPDATE_SPREAD));
        self.record.set_update_due(due);
    }

    /// Notes that our leaf key is that of a key package. One of last resort may be in use elsewhere.
    pub(super) fn leaf_key_from_key_package(
        &mut self,
        cx: &mut Context<'_>,
        is_last_resort: bool,
    ) -> StepResult {
        if self.has_turns(cx)? {
            self.record.set_updated_at(cx.now);
            return self.schedule_turn(cx, cx.now);
        }
        self.record.set_updated_at(Timestamp::default());
        let due = if is_last_resort {
            cx.now
        } else {
            some_minutes_later(cx)
        };
        self.record.set_update_due(due);
        Ok(())
    }

    /// Notes that a self-update lost against another commit. The message that it was to precede matters more than the
    /// new key, and two members that both insist would keep each other from sending.
    pub(super) fn update_lost(&mut self, cx: &mut Context<'_>) -> StepResult {
        if self.has_turns(cx)? {
            // The commit that was faster leads to the next turn once it is applied.
            self.record.set_update_due(cx.now.plus(HEALING_PAUSE));
            return Ok(());
        }
        self.record.set_updated_at(cx.now);
        if self.is_update_due(cx)? {
            let due = some_minutes_later(cx);
            self.record.set_update_due(due);
        }
        Ok(())
    }

    /// Notes that the server refused a self-update for another reason.
    pub(super) fn update_not_taken(&mut self, cx: &mut Context<'_>) -> StepResult {
        if !self.has_turns(cx)? {
            self.record.set_updated_at(cx.now);
        }
        self.record.set_update_due(cx.now.plus(UPDATE_RETRY_AFTER));
        Ok(())
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
