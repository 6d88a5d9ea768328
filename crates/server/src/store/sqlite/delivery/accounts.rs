//! Whose a conversation is, and whose it was.

use rusqlite::{Connection, OptionalExtension as _};
use subrosa_mls::LogHash;
use subrosa_wire::{AccountId, ConversationId};

use super::{
    links,
    rows::{from_sql, to_sql},
};
use crate::store::{
    StoreError,
    delivery::{AccountChanges, ConversationRowId},
};

/// The last thing that an account may know of a conversation that is no longer its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The commit that removed the account, or the proposal with which it left.
    pub(super) seq: u64,
    /// The log chain there.
    pub(super) hash: LogHash,
    /// The epoch after it.
    pub(super) epoch: u64,
}

/// Makes the changes of an entry.
pub(super) fn change(
    connection: &Connection,
    row_id: ConversationRowId,
    changes: &AccountChanges,
    end: End,
) -> Result<(), StoreError> {
    for account_id in &changes.removed {
        remove(connection, row_id, *account_id)?;
        let noted = connection
            .prepare_cached(
                "INSERT INTO former_accounts (account, conversation, left_seq, left_hash, epoch)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((
                account_id.as_bytes(),
                row_id,
                to_sql(end.seq),
                end.hash.as_bytes(),
                to_sql(end.epoch),
            ))?;
        StoreError::check_affected("note a former account", noted, 1)?;
    }
    for account_id in &changes.added {
        connection
            .prepare_cached("DELETE FROM former_accounts WHERE account = ?1 AND conversation = ?2")?
            .execute((account_id.as_bytes(), row_id))?;
        add(connection, row_id, *account_id)?;
        links::came_in(connection, row_id, *account_id)?;
    }
    Ok(())
}

/// Where a conversation ended for an account that was removed from it.
pub(super) fn end_for(
    connection: &Connection,
    id: ConversationId,
    account_id: AccountId,
) -> Result<Option<End>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT f.left_seq, f.left_hash, f.epoch FROM conversations c
             JOIN former_accounts f ON f.conversation = c.number AND f.account = ?2
             WHERE c.id = ?1",
        )?
        .query_row((id.as_bytes(), account_id.as_bytes()), |row| {
            Ok(End {
                seq: from_sql(row.get("left_seq")?),
                hash: LogHash::from_bytes(row.get("left_hash")?),
                epoch: from_sql(row.get("epoch")?),
            })
        })
        .optional()?)
}

pub(super) fn add(
    connection: &Connection,
    row_id: ConversationRowId,
    account_id: AccountId,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("INSERT INTO conversation_accounts (account, conversation) VALUES (?1, ?2)")?
        .execute((account_id.as_bytes(), row_id))?;
    StoreError::check_affected("add an account", changed, 1)
}

fn remove(
    connection: &Connection,
    row_id: ConversationRowId,
    account_id: AccountId,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("DELETE FROM conversation_accounts WHERE account = ?1 AND conversation = ?2")?
        .execute((account_id.as_bytes(), row_id))?;
    StoreError::check_affected("remove an account", changed, 1)
}

/// The number of conversations of an account, with those that it was removed from.
pub(super) fn conversations_of(connection: &Connection, account_id: AccountId) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM conversation_accounts WHERE account = ?1)
                  + (SELECT count(*) FROM former_accounts WHERE account = ?1)",
        )?
        .query_row([account_id.as_bytes()], |row| row.get(0))?;
    Ok(from_sql(count))
}
