//! The log chain: what this device computes over the log, and what others claim about it.

use subrosa_mls::{ChainedEntry, DeviceCertificate, FIRST_FOUNDING, LogClaim, LogHash};
use subrosa_wire::AccountId;

use super::{
    Conversation,
    log::{Entry, hash_of},
    record::LogPlace,
};
use crate::{
    api::Warning,
    context::{Context, StepResult},
    misbehaviour::Misbehaviour,
    store::{log_chain, outbox},
};

impl Conversation {
    /// The hash after an entry; `None` if its sender is not known.
    pub(super) fn chain_after(&self, before: LogHash, entry: &Entry) -> Option<LogHash> {
        Some(before.after(&ChainedEntry {
            conversation_id: self.id(),
            founding: FIRST_FOUNDING,
            seq: entry.seq,
            kind: entry.kind,
            sender: entry.sender?,
            accepted_at: entry.accepted_at,
            payload_hash: hash_of(entry),
        }))
    }

    /// What our next send says about the log.
    pub(super) fn claim(&self, send_number: u64) -> LogClaim {
        match self.record.chain() {
            Some(hash) => LogClaim {
                seq: self.record.cursor(),
                hash,
                send_number,
            },
            None => LogClaim::of_no_place(send_number),
        }
    }

    /// Begins to keep what others can claim: this device has come in at its cursor.
    pub(super) fn begin_chain(&self, cx: &Context<'_>) -> StepResult {
        log_chain::clear(cx.conn, self.chat())?;
        if let Some(hash) = self.record.chain() {
            log_chain::insert(cx.conn, self.chat(), self.record.cursor(), hash)?;
        }
        Ok(())
    }

    /// Takes note of what a member's message or commit says about the log and about itself.
    pub(super) fn heard(
        &self,
        cx: &mut Context<'_>,
        entry: &Entry,
        sender: &DeviceCertificate,
        claim: &LogClaim,
    ) -> StepResult {
        let device = sender.device_id();
        if entry.sender.is_some_and(|named| named != device) {
            // The server named another sender, or another device of the person has sent it: nobody can tell.
            self.disagrees(cx, sender.account_id());
            return Ok(());
        }
        let last = log_chain::send_number(cx.conn, self.chat(), device)?;
        let missing = last.map_or(0, |last| claim.send_number.saturating_sub(last.saturating_add(1)));
        if missing > 0 {
            cx.recovery.messages_missing = cx.recovery.messages_missing.saturating_add(missing);
            cx.warn(Warning::MessagesMissing {
                chat: self.chat(),
                member: sender.account_id(),
                before_seq: entry.seq,
            });
        }
        if last.is_none_or(|last| claim.send_number > last) {
            log_chain::set_send_number(cx.conn, self.chat(), device, claim.send_number)?;
        }
        self.compare_claim(cx, entry, sender.account_id(), claim)
    }

    /// Compares the place and hash that a member claims with what this device has. If they differ, the two were shown
    /// different logs, or the member lies: nobody can tell.
    pub(super) fn compare_claim(
        &self,
        cx: &mut Context<'_>,
        entry: &Entry,
        member: AccountId,
        claim: &LogClaim,
    ) -> StepResult {
        // What was claimed before the epoch is over.
        let known = if claim.seq == 0 || claim.seq < self.record.epoch_seq() {
            None
        } else {
            log_chain::find(cx.conn, self.chat(), claim.seq)?
        };
        if known.is_some_and(|known| known != claim.hash) || claim.seq >= entry.seq {
            self.disagrees(cx, member);
        }
        Ok(())
    }

    pub(super) fn disagrees(&self, cx: &mut Context<'_>, member: AccountId) {
        cx.recovery.logs_disagree += 1;
        cx.warn(Warning::LogsDisagree {
            chat: self.chat(),
            member,
        });
    }

    /// Compares the log chain with the one that the server names for the end of the log, which this device has reached.
    /// One that does not know the chain takes over the server's, which the claims of other members confirm.
    pub(super) fn compare_head(&mut self, cx: &mut Context<'_>, head: LogPlace) -> StepResult {
        let Some(hash) = head.hash else { return Ok(()) };
        match self.record.chain() {
            Some(own) if own == hash => {
                self.record.nothing_to_resend();
                return Ok(());
            }
            Some(_) => {
                self.server_misbehaved(cx, Misbehaviour::LogDiffers);
                if self.log_forked(cx) {
                    return Ok(());
                }
            }
            None => {}
        }
        log_chain::delete_before(cx.conn, self.chat(), head.seq)?;
        log_chain::insert(cx.conn, self.chat(), head.seq, hash)?;
        self.record.set_cursor(head.seq, Some(hash));
        Ok(())
    }

    /// Handles the server's refusal of what we claim about the log: what it has is not what it has shown to us.
    pub(super) fn log_disagrees(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.server_misbehaved(cx, Misbehaviour::LogDiffers);
        if self.record.chain().is_some() && self.log_forked(cx) {
            outbox::unseal(cx.conn, self.chat())?;
            self.back_off(cx, None);
            return Ok(());
        }
        // Until the next page names the server's own hash, nothing is claimed.
        self.record.set_cursor(self.record.cursor(), None);
        self.live.is_anchored = false;
        outbox::unseal(cx.conn, self.chat())?;
        self.back_off(cx, None);
        Ok(())
    }
}
