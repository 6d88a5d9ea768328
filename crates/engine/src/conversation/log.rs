//! Applies the log of a conversation in order: each entry once, none left out.
//!
//! Two ways of recovery are here: an entry beyond the next is held, and the gap before it is fetched. What follows when
//! the log cannot be applied any more is in [`super::descent`].

use bytes::Bytes;
use prost::Message as _;
use subrosa_mls::{
    AccountsChanged, CommitSender, EntryKind, Leaving, LogHash, MemberFault, ProcessError, Received,
    StagedCommit, payload_hash, peek,
};
use subrosa_wire::{
    DeviceId, SendId, Timestamp,
    frames::{
        self, CreateConversation, FetchLog, LogEntry, LogPage, Problem, client_frame::Request,
        log_entry::Payload,
    },
    limits::ENTRY_TAG_MAX,
    problem::ProblemCode,
};

use super::{Conversation, record::LogPlace, returns::Return};
use crate::{
    ChatId,
    api::{ConversationState, Warning},
    context::{Context, StepResult, is_transient},
    limits::{
        HELD_BYTES_MAX, HELD_BYTES_TOTAL_MAX, HELD_ENTRIES_MAX, HELD_ENTRIES_TOTAL_MAX, LEAVING_PAUSE,
        LOG_REFUSALS_MAX,
    },
    misbehaviour::{MemberMisbehaviour, Misbehaviour},
    records,
    requests::PendingRequest,
    store::{
        corrupt,
        handshakes::{self, HandshakeKind, HandshakeRow},
        held_entries, log_chain, members,
        outbox::{self, OutboxRow},
        receipts,
    },
};

/// An entry of the log, with all its parts.
pub(super) struct Entry {
    pub seq: u64,
    /// The device that the server names as its sender, if it does.
    pub sender: Option<DeviceId>,
    pub send_id: Option<SendId>,
    pub accepted_at: Timestamp,
    pub kind: EntryKind,
    pub payload: Bytes,
    /// By which the server recognises it; only kept for it.
    pub tag: Bytes,
}

impl Entry {
    /// Reads an entry; `None` if it has no payload.
    pub(super) fn read(entry: LogEntry) -> Option<Self> {
        let (kind, payload) = match entry.payload? {
            Payload::ApplicationMessage(payload) => (EntryKind::Message, payload),
            Payload::Commit(payload) => (EntryKind::Commit, payload),
            Payload::Leave(payload) => (EntryKind::Leave, payload),
        };
        Some(Self {
            seq: entry.seq,
            sender: DeviceId::try_from(&entry.sender_device[..]).ok(),
            send_id: SendId::try_from(&entry.send_id[..]).ok(),
            accepted_at: Timestamp::from_millis(entry.accepted_at_ms),
            kind,
            payload,
            tag: if entry.tag.len() > ENTRY_TAG_MAX {
                Bytes::new()
            } else {
                entry.tag
            },
        })
    }
}

/// What was known of a log when a page of it was requested.
#[derive(Clone, Copy)]
pub(super) struct KnownBefore {
    head_seq: u64,
    /// The entry that was to be fetched again.
    fetched_again: Option<u64>,
}

/// What applying an entry leads to outside the log.
pub(super) enum Applied {
    /// Nothing.
    Done,
    /// The entry is our handshake.
    OwnHandshake,
    /// The entry is our message.
    OwnMessage(Box<OutboxRow>),
    /// The entry stays where it is: it is fetched again, or this device leaves the log.
    Stays,
}

impl Conversation {
    // ---- fetching ----

    /// Fetches the log after a place, unless a request is already in flight.
    pub(super) fn fetch_log(&mut self, cx: &mut Context<'_>, after_seq: u64) {
        if self.live.is_fetching {
            return;
        }
        self.live.is_fetching = true;
        self.live.head_at_request = self.live.head;
        if self.live.handshake_accepted.is_none() {
            cx.recovery.log_fetches += 1;
        }
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

    /// Notes that a page has arrived. Returns what was known when it was requested.
    pub(super) fn page_received(&mut self, page: &LogPage) -> KnownBefore {
        self.live.is_fetching = false;
        self.live.is_anchored = true;
        self.live.log_refusals = 0;
        self.live.head_is_at_least(page.head_seq);
        KnownBefore {
            head_seq: self.live.head_at_request,
            fetched_again: self.live.fetched_again,
        }
    }

    /// Looks in a page for the commit that a Welcome belongs to, and begins there, wherever the server said it was.
    pub(super) fn find_entrance(&mut self, cx: &mut Context<'_>, entries: &[LogEntry]) -> StepResult {
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let is_entrance = |entry: &&LogEntry| match &entry.payload {
            Some(Payload::Commit(commit)) => group.was_begun_by(commit),
            _ => false,
        };
        let entrance = entries.iter().find(is_entrance).map(|entry| entry.seq);
        if let Some(seq) = entrance
            && seq != self.record.cursor() + 1
            && let Some(before) = seq.checked_sub(1)
        {
            self.server_misbehaved(cx, Misbehaviour::WelcomeMisplaced);
            self.begin_at(
                cx,
                LogPlace {
                    seq: before,
                    hash: None,
                },
            )?;
        }
        Ok(())
    }

    /// Begins to read the log at another place than the one that was named first.
    fn begin_at(&mut self, cx: &Context<'_>, place: LogPlace) -> StepResult {
        self.record.set_cursor(place.seq, place.hash);
        self.receipts_begin(cx, None)?;
        self.begin_chain(cx)
    }

    /// Checks, after a page was applied, whether it agrees with what the server said before. `head` is the end of the
    /// log that the page names.
    pub(super) fn check_head_after_page(
        &mut self,
        cx: &mut Context<'_>,
        after_seq: u64,
        head: LogPlace,
        before: KnownBefore,
    ) -> StepResult {
        let cursor = self.record.cursor();
        let is_joined = self.record.state() == ConversationState::Joined;
        let applies = is_joined || handshakes::find(cx.conn, self.chat())?.is_some();
        if is_joined && self.record.is_entering() {
            // The commit that the Welcome belongs to comes first, whatever else there is.
            self.live.entries_tried += 1;
            self.server_misbehaved(cx, Misbehaviour::WelcomeMisplaced);
            if self.live.entries_tried >= LOG_REFUSALS_MAX {
                self.back_off(cx, None);
                self.enter_anew(cx)?;
            } else {
                // It may stand before the place that the server has named.
                self.begin_at(
                    cx,
                    LogPlace {
                        seq: 0,
                        hash: Some(LogHash::START),
                    },
                )?;
            }
        } else if applies && cursor == after_seq && cursor < head.seq {
            // An entry that was just refused is fetched again before anybody is blamed.
            let is_refused_again = before.fetched_again == Some(cursor + 1);
            let is_passed_over = self.budget.refused_until(cx.now).is_some();
            if !is_passed_over && (self.live.fetched_again != Some(cursor + 1) || is_refused_again) {
                self.back_off(cx, None);
                self.server_misbehaved(cx, Misbehaviour::EntriesWithheld);
            }
        } else if applies && head.seq < before.head_seq {
            // The server had announced entries that do not exist. Believing it would mean fetching forever.
            self.back_off(cx, None);
            if self.live.head == before.head_seq {
                self.live.head = head.seq.max(cursor);
                held_entries::delete_beyond(cx.conn, self.chat(), head.seq)?;
            }
            // What it said to have accepted beyond the end is sent again.
            self.forget_sends(cx);
            self.server_misbehaved(cx, Misbehaviour::EntriesInvented);
        } else if cursor > after_seq {
            self.live.retry.succeeded();
        }
        if is_joined && !self.record.is_entering() && cursor == head.seq {
            self.compare_head(cx, head)?;
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles the refusal of a page of the log.
    pub(crate) fn fetch_log_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        self.live.is_fetching = false;
        self.back_off(cx, Some(problem));
        match problem.known_code() {
            Some(ProblemCode::LogPruned | ProblemCode::NotAMember) => {
                let is_pruned = problem.known_code() == Some(ProblemCode::LogPruned);
                self.live.log_refusals += 1;
                self.live.first_kept = is_pruned.then_some(problem.first_seq);
                self.log_refused(cx, is_pruned)
            }
            _ if is_transient(problem) => Ok(()),
            _ => {
                cx.refused(None, problem);
                Ok(())
            }
        }
    }

    // ---- the order ----

    /// Returns the entry if it is the next one; otherwise holds it, or drops it if it was applied.
    pub(super) fn next_or_hold(
        &mut self,
        cx: &mut Context<'_>,
        entry: LogEntry,
    ) -> StepResult<Option<Entry>> {
        self.live.head_is_at_least(entry.seq);
        cx.touch(self.chat());
        let cursor = self.record.cursor();
        if entry.payload.is_none() {
            if entry.seq > cursor {
                self.server_misbehaved(cx, Misbehaviour::EntryWithoutPayload { seq: entry.seq });
            }
            return Ok(None);
        }
        if self.record.state() != ConversationState::Joined
            && handshakes::find(cx.conn, self.chat())?.is_none()
        {
            // Not a member: the log is fetched once this device is one.
            return Ok(None);
        }
        if entry.seq <= cursor {
            if let Some(entry) = Entry::read(entry) {
                self.applied_before(cx, &entry)?;
            }
            return Ok(None);
        }
        if entry.seq == cursor + 1 {
            return Ok(Entry::read(entry));
        }
        if has_room_for_held(cx, self.chat())? {
            held_entries::insert(cx.conn, self.chat(), &entry)?;
            cx.recovery.entries_held += 1;
        }
        // The queue's pump sees that the head is beyond the cursor and fetches.
        Ok(None)
    }

    /// Takes the held entry that is now next, if any.
    pub(super) fn next_held(&mut self, cx: &Context<'_>) -> StepResult<Option<Entry>> {
        let held = held_entries::take(cx.conn, self.chat(), self.record.cursor() + 1)?;
        held.map(|entry| Entry::read(entry).ok_or_else(|| corrupt("a held entry").into()))
            .transpose()
    }

    /// Compares an entry with the one that was applied in its place. If they differ, the server has shown two: what the
    /// other one says is read, too, so that nothing is lost by the lie.
    fn applied_before(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        let chat = self.chat();
        if entry.seq <= self.record.epoch_seq() {
            return Ok(());
        }
        let before = match entry.seq.checked_sub(1) {
            Some(before) => log_chain::find(cx.conn, chat, before)?,
            None => None,
        };
        let (Some(before), Some(applied)) = (before, log_chain::find(cx.conn, chat, entry.seq)?) else {
            return Ok(());
        };
        if self.chain_after(before, entry) == Some(applied)
            || self.record.state() != ConversationState::Joined
        {
            return Ok(());
        }
        if self.live.returned == Return::Unsuspected && !self.live.is_in_doubt {
            self.server_misbehaved(cx, Misbehaviour::TwoEntries { seq: entry.seq });
        }
        if entry.kind != EntryKind::Message || self.own_message(cx, entry)?.is_some() {
            return Ok(());
        }
        let id = self.id();
        match self.group.load(cx, id)?.process(&cx.mls(), &entry.payload) {
            Ok(Received::Application(message)) => self.content_received(
                cx,
                &message.sender,
                &message.content,
                entry.seq,
                entry.accepted_at,
            ),
            Err(ProcessError::Mls(error)) => Err(error.into()),
            Ok(_) | Err(_) => {
                self.group.unload();
                self.budget.refused(cx.now);
                Ok(())
            }
        }
    }

    // ---- applying ----

    /// Applies the entry at cursor + 1, and moves the cursor past it unless the result says that it was not applied.
    pub(super) fn apply(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult<Applied> {
        tracing::trace!(chat = %self.chat(), seq = entry.seq, "applies an entry");
        let applied = self.process(cx, entry)?;
        if !matches!(applied, Applied::Stays) {
            self.advance(cx, entry)?;
        }
        Ok(applied)
    }

    fn process(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult<Applied> {
        let handshake = handshakes::find(cx.conn, self.chat())?;
        if let Some(handshake) = &handshake
            && is_of(entry, handshake)?
        {
            return Ok(Applied::OwnHandshake);
        }
        if let Some(own) = self.own_message(cx, entry)? {
            return Ok(Applied::OwnMessage(Box::new(own)));
        }
        if self.record.state() != ConversationState::Joined {
            // From before this device came in: not for it. A commit here was faster than ours.
            let is_starting = self.record.state() == ConversationState::Starting;
            return Ok(if entry.kind.is_commit() || is_starting {
                Applied::Stays
            } else {
                Applied::Done
            });
        }
        let id = self.id();
        if self.record.is_entering() {
            return if entry.kind.is_commit() && self.group.load(cx, id)?.was_begun_by(&entry.payload) {
                self.record.set_entering(false);
                records::joined(cx, (self.chat(), id))?;
                self.epoch_began(cx, entry)?;
                Ok(Applied::Done)
            } else {
                // Pages of the log decide.
                Ok(Applied::Stays)
            };
        }
        let processed = self.group.load(cx, id)?.process(&cx.mls(), &entry.payload);
        if processed.is_ok() && self.live.fetched_again == Some(entry.seq) {
            self.live.fetched_again = None;
            self.server_misbehaved(cx, Misbehaviour::EntryAltered { seq: entry.seq });
        }
        match processed {
            Ok(Received::Application(message)) => {
                self.heard(cx, entry, &message.sender, &message.claim)?;
                self.content_received(
                    cx,
                    &message.sender,
                    &message.content,
                    entry.seq,
                    entry.accepted_at,
                )?;
                Ok(Applied::Done)
            }
            Ok(Received::Commit(staged)) => self.commit_received(cx, entry, staged),
            Ok(Received::Leaving(leaving)) => self.somebody_leaves(cx, entry, &leaving),
            Ok(Received::OwnPendingCommit) => Ok(Applied::OwnHandshake),
            Err(error) => {
                // The ratchet in memory may be ahead of the database.
                self.group.unload();
                self.entry_refused(cx, entry, error)
            }
        }
    }

    /// Our message in the outbox that this entry carries. The server alone cannot make one up: the ciphertext has to be
    /// ours.
    pub(super) fn own_message(&self, cx: &mut Context<'_>, entry: &Entry) -> StepResult<Option<OutboxRow>> {
        let Some(send_id) = entry.send_id else {
            return Ok(None);
        };
        let Some(own) = outbox::find_by_send_id(cx.conn, self.chat(), send_id)? else {
            return Ok(None);
        };
        let Some(sealed) = &own.sealed else {
            // If this profile went back, it may have sent it all the same.
            return Ok(None);
        };
        if sealed.ciphertext == entry.payload {
            return Ok(Some(own));
        }
        self.server_misbehaved(cx, Misbehaviour::SendIdOfAnother { seq: entry.seq });
        Ok(None)
    }

    /// Moves cursor and log chain past an entry.
    fn advance(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        let chain = match self.record.chain() {
            Some(before) => {
                let after = self.chain_after(before, entry);
                if after.is_none() {
                    self.server_misbehaved(cx, Misbehaviour::EntryWithoutSender { seq: entry.seq });
                }
                after
            }
            None => None,
        };
        self.keep_raw(cx, entry)?;
        cx.connection.cursor_moved(self.chat(), self.record.cursor());
        self.record.set_cursor(entry.seq, chain);
        if let Some(hash) = chain {
            log_chain::insert(cx.conn, self.chat(), entry.seq, hash)?;
        }
        Ok(())
    }

    /// Notes that an epoch begins with this entry: what was claimed before it is over.
    pub(super) fn epoch_began(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        self.record.set_epoch_seq(entry.seq);
        self.budget.epoch_began();
        self.keep_receipt_key(cx)?;
        self.schedule_turn(cx, entry.accepted_at)
    }

    /// Applies another member's commit. The epoch ends, so our ciphertexts not yet accepted are thrown away.
    fn commit_received(
        &mut self,
        cx: &mut Context<'_>,
        entry: &Entry,
        staged: StagedCommit,
    ) -> StepResult<Applied> {
        let (CommitSender::Member(by) | CommitSender::External(by)) = staged.sender();
        let by = by.account_id();
        if staged.accounts().removed.contains(&cx.me.account_id) {
            self.account_removed(cx, Some(by), (entry.seq, entry.accepted_at))?;
            return Ok(Applied::Stays);
        }
        if staged.self_removed() {
            // Another device of this account has learned that this one is signed out. If it is not, Sync and an
            // external join bring it back. Of a group, that device may be about to leave for the whole account.
            cx.sync_again();
            self.rejoin(cx)?;
            if self.is_group() && !self.live.is_former {
                self.live.retry.schedule(cx.now.plus(LEAVING_PAUSE));
            }
            return Ok(Applied::Stays);
        }
        for certificate in staged.out_of_date(cx.now) {
            // Most likely it is this device's clock that is wrong.
            tracing::warn!(
                chat = %self.chat(),
                device = %certificate.device_id(),
                "by this device's clock, a certificate that entered the group is outside its validity"
            );
        }
        self.devices_arrive(cx, &staged, entry.seq, entry.accepted_at)?;
        for removed in staged.removed().iter().chain(staged.left()) {
            receipts::delete(cx.conn, self.chat(), removed.device_id())?;
        }
        let is_external = matches!(staged.sender(), CommitSender::External(_));
        let (CommitSender::Member(sender) | CommitSender::External(sender)) = staged.sender();
        if is_external {
            // Its count begins with this commit.
            log_chain::set_send_number(
                cx.conn,
                self.chat(),
                sender.device_id(),
                staged.claim().send_number,
            )?;
            self.compare_claim(cx, entry, sender.account_id(), staged.claim())?;
        } else {
            self.heard(cx, entry, sender, staged.claim())?;
        }
        let adds = !staged.added().is_empty() || is_external;
        let changes_group =
            staged.policy_after().is_some() || *staged.accounts() != AccountsChanged::default();
        let returned = staged
            .removed()
            .iter()
            .any(|removed| is_external && removed.device_id() == sender.device_id())
            .then_some(staged.claim().seq);
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let rights = *group.policy().rights();
        // A commit that does not take out who is leaving brings them back.
        let changes_group = changes_group || group.has_leavers();
        group.merge(&cx.mls(), staged)?;
        if handshakes::find(cx.conn, self.record.chat())?.is_some() {
            self.handshake_lost(cx)?;
        }
        outbox::unseal(cx.conn, self.chat())?;
        self.forget_sends(cx);
        if adds {
            self.record.set_name_sent(false);
        }
        if let Some(reached) = returned {
            // Whatever it claims to have reached: what was said before its account came in was not for it.
            let members = members::all(cx.conn, self.chat())?;
            let joined = members.iter().find(|member| member.account == by);
            let joined = joined.map_or(entry.seq, |member| member.joined_seq);
            self.resend_to_returned(cx, reached, joined)?;
        }
        self.epoch_began(cx, entry)?;
        if changes_group {
            self.members_changed(cx, Some(by), (entry.seq, entry.accepted_at))?;
            self.rights_changed(cx, rights, by, (entry.seq, entry.accepted_at))?;
        }
        self.changed(cx);
        Ok(Applied::Done)
    }

    /// Gives up a handshake of this device, other than one to come in: another entry was faster.
    fn handshake_lost(&mut self, cx: &mut Context<'_>) -> StepResult {
        let id = self.id();
        let group = self.group.load(cx, id)?;
        if group.has_pending_commit() {
            group.clear_pending_commit(&cx.mls())?;
        }
        handshakes::delete(cx.conn, self.chat())?;
        self.update_lost(cx)
    }

    /// Takes note of a member who leaves. The next commit takes the device out of the group.
    fn somebody_leaves(
        &mut self,
        cx: &mut Context<'_>,
        entry: &Entry,
        leaving: &Leaving,
    ) -> StepResult<Applied> {
        if leaving.sender.device_id() == cx.me.device_id {
            // This profile has forgotten it.
            return Ok(Applied::OwnHandshake);
        }
        self.heard(cx, entry, &leaving.sender, &leaving.claim)?;
        receipts::delete(cx.conn, self.chat(), leaving.sender.device_id())?;
        // A commit of ours that is under way does not take it out, so the server refuses it.
        let pending = handshakes::find(cx.conn, self.chat())?;
        if pending.is_some_and(|pending| pending.kind == HandshakeKind::Update) {
            self.handshake_lost(cx)?;
            self.forget_sends(cx);
            cx.touch(self.chat());
        }
        let by = leaving.sender.account_id();
        self.members_changed(cx, Some(by), (entry.seq, entry.accepted_at))?;
        Ok(Applied::Done)
    }

    // ---- refusing ----

    /// Handles an entry that the group refuses. It is fetched once more: the pushed entry may be forged, and the
    /// honest one must not be lost. If the fetched entry is refused, too, a message is skipped and the user warned;
    /// after a refused commit the log cannot be followed.
    fn entry_refused(
        &mut self,
        cx: &mut Context<'_>,
        entry: &Entry,
        error: ProcessError,
    ) -> StepResult<Applied> {
        cx.recovery.entries_refused += 1;
        self.budget.refused(cx.now);
        let (seq, is_commit) = (entry.seq, entry.kind.is_commit());
        tracing::debug!(chat = %self.chat(), seq, is_commit, %error, "an entry is refused");
        let is_last_try = self.live.fetched_again.take() == Some(seq);
        // Its key is gone: fetched again, it would look like a replay.
        let is_decrypted = matches!(
            error,
            ProcessError::Member {
                fault: MemberFault::Padding(_) | MemberFault::Claim,
                ..
            }
        );
        match error {
            ProcessError::Mls(error) => Err(error.into()),
            // Sent by this device before it lost its outbox. A commit of its own that it has dropped cannot be applied.
            ProcessError::OwnMessage if is_commit => {
                self.rejoin(cx)?;
                Ok(Applied::Stays)
            }
            ProcessError::OwnMessage => {
                self.profile_went_back(cx);
                Ok(Applied::Done)
            }
            _ if !is_last_try && !is_decrypted => {
                self.live.fetched_again = Some(seq);
                // The queue's pump sees that the head is beyond the cursor and fetches.
                Ok(Applied::Stays)
            }
            error => {
                let cannot_follow = is_commit
                    || matches!(error, ProcessError::WrongEpoch { message, group } if message > group);
                self.report_refused(cx, seq, error);
                if cannot_follow {
                    self.rejoin(cx)?;
                    return Ok(Applied::Stays);
                }
                self.skipped(cx, entry)?;
                self.leave_out(cx, seq)?;
                Ok(Applied::Done)
            }
        }
    }

    /// Counts a message that was skipped, and reported, as one that is not missing.
    fn skipped(&self, cx: &Context<'_>, entry: &Entry) -> StepResult {
        let (Some(sender), Ok(envelope)) = (entry.sender, peek(&entry.payload)) else {
            return Ok(());
        };
        let number = envelope.claim.send_number;
        let last = log_chain::send_number(cx.conn, self.chat(), sender)?;
        if last.is_some_and(|last| last.checked_add(1) == Some(number)) {
            log_chain::set_send_number(cx.conn, self.chat(), sender, number)?;
        }
        Ok(())
    }

    /// Reports who is to blame for an entry that was finally refused: the server if an honest one would have refused
    /// it, a member if it has signed it. What only members can check may be the fault of either.
    fn report_refused(&self, cx: &mut Context<'_>, seq: u64, error: ProcessError) {
        match error {
            ProcessError::Member { sender, fault } => {
                let how = match fault {
                    MemberFault::Padding(error) => MemberMisbehaviour::InvalidPadding { seq, error },
                    MemberFault::Claim => MemberMisbehaviour::InvalidClaim { seq },
                    MemberFault::InvalidCommit(detail) => MemberMisbehaviour::InvalidCommit { seq, detail },
                    MemberFault::Rule(rule) => MemberMisbehaviour::BrokenRule { seq, rule },
                };
                self.member_misbehaved(cx, sender, how);
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
            error @ (ProcessError::AlreadyDecrypted
            | ProcessError::Undecryptable(_)
            | ProcessError::Forged(_)
            | ProcessError::InvalidCommit(_)) => cx.warn(Warning::Unreadable {
                chat: self.chat(),
                seq,
                error,
            }),
            error => self.server_misbehaved(cx, Misbehaviour::EntryForged { seq, error }),
        }
    }
}

/// Whether another entry may be held. If not, it is fetched when it is next.
fn has_room_for_held(cx: &Context<'_>, chat: ChatId) -> StepResult<bool> {
    let here = held_entries::of(cx.conn, chat)?;
    if here.entries >= HELD_ENTRIES_MAX || here.bytes >= HELD_BYTES_MAX {
        return Ok(false);
    }
    let all = held_entries::of_all(cx.conn)?;
    Ok(all.entries < HELD_ENTRIES_TOTAL_MAX && all.bytes < HELD_BYTES_TOTAL_MAX)
}

/// What a handshake of this device will be in the log.
pub(super) fn own_handshake(handshake: &HandshakeRow) -> StepResult<Payload> {
    let stored = |_| corrupt("a stored handshake");
    Ok(match handshake.kind {
        HandshakeKind::Create => {
            let create = CreateConversation::decode(&handshake.request[..]).map_err(stored)?;
            Payload::Commit(create.commit.unwrap_or_default().commit)
        }
        HandshakeKind::Update | HandshakeKind::ExternalJoin => {
            let commit = frames::Commit::decode(&handshake.request[..]).map_err(stored)?;
            Payload::Commit(commit.commit)
        }
        HandshakeKind::Leave => Payload::Leave(handshake.request.clone().into()),
    })
}

/// Whether an entry is this handshake of this device.
fn is_of(entry: &Entry, handshake: &HandshakeRow) -> StepResult<bool> {
    Ok(entry.kind != EntryKind::Message
        && match own_handshake(handshake)? {
            Payload::Commit(own) | Payload::Leave(own) | Payload::ApplicationMessage(own) => {
                own == entry.payload
            }
        })
}

/// SHA-256 of an entry's payload.
pub(super) fn hash_of(entry: &Entry) -> [u8; 32] {
    payload_hash(&entry.payload)
}
