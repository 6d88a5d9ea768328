//! Creating a conversation: claim key packages, make the group, send its creation. If two people create one at the
//! same time, one creation wins.

use std::collections::BTreeSet;

use prost::Message as _;
use subrosa_mls::{CommitError, CommitPlan, GroupPolicy, LogClaim, LogHash, PolicyError, VerifiedKeyPackage};
use subrosa_wire::{
    AccountId, ConversationId, SendId,
    frames::{ClaimKeyPackages, CreateConversation, KeyPackages, Problem, client_frame::Request},
    problem::ProblemCode,
};

use super::{Conversation, Conversations, Live, join::commit_frame};
use crate::{
    ChatId,
    api::{ConversationState, EngineError, Event, Warning},
    content::{MimiContent, compose},
    context::{Context, StepResult, is_transient},
    directory,
    misbehaviour::Misbehaviour,
    requests::PendingRequest,
    store::{
        conversations, corrupt,
        handshakes::{self, HandshakeKind, HandshakeRow},
        members, messages, outbox, raw_entries,
    },
};

impl Conversation {
    /// Claims key packages of the other members.
    pub(super) fn claim_key_packages(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.live.is_claiming = true;
        for account in members::others(cx.conn, self.chat(), cx.me.account_id)? {
            if !self.live.claimed.contains_key(&account) {
                self.claim_of(cx, account);
            }
        }
        self.go_on_with_claims(cx)
    }

    fn claim_of(&self, cx: &mut Context<'_>, account: AccountId) {
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

    /// Once the others have some, claims those of this account's other devices, also if the list of devices names none: a
    /// device that is left out could not read what is said until it has come in by itself.
    fn go_on_with_claims(&mut self, cx: &mut Context<'_>) -> StepResult {
        if cx.requests.is_claiming(self.chat()) {
            return Ok(());
        }
        let claimed = &self.live.claimed;
        if claimed.values().all(|packages| !packages.is_empty()) && !claimed.contains_key(&cx.me.account_id) {
            let me = cx.me.account_id;
            self.claim_of(cx, me);
            return Ok(());
        }
        self.create(cx)
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
        if account != cx.me.account_id
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
        self.go_on_with_claims(cx)
    }

    /// Makes the group and its first commit, with every device whose key package is valid. Each of the other accounts
    /// must have one.
    fn create(&mut self, cx: &mut Context<'_>) -> StepResult {
        let others = members::others(cx.conn, self.chat(), cx.me.account_id)?;
        self.live.is_claiming = false;
        let claimed = std::mem::take(&mut self.live.claimed);
        let send_id = cx.new_send_id();

        // A device that is left out enters by itself as soon as it can.
        let mut add = Vec::new();
        let mut devices = BTreeSet::new();
        let mut clashes = Vec::new();
        let mut has_expired = false;
        for (account, packages) in claimed {
            for package in packages {
                match cx.mls().verify_key_package(&package, account) {
                    // One is as good as the other.
                    Ok(verified) if devices.contains(&verified.device_id()) => {
                        clashes.push(PolicyError::DuplicateDevice(verified.device_id()));
                    }
                    Ok(verified) => {
                        devices.insert(verified.device_id());
                        add.push(verified);
                    }
                    Err(error) if error.is_out_of_time() => has_expired = true,
                    Err(error) => {
                        self.server_misbehaved(cx, Misbehaviour::KeyPackageForged { account, error });
                    }
                }
            }
        }
        for clash in clashes {
            self.server_misbehaved(cx, Misbehaviour::KeyPackagesClash(clash.into()));
        }
        let has_all = others.iter().all(|account| {
            add.iter()
                .any(|package| package.certificate().account_id() == *account)
        });
        if !has_all {
            if has_expired {
                cx.warn(Warning::CertificatesExpired { chat: self.chat() });
            }
            self.back_off(cx, None);
            return Ok(());
        }
        let request = match self.found_group(cx, send_id, &others, add)? {
            Ok(request) => request,
            Err(error) => {
                self.group.delete(cx, self.id())?;
                self.server_misbehaved(cx, Misbehaviour::KeyPackagesClash(error));
                self.back_off(cx, None);
                return Ok(());
            }
        };
        self.record.set_cursor(0, Some(LogHash::START));
        raw_entries::delete_beyond(cx.conn, self.chat(), 0)?;
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

    /// The group and its first commit; or why these devices cannot be in one group.
    fn found_group(
        &mut self,
        cx: &mut Context<'_>,
        send_id: SendId,
        others: &[AccountId],
        add: Vec<VerifiedKeyPackage>,
    ) -> StepResult<Result<CreateConversation, CommitError>> {
        let id = self.id();
        let &[other] = others else {
            return Err(EngineError::Inconsistent(format!(
                "a direct conversation with {} others",
                others.len()
            )));
        };
        let policy = GroupPolicy::direct(cx.me.account_id, other)
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
        let bundle = match group.commit(&mls, device, plan, &LogClaim::of_no_place(1)) {
            Err(error @ (CommitError::Invalid(_) | CommitError::Policy(_))) => return Ok(Err(error)),
            bundle => bundle?,
        };
        self.group.replace(group);
        Ok(Ok(CreateConversation {
            conversation_id: id.to_vec().into(),
            send_id: send_id.to_vec().into(),
            group_info: group_info.into(),
            ratchet_tree: ratchet_tree.into(),
            commit: Some(commit_frame(bundle)),
        }))
    }

    /// Handles the refusal of key packages.
    pub(crate) fn claim_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) {
        // What was handed out already is used at the next attempt.
        let claimed = std::mem::take(&mut self.live.claimed);
        self.forget_sends(cx);
        self.live.claimed = claimed;
        self.back_off(cx, Some(problem));
        // Someone who has just signed up, or is signed out everywhere, has none: the message waits.
        if !is_transient(problem) && problem.known_code() != Some(ProblemCode::NoKeyPackages) {
            cx.refused(None, problem);
        }
    }

    /// Handles the refusal of the creation. Returns the id of the existing conversation, if that is the reason.
    pub(super) fn creation_refused(
        &mut self,
        cx: &mut Context<'_>,
        problem: &Problem,
    ) -> StepResult<Option<ConversationId>> {
        if problem.known_code() == Some(ProblemCode::ConversationExists)
            && let Ok(winner) = ConversationId::try_from(&problem.conversation_id[..])
        {
            let known = conversations::find(cx.conn, winner)?;
            if known.is_none_or(|row| row.chat == self.chat()) {
                return Ok(Some(winner));
            }
            // If it is known, it is a conversation with somebody else.
            self.server_misbehaved(cx, Misbehaviour::AnotherConversation);
        }
        // A device may have been signed out since its key package was claimed: start again with new ones.
        handshakes::delete(cx.conn, self.chat())?;
        self.forget_sends(cx);
        self.back_off(cx, None);
        cx.refused(None, problem);
        Ok(None)
    }
}

impl Conversations {
    /// Handles the refusal of a handshake.
    pub(crate) fn handshake_refused(
        &mut self,
        cx: &mut Context<'_>,
        chat: ChatId,
        problem: &Problem,
    ) -> StepResult {
        let winner = self.with(cx, chat, |conversation, cx| {
            conversation.handshake_refused(cx, problem)
        })?;
        // The other person's creation was faster: what was written here goes into that conversation.
        if let Some(winner) = winner.flatten() {
            self.move_to(cx, chat, winner)?;
            cx.sync_again();
        }
        Ok(())
    }

    /// Gives a local conversation another id on the wire. No conversation has that id yet.
    pub(super) fn move_to(&mut self, cx: &mut Context<'_>, chat: ChatId, to: ConversationId) -> StepResult {
        self.with(cx, chat, |conversation, cx| conversation.move_pending_to(cx, to))?;
        Ok(())
    }
}

impl Conversation {
    fn move_pending_to(&mut self, cx: &mut Context<'_>, id: ConversationId) -> StepResult {
        let chat = self.chat();
        let from = self.id();
        self.group.delete(cx, from)?;
        handshakes::delete(cx.conn, chat)?;
        self.forget_sends(cx);
        self.live = Live::default();
        self.record.release(cx.conn)?;
        raw_entries::delete_beyond(cx.conn, chat, 0)?;
        self.record.set_id(id);
        self.record.set_state(ConversationState::Joining);
        outbox::unseal(cx.conn, chat)?;
        // The content and the message id depend on the conversation id.
        let origin = cx.origin(id);
        for waiting in outbox::all(cx.conn, chat)? {
            let Some(message) = waiting.message else { continue };
            let salt = MimiContent::decode(&waiting.content)
                .map_err(|_| corrupt("a stored content"))?
                .salt;
            let text = messages::load(cx.conn, message)?.text;
            let (message_id, content) = origin.encode(&compose::text(&origin, salt, &text))?;
            outbox::set_content(cx.conn, waiting.id, &content)?;
            messages::set_message_id(cx.conn, message, &message_id)?;
        }
        cx.event(Event::ConversationMoved(chat));
        cx.touch(chat);
        Ok(())
    }
}
