//! Putting back what a log had before the server went back to an earlier state.

use rusqlite::{Connection, OptionalExtension as _};
use subrosa_mls::LogHash;
use subrosa_wire::{Timestamp, limits::CONVERSATIONS_PER_ACCOUNT_MAX};

use super::{
    accounts,
    creation::{self, NewConversation, conversation_of_pair, pair},
    entries::{NewEntry, next_seq},
    members::{self, NewMember},
    rows::{self, from_sql, position, to_sql},
};
use crate::{
    limits::CLOCK_SET_BACK_MAX,
    store::{
        StoreError,
        delivery::{
            Committer, ConversationRowId, LogHead, LogRefusal, LostConversation, RestoreWrite, RestoredEntry,
            RestoredGroup, RestoredMember,
        },
        sqlite::WriteContext,
    },
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
    if let Some(head_at) = accepted_at(connection, row.row_id, row.head_seq)?
        && let Some(first) = write.entries.first()
        && first.accepted_at.plus(CLOCK_SET_BACK_MAX) < head_at
    {
        return Ok(Err(LogRefusal::LogDisagrees));
    }
    let mut chain = vec![row.head_hash];
    let mut epoch = row.epoch;
    for entry in &write.entries {
        let seq = match next_seq(row.head_seq + (chain.len() as u64 - 1)) {
            Ok(seq) => seq,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !admits(&chain, row.head_seq, entry, seq) {
            return Ok(Err(LogRefusal::LogDisagrees));
        }
        if let Err(refusal) = check_number(connection, row.row_id, entry)? {
            return Ok(Err(refusal));
        }
        chain.push(insert(connection, row.row_id, seq, last(&chain), entry)?);
        epoch = entry.epoch;
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
        }
        if entry
            .commit
            .as_ref()
            .is_none_or(|commit| commit.committer == Committer::Member)
        {
            members::count_send(connection, row.row_id, seq, &entry.key)?;
        }
    }
    let head = LogHead {
        seq: row.head_seq + write.entries.len() as u64,
        hash: last(&chain),
    };
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
    let (before, hash) = write.after;
    let new = NewConversation {
        id: write.conversation_id,
        kind: lost.kind,
        head: (before + write.entries.len() as u64, hash),
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
    creation::insert_group(
        connection,
        row_id,
        group.epoch,
        &group.public_view,
        &group.group_info,
    )?;
    let mut chain = vec![hash];
    for (entry, seq) in write.entries.iter().zip(before + 1..) {
        if let Err(refusal) = next_seq(seq - 1) {
            return Ok(Err(refusal));
        }
        if !admits(&chain, before, entry, seq) {
            return Ok(Err(LogRefusal::LogDisagrees));
        }
        chain.push(insert(connection, row_id, seq, last(&chain), entry)?);
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
    let head = LogHead {
        seq: before + write.entries.len() as u64,
        hash: last(&chain),
    };
    let changed = connection
        .prepare_cached("UPDATE conversations SET head_hash = ?2 WHERE number = ?1")?
        .execute((row_id, head.hash.as_bytes()))?;
    StoreError::check_affected("restore a log chain", changed, 1)?;
    Ok(Ok(head))
}

/// The newest hash. The chain begins with one.
fn last(chain: &[LogHash]) -> LogHash {
    chain.last().copied().unwrap_or(LogHash::START)
}

/// Whether what an entry claims about the log is true, as far as the entries put back with it show. The first hash is
/// that at `from`.
fn admits(chain: &[LogHash], from: u64, entry: &RestoredEntry, seq: u64) -> bool {
    let claim = &entry.claim;
    if claim.seq == 0 || claim.seq < from {
        return true;
    }
    let known = usize::try_from(claim.seq - from)
        .ok()
        .and_then(|index| chain.get(index));
    claim.seq < seq && known == Some(&claim.hash)
}

/// Each send of a member has the next number; whoever joins from outside begins to count.
fn check_number(
    connection: &Connection,
    row_id: ConversationRowId,
    entry: &RestoredEntry,
) -> Result<Result<(), LogRefusal>, StoreError> {
    let is_external = entry
        .commit
        .as_ref()
        .is_some_and(|commit| commit.committer == Committer::External);
    if is_external {
        return Ok(Ok(()));
    }
    let Some(member) = rows::member(connection, row_id, entry.key.device_id)? else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    let expected = member.last_send_number + 1;
    Ok(if entry.key.send_number == expected {
        Ok(())
    } else {
        Err(LogRefusal::SendOutOfOrder { expected })
    })
}

fn insert(
    connection: &Connection,
    row_id: ConversationRowId,
    seq: u64,
    before: LogHash,
    entry: &RestoredEntry,
) -> Result<LogHash, StoreError> {
    let row = NewEntry {
        key: &entry.key,
        accepted_at: entry.accepted_at,
        epoch: entry.epoch,
        is_commit: entry.commit.is_some(),
        payload: &entry.payload,
        payload_hash: entry.payload_hash,
    };
    row.insert(connection, row_id, seq)?;
    Ok(row.chain(before, seq))
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
        .prepare_cached(
            "UPDATE groups SET epoch = ?2, public_view = ?3, group_info = ?4 WHERE conversation = ?1",
        )?
        .execute((
            row_id,
            to_sql(group.epoch),
            group.public_view.as_ref(),
            group.group_info.as_ref(),
        ))?;
    StoreError::check_affected("restore a group", changed, 1)
}

/// When an entry was accepted, if it is kept.
fn accepted_at(
    connection: &Connection,
    row_id: ConversationRowId,
    seq: u64,
) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = connection
        .prepare_cached("SELECT accepted_at FROM log WHERE position = ?1")?
        .query_row([position(row_id, seq)], |row| row.get(0))
        .optional()?;
    Ok(at.map(|at| Timestamp::from_millis(from_sql(at))))
}
