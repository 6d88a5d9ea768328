//! Creating a conversation: claim key packages, make the group, send its creation. If two people create one at the
//! same time, one creation wins.

use std::collections::BTreeSet;

use prost::Message as _;
use subrosa_mls::{
    CommitError, CommitPlan, ConversationKind, GroupPolicy, LogClaim, LogHash, PolicyError,
    VerifiedKeyPackage,
};
use subrosa_wire::{
    AccountId, ConversationId, SendId,
    frames::{
        ClaimForMany, ClaimKeyPackages, CreateConversation, KeyPackages, KeyPackagesOfMany, Problem,
        client_frame::Request,
    },
    limits::CLAIMED_ACCOUNTS_MAX,
    problem::ProblemCode,
};

use super::{
    Conversation, Conversations, Live,
    groups::{cut_to_batch, first_policy},
    join::commit_frame,
};
use crate::{
    ChatId,
    api::{ConversationState, EngineError, Event, Warning},
    content::{MimiContent, compose},
    context::{Context, StepResult, is_transient},
    directory,
    limits::ADDED_ACCOUNTS_MAX,
    misbehaviour::Misbehaviour,
    records,
    requests::PendingRequest,
    store::{
        conversations, corrupt, former_states,
        handshakes::{self, HandshakeKind, HandshakeRow},
        held_entries, log_chain, members, messages, outbox, raw_entries, receipts,
        wishes::{self, Wish},
    },
};

impl Conversation {
    /// Claims key packages of the other members.
    pub(super) fn claim_key_packages(&mut self, cx: &mut Context<'_>) -> StepResult {
        self.live.is_claiming = true;
        self.go_on_with_claims(cx)
    }

    /// Whether key packages of these accounts, or the answer that there are none, are here. If not, claims some.
    pub(super) fn has_claimed(&mut self, cx: &mut Context<'_>, accounts: &[AccountId]) -> bool {
        let missing = accounts
            .iter()
            .filter(|account| !self.live.claimed.contains_key(account));
        let missing: Vec<_> = missing.copied().take(CLAIMED_ACCOUNTS_MAX).collect();
        if cx.requests.is_claiming(self.chat()) {
            return false;
        }
        match missing[..] {
            [] => return true,
            [account] => self.claim_of(cx, account),
            _ => self.claim_for_many(cx, missing),
        }
        false
    }

    fn claim_for_many(&mut self, cx: &mut Context<'_>, accounts: Vec<AccountId>) {
        let account_ids = accounts.iter().map(|account| account.to_vec().into()).collect();
        self.live.claiming = accounts;
        cx.request(
            PendingRequest::ClaimForMany { chat: self.chat() },
            Request::ClaimForMany(ClaimForMany { account_ids }),
        );
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
        let mut others = members::others(cx.conn, self.chat(), cx.me.account_id)?;
        // Those beyond it are added once the group is made.
        others.truncate(ADDED_ACCOUNTS_MAX);
        if !self.has_claimed(cx, &others) {
            return Ok(());
        }
        let claimed = &self.live.claimed;
        if claimed.values().all(|packages| !packages.is_empty()) || self.is_group() {
            let me = cx.me.account_id;
            if !self.has_claimed(cx, &[me]) {
                return Ok(());
            }
        }
        self.create(cx)
    }

    pub(crate) fn key_packages_claimed(
        &mut self,
        cx: &mut Context<'_>,
        account: AccountId,
        packages: KeyPackages,
    ) -> StepResult {
        if self.wants_key_packages(cx)? {
            self.take_key_packages(cx, account, packages)?;
            self.go_on_after_claim(cx)?;
        }
        Ok(())
    }

    /// Handles key packages of several accounts. What the answer had no room for is claimed again.
    pub(crate) fn claimed_for_many(
        &mut self,
        cx: &mut Context<'_>,
        of_many: KeyPackagesOfMany,
    ) -> StepResult {
        let mut asked = std::mem::take(&mut self.live.claiming);
        if !self.wants_key_packages(cx)? {
            return Ok(());
        }
        let count = asked.len();
        for of_one in of_many.accounts {
            let Ok(account) = AccountId::try_from(&of_one.account_id[..]) else {
                continue;
            };
            if let Some(index) = asked.iter().position(|asked| *asked == account) {
                asked.swap_remove(index);
                self.take_key_packages(cx, account, of_one.key_packages.unwrap_or_default())?;
            }
        }
        if asked.len() == count {
            // An honest server has room for one at least.
            cx.misbehaved(Some(self.chat()), Misbehaviour::WrongAnswer);
            self.claimed_none(asked);
        }
        self.go_on_after_claim(cx)
    }

    /// Whether claimed key packages are still of use.
    fn wants_key_packages(&self, cx: &Context<'_>) -> StepResult<bool> {
        let is_wanted = match self.record.state() {
            ConversationState::Starting => true,
            ConversationState::Joined => self.is_group(),
            _ => false,
        };
        Ok(is_wanted && handshakes::find(cx.conn, self.chat())?.is_none())
    }

    fn take_key_packages(
        &mut self,
        cx: &mut Context<'_>,
        account: AccountId,
        packages: KeyPackages,
    ) -> StepResult {
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
        Ok(())
    }

    /// Notes that these accounts have no key packages.
    fn claimed_none(&mut self, accounts: Vec<AccountId>) {
        let none = accounts.into_iter().map(|account| (account, Vec::new()));
        self.live.claimed.extend(none);
    }

    fn go_on_after_claim(&mut self, cx: &mut Context<'_>) -> StepResult {
        if self.record.state() == ConversationState::Starting {
            return self.go_on_with_claims(cx);
        }
        cx.touch(self.chat());
        Ok(())
    }

    /// The devices whose key packages are here and valid, and whether there were some that have expired. All are used up.
    pub(super) fn verify_claimed(&mut self, cx: &mut Context<'_>) -> (Vec<VerifiedKeyPackage>, bool) {
        let claimed = std::mem::take(&mut self.live.claimed);
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
        (add, has_expired)
    }

    /// Makes the group and its first commit, with every device whose key package is valid. Each of the other accounts
    /// must have one.
    fn create(&mut self, cx: &mut Context<'_>) -> StepResult {
        let others = members::others(cx.conn, self.chat(), cx.me.account_id)?;
        self.live.is_claiming = false;
        let send_id = cx.new_send_id();
        let (mut add, has_expired) = self.verify_claimed(cx);
        if self.live.adds_one_by_one {
            // The group is made without anybody, who are then added one at a time.
            add.retain(|package| package.certificate().account_id() == cx.me.account_id);
        }
        cut_to_batch(&mut add);
        let is_added = |account: &AccountId| {
            add.iter()
                .any(|package| package.certificate().account_id() == *account)
        };
        let (others, left_out): (Vec<_>, Vec<_>) = others.into_iter().partition(is_added);
        if self.is_group() {
            // They are added as soon as they can be.
            for account in left_out {
                members::leave(cx.conn, self.chat(), account, 0)?;
                wishes::set(cx.conn, self.chat(), (account, Wish::Add), cx.now)?;
            }
        } else if !left_out.is_empty() {
            if has_expired {
                cx.warn(Warning::CertificatesExpired { chat: self.chat() });
            }
            self.back_off(cx, None);
            return Ok(());
        }
        let request = match self.found_group(cx, send_id, &others, add)? {
            Ok(request) => request,
            Err(error) if self.is_group() && !self.live.adds_one_by_one => {
                tracing::warn!(chat = %self.chat(), %error, "the people of a group cannot be added together");
                self.group.delete(cx, self.id())?;
                self.live.adds_one_by_one = true;
                self.back_off(cx, None);
                return Ok(());
            }
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
        let policy = match others {
            _ if self.is_group() => first_policy(cx, self.chat())?,
            [] if self.record.kind() == ConversationKind::NotesToSelf => {
                GroupPolicy::notes_to_self(cx.me.account_id)
            }
            &[other] => GroupPolicy::direct(cx.me.account_id, other)
                .map_err(|error| EngineError::Inconsistent(error.to_string()))?,
            _ => {
                return Err(EngineError::Inconsistent(format!(
                    "a direct conversation with {} others",
                    others.len()
                )));
            }
        };
        self.group.delete(cx, id)?;
        let device = cx.device;
        let mls = cx.mls();
        let mut group = mls.create_group(device, id, &policy)?;
        let group_info = group.group_info(&mls, device)?;
        let ratchet_tree = group.ratchet_tree()?;
        let plan = CommitPlan {
            add,
            ..CommitPlan::default()
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
    pub(crate) fn claim_refused(
        &mut self,
        cx: &mut Context<'_>,
        account: AccountId,
        problem: &Problem,
    ) -> StepResult {
        if !is_transient(problem) && self.is_group() {
            self.claimed_none(vec![account]);
            return self.go_on_after_claim(cx);
        }
        self.wait_to_claim(cx, problem);
        Ok(())
    }

    /// Handles the refusal of key packages of several accounts.
    pub(crate) fn claim_for_many_refused(&mut self, cx: &mut Context<'_>, problem: &Problem) -> StepResult {
        let asked = std::mem::take(&mut self.live.claiming);
        if is_transient(problem) {
            self.wait_to_claim(cx, problem);
            return Ok(());
        }
        cx.refused(None, problem);
        self.claimed_none(asked);
        self.go_on_after_claim(cx)
    }

    fn wait_to_claim(&mut self, cx: &mut Context<'_>, problem: &Problem) {
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
        if self.is_group() {
            let exists = problem.known_code() == Some(ProblemCode::ConversationExists);
            if exists && problem.conversation_id[..] == self.id().as_bytes()[..] {
                // Most likely it is this very group: the answer was lost, and the server does not recognise a creation
                // that lies too far back. The log shows whether the group descends from it.
                self.keep_former_state(cx)?;
                self.leave_group(cx)?;
            } else if exists {
                // Nobody else makes this group: whatever is there is something else, and gets nothing of what was written
                // here.
                self.found_under_another_id(cx)?;
                cx.refused(None, problem);
            } else {
                // One of the people may be the reason: it is made without them, who are then added one at a time.
                handshakes::delete(cx.conn, self.chat())?;
                self.forget_sends(cx);
                self.live.adds_one_by_one = true;
                self.back_off(cx, None);
                cx.refused(None, problem);
            }
            return Ok(None);
        }
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

impl Conversation {
    /// Goes on with a group that is not made yet under another id.
    pub(super) fn found_under_another_id(&mut self, cx: &mut Context<'_>) -> StepResult {
        let other = ConversationId::from_bytes(cx.random());
        former_states::delete(cx.conn, self.chat())?;
        let one_by_one = self.live.adds_one_by_one;
        self.move_pending_to(cx, other, ConversationState::Starting)?;
        self.live.adds_one_by_one = one_by_one;
        self.back_off(cx, None);
        Ok(())
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
        self.with(cx, chat, |conversation, cx| {
            conversation.move_pending_to(cx, to, ConversationState::Joining)
        })?;
        Ok(())
    }
}

impl Conversation {
    /// Gives this conversation, of which this device holds no group or drops it, another id on the wire. No conversation
    /// has that id yet.
    pub(super) fn move_pending_to(
        &mut self,
        cx: &mut Context<'_>,
        id: ConversationId,
        state: ConversationState,
    ) -> StepResult {
        let chat = self.chat();
        let from = self.id();
        self.group.delete(cx, from)?;
        handshakes::delete(cx.conn, chat)?;
        cx.requests.forget_conversation(chat, from);
        cx.connection.forget_conversation(chat, from);
        let retry = std::mem::take(&mut self.live.retry);
        self.live = Live::default();
        self.live.retry = retry;
        self.record.release(cx.conn)?;
        raw_entries::delete_beyond(cx.conn, chat, 0)?;
        held_entries::delete_beyond(cx.conn, chat, 0)?;
        log_chain::clear(cx.conn, chat)?;
        receipts::clear(cx.conn, chat)?;
        records::moved(cx, chat, (from, id))?;
        self.record.set_id(id);
        self.record.set_state(state);
        self.record.set_cursor(0, None);
        self.record.set_accepted_number(0);
        self.record.set_entering(false);
        outbox::unseal(cx.conn, chat)?;
        // The content and the message id depend on the conversation id.
        let origin = cx.origin(id);
        for waiting in outbox::all(cx.conn, chat)? {
            let Some(message) = waiting.message else { continue };
            let salt = MimiContent::decode(&waiting.content)
                .map_err(|_| corrupt("a stored content"))?
                .salt;
            let message_row = messages::load(cx.conn, message)?;
            let content = compose::expiring_text(&origin, salt, &message_row.text, message_row.lifetime);
            let (message_id, content) = origin.encode(&content)?;
            outbox::set_content(cx.conn, waiting.id, &content)?;
            messages::set_message_id(cx.conn, message, &message_id)?;
        }
        cx.event(Event::ConversationMoved(chat));
        cx.touch(chat);
        Ok(())
    }
}
