//! The queue of a conversation: what leaves next, and what the server answers.
//!
//! Per conversation and device the server takes sends in the order of their numbers. The ratchet and the
//! ciphertext move in one transaction before anything leaves, so a retry sends the same bytes. When the epoch
//! ends before the server has accepted a ciphertext, it is thrown away and made anew.

use prost::Message as _;
use subrosa_mls::{CommitPlan, Group, Mls};
use subrosa_wire::{
    DeviceId, Timestamp,
    frames::{self, Append, Appended, CreateConversation, LogEntry, Problem, append, client_frame::Request},
    problem::ProblemCode,
};

use crate::{
    api::{ConversationState, EngineError, Event, MessageStatus, Warning},
    content::{Profile, StatusReport, clean_name, compose, limits::STATUS_ENTRIES_MAX},
    database::KvTable,
    limits::{SELF_UPDATE_INTERVAL, SEND_NUMBER_MAX, SEND_WINDOW, SEQ_MAX},
    live::Asked,
    step::{Step, StepResult, is_passing},
    store::{
        conversations::{self, ConversationKey, ConversationRow},
        handshakes::{self, HandshakeKind, HandshakeRow},
        messages,
        outbox::{self, OutboxKey, OutboxRow, Sealed},
    },
};

impl Step<'_> {
    /// Does whatever is next for a conversation. It is called after everything that may have changed that.
    pub(crate) fn pump(&mut self, row: ConversationRow) -> StepResult {
        if !self.live.connected || !self.live.synced {
            return Ok(());
        }
        let live = self.live.conversation(row.key);
        if live.retry.is_waiting(self.now) {
            return Ok(());
        }
        let is_behind = live.head > row.cursor;
        if let Some(handshake) = handshakes::find(self.conn, row.key)? {
            if is_behind && row.state == ConversationState::Joined {
                self.fetch_log(&row);
            }
            return self.send_handshake(&row, &handshake);
        }
        match row.state {
            ConversationState::Blocked => Ok(()),
            ConversationState::Joining => {
                // A Welcome that waits is the better way in: it comes with what was said since.
                if !self.live.is_syncing() {
                    self.join(row.id);
                }
                Ok(())
            }
            ConversationState::Starting => {
                if !self.live.conversation(row.key).claiming
                    && !outbox::head(self.conn, row.key, 1)?.is_empty()
                {
                    self.claim_for_creation(&row);
                }
                Ok(())
            }
            ConversationState::Joined if is_behind => {
                self.fetch_log(&row);
                Ok(())
            }
            ConversationState::Joined => self.pump_joined(row),
        }
    }

    fn pump_joined(&mut self, mut row: ConversationRow) -> StepResult {
        self.queue_name_and_reports(&mut row)?;
        let rows = outbox::head(self.conn, row.key, SEND_WINDOW)?;
        let is_waiting = rows.iter().any(|waiting| waiting.sealed.is_some());

        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let Some(mut group) = mls.load_group(row.id)? else {
            return Err(EngineError::Inconsistent(
                "a joined conversation without group".to_owned(),
            ));
        };
        let signed_out = self.signed_out_leaves(&row, &group)?;
        let next = rows.iter().find(|waiting| waiting.sealed.is_none());
        let starts_turn = next.is_some_and(|waiting| waiting.message.is_some())
            && !row.own_turn
            && self.now.since(row.updated_at) >= SELF_UPDATE_INTERVAL;
        if starts_turn || !signed_out.is_empty() {
            // Nothing can be encrypted while a commit is on its way, and nothing sealed may be left behind.
            return if is_waiting {
                self.send_sealed(&row, rows);
                Ok(())
            } else {
                self.commit_update(&row, group, signed_out)
            };
        }

        let mut number = row.accepted_number;
        let mut sealed_rows = Vec::with_capacity(rows.len());
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        for mut waiting in rows {
            if let Some(sealed) = &waiting.sealed {
                number = number.max(sealed.number);
            } else {
                number += 1;
                let sealed = Sealed {
                    number,
                    ciphertext: group.encrypt(&mls, &self.identity.device, &waiting.content)?,
                };
                outbox::set_sealed(self.conn, waiting.key, &sealed)?;
                row.own_turn |= waiting.message.is_some();
                waiting.sealed = Some(sealed);
            }
            sealed_rows.push(waiting);
        }
        self.save(&row)?;
        self.send_sealed(&row, sealed_rows);
        Ok(())
    }

    /// Own devices in the group that are signed out: their own account sees to it that they leave.
    ///
    /// A device may have signed in since the last Sync, so one that is not known is asked about first.
    fn signed_out_leaves(&mut self, row: &ConversationRow, group: &Group) -> StepResult<Vec<DeviceId>> {
        let me = &self.identity.me;
        let unknown: Vec<_> = group
            .members()?
            .into_iter()
            .filter(|member| member.certificate.account_id() == me.account_id)
            .map(|member| member.certificate.device_id())
            .filter(|device| *device != me.device_id && !self.live.own_devices.contains(device))
            .collect();
        let (gone, suspects): (Vec<_>, Vec<_>) = unknown
            .into_iter()
            .partition(|device| self.live.gone.contains(device));
        if !suspects.is_empty()
            && !self
                .live
                .in_flight
                .values()
                .any(|asked| matches!(asked, Asked::Sync))
        {
            self.live.suspects.extend(suspects);
            self.sync_again();
        }
        let live = self.live.conversation(row.key);
        let (removable, back): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|device| live.may_remove(*device));
        if !back.is_empty() {
            self.warn(Warning::ForgedByServer {
                conversation: Some(row.id),
                what: "an own device that is said to be signed out comes back each time it is removed"
                    .to_owned(),
            });
        }
        Ok(removable)
    }

    /// The own name, where it is not known yet, and the reports that are due.
    fn queue_name_and_reports(&mut self, row: &mut ConversationRow) -> StepResult {
        let origin = self.origin(row.id);
        let has_reports = messages::has_reports(self.conn, row.key)?;
        let queued = outbox::head(self.conn, row.key, SEND_WINDOW)?;
        if !row.name_sent
            && let Some(name) = self.identity.me.name.clone()
            && (has_reports || !queued.is_empty())
        {
            let profile = Profile {
                name: clean_name(&name).ok(),
            };
            let content = compose::profile(&origin, self.new_salt(), &profile);
            self.queue(row.key, None, &origin.seal(&content)?.1)?;
            row.name_sent = true;
            self.save(row)?;
        }
        // Reports that come while the window is full wait, and leave together.
        if has_reports && queued.len() < SEND_WINDOW {
            let reports = messages::take_reports(self.conn, row.key, STATUS_ENTRIES_MAX)?;
            for report in StatusReport::batches(reports) {
                let content = compose::status_report(&origin, self.new_salt(), &report);
                self.queue(row.key, None, &origin.seal(&content)?.1)?;
            }
        }
        Ok(())
    }

    /// Puts a content at the end of the queue.
    pub(crate) fn queue(
        &mut self,
        key: ConversationKey,
        message: Option<messages::MessageKey>,
        content: &[u8],
    ) -> StepResult {
        let send_id = self.new_send_id();
        Ok(outbox::insert(self.conn, key, send_id, message, content)?)
    }

    fn send_sealed(&mut self, row: &ConversationRow, rows: Vec<OutboxRow>) {
        for waiting in rows {
            let Some(sealed) = waiting.sealed else { continue };
            if self.live.conversation(row.key).rows_in_flight.insert(waiting.key) {
                self.ask(
                    Asked::Append {
                        conversation: row.key,
                        row: waiting.key,
                        number: sealed.number,
                    },
                    Request::Append(Append {
                        conversation_id: row.id.to_vec().into(),
                        send_id: waiting.send_id.to_vec().into(),
                        send_number: sealed.number,
                        payload: Some(append::Payload::ApplicationMessage(sealed.ciphertext.into())),
                    }),
                );
            }
        }
    }

    // ---- commits ----

    fn commit_update(
        &mut self,
        row: &ConversationRow,
        mut group: Group,
        remove: Vec<DeviceId>,
    ) -> StepResult {
        let send_id = self.new_send_id();
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let plan = CommitPlan {
            add: Vec::new(),
            remove,
            update_path: true,
        };
        let bundle = group.commit(&mls, &self.identity.device, plan)?;
        let handshake = HandshakeRow {
            kind: HandshakeKind::Update,
            send_id,
            number: row.accepted_number + 1,
            request: crate::joining::commit_frame(bundle).encode_to_vec(),
        };
        handshakes::insert(self.conn, row.key, &handshake)?;
        self.send_handshake(row, &handshake)
    }

    fn send_handshake(&mut self, row: &ConversationRow, handshake: &HandshakeRow) -> StepResult {
        if std::mem::replace(&mut self.live.conversation(row.key).handshake_in_flight, true) {
            return Ok(());
        }
        let stored = |_| EngineError::Inconsistent("a stored handshake does not decode".to_owned());
        let request = match handshake.kind {
            HandshakeKind::Create => Request::CreateConversation(
                CreateConversation::decode(&handshake.request[..]).map_err(stored)?,
            ),
            HandshakeKind::Update | HandshakeKind::ExternalJoin => Request::Append(Append {
                conversation_id: row.id.to_vec().into(),
                send_id: handshake.send_id.to_vec().into(),
                send_number: handshake.number,
                payload: Some(append::Payload::Commit(
                    frames::Commit::decode(&handshake.request[..]).map_err(stored)?,
                )),
            }),
        };
        self.ask(
            Asked::Handshake {
                conversation: row.key,
            },
            request,
        );
        Ok(())
    }

    /// The server has accepted the handshake: it takes effect at its place in the log.
    pub(crate) fn handshake_accepted(&mut self, key: ConversationKey, appended: &Appended) -> StepResult {
        let Some(mut row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        let Some(handshake) = handshakes::find(self.conn, key)? else {
            return Ok(());
        };
        if handshake.kind == HandshakeKind::Update {
            return self.take_entry(
                key,
                LogEntry {
                    conversation_id: row.id.to_vec().into(),
                    seq: appended.seq,
                    send_id: handshake.send_id.to_vec().into(),
                    accepted_at_ms: appended.accepted_at_ms,
                    payload: None,
                },
            );
        }
        // A join begins at its own place, whatever lay before.
        self.live.cursor_moves(row.key, row.cursor);
        row.cursor = appended.seq.min(SEQ_MAX);
        self.own_handshake_applied(row)?;
        self.apply_held(key)
    }

    /// The own commit is next in the log: its epoch begins.
    pub(crate) fn own_handshake_applied(&mut self, mut row: ConversationRow) -> StepResult {
        let Some(handshake) = handshakes::find(self.conn, row.key)? else {
            return Ok(());
        };
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let Some(mut group) = mls.load_group(row.id)? else {
            return Err(EngineError::Inconsistent("a handshake without group".to_owned()));
        };
        group.merge_pending_commit(&mls)?;
        row.accepted_number = handshake.number;
        row.updated_at = self.now;
        if handshake.kind == HandshakeKind::Update {
            handshakes::delete(self.conn, row.key)?;
            self.live.forget_requests(row.key);
            self.live.conversation(row.key).retry.succeeded();
            self.save(&row)?;
            self.touch(row.key);
            return Ok(());
        }
        self.joined(row)
    }

    pub(crate) fn handshake_refused(&mut self, key: ConversationKey, problem: &Problem) -> StepResult {
        let Some(mut row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        let Some(handshake) = handshakes::find(self.conn, key)? else {
            return Ok(());
        };
        let live = self.live.conversation(key);
        live.handshake_in_flight = false;
        live.head = live.head.max(problem.head_seq);
        self.touch(key);
        if is_passing(problem) {
            self.live
                .conversation(key)
                .retry
                .back_off(self.now, problem.retry_after_ms);
            return Ok(());
        }
        match handshake.kind {
            HandshakeKind::Create => {
                if problem.known_code() == Some(ProblemCode::ConversationExists) {
                    return self.creation_lost(row, problem);
                }
                // A device may have gone since its key package was claimed: start again with new ones.
                handshakes::delete(self.conn, key)?;
                self.live.forget_requests(key);
                self.live.conversation(key).retry.back_off(self.now, 0);
                self.refused(problem);
                Ok(())
            }
            HandshakeKind::ExternalJoin => self.external_join_refused(&row, problem),
            HandshakeKind::Update => {
                if problem.known_code() == Some(ProblemCode::SendOutOfOrder)
                    && (1..=SEND_NUMBER_MAX).contains(&problem.expected_send_number)
                {
                    handshakes::set_number(self.conn, key, problem.expected_send_number)?;
                    row.accepted_number = problem.expected_send_number.saturating_sub(1);
                    self.live.conversation(key).retry.back_off(self.now, 0);
                    return self.save(&row);
                }
                let store = KvTable::new(self.conn);
                let mls = Mls::new(&store, &mut *self.rng, self.now);
                if let Some(mut group) = mls.load_group(row.id)? {
                    group.clear_pending_commit(&mls)?;
                }
                handshakes::delete(self.conn, key)?;
                // One try a turn: the message matters more than the new key.
                row.updated_at = self.now;
                self.save(&row)?;
                match problem.known_code() {
                    Some(ProblemCode::StaleEpoch) => self.rejoin_if_diverged(row, problem),
                    Some(ProblemCode::NotAMember) => self.rejoin(&mut row),
                    _ => {
                        self.live.conversation(key).retry.back_off(self.now, 0);
                        self.refused(problem);
                        Ok(())
                    }
                }
            }
        }
    }

    /// After `stale_epoch`: if the whole log is applied and the server still is in another epoch, then this
    /// device cannot follow it.
    fn rejoin_if_diverged(&mut self, mut row: ConversationRow, problem: &Problem) -> StepResult {
        if row.cursor < problem.head_seq {
            return Ok(());
        }
        let store = KvTable::new(self.conn);
        let group = Mls::new(&store, &mut *self.rng, self.now).load_group(row.id)?;
        match group {
            Some(group) if group.epoch() >= problem.epoch => Ok(()),
            _ => self.rejoin(&mut row),
        }
    }

    // ---- messages ----

    pub(crate) fn appended(
        &mut self,
        key: ConversationKey,
        outbox_key: OutboxKey,
        number: u64,
        appended: &Appended,
    ) -> StepResult {
        let Some(row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        self.live.conversation(key).retry.succeeded();
        let accepted_at = Timestamp::from_millis(appended.accepted_at_ms);
        let rows = outbox::all(self.conn, key)?;
        // Not what stands in its place if it is gone and keys should ever come back.
        let is_answered = |waiting: &OutboxRow| {
            waiting.key == outbox_key
                && waiting
                    .sealed
                    .as_ref()
                    .is_none_or(|sealed| sealed.number == number)
        };
        let Some(own) = rows.into_iter().find(is_answered) else {
            return Ok(());
        };
        let send_id = own.send_id;
        self.own_message_accepted(row, &own, appended.seq, accepted_at)?;
        self.take_entry(
            key,
            LogEntry {
                seq: appended.seq,
                send_id: send_id.to_vec().into(),
                accepted_at_ms: appended.accepted_at_ms,
                ..LogEntry::default()
            },
        )
    }

    /// An own message is durable at the server.
    pub(crate) fn own_message_accepted(
        &mut self,
        mut row: ConversationRow,
        own: &OutboxRow,
        seq: u64,
        accepted_at: Timestamp,
    ) -> StepResult {
        if let Some(sealed) = &own.sealed {
            row.accepted_number = row.accepted_number.max(sealed.number);
        }
        outbox::delete(self.conn, own.key)?;
        self.live.conversation(row.key).rows_in_flight.remove(&own.key);
        self.save(&row)?;
        self.touch(row.key);
        if let Some(message) = own.message {
            messages::set_accepted(self.conn, message, seq, accepted_at)?;
            conversations::set_active(self.conn, row.key, accepted_at)?;
            self.status_changed(&row, message)?;
        }
        Ok(())
    }

    pub(crate) fn append_refused(
        &mut self,
        key: ConversationKey,
        outbox_key: OutboxKey,
        problem: &Problem,
    ) -> StepResult {
        let Some(mut row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        // Whatever was sent behind it was refused with it.
        self.live.forget_requests(key);
        let live = self.live.conversation(key);
        live.head = live.head.max(problem.head_seq);
        self.touch(key);
        if is_passing(problem) {
            self.live
                .conversation(key)
                .retry
                .back_off(self.now, problem.retry_after_ms);
            return Ok(());
        }
        match problem.known_code() {
            Some(ProblemCode::StaleEpoch) => {
                if row.cursor >= problem.head_seq {
                    // Everything is applied and nothing ended the epoch: do not spin.
                    outbox::unseal(self.conn, key)?;
                    self.live.conversation(key).retry.back_off(self.now, 0);
                }
                self.rejoin_if_diverged(row, problem)
            }
            Some(ProblemCode::SendOutOfOrder)
                if (1..=SEND_NUMBER_MAX).contains(&problem.expected_send_number) =>
            {
                // The log tells which were accepted; the others are numbered anew and sent as they are.
                row.accepted_number = problem.expected_send_number.saturating_sub(1);
                self.save(&row)?;
                let sealed = outbox::all(self.conn, key)?
                    .into_iter()
                    .filter(|waiting| waiting.sealed.is_some());
                for (number, waiting) in (problem.expected_send_number..).zip(sealed) {
                    outbox::set_number(self.conn, waiting.key, number)?;
                }
                self.live.conversation(key).retry.back_off(self.now, 0);
                self.fetch_log(&row);
                Ok(())
            }
            Some(ProblemCode::NotAMember) => self.rejoin(&mut row),
            _ => {
                outbox::unseal(self.conn, key)?;
                let refused = outbox::all(self.conn, key)?
                    .into_iter()
                    .find(|waiting| waiting.key == outbox_key);
                let message = if let Some(message) = refused.and_then(|waiting| waiting.message) {
                    outbox::park(self.conn, outbox_key)?;
                    messages::set_status(self.conn, message, MessageStatus::Failed)?;
                    self.status_changed(&row, message)?;
                    Some(messages::load(self.conn, message)?.id)
                } else {
                    outbox::delete(self.conn, outbox_key)?;
                    None
                };
                self.refused_with(message, problem);
                Ok(())
            }
        }
    }

    pub(crate) fn status_changed(&mut self, row: &ConversationRow, key: messages::MessageKey) -> StepResult {
        let message = messages::load(self.conn, key)?;
        self.event(Event::MessageStatusChanged {
            conversation: row.id,
            message: message.id,
            status: message.status,
        });
        Ok(())
    }
}
