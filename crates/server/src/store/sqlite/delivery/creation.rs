//! A new conversation, with its first commit as seq 1.

use rusqlite::{Connection, OptionalExtension as _};
use subrosa_mls::{LogHash, payload_hash};
use subrosa_wire::{ConversationId, Timestamp};

use super::{
    accounts,
    conversation_cache::ConversationCache,
    entries::NewEntry,
    members::NewMember,
    rows::{self, kind_to_sql, to_sql},
    welcomes,
};
use crate::store::{
    StoreError,
    delivery::{
        Acceptance, Accepted, Claim, Committer, ConversationRowId, CreateWrite, LogOutcome, LogRefusal,
        SendCheck,
    },
};

/// The place of the first entry.
const FIRST_SEQ: u64 = 1;

pub(super) fn create(
    connection: &Connection,
    cache: &mut ConversationCache,
    accepted_at: Timestamp,
    write: &CreateWrite,
) -> Result<LogOutcome, StoreError> {
    let first = &write.first;
    let id = first.key.conversation_id;
    if let Some(conversation) = cache.load(connection, id)? {
        return Ok(
            match conversation.check(connection, &first.key, Committer::Member)? {
                SendCheck::Duplicate(accepted) => Ok(accepted),
                _ => Err(LogRefusal::ConversationExists(id)),
            },
        );
    }
    if let Some(existing) = conversation_of_pair(connection, write)? {
        return Ok(Err(LogRefusal::ConversationExists(existing)));
    }
    if accounts::conversations_of(connection, first.account_id)? >= write.conversations_max as u64 {
        return Ok(Err(LogRefusal::TooManyConversations));
    }
    let epoch = first.epoch + 1;
    let entry = NewEntry {
        key: &first.key,
        accepted_at,
        epoch,
        is_commit: true,
        payload: &first.commit,
        payload_hash: payload_hash(&first.commit),
    };
    let hash = entry.chain(LogHash::START, FIRST_SEQ);
    let row_id = insert_conversation(connection, accepted_at, hash, write)?;
    insert_group(connection, row_id, write)?;
    entry.insert(connection, row_id, FIRST_SEQ)?;
    NewMember {
        device_id: first.key.device_id,
        account_id: first.account_id,
        joined_seq: 0,
        last_send: (first.key.send_number, FIRST_SEQ),
    }
    .insert(connection, row_id)?;
    for (device_id, account_id) in &first.added {
        NewMember {
            device_id: *device_id,
            account_id: *account_id,
            joined_seq: 0,
            last_send: (0, 0),
        }
        .insert(connection, row_id)?;
    }
    let welcomed = welcomes::insert(connection, row_id, FIRST_SEQ, LogHash::START, first)?;
    let recipients = [first.key.device_id].into();
    Ok(Ok(Accepted {
        seq: FIRST_SEQ,
        epoch,
        accepted_at,
        acceptance: Acceptance::Stored {
            recipients,
            welcomed,
            hash_before: LogHash::START,
        },
    }))
}

fn conversation_of_pair(
    connection: &Connection,
    write: &CreateWrite,
) -> Result<Option<ConversationId>, StoreError> {
    let Some((lower, higher)) = pair(write) else {
        return Ok(None);
    };
    Ok(connection
        .prepare_cached(
            "SELECT c.id FROM direct_pairs p JOIN conversations c ON c.number = p.conversation
             WHERE p.lower = ?1 AND p.higher = ?2",
        )?
        .query_row((lower, higher), |row| Ok(ConversationId::from_bytes(row.get(0)?)))
        .optional()?)
}

/// The pair of accounts that the conversation claims, the lower id first.
fn pair(write: &CreateWrite) -> Option<(&[u8; 16], &[u8; 16])> {
    if write.claim == Claim::Nothing {
        return None;
    }
    let lower = write.accounts.iter().min()?;
    let higher = write.accounts.iter().max()?;
    Some((lower.as_bytes(), higher.as_bytes()))
}

fn insert_conversation(
    connection: &Connection,
    accepted_at: Timestamp,
    hash: LogHash,
    write: &CreateWrite,
) -> Result<ConversationRowId, StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO conversations (id, kind, head_seq, head_hash, epoch, first_seq, created_at)
             VALUES (?1, ?2, ?3, ?6, ?4, ?3, ?5)",
        )?
        .execute((
            write.first.key.conversation_id.as_bytes(),
            kind_to_sql(write.kind),
            to_sql(FIRST_SEQ),
            to_sql(write.first.epoch + 1),
            to_sql(accepted_at.as_millis()),
            hash.as_bytes(),
        ))?;
    StoreError::check_affected("create a conversation", changed, 1)?;
    let row_id = ConversationRowId::new(connection.last_insert_rowid());
    for account_id in &write.accounts {
        accounts::add(connection, row_id, *account_id)?;
    }
    if let Some((lower, higher)) = pair(write) {
        let changed = connection
            .prepare_cached("INSERT INTO direct_pairs (lower, higher, conversation) VALUES (?1, ?2, ?3)")?
            .execute((lower, higher, row_id))?;
        StoreError::check_affected("note a pair", changed, 1)?;
    }
    Ok(row_id)
}

fn insert_group(
    connection: &Connection,
    row_id: ConversationRowId,
    write: &CreateWrite,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO groups (conversation, epoch, public_view, group_info) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((
            row_id,
            rows::to_sql(write.first.epoch + 1),
            write.first.public_view.as_ref(),
            write.first.group_info.as_ref(),
        ))?;
    StoreError::check_affected("keep a group", changed, 1)
}
