//! A server that has gone back to an earlier state, and a profile that has.
//!
//! When Sync says that a log ends before a place that this device has reached, another request confirms it. If the log
//! chain agrees up to where the server's log ends, the device puts back what follows from the entries that it keeps.
//! What cannot be put back this way, its author sends again.
//!
//! A profile that was put back from a copy sees that the server has counted more sends of this device than it knows of.
//! The keys for its next messages are used already, so it takes a new leaf before it sends anything.

use subrosa_mls::{EntryKind, LogClaim, LogHash};
use subrosa_wire::{
    frames::{FetchLog, LogEntry, LogPage, LogRestored, Lost, Problem, RestoreLog, client_frame::Request},
    limits::{RESTORED_BYTES_MAX, RESTORED_ENTRIES_MAX},
    problem::ProblemCode,
};

use super::{Conversation, log::Entry, message_status_changed, record::LogPlace};
use crate::{
    LocalMessageId,
    api::{ConversationState, Warning},
    content::compose,
    context::{Context, StepResult, is_transient},
    limits::{LEAF_REPLACED_EVERY, LOG_REFUSALS_MAX, RAW_AGE_MAX, RESENT_MAX},
    requests::PendingRequest,
    store::{
        former_states, handshakes, log_chain, members,
        messages::{self, Resendable},
        outbox, raw_entries,
    },
};

/// What is known about a server that seems to have gone back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Return {
    /// It has not, as far as this device knows.
    #[default]
    Unsuspected,
    /// Sync says so.
    Suspected,
    /// Another request is to confirm it.
    Asked,
    /// The entries after `after` are on their way; the server's log ended at `from` at first.
    Restoring { from: u64, after: u64 },
}

impl Entry {
    /// The entry as the server has shown it, without the conversation id; `None` if that was incomplete.
    fn as_frame(&self) -> Option<LogEntry> {
        use subrosa_wire::frames::log_entry::Payload;
        let payload = self.payload.clone();
        Some(LogEntry {
            conversation_id: Vec::new().into(),
            seq: self.seq,
            send_id: self.send_id?.to_vec().into(),
            accepted_at_ms: self.accepted_at.as_millis(),
            payload: Some(match self.kind {
                EntryKind::Message => Payload::ApplicationMessage(payload),
                EntryKind::Commit => Payload::Commit(payload),
                EntryKind::Leave => Payload::Leave(payload),
            }),
            sender_device: self.sender?.to_vec().into(),
            tag: self.tag.clone(),
        })
    }
}

impl Conversation {
    /// Keeps an entry that is about to be passed. Without a tag, the server would not take it back.
    pub(super) fn keep_raw(&self, cx: &Context<'_>, entry: &Entry) -> StepResult {
        if let Some(frame) = entry.as_frame().filter(|frame| !frame.tag.is_empty()) {
            raw_entries::insert(cx.conn, self.chat(), cx.now, self.record.chain(), &frame)?;
        }
        Ok(())
    }

    /// The log chain at a place up to the cursor, if it is known.
    fn hash_at(&self, cx: &Context<'_>, seq: u64) -> StepResult<Option<LogHash>> {
        if seq == self.record.cursor() {
            return Ok(self.record.chain());
        }
        let before = raw_entries::hash_before(cx.conn, self.chat(), seq + 1)?;
        Ok(match before {
            Some(hash) => Some(hash),
            None => log_chain::find(cx.conn, self.chat(), seq)?,
        })
    }

    // ---- the server ----

    /// Notes that the server says of the log that it ends before the cursor, or that there is none.
    pub(super) fn suspect_return(&mut self, cx: &mut Context<'_>) {
        if self.live.is_return_judged || self.record.is_entering() {
            self.doubt(cx);
        } else if self.live.returned == Return::Unsuspected {
            self.live.returned = Return::Suspected;
            cx.touch(self.chat());
        }
    }

    /// Whether nothing is to be sent because the server seems to have gone back. Does what is next about it.
    pub(super) fn waits_for_return(&mut self, cx: &mut Context<'_>) -> bool {
        if self.record.state() != ConversationState::Joined {
            self.live.returned = Return::Unsuspected;
        }
        match self.live.returned {
            Return::Unsuspected => return false,
            Return::Suspected => {
                self.live.returned = Return::Asked;
                cx.request(
                    PendingRequest::ConfirmHead { chat: self.chat() },
                    Request::FetchLog(FetchLog {
                        conversation_id: self.id().to_vec().into(),
                        after_seq: self.record.cursor(),
                        limit: 1,
                    }),
                );
            }
            Return::Asked | Return::Restoring { .. } => {}
        }
        true
    }

    /// Handles the answer that confirms where the log ends.
    pub(crate) fn head_confirmed(&mut self, cx: &mut Context<'_>, page: &LogPage) -> StepResult {
        if self.live.returned != Return::Asked {
            return Ok(());
        }
        let head = LogPlace::of_frame(page.head_seq, &page.head_hash);
        cx.touch(self.chat());
        if head.seq >= self.record.cursor() {
            // Another device has put back what was missing, or the first answer was false.
            self.live.returned = Return::Unsuspected;
            self.live.head_is_at_least(head.seq);
            if head.seq == self.record.cursor() {
                self.compare_head(cx, head)?;
            }
            return Ok(());
        }
        cx.connection.records.server_went_back();
        self.put_back(cx, head.seq, head)
    }

    /// Handles the refusal to confirm it.
    pub(crate) fn head_not_confirmed(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        if self.live.returned != Return::Asked {
            return Ok(());
        }
        cx.touch(self.chat());
        if is_transient(problem) {
            self.live.returned = Return::Suspected;
            self.back_off(cx, Some(problem));
            return Ok(());
        }
        if problem.known_code() == Some(ProblemCode::NotAMember) {
            return self.put_back_all(cx);
        }
        self.cannot_put_back(cx, 0);
        Ok(())
    }

    /// The place before the first entry that is kept.
    fn kept_from(&self, cx: &Context<'_>) -> StepResult<u64> {
        Ok(raw_entries::first(cx.conn, self.chat(), self.record.cursor())?.saturating_sub(1))
    }

    /// The place up to which the server's log certainly has what this device has read: its end, if the log chain is the
    /// same there.
    pub(super) fn common_with(&self, cx: &Context<'_>, head: LogPlace) -> StepResult<u64> {
        let is_same = head.seq <= self.record.cursor()
            && head.hash.is_some()
            && self.hash_at(cx, head.seq)? == head.hash;
        Ok(if is_same { head.seq } else { 0 })
    }

    /// Puts back the entries after the end of the server's log, or the first of them. The log ended at `from` at first.
    fn put_back(&mut self, cx: &mut Context<'_>, from: u64, head: LogPlace) -> StepResult {
        let (chat, cursor) = (self.chat(), self.record.cursor());
        let common = self.common_with(cx, head)?;
        if common != head.seq {
            if self.hash_at(cx, head.seq)?.is_none() {
                self.cannot_put_back(cx, 0);
                return Ok(());
            }
            // Others have gone on from an earlier place.
            self.live.returned = Return::Unsuspected;
            self.live.is_return_judged = true;
            self.live.is_fork_judged = true;
            self.live.is_forked = true;
            self.doubt(cx);
            return Ok(());
        }
        if self.kept_from(cx)? > head.seq || !self.budget.restore(cx.now) {
            // Not all of it is kept, and a part would be of no use; or the server takes it in vain.
            self.cannot_put_back(cx, common);
            return Ok(());
        }
        let entries = raw_entries::after(
            cx.conn,
            chat,
            (head.seq, cursor),
            RESTORED_ENTRIES_MAX,
            RESTORED_BYTES_MAX,
        )?;
        let Some(last) = entries.last() else {
            self.cannot_put_back(cx, head.seq);
            return Ok(());
        };
        let group_info = if last.seq == cursor {
            self.group_info(cx)?
        } else {
            Vec::new()
        };
        tracing::info!(%chat, head = head.seq, cursor, "the server has gone back: entries are put back");
        self.live.returned = Return::Restoring {
            from,
            after: head.seq,
        };
        self.send_restore(cx, entries, group_info, None);
        Ok(())
    }

    /// Puts back the whole conversation, of which the server knows nothing.
    fn put_back_all(&mut self, cx: &mut Context<'_>) -> StepResult {
        let (chat, cursor) = (self.chat(), self.record.cursor());
        let entries = raw_entries::newest(cx.conn, chat, cursor, RESTORED_ENTRIES_MAX, RESTORED_BYTES_MAX)?;
        let before = entries.first().map_or(cursor, |first| first.seq - 1);
        let hash_before = self.hash_before(cx, before)?;
        let (Some(hash_before), false) = (hash_before, entries.is_empty() || !self.budget.restore(cx.now))
        else {
            self.cannot_put_back(cx, 0);
            return Ok(());
        };
        let group_info = self.group_info(cx)?;
        let id = self.id();
        let lost = Lost {
            ratchet_tree: self.group.load(cx, id)?.ratchet_tree()?.into(),
            hash_before: hash_before.as_bytes().to_vec().into(),
        };
        tracing::info!(%chat, cursor, "the server has lost a conversation: it is put back");
        self.live.returned = Return::Restoring {
            from: before,
            after: before,
        };
        self.send_restore(cx, entries, group_info, Some(lost));
        Ok(())
    }

    fn hash_before(&self, cx: &Context<'_>, seq: u64) -> StepResult<Option<LogHash>> {
        if seq == 0 {
            return Ok(Some(LogHash::START));
        }
        self.hash_at(cx, seq)
    }

    fn group_info(&mut self, cx: &mut Context<'_>) -> StepResult<Vec<u8>> {
        let (id, device) = (self.id(), cx.device);
        Ok(self.group.load(cx, id)?.group_info(&cx.mls(), device)?)
    }

    fn send_restore(
        &self,
        cx: &mut Context<'_>,
        entries: Vec<LogEntry>,
        group_info: Vec<u8>,
        lost: Option<Lost>,
    ) {
        cx.request(
            PendingRequest::RestoreLog { chat: self.chat() },
            Request::RestoreLog(RestoreLog {
                conversation_id: self.id().to_vec().into(),
                entries,
                group_info: group_info.into(),
                lost,
            }),
        );
    }

    /// Handles the answer to entries that were put back.
    pub(crate) fn log_restored(&mut self, cx: &mut Context<'_>, restored: &LogRestored) -> StepResult {
        let Return::Restoring { from, after } = self.live.returned else {
            return Ok(());
        };
        let head = LogPlace::of_frame(restored.head_seq, &restored.head_hash);
        let cursor = self.record.cursor();
        cx.touch(self.chat());
        if head.seq < cursor {
            if head.seq > after {
                // The first of them, or what another device had.
                return self.put_back(cx, from, head);
            }
            // It has not taken what it was given.
            let common = self.common_with(cx, head)?;
            self.cannot_put_back(cx, common);
            return Ok(());
        }
        self.live.returned = Return::Unsuspected;
        self.live.is_return_judged = true;
        self.live.retry.succeeded();
        self.live.head_is_at_least(head.seq);
        if head.seq > cursor {
            // Others were faster. What they have said is read before this device judges the log.
            return Ok(());
        }
        if head.hash != self.record.chain() {
            return self.compare_head(cx, head);
        }
        cx.recovery.entries_put_back += cursor.saturating_sub(from);
        cx.warn(Warning::ServerWentBack);
        Ok(())
    }

    /// Handles the refusal of entries that were put back.
    pub(crate) fn restore_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) {
        if !matches!(self.live.returned, Return::Restoring { .. }) {
            return;
        }
        tracing::warn!(chat = %self.chat(), code = problem.code, detail = problem.detail, "entries were not taken back");
        cx.touch(self.chat());
        if is_transient(problem) {
            self.live.returned = Return::Suspected;
            self.back_off(cx, Some(problem));
            return;
        }
        self.cannot_put_back(cx, 0);
    }

    /// The server's log cannot be brought to where this device is: its own messages are sent again, and the other ways
    /// back decide. Up to `common`, the server has what this device has; 0 if that is not known.
    fn cannot_put_back(&mut self, cx: &mut Context<'_>, common: u64) {
        self.live.returned = Return::Unsuspected;
        self.live.is_return_judged = true;
        self.record.resend_from(common);
        self.doubt(cx);
    }

    /// Notes that the server has another log than this device has read. Once on each connection, the group that the server
    /// shows confirms it. Returns whether it is to.
    pub(super) fn log_forked(&mut self, cx: &mut Context<'_>) -> bool {
        if !std::mem::replace(&mut self.live.is_fork_judged, true) {
            self.live.is_forked = true;
            self.doubt(cx);
        }
        self.live.is_forked
    }

    /// Handles the group that was to confirm that the server has another log. If it does, this device comes back into the
    /// group from the place that both logs may have in common, and everybody sends again what the others lack.
    pub(super) fn resolve_fork(&mut self, cx: &mut Context<'_>, head: LogPlace, is_same: bool) -> StepResult {
        let cursor = self.record.cursor();
        cx.touch(self.chat());
        if head.seq > cursor && self.live.log_refusals < LOG_REFUSALS_MAX {
            // What can be fetched is read before anything is given up.
            self.live.head_is_at_least(head.seq);
            return Ok(());
        }
        self.live.is_forked = false;
        if is_same && head.seq == cursor && head.hash == self.record.chain() {
            self.live.is_in_doubt = false;
            self.record.nothing_to_resend();
            self.back_off(cx, None);
            return Ok(());
        }
        cx.connection.records.server_went_back();
        let common = self.common_with(cx, head)?;
        if common > 0 {
            self.record.resend_from(common);
        }
        self.rejoin(cx)?;
        // Where the two logs part shows on the way back.
        self.live.follows_from_epoch = common == 0;
        Ok(())
    }

    // ---- sending again ----

    /// Queues our messages again that the server has lost. Whoever has them shows them once.
    pub(super) fn resend_lost(&mut self, cx: &mut Context<'_>) -> StepResult {
        let Some(after) = self.record.resend_after() else {
            return Ok(());
        };
        self.record.nothing_to_resend();
        self.resend_profile(cx, after)?;
        // What was said before somebody came in was not for them.
        let members = members::all(cx.conn, self.chat())?;
        let newest = members
            .iter()
            .filter(|member| member.account != cx.me.account_id)
            .map(|member| member.joined_seq)
            .max();
        for id in self.queue_again(cx, after, newest.unwrap_or_default(), u32::MAX)? {
            messages::set_lost(cx.conn, id)?;
            message_status_changed(cx, id)?;
        }
        Ok(())
    }

    /// Queues our messages again that a device may not have been able to read: it has come back into the group from
    /// outside, and had reached this place of the log.
    pub(super) fn resend_to_returned(
        &mut self,
        cx: &mut Context<'_>,
        reached: u64,
        joined: u64,
    ) -> StepResult {
        if self.budget.resend(cx.now) {
            self.queue_again(cx, reached, joined, RESENT_MAX)?;
            cx.touch(self.chat());
        }
        Ok(())
    }

    /// Queues what was said after this place, and in the time for which servers get back what they lose.
    /// Nothing from up to `floor`.
    fn queue_again(
        &self,
        cx: &mut Context<'_>,
        after: u64,
        floor: u64,
        max: u32,
    ) -> StepResult<Vec<LocalMessageId>> {
        let origin = cx.origin(self.id());
        let since = cx.now.minus(RAW_AGE_MAX);
        let mut queued = Vec::new();
        for message in messages::own_after(cx.conn, self.chat(), (after, since), floor, max)? {
            let Resendable {
                id,
                message_id,
                text,
                salt,
                lifetime,
            } = message;
            let content = compose::expiring_text(&origin, salt, &text, lifetime);
            let (same_id, content) = origin.encode(&content)?;
            if same_id == message_id {
                self.queue(cx, Some(id), &content)?;
                queued.push(id);
            }
        }
        cx.recovery.messages_resent += queued.len() as u64;
        Ok(queued)
    }

    /// What this device claims when it comes back into a group: the place up to which it has read the log, so that others
    /// send again what it could not read.
    pub(super) fn claim_of_return(&self, cx: &Context<'_>, send_number: u64) -> StepResult<LogClaim> {
        let reached = former_states::find(cx.conn, self.chat())?.map(|state| state.reached);
        let place = match (reached, self.record.resend_after()) {
            (Some((seq, hash)), common) if common.is_none_or(|common| common >= seq) => Some((seq, hash)),
            (_, Some(common)) => Some((common, self.hash_at(cx, common)?)),
            _ => None,
        };
        Ok(match place {
            Some((seq, Some(hash))) if seq > 0 && !self.live.claims_nothing => LogClaim {
                seq,
                hash,
                send_number,
            },
            _ => LogClaim::of_no_place(send_number),
        })
    }

    /// Drops the entries of a log that this device has left for the one that it has just entered.
    pub(super) fn drop_other_branch(&self, cx: &Context<'_>) -> StepResult {
        let (chat, cursor) = (self.chat(), self.record.cursor());
        raw_entries::delete_beyond(cx.conn, chat, cursor)?;
        let Some(last) = cursor.checked_sub(1) else {
            return Ok(());
        };
        let before = raw_entries::hash_before(cx.conn, chat, last)?;
        let entry = raw_entries::after(cx.conn, chat, (last.saturating_sub(1), last), 1, usize::MAX)?.pop();
        let (Some(before), Some(entry)) = (before, entry.and_then(Entry::read)) else {
            return Ok(());
        };
        let after = raw_entries::hash_before(cx.conn, chat, cursor)?;
        if self.chain_after(before, &entry) != after {
            raw_entries::delete_through(cx.conn, chat, last)?;
        }
        Ok(())
    }

    // ---- this profile ----

    /// Compares how many sends of this device the server has counted with what this device knows of.
    pub(super) fn compare_send_number(&mut self, cx: &mut Context<'_>, counted: u64) -> StepResult {
        if counted > self.highest_number(cx)? {
            self.profile_went_back(cx);
        }
        Ok(())
    }

    /// The highest number that this device knows to have given to a send.
    pub(super) fn highest_number(&self, cx: &Context<'_>) -> StepResult<u64> {
        let sealed = outbox::highest_number(cx.conn, self.chat())?;
        let handshake = handshakes::find(cx.conn, self.chat())?.map(|handshake| handshake.number);
        let accepted = self.record.accepted_number();
        Ok([sealed, handshake].into_iter().flatten().fold(accepted, u64::max))
    }

    /// Notes that this device has sent what it does not know of.
    pub(super) fn profile_went_back(&mut self, cx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.live.has_gone_back, true) {
            tracing::warn!(chat = %self.chat(), "this profile has gone back: its leaf is replaced");
            cx.warn(Warning::ProfileWentBack);
        }
        cx.touch(self.chat());
    }

    /// Whether nothing is to be sent because the keys for it may have been used. Once the log is applied, the leaf is
    /// replaced.
    pub(super) fn waits_for_leaf(&mut self, cx: &mut Context<'_>) -> StepResult<bool> {
        if !self.live.has_gone_back {
            return Ok(false);
        }
        let last = self.record.leaf_replaced_at();
        let next = last.plus(LEAF_REPLACED_EVERY);
        if last <= cx.now && next > cx.now {
            self.live.retry.schedule(next);
            return Ok(true);
        }
        self.rejoin(cx)?;
        Ok(true)
    }
}
