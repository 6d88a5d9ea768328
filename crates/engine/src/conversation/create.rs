//! Creating a conversation: key packages are claimed, the group is made, and one creation of the two wins.

use prost::Message as _;
use subrosa_mls::{AccountPublicKey, CommitPlan, GroupPolicy, VerifiedKeyPackage};
use subrosa_wire::{
    AccountId, ConversationId, SendId,
    frames::{ClaimKeyPackages, CreateConversation, KeyPackages, Problem, client_frame::Request},
    problem::ProblemCode,
};

use super::{Conversation, Conversations, join::commit_frame};
use crate::{
    api::{ConversationState, EngineError, Event},
    content::{MimiContent, compose},
    context::{Context, StepResult, is_transient},
    directory,
    requests::PendingRequest,
    store::{
        contacts,
        conversations::{self, ChatId},
        corrupt,
        handshakes::{self, HandshakeKind, HandshakeRow},
        messages, outbox,
    },
};

impl Conversation {
    /// Claims key packages of the peer and of this account's other devices.
    pub(super) fn claim_key_packages(&mut self, cx: &mut Context<'_>) {
        self.live.is_claiming = true;
        let own = cx.connection.has_other_devices().then_some(cx.me.account_id);
        for account in std::iter::once(self.record.peer()).chain(own) {
            cx.request(
                PendingRequest::ClaimKeyPackages {
                    chat: self.chat(),
                    account,
                },
                Request::ClaimKeyPackages(ClaimKeyPackages {
                    account_id: account.to_vec().into(),
                }),
            );
        }
    }

    pub(crate) fn key_packages_claimed(
        &mut self,
        cx: &mut Context<'_>,
        account: AccountId,
        packages: KeyPackages,
    ) -> StepResult {
        if self.record.state() != ConversationState::Starting
            || handshakes::find(cx.conn, self.chat())?.is_some()
        {
            return Ok(());
        }
        if account == self.record.peer()
            && let Some(found) = &packages.account
        {
            directory::account_found(cx, account, found)?;
        }
        let packages = packages
            .devices
            .into_iter()
            .map(|device| device.key_package.to_vec())
            .collect();
        self.live.claimed.insert(account, packages);
        if cx.requests.is_claiming(self.chat()) {
            Ok(())
        } else {
            self.create(cx)
        }
    }

    /// Makes the group and its first commit. Every key package must verify under the pinned key.
    fn create(&mut self, cx: &mut Context<'_>) -> StepResult {
        let peer = self.record.peer();
        let peer_key = contacts::find(cx.conn, peer)?
            .ok_or_else(|| EngineError::Inconsistent("a conversation without contact".to_owned()))?
            .account_key;
        self.live.is_claiming = false;
        let claimed = std::mem::take(&mut self.live.claimed);
        let send_id = cx.new_send_id();

        let mut add = Vec::new();
        let mut forged = Vec::new();
        let (me, own_key) = (cx.me.account_id, *cx.account_key);
        for (account, packages) in claimed {
            let account_key = if account == me { own_key } else { peer_key };
            for package in packages {
                match cx.mls().verify_key_package(&package, account, &account_key) {
                    Ok(verified) => add.push(verified),
                    Err(error) => forged.push(format!("a key package of {account}: {error}")),
                }
            }
        }
        let has_peer = add
            .iter()
            .any(|package| package.certificate().account_id() == peer);
        if !forged.is_empty() || !has_peer {
            for what in forged {
                self.forged(cx, what);
            }
            self.back_off(cx, None);
            return Ok(());
        }
        let request = self.found_group(cx, send_id, peer_key, add)?;
        handshakes::insert(
            cx.conn,
            self.chat(),
            &HandshakeRow {
                kind: HandshakeKind::Create,
                send_id,
                number: 1,
                request: request.encode_to_vec(),
            },
        )?;
        cx.touch(self.chat());
        Ok(())
    }

    fn found_group(
        &mut self,
        cx: &mut Context<'_>,
        send_id: SendId,
        peer_key: AccountPublicKey,
        add: Vec<VerifiedKeyPackage>,
    ) -> StepResult<CreateConversation> {
        let id = self.id();
        let policy = GroupPolicy::direct(
            (cx.me.account_id, *cx.account_key),
            (self.record.peer(), peer_key),
        )
        .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        self.group.delete(cx, id)?;
        let device = cx.device;
        let mls = cx.mls();
        let mut group = mls.create_group(device, id, &policy)?;
        let group_info = group.group_info(&mls, device)?;
        let ratchet_tree = group.ratchet_tree()?;
        let plan = CommitPlan {
            add,
            remove: Vec::new(),
            update_path: false,
        };
        let bundle = group.commit(&mls, device, plan)?;
        self.group.replace(group);
        Ok(CreateConversation {
            conversation_id: id.to_vec().into(),
            send_id: send_id.to_vec().into(),
            group_info: group_info.into(),
            ratchet_tree: ratchet_tree.into(),
            commit: Some(commit_frame(bundle)),
        })
    }

    /// The server gives no key packages.
    pub(crate) fn claim_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) {
        self.forget_sends(cx);
        self.back_off(cx, Some(problem));
        // A person who has just signed up, or who is signed out everywhere, has none: the message waits.
        if !is_transient(problem) && problem.known_code() != Some(ProblemCode::NoKeyPackages) {
            cx.refused(None, problem);
        }
    }

    /// The server has refused the creation. Returns the conversation that was faster, if that is why.
    pub(super) fn creation_refused(
        &mut self,
        cx: &mut Context<'_>,
        problem: &Problem,
    ) -> StepResult<Option<ConversationId>> {
        if problem.known_code() == Some(ProblemCode::ConversationExists)
            && let Ok(winner) = ConversationId::try_from(&problem.conversation_id[..])
        {
            return Ok(Some(winner));
        }
        // A device may have gone since its key package was claimed: start again with new ones.
        handshakes::delete(cx.conn, self.chat())?;
        self.forget_sends(cx);
        self.back_off(cx, None);
        cx.refused(None, problem);
        Ok(None)
    }
}

impl Conversations {
    /// The server has refused a handshake.
    pub(crate) fn handshake_refused(
        &mut self,
        cx: &mut Context<'_>,
        chat: ChatId,
        problem: &Problem,
    ) -> StepResult {
        let winner = self.with(cx, chat, |conversation, cx| {
            conversation.handshake_refused(cx, problem)
        })?;
        // The peer's creation was faster: what was written here belongs into that conversation.
        if let Some(winner) = winner.flatten() {
            self.move_to(cx, chat, winner)?;
            cx.sync_again();
        }
        Ok(())
    }

    /// Gives a conversation that was only local another id, or merges it into the one that has it.
    pub(super) fn move_to(
        &mut self,
        cx: &mut Context<'_>,
        chat: ChatId,
        to: ConversationId,
    ) -> StepResult<ChatId> {
        let other = conversations::find(cx.conn, to)?.map(|row| row.chat);
        let other = other.filter(|other| *other != chat);
        let moved = self.with(cx, chat, |conversation, cx| {
            let from = conversation.id();
            conversation.group.delete(cx, from)?;
            handshakes::delete(cx.conn, chat)?;
            conversation.forget_sends(cx);
            conversation.live = super::Live::default();
            let mut moved = Vec::new();
            for message in messages::page(cx.conn, chat, None, u32::MAX)? {
                moved.extend(messages::find(cx.conn, chat, &message.id)?.map(|(message, _)| message));
                cx.event(Event::MessageRemoved {
                    conversation: from,
                    message: message.id,
                });
            }
            if other.is_none() {
                conversation.record.set_id(to);
                conversation.record.set_state(ConversationState::Joining);
            }
            Ok((from, moved))
        })?;
        let Some((from, moved)) = moved else {
            return Ok(chat);
        };
        if let Some(other) = other {
            conversations::absorb(cx.conn, chat, other)?;
            self.kept.remove(&chat);
        }
        let chat = other.unwrap_or(chat);
        outbox::unseal(cx.conn, chat)?;
        // Content and message id name the conversation.
        let origin = cx.origin(to);
        for waiting in outbox::all(cx.conn, chat)? {
            let Some(message) = waiting.message else { continue };
            let salt = MimiContent::decode(&waiting.content)
                .map_err(|_| corrupt("a stored content"))?
                .salt;
            let text = messages::load(cx.conn, message)?.text;
            let (id, content) = origin.seal(&compose::text(&origin, salt, &text))?;
            outbox::set_content(cx.conn, waiting.id, &content)?;
            messages::set_message_id(cx.conn, message, &id)?;
        }
        cx.event(Event::ConversationMoved { from, to });
        for message in moved {
            let message = messages::load(cx.conn, message)?;
            cx.event(Event::MessageSent(Box::new(message)));
        }
        cx.touch(chat);
        Ok(chat)
    }
}
