//! The ids of messages that are deleted here, for as long as they may be sent again.

use rusqlite::{Connection, params};
use subrosa_wire::Timestamp;

use super::to_sql;
use crate::{ChatId, content::MessageId, database::DatabaseError};

/// Notes that a message is deleted.
pub(crate) fn insert(
    conn: &Connection,
    chat: ChatId,
    id: &MessageId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO gone_messages (conversation, message_id, gone_at) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![chat, id.as_bytes(), to_sql(now.as_millis())])?;
    Ok(())
}

/// Notes of all messages of a conversation from after an instant that they are deleted.
pub(crate) fn insert_all(
    conn: &Connection,
    chat: ChatId,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    conn.execute(
        "INSERT OR REPLACE INTO gone_messages (conversation, message_id, gone_at)
         SELECT conversation, message_id, ?3 FROM messages WHERE conversation = ?1 AND sent_at >= ?2",
        params![chat, to_sql(since.as_millis()), to_sql(now.as_millis())],
    )?;
    Ok(())
}

/// Whether a message was here and is deleted.
pub(crate) fn contains(conn: &Connection, chat: ChatId, id: &MessageId) -> Result<bool, DatabaseError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM gone_messages WHERE conversation = ?1 AND message_id = ?2)",
        )?
        .query_row(params![chat, id.as_bytes()], |row| row.get(0))?)
}

/// Forgets those that were deleted before an instant.
pub(crate) fn forget(conn: &Connection, before: Timestamp) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM gone_messages WHERE gone_at < ?1")?
        .execute([to_sql(before.as_millis())])?;
    Ok(())
}
