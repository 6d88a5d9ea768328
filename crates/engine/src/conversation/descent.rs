//! The way back into a group that this device was in, when it can no longer apply the log.
//!
//! One answer of the server is not enough: first what it says about this device's membership is compared with the group
//! itself. Then the device follows the log from the state that it held, verifying each commit without any secret, and
//! enters only the state that it arrives at. So no server can bring it back to an older state, or into another group.

use bytes::Bytes;
use subrosa_mls::{
    EntryKind, LogHash, ProcessError, PublicView, Received, StagedExternalJoin, Transcript, ViewError,
};
use subrosa_wire::{AccountId, Timestamp, frames::GroupState};

use super::{
    Conversation,
    log::{Entry, own_handshake},
    message_failed,
    record::LogPlace,
};
use crate::{
    ChatId,
    api::{ConversationState, EngineError, NoticeKind, Warning},
    context::{Context, StepResult},
    limits::LOG_REFUSALS_MAX,
    misbehaviour::Misbehaviour,
    records,
    store::{
        former_states::{self, FormerState},
        handshakes, held_entries, joins, links, log_chain, members, outbox, wishes,
    },
};

/// How far a device has followed the log from the state that it held.
pub(super) struct Follower {
    view: PublicView,
    place: LogPlace,
    /// Whether a commit on the way has brought this account in again.
    is_added: bool,
    /// Who has removed this account on the way, and where, if nobody has added it again since.
    removed: Option<(AccountId, (u64, Timestamp))>,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Follower {
    /// The state that it has arrived at.
    pub(super) fn transcript(&self) -> Transcript {
        self.view.transcript()
    }

    pub(super) fn place(&self) -> LogPlace {
        self.place
    }

    /// Who has removed this account on the way, and where.
    pub(super) fn removed(&self) -> Option<(AccountId, (u64, Timestamp))> {
        self.removed
    }
}

/// What a group that the server shows means for a conversation.
pub(super) enum Verdict {
    /// This device may enter it; the log is followed up to this place.
    Enter(LogPlace),
    /// Nothing is to be done with it.
    Wait,
}

impl Conversation {
    // ---- doubt ----

    /// Notes that the server says what would end this device's membership: it is believed only if the group says so, too.
    pub(super) fn doubt(&mut self, cx: &mut Context<'_>) {
        self.live.is_in_doubt = true;
        cx.touch(self.chat());
    }

    /// Handles the server's refusal to hand out the log.
    pub(super) fn log_refused(&mut self, cx: &mut Context<'_>, is_pruned: bool) -> StepResult {
        let is_final = self.live.log_refusals >= LOG_REFUSALS_MAX;
        let is_joining = handshakes::find(cx.conn, self.chat())?.is_some();
        if is_final && is_pruned && self.pass_over_pruned(cx)? {
            return Ok(());
        }
        match self.record.state() {
            // Nothing was read here yet.
            ConversationState::Joined if self.record.is_entering() && is_final => self.enter_anew(cx)?,
            ConversationState::Joined if self.record.is_entering() => {}
            ConversationState::Joined => {
                if is_final && self.live.handshake_accepted.is_some() {
                    // Two answers against one: it is sent again, and the answer to that decides.
                    self.forget_sends(cx);
                    self.live.log_refusals = 0;
                } else if is_final {
                    // An update that may be in the part that is gone cannot be waited for.
                    self.drop_update(cx)?;
                }
                self.doubt(cx);
            }
            // What lies before the commit that was to join is gone; the group itself is still there.
            _ if is_joining && is_final => self.drop_external_join(cx)?,
            _ if is_joining => {}
            _ if is_pruned && self.live.log_refusals >= LOG_REFUSALS_MAX => {
                cx.recovery.history_gaps += 1;
                self.cut_off(cx);
            }
            _ => {}
        }
        Ok(())
    }

    /// Passes over what the server does not keep before a handshake that it has accepted. It has accepted it in the
    /// epoch for which it was made, so only messages can be missing. Returns `false` if it does not fit together.
    fn pass_over_pruned(&mut self, cx: &mut Context<'_>) -> StepResult<bool> {
        let chat = self.chat();
        let cursor = self.record.cursor();
        let first_kept = self.live.first_kept.filter(|first| *first > cursor + 1);
        let (Some(first_kept), Some(accepted)) = (first_kept, self.live.handshake_accepted.clone()) else {
            return Ok(false);
        };
        let Some(handshake) = handshakes::find(cx.conn, chat)? else {
            return Ok(false);
        };
        self.live.log_refusals = 0;
        self.live.is_in_doubt = false;
        let before = first_kept.min(accepted.seq) - 1;
        if before > cursor {
            if self.record.state() == ConversationState::Joined {
                cx.recovery.history_gaps += 1;
                cx.warn(Warning::HistoryGap { chat });
            }
            held_entries::delete_through(cx.conn, chat, before)?;
            log_chain::clear(cx.conn, chat)?;
            self.record.set_cursor(before, None);
            self.passed_over(cx)?;
            self.live.is_anchored = false;
        }
        if first_kept > accepted.seq {
            // It is not kept itself: everybody has it.
            let payload = own_handshake(&handshake)?;
            let entry = self.own_entry(cx, &accepted, handshake.send_id, payload);
            self.take_entry(cx, entry)?;
        }
        cx.touch(chat);
        Ok(true)
    }

    /// Drops an update that has not taken place.
    fn drop_update(&mut self, cx: &mut Context<'_>) -> StepResult {
        if handshakes::find(cx.conn, self.chat())?.is_some() {
            let id = self.id();
            self.group.load(cx, id)?.clear_pending_commit(&cx.mls())?;
            handshakes::delete(cx.conn, self.chat())?;
            self.forget_sends(cx);
        }
        Ok(())
    }

    /// Takes over who leaves the group that the server shows, which is in the same state. The log may not keep their
    /// entries any more. Returns whether there was anybody.
    fn take_leaves(&mut self, cx: &mut Context<'_>, leaves: &[Bytes]) -> StepResult<bool> {
        let id = self.id();
        let place = (self.record.cursor(), cx.now);
        let mut has_taken = false;
        for proposal in leaves {
            match self.group.load(cx, id)?.process(&cx.mls(), proposal) {
                Ok(Received::Leaving(leaving)) => {
                    has_taken = true;
                    self.members_changed(cx, Some(leaving.sender.account_id()), place)?;
                }
                Err(ProcessError::Mls(error)) => return Err(error.into()),
                // Most likely it is known.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(has_taken)
    }

    /// Compares the group that the server shows with the one that this device is in.
    fn resolve_doubt(
        &mut self,
        cx: &mut Context<'_>,
        staged: &StagedExternalJoin,
        leaves: &[Bytes],
        head: LogPlace,
    ) -> StepResult {
        let id = self.id();
        let device = cx.me.device_id;
        let is_member = staged
            .members()
            .iter()
            .any(|member| member.certificate.device_id() == device);
        let is_same = self.group.load(cx, id)?.transcript() == *staged.transcript();
        if is_same && self.take_leaves(cx, leaves)? {
            // No commit without them was taken.
            self.live.is_in_doubt = self.live.log_refusals >= LOG_REFUSALS_MAX;
            if !self.live.is_in_doubt {
                self.back_off(cx, None);
                return Ok(());
            }
        }
        let is_refused = self.live.log_refusals >= LOG_REFUSALS_MAX;
        if self.live.is_forked {
            return self.resolve_fork(cx, head, is_same && is_member);
        }
        if is_same
            && is_member
            && is_refused
            && let Some(first_kept) = self.live.first_kept
            && (self.record.cursor() + 1..=head.seq.saturating_add(1)).contains(&first_kept)
        {
            // Still a member, in the same epoch: only messages are gone.
            cx.recovery.history_gaps += 1;
            cx.warn(Warning::HistoryGap { chat: self.chat() });
            self.live.is_in_doubt = false;
            self.live.log_refusals = 0;
            self.live.is_anchored = false;
            self.live.head_is_at_least(head.seq);
            self.record.set_cursor(first_kept - 1, None);
            self.passed_over(cx)?;
            // The others' ratchets may be too far ahead: the next epoch begins anew.
            self.record.set_updated_at(Timestamp::from_millis(0));
            self.record.set_own_turn(false);
            log_chain::clear(cx.conn, self.chat())?;
        } else if is_same && is_member && head.seq >= self.record.cursor() {
            self.live.is_in_doubt = false;
            self.live.log_refusals = 0;
            self.live.head_is_at_least(head.seq);
            self.back_off(cx, None);
            self.server_misbehaved(cx, Misbehaviour::FalseRefusal);
            if head.seq == self.record.cursor() {
                self.compare_head(cx, head)?;
            }
        } else if head.seq > self.record.cursor() && !is_refused {
            // What can be fetched is read before anything is given up.
            self.live.head_is_at_least(head.seq);
        } else {
            if head.seq < self.record.cursor() {
                self.server_misbehaved(cx, Misbehaviour::LogShortened);
            }
            self.rejoin(cx)?;
        }
        cx.touch(self.chat());
        Ok(())
    }

    // ---- leaving the log ----

    /// Leaves the group, of which the log cannot be applied any more, to come back into it by an external commit.
    pub(super) fn rejoin(&mut self, cx: &mut Context<'_>) -> StepResult {
        cx.recovery.rejoins += 1;
        let (chat, cursor) = (self.chat(), self.record.cursor());
        tracing::info!(%chat, cursor, "the log cannot be followed: joins again");
        self.keep_former_state(cx)?;
        // The group stays: on the next connection the log may be what it should be.
        self.group.unload();
        self.leave_log(cx)
    }

    /// Leaves the group from which a commit removes this account, or which it has left. What is public of it stays, so that a way back can be
    /// checked if somebody adds the account again.
    pub(super) fn account_removed(
        &mut self,
        cx: &mut Context<'_>,
        by: Option<AccountId>,
        (seq, at): (u64, Timestamp),
    ) -> StepResult {
        let (chat, me) = (self.chat(), cx.me.account_id);
        let id = self.id();
        if !self.live.is_former {
            // Somebody may have added the account again while this device was away: then the last Sync said nothing of it.
            cx.sync_again();
        }
        self.keep_former_state(cx)?;
        self.group.delete(cx, id)?;
        self.leave_log(cx)?;
        self.record.set_state(ConversationState::Removed);
        members::leave(cx.conn, chat, me, seq)?;
        wishes::clear(cx.conn, chat)?;
        links::clear(cx.conn, chat)?;
        joins::take(cx.conn, chat)?;
        for row in outbox::all(cx.conn, chat)? {
            message_failed(cx, &row)?;
        }
        self.forget_profile_changes(cx)?;
        let kind = if by == Some(me) {
            NoticeKind::Left
        } else {
            NoticeKind::Removed
        };
        self.notice(cx, kind, by, vec![me], (seq, at))
    }

    /// Notes that this device has left the group by the proposal that this entry is.
    pub(super) fn has_left(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        let me = cx.me.account_id;
        self.account_removed(cx, Some(me), (entry.seq, entry.accepted_at))?;
        // Its group does not have the proposal. The next commit, with which a way back begins, refers to it.
        if let Some(state) = former_states::find(cx.conn, self.chat())? {
            let inconsistent = |error: ViewError| EngineError::Inconsistent(error.to_string());
            let mut view = PublicView::load(&state.public_view).map_err(inconsistent)?;
            let leavers = view.leavers().map_err(inconsistent)?;
            if leavers.iter().all(|leaver| leaver.device_id() != cx.me.device_id) {
                view.leave(&entry.payload).map_err(inconsistent)?;
            }
            let public_view = view.to_bytes();
            former_states::delete(cx.conn, self.chat())?;
            former_states::insert(cx.conn, self.chat(), &FormerState { public_view, ..state })?;
        }
        Ok(())
    }

    /// Keeps the state of the group from which a way back into it is checked.
    pub(super) fn keep_former_state(&mut self, cx: &mut Context<'_>) -> StepResult {
        let (chat, id) = (self.chat(), self.id());
        if let Some(group) = self.group.find(cx, id)?
            && !self.record.is_entering()
        {
            let view = group.public_view(&cx.mls())?;
            let epoch_seq = self.record.epoch_seq();
            former_states::insert(
                cx.conn,
                chat,
                &FormerState {
                    public_view: view.to_bytes(),
                    reached: (self.record.cursor(), self.record.chain()),
                    epoch_began: (epoch_seq, log_chain::find(cx.conn, chat, epoch_seq)?),
                },
            )?;
        }
        Ok(())
    }

    /// Leaves a group in which nothing was read yet, to enter it from outside.
    pub(super) fn enter_anew(&mut self, cx: &mut Context<'_>) -> StepResult {
        cx.recovery.rejoins += 1;
        cx.warn(Warning::HistoryGap { chat: self.chat() });
        self.leave_group(cx)
    }

    pub(super) fn leave_group(&mut self, cx: &mut Context<'_>) -> StepResult {
        let id = self.id();
        self.group.delete(cx, id)?;
        self.leave_log(cx)
    }

    /// Applies the log once more from where it was left, if the group is still there: the server may have been lying.
    /// Once on each connection.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        let is_out = matches!(
            self.record.state(),
            ConversationState::Joining | ConversationState::CutOff
        );
        if !is_out
            || std::mem::replace(&mut self.live.has_resumed, true)
            || handshakes::find(cx.conn, chat)?.is_some()
            || former_states::find(cx.conn, chat)?.is_none()
        {
            return Ok(());
        }
        let id = self.id();
        if let Some(group) = self.group.find(cx, id)? {
            if group.has_pending_commit() {
                group.clear_pending_commit(&cx.mls())?;
            }
            former_states::delete(cx.conn, chat)?;
            self.live.follower = None;
            self.record.set_state(ConversationState::Joined);
            records::joined(cx, (self.chat(), self.id()))?;
            self.changed(cx);
        }
        Ok(())
    }

    pub(super) fn leave_log(&mut self, cx: &mut Context<'_>) -> StepResult {
        held_entries::delete_beyond(cx.conn, self.chat(), 0)?;
        handshakes::delete(cx.conn, self.chat())?;
        self.forget_sends(cx);
        self.live.follower = None;
        self.live.is_in_doubt = false;
        self.live.has_gone_back = false;
        self.live.is_forked = false;
        self.live.log_refusals = 0;
        self.record.set_entering(false);
        self.record.set_state(ConversationState::Joining);
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Reports what was passed over on the way back into the group. Returns the place up to which the log had been applied.
    pub(super) fn report_gap(&mut self, cx: &mut Context<'_>) -> StepResult<Option<u64>> {
        let chat = self.chat();
        let Some(state) = former_states::find(cx.conn, chat)? else {
            return Ok(None);
        };
        former_states::delete(cx.conn, chat)?;
        let view = PublicView::load(&state.public_view)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        let id = self.id();
        let commits = self.group.load(cx, id)?.epoch().saturating_sub(view.epoch());
        // What was said while this account was not a member was not for it.
        let is_member = members::all(cx.conn, chat)?
            .iter()
            .any(|member| member.account == cx.me.account_id);
        if is_member && self.record.cursor().saturating_sub(state.reached.0) > commits {
            cx.recovery.history_gaps += 1;
            cx.warn(Warning::HistoryGap { chat });
        }
        Ok(Some(state.reached.0))
    }

    // ---- following ----

    /// The follower of this connection. `None` if this device held no state of the group.
    pub(super) fn follower(&mut self, cx: &Context<'_>) -> StepResult<Option<&mut Follower>> {
        if self.live.follower.is_none()
            && let Some(state) = former_states::find(cx.conn, self.chat())?
        {
            let (seq, hash) = if self.live.follows_from_epoch {
                state.epoch_began
            } else {
                state.reached
            };
            let inconsistent = |error: ViewError| EngineError::Inconsistent(error.to_string());
            let mut view = PublicView::load(&state.public_view).map_err(inconsistent)?;
            if self.live.follows_from_epoch {
                view.forget_leaves().map_err(inconsistent)?;
            }
            self.live.follower = Some(Follower {
                view,
                place: LogPlace { seq, hash },
                is_added: false,
                removed: None,
            });
        }
        Ok(self.live.follower.as_mut())
    }

    /// Whether pages of the log are followed, and not applied.
    pub(super) fn follows(&mut self, cx: &Context<'_>) -> StepResult<bool> {
        let is_out = matches!(
            self.record.state(),
            ConversationState::Joining | ConversationState::CutOff
        );
        Ok(is_out && handshakes::find(cx.conn, self.chat())?.is_none() && self.follower(cx)?.is_some())
    }

    /// Checks, after a page was followed, that it led on.
    pub(super) fn check_progress(
        &mut self,
        cx: &mut Context<'_>,
        after_seq: u64,
        head: LogPlace,
    ) -> StepResult {
        let followed = self.follower(cx)?.map_or(0, |follower| follower.place.seq);
        if followed <= after_seq && followed < head.seq {
            self.back_off(cx, None);
        } else if head.seq < self.live.head {
            // The server had announced entries that do not exist.
            self.live.head = head.seq;
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Follows the log past an entry. Messages are passed over: they are for members.
    pub(super) fn follow(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        let Some(follower) = self.follower(cx)? else {
            return Ok(());
        };
        if entry.seq != follower.place.seq + 1 {
            return Ok(());
        }
        let me = cx.me.account_id;
        let removed_by = match entry.kind {
            EntryKind::Message => Ok(None),
            EntryKind::Commit => follower.view.follow(&entry.payload).map(|effect| {
                if effect.accounts.added.contains(&me) {
                    follower.is_added = true;
                    follower.removed = None;
                }
                let is_removed = effect.accounts.removed.contains(&me);
                is_removed.then(|| effect.committer.account_id())
            }),
            EntryKind::Leave => follower.view.leave(&entry.payload).map(|left| {
                let is_removed = left.account_id() == me;
                is_removed.then_some(me)
            }),
        };
        let Ok(removed_by) = removed_by else {
            return self.descent_failed(cx);
        };
        let before = follower.place.hash;
        let hash = before.and_then(|before| self.chain_after(before, entry));
        let at = (entry.seq, entry.accepted_at);
        if let Some(follower) = &mut self.live.follower {
            follower.place = LogPlace { seq: entry.seq, hash };
            if let Some(by) = removed_by {
                follower.removed = Some((by, at));
            }
        }
        match removed_by {
            // What follows in the log is for this account only if somebody adds it again, and then it says so.
            Some(by) if self.live.is_former => self.account_removed(cx, Some(by), at),
            Some(_) => {
                cx.sync_again();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The place up to which the log is applied, or followed.
    pub(super) fn reached(&mut self, cx: &Context<'_>) -> StepResult<u64> {
        let cursor = self.record.cursor();
        Ok(match self.record.state() {
            ConversationState::Joined => cursor,
            _ => self.follower(cx)?.map_or(0, |follower| follower.place.seq),
        })
    }

    /// Judges the group that the server shows.
    pub(super) fn judge(
        &mut self,
        cx: &mut Context<'_>,
        staged: &StagedExternalJoin,
        state: &GroupState,
    ) -> StepResult<Verdict> {
        let head = LogPlace::of_frame(state.head_seq, &state.head_hash);
        let reached = self.reached(cx)?;
        if head.seq < reached
            && self.link_to_join(cx)?.is_none()
            && self.live.group_wanted_at != Some(reached)
        {
            // The answer may be older than what has arrived since the question.
            cx.touch(self.chat());
            return Ok(Verdict::Wait);
        }
        if self.record.state() == ConversationState::Joined {
            if self.live.is_in_doubt {
                self.resolve_doubt(cx, staged, &state.leaves, head)?;
            }
            return Ok(Verdict::Wait);
        }
        if self.link_to_join(cx)?.is_some() {
            return Ok(if self.may_come_back_to(cx, staged)? {
                Verdict::Enter(head)
            } else {
                Verdict::Wait
            });
        }
        let Some(follower) = self.follower(cx)? else {
            return Ok(Verdict::Enter(head));
        };
        let (place, arrived) = (follower.place(), follower.transcript() == *staged.transcript());
        let is_added = follower.is_added;
        if head.seq > place.seq {
            self.live.head_is_at_least(head.seq);
            cx.touch(self.chat());
            return Ok(Verdict::Wait);
        }
        if arrived {
            let members = members::all(cx.conn, self.chat())?;
            let was_member = members.iter().any(|member| member.account == cx.me.account_id);
            if self.is_group() && !was_member && !is_added {
                // Whoever has left stays out until somebody adds them, whatever state the server is in.
                self.record.set_state(ConversationState::Removed);
                self.changed(cx);
                return Ok(Verdict::Wait);
            }
            if head.seq < place.seq {
                // In the same state, with a log that is shorter: messages are gone, and nothing else.
                let common = self.common_with(cx, head)?;
                self.record.resend_from(common);
                return Ok(Verdict::Enter(head));
            }
            if place.hash.is_some() && place.hash != head.hash {
                // Others had gone on from an earlier place.
                self.record.resend_from(0);
                return Ok(Verdict::Enter(head));
            }
            if self.live.follows_from_epoch {
                // From where this device was, it did not lead there. Up to where the epoch began, all is the same.
                let began = former_states::find(cx.conn, self.chat())?.map(|state| state.epoch_began);
                let common = began.filter(|(_, hash)| hash.is_some() && place.hash.is_some());
                self.record.resend_from(common.map_or(0, |(seq, _)| seq));
            }
            return Ok(Verdict::Enter(place));
        }
        self.descent_failed(cx)?;
        Ok(Verdict::Wait)
    }

    /// Handles that what the server shows does not descend from the state that this device held.
    fn descent_failed(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.live.follower = None;
        cx.touch(self.chat());
        if self.is_founding(cx)? {
            // It is another one, with the id of the group that was to be made here.
            return self.found_under_another_id(cx);
        }
        if !std::mem::replace(&mut self.live.follows_from_epoch, true) {
            // An earlier page may have left a commit out.
            return Ok(());
        }
        self.live.follows_from_epoch = false;
        self.server_misbehaved(cx, Misbehaviour::AnotherPast);
        self.cut_off(cx);
        Ok(())
    }

    /// Whether the state that this device held is that of a group which it was about to make.
    pub(super) fn is_founding(&self, cx: &Context<'_>) -> StepResult<bool> {
        let Some(state) = former_states::find(cx.conn, self.chat())? else {
            return Ok(false);
        };
        let view = PublicView::load(&state.public_view)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        Ok(view.epoch() == 0)
    }

    /// Leaves it to the user whether this device enters what the server shows. It is tried again by itself on the next
    /// connection.
    pub(super) fn cut_off(&mut self, cx: &mut Context<'_>) {
        self.live.is_cut_off = true;
        self.back_off(cx, None);
        if self.record.state() != ConversationState::CutOff {
            cx.recovery.cut_offs += 1;
            self.record.set_state(ConversationState::CutOff);
            self.changed(cx);
        }
    }

    /// Enters what the server shows, by the user's decision, wherever it comes from.
    pub(super) fn enter_unchecked(&mut self, cx: &mut Context<'_>) -> StepResult {
        former_states::delete(cx.conn, self.chat())?;
        cx.warn(Warning::HistoryGap { chat: self.chat() });
        // Those who are there may have none of what was said in the group that this device was in.
        self.record.resend_from(0);
        self.live.is_cut_off = false;
        self.live.retry.succeeded();
        self.leave_group(cx)
    }
}

/// The hash to claim with an external commit.
pub(super) fn hash_to_claim(place: LogPlace, claims_nothing: bool) -> Option<LogHash> {
    place.hash.filter(|_| !claims_nothing)
}

/// The epoch in which this device left a group; 0 if it has not left it.
pub(super) fn former_epoch(cx: &Context<'_>, chat: ChatId) -> StepResult<u64> {
    let Some(state) = former_states::find(cx.conn, chat)? else {
        return Ok(0);
    };
    let view =
        PublicView::load(&state.public_view).map_err(|error| EngineError::Inconsistent(error.to_string()))?;
    Ok(view.epoch())
}
