//! `RestoreLog`: takes back from devices what the server has lost because it went back to an earlier state.
//!
//! Each entry shows by its tag that this server has accepted it in this place, so all that was checked then holds. Commits
//! are applied to the group again, because the group has to follow them.

use bytes::Bytes;
use subrosa_mls::{
    CommitEffect, DeviceCertificate, EntryKind, LogHash, PublicView, ViewError, payload_hash, peek,
};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, ProblemCode, SendId, Timestamp,
    frames::{self, LogEntry, Lost, Problem, RestoreLog, log_entry::Payload},
    limits,
};

use super::{
    Service,
    creation::accounts_of,
    hot_view::HotView,
    problems,
    requests::{bounded, conversation_id, hash_bytes, id_bytes, malformed},
    tags::EntryTags,
};
use crate::{
    session::Session,
    store::{
        delivery::{
            AccountChanges, Claim, Committer, GroupRecord, LogRefusal, LostConversation, RestoreWrite,
            RestoredCommit, RestoredEntry, RestoredGroup, RestoredMember, SendKey,
        },
        links::KeptLink,
    },
};

/// An entry as it was sent, within its bounds.
struct Sent {
    seq: u64,
    key: SendKey,
    accepted_at: Timestamp,
    kind: EntryKind,
    /// The epoch after it.
    epoch: u64,
    payload: Bytes,
    tag: Bytes,
}

/// An entry that was in the log, and what it did to the group if it was a commit.
type Known = (RestoredEntry, Option<CommitEffect>);

impl Service {
    pub(super) async fn restore_log(
        &self,
        session: &Session,
        restore: RestoreLog,
    ) -> Result<frames::LogRestored, Problem> {
        let id = conversation_id(&restore.conversation_id)?;
        let entries = read_entries(id, restore.entries)?;
        let is_last_part = !restore.group_info.is_empty();
        if is_last_part {
            bounded("group_info", &restore.group_info, limits::HANDSHAKE_MESSAGE_MAX)?;
        }
        self.commits.check(session.device_id)?;
        // One at a time: each may have hundreds of commits to be checked, and other people's must not wait for them.
        let _only = self.restoring.lock().await;
        let mut turn = self.validation.turn(id).await;
        let restoring = match (self.store.group(id).await?, restore.lost) {
            (Some(group), lost) => {
                if !self.store.is_conversation_of(id, session.account_id).await? {
                    return Err(LogRefusal::NotAMember.into());
                }
                if lost.is_some()
                    || entries
                        .first()
                        .is_none_or(|first| first.seq != group.head_seq + 1)
                {
                    // Another device was faster.
                    return Ok(log_restored(id, group.head_seq, group.head_hash));
                }
                self.missing(session, id, group, entries, restore.group_info)
                    .await?
            }
            (None, Some(lost)) => self.lost(session, id, entries, restore.group_info, lost).await?,
            (None, None) => return Err(LogRefusal::NotAMember.into()),
        };
        let Restoring { write, accounts } = restoring;
        let head = self.store.restore_log(write).await??;
        tracing::info!(conversation = %id, head = head.seq, "entries were put back into a log");
        // The view in memory may be older than the group.
        turn.take();
        drop(turn);
        if is_last_part {
            for account_id in accounts {
                self.notify_account(account_id, &[session.device_id]).await;
            }
        }
        Ok(log_restored(id, head.seq, head.hash))
    }

    /// What follows the head of a log.
    async fn missing(
        &self,
        session: &Session,
        id: ConversationId,
        group: GroupRecord,
        entries: Vec<Sent>,
        group_info: Bytes,
    ) -> Result<Restoring, Problem> {
        let (head_seq, head_hash, epoch) = (group.head_seq, group.head_hash, group.epoch);
        let had_info = group.group_info.clone();
        let (tags, device) = (self.tags.clone(), session.device_id);
        let checked = self
            .validation
            .run(move || {
                let known = recognise(&tags, head_hash, entries)?;
                let HotView { mut view, .. } =
                    HotView::load(&group).map_err(|error| problems::invalid_mls(&error))?;
                let entries = follow(&mut view, known)?;
                if !group_info.is_empty() {
                    view.check_group_info(&group_info, device)
                        .map_err(|error| problems::invalid_mls(&error))?;
                }
                Ok::<_, Problem>((view, entries, group_info))
            })
            .await?;
        let (view, entries, group_info) = checked?;
        let has_commits = entries.iter().any(|(entry, _)| entry.epoch > epoch);
        let has_leaves = entries.iter().any(|(entry, _)| entry.left.is_some());
        let is_info_wanted = has_commits || had_info.is_empty() && !group_info.is_empty();
        let group = (is_info_wanted || has_leaves).then(|| RestoredGroup {
            epoch: view.epoch(),
            public_view: view.to_bytes().into(),
            links: KeptLink::all(view.policy()),
            group_info: if is_info_wanted { group_info } else { had_info },
        });
        let accounts = accounts_of(&view).map_err(|error| problems::invalid_mls(&error))?;
        let entries = self.with_members(entries).await?;
        Ok(Restoring {
            write: RestoreWrite {
                conversation_id: id,
                after: (head_seq, head_hash),
                entries,
                group,
                lost: None,
            },
            accounts,
        })
    }

    /// A conversation of which nothing is known here, as one of its members shows it.
    async fn lost(
        &self,
        session: &Session,
        id: ConversationId,
        entries: Vec<Sent>,
        group_info: Bytes,
        lost: Lost,
    ) -> Result<Restoring, Problem> {
        bounded("ratchet_tree", &lost.ratchet_tree, limits::RATCHET_TREE_MAX)?;
        let hash_before =
            LogHash::try_from(&lost.hash_before[..]).map_err(|_| malformed("hash_before is not a hash"))?;
        let seq_before = entries.first().map_or(0, |first| first.seq - 1);
        let (tags, device, tree) = (self.tags.clone(), session.device_id, lost.ratchet_tree);
        let checked = self
            .validation
            .run(move || {
                let known = recognise(&tags, hash_before, entries)?;
                let adopted = PublicView::adopt(&group_info, &tree, id)
                    .and_then(|view| view.check_group_info(&group_info, device).map(|()| view));
                let mut view = adopted.map_err(|error| problems::invalid_mls(&error))?;
                let entries = led_to(&mut view, known)?;
                let members = those_who_stay(&view).map_err(|error| problems::invalid_mls(&error))?;
                Ok::<_, Problem>((view, entries, members, group_info))
            })
            .await?;
        let (view, entries, certificates, group_info) = checked?;
        let policy = view.policy();
        self.check_policy(session, policy).await?;
        let accounts = accounts_of(&view).map_err(|error| problems::invalid_mls(&error))?;
        let lost_conversation = LostConversation {
            claim: Claim::of(policy.kind()),
            accounts: accounts.clone(),
            members: self.members(&certificates).await?,
        };
        Ok(Restoring {
            accounts,
            write: RestoreWrite {
                conversation_id: id,
                after: (seq_before, hash_before),
                entries,
                group: Some(RestoredGroup {
                    epoch: view.epoch(),
                    public_view: view.to_bytes().into(),
                    links: KeptLink::all(view.policy()),
                    group_info,
                }),
                lost: Some(lost_conversation),
            },
        })
    }

    /// Adds to each commit what the directory says of the devices that it brought in.
    async fn with_members(&self, entries: Vec<Known>) -> Result<Vec<RestoredEntry>, Problem> {
        let mut done = Vec::with_capacity(entries.len());
        for (mut entry, effect) in entries {
            if let Some(effect) = effect {
                let mut added = effect.added;
                if effect.external {
                    added.push(effect.committer);
                }
                entry.commit = Some(RestoredCommit {
                    committer: if effect.external {
                        Committer::External
                    } else {
                        Committer::Member
                    },
                    added: self.members(&added).await?,
                    removed: effect.removed,
                    accounts: AccountChanges {
                        added: effect.accounts.added,
                        removed: effect.accounts.removed,
                    },
                    joined_by: effect.joined_by,
                });
            }
            done.push(entry);
        }
        Ok(done)
    }

    async fn members(&self, certificates: &[DeviceCertificate]) -> Result<Vec<RestoredMember>, Problem> {
        let mut members = Vec::with_capacity(certificates.len());
        for certificate in certificates {
            let device = self.store.device(certificate.device_id()).await?;
            members.push(RestoredMember {
                device_id: certificate.device_id(),
                account_id: certificate.account_id(),
                is_signed_in: device.is_some_and(|device| {
                    device.signed_out_at.is_none() && device.device_key == certificate.device_key()
                }),
            });
        }
        Ok(members)
    }
}

/// What is to be written, and whose devices are to know.
struct Restoring {
    write: RestoreWrite,
    accounts: Vec<AccountId>,
}

fn log_restored(id: ConversationId, head_seq: u64, head_hash: LogHash) -> frames::LogRestored {
    frames::LogRestored {
        conversation_id: id_bytes(id.as_bytes()),
        head_seq,
        head_hash: hash_bytes(head_hash),
    }
}

/// Reads the entries: at least one, each in its bounds, in order.
fn read_entries(id: ConversationId, entries: Vec<LogEntry>) -> Result<Vec<Sent>, Problem> {
    if entries.is_empty() {
        return Err(malformed("there is nothing to put back"));
    }
    let mut bytes_left = limits::RESTORED_BYTES_MAX.max(limits::HANDSHAKE_MESSAGE_MAX);
    let mut read: Vec<Sent> = Vec::with_capacity(entries.len());
    for entry in entries {
        let sent = read_entry(id, entry)?;
        let follows = read.last().is_none_or(|last| last.seq + 1 == sent.seq);
        if !follows || !(1..=limits::SEQ_MAX).contains(&sent.seq) {
            return Err(malformed("the entries do not follow each other"));
        }
        bytes_left = bytes_left
            .checked_sub(sent.payload.len())
            .ok_or_else(|| Problem::new(ProblemCode::TooLarge, "the entries are too large together"))?;
        read.push(sent);
    }
    Ok(read)
}

fn read_entry(id: ConversationId, entry: LogEntry) -> Result<Sent, Problem> {
    let device_id = DeviceId::try_from(&entry.sender_device[..])
        .map_err(|error| malformed(format!("sender_device: {error}")))?;
    let send_id =
        SendId::try_from(&entry.send_id[..]).map_err(|error| malformed(format!("send_id: {error}")))?;
    let (kind, payload, max) = match entry.payload {
        Some(Payload::ApplicationMessage(message)) => {
            (EntryKind::Message, message, limits::APPLICATION_MESSAGE_MAX)
        }
        Some(Payload::Commit(commit)) => (EntryKind::Commit, commit, limits::HANDSHAKE_MESSAGE_MAX),
        Some(Payload::Leave(proposal)) => (EntryKind::Leave, proposal, limits::LEAVE_MAX),
        None => return Err(malformed("an entry has no payload that this server knows")),
    };
    bounded("payload", &payload, max)?;
    let envelope = peek(&payload).map_err(problems::unreadable)?;
    if EntryKind::from(envelope.kind) != kind || envelope.conversation_id != id {
        return Err(malformed("an entry holds something else"));
    }
    Ok(Sent {
        seq: entry.seq,
        key: SendKey {
            conversation_id: id,
            device_id,
            send_id,
            send_number: envelope.claim.send_number,
        },
        accepted_at: Timestamp::from_millis(entry.accepted_at_ms),
        kind,
        epoch: envelope.epoch.saturating_add(u64::from(kind.is_commit())),
        payload,
        tag: entry.tag,
    })
}

/// The entries as they were in the log after this hash. Anything else is refused.
fn recognise(tags: &EntryTags, before: LogHash, entries: Vec<Sent>) -> Result<Vec<(Sent, LogHash)>, Problem> {
    let mut known = Vec::with_capacity(entries.len());
    let mut hash = before;
    for sent in entries {
        let payload_hash = payload_hash(&sent.payload);
        hash = hash.after(
            &sent
                .key
                .chained(sent.seq, sent.kind, sent.accepted_at, payload_hash),
        );
        if !tags.is_ours(hash, sent.key.send_id, &sent.tag) {
            return Err(LogRefusal::LogDisagrees.into());
        }
        known.push((sent, hash));
    }
    Ok(known)
}

/// Lets a group follow the entries.
fn follow(view: &mut PublicView, known: Vec<(Sent, LogHash)>) -> Result<Vec<Known>, Problem> {
    let followed = known.into_iter().map(|(sent, hash)| {
        let invalid = |error| problems::invalid_mls(&error);
        let (mut effect, mut left) = (None, None);
        match sent.kind {
            EntryKind::Message => {}
            EntryKind::Commit => effect = Some(view.follow(&sent.payload).map_err(invalid)?),
            EntryKind::Leave => left = Some(view.leave(&sent.payload).map_err(invalid)?.account_id()),
        }
        let entry = RestoredEntry {
            left,
            ..restored(sent, hash)
        };
        Ok((entry, effect))
    });
    followed.collect()
}

/// Entries that led to a group, which has what their commits did, but not who is leaving since the last of them.
fn led_to(view: &mut PublicView, known: Vec<(Sent, LogHash)>) -> Result<Vec<RestoredEntry>, Problem> {
    if known.last().is_none_or(|(last, _)| last.epoch != view.epoch()) {
        return Err(Problem::new(
            ProblemCode::InvalidMlsMessage,
            "the entries do not lead to the group",
        ));
    }
    for (sent, _) in &known {
        if sent.kind == EntryKind::Leave && sent.epoch == view.epoch() {
            view.leave(&sent.payload)
                .map_err(|error| problems::invalid_mls(&error))?;
        }
    }
    Ok(known
        .into_iter()
        .map(|(sent, hash)| restored(sent, hash))
        .collect())
}

/// The devices that are in a group, without those that are leaving.
fn those_who_stay(view: &PublicView) -> Result<Vec<DeviceCertificate>, ViewError> {
    let leavers = view.leavers()?;
    let members = view.members()?.into_iter().map(|member| member.certificate);
    Ok(members.filter(|member| !leavers.contains(member)).collect())
}

fn restored(sent: Sent, hash: LogHash) -> RestoredEntry {
    RestoredEntry {
        key: sent.key,
        accepted_at: sent.accepted_at,
        hash,
        epoch: sent.epoch,
        kind: sent.kind,
        payload: sent.payload,
        commit: None,
        left: None,
    }
}
