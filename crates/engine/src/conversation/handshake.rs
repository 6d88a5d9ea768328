//! Our own handshakes, commits and the proposal to leave: making, sending, and the server's answer. At most one per
//! conversation is in flight.

use prost::Message as _;
use subrosa_mls::{CommitError, CommitPlan, EntryKind, LeaveError};
use subrosa_wire::{
    ConversationId, DeviceId,
    frames::{self, Append, CreateConversation, Problem, append, client_frame::Request},
    problem::ProblemCode,
};

use super::{Conversation, join::commit_frame, log::Entry};
use crate::{
    api::EngineError,
    context::{Context, StepResult, is_transient},
    limits::{COMMITS_HELD_MAX, COMMITS_HELD_RETRY},
    requests::PendingRequest,
    store::handshakes::{self, HandshakeKind, HandshakeRow},
};

impl Conversation {
    /// Renews our leaf key, and removes devices of this account.
    pub(super) fn commit_update(&mut self, cx: &mut Context<'_>, remove: Vec<DeviceId>) -> StepResult {
        for device in &remove {
            self.live.removes(*device);
        }
        let plan = CommitPlan {
            remove,
            update_path: true,
            ..CommitPlan::default()
        };
        Ok(self.commit(cx, plan)??)
    }

    /// Makes and sends a commit; or says why it cannot be made.
    pub(super) fn commit(
        &mut self,
        cx: &mut Context<'_>,
        plan: CommitPlan,
    ) -> StepResult<Result<(), CommitError>> {
        let send_id = cx.new_send_id();
        let id = self.id();
        let number = self.record.next_number();
        let claim = self.claim(number);
        let group = self.group.load(cx, id)?;
        let device = cx.device;
        let bundle = match group.commit(&cx.mls(), device, plan, &claim) {
            Ok(bundle) => bundle,
            Err(error) => return Ok(Err(error)),
        };
        let handshake = HandshakeRow {
            kind: HandshakeKind::Update,
            send_id,
            number,
            request: commit_frame(bundle).encode_to_vec(),
        };
        handshakes::insert(cx.conn, self.chat(), &handshake)?;
        self.send_handshake(cx, &handshake)?;
        Ok(Ok(()))
    }

    /// Makes and sends the proposal with which this device leaves, the last one of its account; or says why it cannot be
    /// made.
    pub(super) fn propose_to_leave(&mut self, cx: &mut Context<'_>) -> StepResult<Result<(), LeaveError>> {
        let send_id = cx.new_send_id();
        let id = self.id();
        let number = self.record.next_number();
        let claim = self.claim(number);
        let device = cx.device;
        let proposal = match self.group.load(cx, id)?.leave(&cx.mls(), device, &claim) {
            Ok(proposal) => proposal,
            Err(error) => return Ok(Err(error)),
        };
        let handshake = HandshakeRow {
            kind: HandshakeKind::Leave,
            send_id,
            number,
            request: proposal,
        };
        handshakes::insert(cx.conn, self.chat(), &handshake)?;
        self.send_handshake(cx, &handshake)?;
        Ok(Ok(()))
    }

    /// Sends the handshake unless it is already in flight.
    pub(super) fn send_handshake(&mut self, cx: &mut Context<'_>, handshake: &HandshakeRow) -> StepResult {
        if std::mem::replace(&mut self.live.is_handshake_in_flight, true) {
            return Ok(());
        }
        let stored = |_| EngineError::Inconsistent("a stored handshake does not decode".to_owned());
        let append = |payload| {
            Request::Append(Append {
                conversation_id: self.id().to_vec().into(),
                send_id: handshake.send_id.to_vec().into(),
                send_number: handshake.number,
                payload: Some(payload),
            })
        };
        let request = match handshake.kind {
            HandshakeKind::Create => Request::CreateConversation(
                CreateConversation::decode(&handshake.request[..]).map_err(stored)?,
            ),
            HandshakeKind::Update | HandshakeKind::ExternalJoin => append(append::Payload::Commit(
                frames::Commit::decode(&handshake.request[..]).map_err(stored)?,
            )),
            HandshakeKind::Leave => append(append::Payload::Leave(handshake.request.clone().into())),
        };
        cx.request(PendingRequest::Handshake { chat: self.chat() }, request);
        Ok(())
    }

    /// Applies our handshake, which is next in the log: the epoch of the commit begins, or this account has left.
    pub(super) fn handshake_applied(&mut self, cx: &mut Context<'_>, entry: &Entry) -> StepResult {
        if entry.kind == EntryKind::Leave {
            return self.has_left(cx, entry);
        }
        let Some(handshake) = handshakes::find(cx.conn, self.chat())? else {
            return Ok(());
        };
        let id = self.id();
        let group = self.group.load(cx, id)?;
        let rights = *group.policy().rights();
        let leaf_before = group.own_leaf_node();
        group.merge_pending_commit(&cx.mls())?;
        // An addition renews nothing. Whoever has just made the group, or come in, has a new key.
        let is_renewed = handshake.kind != HandshakeKind::Update || group.own_leaf_node() != leaf_before;
        tracing::debug!(chat = %self.chat(), kind = ?handshake.kind, "a handshake takes effect");
        self.record.set_accepted_number(handshake.number);
        self.live.was_elsewhere = false;
        if is_renewed {
            self.leaf_key_renewed(cx);
        }
        self.epoch_began(cx, entry)?;
        if handshake.kind == HandshakeKind::ExternalJoin {
            self.record.set_leaf_replaced_at(cx.now);
        }
        if handshake.kind == HandshakeKind::Create && self.is_group() {
            self.was_created(cx, entry.accepted_at)?;
        }
        if handshake.kind != HandshakeKind::Update {
            return self.joined(cx);
        }
        handshakes::delete(cx.conn, self.chat())?;
        if self.is_group() {
            let place = (entry.seq, entry.accepted_at);
            self.own_change_applied(cx, place)?;
            self.rights_changed(cx, rights, cx.me.account_id, place)?;
        }
        self.forget_sends(cx);
        self.live.retry.succeeded();
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles the refusal of the handshake. Returns the existing conversation, if that is the reason.
    pub(super) fn handshake_refused(
        &mut self,
        cx: &mut Context<'_>,
        problem: &Problem,
    ) -> StepResult<Option<ConversationId>> {
        let Some(handshake) = handshakes::find(cx.conn, self.chat())? else {
            return Ok(None);
        };
        tracing::debug!(chat = %self.chat(), kind = ?handshake.kind, code = problem.code, "a handshake was refused");
        self.live.is_handshake_in_flight = false;
        self.live.head_is_at_least(problem.head_seq);
        cx.touch(self.chat());
        if is_transient(problem) {
            self.back_off(cx, Some(problem));
            return Ok(None);
        }
        match handshake.kind {
            HandshakeKind::Create => return self.creation_refused(cx, problem),
            HandshakeKind::ExternalJoin => self.external_join_refused(cx, problem)?,
            HandshakeKind::Leave if problem.known_code() == Some(ProblemCode::NotAMember) => {
                // It may be that it was accepted before, and the answer lost. The log says so.
                self.back_off(cx, None);
                cx.sync_again();
            }
            HandshakeKind::Update | HandshakeKind::Leave => self.update_refused(cx, problem)?,
        }
        Ok(None)
    }

    fn update_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        let id = self.id();
        if let Some(group) = self.group.find(cx, id)? {
            group.clear_pending_commit(&cx.mls())?;
        }
        handshakes::delete(cx.conn, self.chat())?;
        self.update_lost(cx)?;
        match problem.known_code() {
            Some(ProblemCode::StaleEpoch) => {
                if self.record.cursor() >= problem.head_seq {
                    // Everything is applied: nothing is there that it lost against. In a group it may be that somebody
                    // leaves, and this device was not shown that.
                    self.back_off(cx, None);
                    if self.is_group() {
                        self.doubt(cx);
                    }
                }
                self.doubt_if_diverged(cx, problem)
            }
            Some(ProblemCode::NotAMember) => {
                self.back_off(cx, None);
                self.doubt(cx);
                Ok(())
            }
            Some(ProblemCode::LogDisagrees) => self.log_disagrees(cx),
            Some(ProblemCode::CommitsHeld) if self.live.commits_held < COMMITS_HELD_MAX => {
                self.live.commits_are_held(cx.now.plus(COMMITS_HELD_RETRY));
                Ok(())
            }
            Some(ProblemCode::SendOutOfOrder) => {
                self.renumber(cx, problem);
                Ok(())
            }
            _ => {
                self.update_not_taken(cx)?;
                self.addition_refused(cx);
                self.back_off(cx, None);
                cx.refused(None, problem);
                Ok(())
            }
        }
    }
}
