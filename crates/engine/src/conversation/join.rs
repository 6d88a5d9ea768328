//! Becoming a member of a group that exists: by a Welcome, or from outside by an external commit.

use prost::Message as _;
use subrosa_mls::{ConversationKind, GroupPolicy, JoinError};
use subrosa_wire::{
    AccountId, ConversationId,
    frames::{self, FetchGroup, GroupState, Problem, WelcomeItem, client_frame::Request},
    problem::ProblemCode,
};

use super::{Conversation, Conversations};
use crate::{
    api::{ConversationState, Warning},
    context::{Context, StepResult, is_transient},
    directory,
    requests::PendingRequest,
    store::{
        contacts,
        conversations::{self, ChatId},
        handshakes::{self, HandshakeKind, HandshakeRow},
        held_entries, outbox,
    },
};

/// Why a group is not joined.
enum Refusal {
    /// It is not a direct conversation of this account.
    NotOurs(&'static str),
    /// The peer's account key is not the known one.
    KeyChanged(AccountId),
}

/// Asks for the group of a conversation of the account, to join it from outside.
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

    /// A Welcome that waits for this device.
    pub(crate) fn welcome(&mut self, cx: &mut Context<'_>, item: &WelcomeItem) -> StepResult {
        if let Ok(id) = ConversationId::try_from(&item.conversation_id[..]) {
            self.join_by_welcome(cx, id, item)?;
        } else {
            cx.warn(Warning::ForgedByServer {
                conversation: None,
                what: "a welcome without id".to_owned(),
            });
        }
        // Joined, refused or superseded: in no case is it wanted again.
        cx.connection.welcome_done(item.item_id);
        Ok(())
    }

    fn join_by_welcome(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        item: &WelcomeItem,
    ) -> StepResult {
        if let Some(row) = conversations::find(cx.conn, id)? {
            // It was joined meanwhile, or an external join is in flight and will come later in the log. A member
            // follows the log and nothing else: an old Welcome would set it back.
            let is_joining = handshakes::find(cx.conn, row.chat)?.is_some();
            if is_joining || matches!(row.state, ConversationState::Joined | ConversationState::Blocked) {
                return Ok(());
            }
        }
        let (device, account_key) = (cx.device, cx.account_key);
        let staged = cx
            .mls()
            .stage_welcome(device, account_key, &item.welcome, &item.ratchet_tree, id);
        let staged = match staged {
            Ok(staged) => staged,
            Err(JoinError::Mls(error)) => return Err(error.into()),
            Err(error) => {
                cx.warn(Warning::ForgedByServer {
                    conversation: Some(id),
                    what: format!("a welcome: {error}"),
                });
                // If the conversation is real, the server's state names it, and this device joins from outside.
                cx.sync_again();
                return Ok(());
            }
        };
        let peer = match check_policy(cx, staged.policy())? {
            Ok(peer) => peer,
            Err(refusal) => return self.refuse_group(cx, id, &refusal),
        };
        let chat = self.chat_to_join(cx, id, peer)?;
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

    // ---- from outside ----

    /// The group of a conversation that this device wants to join.
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
        let (device, account_key) = (cx.device, cx.account_key);
        let staged =
            cx.mls()
                .stage_external_join(device, account_key, &state.group_info, &state.ratchet_tree, id);
        let staged = match staged {
            Ok(staged) => staged,
            Err(JoinError::Mls(error)) => return Err(error.into()),
            Err(error) => {
                cx.warn(Warning::ForgedByServer {
                    conversation: Some(id),
                    what: format!("a group: {error}"),
                });
                if let Some(row) = known {
                    self.with_row(cx, row, |conversation, cx| {
                        conversation.back_off(cx, None);
                        Ok(())
                    })?;
                }
                return Ok(());
            }
        };
        let peer = match check_policy(cx, staged.policy())? {
            Ok(peer) => peer,
            Err(refusal) => return self.refuse_group(cx, id, &refusal),
        };
        let chat = self.chat_to_join(cx, id, peer)?;
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

    /// The server does not give the group.
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

    /// The conversation that is being joined: the one with this id, the one that was started here with the same
    /// person, or a new one.
    fn chat_to_join(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        peer: AccountId,
    ) -> StepResult<ChatId> {
        if let Some(row) = conversations::find(cx.conn, id)? {
            return Ok(row.chat);
        }
        if let Some(row) = conversations::find_by_peer(cx.conn, peer)?
            && row.state == ConversationState::Starting
        {
            return self.move_to(cx, row.chat, id);
        }
        Ok(conversations::insert(
            cx.conn,
            id,
            peer,
            ConversationState::Joining,
            cx.now,
        )?)
    }

    fn refuse_group(&mut self, cx: &mut Context<'_>, id: ConversationId, refusal: &Refusal) -> StepResult {
        match refusal {
            Refusal::NotOurs(what) => {
                cx.warn(Warning::ForgedByServer {
                    conversation: Some(id),
                    what: (*what).to_owned(),
                });
            }
            Refusal::KeyChanged(account) => cx.warn(Warning::AccountKeyChanged(*account)),
        }
        if let Some(row) = conversations::find(cx.conn, id)? {
            self.with_row(cx, row, |conversation, cx| {
                conversation.record.set_state(ConversationState::Blocked);
                conversation.changed(cx);
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl Conversation {
    /// The way back when this device cannot follow the log any more.
    pub(super) fn rejoin(&mut self, cx: &mut Context<'_>) -> StepResult {
        cx.recovery.rejoins += 1;
        held_entries::delete_beyond(cx.conn, self.chat(), 0)?;
        handshakes::delete(cx.conn, self.chat())?;
        self.forget_sends(cx);
        self.group.unload();
        self.record.set_state(ConversationState::Joining);
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// After `stale_epoch`: if the whole log is applied and the server still is in another epoch, then this
    /// device cannot follow it.
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

    /// The device is a member as of the cursor.
    pub(super) fn joined(&mut self, cx: &mut Context<'_>) -> StepResult {
        let cursor = self.record.cursor();
        self.record.set_state(ConversationState::Joined);
        self.record.set_name_sent(false);
        held_entries::delete_through(cx.conn, self.chat(), cursor)?;
        handshakes::delete(cx.conn, self.chat())?;
        outbox::unseal(cx.conn, self.chat())?;
        self.forget_sends(cx);
        self.live.retry.succeeded();
        self.live.head_is_at_least(cursor);
        cx.connection.to_join.remove(&self.id());
        cx.connection.cursor_moves(self.chat(), cursor);
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// The external commit was refused: the group built for it is worthless, the next one starts anew.
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

/// Whether the group's signed context names this account and the person as they are known.
fn check_policy(cx: &mut Context<'_>, policy: &GroupPolicy) -> StepResult<Result<AccountId, Refusal>> {
    let me = cx.me.account_id;
    if policy.kind() != ConversationKind::Direct {
        return Ok(Err(Refusal::NotOurs(
            "a kind of conversation that this version does not know",
        )));
    }
    if policy.account_key(me) != Some(cx.account_key) {
        return Ok(Err(Refusal::NotOurs(
            "the group does not name this account with its own key",
        )));
    }
    let Some((peer, key)) = policy.accounts().iter().find(|(account, _)| *account != me) else {
        return Ok(Err(Refusal::NotOurs("the group names nobody else")));
    };
    match contacts::find(cx.conn, *peer)? {
        Some(contact) if contact.account_key != *key => return Ok(Err(Refusal::KeyChanged(*peer))),
        Some(contact) if contact.handle.is_some() => {}
        Some(_) => directory::look_up(cx, *peer),
        None => {
            directory::pin(cx, *peer, key)?;
            directory::look_up(cx, *peer);
        }
    }
    Ok(Ok(*peer))
}

/// The frame for what a commit consists of.
pub(super) fn commit_frame(bundle: subrosa_mls::CommitBundle) -> frames::Commit {
    frames::Commit {
        commit: bundle.commit.into(),
        group_info: bundle.group_info.into(),
        welcome: bundle.welcome.unwrap_or_default().into(),
    }
}
