//! Applying the log of a conversation in order: each entry once, none left out.
//!
//! The first two rungs of the recovery ladder are here: an entry from beyond the next is held, and the gap
//! before it is fetched. The third, joining again from outside, is taken where the log cannot be followed.

use subrosa_mls::{CommitSender, ProcessError, Received, StagedCommit};
use subrosa_wire::{
    SendId, Timestamp,
    frames::{FetchLog, LogEntry, LogPage, Problem, client_frame::Request, log_entry::Payload},
    problem::ProblemCode,
};

use super::Conversation;
use crate::{
    api::{ConversationState, Event, Warning},
    context::{Context, StepResult, is_transient},
    limits::{HELD_ENTRIES_MAX, SEQ_MAX},
    requests::PendingRequest,
    store::{
        handshakes::{self, HandshakeKind},
        held_entries,
        outbox::{self, OutboxRow},
    },
};

/// What applying an entry leads to outside of the log.
pub(super) enum Applied {
    /// Nothing.
    Done,
    /// Our handshake stands here.
    OwnHandshake,
    /// Our message stands here.
    OwnMessage {
        outbox: Box<OutboxRow>,
        seq: u64,
        accepted_at: Timestamp,
    },
}

impl Conversation {
    /// Fetches what lies after the cursor, unless that is in flight.
    pub(super) fn fetch_log(&mut self, cx: &mut Context<'_>) {
        if self.live.is_fetching {
            return;
        }
        self.live.is_fetching = true;
        self.live.head_when_asked = self.live.head;
        cx.recovery.log_fetches += 1;
        let after_seq = self.record.cursor();
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

    /// A page has come; returns the head that was known when it was asked for.
    pub(super) fn page_begins(&mut self, page: &LogPage) -> u64 {
        self.live.is_fetching = false;
        self.live.head_is_at_least(page.head_seq);
        self.live.head_when_asked
    }

    /// The entries of a page are taken: does it agree with what the server said before?
    pub(super) fn page_ends(
        &mut self,
        cx: &mut Context<'_>,
        after_seq: u64,
        head_seq: u64,
        head_when_asked: u64,
    ) -> StepResult {
        let cursor = self.record.cursor();
        let is_joined = self.record.state() == ConversationState::Joined;
        if is_joined && cursor == after_seq && cursor < head_seq {
            self.back_off(cx, None);
            self.forged(cx, "entries of the log are withheld");
        } else if is_joined && head_seq < head_when_asked {
            // What the server had announced was not true. To go on believing it would be to ask for ever.
            self.back_off(cx, None);
            if self.live.head == head_when_asked {
                self.live.head = head_seq.max(cursor);
                held_entries::delete_beyond(cx.conn, self.chat(), head_seq)?;
            }
            self.forged(cx, "entries were announced that the log does not have");
        } else {
            self.live.retry.succeeded();
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// The server has refused to give a part of the log.
    pub(crate) fn fetch_log_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        self.live.is_fetching = false;
        self.back_off(cx, Some(problem));
        match problem.known_code() {
            Some(ProblemCode::LogPruned) => {
                cx.recovery.history_gaps += 1;
                cx.warn(Warning::HistoryGap {
                    conversation: self.id(),
                });
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
            self.forged(cx, "an entry beyond the end of every log");
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
            // Not a member: what the log says now is fetched once this device is one.
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

    /// The held entry that has become next.
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
        cx.connection.cursor_moves(self.chat(), self.record.cursor());
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
            // The place of a send of ours whose acceptance is noted already.
            return Ok(Applied::Done);
        };
        let (Payload::ApplicationMessage(bytes) | Payload::Commit(bytes)) = &payload;

        let id = self.id();
        let processed = self.group.load(cx, id)?.process(&cx.mls(), bytes);
        if processed.is_ok() && self.live.fetched_again == Some(seq) {
            self.live.fetched_again = None;
            self.forged(cx, format!("entry {seq} came in another form than the log has"));
        }
        match processed {
            Ok(Received::Application(decrypted)) => {
                self.content_received(cx, &decrypted.sender, &decrypted.content, seq, accepted_at)?;
            }
            Ok(Received::Commit(staged)) => self.commit_received(cx, staged)?,
            Ok(Received::OwnPendingCommit) => return Ok(Applied::OwnHandshake),
            Err(error) => {
                // In memory the ratchet may be ahead of what is stored.
                self.group.unload();
                self.entry_refused(cx, seq, matches!(payload, Payload::Commit(_)), error)?;
            }
        }
        Ok(Applied::Done)
    }

    /// Another member's commit: the epoch ends, and with it every ciphertext of ours that is not accepted.
    fn commit_received(&mut self, cx: &mut Context<'_>, staged: StagedCommit) -> StepResult {
        if staged.self_removed() {
            // Another device of this account was told that this one is signed out. If it is not, Sync and an
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
            // One try a turn is enough: two members that both insist would keep each other from sending.
            self.record.set_updated_at(cx.now);
        }
        outbox::unseal(cx.conn, self.chat())?;
        self.forget_sends(cx);
        if adds {
            self.record.set_name_sent(false);
        }
        cx.event(Event::ConversationChanged(id));
        Ok(())
    }

    /// An entry that the group refuses. The log is asked once more for it: what was pushed at this place may be
    /// a lie, and the honest entry must not be lost to it. If that is refused, too, a message is skipped and the
    /// user told; after a refused commit the log cannot be followed.
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
        let is_last_try = self.live.fetched_again.take() == Some(seq);
        match error {
            ProcessError::Mls(error) => Err(error.into()),
            // Sent by this device before it lost its outbox.
            ProcessError::OwnMessage => Ok(()),
            _ if !is_last_try => {
                self.live.fetched_again = Some(seq);
                // The queue's pump sees that the head is beyond the cursor and fetches.
                self.record.set_cursor(seq - 1);
                Ok(())
            }
            ProcessError::WrongEpoch { message, group } if message > group => {
                self.forged(
                    cx,
                    format!("entry {seq} is of epoch {message}, the log is at {group}"),
                );
                self.rejoin(cx)
            }
            error if is_commit => {
                self.forged(cx, format!("commit {seq}: {error}"));
                self.rejoin(cx)
            }
            error => {
                cx.warn(Warning::MessageRefused {
                    conversation: self.id(),
                    seq,
                    what: error.to_string(),
                });
                Ok(())
            }
        }
    }
}
