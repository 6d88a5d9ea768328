//! `CreateConversation`: a group and its first commit, as one step.

use std::collections::BTreeSet;

use subrosa_mls::{ConversationKind, GroupPolicy, PublicView, ViewError};
use subrosa_wire::{
    AccountId, ProblemCode,
    frames::{Appended, CreateConversation, Problem},
    limits,
};

use super::{
    Service,
    answers::appended,
    commit,
    hot_view::HotView,
    requests::{bounded, bounded_commit, malformed, send_key},
};
use crate::{
    session::Session,
    store::delivery::{
        AccountChanges, Claim, Committer, CreateWrite, LogRefusal, LogWrite, SendCheck, ViewWrite,
    },
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
        bounded("ratchet_tree", &ratchet_tree, limits::RATCHET_TREE_MAX)?;
        let first = commit.ok_or_else(|| malformed("commit is missing"))?;
        bounded_commit(&first)?;
        let commit::Header {
            epoch,
            committer,
            claim,
            ..
        } = commit::read_header(&key, &first)?;
        if (epoch, committer) != (0, Committer::Member) {
            return Err(malformed("the first commit ends epoch 0"));
        }
        if claim.seq != 0 {
            return Err(LogRefusal::LogDisagrees.into());
        }
        self.commits.check(session.device_id)?;
        let turn = self.validation.turn(key.conversation_id).await;
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
                let mut hot = HotView::new(PublicView::create(&group_info, &ratchet_tree, id, now)?);
                let policy = hot.view.policy().clone();
                let mut validated = commit::validate(&mut hot, &parts, now)?;
                // There is nothing yet that a change could be applied to.
                validated.view = ViewWrite::Whole(hot.view.to_bytes().into());
                let hot = HotView::new(hot.view);
                let accounts = accounts_of(&hot.view)?;
                Ok::<_, commit::Invalid>((hot, policy, accounts, validated))
            })
            .await?;
        let (hot, policy, accounts, validated) = created?;
        self.check_policy(session, &policy).await?;
        let mut first = self
            .commit_write(session, key, (Committer::Member, claim), first, validated)
            .await?;
        // They are the conversation's from the start.
        first.accounts = AccountChanges::default();
        // Devices that the first commit did not add join by themselves, once they know.
        let informed = first.informed();
        let write = CreateWrite {
            claim: Claim::of(policy.kind()),
            accounts: accounts.clone(),
            conversations_max: limits::CONVERSATIONS_PER_ACCOUNT_MAX,
            first,
        };
        let accepted = self.submit(LogWrite::Create(Box::new(write))).await?;
        self.validation.keep(key.conversation_id, turn, hot);
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
        // Of groups, whoever is added has a device that is signed in, so there is such an account.
        for account_id in policy.named_accounts() {
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

/// Whose a conversation is: the accounts that its policy names, or, of a group, those that have leaves and do not leave.
pub(super) fn accounts_of(view: &PublicView) -> Result<Vec<AccountId>, ViewError> {
    if view.policy().kind() != ConversationKind::Group {
        return Ok(view.policy().named_accounts().to_vec());
    }
    let mut accounts: BTreeSet<_> = view
        .members()?
        .iter()
        .map(|member| member.certificate.account_id())
        .collect();
    for leaver in view.leavers()? {
        accounts.remove(&leaver.account_id());
    }
    Ok(accounts.into_iter().collect())
}
