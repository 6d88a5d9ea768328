//! Entries of the log that are held until those before them arrive.

use bytes::Bytes;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension, Row, params};
use subrosa_wire::frames::LogEntry;

use super::{corrupt, from_sql, to_sql};
use crate::{ChatId, database::DatabaseError};

/// Holds an entry. If one with its seq is already held, that one stays.
pub(crate) fn insert(conn: &Connection, chat: ChatId, entry: &LogEntry) -> Result<(), DatabaseError> {
    conn.prepare_cached("INSERT OR IGNORE INTO held_entries (conversation, seq, entry) VALUES (?1, ?2, ?3)")?
        .execute(params![chat, to_sql(entry.seq), entry.encode_to_vec()])?;
    Ok(())
}

/// Takes out the entry with this seq, if it is held.
pub(crate) fn take(conn: &Connection, chat: ChatId, seq: u64) -> Result<Option<LogEntry>, DatabaseError> {
    let bytes: Option<Vec<u8>> = conn
        .prepare_cached("DELETE FROM held_entries WHERE conversation = ?1 AND seq = ?2 RETURNING entry")?
        .query_row(params![chat, to_sql(seq)], |row| row.get(0))
        .optional()?;
    bytes
        .map(|bytes| LogEntry::decode(Bytes::from(bytes)).map_err(|_| corrupt("a held entry")))
        .transpose()
}

/// Entries and their bytes.
pub(crate) struct Held {
    pub entries: u64,
    pub bytes: u64,
}

fn held(row: &Row<'_>) -> Result<Held, DatabaseError> {
    Ok(Held {
        entries: from_sql(row.get(0)?)?,
        bytes: from_sql(row.get(1)?)?,
    })
}

/// What is held of a conversation.
pub(crate) fn of(conn: &Connection, chat: ChatId) -> Result<Held, DatabaseError> {
    conn.prepare_cached(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(entry)), 0) FROM held_entries WHERE conversation = ?1",
    )?
    .query_row([chat], |row| Ok(held(row)))?
}

/// What is held of all conversations.
pub(crate) fn of_all(conn: &Connection) -> Result<Held, DatabaseError> {
    conn.prepare_cached("SELECT COUNT(*), COALESCE(SUM(LENGTH(entry)), 0) FROM held_entries")?
        .query_row([], |row| Ok(held(row)))?
}

/// Drops the entries beyond this seq: the log does not go that far.
pub(crate) fn delete_beyond(conn: &Connection, chat: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.execute(
        "DELETE FROM held_entries WHERE conversation = ?1 AND seq > ?2",
        params![chat, to_sql(seq)],
    )?;
    Ok(())
}

/// Drops the entries up to this seq: after a join they are of no use.
pub(crate) fn delete_through(conn: &Connection, chat: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.execute(
        "DELETE FROM held_entries WHERE conversation = ?1 AND seq <= ?2",
        params![chat, to_sql(seq)],
    )?;
    Ok(())
}
