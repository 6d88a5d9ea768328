//! A commit: the entry, the epoch, the group, the members and the welcomes change together.

use rusqlite::Connection;
use subrosa_mls::{EntryKind, LogHash, payload_hash};
use subrosa_wire::{Timestamp, limits::CONVERSATIONS_PER_ACCOUNT_MAX};

use super::{
    accounts::{self, End},
    conversation_cache::ConversationCache,
    entries::{NewEntry, next_seq},
    links,
    members::{self, NewMember},
    rows::to_sql,
    views, welcomes,
};
use crate::store::{
    StoreError,
    delivery::{Acceptance, Accepted, CommitWrite, Committer, ConversationRowId, LogOutcome, LogRefusal},
};

pub(super) fn commit(
    connection: &Connection,
    cache: &mut ConversationCache,
    accepted_at: Timestamp,
    write: &CommitWrite,
) -> Result<LogOutcome, StoreError> {
    let id = write.key.conversation_id;
    let Some(conversation) = cache.load(connection, id)? else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    let outcome = conversation.outcome_unless_possible(
        connection,
        &write.key,
        write.committer,
        write.epoch,
        &write.claim,
    )?;
    if let Some(outcome) = outcome {
        return Ok(outcome);
    }
    for account_id in &write.accounts.added {
        // Nobody can be filled up by others: what Sync shows has to fit into a frame.
        if accounts::conversations_of(connection, *account_id)? >= CONVERSATIONS_PER_ACCOUNT_MAX as u64 {
            return Ok(Err(LogRefusal::TooManyConversations));
        }
    }
    if let Some(link_id) = write.joined_by
        && let Err(closed) = links::check(connection, id, link_id, accepted_at)?
    {
        return Ok(Err(LogRefusal::Link(closed)));
    }
    let (row_id, head_seq, hash_before, recipients) = (
        conversation.row_id,
        conversation.head_seq,
        conversation.chain.head(),
        conversation.recipients.clone(),
    );
    let seq = match next_seq(head_seq) {
        Ok(seq) => seq,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // From here on rows change that the cached conversation mirrors: it is written out first and read anew
    // when it is next needed.
    cache.release(connection, id)?;
    let epoch = write.epoch + 1;
    let chained = write
        .key
        .chained(seq, EntryKind::Commit, accepted_at, payload_hash(&write.commit));
    let hash = hash_before.after(&chained);
    let entry = NewEntry {
        key: &write.key,
        accepted_at,
        epoch,
        kind: EntryKind::Commit,
        payload: &write.commit,
        hash,
    };
    advance(connection, row_id, head_seq, hash, (write.epoch, epoch))?;
    replace_group(connection, row_id, write)?;
    views::write(connection, (row_id, seq), &entry, &write.view)?;
    entry.insert(connection, row_id, seq)?;
    for device_id in &write.removed {
        members::remove(connection, row_id, *device_id)?;
    }
    for (device_id, account_id) in &write.added {
        NewMember {
            device_id: *device_id,
            account_id: *account_id,
            joined_seq: head_seq,
            last_send: (0, 0),
        }
        .insert(connection, row_id)?;
    }
    match write.committer {
        Committer::Member => members::count_send(connection, row_id, seq, &write.key)?,
        Committer::External => NewMember {
            device_id: write.key.device_id,
            account_id: write.account_id,
            joined_seq: head_seq,
            last_send: (write.key.send_number, seq),
        }
        .insert(connection, row_id)?,
    }
    accounts::change(connection, row_id, &write.accounts, End { seq, hash, epoch })?;
    if let Some(link_id) = write.joined_by {
        links::count_use(connection, link_id)?;
    }
    if let Some(kept) = &write.links {
        links::follow_policy(connection, row_id, kept, accepted_at)?;
    }
    let welcomed = welcomes::insert(connection, row_id, seq, hash_before, write)?;
    Ok(Ok(Accepted {
        seq,
        epoch,
        accepted_at,
        hash: Some(hash),
        acceptance: Acceptance::Stored {
            recipients,
            welcomed,
            hash_before,
        },
    }))
}

/// Compare-and-set on head and epoch: the next entry goes from one epoch to another, or nothing happens.
pub(super) fn advance(
    connection: &Connection,
    row_id: ConversationRowId,
    head_seq: u64,
    hash: LogHash,
    (from, to): (u64, u64),
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE conversations SET head_seq = head_seq + 1, head_hash = ?4, epoch = ?5
             WHERE number = ?1 AND head_seq = ?2 AND epoch = ?3",
        )?
        .execute((
            row_id,
            to_sql(head_seq),
            to_sql(from),
            hash.as_bytes(),
            to_sql(to),
        ))?;
    StoreError::check_affected("advance a log", changed, 1)
}

fn replace_group(
    connection: &Connection,
    row_id: ConversationRowId,
    write: &CommitWrite,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE groups SET epoch = epoch + 1, group_info = ?3 WHERE conversation = ?1 AND epoch = ?2",
        )?
        .execute((row_id, to_sql(write.epoch), write.group_info.as_ref()))?;
    StoreError::check_affected("replace a group", changed, 1)
}
