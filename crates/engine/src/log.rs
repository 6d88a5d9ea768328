//! Applying the log of a conversation in order: each entry once, none left out.
//!
//! The first two rungs of the recovery ladder are here: an entry from beyond the next is held, and the gap
//! before it is fetched. The third, joining again from outside, is called for where the log cannot be followed.

use subrosa_mls::{CommitSender, Group, Mls, ProcessError, Received, StagedCommit};
use subrosa_wire::{
    ConversationId, SendId, Timestamp,
    frames::{Deliver, FetchLog, LogEntry, LogPage, Problem, client_frame::Request, log_entry::Payload},
    problem::ProblemCode,
};

use crate::{
    api::{ConversationState, EngineError, Event, Warning},
    database::KvTable,
    limits::{HELD_ENTRIES_MAX, SEQ_MAX},
    live::Asked,
    step::{Step, StepResult, is_passing},
    store::{
        conversations::{self, ConversationKey, ConversationRow},
        handshakes::{self, HandshakeKind},
        held_entries, outbox,
    },
};

impl Step<'_> {
    /// Entries as they were pushed, of any conversations.
    pub(crate) fn deliver(&mut self, deliver: Deliver) -> StepResult {
        for entry in deliver.entries {
            let Ok(id) = ConversationId::try_from(&entry.conversation_id[..]) else {
                self.warn(Warning::ForgedByServer {
                    conversation: None,
                    what: "an entry without id".to_owned(),
                });
                continue;
            };
            match conversations::find(self.conn, id)? {
                Some(row) => self.take_entry(row.key, entry)?,
                // The Welcome is still to come; Sync brings both.
                None => self.sync_again(),
            }
        }
        Ok(())
    }

    pub(crate) fn log_page(&mut self, key: ConversationKey, after_seq: u64, page: LogPage) -> StepResult {
        let live = self.live.conversation(key);
        live.fetching = false;
        let head_told = live.head_asked;
        live.head = live.head.max(page.head_seq);
        for entry in page.entries {
            self.take_entry(key, entry)?;
        }
        let Some(row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        let live = self.live.conversation(key);
        if row.state == ConversationState::Joined && row.cursor == after_seq && row.cursor < page.head_seq {
            live.retry.back_off(self.now, 0);
            self.warn(Warning::ForgedByServer {
                conversation: Some(row.id),
                what: "entries of the log are withheld".to_owned(),
            });
        } else if row.state == ConversationState::Joined && page.head_seq < head_told {
            // What was told before the log was asked for was not true. Believing on would be to ask for ever.
            live.retry.back_off(self.now, 0);
            if live.head == head_told {
                live.head = page.head_seq.max(row.cursor);
                held_entries::delete_beyond(self.conn, key, page.head_seq)?;
            }
            self.warn(Warning::ForgedByServer {
                conversation: Some(row.id),
                what: "entries were announced that the log does not have".to_owned(),
            });
        } else {
            live.retry.succeeded();
        }
        self.touch(key);
        Ok(())
    }

    pub(crate) fn fetch_log_refused(&mut self, key: ConversationKey, problem: &Problem) -> StepResult {
        let live = self.live.conversation(key);
        live.fetching = false;
        live.retry.back_off(self.now, problem.retry_after_ms);
        let Some(mut row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        match problem.known_code() {
            Some(ProblemCode::LogPruned) => {
                self.recovery.history_gaps += 1;
                self.warn(Warning::HistoryGap { conversation: row.id });
                self.live.conversation(key).retry.succeeded();
                self.rejoin(&mut row)
            }
            Some(ProblemCode::NotAMember) => self.rejoin(&mut row),
            _ if is_passing(problem) => Ok(()),
            _ => {
                self.refused(problem);
                Ok(())
            }
        }
    }

    /// Fetches what lies after the cursor, unless that is under way.
    pub(crate) fn fetch_log(&mut self, row: &ConversationRow) {
        let live = self.live.conversation(row.key);
        if live.fetching {
            return;
        }
        live.fetching = true;
        live.head_asked = live.head;
        self.recovery.log_fetches += 1;
        self.ask(
            Asked::FetchLog {
                conversation: row.key,
                after_seq: row.cursor,
            },
            Request::FetchLog(FetchLog {
                conversation_id: row.id.to_vec().into(),
                after_seq: row.cursor,
                limit: 0,
            }),
        );
    }

    /// Takes an entry: applies it and what waited for it, or holds it and fetches the gap.
    pub(crate) fn take_entry(&mut self, key: ConversationKey, entry: LogEntry) -> StepResult {
        let Some(row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        if entry.seq > SEQ_MAX {
            self.warn(Warning::ForgedByServer {
                conversation: Some(row.id),
                what: "an entry beyond the end of every log".to_owned(),
            });
            return Ok(());
        }
        let live = self.live.conversation(key);
        live.head = live.head.max(entry.seq);
        self.touch(key);
        if entry.seq <= row.cursor {
            return Ok(());
        }
        if row.state != ConversationState::Joined && handshakes::find(self.conn, key)?.is_none() {
            // Not a member: what the log says now is fetched once this device is one.
            return Ok(());
        }
        if entry.seq > row.cursor + 1 || row.state != ConversationState::Joined {
            if held_entries::count(self.conn, key)? < HELD_ENTRIES_MAX {
                held_entries::insert(self.conn, key, &entry)?;
                self.recovery.entries_held += 1;
            }
            // The queue's pump sees that the head is beyond the cursor and fetches.
            return Ok(());
        }
        self.apply(row, entry)?;
        self.apply_held(key)
    }

    /// Applies the held entries that have become next.
    pub(crate) fn apply_held(&mut self, key: ConversationKey) -> StepResult {
        while let Some(row) = conversations::load(self.conn, key)?
            && row.state == ConversationState::Joined
            && let Some(entry) = held_entries::take(self.conn, key, row.cursor + 1)?
        {
            self.apply(row, entry)?;
        }
        Ok(())
    }

    /// Applies the entry at cursor + 1 and moves the cursor past it.
    fn apply(&mut self, mut row: ConversationRow, entry: LogEntry) -> StepResult {
        let seq = entry.seq;
        let accepted_at = Timestamp::from_millis(entry.accepted_at_ms);
        self.live.cursor_moves(row.key, row.cursor);
        row.cursor = seq;
        self.save(&row)?;

        if let Ok(send_id) = SendId::try_from(&entry.send_id[..]) {
            if handshakes::find(self.conn, row.key)?.is_some_and(|handshake| handshake.send_id == send_id) {
                return self.own_handshake_applied(row);
            }
            if let Some(own) = outbox::find_by_send_id(self.conn, row.key, send_id)? {
                return self.own_message_accepted(row, &own, seq, accepted_at);
            }
        }
        let Some(payload) = entry.payload else {
            // The place of an own send whose acceptance is noted already.
            return Ok(());
        };
        let (Payload::ApplicationMessage(bytes) | Payload::Commit(bytes)) = &payload;

        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let Some(mut group) = mls.load_group(row.id)? else {
            return Err(EngineError::Inconsistent(
                "a joined conversation without group".to_owned(),
            ));
        };
        let processed = group.process(&mls, bytes);
        let live = self.live.conversation(row.key);
        if processed.is_ok() && live.asked_again == Some(seq) {
            live.asked_again = None;
            self.warn(Warning::ForgedByServer {
                conversation: Some(row.id),
                what: format!("entry {seq} came in another form than the log has"),
            });
        }
        match processed {
            Ok(Received::Application(decrypted)) => {
                self.content_received(row, &decrypted.sender, &decrypted.content, seq, accepted_at)
            }
            Ok(Received::Commit(staged)) => self.commit_received(row, group, staged),
            Ok(Received::OwnPendingCommit) => self.own_handshake_applied(row),
            Err(error) => self.entry_refused(row, seq, matches!(payload, Payload::Commit(_)), error),
        }
    }

    /// Another member's commit: the epoch ends, and with it every own ciphertext that is not accepted.
    fn commit_received(
        &mut self,
        mut row: ConversationRow,
        mut group: Group,
        staged: StagedCommit,
    ) -> StepResult {
        if staged.self_removed() {
            // Another device of the own account was told that this one is signed out. If it is not, Sync and
            // an external join bring it back.
            self.sync_again();
            return self.rejoin(&mut row);
        }
        let adds = !staged.added().is_empty() || matches!(staged.sender(), CommitSender::External(_));
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        group.merge(&mls, staged)?;
        if let Some(handshake) = handshakes::find(self.conn, row.key)? {
            debug_assert_eq!(handshake.kind, HandshakeKind::Update);
            if group.has_pending_commit() {
                group.clear_pending_commit(&mls)?;
            }
            handshakes::delete(self.conn, row.key)?;
            // One try a turn is enough: two members that both insist would keep each other from sending.
            row.updated_at = self.now;
        }
        outbox::unseal(self.conn, row.key)?;
        self.live.forget_requests(row.key);
        if adds {
            row.name_sent = false;
        }
        self.save(&row)?;
        self.event(Event::ConversationChanged(row.id));
        Ok(())
    }

    /// An entry that the group refuses. The log is asked once more for it: what was pushed at this place may be
    /// a lie, and the honest entry must not be lost to it. If that is refused, too, a message is skipped and the
    /// user told; after a refused commit the log cannot be followed.
    fn entry_refused(
        &mut self,
        mut row: ConversationRow,
        seq: u64,
        is_commit: bool,
        error: ProcessError,
    ) -> StepResult {
        match &error {
            ProcessError::Mls(_) | ProcessError::OwnMessage => {}
            _ => self.recovery.entries_refused += 1,
        }
        let live = self.live.conversation(row.key);
        let is_last_try = live.asked_again.take() == Some(seq);
        match error {
            ProcessError::Mls(error) => Err(error.into()),
            // Sent by this device before it lost its outbox.
            ProcessError::OwnMessage => Ok(()),
            _ if !is_last_try => {
                live.asked_again = Some(seq);
                // The queue's pump sees that the head is beyond the cursor and fetches.
                row.cursor = seq - 1;
                self.save(&row)
            }
            ProcessError::WrongEpoch { message, group } if message > group => {
                self.warn(Warning::ForgedByServer {
                    conversation: Some(row.id),
                    what: format!("entry {seq} is of epoch {message}, the log is at {group}"),
                });
                self.rejoin(&mut row)
            }
            error if is_commit => {
                self.warn(Warning::ForgedByServer {
                    conversation: Some(row.id),
                    what: format!("commit {seq}: {error}"),
                });
                self.rejoin(&mut row)
            }
            error => {
                self.warn(Warning::MessageRefused {
                    conversation: row.id,
                    seq,
                    what: error.to_string(),
                });
                Ok(())
            }
        }
    }
}
