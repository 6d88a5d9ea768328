//! A commit: validated against the group's public state, then one transaction.

use bytes::Bytes;
use subrosa_mls::{
    CommitEffect, DeviceCertificate, LogClaim, MessageKind, PolicyError, PublicView, ViewError, peek,
    removed_leaves,
};
use subrosa_wire::{
    AccountId, DeviceId, ProblemCode, Timestamp,
    frames::{Appended, Commit, Problem},
};

use super::{
    Service,
    answers::appended,
    problems,
    requests::{bounded_commit, check_number, malformed},
    validation::Turn,
};
use crate::{
    session::Session,
    store::delivery::{
        AccountChanges, CommitWrite, Committer, LogRefusal, LogWrite, SendCheck, SendKey, WelcomeWrite,
    },
};

/// A commit that was applied to a view, with all that is stored of it.
pub(super) struct Validated {
    pub(super) effect: CommitEffect,
    pub(super) public_view: Bytes,
    pub(super) ratchet_tree: Bytes,
}

impl Service {
    pub(super) async fn commit(
        &self,
        session: &Session,
        key: SendKey,
        commit: Commit,
    ) -> Result<Appended, Problem> {
        bounded_commit(&commit)?;
        let (epoch, committer, claim) = read_header(&key, &commit)?;
        self.commits.check(session.device_id)?;
        // A stranger learns nothing, not even where the head is. Members are known by their device.
        if committer == Committer::External
            && !self
                .store
                .is_conversation_of(key.conversation_id, session.account_id)
                .await?
        {
            return Err(LogRefusal::NotAMember.into());
        }
        let mut turn = self.validation.turn(key.conversation_id).await;
        // A retry gets its first answer whatever the epoch is now; a commit that comes too late is not
        // worth its validation.
        let head_seq = match self.store.check_send(key, committer).await? {
            SendCheck::Duplicate(accepted) => return Ok(appended(&self.tags, &key, &accepted)),
            SendCheck::Refused(refusal) => return Err(refusal.into()),
            SendCheck::Possible {
                head_seq,
                epoch: head,
            } if head != epoch => {
                self.note_lost_removal(session, &key, &commit, &mut turn).await?;
                return Err(LogRefusal::StaleEpoch {
                    head_seq,
                    epoch: head,
                }
                .into());
            }
            SendCheck::Possible { head_seq, .. } => head_seq,
        };
        if committer == Committer::Member {
            self.check_settled(&key).await?;
        }
        self.check_removal_is_over(session, &key)?;
        let view = match turn.take() {
            Some(view) if view.epoch() == epoch => view,
            _ => self.load_view(&key).await?,
        };
        let now = self.clock.now();
        let parts = commit.clone();
        let (view, validated) = self.validation.run(move || validate(view, &parts, now)).await?;
        let validated = match validated {
            Ok(validated) => validated,
            Err(error) => {
                *turn = Some(view);
                return Err(match error {
                    // It was made before its committer saw that.
                    ViewError::Policy(PolicyError::LeaverStays) => {
                        LogRefusal::StaleEpoch { head_seq, epoch }.into()
                    }
                    error => problems::invalid_mls(&error),
                });
            }
        };
        let write = self
            .commit_write(session, key, (committer, claim), commit, validated)
            .await?;
        let added = write.accounts.added.clone();
        let informed = write.informed();
        let accepted = self.submit(LogWrite::Commit(Box::new(write))).await?;
        // Only now is the view the one at the head. After a refusal it is ahead, and is dropped.
        *turn = Some(view);
        drop(turn);
        for account_id in added {
            self.notify_account(account_id, &informed).await;
        }
        Ok(accepted)
    }

    /// Refuses a member's commit as long as a device that may know a later state was not heard of.
    pub(super) async fn check_settled(&self, key: &SendKey) -> Result<(), Problem> {
        if self.settling.is_over(self.clock.now()) {
            return Ok(());
        }
        let mut devices = self
            .store
            .members_from_before(key.conversation_id, self.settling.began_at())
            .await?;
        devices.retain(|device_id| *device_id != key.device_id);
        if self.settling.has_heard(key.conversation_id, &devices) {
            Ok(())
        } else {
            Err(Problem::new(ProblemCode::CommitsHeld, ""))
        }
    }

    /// If a commit that came too late was to remove somebody, the next one like it does not lose against them. The device
    /// that asks is a member; the commit itself cannot be checked any more.
    async fn note_lost_removal(
        &self,
        session: &Session,
        key: &SendKey,
        commit: &Commit,
        turn: &mut Turn,
    ) -> Result<(), Problem> {
        let leaves = removed_leaves(&commit.commit).unwrap_or_default();
        if leaves.is_empty() {
            return Ok(());
        }
        let view = match turn.take() {
            Some(view) => view,
            None => self.load_view(key).await?,
        };
        let targets = view.removable(session.account_id, &leaves);
        **turn = Some(view);
        let targets = targets.map_err(|error| problems::invalid_mls(&error))?;
        self.lost_removals
            .note(key.conversation_id, targets, self.clock.now());
        Ok(())
    }

    /// Refuses the commit of somebody whose removal has just lost a race, so that it wins the next one.
    fn check_removal_is_over(&self, session: &Session, key: &SendKey) -> Result<(), Problem> {
        let now = self.clock.now();
        match self
            .lost_removals
            .held_until(key.conversation_id, session.account_id, now)
        {
            Some(until) => {
                let mut problem = Problem::new(ProblemCode::RateLimited, "");
                let wait = until.as_millis().saturating_sub(now.as_millis());
                problem.retry_after_ms = u32::try_from(wait).unwrap_or(u32::MAX);
                Err(problem)
            }
            None => Ok(()),
        }
    }

    pub(super) async fn load_view(&self, key: &SendKey) -> Result<PublicView, Problem> {
        let group = self.store.group(key.conversation_id).await?;
        let group = group.ok_or_else(|| Problem::from(LogRefusal::NotAMember))?;
        self.validation
            .run(move || PublicView::load(&group.public_view))
            .await?
            .map_err(|error| problems::invalid_mls(&error))
    }

    /// Checks what the group itself cannot know: that the committer is the device that asks, and that every added
    /// device is signed in.
    pub(super) async fn commit_write(
        &self,
        session: &Session,
        key: SendKey,
        (committer, claim): (Committer, LogClaim),
        commit: Commit,
        validated: Validated,
    ) -> Result<CommitWrite, Problem> {
        let Validated {
            effect,
            public_view,
            ratchet_tree,
        } = validated;
        if effect.committer.device_id() != session.device_id
            || effect.committer.account_id() != session.account_id
        {
            return Err(Problem::new(
                ProblemCode::InvalidMlsMessage,
                "the commit is of another device",
            ));
        }
        if commit.welcome.is_empty() != effect.added.is_empty() {
            return Err(malformed("a commit has a welcome if and only if it adds devices"));
        }
        let added = self.check_added(&effect.added).await?;
        let welcome = (!added.is_empty()).then(|| WelcomeWrite {
            welcome: commit.welcome.clone(),
            ratchet_tree,
        });
        Ok(CommitWrite {
            key,
            account_id: session.account_id,
            committer,
            epoch: effect.epoch_after - 1,
            claim,
            commit: commit.commit,
            public_view,
            group_info: commit.group_info,
            added,
            removed: effect.removed,
            welcome,
            accounts: AccountChanges {
                added: effect.accounts.added,
                removed: effect.accounts.removed,
            },
        })
    }

    async fn check_added(&self, added: &[DeviceCertificate]) -> Result<Vec<(DeviceId, AccountId)>, Problem> {
        let mut checked = Vec::with_capacity(added.len());
        for certificate in added {
            let device_id = certificate.device_id();
            let known = self.store.device(device_id).await?.filter(|device| {
                device.signed_out_at.is_none()
                    && device.account_id == certificate.account_id()
                    && device.device_key == certificate.device_key()
            });
            if known.is_none() {
                let detail = format!("the added device {device_id} is not signed in");
                return Err(Problem::new(ProblemCode::UnknownDevice, detail));
            }
            checked.push((device_id, certificate.account_id()));
        }
        Ok(checked)
    }
}

/// Applies a commit to a view; on an error the view is as it was. Takes milliseconds of CPU.
pub(super) fn validate(
    mut view: PublicView,
    commit: &Commit,
    now: Timestamp,
) -> (PublicView, Result<Validated, ViewError>) {
    let validated = view
        .process_commit(&commit.commit, &commit.group_info, now)
        .and_then(|effect| {
            let ratchet_tree = Bytes::from(view.ratchet_tree()?);
            Ok(Validated {
                effect,
                public_view: Bytes::from(view.to_bytes()),
                ratchet_tree,
            })
        });
    (view, validated)
}

/// What the cleartext header of a commit says: the epoch that it ends, how its sender stands to the group, and what
/// it claims about the log.
pub(super) fn read_header(key: &SendKey, commit: &Commit) -> Result<(u64, Committer, LogClaim), Problem> {
    let envelope = peek(&commit.commit).map_err(problems::unreadable)?;
    if envelope.conversation_id != key.conversation_id {
        return Err(malformed("the commit is of another conversation"));
    }
    let committer = match envelope.kind {
        MessageKind::Commit { external: false } => Committer::Member,
        MessageKind::Commit { external: true } => Committer::External,
        MessageKind::Application | MessageKind::Leave => {
            return Err(malformed("commit holds something else"));
        }
    };
    check_number(key, &envelope.claim)?;
    Ok((envelope.epoch, committer, envelope.claim))
}
