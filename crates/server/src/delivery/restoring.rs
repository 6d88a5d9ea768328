//! `RestoreLog`: takes back from devices what the server has lost because it went back to an earlier state.
//!
//! Commits are checked against the group as those of any member are, except for what only a clock could say. Messages
//! cannot be checked: members do that.

use bytes::Bytes;
use subrosa_mls::{
    CommitEffect, DeviceCertificate, LogClaim, LogHash, MessageKind, PublicView, payload_hash, peek,
};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, ProblemCode, SendId, Timestamp,
    frames::{self, LogEntry, Lost, Problem, RestoreLog, log_entry::Payload},
    limits,
};

use super::{
    Service, problems,
    requests::{bounded, conversation_id, hash_bytes, malformed},
};
use crate::{
    session::Session,
    store::delivery::{
        Claim, Committer, GroupRecord, LogRefusal, LostConversation, RestoreWrite, RestoredCommit,
        RestoredEntry, RestoredGroup, RestoredMember, SendKey,
    },
};

/// An entry as it was sent, within its bounds.
struct Sent {
    key: SendKey,
    accepted_at: Timestamp,
    is_commit: bool,
    payload: Bytes,
}

/// What was read and checked, but for what the directory says of devices.
struct Checked {
    view: PublicView,
    entries: Vec<(RestoredEntry, Option<CommitEffect>)>,
}

impl Service {
    pub(super) async fn restore_log(
        &self,
        session: &Session,
        restore: RestoreLog,
    ) -> Result<frames::LogRestored, Problem> {
        let id = conversation_id(&restore.conversation_id)?;
        if !self.settling.may_restore(self.clock.now()) {
            return Err(malformed("a log is put back within a day of the server's start"));
        }
        let entries = self.read_entries(id, restore.entries)?;
        if !restore.group_info.is_empty() {
            bounded("group_info", &restore.group_info, limits::HANDSHAKE_MESSAGE_MAX)?;
        }
        self.commits.check(session.device_id)?;
        // One at a time: each may have hundreds of commits to be checked, and other people's must not wait for them.
        let _only = self.restoring.lock().await;
        let mut turn = self.validation.turn(id).await;
        let write = match (self.store.group(id).await?, restore.lost) {
            (Some(group), None) => {
                if !self.store.is_conversation_of(id, session.account_id).await? {
                    return Err(LogRefusal::NotAMember.into());
                }
                self.missing(session, id, group, entries, restore.group_info)
                    .await?
            }
            (None, Some(lost)) => self.lost(session, id, entries, restore.group_info, lost).await?,
            (Some(group), Some(_)) => {
                if !self.store.is_conversation_of(id, session.account_id).await? {
                    return Err(LogRefusal::NotAMember.into());
                }
                // Another device was faster.
                return Ok(frames::LogRestored {
                    conversation_id: restore.conversation_id,
                    head_seq: group.head_seq,
                    head_hash: hash_bytes(group.head_hash),
                });
            }
            (None, None) => return Err(LogRefusal::NotAMember.into()),
        };
        let accounts = write.accounts;
        let head = self.store.restore_log(write.write).await??;
        tracing::info!(conversation = %id, head = head.seq, "entries were put back into a log");
        // The view in memory may be older than the group.
        turn.take();
        drop(turn);
        for account_id in accounts {
            self.notify_account(account_id, &[session.device_id]).await;
        }
        Ok(frames::LogRestored {
            conversation_id: restore.conversation_id,
            head_seq: head.seq,
            head_hash: hash_bytes(head.hash),
        })
    }

    /// Reads the entries: each in its bounds, in order, and from before this process.
    fn read_entries(&self, id: ConversationId, entries: Vec<LogEntry>) -> Result<Vec<(u64, Sent)>, Problem> {
        let mut bytes_left = limits::RESTORED_BYTES_MAX.max(limits::HANDSHAKE_MESSAGE_MAX);
        let mut read: Vec<(u64, Sent)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let seq = entry.seq;
            if read
                .last()
                .is_some_and(|(last, _)| last.checked_add(1) != Some(seq))
                || !(1..=limits::SEQ_MAX).contains(&seq)
            {
                return Err(malformed("the entries do not follow each other"));
            }
            let sent = read_entry(id, entry)?;
            bytes_left = bytes_left
                .checked_sub(sent.payload.len())
                .ok_or_else(|| Problem::new(ProblemCode::TooLarge, "the entries are too large together"))?;
            if sent.accepted_at > self.settling.began_at() {
                return Err(malformed("an entry is newer than what the server can have lost"));
            }
            read.push((seq, sent));
        }
        Ok(read)
    }

    /// What follows the head of a log.
    async fn missing(
        &self,
        session: &Session,
        id: ConversationId,
        group: GroupRecord,
        entries: Vec<(u64, Sent)>,
        group_info: Bytes,
    ) -> Result<Restoring, Problem> {
        let GroupRecord {
            head_seq,
            head_hash,
            epoch,
            public_view,
            group_info: had_info,
        } = group;
        let first = entries.first().map(|(seq, _)| *seq);
        if first.is_none() {
            return Err(malformed("there is nothing to put back"));
        }
        let (after, device) = (first.map_or(0, |seq| seq - 1), session.device_id);
        if after != head_seq {
            // The store answers with the head.
            return Ok(Restoring::nothing(id, after));
        }
        let checked = self
            .validation
            .run(move || {
                let view = PublicView::load(&public_view).map_err(|error| problems::invalid_mls(&error))?;
                let checked = check(view, epoch, entries)?;
                if !group_info.is_empty() {
                    checked
                        .view
                        .check_group_info(&group_info, device)
                        .map_err(|error| problems::invalid_mls(&error))?;
                }
                Ok::<_, Problem>((checked, group_info))
            })
            .await?;
        let (Checked { view, entries }, group_info) = checked?;
        let has_commits = entries.iter().any(|(entry, _)| entry.epoch > epoch);
        let is_info_wanted = has_commits || had_info.is_empty() && !group_info.is_empty();
        let group = is_info_wanted.then(|| RestoredGroup {
            epoch: view.epoch(),
            public_view: view.to_bytes().into(),
            group_info,
        });
        let accounts = view.policy().accounts().to_vec();
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
        entries: Vec<(u64, Sent)>,
        group_info: Bytes,
        lost: Lost,
    ) -> Result<Restoring, Problem> {
        bounded("ratchet_tree", &lost.ratchet_tree, limits::HANDSHAKE_MESSAGE_MAX)?;
        let hash_before =
            LogHash::try_from(&lost.hash_before[..]).map_err(|_| malformed("hash_before is not a hash"))?;
        let ends_at = lost.seq_before.checked_add(entries.len() as u64);
        if entries
            .first()
            .is_some_and(|(seq, _)| *seq - 1 != lost.seq_before)
            || !ends_at.is_some_and(|end| (1..=limits::SEQ_MAX).contains(&end))
        {
            return Err(malformed("the entries do not begin where they are said to"));
        }
        let (device, tree) = (session.device_id, lost.ratchet_tree);
        let checked = self
            .validation
            .run(move || {
                let adopted = PublicView::adopt(&group_info, &tree, id)
                    .and_then(|view| view.check_group_info(&group_info, device).map(|()| view));
                let view = adopted.map_err(|error| problems::invalid_mls(&error))?;
                let entries = read_past(&view, entries)?;
                let members = view.members().map_err(|error| problems::invalid_mls(&error))?;
                Ok::<_, Problem>((view, entries, members, group_info))
            })
            .await?;
        let (view, entries, members, group_info) = checked?;
        let policy = view.policy();
        self.check_policy(session, policy).await?;
        let certificates: Vec<_> = members.into_iter().map(|member| member.certificate).collect();
        let lost_conversation = LostConversation {
            kind: policy.kind(),
            claim: Claim::of(policy.kind()),
            accounts: policy.accounts().to_vec(),
            members: self.members(&certificates).await?,
        };
        Ok(Restoring {
            accounts: policy.accounts().to_vec(),
            write: RestoreWrite {
                conversation_id: id,
                after: (lost.seq_before, hash_before),
                entries,
                group: Some(RestoredGroup {
                    epoch: view.epoch(),
                    public_view: view.to_bytes().into(),
                    group_info,
                }),
                lost: Some(lost_conversation),
            },
        })
    }

    /// Adds to each commit what the directory says of the devices that it brought in.
    async fn with_members(
        &self,
        entries: Vec<(RestoredEntry, Option<CommitEffect>)>,
    ) -> Result<Vec<RestoredEntry>, Problem> {
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

impl Restoring {
    /// Entries that do not follow the head.
    fn nothing(id: ConversationId, after: u64) -> Self {
        Self {
            write: RestoreWrite {
                conversation_id: id,
                after: (after, LogHash::START),
                entries: Vec::new(),
                group: None,
                lost: None,
            },
            accounts: Vec::new(),
        }
    }
}

fn read_entry(id: ConversationId, entry: LogEntry) -> Result<Sent, Problem> {
    let device_id = DeviceId::try_from(&entry.sender_device[..])
        .map_err(|error| malformed(format!("sender_device: {error}")))?;
    let send_id =
        SendId::try_from(&entry.send_id[..]).map_err(|error| malformed(format!("send_id: {error}")))?;
    let (is_commit, payload, max) = match entry.payload {
        Some(Payload::ApplicationMessage(message)) => (false, message, limits::APPLICATION_MESSAGE_MAX),
        Some(Payload::Commit(commit)) => (true, commit, limits::HANDSHAKE_MESSAGE_MAX),
        None => return Err(malformed("an entry has no payload that this server knows")),
    };
    bounded("payload", &payload, max)?;
    let envelope = peek(&payload).map_err(problems::unreadable)?;
    if !(1..=limits::SEND_NUMBER_MAX).contains(&envelope.claim.send_number) {
        return Err(malformed("a send_number is out of range"));
    }
    let is_of_kind = matches!(envelope.kind, MessageKind::Commit { .. }) == is_commit;
    if !is_of_kind || envelope.conversation_id != id {
        return Err(malformed("an entry holds something else"));
    }
    Ok(Sent {
        key: SendKey {
            conversation_id: id,
            device_id,
            send_id,
            send_number: envelope.claim.send_number,
        },
        accepted_at: Timestamp::from_millis(entry.accepted_at_ms),
        is_commit,
        payload,
    })
}

/// Applies the entries to a group, from this epoch on.
fn check(mut view: PublicView, epoch: u64, entries: Vec<(u64, Sent)>) -> Result<Checked, Problem> {
    let mut checked = Vec::with_capacity(entries.len());
    let mut epoch = epoch;
    for (_, sent) in entries {
        let envelope = peek(&sent.payload).map_err(problems::unreadable)?;
        if envelope.epoch != epoch {
            return Err(invalid("an entry is of another epoch"));
        }
        let effect = if sent.is_commit {
            let effect = view
                .follow(&sent.payload)
                .map_err(|error| problems::invalid_mls(&error))?;
            if effect.committer.device_id() != sent.key.device_id {
                return Err(invalid("a commit is of another device"));
            }
            epoch = effect.epoch_after;
            Some(effect)
        } else {
            None
        };
        checked.push((restored(sent, epoch, envelope.claim, None), effect));
    }
    Ok(Checked {
        view,
        entries: checked,
    })
}

/// Reads entries that led to a group. Only that they can have done so is checked.
fn read_past(view: &PublicView, entries: Vec<(u64, Sent)>) -> Result<Vec<RestoredEntry>, Problem> {
    let mut read: Vec<RestoredEntry> = Vec::with_capacity(entries.len());
    for (_, sent) in entries {
        let envelope = peek(&sent.payload).map_err(problems::unreadable)?;
        let epoch = envelope.epoch + u64::from(sent.is_commit);
        let is_next = read.last().is_none_or(|before| before.epoch == envelope.epoch);
        if !is_next || epoch > view.epoch() {
            return Err(invalid("an entry is of another epoch"));
        }
        let commit = sent.is_commit.then(|| RestoredCommit {
            committer: Committer::Member,
            added: Vec::new(),
            removed: Vec::new(),
        });
        read.push(restored(sent, epoch, envelope.claim, commit));
    }
    if read.last().is_some_and(|last| last.epoch != view.epoch()) {
        return Err(invalid("the entries do not lead to the group"));
    }
    Ok(read)
}

fn restored(sent: Sent, epoch: u64, claim: LogClaim, commit: Option<RestoredCommit>) -> RestoredEntry {
    RestoredEntry {
        key: sent.key,
        accepted_at: sent.accepted_at,
        claim,
        epoch,
        payload_hash: payload_hash(&sent.payload),
        payload: sent.payload,
        commit,
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(ProblemCode::InvalidMlsMessage, detail)
}
