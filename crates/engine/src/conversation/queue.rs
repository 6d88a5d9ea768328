//! The queue of a conversation: what is sent next, and the server's answers to messages.
//!
//! The server accepts the sends of each conversation and device in the order of their numbers. The ratchet and the
//! ciphertext are stored in one transaction before anything is sent, so a retry sends the same bytes. If the epoch
//! ends before the server has accepted a ciphertext, it is thrown away and the content encrypted again.

use subrosa_mls::{Group, LogClaim};
use subrosa_wire::{
    DeviceId, Timestamp,
    frames::{Append, Problem, append, client_frame::Request},
    problem::ProblemCode,
};

use super::{
    Conversation, groups::NextChange, join, message_failed, message_status_changed, record::number_after,
};
use crate::{
    LocalMessageId,
    api::{ConversationState, Event, MessageStatus, Standing},
    content::{MessageText, Profile, SendToken, clean_name, compose},
    context::{Context, StepResult, is_transient},
    ids::OutboxId,
    limits::{COMMITS_HELD_RETRY, LOG_REFUSALS_MAX, SEND_WINDOW},
    misbehaviour::Misbehaviour,
    profile_objects,
    requests::PendingRequest,
    signals,
    store::{
        handshakes,
        messages::{self, NewMessage},
        outbox::{self, OutboxRow, Sealed},
        receipts,
    },
};

impl Conversation {
    /// Does what is next for this conversation. Called after anything that may have changed it.
    pub(crate) fn pump(&mut self, cx: &mut Context<'_>) -> StepResult {
        let is_set_aside = self.record.state() == ConversationState::Quarantined;
        let is_waiting = self.live.retry.is_waiting(cx.now);
        if !cx.connection.is_open || !cx.connection.synced || is_set_aside || is_waiting {
            return Ok(());
        }
        if let Some(until) = self.budget.refused_until(cx.now) {
            self.live.retry.schedule(until);
            return Ok(());
        }
        if self.waits_for_return(cx) || self.may_be_unblocked(cx)? {
            return Ok(());
        }
        let cursor = self.record.cursor();
        let is_behind = self.live.head > cursor;
        if let Some(handshake) = handshakes::find(cx.conn, self.chat())? {
            let accepted_at = self.live.handshake_accepted.as_ref().map(|appended| appended.seq);
            if accepted_at.is_some_and(|seq| seq <= cursor) {
                return self.accepted_elsewhere(cx, handshake.kind);
            }
            if is_behind && (accepted_at.is_some() || self.record.state() != ConversationState::Starting) {
                self.fetch_log(cx, cursor);
            }
            return self.send_handshake(cx, &handshake);
        }
        match self.record.state() {
            ConversationState::Blocked | ConversationState::Quarantined | ConversationState::Removed => {
                Ok(())
            }
            ConversationState::CutOff if self.live.is_cut_off => Ok(()),
            ConversationState::Joining | ConversationState::CutOff => {
                if let Some(join) = self.link_to_join(cx)? {
                    let Some(ask) = &join.ask else {
                        return self.want_group(cx);
                    };
                    self.ask(cx, &join.link, ask);
                    return Ok(());
                }
                let head = self.live.head;
                match self.follower(cx)?.map(|follower| follower.place().seq) {
                    Some(followed) if followed < head => self.fetch_log(cx, followed),
                    // A waiting Welcome is the better way to join: this device can read what was said since.
                    _ if !cx.is_syncing() && !cx.connection.held_welcomes.contains(self.id()) => {
                        self.want_group(cx)?;
                    }
                    _ => {}
                }
                Ok(())
            }
            ConversationState::Starting => {
                let is_wanted = self.is_group() || !outbox::head(cx.conn, self.chat(), 1)?.is_empty();
                if !self.live.is_claiming && is_wanted {
                    return self.claim_key_packages(cx);
                }
                Ok(())
            }
            ConversationState::Joined => {
                let can_fetch = self.live.log_refusals < LOG_REFUSALS_MAX;
                let needs_anchor = self.record.chain().is_none() && !self.live.is_anchored;
                if can_fetch && (is_behind || needs_anchor || self.record.is_entering()) {
                    self.fetch_log(cx, cursor);
                } else if self.live.is_in_doubt {
                    self.want_group(cx)?;
                } else if !self.waits_for_leaf(cx)? {
                    if self.live.renumbers {
                        if self.live.is_fetching {
                            // What the server has accepted is in the page that comes.
                            return Ok(());
                        }
                        self.live.renumbers = false;
                        outbox::unseal(cx.conn, self.chat())?;
                    }
                    self.fetch_receipts(cx);
                    self.send_receipt(cx)?;
                    return self.send_next(cx);
                }
                Ok(())
            }
        }
    }

    /// Wants the group, to join it or to compare it with this device's.
    fn want_group(&mut self, cx: &mut Context<'_>) -> StepResult {
        if !cx.connection.to_join.contains(&self.id()) {
            self.live.group_wanted_at = Some(self.reached(cx)?);
            match self.budget.join(cx.now) {
                Ok(()) => join::want_group(cx, self.id()),
                Err(at) => self.live.retry.schedule(at),
            }
        }
        Ok(())
    }

    fn send_next(&mut self, cx: &mut Context<'_>) -> StepResult {
        if self.record.standing() == Standing::Request {
            if !self.is_by_blocked(cx)? {
                return Ok(());
            }
            self.decline(cx)?;
        }
        if cx.connection.profiles_learned.insert(self.chat()) {
            self.learn_profile(cx)?;
        }
        if self.has_profile_to_tell() {
            self.queue_profile_changes(cx)?;
        }
        self.queue_name(cx)?;
        self.tend_links(cx)?;
        self.tend_join_requests(cx)?;
        let rows = outbox::head(cx.conn, self.chat(), SEND_WINDOW)?;
        let id = self.id();
        let signed_out = signed_out_devices(self.group.load(cx, id)?, cx)?;
        let are_held = self.live.commits_held_until.is_some_and(|until| until > cx.now);
        let removable = if are_held {
            Vec::new()
        } else {
            self.removable(cx, signed_out)
        };
        let next = rows.iter().find(|row| row.sealed.is_none());
        if self.is_group() && !are_held && self.changes_group(cx, &rows)? {
            self.send_sealed(cx, rows);
            return Ok(());
        }
        let starts_turn = next.is_some_and(|row| row.message.is_some()) && self.starts_turn(cx)?;
        let unsealed = rows.iter().filter(|row| row.sealed.is_none()).count();
        // A commit takes those out who are leaving, before anything else is said.
        let must_commit =
            unsealed > 0 && (!self.budget.may_encrypt(unsealed) || self.group.load(cx, id)?.has_leavers());
        let updates = starts_turn
            || must_commit
            || self.is_update_due_before(cx, unsealed)? && cx.connection.may_update(cx.now);
        if must_commit || !are_held && (updates || !removable.is_empty()) {
            // Nothing can be encrypted while a commit is in flight, and no ciphertext may be left behind.
            if rows.iter().any(|row| row.sealed.is_some()) {
                self.send_sealed(cx, rows);
            } else if are_held {
                self.live.retry.schedule(cx.now.plus(COMMITS_HELD_RETRY));
            } else {
                self.commit_update(cx, removable)?;
            }
            return Ok(());
        }
        let rows = self.without_forbidden(cx, rows)?;
        let rows = self.seal(cx, rows)?;
        self.send_sealed(cx, rows);
        Ok(())
    }

    /// Leaves out the messages that this account may not write any more: they have failed.
    fn without_forbidden(
        &mut self,
        cx: &mut Context<'_>,
        rows: Vec<OutboxRow>,
    ) -> StepResult<Vec<OutboxRow>> {
        if !self.is_group() {
            return Ok(rows);
        }
        let me = cx.me.account_id;
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            if row.sealed.is_some() || row.message.is_none() || self.may_post(cx, me)? {
                kept.push(row);
            } else {
                message_failed(cx, &row)?;
            }
        }
        Ok(kept)
    }

    /// Makes the next change of the group that the user wants. Returns whether everything else waits for it.
    fn changes_group(&mut self, cx: &mut Context<'_>, rows: &[OutboxRow]) -> StepResult<bool> {
        let is_sending = rows.iter().any(|row| row.sealed.is_some());
        match self.next_change(cx, is_sending)? {
            // What is said meanwhile need not wait.
            NextChange::Nothing | NextChange::Waits => Ok(false),
            NextChange::AfterSends => Ok(true),
            NextChange::Commit(plan) => {
                if let Err(error) = self.commit(cx, plan)? {
                    self.change_impossible(cx, error)?;
                    return Ok(false);
                }
                Ok(true)
            }
            NextChange::Leave => {
                if let Err(error) = self.propose_to_leave(cx)? {
                    self.leaving_impossible(cx, error)?;
                    return Ok(false);
                }
                Ok(true)
            }
        }
    }

    /// Encrypts the rows that are not yet encrypted for the current epoch.
    fn seal(&mut self, cx: &mut Context<'_>, mut rows: Vec<OutboxRow>) -> StepResult<Vec<OutboxRow>> {
        let id = self.id();
        let device = cx.device;
        let mut number = self.record.accepted_number();
        let claim = self.claim(number);
        let group = self.group.load(cx, id)?;
        let mut takes_turn = false;
        for row in &mut rows {
            if let Some(sealed) = &row.sealed {
                number = number.max(sealed.number);
                continue;
            }
            number = number_after(number);
            let claim = LogClaim {
                send_number: number,
                ..claim
            };
            let sealed = Sealed {
                number,
                ciphertext: group.encrypt(&cx.mls(), device, &row.content, &claim)?,
            };
            self.budget.encrypted();
            outbox::set_sealed(cx.conn, row.id, &sealed)?;
            takes_turn |= row.message.is_some();
            row.sealed = Some(sealed);
        }
        if takes_turn {
            self.record.set_own_turn(true);
        }
        Ok(rows)
    }

    /// The signed-out devices of this account for which another attempt at removal makes sense.
    fn removable(&self, cx: &mut Context<'_>, signed_out: Vec<DeviceId>) -> Vec<DeviceId> {
        let (removable, back): (Vec<_>, Vec<_>) = signed_out
            .into_iter()
            .partition(|device| self.live.may_remove(*device));
        for device in back {
            self.server_misbehaved(cx, Misbehaviour::SignedOutDeviceReturns(device));
        }
        removable
    }

    /// Queues our display name, if the members do not know it yet and something is said to them.
    fn queue_name(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        if !self.record.is_name_sent()
            && (self.record.announces()
                || receipts::own(cx.conn, chat)?.is_due()
                || outbox::has_any(cx.conn, chat)?)
        {
            self.queue_heard_profile(cx)?;
            let object = profile_objects::own_reference(cx)?;
            if cx.me.name.is_none() && object.is_none() {
                self.record.set_name_sent(true);
                return Ok(());
            }
            let origin = cx.origin(self.id());
            let profile = Profile {
                name: cx.me.name.as_deref().and_then(|name| clean_name(name).ok()),
                object,
            };
            let content = compose::profile(&origin, cx.new_salt(), &profile);
            self.queue(cx, None, &origin.encode(&content)?.1)?;
            self.record.set_name_sent(true);
        }
        Ok(())
    }

    /// Puts a content at the end of the queue.
    pub(super) fn queue(
        &self,
        cx: &mut Context<'_>,
        message: Option<LocalMessageId>,
        content: &[u8],
    ) -> StepResult {
        let send_id = cx.new_send_id();
        Ok(outbox::insert(cx.conn, self.chat(), send_id, message, content)?)
    }

    /// Stores a text as pending and queues it. The same text with the same token is stored once.
    pub(crate) fn queue_text(
        &mut self,
        cx: &mut Context<'_>,
        text: &MessageText,
        token: SendToken,
    ) -> StepResult {
        let origin = cx.origin(self.id());
        let salt = token.into_salt();
        let lifetime = self.record.timer();
        let content = compose::expiring_text(&origin, salt, text.as_str(), lifetime);
        let (id, content) = origin.encode(&content)?;
        if let Some(stored) = messages::find(cx.conn, self.chat(), &id)? {
            // The caller has not learned that the first attempt succeeded.
            cx.event(Event::MessageSent(Box::new(stored)));
            return Ok(());
        }
        let new = NewMessage {
            id,
            sender: cx.me.account_id,
            outgoing: true,
            text: text.as_str(),
            sent_at: cx.now,
            status: MessageStatus::Pending,
            seq: None,
            salt: Some(salt),
            lifetime,
        };
        let message = messages::insert(cx.conn, self.chat(), &new)?;
        self.record.show(cx.conn)?;
        self.queue(cx, Some(message), &content)?;
        self.record.set_active(cx.now, cx.now);
        signals::sent(cx, self.chat());
        cx.event(Event::MessageSent(Box::new(messages::load(cx.conn, message)?)));
        cx.touch(self.chat());
        Ok(())
    }

    /// Puts a failed message back into the queue, at its end.
    pub(crate) fn retry(&mut self, cx: &mut Context<'_>, message: LocalMessageId) -> StepResult {
        outbox::unpark(cx.conn, message)?;
        messages::set_status(cx.conn, message, MessageStatus::Pending)?;
        messages::stop_expiry(cx.conn, message)?;
        message_status_changed(cx, message)?;
        cx.touch(self.chat());
        Ok(())
    }

    fn send_sealed(&mut self, cx: &mut Context<'_>, rows: Vec<OutboxRow>) {
        for row in rows {
            let Some(sealed) = row.sealed else { continue };
            if self.live.in_flight.insert(row.id) {
                cx.request(
                    PendingRequest::Append {
                        chat: self.chat(),
                        outbox: row.id,
                        send_number: sealed.number,
                    },
                    Request::Append(Append {
                        conversation_id: self.id().to_vec().into(),
                        send_id: row.send_id.to_vec().into(),
                        send_number: sealed.number,
                        payload: Some(append::Payload::ApplicationMessage(sealed.ciphertext.into())),
                    }),
                );
            }
        }
    }

    // ---- answers ----

    /// Handles the acceptance of a send. Returns what was sent, or `None` if the answer no longer matters.
    pub(super) fn message_answered(
        &mut self,
        cx: &mut Context<'_>,
        outbox: OutboxId,
        send_number: u64,
    ) -> StepResult<Option<OutboxRow>> {
        // The send number guards against another row with the same id, should row ids ever be reused.
        let is_answered = |row: &OutboxRow| {
            row.sealed
                .as_ref()
                .is_none_or(|sealed| sealed.number == send_number)
        };
        let own = outbox::find(cx.conn, self.chat(), outbox)?.filter(is_answered);
        if own.is_some() {
            self.record
                .set_accepted_number(self.record.accepted_number().max(send_number));
        }
        Ok(own)
    }

    /// Sends a row again as something new. Whoever has it already shows it once.
    pub(super) fn send_anew(&mut self, cx: &mut Context<'_>, row: OutboxId) -> StepResult {
        let send_id = cx.new_send_id();
        outbox::renew(cx.conn, row, send_id)?;
        self.live.in_flight.remove(&row);
        self.back_off(cx, None);
        cx.touch(self.chat());
        Ok(())
    }

    /// Takes over the send number that the server expects. The log shows first what it has accepted; the rest is
    /// encrypted again, since a message names its number.
    pub(super) fn renumber(&mut self, cx: &mut Context<'_>, problem: &Problem) {
        self.back_off(cx, None);
        self.record
            .set_accepted_number(problem.expected_send_number.saturating_sub(1));
        self.live.renumbers = true;
        self.live.is_anchored = false;
        self.fetch_log(cx, self.record.cursor());
    }

    /// Notes that one of our messages is durable at the server.
    pub(super) fn message_accepted(
        &mut self,
        cx: &mut Context<'_>,
        own: &OutboxRow,
        seq: u64,
        accepted_at: Timestamp,
    ) -> StepResult {
        if let Some(sealed) = &own.sealed {
            self.record
                .set_accepted_number(self.record.accepted_number().max(sealed.number));
        }
        tracing::debug!(chat = %self.chat(), seq, "a message is accepted");
        outbox::delete(cx.conn, own.id)?;
        self.live.retry.succeeded();
        self.live.in_flight.remove(&own.id);
        cx.touch(self.chat());
        if let Some(message) = own.message {
            messages::set_accepted(cx.conn, message, seq, accepted_at, cx.now)?;
            self.record.set_active(accepted_at, cx.now);
            message_status_changed(cx, message)?;
        }
        self.profile_accepted(cx, own, (seq, accepted_at))
    }

    /// Handles the refusal of a message.
    pub(crate) fn append_refused(
        &mut self,
        cx: &mut Context<'_>,
        refused: OutboxId,
        problem: &Problem,
    ) -> StepResult {
        let chat = self.chat();
        tracing::debug!(%chat, code = problem.code, "a message was refused");
        // Whatever was sent after it was refused, too.
        self.forget_sends(cx);
        self.live.head_is_at_least(problem.head_seq);
        cx.touch(chat);
        if is_transient(problem) {
            self.back_off(cx, Some(problem));
            return Ok(());
        }
        match problem.known_code() {
            Some(ProblemCode::StaleEpoch) => {
                if self.record.cursor() >= problem.head_seq {
                    // Everything is applied and the epoch has not ended: the same bytes are tried again, later.
                    self.back_off(cx, None);
                }
                self.doubt_if_diverged(cx, problem)
            }
            Some(ProblemCode::SendOutOfOrder) => {
                self.renumber(cx, problem);
                Ok(())
            }
            Some(ProblemCode::LogDisagrees) => self.log_disagrees(cx),
            Some(ProblemCode::NotAMember) => {
                self.back_off(cx, None);
                self.doubt(cx);
                Ok(())
            }
            _ => self.message_refused(cx, refused, problem),
        }
    }

    /// Marks a message as failed that the server refuses permanently, so that those after it can be sent.
    fn message_refused(&mut self, cx: &mut Context<'_>, refused: OutboxId, problem: &Problem) -> StepResult {
        outbox::unseal(cx.conn, self.chat())?;
        let message = match outbox::find(cx.conn, self.chat(), refused)? {
            Some(row) => {
                let message = message_failed(cx, &row)?;
                self.profile_row_dropped(cx, &row)?;
                message
            }
            None => None,
        };
        cx.refused(message, problem);
        Ok(())
    }
}

/// Devices of this account that are in the group but signed out. It is up to their account to remove them.
///
/// A device may have signed in since the last Sync, so an unknown one leads to another Sync first.
fn signed_out_devices(group: &Group, cx: &mut Context<'_>) -> StepResult<Vec<DeviceId>> {
    if !cx.connection.knows_own_devices() {
        return Ok(Vec::new());
    }
    let unknown = group
        .devices_of(cx.me.account_id)?
        .iter()
        .copied()
        .filter(|device| *device != cx.me.device_id && !cx.connection.is_signed_in(*device));
    let (signed_out, suspects): (Vec<_>, Vec<_>) =
        unknown.partition(|device| cx.connection.is_signed_out(*device));
    if !suspects.is_empty() && !cx.is_syncing() {
        cx.connection.suspect(suspects);
        cx.sync_again();
    }
    Ok(signed_out)
}
