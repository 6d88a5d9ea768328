//! Putting back what a log had before the server went back to an earlier state.

use rusqlite::Connection;
use subrosa_wire::{Timestamp, limits::CONVERSATIONS_PER_ACCOUNT_MAX};

use super::{
    accounts::{self, End},
    creation::{self, NewConversation, conversation_of_pair, pair},
    entries::{NewEntry, next_seq},
    links,
    members::{self, NewMember},
    rows::{self, to_sql},
    views,
};
use crate::store::{
    StoreError,
    delivery::{
        AccountChanges, Committer, ConversationRowId, LogHead, LogRefusal, LostConversation, RestoreWrite,
        RestoredEntry, RestoredGroup, RestoredMember,
    },
    sqlite::WriteContext,
};

/// Puts the entries back if the log ends where they begin.
pub(super) fn restore(
    context: &mut WriteContext,
    write: &RestoreWrite,
) -> Result<Result<LogHead, LogRefusal>, StoreError> {
    let WriteContext { connection, cache } = context;
    cache.release(connection, write.conversation_id)?;
    let known = rows::conversation(connection, write.conversation_id)?;
    // A refusal may come when some of it is written.
    connection.execute_batch("SAVEPOINT restoring")?;
    let restored = match (known, &write.lost) {
        (Some(row), None) => {
            let (head, hash) = (row.head_seq, row.head_hash);
            if (head, hash) == write.after {
                append(connection, &row, write)
            } else {
                Ok(Ok(LogHead { seq: head, hash }))
            }
        }
        (Some(row), Some(_)) => Ok(Ok(LogHead {
            seq: row.head_seq,
            hash: row.head_hash,
        })),
        (None, Some(lost)) => create(connection, write, lost),
        (None, None) => Ok(Err(LogRefusal::NotAMember)),
    };
    if !matches!(restored, Ok(Ok(_))) {
        connection.execute_batch("ROLLBACK TO restoring")?;
    }
    connection.execute_batch("RELEASE restoring")?;
    restored
}

fn append(
    connection: &Connection,
    row: &rows::ConversationRow,
    write: &RestoreWrite,
) -> Result<Result<LogHead, LogRefusal>, StoreError> {
    let (mut head, mut epoch) = (
        LogHead {
            seq: row.head_seq,
            hash: row.head_hash,
        },
        row.epoch,
    );
    for entry in &write.entries {
        let seq = match next_seq(head.seq) {
            Ok(seq) => seq,
            Err(refusal) => return Ok(Err(refusal)),
        };
        insert(connection, row.row_id, seq, entry)?;
        (head, epoch) = (
            LogHead {
                seq,
                hash: entry.hash,
            },
            entry.epoch,
        );
        let end = End {
            seq,
            hash: entry.hash,
            epoch: entry.epoch,
        };
        if let Some(commit) = &entry.commit {
            for device_id in &commit.removed {
                members::remove(connection, row.row_id, *device_id)?;
            }
            for member in &commit.added {
                let is_committer = member.device_id == entry.key.device_id;
                let last_send = if is_committer {
                    (entry.key.send_number, seq)
                } else {
                    (0, 0)
                };
                insert_member(connection, row.row_id, member, seq - 1, last_send)?;
            }
            accounts::change(connection, row.row_id, &commit.accounts, end)?;
            if let Some(link_id) = commit.joined_by {
                links::count_use(connection, link_id)?;
            }
        }
        if let Some(account_id) = entry.left {
            let gone = AccountChanges {
                added: Vec::new(),
                removed: vec![account_id],
            };
            members::remove(connection, row.row_id, entry.key.device_id)?;
            accounts::change(connection, row.row_id, &gone, end)?;
            continue;
        }
        if entry
            .commit
            .as_ref()
            .is_none_or(|commit| commit.committer == Committer::Member)
        {
            members::count_send(connection, row.row_id, seq, &entry.key)?;
        }
    }
    let changed = connection
        .prepare_cached(
            "UPDATE conversations SET head_seq = ?2, head_hash = ?3, epoch = ?4 WHERE number = ?1 AND head_seq = ?5",
        )?
        .execute((
            row.row_id,
            to_sql(head.seq),
            head.hash.as_bytes(),
            to_sql(epoch),
            to_sql(row.head_seq),
        ))?;
    StoreError::check_affected("restore a head", changed, 1)?;
    if let Some(group) = &write.group {
        replace_group(connection, row.row_id, group)?;
        let at = write.entries.last().map(|last| last.accepted_at);
        links::follow_policy(connection, row.row_id, &group.links, at.unwrap_or_default())?;
    }
    Ok(Ok(head))
}

fn create(
    connection: &Connection,
    write: &RestoreWrite,
    lost: &LostConversation,
) -> Result<Result<LogHead, LogRefusal>, StoreError> {
    let pair = pair(lost.claim, &lost.accounts);
    if let Some(existing) = conversation_of_pair(connection, pair)? {
        return Ok(Err(LogRefusal::ConversationExists(existing)));
    }
    for account_id in &lost.accounts {
        if accounts::conversations_of(connection, *account_id)? >= CONVERSATIONS_PER_ACCOUNT_MAX as u64 {
            return Ok(Err(LogRefusal::TooManyConversations));
        }
    }
    let Some(group) = &write.group else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    let (before, hash_before) = write.after;
    let head = LogHead {
        seq: before + write.entries.len() as u64,
        hash: write.entries.last().map_or(hash_before, |last| last.hash),
    };
    if let Err(refusal) = next_seq(head.seq.saturating_sub(1)) {
        return Ok(Err(refusal));
    }
    let new = NewConversation {
        id: write.conversation_id,
        head: (head.seq, head.hash),
        epoch: group.epoch,
        first_seq: before + 1,
        created_at: write
            .entries
            .first()
            .map_or(Timestamp::default(), |entry| entry.accepted_at),
        accounts: &lost.accounts,
        pair,
    };
    let row_id = new.insert(connection)?;
    creation::insert_group(connection, row_id, group.epoch, &group.group_info)?;
    views::replace(connection, row_id, &group.public_view)?;
    for (entry, seq) in write.entries.iter().zip(before + 1..) {
        insert(connection, row_id, seq, entry)?;
    }
    for member in &lost.members {
        let last_send = write
            .entries
            .iter()
            .zip(before + 1..)
            .filter(|(entry, _)| entry.key.device_id == member.device_id)
            .map(|(entry, seq)| (entry.key.send_number, seq))
            .last();
        insert_member(connection, row_id, member, before, last_send.unwrap_or((0, 0)))?;
    }
    Ok(Ok(head))
}

fn insert(
    connection: &Connection,
    row_id: ConversationRowId,
    seq: u64,
    entry: &RestoredEntry,
) -> Result<(), StoreError> {
    NewEntry {
        key: &entry.key,
        accepted_at: entry.accepted_at,
        epoch: entry.epoch,
        kind: entry.kind,
        payload: &entry.payload,
        hash: entry.hash,
    }
    .insert(connection, row_id, seq)
}

fn insert_member(
    connection: &Connection,
    row_id: ConversationRowId,
    member: &RestoredMember,
    joined_seq: u64,
    last_send: (u64, u64),
) -> Result<(), StoreError> {
    NewMember {
        device_id: member.device_id,
        account_id: member.account_id,
        joined_seq,
        last_send,
    }
    .insert(connection, row_id)?;
    if member.is_signed_in {
        Ok(())
    } else {
        members::set_signed_out(connection, row_id, member.device_id)
    }
}

fn replace_group(
    connection: &Connection,
    row_id: ConversationRowId,
    group: &RestoredGroup,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("UPDATE groups SET epoch = ?2, group_info = ?3 WHERE conversation = ?1")?
        .execute((row_id, to_sql(group.epoch), group.group_info.as_ref()))?;
    StoreError::check_affected("restore a group", changed, 1)?;
    views::replace(connection, row_id, &group.public_view)
}
