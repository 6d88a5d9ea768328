//! Entries of the log that wait for those before them.

use bytes::Bytes;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension, params};
use subrosa_wire::frames::LogEntry;

use super::{conversations::ChatId, corrupt, to_sql};
use crate::database::DatabaseError;

/// Holds an entry; one that is held already stays as it is.
pub(crate) fn insert(conn: &Connection, conversation: ChatId, entry: &LogEntry) -> Result<(), DatabaseError> {
    conn.prepare_cached("INSERT OR IGNORE INTO held_entries (conversation, seq, entry) VALUES (?1, ?2, ?3)")?
        .execute(params![conversation.0, to_sql(entry.seq), entry.encode_to_vec()])?;
    Ok(())
}

/// Takes the entry with this seq, if it is held.
pub(crate) fn take(
    conn: &Connection,
    conversation: ChatId,
    seq: u64,
) -> Result<Option<LogEntry>, DatabaseError> {
    let bytes: Option<Vec<u8>> = conn
        .prepare_cached("DELETE FROM held_entries WHERE conversation = ?1 AND seq = ?2 RETURNING entry")?
        .query_row(params![conversation.0, to_sql(seq)], |row| row.get(0))
        .optional()?;
    bytes
        .map(|bytes| LogEntry::decode(Bytes::from(bytes)).map_err(|_| corrupt("a held entry")))
        .transpose()
}

pub(crate) fn count(conn: &Connection, conversation: ChatId) -> Result<usize, DatabaseError> {
    let count: i64 = conn
        .prepare_cached("SELECT COUNT(*) FROM held_entries WHERE conversation = ?1")?
        .query_row([conversation.0], |row| row.get(0))?;
    usize::try_from(count).map_err(|_| corrupt("a count"))
}

/// Drops what is held beyond this seq: the log does not go so far.
pub(crate) fn delete_beyond(conn: &Connection, conversation: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.execute(
        "DELETE FROM held_entries WHERE conversation = ?1 AND seq > ?2",
        params![conversation.0, to_sql(seq)],
    )?;
    Ok(())
}

/// Drops what is held up to this seq: a join made it meaningless.
pub(crate) fn delete_through(conn: &Connection, conversation: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.execute(
        "DELETE FROM held_entries WHERE conversation = ?1 AND seq <= ?2",
        params![conversation.0, to_sql(seq)],
    )?;
    Ok(())
}
