//! What is to be sent, in order, with its ciphertext once there is one.

use rusqlite::{Connection, Row, params};
use subrosa_wire::SendId;

use super::{from_sql, id_bytes, to_sql};
use crate::{ChatId, LocalMessageId, database::DatabaseError, ids::OutboxId};

/// A row of the outbox.
pub(crate) struct OutboxRow {
    pub id: OutboxId,
    pub send_id: SendId,
    /// The message that it carries. `None` for names.
    pub message: Option<LocalMessageId>,
    /// The encoded MIMI content.
    pub content: Vec<u8>,
    /// The send number and the ciphertext, once it is encrypted for the current epoch.
    pub sealed: Option<Sealed>,
}

/// The encrypted form of a row.
pub(crate) struct Sealed {
    pub number: u64,
    pub ciphertext: Vec<u8>,
}

const COLUMNS: &str = "id, send_id, message, content, number, ciphertext FROM outbox";

fn outbox_row(row: &Row<'_>) -> Result<OutboxRow, DatabaseError> {
    let number: Option<i64> = row.get(4)?;
    let ciphertext: Option<Vec<u8>> = row.get(5)?;
    Ok(OutboxRow {
        id: row.get(0)?,
        send_id: SendId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?),
        message: row.get(2)?,
        content: row.get(3)?,
        sealed: match (number, ciphertext) {
            (Some(number), Some(ciphertext)) => Some(Sealed {
                number: from_sql(number)?,
                ciphertext,
            }),
            _ => None,
        },
    })
}

fn collect(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<OutboxRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(outbox_row(row)?);
    }
    Ok(found)
}

/// The first rows of a conversation that are not parked, in the order in which they are sent.
pub(crate) fn head(conn: &Connection, chat: ChatId, limit: usize) -> Result<Vec<OutboxRow>, DatabaseError> {
    collect(
        conn,
        &format!("SELECT {COLUMNS} WHERE conversation = ?1 AND parked = 0 ORDER BY id LIMIT ?2"),
        params![chat, i64::try_from(limit).unwrap_or(i64::MAX)],
    )
}

/// A row, if it is of this conversation: rows can move.
pub(crate) fn find(
    conn: &Connection,
    chat: ChatId,
    id: OutboxId,
) -> Result<Option<OutboxRow>, DatabaseError> {
    let rows = collect(
        conn,
        &format!("SELECT {COLUMNS} WHERE id = ?1 AND conversation = ?2"),
        params![id, chat],
    )?;
    Ok(rows.into_iter().next())
}

/// The highest number of what is encrypted in a conversation.
pub(crate) fn highest_number(conn: &Connection, chat: ChatId) -> Result<Option<u64>, DatabaseError> {
    let number: Option<i64> = conn
        .prepare_cached("SELECT MAX(number) FROM outbox WHERE conversation = ?1")?
        .query_row([chat], |row| row.get(0))?;
    number.map(from_sql).transpose()
}

/// Every row of a conversation, parked or not.
pub(crate) fn all(conn: &Connection, chat: ChatId) -> Result<Vec<OutboxRow>, DatabaseError> {
    collect(
        conn,
        &format!("SELECT {COLUMNS} WHERE conversation = ?1 ORDER BY id"),
        params![chat],
    )
}

pub(crate) fn find_by_send_id(
    conn: &Connection,
    chat: ChatId,
    send_id: SendId,
) -> Result<Option<OutboxRow>, DatabaseError> {
    let rows = collect(
        conn,
        &format!("SELECT {COLUMNS} WHERE conversation = ?1 AND send_id = ?2"),
        params![chat, send_id.as_bytes()],
    )?;
    Ok(rows.into_iter().next())
}

pub(crate) fn insert(
    conn: &Connection,
    chat: ChatId,
    send_id: SendId,
    message: Option<LocalMessageId>,
    content: &[u8],
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT INTO outbox (conversation, send_id, message, content, parked) VALUES (?1, ?2, ?3, ?4, 0)",
    )?
    .execute(params![chat, send_id.as_bytes(), message, content])?;
    Ok(())
}

/// Replaces the content of a row that was not sent yet, when its conversation moves.
pub(crate) fn set_content(conn: &Connection, id: OutboxId, content: &[u8]) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE outbox SET content = ?2 WHERE id = ?1",
        params![id, content],
    )?;
    Ok(())
}

/// Stores the ciphertext in the same transaction in which the ratchet moved.
pub(crate) fn set_sealed(conn: &Connection, id: OutboxId, sealed: &Sealed) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE outbox SET number = ?2, ciphertext = ?3 WHERE id = ?1")?
        .execute(params![id, to_sql(sealed.number), sealed.ciphertext])?;
    Ok(())
}

/// Throws away every ciphertext of a conversation: the epoch has ended, and none was accepted.
pub(crate) fn unseal(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE outbox SET number = NULL, ciphertext = NULL WHERE conversation = ?1 AND ciphertext IS NOT NULL",
    )?
    .execute([chat])?;
    Ok(())
}

/// Makes a row a new send, to be encrypted again.
pub(crate) fn renew(conn: &Connection, id: OutboxId, send_id: SendId) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE outbox SET send_id = ?2, number = NULL, ciphertext = NULL WHERE id = ?1",
        params![id, send_id.as_bytes()],
    )?;
    Ok(())
}

/// Parks a row, or puts it back at the end of the queue.
pub(crate) fn park(conn: &Connection, id: OutboxId) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE outbox SET parked = 1, number = NULL, ciphertext = NULL WHERE id = ?1",
        [id],
    )?;
    Ok(())
}

/// Puts the parked row of a message back into the queue, at its end.
pub(crate) fn unpark(conn: &Connection, message: LocalMessageId) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE outbox SET parked = 0, id = (SELECT MAX(id) + 1 FROM outbox) WHERE message = ?1",
        [message],
    )?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, id: OutboxId) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM outbox WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

pub(crate) fn delete_of_message(conn: &Connection, message: LocalMessageId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM outbox WHERE message = ?1", [message])?;
    Ok(())
}

/// Whether something waits that is no message: names, of people or of the group.
pub(crate) fn has_names(conn: &Connection, chat: ChatId) -> Result<bool, DatabaseError> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE conversation = ?1 AND message IS NULL AND parked = 0)",
        )?
        .query_row([chat], |row| row.get(0))?)
}

/// Whether anything of a conversation waits.
pub(crate) fn has_any(conn: &Connection, chat: ChatId) -> Result<bool, DatabaseError> {
    Ok(!head(conn, chat, 1)?.is_empty())
}

/// The number of rows, in all conversations, that the server has not accepted yet, and of receipts that are due, if it takes
/// any.
pub(crate) fn len(conn: &Connection, takes_receipts: bool) -> Result<u64, DatabaseError> {
    let count: i64 = conn.query_row(
        "SELECT (SELECT COUNT(*) FROM outbox WHERE parked = 0) + ?1 * (SELECT COUNT(*) FROM own_receipts r JOIN conversations c ON c.id = r.conversation
                           WHERE r.changes > r.reported AND c.state = 2 AND c.quarantined IS NULL)
              + (SELECT COUNT(*) FROM handshakes)",
        [takes_receipts],
        |row| row.get(0),
    )?;
    from_sql(count)
}
