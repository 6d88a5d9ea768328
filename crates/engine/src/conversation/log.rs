//! Applies the log of a conversation in order: each entry once, none left out.
//!
//! Two ways of recovery are here: an entry beyond the next is held, and the gap before it is fetched. The third,
//! joining again by an external commit, is taken when the log cannot be followed.

use subrosa_mls::{CommitSender, MemberFault, ProcessError, Received, StagedCommit};
use subrosa_wire::{
    SendId, Timestamp,
    frames::{FetchLog, LogEntry, LogPage, Problem, client_frame::Request, log_entry::Payload},
    problem::ProblemCode,
};

use super::Conversation;
use crate::{
    api::{ConversationState, Warning},
    context::{Context, StepResult, is_transient},
    limits::{HELD_ENTRIES_MAX, SEQ_MAX},
    misbehaviour::{MemberMisbehaviour, Misbehaviour},
    requests::PendingRequest,
    store::{
        handshakes::{self, HandshakeKind},
        held_entries,
        outbox::{self, OutboxRow},
    },
};

/// What applying an entry leads to outside the log.
pub(super) enum Applied {
    /// Nothing.
    Done,
    /// The entry is our handshake.
    OwnHandshake,
    /// The entry is our message.
    OwnMessage {
        outbox: Box<OutboxRow>,
        seq: u64,
        accepted_at: Timestamp,
    },
}

impl Conversation {
    /// Fetches the log after the cursor, unless a request is already in flight.
    pub(super) fn fetch_log(&mut self, cx: &mut Context<'_>) {
        if self.live.is_fetching {
            return;
        }
        self.live.is_fetching = true;
        self.live.head_at_request = self.live.head;
        cx.recovery.log_fetches += 1;
        let after_seq = self.record.cursor();
        tracing::debug!(chat = %self.chat(), after_seq, head = self.live.head, "fetches the log");
        cx.request(
            PendingRequest::FetchLog {
                chat: self.chat(),
                after_seq,
            },
            Request::FetchLog(FetchLog {
                conversation_id: self.id().to_vec().into(),
                after_seq,
                limit: 0,
            }),
        );
    }

    /// Notes that a page has arrived. Returns the head that was known when it was requested.
    pub(super) fn page_received(&mut self, page: &LogPage) -> u64 {
        self.live.is_fetching = false;
        self.live.head_is_at_least(page.head_seq);
        self.live.head_at_request
    }

    /// Checks, after a page was applied, whether it agrees with what the server said before.
    pub(super) fn check_head_after_page(
        &mut self,
        cx: &mut Context<'_>,
        after_seq: u64,
        head_seq: u64,
        head_at_request: u64,
    ) -> StepResult {
        let cursor = self.record.cursor();
        let is_joined = self.record.state() == ConversationState::Joined;
        if is_joined && cursor == after_seq && cursor < head_seq {
            self.back_off(cx, None);
            self.server_misbehaved(cx, Misbehaviour::EntriesWithheld);
        } else if is_joined && head_seq < head_at_request {
            // The server had announced entries that do not exist. Believing it would mean fetching forever.
            self.back_off(cx, None);
            if self.live.head == head_at_request {
                self.live.head = head_seq.max(cursor);
                held_entries::delete_beyond(cx.conn, self.chat(), head_seq)?;
            }
            self.server_misbehaved(cx, Misbehaviour::EntriesInvented);
        } else {
            self.live.retry.succeeded();
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles the refusal of a page of the log.
    pub(crate) fn fetch_log_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        self.live.is_fetching = false;
        self.back_off(cx, Some(problem));
        match problem.known_code() {
            Some(ProblemCode::LogPruned) => {
                cx.recovery.history_gaps += 1;
                cx.warn(Warning::HistoryGap { chat: self.chat() });
                self.live.retry.succeeded();
                self.rejoin(cx)
            }
            Some(ProblemCode::NotAMember) => self.rejoin(cx),
            _ if is_transient(problem) => Ok(()),
            _ => {
                cx.refused(None, problem);
                Ok(())
            }
        }
    }

    /// Returns the entry if it is the next one; otherwise holds it, or drops it if it was applied.
    pub(super) fn next_or_hold(
        &mut self,
        cx: &mut Context<'_>,
        entry: LogEntry,
    ) -> StepResult<Option<LogEntry>> {
        if entry.seq > SEQ_MAX {
            self.server_misbehaved(cx, Misbehaviour::ImpossibleSeq);
            return Ok(None);
        }
        self.live.head_is_at_least(entry.seq);
        cx.touch(self.chat());
        let cursor = self.record.cursor();
        let is_joined = self.record.state() == ConversationState::Joined;
        if entry.seq <= cursor {
            return Ok(None);
        }
        if !is_joined && handshakes::find(cx.conn, self.chat())?.is_none() {
            // Not a member: the log is fetched once this device is one.
            return Ok(None);
        }
        if is_joined && entry.seq == cursor + 1 {
            return Ok(Some(entry));
        }
        if held_entries::count(cx.conn, self.chat())? < HELD_ENTRIES_MAX {
            held_entries::insert(cx.conn, self.chat(), &entry)?;
            cx.recovery.entries_held += 1;
        }
        // The queue's pump sees that the head is beyond the cursor and fetches.
        Ok(None)
    }

    /// Takes the held entry that is now next, if any.
    pub(super) fn next_held(&mut self, cx: &Context<'_>) -> StepResult<Option<LogEntry>> {
        if self.record.state() != ConversationState::Joined {
            return Ok(None);
        }
        Ok(held_entries::take(
            cx.conn,
            self.chat(),
            self.record.cursor() + 1,
        )?)
    }

    /// Applies the entry at cursor + 1 and moves the cursor past it.
    pub(super) fn apply(&mut self, cx: &mut Context<'_>, entry: LogEntry) -> StepResult<Applied> {
        let seq = entry.seq;
        let accepted_at = Timestamp::from_millis(entry.accepted_at_ms);
        tracing::trace!(chat = %self.chat(), seq, "applies an entry");
        cx.connection.cursor_moved(self.chat(), self.record.cursor());
        self.record.set_cursor(seq);

        if let Ok(send_id) = SendId::try_from(&entry.send_id[..]) {
            if handshakes::find(cx.conn, self.chat())?.is_some_and(|handshake| handshake.send_id == send_id) {
                return Ok(Applied::OwnHandshake);
            }
            if let Some(own) = outbox::find_by_send_id(cx.conn, self.chat(), send_id)? {
                return Ok(Applied::OwnMessage {
                    outbox: Box::new(own),
                    seq,
                    accepted_at,
                });
            }
        }
        let Some(payload) = entry.payload else {
            // One of our sends, whose acceptance was already recorded.
            return Ok(Applied::Done);
        };
        let (Payload::ApplicationMessage(bytes) | Payload::Commit(bytes)) = &payload;

        let id = self.id();
        let processed = self.group.load(cx, id)?.process(&cx.mls(), bytes);
        if processed.is_ok() && self.live.fetched_again == Some(seq) {
            self.live.fetched_again = None;
            self.server_misbehaved(cx, Misbehaviour::EntryAltered { seq });
        }
        match processed {
            Ok(Received::Application(decrypted)) => {
                self.content_received(cx, &decrypted.sender, &decrypted.content, seq, accepted_at)?;
            }
            Ok(Received::Commit(staged)) => self.commit_received(cx, staged)?,
            Ok(Received::OwnPendingCommit) => return Ok(Applied::OwnHandshake),
            Err(error) => {
                // The ratchet in memory may be ahead of the database.
                self.group.unload();
                self.entry_refused(cx, seq, matches!(payload, Payload::Commit(_)), error)?;
            }
        }
        Ok(Applied::Done)
    }

    /// Applies another member's commit. The epoch ends, so our ciphertexts not yet accepted are thrown away.
    fn commit_received(&mut self, cx: &mut Context<'_>, staged: StagedCommit) -> StepResult {
        if staged.self_removed() {
            // Another device of this account has learned that this one is signed out. If it is not, Sync and an
            // external join bring it back.
            cx.sync_again();
            return self.rejoin(cx);
        }
        let adds = !staged.added().is_empty() || matches!(staged.sender(), CommitSender::External(_));
        let id = self.id();
        let group = self.group.load(cx, id)?;
        group.merge(&cx.mls(), staged)?;
        if let Some(handshake) = handshakes::find(cx.conn, self.record.chat())? {
            debug_assert_eq!(handshake.kind, HandshakeKind::Update);
            if group.has_pending_commit() {
                group.clear_pending_commit(&cx.mls())?;
            }
            handshakes::delete(cx.conn, self.chat())?;
            // One attempt per turn is enough: two members that both insist would keep each other from sending.
            self.record.set_updated_at(cx.now);
        }
        outbox::unseal(cx.conn, self.chat())?;
        self.forget_sends(cx);
        if adds {
            self.record.set_name_sent(false);
        }
        self.changed(cx);
        Ok(())
    }

    /// Handles an entry that the group refuses. It is fetched once more: the pushed entry may be forged, and the
    /// honest one must not be lost. If the fetched entry is refused, too, a message is skipped and the user warned;
    /// after a refused commit the log cannot be followed.
    fn entry_refused(
        &mut self,
        cx: &mut Context<'_>,
        seq: u64,
        is_commit: bool,
        error: ProcessError,
    ) -> StepResult {
        match &error {
            ProcessError::Mls(_) | ProcessError::OwnMessage => {}
            _ => cx.recovery.entries_refused += 1,
        }
        tracing::debug!(chat = %self.chat(), seq, is_commit, %error, "an entry is refused");
        let is_last_try = self.live.fetched_again.take() == Some(seq);
        // Its key is gone: fetched again, it would look like a replay.
        let is_decrypted = matches!(
            error,
            ProcessError::Member {
                fault: MemberFault::Padding(_),
                ..
            }
        );
        match error {
            ProcessError::Mls(error) => Err(error.into()),
            // Sent by this device before it lost its outbox.
            ProcessError::OwnMessage => Ok(()),
            _ if !is_last_try && !is_decrypted => {
                self.live.fetched_again = Some(seq);
                // The queue's pump sees that the head is beyond the cursor and fetches.
                self.record.set_cursor(seq - 1);
                Ok(())
            }
            error => {
                let cannot_follow = is_commit
                    || matches!(error, ProcessError::WrongEpoch { message, group } if message > group);
                self.report_refused(cx, seq, error);
                if cannot_follow { self.rejoin(cx) } else { Ok(()) }
            }
        }
    }
    /// Reports who is to blame for an entry that was finally refused.
    fn report_refused(&self, cx: &mut Context<'_>, seq: u64, error: ProcessError) {
        match error {
            ProcessError::Member { sender, fault } => {
                let how = match fault {
                    MemberFault::Padding(error) => MemberMisbehaviour::InvalidPadding { seq, error },
                    MemberFault::InvalidCommit(detail) => MemberMisbehaviour::InvalidCommit { seq, detail },
                    MemberFault::Rule(rule) => MemberMisbehaviour::BrokenRule { seq, rule },
                };
                self.member_misbehaved(cx, sender, how);
            }
            ProcessError::AlreadyDecrypted => {
                self.server_misbehaved(cx, Misbehaviour::EntryReplayed { seq });
            }
            ProcessError::WrongEpoch { message, group } if message > group => {
                self.server_misbehaved(
                    cx,
                    Misbehaviour::EntryOfFutureEpoch {
                        seq,
                        epoch: message,
                        log_epoch: group,
                    },
                );
            }
            error => self.server_misbehaved(cx, Misbehaviour::EntryForged { seq, error }),
        }
    }
}
