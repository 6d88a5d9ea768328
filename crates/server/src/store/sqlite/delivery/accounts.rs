//! Whose a conversation is.

use rusqlite::Connection;
use subrosa_wire::AccountId;

use super::rows::from_sql;
use crate::store::{
    StoreError,
    delivery::{AccountChanges, ConversationRowId},
};

/// Makes the changes of a commit.
pub(super) fn change(
    connection: &Connection,
    row_id: ConversationRowId,
    changes: &AccountChanges,
) -> Result<(), StoreError> {
    for account_id in &changes.removed {
        remove(connection, row_id, *account_id)?;
    }
    for account_id in &changes.added {
        add(connection, row_id, *account_id)?;
    }
    Ok(())
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

/// The number of conversations of an account.
pub(super) fn conversations_of(connection: &Connection, account_id: AccountId) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM conversation_accounts WHERE account = ?1")?
        .query_row([account_id.as_bytes()], |row| row.get(0))?;
    Ok(from_sql(count))
}
