//! Joining a group by an invite link, or asking to.
//!
//! Until this device is in it, neither Sync nor anybody inside names the conversation to it: what is known is the link, and what
//! was sealed for it. The server's refusal ends the attempt, since nothing is lost by that: the user can open the link
//! again. Once the account is in the group, by this device or another, everything goes on as with any other group.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use subrosa_mls::{ConversationKind, LinkSecret, NotPermitted, StagedExternalJoin};
use subrosa_wire::{
    ConversationId,
    frames::{AskToJoin, Problem, TakeBackRequest, client_frame::Request},
    limits::CONVERSATIONS_PER_ACCOUNT_MAX,
    problem::ProblemCode,
};

use super::{Conversation, Conversations, descent::former_epoch, groups::new_row, message_failed};
use crate::{
    ChatId,
    account::record::Decision,
    api::{CommandError, ConversationState, Invitation, NoticeKind, Role, Standing, Warning},
    content::{GroupProfile, ProfilePlaces, clean_name},
    context::{Context, StepResult, is_transient},
    join_note::JoinNote,
    limits::{COMMITS_HELD_RETRY, JOIN_RETRY_MAX, JOIN_RETRY_MIN},
    misbehaviour::Misbehaviour,
    records,
    requests::PendingRequest,
    store::{
        conversations::{self, ConversationRow},
        former_states,
        joins::{self, Ask, AskStep, JoinRow},
        members, outbox,
    },
};

impl Conversations {
    /// Joins a group by a link. Does nothing if this account is in it, or on its way for another reason.
    pub(crate) fn join_by_link(&mut self, cx: &mut Context<'_>, invitation: &Invitation) -> StepResult {
        self.come_by_link(cx, invitation, None)
    }

    /// Asks to join a group by a link. Does nothing if this account is in it; replaces what it has asked before.
    pub(crate) fn ask_to_join(
        &mut self,
        cx: &mut Context<'_>,
        invitation: &Invitation,
        note: &str,
    ) -> StepResult {
        let name = cx.me.name.as_deref().and_then(|name| clean_name(name).ok());
        let note = JoinNote::new(name, note)?;
        let by = (&invitation.secret, cx.me.account_id);
        let ask = Ask {
            step: AskStep::Wanted,
            note: note.seal(by, cx.rng()),
        };
        self.come_by_link(cx, invitation, Some(&ask))
    }

    fn come_by_link(
        &mut self,
        cx: &mut Context<'_>,
        invitation: &Invitation,
        ask: Option<&Ask>,
    ) -> StepResult {
        let id = invitation.preview.conversation_id;
        let chat = match conversations::find(cx.conn, id)? {
            Some(row) if row.kind != ConversationKind::Group => return Err(CommandError::NotAGroup.into()),
            Some(row) => row.chat,
            None => invited_to(cx, invitation, ask)?,
        };
        self.with(cx, chat, |conversation, cx| {
            conversation.come_by_link(cx, invitation, ask)
        })?;
        Ok(())
    }
}

/// A conversation of which this device knows what the link shows.
fn invited_to(cx: &mut Context<'_>, invitation: &Invitation, ask: Option<&Ask>) -> StepResult<ChatId> {
    if conversations::count(cx.conn)? >= CONVERSATIONS_PER_ACCOUNT_MAX {
        return Err(CommandError::TooManyConversations.into());
    }
    let preview = &invitation.preview;
    let id = (preview.conversation_id, ConversationState::Joining);
    let mut row = new_row(cx, id, &preview.name, preview.description.as_ref())?;
    let chat = row.chat;
    // Hearsay: whoever may say what the group is called is believed more.
    row.heard_profile = GroupProfile {
        name: Some(preview.name.clone()),
        description: Some(preview.description.clone()),
        picture: None,
        timer: None,
        places: Some(ProfilePlaces::default()),
    };
    conversations::update(cx.conn, &row)?;
    conversations::set_standing(cx.conn, chat, Standing::Accepted)?;
    joins::set(cx.conn, chat, &invitation.secret, ask)?;
    Ok(chat)
}

impl Conversation {
    fn come_by_link(
        &mut self,
        cx: &mut Context<'_>,
        invitation: &Invitation,
        ask: Option<&Ask>,
    ) -> StepResult {
        let (chat, id) = (self.chat(), self.id());
        conversations::set_hidden(cx.conn, chat, false)?;
        self.changed(cx);
        let known = joins::find(cx.conn, chat)?;
        match self.record.state() {
            ConversationState::Removed => {
                self.record.set_state(ConversationState::Joining);
                self.record.set_standing(cx.conn, Standing::Accepted)?;
            }
            ConversationState::Joining if known.is_some_and(|join| !join.is_member) => {}
            // Somebody had added this account, and the user has not decided.
            _ if self.record.standing() == Standing::Request => return self.accept(cx),
            _ => return Ok(()),
        }
        joins::set(cx.conn, chat, &invitation.secret, ask)?;
        self.live.is_former = false;
        self.live.retry.succeeded();
        cx.connection.to_join.remove(&id);
        cx.touch(chat);
        Ok(())
    }

    // ---- asking ----

    /// Leaves the request to join with the server, or has it dropped.
    pub(super) fn ask(&self, cx: &mut Context<'_>, link: &LinkSecret, ask: &Ask) {
        let (chat, id) = (self.chat(), self.id());
        let (pending, request) = match ask.step {
            AskStep::Left => return,
            AskStep::Wanted => {
                let (me, device) = (cx.me.account_id, cx.me.device_id);
                let request = AskToJoin {
                    conversation_id: id.to_vec().into(),
                    access: link.prove_access(id, me, device).encode().to_vec().into(),
                    signature: link.sign_request(id, me, &ask.note).encode().to_vec().into(),
                    note: ask.note.clone().into(),
                };
                let note = Sha256::digest(&ask.note).into();
                (
                    PendingRequest::AskToJoin { chat, note },
                    Request::AskToJoin(request),
                )
            }
            AskStep::TakenBack => {
                let conversation_id = id.to_vec().into();
                let request = TakeBackRequest { conversation_id };
                (
                    PendingRequest::TakeBackRequest { chat },
                    Request::TakeBackRequest(request),
                )
            }
        };
        if !cx.requests.is_pending(pending) {
            cx.request(pending, request);
        }
    }

    /// Notes that the server has the request with this note.
    pub(crate) fn asked(&mut self, cx: &mut Context<'_>, note: [u8; 32]) -> StepResult {
        if self.is_asking(cx, note)? {
            joins::set_ask(cx.conn, self.chat(), AskStep::Left)?;
            self.live.retry.succeeded();
            self.changed(cx);
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles that the server does not take the request with this note.
    pub(crate) fn ask_refused(
        &mut self,
        cx: &mut Context<'_>,
        note: [u8; 32],
        problem: &Problem,
    ) -> StepResult {
        if is_transient(problem) {
            self.back_off(cx, Some(problem));
        } else if self.is_asking(cx, note)? {
            self.join_refused(cx, problem.known_code())?;
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Whether the request with this note is the one that the server is to have: the user may have asked anew since.
    fn is_asking(&self, cx: &Context<'_>, note: [u8; 32]) -> StepResult<bool> {
        let ask = self.link_to_join(cx)?.and_then(|join| join.ask);
        Ok(ask.is_some_and(|ask| {
            ask.step == AskStep::Wanted && <[u8; 32]>::from(Sha256::digest(&ask.note)) == note
        }))
    }

    /// Wants the request to join dropped, and the group out of the list. Returns whether there is one.
    pub(super) fn take_back_request(&mut self, cx: &mut Context<'_>) -> StepResult<bool> {
        let is_asking = self.link_to_join(cx)?.is_some_and(|join| join.ask.is_some());
        if is_asking {
            joins::set_ask(cx.conn, self.chat(), AskStep::TakenBack)?;
            if former_states::find(cx.conn, self.chat())?.is_none() {
                conversations::set_hidden(cx.conn, self.chat(), true)?;
            }
            self.live.retry.succeeded();
            self.changed(cx);
            cx.touch(self.chat());
        }
        Ok(is_asking)
    }

    /// Notes that the server has dropped the request, or refuses to hear of it.
    pub(crate) fn request_taken_back(&mut self, cx: &mut Context<'_>) -> StepResult {
        let join = self.link_to_join(cx)?.and_then(|join| join.ask);
        if join.is_some_and(|ask| ask.step == AskStep::TakenBack) {
            self.give_up_joining(cx)?;
        }
        Ok(())
    }

    pub(crate) fn take_back_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        if is_transient(problem) {
            self.back_off(cx, Some(problem));
            cx.touch(self.chat());
            return Ok(());
        }
        self.request_taken_back(cx)
    }

    /// The link by which this device is joining.
    pub(super) fn link_to_join(&self, cx: &Context<'_>) -> StepResult<Option<JoinRow>> {
        link_in(cx, self.record.row())
    }

    /// Notes whether Sync says that the account is in the group.
    pub(super) fn member_named(&self, cx: &Context<'_>, is_member: bool) -> StepResult {
        if self.record.state() == ConversationState::Joining && self.is_group() {
            joins::set_member(cx.conn, self.chat(), is_member)?;
        }
        Ok(())
    }

    /// Whether the group that the server shows is not older than the one that this account has left: nothing else can be
    /// checked of a way that is not shown to those outside.
    pub(super) fn may_come_back_to(
        &mut self,
        cx: &mut Context<'_>,
        staged: &StagedExternalJoin,
    ) -> StepResult<bool> {
        let is_former = former_states::find(cx.conn, self.chat())?.is_some();
        if is_former && staged.transcript().epoch <= former_epoch(cx, self.chat())? {
            self.server_misbehaved(cx, Misbehaviour::AnotherPast);
            self.join_refused(cx, Some(ProblemCode::LinkInvalid))?;
            return Ok(false);
        }
        Ok(true)
    }

    // ---- refusals ----

    /// Handles that the server does not show the group to whoever has the link.
    pub(super) fn group_by_link_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        match problem.known_code() {
            _ if is_transient(problem) => self.back_off(cx, Some(problem)),
            Some(ProblemCode::NotYourTurn) => {
                let wait = Duration::from_millis(u64::from(problem.retry_after_ms));
                self.live
                    .retry
                    .schedule(cx.now.plus(wait.clamp(JOIN_RETRY_MIN, JOIN_RETRY_MAX)));
                self.budget.join_not_tried();
            }
            Some(ProblemCode::StaleEpoch | ProblemCode::CommitsHeld) => self.back_off(cx, Some(problem)),
            code => self.join_refused(cx, code)?,
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles that the server does not take the commit with which this device joins. What was made for it is dropped.
    pub(super) fn commit_by_link_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        match problem.known_code() {
            Some(ProblemCode::StaleEpoch) => self.live.retry.back_off_if_often(cx.now),
            Some(ProblemCode::CommitsHeld) => self.live.retry.schedule(cx.now.plus(COMMITS_HELD_RETRY)),
            Some(ProblemCode::LogDisagrees) => {
                self.live.claims_nothing = true;
                self.back_off(cx, None);
            }
            code => self.join_refused(cx, code)?,
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles that the group itself does not let this account in.
    pub(super) fn join_not_permitted(&mut self, cx: &mut Context<'_>, why: &NotPermitted) -> StepResult {
        let code = match why {
            NotPermitted::Full => ProblemCode::GroupFull,
            NotPermitted::Banned(_) => ProblemCode::Banned,
            NotPermitted::JoinUnasked(_) => ProblemCode::LinkNeedsApproval,
            _ => ProblemCode::LinkInvalid,
        };
        self.join_refused(cx, Some(code))
    }

    /// Ends the attempt. A conversation in which this account never was leaves the list.
    pub(super) fn join_refused(&mut self, cx: &mut Context<'_>, code: Option<ProblemCode>) -> StepResult {
        let chat = self.chat();
        tracing::info!(%chat, ?code, "cannot join by the link");
        self.give_up_joining(cx)?;
        cx.warn(Warning::JoinRefused { chat, code });
        Ok(())
    }

    fn give_up_joining(&mut self, cx: &mut Context<'_>) -> StepResult {
        let chat = self.chat();
        joins::take(cx.conn, chat)?;
        if former_states::find(cx.conn, chat)?.is_none() {
            self.record.set_cursor(0, None);
            conversations::set_hidden(cx.conn, chat, true)?;
        }
        self.record.set_state(ConversationState::Removed);
        for row in outbox::all(cx.conn, chat)? {
            message_failed(cx, &row)?;
        }
        self.live.retry.succeeded();
        self.changed(cx);
        Ok(())
    }

    // ---- joined ----

    /// Notes, as this device comes into the group, that it does so by a link: the user wants it. Returns whether it does.
    pub(super) fn joins_by_link(&mut self, cx: &mut Context<'_>) -> StepResult<bool> {
        let (chat, me) = (self.chat(), cx.me.account_id);
        if self.record.row().hidden {
            // An earlier attempt had failed.
            conversations::set_hidden(cx.conn, chat, false)?;
        }
        let Some(join) = joins::take(cx.conn, chat)? else {
            return Ok(false);
        };
        if join.ask.is_some_and(|ask| ask.step == AskStep::TakenBack) {
            // Somebody was faster, and the user has not asked any more.
            self.record.set_standing(cx.conn, Standing::Request)?;
            return Ok(false);
        }
        records::decide(cx, self.id(), Decision::Accepted)?;
        if !members::all(cx.conn, chat)?.is_empty() {
            // It comes back: a line of its own says so.
            members::enter(cx.conn, chat, me, Role::Member, self.record.cursor())?;
        }
        Ok(true)
    }

    /// Tells that this account has joined by a link.
    pub(super) fn tell_joined_by_link(&self, cx: &mut Context<'_>) -> StepResult {
        let me = cx.me.account_id;
        let place = (self.record.cursor(), cx.now);
        self.notice(cx, NoticeKind::JoinedByLink, Some(me), vec![me], place)
    }
}

/// The link by which this device is joining a conversation.
pub(super) fn link_of(cx: &Context<'_>, id: ConversationId) -> StepResult<Option<JoinRow>> {
    match conversations::find(cx.conn, id)? {
        Some(row) => link_in(cx, &row),
        None => Ok(None),
    }
}

fn link_in(cx: &Context<'_>, row: &ConversationRow) -> StepResult<Option<JoinRow>> {
    if row.state != ConversationState::Joining {
        return Ok(None);
    }
    let join = joins::find(cx.conn, row.chat)?;
    Ok(join.filter(|join| !join.is_member))
}
