//! Ratchet trees that waiting Welcomes lead to, each kept once however many devices wait.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use subrosa_wire::{AccountId, ConversationId};

use super::rows::{from_sql, position};
use crate::{
    limits::TREES_BYTES_PER_CONVERSATION_MAX,
    store::{
        StoreError,
        delivery::{ConversationRowId, WelcomeWrite},
    },
};

/// Keeps the tree of the newest Welcomes of a conversation. The oldest trees go if there are too many bytes of them.
pub(super) fn insert(
    connection: &Connection,
    (row_id, seq): (ConversationRowId, u64),
    welcome: &WelcomeWrite,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("INSERT INTO ratchet_trees (position, hash, tree) VALUES (?1, ?2, ?3)")?
        .execute((
            position(row_id, seq),
            welcome.tree_hash,
            welcome.ratchet_tree.as_ref(),
        ))?;
    StoreError::check_affected("keep a ratchet tree", changed, 1)?;
    drop_oldest(connection, row_id, seq)
}

fn drop_oldest(connection: &Connection, row_id: ConversationRowId, newest: u64) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, length(tree) FROM ratchet_trees WHERE position BETWEEN ?1 AND ?2
         ORDER BY position DESC",
    )?;
    let kept: Vec<(i64, i64)> = statement
        .query_map((position(row_id, 0), position(row_id, newest)), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut bytes = 0_u64;
    for (place, len) in kept {
        bytes = bytes.saturating_add(from_sql(len));
        // The newest stays whatever its size.
        if bytes > TREES_BYTES_PER_CONVERSATION_MAX && place != position(row_id, newest) {
            drop_one(connection, place)?;
        }
    }
    Ok(())
}

/// Forgets the tree of this place, if it is kept.
pub(super) fn drop_one(connection: &Connection, place: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM ratchet_trees WHERE position = ?1")?
        .execute([place])?;
    Ok(())
}

pub(super) fn fetch(
    connection: &Connection,
    id: ConversationId,
    account_id: AccountId,
    hash: [u8; 32],
) -> Result<Option<Bytes>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT t.tree FROM ratchet_trees t
             JOIN conversations c ON c.number = t.position >> 32 AND c.id = ?2
             JOIN conversation_accounts a ON a.conversation = c.number AND a.account = ?3
             WHERE t.hash = ?1",
        )?
        .query_row((hash, id.as_bytes(), account_id.as_bytes()), |row| {
            row.get::<_, Vec<u8>>(0)
        })
        .optional()?
        .map(Bytes::from))
}
