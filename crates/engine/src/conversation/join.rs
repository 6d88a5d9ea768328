//! Joining an existing group: by a Welcome, or by an external commit.

use prost::Message as _;
use subrosa_mls::{ConversationKind, GroupPolicy, JoinError, PolicyError};
use subrosa_wire::{
    AccountId, ConversationId,
    frames::{self, FetchGroup, FetchGroupByLink, GroupState, Problem, WelcomeItem, client_frame::Request},
    limits::CONVERSATIONS_PER_ACCOUNT_MAX,
    problem::ProblemCode,
};

use super::{
    Conversation, Conversations,
    descent::{self, Verdict, hash_to_claim},
    groups::meet,
    invited, new_direct, quarantine,
    record::LogPlace,
    welcomes::{self, Handled, Tree},
};
use crate::{
    ChatId,
    api::{ConversationState, EngineError, Warning},
    context::{Context, StepResult, is_transient},
    key_packages,
    misbehaviour::{ForeignGroup, Misbehaviour},
    records,
    requests::PendingRequest,
    store::{
        conversations::{self, ConversationRow},
        former_states,
        handshakes::{self, HandshakeKind, HandshakeRow},
        held_entries, if_readable, joins, members, outbox,
    },
};

/// Wants the group of a conversation of this account, to join it by an external commit.
pub(super) fn want_group(cx: &mut Context<'_>, id: ConversationId) {
    if cx.connection.to_join.insert(id) {
        cx.connection.groups_to_fetch.push(id);
    }
}

/// Requests the group of a conversation, unless that is under way or the conversation was joined in the meantime.
pub(crate) fn fetch_group(cx: &mut Context<'_>, id: ConversationId) -> StepResult {
    let pending = PendingRequest::FetchGroup { id };
    if !cx.connection.to_join.contains(&id) || cx.requests.is_pending(pending) {
        return Ok(());
    }
    let conversation_id = id.to_vec().into();
    let request = match invited::link_of(cx, id)? {
        Some(join) => {
            let access = join.link.prove_access(id, cx.me.account_id, cx.me.device_id);
            Request::FetchGroupByLink(FetchGroupByLink {
                conversation_id,
                access: access.encode().to_vec().into(),
            })
        }
        None => Request::FetchGroup(FetchGroup { conversation_id }),
    };
    cx.request(pending, request);
    Ok(())
}

impl Conversations {
    // ---- by Welcome ----

    /// Handles a Welcome for this device.
    pub(crate) fn welcome(&mut self, cx: &mut Context<'_>, item: &WelcomeItem) -> StepResult {
        if let Ok(id) = ConversationId::try_from(&item.conversation_id[..]) {
            let uses = self.uses;
            match cx.confine(|cx| self.join_by_welcome(cx, id, item))? {
                Ok(Handled::WaitsForTree) => return Ok(()),
                Ok(Handled::Done) => {}
                Err(error) => {
                    self.forget_since(uses);
                    invitation_dropped(cx, &error);
                }
            }
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
    ) -> StepResult<Handled> {
        let known = conversations::find(cx.conn, id)?;
        if let Some(row) = &known {
            // It was joined in the meantime, or an external join is in flight and comes later in the log. Who has been a
            // member only follows the log: an old Welcome would set it back. Who is out is added like anybody else.
            let is_joining = handshakes::find(cx.conn, row.chat)?.is_some();
            let was_member = former_states::find(cx.conn, row.chat)?.is_some();
            let is_out = is_out(cx, row)?;
            // Nobody but this device makes a group that is starting here.
            let may_join = match row.state {
                ConversationState::Joining => true,
                ConversationState::Removed | ConversationState::CutOff => is_out,
                ConversationState::Starting => row.kind != ConversationKind::Group,
                _ => false,
            };
            if row.state == ConversationState::Removed {
                // Sync says that this account is a member again, if the Welcome is not an old one.
                cx.sync_again();
            }
            if is_joining || was_member && !is_out || !may_join {
                return Ok(Handled::Done);
            }
        }
        if known.is_none() && !has_room_for_another(cx)? {
            return Ok(Handled::Done);
        }
        match welcomes::tree_of(cx, id, item)? {
            Tree::Here => {}
            Tree::IsFetched => return Ok(Handled::WaitsForTree),
            Tree::Gone => {
                cx.sync_again();
                return Ok(Handled::Done);
            }
        }
        let (staged, is_last_resort) = match key_packages::open_welcome(cx, id, item)? {
            Ok(opened) => opened,
            Err(JoinError::Mls(error)) => return Err(error.into()),
            Err(error) => {
                // One that does not open because its key is gone is nobody's fault.
                if error != JoinError::NoKeyPackage {
                    cx.misbehaved(known.map(|row| row.chat), Misbehaviour::WelcomeForged(error));
                }
                // If the conversation is real, Sync names it, and this device joins by an external commit.
                cx.sync_again();
                return Ok(Handled::Done);
            }
        };
        if let Some(row) = &known
            && staged.epoch() <= descent::former_epoch(cx, row.chat)?
        {
            // From before this account was out.
            return Ok(Handled::Done);
        }
        let whose = match check_policy(cx, staged.policy(), known.as_ref())? {
            Ok(whose) => whose,
            Err(why) => {
                self.refuse_group(cx, id, why)?;
                return Ok(Handled::Done);
            }
        };
        let Some(chat) = self.chat_to_join(cx, id, whose)? else {
            return Ok(Handled::Done);
        };
        let by = staged.sender().account_id();
        self.with(cx, chat, |conversation, cx| {
            conversation.group.delete(cx, id)?;
            conversation.group.replace(staged.accept(&cx.mls())?);
            cx.connection.welcome_was_real();
            let before = LogPlace::of_frame(item.seq.saturating_sub(1), &item.hash_before);
            conversation.record.set_cursor(before.seq, before.hash);
            conversation.record.set_accepted_number(0);
            conversation.record.set_entering(true);
            conversation.live.head_is_at_least(item.seq);
            conversation.leaf_key_from_key_package(cx, is_last_resort)?;
            conversation.live.added_by = Some(by);
            conversation.joined(cx)
        })?;
        Ok(Handled::Done)
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
        let uses = self.uses;
        if let Err(error) = cx.confine(|cx| self.join_from_outside(cx, id, state))? {
            self.forget_since(uses);
            if let Some(row) = if_readable(conversations::find(cx.conn, id))? {
                self.kept.remove(&row.chat);
                quarantine::set_aside(cx, row.chat, id, &error)?;
            } else {
                cx.connection.not_entered(id, cx.now);
                invitation_dropped(cx, &error);
            }
        }
        Ok(())
    }

    fn join_from_outside(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        state: &GroupState,
    ) -> StepResult {
        let known = conversations::find(cx.conn, id)?;
        if let Some(row) = &known
            && (matches!(
                row.state,
                ConversationState::Starting | ConversationState::Blocked | ConversationState::Quarantined
            ) || handshakes::find(cx.conn, row.chat)?.is_some())
        {
            return Ok(());
        }
        if known.is_none() && !has_room_for_another(cx)? {
            cx.connection.not_entered(id, cx.now);
            return Ok(());
        }
        let device = cx.device;
        let leaves: Vec<_> = state.leaves.iter().map(|leave| leave.to_vec()).collect();
        let staged =
            cx.mls()
                .stage_external_join(device, &state.group_info, &state.ratchet_tree, &leaves, id);
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
                } else {
                    cx.connection.not_entered(id, cx.now);
                }
                return Ok(());
            }
        };
        let whose = match check_policy(cx, staged.policy(), known.as_ref())? {
            Ok(whose) => whose,
            Err(why) => return self.refuse_group(cx, id, why),
        };
        let Some(chat) = self.chat_to_join(cx, id, whose)? else {
            cx.connection.not_entered(id, cx.now);
            return Ok(());
        };
        self.with(cx, chat, |conversation, cx| {
            let Verdict::Enter(place) = conversation.judge(cx, &staged, state)? else {
                return Ok(());
            };
            let returns = staged
                .members()
                .iter()
                .any(|member| member.certificate.device_id() == cx.me.device_id);
            let send_id = cx.new_send_id();
            // The server begins to count anew, wherever a false answer may have led the count.
            let number = 1;
            let returning = conversation.claim_of_return(cx, number)?;
            conversation
                .record
                .set_cursor(place.seq, hash_to_claim(place, conversation.live.claims_nothing));
            conversation.group.delete(cx, id)?;
            let claim = if returns {
                returning
            } else {
                conversation.claim(number)
            };
            let is_member = staged
                .members()
                .iter()
                .any(|member| member.certificate.account_id() == cx.me.account_id);
            // Whatever Sync says of the account: the tree decides.
            let made = match joins::find(cx.conn, chat)?.filter(|_| !is_member) {
                Some(join) => {
                    let link = join.link;
                    match staged.commit_by_link(&cx.mls(), device, &claim, &link) {
                        Err(JoinError::Policy(PolicyError::NotPermitted(why))) => {
                            return conversation.join_not_permitted(cx, &why);
                        }
                        made => made,
                    }
                }
                None => staged.commit(&cx.mls(), device, &claim),
            };
            let (group, bundle) = made?;
            conversation.group.replace(group);
            handshakes::insert(
                cx.conn,
                chat,
                &HandshakeRow {
                    kind: HandshakeKind::ExternalJoin,
                    send_id,
                    number,
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
        if let Some(row) = if_readable(conversations::find(cx.conn, id))? {
            let by_link = self.with_row(cx, row, |conversation, cx| {
                if conversation.link_to_join(cx)?.is_some() {
                    conversation.group_by_link_refused(cx, problem)?;
                    return Ok(true);
                }
                conversation.back_off(cx, Some(problem));
                conversation.gone_if_unnamed(cx, problem)?;
                Ok(false)
            })?;
            if by_link == Some(true) {
                return Ok(());
            }
        } else if is_transient(problem) {
            // Sync will name it again.
            cx.connection.sync_retry.back_off(cx.now, problem.retry_after_ms);
        } else {
            cx.connection.not_entered(id, cx.now);
        }
        if problem.known_code() != Some(ProblemCode::NotAMember) && !is_transient(problem) {
            cx.refused(None, problem);
        }
        Ok(())
    }

    // ---- both ----

    /// Drops what is in memory of the conversations that were used since: that work was taken back.
    fn forget_since(&mut self, uses: u64) {
        self.kept.retain(|_, kept| kept.last_use <= uses);
    }

    /// The conversation to join: the one with this id, the one started here with the same person, or a new one. `None` if
    /// this device is in another one with that person.
    fn chat_to_join(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        whose: Whose,
    ) -> StepResult<Option<ChatId>> {
        if let Some(row) = conversations::find(cx.conn, id)? {
            return Ok(Some(row.chat));
        }
        let person = match whose {
            Whose::Pair(person) => person,
            Whose::Group => {
                let state = ConversationState::Joining;
                return Ok(Some(conversations::insert(
                    cx.conn,
                    id,
                    ConversationKind::Group,
                    state,
                    cx.now,
                )?));
            }
        };
        // One that is blocked is no reason to refuse another.
        let known = conversations::find_pair(cx.conn, (cx.me.account_id, person))?;
        let Some(row) = known.filter(|row| row.state != ConversationState::Blocked) else {
            return new_direct(cx, id, person, ConversationState::Joining).map(Some);
        };
        let chat = row.chat;
        if row.is_starting() || is_only_named(cx, &row)? {
            self.move_to(cx, chat, id)?;
            return Ok(Some(chat));
        }
        // Nobody has two with one person: one of them is gone, or made up.
        cx.misbehaved(Some(chat), Misbehaviour::SecondConversation);
        self.with_row(cx, row, Conversation::doubt_if_unnamed)?;
        Ok(None)
    }

    fn refuse_group(&mut self, cx: &mut Context<'_>, id: ConversationId, why: ForeignGroup) -> StepResult {
        let known = conversations::find(cx.conn, id)?;
        cx.misbehaved(known.as_ref().map(|row| row.chat), why);
        let Some(row) = known else {
            cx.connection.not_entered(id, cx.now);
            return Ok(());
        };
        self.with_row(cx, row, |conversation, cx| {
            if conversation.link_to_join(cx)?.is_some() {
                return conversation.join_refused(cx, Some(ProblemCode::LinkInvalid));
            }
            if why == ForeignGroup::OtherPerson {
                return conversation.shown_with_another(cx);
            }
            conversation.record.set_state(ConversationState::Blocked);
            conversation.changed(cx);
            Ok(())
        })?;
        Ok(())
    }
}

impl Conversation {
    /// Handles a group under this conversation's id that is one with somebody else. The answer may be a lie: a device that
    /// was in a group of this conversation leaves it to the user what to do. One that was not goes on under another id, so
    /// that the other conversation can be entered.
    fn shown_with_another(&mut self, cx: &mut Context<'_>) -> StepResult {
        let (chat, id) = (self.chat(), self.id());
        let is_joined = self.record.state() == ConversationState::Joined;
        if is_joined && !self.live.is_in_doubt {
            self.back_off(cx, None);
        } else if is_joined && !self.record.is_entering() {
            self.rejoin(cx)?;
            self.cut_off(cx);
        } else if former_states::find(cx.conn, chat)?.is_some() || self.is_group() {
            self.cut_off(cx);
        } else {
            tracing::info!(%chat, "the server has another conversation under this id: goes on under a new one");
            let other = ConversationId::from_bytes(cx.random());
            self.move_pending_to(cx, other, ConversationState::Starting)?;
            self.back_off(cx, None);
            cx.connection.not_entered(id, cx.now);
            cx.sync_again();
        }
        Ok(())
    }

    /// Handles the refusal of the group of a conversation that Sync does not name either: the server does not have it.
    fn gone_if_unnamed(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        let is_refused = problem.known_code() == Some(ProblemCode::NotAMember) && cx.connection.synced;
        let is_out = match self.record.state() {
            ConversationState::Joined => self.live.is_in_doubt,
            state => matches!(state, ConversationState::Joining | ConversationState::CutOff),
        };
        if is_refused && self.live.is_former && is_out {
            // The log that would show it is gone. What this device held stays, in case it is not true.
            let pending = handshakes::find(cx.conn, self.chat())?;
            let by = pending
                .is_some_and(|pending| pending.kind == HandshakeKind::Leave)
                .then_some(cx.me.account_id);
            let followed = self.follower(cx)?.and_then(|follower| follower.removed());
            let (by, at) = match followed {
                Some((by, at)) => (Some(by), at),
                None => (by, (self.record.cursor(), cx.now)),
            };
            return self.account_removed(cx, by, at);
        }
        if is_refused && is_out && self.is_named(cx) {
            // It was removed since the last Sync, which said that it is a member.
            cx.sync_again();
        }
        if !is_refused || self.is_named(cx) {
            return Ok(());
        }
        match self.record.state() {
            ConversationState::Joined if self.live.is_in_doubt => {
                self.rejoin(cx)?;
                self.gone(cx);
            }
            ConversationState::Joining if self.is_founding(cx)? => {
                self.found_under_another_id(cx)?;
            }
            ConversationState::Joining if former_states::find(cx.conn, self.chat())?.is_some() => {
                self.gone(cx);
            }
            // Whoever was only added to a group does not make it anew.
            ConversationState::Joining if self.is_group() => self.gone(cx),
            // This device was to join it in place of its own, or the user has decided.
            ConversationState::Joining => {
                self.server_misbehaved(cx, Misbehaviour::NoSuchConversation);
                self.record.set_state(ConversationState::Starting);
                // Nobody is known to have what was said before.
                self.record.resend_from(0);
                self.resend_lost(cx)?;
                self.changed(cx);
            }
            _ => {}
        }
        Ok(())
    }

    /// Leaves it to the user whether a conversation in which this device was is begun anew.
    fn gone(&mut self, cx: &mut Context<'_>) {
        self.server_misbehaved(cx, Misbehaviour::ConversationGone);
        self.cut_off(cx);
    }

    fn is_named(&self, cx: &Context<'_>) -> bool {
        cx.connection.named.contains(&self.id())
    }

    /// Doubts a conversation that Sync does not name, if this device was in it when Sync was sent.
    pub(crate) fn doubt_if_unnamed(&mut self, cx: &mut Context<'_>) -> StepResult {
        let is_joined = self.record.state() == ConversationState::Joined;
        if is_joined && !cx.connection.has_moved(self.chat()) && !self.is_named(cx) {
            self.suspect_return(cx);
        }
        if is_joined {
            return Ok(());
        }
        self.member_named(cx, false)
    }

    /// Handles `stale_epoch`: if the whole log is applied and the server is still in another epoch, something is wrong.
    pub(super) fn doubt_if_diverged(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        let cursor = self.record.cursor();
        if cursor < problem.head_seq {
            return Ok(());
        }
        let id = self.id();
        match self.group.find(cx, id)? {
            Some(group) if group.epoch() == problem.epoch => {}
            // The answer may be from before our newest commit was accepted.
            Some(group) if group.epoch() > problem.epoch && cursor > problem.head_seq => {}
            _ => self.doubt(cx),
        }
        Ok(())
    }

    /// Notes that this device is a member as of the cursor.
    pub(super) fn joined(&mut self, cx: &mut Context<'_>) -> StepResult {
        let cursor = self.record.cursor();
        tracing::info!(chat = %self.chat(), cursor, "joined");
        self.record.set_state(ConversationState::Joined);
        self.record.set_name_sent(false);
        self.live.follower = None;
        self.live.follows_from_epoch = false;
        self.live.entries_tried = 0;
        self.live.is_in_doubt = false;
        let reached = self.report_gap(cx)?;
        self.begin_chain(cx)?;
        self.receipts_begin(cx, reached)?;
        held_entries::delete_through(cx.conn, self.chat(), cursor)?;
        self.drop_other_branch(cx)?;
        handshakes::delete(cx.conn, self.chat())?;
        outbox::unseal(cx.conn, self.chat())?;
        let by = self.live.added_by.take();
        let by_link = self.joins_by_link(cx)? && by.is_none();
        self.found_standing(cx, by)?;
        self.members_found(cx, by)?;
        if by_link {
            self.tell_joined_by_link(cx)?;
        }
        self.resend_lost(cx)?;
        self.forget_sends(cx);
        self.devices_found(cx)?;
        self.live.retry.succeeded();
        self.live.head_is_at_least(cursor);
        records::joined(cx, (self.chat(), self.id()))?;
        cx.connection.to_join.remove(&self.id());
        cx.connection.cursor_moved(self.chat(), cursor);
        self.changed(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Drops the group made for an external commit that has not taken place. The next attempt starts over.
    pub(super) fn drop_external_join(&mut self, cx: &mut Context<'_>) -> StepResult {
        handshakes::delete(cx.conn, self.chat())?;
        held_entries::delete_beyond(cx.conn, self.chat(), 0)?;
        let id = self.id();
        self.group.delete(cx, id)?;
        self.forget_sends(cx);
        cx.touch(self.chat());
        Ok(())
    }

    /// Handles the refusal of an external commit.
    pub(super) fn external_join_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        self.drop_external_join(cx)?;
        if self.link_to_join(cx)?.is_some() {
            return self.commit_by_link_refused(cx, problem);
        }
        if problem.known_code() == Some(ProblemCode::StaleEpoch) {
            self.live.retry.back_off_if_often(cx.now);
        } else if problem.known_code() == Some(ProblemCode::LogDisagrees) {
            self.server_misbehaved(cx, Misbehaviour::LogDiffers);
            self.live.claims_nothing = true;
            self.record.resend_from(0);
            self.back_off(cx, None);
        } else if problem.known_code() == Some(ProblemCode::NotAMember) && self.is_group() {
            // This account has left meanwhile, or was removed: Sync says so.
            self.back_off(cx, None);
            cx.sync_again();
        } else {
            self.back_off(cx, Some(problem));
            cx.refused(None, problem);
        }
        cx.touch(self.chat());
        Ok(())
    }
}

/// Whether this device is to join a conversation of which it has nothing but the id.
fn is_only_named(cx: &Context<'_>, row: &ConversationRow) -> StepResult<bool> {
    Ok(row.state == ConversationState::Joining
        && handshakes::find(cx.conn, row.chat)?.is_none()
        && former_states::find(cx.conn, row.chat)?.is_none())
}

/// Whether this device may enter another conversation. An honest server lets no account have more.
fn has_room_for_another(cx: &mut Context<'_>) -> StepResult<bool> {
    let has_room = conversations::count(cx.conn)? < CONVERSATIONS_PER_ACCOUNT_MAX;
    if !has_room {
        cx.misbehaved(None, Misbehaviour::TooMuch);
    }
    Ok(has_room)
}

/// Reports that a conversation which is not known here could not be joined, and why.
fn invitation_dropped(cx: &mut Context<'_>, cause: &EngineError) {
    tracing::error!(error = %cause, "an invitation to a conversation cannot be processed and is dropped");
    cx.warn(Warning::NotProcessed {
        chat: None,
        reason: cause.to_string(),
    });
}

/// Whose conversation it is that this device enters.
#[derive(Debug, Clone, Copy)]
enum Whose {
    /// This account's and that person's, or this account's alone.
    Pair(AccountId),
    /// That of a group, whose members come and go.
    Group,
}

/// Whose the conversation is, as the group's signed context says. The group was verified, so this account is in it.
fn check_policy(
    cx: &mut Context<'_>,
    policy: &GroupPolicy,
    known: Option<&ConversationRow>,
) -> StepResult<Result<Whose, ForeignGroup>> {
    let me = cx.me.account_id;
    // Before anybody is added to the contacts: a known conversation stays what it is, and in a direct one there is nobody
    // else.
    if policy.kind() == ConversationKind::NotesToSelf {
        // Nobody else makes such a group.
        let is_known_as_other = known.is_some_and(|row| row.kind != policy.kind());
        return Ok(if is_known_as_other {
            Err(ForeignGroup::UnknownKind)
        } else {
            Ok(Whose::Pair(me))
        });
    }
    if known.is_some_and(|row| row.kind != policy.kind()) {
        return Ok(Err(ForeignGroup::OtherPerson));
    }
    if policy.kind() == ConversationKind::Group {
        return Ok(Ok(Whose::Group));
    }
    let other = policy.named_accounts().iter().find(|account| **account != me);
    let (ConversationKind::Direct, Some(person)) = (policy.kind(), other) else {
        return Ok(Err(ForeignGroup::UnknownKind));
    };
    if let Some(row) = known
        && members::others(cx.conn, row.chat, me)? != [*person]
    {
        return Ok(Err(ForeignGroup::OtherPerson));
    }
    meet(cx, *person)?;
    Ok(Ok(Whose::Pair(*person)))
}

/// Whether this device knows that the account has left a group or was removed from it.
fn is_out(cx: &Context<'_>, row: &ConversationRow) -> StepResult<bool> {
    if row.state == ConversationState::Removed && row.kind == ConversationKind::Group && row.cursor == 0 {
        // It could not join by a link, and was never in it.
        return Ok(true);
    }
    if row.kind != ConversationKind::Group || former_states::find(cx.conn, row.chat)?.is_none() {
        return Ok(false);
    }
    let members = members::all(cx.conn, row.chat)?;
    Ok(members.iter().all(|member| member.account != cx.me.account_id))
}

/// The frame for a commit.
pub(super) fn commit_frame(bundle: subrosa_mls::CommitBundle) -> frames::Commit {
    frames::Commit {
        commit: bundle.commit.into(),
        group_info: bundle.group_info.into(),
        welcome: bundle.welcome.unwrap_or_default().into(),
    }
}
