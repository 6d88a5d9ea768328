//! Becoming a member: by creating a conversation, by a Welcome, or from outside by an external commit.

use prost::Message as _;
use subrosa_mls::{AccountPublicKey, CommitPlan, ConversationKind, GroupPolicy, JoinError, Mls};
use subrosa_wire::{
    AccountId, ConversationId,
    frames::{
        self, ClaimKeyPackages, CreateConversation, FetchGroup, GroupState, KeyPackages, Problem,
        WelcomeItem, client_frame::Request,
    },
    problem::ProblemCode,
};

use crate::{
    api::{ConversationState, EngineError, Event, Warning},
    content::{MimiContent, compose},
    database::KvTable,
    live::Asked,
    step::{Step, StepResult, is_passing},
    store::{
        contacts,
        conversations::{self, ConversationKey, ConversationRow},
        corrupt,
        handshakes::{self, HandshakeKind, HandshakeRow},
        held_entries, messages, outbox,
    },
};

/// Why a group is not joined.
enum Refusal {
    /// It is not a direct conversation of this account.
    NotOurs(&'static str),
    /// The peer's account key is not the known one.
    KeyChanged(AccountId),
}

impl Step<'_> {
    // ---- creating ----

    /// Claims key packages of the peer and of the own other devices.
    pub(crate) fn claim_for_creation(&mut self, row: &ConversationRow) {
        self.live.conversation(row.key).claiming = true;
        let has_other_devices = self.live.own_devices.len() > 1;
        let own = has_other_devices.then_some(self.identity.me.account_id);
        for account in std::iter::once(row.peer).chain(own) {
            self.ask(
                Asked::ClaimKeyPackages {
                    conversation: row.key,
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
        key: ConversationKey,
        account: AccountId,
        packages: KeyPackages,
    ) -> StepResult {
        let Some(row) = conversations::load(self.conn, key)? else {
            return Ok(());
        };
        if row.state != ConversationState::Starting || handshakes::find(self.conn, key)?.is_some() {
            return Ok(());
        }
        if account == row.peer
            && let Some(found) = &packages.account
        {
            self.account_found(account, found)?;
        }
        let packages = packages
            .devices
            .into_iter()
            .map(|device| device.key_package.to_vec())
            .collect();
        self.live.conversation(key).claimed.insert(account, packages);
        let still_asked = self.live.in_flight.values().any(
            |asked| matches!(asked, Asked::ClaimKeyPackages { conversation, .. } if *conversation == key),
        );
        if still_asked { Ok(()) } else { self.create(&row) }
    }

    /// Makes the group and its first commit. Every key package must verify under the pinned key.
    fn create(&mut self, row: &ConversationRow) -> StepResult {
        let me = self.identity.me.account_id;
        let own_key = self.identity.account_key;
        let peer = contacts::find(self.conn, row.peer)?
            .ok_or_else(|| EngineError::Inconsistent("a conversation without contact".to_owned()))?;
        let live = self.live.conversation(row.key);
        live.claiming = false;
        let claimed = std::mem::take(&mut live.claimed);
        let send_id = self.new_send_id();

        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let mut add = Vec::new();
        let mut forged = Vec::new();
        for (account, packages) in claimed {
            let account_key = if account == me { own_key } else { peer.account_key };
            for package in packages {
                match mls.verify_key_package(&package, account, &account_key) {
                    Ok(verified) => add.push(verified),
                    Err(error) => forged.push(format!("a key package of {account}: {error}")),
                }
            }
        }
        let has_peer = add
            .iter()
            .any(|package| package.certificate().account_id() == row.peer);
        let request = if forged.is_empty() && has_peer {
            let policy = GroupPolicy::direct((me, own_key), (row.peer, peer.account_key))
                .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
            mls.delete_group(row.id)?;
            let mut group = mls.create_group(&self.identity.device, row.id, &policy)?;
            let group_info = group.group_info(&mls, &self.identity.device)?;
            let ratchet_tree = group.ratchet_tree()?;
            let plan = CommitPlan {
                add,
                remove: Vec::new(),
                update_path: false,
            };
            let bundle = group.commit(&mls, &self.identity.device, plan)?;
            Some(CreateConversation {
                conversation_id: row.id.to_vec().into(),
                send_id: send_id.to_vec().into(),
                group_info: group_info.into(),
                ratchet_tree: ratchet_tree.into(),
                commit: Some(commit_frame(bundle)),
            })
        } else {
            None
        };

        let Some(request) = request else {
            for what in forged {
                self.warn(Warning::ForgedByServer {
                    conversation: Some(row.id),
                    what,
                });
            }
            self.live.conversation(row.key).retry.back_off(self.now, 0);
            return Ok(());
        };
        handshakes::insert(
            self.conn,
            row.key,
            &HandshakeRow {
                kind: HandshakeKind::Create,
                send_id,
                number: 1,
                request: request.encode_to_vec(),
            },
        )?;
        self.touch(row.key);
        Ok(())
    }

    pub(crate) fn claim_refused(&mut self, key: ConversationKey, problem: &Problem) {
        self.live.forget_requests(key);
        self.live
            .conversation(key)
            .retry
            .back_off(self.now, problem.retry_after_ms);
        // A person who has just signed up, or who is signed out everywhere, has none: the message waits.
        if !is_passing(problem) && problem.known_code() != Some(ProblemCode::NoKeyPackages) {
            self.refused(problem);
        }
    }

    /// The peer's creation was faster: what was written here belongs into that conversation.
    pub(crate) fn creation_lost(&mut self, row: ConversationRow, problem: &Problem) -> StepResult {
        let Ok(winner) = ConversationId::try_from(&problem.conversation_id[..]) else {
            self.refused(problem);
            self.live.conversation(row.key).retry.back_off(self.now, 0);
            return Ok(());
        };
        self.move_conversation(row, winner)?;
        self.sync_again();
        Ok(())
    }

    /// Gives a conversation that was only local another id, or merges it into the one that has it.
    fn move_conversation(
        &mut self,
        mut row: ConversationRow,
        to: ConversationId,
    ) -> StepResult<ConversationRow> {
        let from = row.id;
        let store = KvTable::new(self.conn);
        Mls::new(&store, &mut *self.rng, self.now).delete_group(from)?;
        handshakes::delete(self.conn, row.key)?;
        self.live.forget_conversation(row.key);
        let mut moved = Vec::new();
        for message in messages::page(self.conn, row.key, None, u32::MAX)? {
            moved.extend(messages::find(self.conn, row.key, &message.id)?.map(|(key, _)| key));
            self.event(Event::MessageRemoved {
                conversation: from,
                message: message.id,
            });
        }
        let row =
            if let Some(other) = conversations::find(self.conn, to)?.filter(|other| other.key != row.key) {
                conversations::absorb(self.conn, row.key, other.key)?;
                other
            } else {
                row.id = to;
                row.state = ConversationState::Joining;
                self.save(&row)?;
                row
            };
        outbox::unseal(self.conn, row.key)?;
        // Content and message id name the conversation.
        let origin = self.origin(to);
        for waiting in outbox::all(self.conn, row.key)? {
            let Some(key) = waiting.message else { continue };
            let salt = MimiContent::decode(&waiting.content)
                .map_err(|_| corrupt("a stored content"))?
                .salt;
            let text = messages::load(self.conn, key)?.text;
            let (id, content) = origin.seal(&compose::text(&origin, salt, &text))?;
            outbox::set_content(self.conn, waiting.key, &content)?;
            messages::set_id(self.conn, key, &id)?;
        }
        self.event(Event::ConversationMoved { from, to });
        for key in moved {
            let message = messages::load(self.conn, key)?;
            self.event(Event::MessageSent(Box::new(message)));
        }
        self.touch(row.key);
        Ok(row)
    }

    // ---- by Welcome ----

    pub(crate) fn welcome(&mut self, item: &WelcomeItem) -> StepResult {
        if let Ok(id) = ConversationId::try_from(&item.conversation_id[..]) {
            self.join_by_welcome(id, item)?;
        } else {
            self.warn(Warning::ForgedByServer {
                conversation: None,
                what: "a welcome without id".to_owned(),
            });
        }
        // Joined, refused or superseded: in no case is it wanted again.
        self.live.welcome_done(item.item_id);
        Ok(())
    }

    fn join_by_welcome(&mut self, id: ConversationId, item: &WelcomeItem) -> StepResult {
        let known = conversations::find(self.conn, id)?;
        if let Some(row) = &known {
            // It was joined meanwhile, or an external join is under way and will come later in the log. A member
            // follows the log and nothing else: an old Welcome would set it back.
            let is_joining = handshakes::find(self.conn, row.key)?.is_some();
            if is_joining || matches!(row.state, ConversationState::Joined | ConversationState::Blocked) {
                return Ok(());
            }
        }
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let staged = match mls.stage_welcome(
            &self.identity.device,
            &self.identity.account_key,
            &item.welcome,
            &item.ratchet_tree,
            id,
        ) {
            Ok(staged) => staged,
            Err(JoinError::Mls(error)) => return Err(error.into()),
            Err(error) => {
                self.warn(Warning::ForgedByServer {
                    conversation: Some(id),
                    what: format!("a welcome: {error}"),
                });
                // If the conversation is real, the server's state names it, and this device joins from outside.
                self.sync_again();
                return Ok(());
            }
        };
        let policy = staged.policy().clone();
        let peer = match self.check_policy(&policy)? {
            Ok(peer) => peer,
            Err(refusal) => return self.refuse(id, &refusal),
        };
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        mls.delete_group(id)?;
        staged.accept(&mls)?;
        self.live.welcome_was_real();
        let mut row = self.row_to_join(id, peer)?;
        row.cursor = item.seq;
        row.accepted_number = 0;
        self.joined(row)
    }

    // ---- from outside ----

    /// Wants to join a conversation of the account from outside.
    pub(crate) fn join(&mut self, id: ConversationId) {
        if self.live.to_join.insert(id) && !self.live.is_fetching_group(id) {
            self.ask(
                Asked::FetchGroup { id },
                Request::FetchGroup(FetchGroup {
                    conversation_id: id.to_vec().into(),
                }),
            );
        }
    }

    /// The way back when this device cannot follow the log any more.
    pub(crate) fn rejoin(&mut self, row: &mut ConversationRow) -> StepResult {
        self.recovery.rejoins += 1;
        held_entries::delete_beyond(self.conn, row.key, 0)?;
        handshakes::delete(self.conn, row.key)?;
        self.live.forget_requests(row.key);
        row.state = ConversationState::Joining;
        self.save(row)?;
        self.event(Event::ConversationChanged(row.id));
        self.touch(row.key);
        Ok(())
    }

    pub(crate) fn group_state(&mut self, id: ConversationId, state: &GroupState) -> StepResult {
        self.live.to_join.remove(&id);
        let known = conversations::find(self.conn, id)?;
        if let Some(row) = &known
            && (row.state != ConversationState::Joining || handshakes::find(self.conn, row.key)?.is_some())
        {
            return Ok(());
        }
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        let staged = match mls.stage_external_join(
            &self.identity.device,
            &self.identity.account_key,
            &state.group_info,
            &state.ratchet_tree,
            id,
        ) {
            Ok(staged) => staged,
            Err(JoinError::Mls(error)) => return Err(error.into()),
            Err(error) => {
                self.warn(Warning::ForgedByServer {
                    conversation: Some(id),
                    what: format!("a group: {error}"),
                });
                if let Some(row) = known {
                    self.live.conversation(row.key).retry.back_off(self.now, 0);
                }
                return Ok(());
            }
        };
        let policy = staged.policy().clone();
        let peer = match self.check_policy(&policy)? {
            Ok(peer) => peer,
            Err(refusal) => return self.refuse(id, &refusal),
        };
        let row = self.row_to_join(id, peer)?;
        let send_id = self.new_send_id();
        let number = row.accepted_number + 1;
        let store = KvTable::new(self.conn);
        let mls = Mls::new(&store, &mut *self.rng, self.now);
        mls.delete_group(id)?;
        let (_, bundle) = staged.commit(&mls, &self.identity.device)?;
        let request = commit_frame(bundle).encode_to_vec();
        handshakes::insert(
            self.conn,
            row.key,
            &HandshakeRow {
                kind: HandshakeKind::ExternalJoin,
                send_id,
                number,
                request,
            },
        )?;
        self.touch(row.key);
        Ok(())
    }

    pub(crate) fn fetch_group_refused(&mut self, id: ConversationId, problem: &Problem) -> StepResult {
        self.live.to_join.remove(&id);
        if let Some(row) = conversations::find(self.conn, id)? {
            self.live
                .conversation(row.key)
                .retry
                .back_off(self.now, problem.retry_after_ms);
        } else if is_passing(problem) {
            // Sync will name it again.
            self.live.sync_retry.back_off(self.now, problem.retry_after_ms);
        }
        if problem.known_code() != Some(ProblemCode::NotAMember) && !is_passing(problem) {
            self.refused(problem);
        }
        Ok(())
    }

    /// The external commit was refused: the group built for it is worthless, the next one starts anew.
    pub(crate) fn external_join_refused(&mut self, row: &ConversationRow, problem: &Problem) -> StepResult {
        handshakes::delete(self.conn, row.key)?;
        let store = KvTable::new(self.conn);
        Mls::new(&store, &mut *self.rng, self.now).delete_group(row.id)?;
        if problem.known_code() == Some(ProblemCode::StaleEpoch) {
            self.live.conversation(row.key).retry.back_off_if_often(self.now);
        } else {
            self.live
                .conversation(row.key)
                .retry
                .back_off(self.now, problem.retry_after_ms);
            self.refused(problem);
        }
        self.touch(row.key);
        Ok(())
    }

    // ---- both ----

    /// The row for a conversation that is being joined: the one it has, the one that was started locally
    /// with the same person, or a new one.
    fn row_to_join(&mut self, id: ConversationId, peer: AccountId) -> StepResult<ConversationRow> {
        if let Some(row) = conversations::find(self.conn, id)? {
            return Ok(row);
        }
        if let Some(row) = conversations::find_by_peer(self.conn, peer)?
            && row.state == ConversationState::Starting
        {
            return self.move_conversation(row, id);
        }
        conversations::insert(self.conn, id, peer, ConversationState::Joining, self.now)?;
        conversations::find(self.conn, id)?
            .ok_or_else(|| EngineError::Inconsistent("a conversation vanished".to_owned()))
    }

    /// The device is a member as of the row's cursor.
    pub(crate) fn joined(&mut self, mut row: ConversationRow) -> StepResult {
        row.state = ConversationState::Joined;
        row.name_sent = false;
        held_entries::delete_through(self.conn, row.key, row.cursor)?;
        handshakes::delete(self.conn, row.key)?;
        outbox::unseal(self.conn, row.key)?;
        self.live.forget_requests(row.key);
        let live = self.live.conversation(row.key);
        live.retry.succeeded();
        live.head = live.head.max(row.cursor);
        self.live.to_join.remove(&row.id);
        self.live.cursor_moves(row.key, row.cursor);
        self.save(&row)?;
        self.event(Event::ConversationChanged(row.id));
        self.touch(row.key);
        Ok(())
    }

    /// Whether the group's signed context names this account and the person as they are known.
    fn check_policy(&mut self, policy: &GroupPolicy) -> StepResult<Result<AccountId, Refusal>> {
        let me = self.identity.me.account_id;
        if policy.kind() != ConversationKind::Direct {
            return Ok(Err(Refusal::NotOurs(
                "a kind of conversation that this version does not know",
            )));
        }
        if policy.account_key(me) != Some(&self.identity.account_key) {
            return Ok(Err(Refusal::NotOurs(
                "the group does not name this account with its own key",
            )));
        }
        let Some((peer, key)) = policy.accounts().iter().find(|(account, _)| *account != me) else {
            return Ok(Err(Refusal::NotOurs("the group names nobody else")));
        };
        match contacts::find(self.conn, *peer)? {
            Some(contact) if contact.account_key != *key => return Ok(Err(Refusal::KeyChanged(*peer))),
            Some(contact) if contact.handle.is_some() => {}
            Some(_) => self.look_up(*peer),
            None => {
                self.pin(*peer, key)?;
                self.look_up(*peer);
            }
        }
        Ok(Ok(*peer))
    }

    /// Pins the account key of a person met for the first time; the vault tells the other devices.
    pub(crate) fn pin(&mut self, account: AccountId, key: &AccountPublicKey) -> StepResult {
        contacts::insert(self.conn, account, key)?;
        self.add_to_vault(account, key)
    }

    fn refuse(&mut self, id: ConversationId, refusal: &Refusal) -> StepResult {
        match refusal {
            Refusal::NotOurs(what) => {
                self.warn(Warning::ForgedByServer {
                    conversation: Some(id),
                    what: (*what).to_owned(),
                });
            }
            Refusal::KeyChanged(account) => self.warn(Warning::AccountKeyChanged(*account)),
        }
        if let Some(mut row) = conversations::find(self.conn, id)? {
            row.state = ConversationState::Blocked;
            self.save(&row)?;
            self.event(Event::ConversationChanged(id));
        }
        Ok(())
    }
}

/// The frame for what a commit consists of.
pub(crate) fn commit_frame(bundle: subrosa_mls::CommitBundle) -> frames::Commit {
    frames::Commit {
        commit: bundle.commit.into(),
        group_info: bundle.group_info.into(),
        welcome: bundle.welcome.unwrap_or_default().into(),
    }
}
