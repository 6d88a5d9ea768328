//! The queue of a conversation: what leaves next, and what the server answers to a message.
//!
//! Per conversation and device the server takes sends in the order of their numbers. The ratchet and the
//! ciphertext move in one transaction before anything leaves, so a retry sends the same bytes. When the epoch
//! ends before the server has accepted a ciphertext, it is thrown away and made anew.

use subrosa_mls::Group;
use subrosa_wire::{
    DeviceId, Timestamp,
    frames::{Append, Appended, LogEntry, Problem, append, client_frame::Request},
    problem::ProblemCode,
};

use super::{Conversation, join};
use crate::{
    api::{ConversationState, Event, MessageStatus},
    content::{
        MessageText, Profile, SendToken, StatusReport, clean_name, compose, limits::STATUS_ENTRIES_MAX,
    },
    context::{Context, StepResult, is_transient},
    limits::{SELF_UPDATE_INTERVAL, SEND_NUMBER_MAX, SEND_WINDOW},
    requests::PendingRequest,
    store::{
        handshakes,
        messages::{self, LocalMessageId, NewMessage},
        outbox::{self, OutboxId, OutboxRow, Sealed},
    },
};

impl Conversation {
    /// Does whatever is next for this conversation. It is called after everything that may have changed that.
    pub(crate) fn pump(&mut self, cx: &mut Context<'_>) -> StepResult {
        if !cx.connection.is_open || !cx.connection.synced || self.live.retry.is_waiting(cx.now) {
            return Ok(());
        }
        let is_behind = self.live.head > self.record.cursor();
        if let Some(handshake) = handshakes::find(cx.conn, self.chat())? {
            if is_behind && self.record.state() == ConversationState::Joined {
                self.fetch_log(cx);
            }
            return self.send_handshake(cx, &handshake);
        }
        match self.record.state() {
            ConversationState::Blocked => Ok(()),
            ConversationState::Joining => {
                // A Welcome that waits is the better way in: it comes with what was said since.
                if !cx.is_syncing() {
                    join::fetch_group(cx, self.id());
                }
                Ok(())
            }
            ConversationState::Starting => {
                if !self.live.is_claiming && !outbox::head(cx.conn, self.chat(), 1)?.is_empty() {
                    self.claim_key_packages(cx);
                }
                Ok(())
            }
            ConversationState::Joined if is_behind => {
                self.fetch_log(cx);
                Ok(())
            }
            ConversationState::Joined => self.send_next(cx),
        }
    }

    fn send_next(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.queue_name_and_reports(cx)?;
        let rows = outbox::head(cx.conn, self.chat(), SEND_WINDOW)?;
        let id = self.id();
        let signed_out = signed_out_devices(self.group.load(cx, id)?, cx)?;
        let removable = self.removable(cx, signed_out);
        let next = rows.iter().find(|row| row.sealed.is_none());
        let starts_turn = next.is_some_and(|row| row.message.is_some())
            && !self.record.is_own_turn()
            && cx.now.since(self.record.updated_at()) >= SELF_UPDATE_INTERVAL;
        if starts_turn || !removable.is_empty() {
            // Nothing can be encrypted while a commit is in flight, and nothing sealed may be left behind.
            return if rows.iter().any(|row| row.sealed.is_some()) {
                self.send_sealed(cx, rows);
                Ok(())
            } else {
                self.commit_update(cx, removable)
            };
        }
        let rows = self.seal(cx, rows)?;
        self.send_sealed(cx, rows);
        Ok(())
    }

    /// Encrypts what is not encrypted for the present epoch.
    fn seal(&mut self, cx: &mut Context<'_>, mut rows: Vec<OutboxRow>) -> StepResult<Vec<OutboxRow>> {
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let device = cx.device;
        let mut number = self.record.accepted_number();
        let mut takes_turn = false;
        for row in &mut rows {
            if let Some(sealed) = &row.sealed {
                number = number.max(sealed.number);
                continue;
            }
            number += 1;
            let sealed = Sealed {
                number,
                ciphertext: group.encrypt(&cx.mls(), device, &row.content)?,
            };
            outbox::set_sealed(cx.conn, row.id, &sealed)?;
            takes_turn |= row.message.is_some();
            row.sealed = Some(sealed);
        }
        if takes_turn {
            self.record.set_own_turn(true);
        }
        Ok(rows)
    }

    /// Of this account's devices that are signed out, those that another try to remove makes sense for.
    fn removable(&mut self, cx: &mut Context<'_>, signed_out: Vec<DeviceId>) -> Vec<DeviceId> {
        let (removable, back): (Vec<_>, Vec<_>) = signed_out
            .into_iter()
            .partition(|device| self.live.may_remove(*device));
        if !back.is_empty() {
            self.forged(
                cx,
                "an own device that is said to be signed out comes back each time it is removed",
            );
        }
        removable
    }

    /// Queues our display name, where it is not known yet, and the reports that are due.
    fn queue_name_and_reports(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        let origin = cx.origin(self.id());
        let has_reports = messages::has_reports(cx.conn, chat)?;
        let queued = outbox::head(cx.conn, chat, SEND_WINDOW)?;
        if !self.record.is_name_sent()
            && let Some(name) = cx.me.name.clone()
            && (has_reports || !queued.is_empty())
        {
            let profile = Profile {
                name: clean_name(&name).ok(),
            };
            let content = compose::profile(&origin, cx.new_salt(), &profile);
            self.queue(cx, None, &origin.seal(&content)?.1)?;
            self.record.set_name_sent(true);
        }
        // Reports that come while the window is full wait, and leave together.
        if has_reports && queued.len() < SEND_WINDOW {
            let reports = messages::take_reports(cx.conn, chat, STATUS_ENTRIES_MAX)?;
            for report in StatusReport::batches(reports) {
                let content = compose::status_report(&origin, cx.new_salt(), &report);
                self.queue(cx, None, &origin.seal(&content)?.1)?;
            }
        }
        Ok(())
    }

    /// Puts a content at the end of the queue.
    fn queue(&self, cx: &mut Context<'_>, message: Option<LocalMessageId>, content: &[u8]) -> StepResult {
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
        let (id, content) = origin.seal(&compose::text(&origin, token.into_salt(), text.as_str()))?;
        if let Some((_, stored)) = messages::find(cx.conn, self.chat(), &id)? {
            // Whoever asks again has not learned that it was done.
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
        };
        let message = messages::insert(cx.conn, self.chat(), &new)?;
        self.queue(cx, Some(message), &content)?;
        self.record.set_active(cx.now);
        cx.event(Event::MessageSent(Box::new(messages::load(cx.conn, message)?)));
        cx.touch(self.chat());
        Ok(())
    }

    /// Puts a failed message back into the queue, at its end.
    pub(crate) fn retry(&mut self, cx: &mut Context<'_>, message: LocalMessageId) -> StepResult {
        outbox::unpark(cx.conn, message)?;
        messages::set_status(cx.conn, message, MessageStatus::Pending)?;
        self.message_status_changed(cx, message)?;
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

    /// The server has answered a send: the message is accepted, and its place in the log is returned as an
    /// entry. `None` if the answer is of no interest any more.
    pub(super) fn message_answered(
        &mut self,
        cx: &mut Context<'_>,
        outbox: OutboxId,
        send_number: u64,
        appended: &Appended,
    ) -> StepResult<Option<LogEntry>> {
        self.live.retry.succeeded();
        // Not what stands in its place if it is gone and row ids should ever come back.
        let is_answered = |row: &OutboxRow| {
            row.id == outbox
                && row
                    .sealed
                    .as_ref()
                    .is_none_or(|sealed| sealed.number == send_number)
        };
        let Some(own) = outbox::all(cx.conn, self.chat())?.into_iter().find(is_answered) else {
            return Ok(None);
        };
        let accepted_at = Timestamp::from_millis(appended.accepted_at_ms);
        self.message_accepted(cx, &own, appended.seq, accepted_at)?;
        Ok(Some(LogEntry {
            seq: appended.seq,
            send_id: own.send_id.to_vec().into(),
            accepted_at_ms: appended.accepted_at_ms,
            ..LogEntry::default()
        }))
    }

    /// A message of ours is durable at the server.
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
        outbox::delete(cx.conn, own.id)?;
        self.live.in_flight.remove(&own.id);
        cx.touch(self.chat());
        if let Some(message) = own.message {
            messages::set_accepted(cx.conn, message, seq, accepted_at)?;
            self.record.set_active(accepted_at);
            self.message_status_changed(cx, message)?;
        }
        Ok(())
    }

    /// The server has refused a message.
    pub(crate) fn append_refused(
        &mut self,
        cx: &mut Context<'_>,
        refused: OutboxId,
        problem: &Problem,
    ) -> StepResult {
        let chat = self.chat();
        // Whatever was sent behind it was refused with it.
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
                    // Everything is applied and nothing ended the epoch: do not spin.
                    outbox::unseal(cx.conn, chat)?;
                    self.back_off(cx, None);
                }
                self.rejoin_if_diverged(cx, problem)
            }
            Some(ProblemCode::SendOutOfOrder)
                if (1..=SEND_NUMBER_MAX).contains(&problem.expected_send_number) =>
            {
                // The log tells which were accepted; the others are numbered anew and sent as they are.
                self.record
                    .set_accepted_number(problem.expected_send_number.saturating_sub(1));
                let sealed = outbox::all(cx.conn, chat)?
                    .into_iter()
                    .filter(|row| row.sealed.is_some());
                for (number, row) in (problem.expected_send_number..).zip(sealed) {
                    outbox::set_number(cx.conn, row.id, number)?;
                }
                self.back_off(cx, None);
                self.fetch_log(cx);
                Ok(())
            }
            Some(ProblemCode::NotAMember) => self.rejoin(cx),
            _ => self.message_refused(cx, refused, problem),
        }
    }

    /// A message that the server refuses for good fails, so that what is behind it can leave.
    fn message_refused(&mut self, cx: &mut Context<'_>, refused: OutboxId, problem: &Problem) -> StepResult {
        outbox::unseal(cx.conn, self.chat())?;
        let row = outbox::all(cx.conn, self.chat())?
            .into_iter()
            .find(|row| row.id == refused);
        let message = if let Some(message) = row.and_then(|row| row.message) {
            outbox::park(cx.conn, refused)?;
            messages::set_status(cx.conn, message, MessageStatus::Failed)?;
            self.message_status_changed(cx, message)?;
            Some(messages::load(cx.conn, message)?.id)
        } else {
            outbox::delete(cx.conn, refused)?;
            None
        };
        cx.refused(message, problem);
        Ok(())
    }
}

/// Devices of this account in the group that are signed out: their own account sees to it that they leave.
///
/// A device may have signed in since the last Sync, so one that is not known is asked about first.
fn signed_out_devices(group: &Group, cx: &mut Context<'_>) -> StepResult<Vec<DeviceId>> {
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
