//! A commit: validated against the group's public state, then one transaction.

use bytes::Bytes;
use subrosa_mls::{
    CommitEffect, DeviceCertificate, LinkSignature, LogClaim, MessageKind, PolicyError, ViewError,
    WelcomeParts, payload_hash, peek, removed_leaves,
};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, ProblemCode, Timestamp,
    frames::{Appended, Commit, Problem},
};

use super::{
    Service,
    answers::appended,
    hot_view::HotView,
    problems,
    requests::{bounded_commit, check_number, malformed},
    validation::Turn,
};
use crate::{
    session::Session,
    store::{
        delivery::{
            AccountChanges, CommitWrite, Committer, LogRefusal, LogWrite, SendCheck, SendKey, ViewWrite,
            WelcomeWrite,
        },
        links::KeptLink,
    },
};

/// A commit that was applied to a view, with all that is stored of it.
pub(super) struct Validated {
    pub(super) effect: CommitEffect,
    pub(super) view: ViewWrite,
    /// For the added devices, if there are any.
    pub(super) welcome: Option<WelcomeWrite>,
    /// The invite links after it, if it changes them.
    pub(super) links: Option<Vec<KeptLink>>,
}

impl Service {
    pub(super) async fn commit(
        &self,
        session: &Session,
        key: SendKey,
        commit: Commit,
    ) -> Result<Appended, Problem> {
        bounded_commit(&commit)?;
        let Header {
            epoch,
            committer,
            claim,
            link,
        } = read_header(&key, &commit)?;
        self.commits.check(session.device_id)?;
        // A stranger learns nothing, not even where the head is. Members are known by their device.
        let comes_by_link = committer == Committer::External
            && !self
                .store
                .is_conversation_of(key.conversation_id, session.account_id)
                .await?;
        if comes_by_link {
            let link = link.ok_or(LogRefusal::NotAMember)?;
            self.open_link(key.conversation_id, &link).await?;
        }
        // As long as the link's signature is not checked, whoever comes by it does not learn where the head is, either.
        let stale = |head_seq, epoch| {
            if comes_by_link {
                Problem::new(ProblemCode::StaleEpoch, "")
            } else {
                LogRefusal::StaleEpoch { head_seq, epoch }.into()
            }
        };
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
                if committer == Committer::Member {
                    self.note_lost_removal(session, &key, &commit, &mut turn).await?;
                }
                return Err(stale(head_seq, head));
            }
            SendCheck::Possible { head_seq, .. } => head_seq,
        };
        if committer == Committer::Member || comes_by_link {
            self.check_settled(&key).await?;
        }
        self.check_removal_is_over(session, &key)?;
        let hot = match turn.take() {
            Some(hot) if hot.view.epoch() == epoch => hot,
            _ => self.load_view(key.conversation_id).await?,
        };
        let now = self.clock.now();
        let parts = commit.clone();
        let (hot, validated) = self
            .validation
            .run(move || {
                let mut hot = hot;
                let validated = validate(&mut hot, &parts, now);
                (hot, validated)
            })
            .await?;
        let validated = match validated {
            Ok(validated) => validated,
            Err(invalid) => {
                // If only the Welcome is wrong, the view is ahead already.
                *turn = Some(hot).filter(|hot| hot.view.epoch() == epoch);
                return Err(match invalid {
                    // It was made before its committer saw that.
                    Invalid::Group(ViewError::Policy(PolicyError::LeaverStays)) => stale(head_seq, epoch),
                    Invalid::Group(error) if comes_by_link => problems::cannot_join(&error),
                    invalid => invalid.into(),
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
        self.validation.keep(key.conversation_id, turn, hot);
        if comes_by_link {
            self.joiners.end_turn(key.conversation_id, session.device_id);
        }
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
        let hot = match turn.take() {
            Some(hot) => hot,
            None => self.load_view(key.conversation_id).await?,
        };
        let targets = hot.view.removable(session.account_id, &leaves);
        **turn = Some(hot);
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

    pub(super) async fn load_view(&self, id: ConversationId) -> Result<HotView, Problem> {
        let group = self.store.group(id).await?;
        let group = group.ok_or_else(|| Problem::from(LogRefusal::NotAMember))?;
        self.validation
            .run(move || HotView::load(&group))
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
            view,
            welcome,
            links,
        } = validated;
        if effect.committer.device_id() != session.device_id
            || effect.committer.account_id() != session.account_id
        {
            return Err(Problem::new(
                ProblemCode::InvalidMlsMessage,
                "the commit is of another device",
            ));
        }
        let added = self.check_added(&effect.added).await?;
        Ok(CommitWrite {
            key,
            account_id: session.account_id,
            committer,
            epoch: effect.epoch_after - 1,
            claim,
            commit: commit.commit,
            view,
            group_info: commit.group_info,
            added,
            removed: effect.removed,
            welcome,
            accounts: AccountChanges {
                added: effect.accounts.added,
                removed: effect.accounts.removed,
            },
            joined_by: effect.joined_by,
            links,
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

/// Why a commit is refused that was checked against the group's public state.
#[derive(Debug)]
pub(super) enum Invalid {
    /// The group refuses it.
    Group(ViewError),
    /// Its Welcome is not for the devices that it adds.
    Welcome(&'static str),
}

impl From<ViewError> for Invalid {
    fn from(error: ViewError) -> Self {
        Self::Group(error)
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::Group(error) => problems::invalid_mls(&error),
            Invalid::Welcome(detail) => malformed(detail),
        }
    }
}

/// Applies a commit to a view. Takes milliseconds of CPU. After an error the view is as it was, or, if only the Welcome is
/// wrong, in the epoch that the commit begins.
pub(super) fn validate(hot: &mut HotView, commit: &Commit, now: Timestamp) -> Result<Validated, Invalid> {
    let parts = read_welcome(&commit.welcome)?;
    let view = &mut hot.view;
    let links_before = view.policy().links().to_vec();
    let effect = view.process_commit(&commit.commit, &commit.group_info, now)?;
    let welcome = match (parts, effect.added.is_empty()) {
        (None, true) => None,
        (Some(parts), false) => Some(cut(&parts, &effect, view.ratchet_tree()?)?),
        _ => {
            return Err(Invalid::Welcome(
                "a commit has a welcome if and only if it adds devices",
            ));
        }
    };
    let policy = view.policy();
    let links = (policy.links() != links_before).then(|| KeptLink::all(policy));
    Ok(Validated {
        effect,
        view: hot.stored_with(&commit.commit),
        welcome,
        links,
    })
}

fn read_welcome(welcome: &Bytes) -> Result<Option<WelcomeParts>, Invalid> {
    if welcome.is_empty() {
        return Ok(None);
    }
    let parts = WelcomeParts::read(welcome);
    parts
        .map(Some)
        .map_err(|_| Invalid::Welcome("the welcome cannot be read"))
}

/// What each added device gets of a Welcome.
fn cut(parts: &WelcomeParts, effect: &CommitEffect, ratchet_tree: Vec<u8>) -> Result<WelcomeWrite, Invalid> {
    let secrets = effect.key_packages.iter().map(|reference| {
        parts
            .secrets_for(reference)
            .map(Bytes::copy_from_slice)
            .ok_or(Invalid::Welcome("the welcome leaves out an added device"))
    });
    Ok(WelcomeWrite {
        shared: Bytes::copy_from_slice(parts.shared()),
        secrets: secrets.collect::<Result<_, _>>()?,
        tree_hash: payload_hash(&ratchet_tree),
        ratchet_tree: ratchet_tree.into(),
    })
}

/// What the cleartext header of a commit says.
pub(super) struct Header {
    /// The epoch that it ends.
    pub(super) epoch: u64,
    /// How its sender stands to the group.
    pub(super) committer: Committer,
    /// What it claims about the log.
    pub(super) claim: LogClaim,
    /// The invite link by which its sender joins.
    pub(super) link: Option<LinkSignature>,
}

pub(super) fn read_header(key: &SendKey, commit: &Commit) -> Result<Header, Problem> {
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
    Ok(Header {
        epoch: envelope.epoch,
        committer,
        claim: envelope.claim,
        link: envelope.link,
    })
}
