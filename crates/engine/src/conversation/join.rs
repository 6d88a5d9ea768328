//! Joining an existing group: by a Welcome, or by an external commit.

use prost::Message as _;
use subrosa_mls::{ConversationKind, GroupPolicy, JoinError};
use subrosa_wire::{
    AccountId, ConversationId,
    frames::{self, FetchGroup, GroupState, Problem, WelcomeItem, client_frame::Request},
    problem::ProblemCode,
};

use super::{Conversation, Conversations, new_direct};
use crate::{
    ChatId,
    api::ConversationState,
    context::{Context, StepResult, is_transient},
    directory,
    misbehaviour::{ForeignGroup, Misbehaviour},
    requests::PendingRequest,
    store::{
        contacts, conversations,
        handshakes::{self, HandshakeKind, HandshakeRow},
        held_entries, members, outbox,
    },
};

/// Requests the group of a conversation of this account, to join it by an external commit.
pub(super) fn fetch_group(cx: &mut Context<'_>, id: ConversationId) {
    let pending = PendingRequest::FetchGroup { id };
    if cx.connection.to_join.insert(id) && !cx.requests.is_pending(pending) {
        cx.request(
            pending,
            Request::FetchGroup(FetchGroup {
                conversation_id: id.to_vec().into(),
            }),
        );
    }
}

impl Conversations {
    // ---- by Welcome ----

    /// Handles a Welcome for this device.
    pub(crate) fn welcome(&mut self, cx: &mut Context<'_>, item: &WelcomeItem) -> StepResult {
        if let Ok(id) = ConversationId::try_from(&item.conversation_id[..]) {
            self.join_by_welcome(cx, id, item)?;
        } else {
            cx.misbehaved(None, Misbehaviour::NoConversation);
        }
        // Joined, refused or superseded: it is never needed again.
        cx.connection.welcome_done(item.item_id);
        Ok(())
    }

    fn join_by_welcome(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        item: &WelcomeItem,
    ) -> StepResult {
        let known = conversations::find(cx.conn, id)?;
        if let Some(row) = &known {
            // It was joined in the meantime, or an external join is in flight and comes later in the log. A member
            // only follows the log: an old Welcome would set it back.
            let is_joining = handshakes::find(cx.conn, row.chat)?.is_some();
            if is_joining || matches!(row.state, ConversationState::Joined | ConversationState::Blocked) {
                return Ok(());
            }
        }
        let device = cx.device;
        let staged = cx
            .mls()
            .stage_welcome(device, &item.welcome, &item.ratchet_tree, id);
        let staged = match staged {
            Ok(staged) => staged,
            Err(JoinError::Mls(error)) => return Err(error.into()),
            Err(error) => {
                cx.misbehaved(known.map(|row| row.chat), Misbehaviour::WelcomeForged(error));
                // If the conversation is real, Sync names it, and this device joins by an external commit.
                cx.sync_again();
                return Ok(());
            }
        };
        let person = match check_policy(cx, staged.policy(), known.as_ref().map(|row| row.chat))? {
            Ok(person) => person,
            Err(why) => return self.refuse_group(cx, id, why),
        };
        let chat = self.chat_to_join(cx, id, person)?;
        self.with(cx, chat, |conversation, cx| {
            conversation.group.delete(cx, id)?;
            conversation.group.replace(staged.accept(&cx.mls())?);
            cx.connection.welcome_was_real();
            conversation.record.set_cursor(item.seq);
            conversation.record.set_accepted_number(0);
            conversation.joined(cx)
        })?;
        Ok(())
    }

    // ---- by external commit ----

    /// Handles the group of a conversation that this device wants to join.
    pub(crate) fn group_state(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        state: &GroupState,
    ) -> StepResult {
        cx.connection.to_join.remove(&id);
        let known = conversations::find(cx.conn, id)?;
        if let Some(row) = &known
            && (row.state != ConversationState::Joining || handshakes::find(cx.conn, row.chat)?.is_some())
        {
            return Ok(());
        }
        let device = cx.device;
        let staged = cx
            .mls()
            .stage_external_join(device, &state.group_info, &state.ratchet_tree, id);
        let staged = match staged {
            Ok(staged) => staged,
            Err(JoinError::Mls(error)) => return Err(error.into()),
            Err(error) => {
                cx.misbehaved(
                    known.as_ref().map(|row| row.chat),
                    Misbehaviour::GroupForged(error),
                );
                if let Some(row) = known {
                    self.with_row(cx, row, |conversation, cx| {
                        conversation.back_off(cx, None);
                        Ok(())
                    })?;
                }
                return Ok(());
            }
        };
        let person = match check_policy(cx, staged.policy(), known.as_ref().map(|row| row.chat))? {
            Ok(person) => person,
            Err(why) => return self.refuse_group(cx, id, why),
        };
        let chat = self.chat_to_join(cx, id, person)?;
        self.with(cx, chat, |conversation, cx| {
            let send_id = cx.new_send_id();
            conversation.group.delete(cx, id)?;
            let (group, bundle) = staged.commit(&cx.mls(), device)?;
            conversation.group.replace(group);
            handshakes::insert(
                cx.conn,
                chat,
                &HandshakeRow {
                    kind: HandshakeKind::ExternalJoin,
                    send_id,
                    number: conversation.record.accepted_number() + 1,
                    request: commit_frame(bundle).encode_to_vec(),
                },
            )?;
            cx.touch(chat);
            Ok(())
        })?;
        Ok(())
    }

    /// Handles the refusal of the group.
    pub(crate) fn fetch_group_refused(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        problem: &Problem,
    ) -> StepResult {
        cx.connection.to_join.remove(&id);
        if let Some(row) = conversations::find(cx.conn, id)? {
            self.with_row(cx, row, |conversation, cx| {
                conversation.back_off(cx, Some(problem));
                Ok(())
            })?;
        } else if is_transient(problem) {
            // Sync will name it again.
            cx.connection.sync_retry.back_off(cx.now, problem.retry_after_ms);
        }
        if problem.known_code() != Some(ProblemCode::NotAMember) && !is_transient(problem) {
            cx.refused(None, problem);
        }
        Ok(())
    }

    // ---- both ----

    /// The conversation to join: the one with this id, the one started here with the same person, or a new one.
    fn chat_to_join(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        person: AccountId,
    ) -> StepResult<ChatId> {
        if let Some(row) = conversations::find(cx.conn, id)? {
            return Ok(row.chat);
        }
        if let Some(row) = conversations::find_direct(cx.conn, person)?
            && row.state == ConversationState::Starting
        {
            self.move_to(cx, row.chat, id)?;
            return Ok(row.chat);
        }
        new_direct(cx, id, person, ConversationState::Joining)
    }

    fn refuse_group(&mut self, cx: &mut Context<'_>, id: ConversationId, why: ForeignGroup) -> StepResult {
        let known = conversations::find(cx.conn, id)?;
        cx.misbehaved(known.as_ref().map(|row| row.chat), why);
        if let Some(row) = known {
            self.with_row(cx, row, |conversation, cx| {
                if why == ForeignGroup::OtherPerson {
                    // The answer was a lie; the conversation is still there to be joined.
                    conversation.back_off(cx, None);
                } else {
                    conversation.record.set_state(ConversationState::Blocked);
                    conversation.changed(cx);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl Conversation {
    /// Recovers when this device can no longer follow the log.
    pub(super) fn rejoin(&mut self, cx: &mut Context<'_>) -> StepResult {
        cx.recovery.rejoins += 1;
        tracing::info!(chat = %self.chat(), cursor = self.record.cursor(), "the log cannot be followed: joins again");
        held_entries::delete_beyond(cx.conn, self.chat(), 0)?;
        handshakes::delete(cx.conn, self.chat())?;
        self.forget_sends(cx);
        self.group.unload();
        self.record.set_state(ConversationState::Joining);
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles `stale_epoch`: if the whole log is applied and the server is still in another epoch, this device can no
    /// longer follow it.
    pub(super) fn rejoin_if_diverged(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        if self.record.cursor() < problem.head_seq {
            return Ok(());
        }
        let id = self.id();
        match self.group.find(cx, id)? {
            Some(group) if group.epoch() >= problem.epoch => Ok(()),
            _ => self.rejoin(cx),
        }
    }

    /// Notes that this device is a member as of the cursor.
    pub(super) fn joined(&mut self, cx: &mut Context<'_>) -> StepResult {
        let cursor = self.record.cursor();
        tracing::info!(chat = %self.chat(), cursor, "joined");
        self.record.set_state(ConversationState::Joined);
        self.record.set_name_sent(false);
        held_entries::delete_through(cx.conn, self.chat(), cursor)?;
        handshakes::delete(cx.conn, self.chat())?;
        outbox::unseal(cx.conn, self.chat())?;
        self.forget_sends(cx);
        self.live.retry.succeeded();
        self.live.head_is_at_least(cursor);
        cx.connection.to_join.remove(&self.id());
        cx.connection.cursor_moved(self.chat(), cursor);
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Drops the group made for an external commit that was refused. The next attempt starts over.
    pub(super) fn external_join_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        handshakes::delete(cx.conn, self.chat())?;
        let id = self.id();
        self.group.delete(cx, id)?;
        if problem.known_code() == Some(ProblemCode::StaleEpoch) {
            self.live.retry.back_off_if_often(cx.now);
        } else {
            self.back_off(cx, Some(problem));
            cx.refused(None, problem);
        }
        cx.touch(self.chat());
        Ok(())
    }
}

/// The other account of a direct conversation, as the group's signed context names it. An error if this account is
/// not in it, or nobody else is.
fn check_policy(
    cx: &mut Context<'_>,
    policy: &GroupPolicy,
    known: Option<ChatId>,
) -> StepResult<Result<AccountId, ForeignGroup>> {
    let me = cx.me.account_id;
    if policy.kind() != ConversationKind::Direct {
        return Ok(Err(ForeignGroup::UnknownKind));
    }
    if !policy.admits(me) {
        return Ok(Err(ForeignGroup::WithoutUs));
    }
    let Some(person) = policy.accounts().iter().find(|account| **account != me) else {
        return Ok(Err(ForeignGroup::WithoutOthers));
    };
    // Before anybody is added to the contacts: in a known conversation there is nobody else.
    if let Some(chat) = known
        && members::others(cx.conn, chat, me)? != [*person]
    {
        return Ok(Err(ForeignGroup::OtherPerson));
    }
    match contacts::find(cx.conn, *person)? {
        Some(contact) if contact.handle.is_some() => {}
        Some(_) => directory::look_up(cx, *person),
        None => {
            directory::add(cx, *person)?;
            directory::look_up(cx, *person);
        }
    }
    Ok(Ok(*person))
}

/// The frame for a commit.
pub(super) fn commit_frame(bundle: subrosa_mls::CommitBundle) -> frames::Commit {
    frames::Commit {
        commit: bundle.commit.into(),
        group_info: bundle.group_info.into(),
        welcome: bundle.welcome.unwrap_or_default().into(),
    }
}
