//! `CreateConversation`: a group and its first commit, as one step.

use subrosa_mls::{GroupPolicy, PublicView};
use subrosa_wire::{
    ProblemCode,
    frames::{Appended, CreateConversation, Problem},
    limits,
};

use super::{
    Service,
    answers::appended,
    commit, problems,
    requests::{bounded, bounded_commit, malformed, send_key},
};
use crate::{
    session::Session,
    store::delivery::{Claim, Committer, CreateWrite, LogRefusal, LogWrite, SendCheck},
};

/// The creator's first send is the first commit.
const FIRST_SEND_NUMBER: u64 = 1;

impl Service {
    pub(super) async fn create_conversation(
        &self,
        session: &Session,
        create: CreateConversation,
    ) -> Result<Appended, Problem> {
        let CreateConversation {
            conversation_id,
            send_id,
            group_info,
            ratchet_tree,
            commit,
        } = create;
        let key = send_key(session, &conversation_id, &send_id, FIRST_SEND_NUMBER)?;
        bounded("group_info", &group_info, limits::HANDSHAKE_MESSAGE_MAX)?;
        bounded("ratchet_tree", &ratchet_tree, limits::HANDSHAKE_MESSAGE_MAX)?;
        let first = commit.ok_or_else(|| malformed("commit is missing"))?;
        bounded_commit(&first)?;
        let (epoch, committer, claim) = commit::read_header(&key, &first)?;
        if (epoch, committer) != (0, Committer::Member) {
            return Err(malformed("the first commit ends epoch 0"));
        }
        if claim.seq != 0 {
            return Err(LogRefusal::LogDisagrees.into());
        }
        self.commits.check(session.device_id)?;
        let mut turn = self.validation.turn(key.conversation_id).await;
        match self.store.check_send(key, Committer::Member).await? {
            SendCheck::Duplicate(accepted) => return Ok(appended(&self.tags, &key, &accepted)),
            SendCheck::Refused(LogRefusal::NotAMember) => {}
            _ => return Err(LogRefusal::ConversationExists(key.conversation_id).into()),
        }
        let now = self.clock.now();
        let (id, parts) = (key.conversation_id, first.clone());
        let created = self
            .validation
            .run(move || {
                let view = PublicView::create(&group_info, &ratchet_tree, id, now)?;
                let policy = view.policy().clone();
                let (view, validated) = commit::validate(view, &parts, now);
                validated.map(|validated| (view, policy, validated))
            })
            .await?;
        let (view, policy, validated) = created.map_err(|error| problems::invalid_mls(&error))?;
        self.check_policy(session, &policy).await?;
        let first = self
            .commit_write(session, key, (Committer::Member, claim), first, validated)
            .await?;
        let accounts = policy.accounts().to_vec();
        // Devices that the first commit did not add join by themselves, once they know.
        let mut informed: Vec<_> = first.added.iter().map(|(device_id, _)| *device_id).collect();
        informed.push(session.device_id);
        let write = CreateWrite {
            kind: policy.kind(),
            claim: Claim::of(policy.kind()),
            accounts: accounts.clone(),
            conversations_max: limits::CONVERSATIONS_PER_ACCOUNT_MAX,
            first,
        };
        let accepted = self.submit(LogWrite::Create(Box::new(write))).await?;
        *turn = Some(view);
        drop(turn);
        for account_id in accounts {
            self.notify_account(account_id, &informed).await;
        }
        Ok(accepted)
    }

    /// The conversation is one of the creator's account, and every account of it is in the directory.
    pub(super) async fn check_policy(&self, session: &Session, policy: &GroupPolicy) -> Result<(), Problem> {
        if !policy.admits(session.account_id) {
            return Err(Problem::new(
                ProblemCode::Forbidden,
                "the conversation is not one of this account",
            ));
        }
        for account_id in policy.accounts() {
            if self.store.account(*account_id).await?.is_none() {
                return Err(Problem::new(
                    ProblemCode::UnknownAccount,
                    format!("there is no account {account_id}"),
                ));
            }
        }
        Ok(())
    }
}
