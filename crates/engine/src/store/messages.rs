//! Messages and the reports that are due for them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::{conversations::ChatId, corrupt, from_sql, id_bytes, to_sql};
use crate::{
    api::{Message, MessageStatus},
    content::{MessageId, ReportedStatus},
    database::DatabaseError,
};

/// Pending messages stand behind every accepted one, in the order in which they were written.
const PENDING_POSITION: i64 = 1 << 62;

/// A report in the table: only these two are ever due.
const DELIVERED: i64 = 1;
const READ: i64 = 2;

/// Names a message in this database. It stays when the message gets another MIMI id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalMessageId(pub i64);

fn status_to_sql(status: MessageStatus) -> i64 {
    match status {
        MessageStatus::Pending => 0,
        MessageStatus::Failed => 1,
        MessageStatus::Sent => 2,
        MessageStatus::Delivered => 3,
        MessageStatus::Read => 4,
        MessageStatus::Unread => 5,
    }
}

fn status_from_sql(value: i64) -> Result<MessageStatus, DatabaseError> {
    Ok(match value {
        0 => MessageStatus::Pending,
        1 => MessageStatus::Failed,
        2 => MessageStatus::Sent,
        3 => MessageStatus::Delivered,
        4 => MessageStatus::Read,
        5 => MessageStatus::Unread,
        _ => return Err(corrupt("a message's status")),
    })
}

fn message_id(bytes: &[u8]) -> Result<MessageId, DatabaseError> {
    MessageId::try_from(bytes).map_err(|_| corrupt("a message id"))
}

const COLUMNS: &str =
    "m.id, m.message_id, m.position, m.seq, m.sender, m.outgoing, m.text, m.sent_at, m.status,
                       c.conversation_id FROM messages m JOIN conversations c ON c.id = m.conversation";

fn message(row: &Row<'_>) -> Result<(LocalMessageId, Message), DatabaseError> {
    let seq: Option<i64> = row.get(3)?;
    let message = Message {
        id: message_id(&row.get::<_, Vec<u8>>(1)?)?,
        position: row.get(2)?,
        seq: seq.map(from_sql).transpose()?,
        sender: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(4)?)?),
        outgoing: row.get(5)?,
        text: row.get(6)?,
        sent_at: Timestamp::from_millis(from_sql(row.get(7)?)?),
        status: status_from_sql(row.get(8)?)?,
        conversation: ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(9)?)?),
    };
    Ok((LocalMessageId(row.get(0)?), message))
}

fn collect(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Message>, DatabaseError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        messages.push(message(row)?.1);
    }
    Ok(messages)
}

pub(crate) fn find(
    conn: &Connection,
    conversation: ChatId,
    id: &MessageId,
) -> Result<Option<(LocalMessageId, Message)>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE m.conversation = ?1 AND m.message_id = ?2"
    ))?;
    let mut rows = statement.query(params![conversation.0, id.as_bytes()])?;
    rows.next()?.map(message).transpose()
}

pub(crate) fn load(conn: &Connection, id: LocalMessageId) -> Result<Message, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} WHERE m.id = ?1"))?;
    let mut rows = statement.query([id.0])?;
    let row = rows.next()?.ok_or_else(|| corrupt("a message that is gone"))?;
    Ok(message(row)?.1)
}

/// The last `limit` messages before a position, in the order of display.
pub(crate) fn page(
    conn: &Connection,
    conversation: ChatId,
    before_position: Option<i64>,
    limit: u32,
) -> Result<Vec<Message>, DatabaseError> {
    let mut messages = collect(
        conn,
        &format!(
            "SELECT {COLUMNS} WHERE m.conversation = ?1 AND m.position < ?2 ORDER BY m.position DESC LIMIT ?3"
        ),
        params![conversation.0, before_position.unwrap_or(i64::MAX), limit],
    )?;
    messages.reverse();
    Ok(messages)
}

/// The first `limit` messages at or after a position, in the order of display.
pub(crate) fn page_from(
    conn: &Connection,
    conversation: ChatId,
    from_position: i64,
    limit: u32,
) -> Result<Vec<Message>, DatabaseError> {
    collect(
        conn,
        &format!(
            "SELECT {COLUMNS} WHERE m.conversation = ?1 AND m.position >= ?2 ORDER BY m.position LIMIT ?3"
        ),
        params![conversation.0, from_position, limit],
    )
}

/// The position of the first message that the user has not seen.
pub(crate) fn first_unread(conn: &Connection, conversation: ChatId) -> Result<Option<i64>, DatabaseError> {
    Ok(conn
        .prepare_cached("SELECT MIN(position) FROM messages WHERE conversation = ?1 AND status = 5")?
        .query_row([conversation.0], |row| row.get(0))?)
}

pub(crate) fn unread_count(conn: &Connection, conversation: ChatId) -> Result<u64, DatabaseError> {
    let count: i64 = conn
        .prepare_cached("SELECT COUNT(*) FROM messages WHERE conversation = ?1 AND status = 5")?
        .query_row([conversation.0], |row| row.get(0))?;
    from_sql(count)
}

pub(crate) fn unread(conn: &Connection, conversation: ChatId) -> Result<Vec<MessageId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT message_id FROM messages WHERE conversation = ?1 AND status = 5 ORDER BY position",
    )?;
    let mut rows = statement.query([conversation.0])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(message_id(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(ids)
}

/// Where an accepted message is shown: at its seq. Only a server that has given two the same seq makes this
/// another place, behind all that are accepted.
fn free_position(conn: &Connection, conversation: ChatId, seq: i64) -> Result<i64, DatabaseError> {
    let is_taken = conn
        .prepare_cached("SELECT 1 FROM messages WHERE conversation = ?1 AND position = ?2")?
        .exists(params![conversation.0, seq])?;
    if !is_taken {
        return Ok(seq);
    }
    Ok(conn
        .prepare_cached("SELECT MAX(position) + 1 FROM messages WHERE conversation = ?1 AND position < ?2")?
        .query_row(params![conversation.0, PENDING_POSITION], |row| row.get(0))?)
}

/// A new message.
pub(crate) struct NewMessage<'a> {
    pub id: MessageId,
    pub sender: AccountId,
    pub outgoing: bool,
    pub text: &'a str,
    pub sent_at: Timestamp,
    pub status: MessageStatus,
    /// `None` for a pending one.
    pub seq: Option<u64>,
}

pub(crate) fn insert(
    conn: &Connection,
    conversation: ChatId,
    new: &NewMessage<'_>,
) -> Result<LocalMessageId, DatabaseError> {
    let seq = new.seq.map(to_sql);
    let place = seq
        .map(|seq| free_position(conn, conversation, seq))
        .transpose()?;
    let next: i64 = conn
        .prepare_cached("SELECT COALESCE(MAX(id), 0) + 1 FROM messages")?
        .query_row([], |row| row.get(0))?;
    conn.prepare_cached(
        "INSERT INTO messages (id, conversation, message_id, position, seq, sender, outgoing, text, sent_at, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        next,
        conversation.0,
        new.id.as_bytes(),
        place.unwrap_or(PENDING_POSITION + next),
        seq,
        new.sender.as_bytes(),
        new.outgoing,
        new.text,
        to_sql(new.sent_at.as_millis()),
        status_to_sql(new.status),
    ])?;
    Ok(LocalMessageId(next))
}

/// The server has accepted an own message: it takes its place in the log.
pub(crate) fn set_accepted(
    conn: &Connection,
    id: LocalMessageId,
    seq: u64,
    accepted_at: Timestamp,
) -> Result<(), DatabaseError> {
    let conversation = conn
        .prepare_cached("SELECT conversation FROM messages WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))?;
    let place = free_position(conn, ChatId(conversation), to_sql(seq))?;
    conn.prepare_cached(
        "UPDATE messages SET position = ?5, seq = ?2, sent_at = ?3, status = ?4 WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        to_sql(seq),
        to_sql(accepted_at.as_millis()),
        status_to_sql(MessageStatus::Sent),
        place,
    ])?;
    Ok(())
}

pub(crate) fn set_status(
    conn: &Connection,
    id: LocalMessageId,
    status: MessageStatus,
) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE messages SET status = ?2 WHERE id = ?1")?
        .execute(params![id.0, status_to_sql(status)])?;
    Ok(())
}

/// Gives a pending message the id that it has in the conversation it moved to.
pub(crate) fn set_message_id(
    conn: &Connection,
    id: LocalMessageId,
    message_id: &MessageId,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE messages SET message_id = ?2 WHERE id = ?1",
        params![id.0, message_id.as_bytes()],
    )?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, id: LocalMessageId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM messages WHERE id = ?1", [id.0])?;
    Ok(())
}

/// A report is due; a read report replaces a delivered one.
pub(crate) fn add_report(
    conn: &Connection,
    conversation: ChatId,
    id: &MessageId,
    status: ReportedStatus,
) -> Result<(), DatabaseError> {
    let status = match status {
        ReportedStatus::Read => READ,
        _ => DELIVERED,
    };
    conn.prepare_cached(
        "INSERT INTO reports (conversation, message_id, status) VALUES (?1, ?2, ?3)
         ON CONFLICT (conversation, message_id) DO UPDATE SET status = MAX(status, excluded.status)",
    )?
    .execute(params![conversation.0, id.as_bytes(), status])?;
    Ok(())
}

/// Takes reports that are due, at most `limit`.
pub(crate) fn take_reports(
    conn: &Connection,
    conversation: ChatId,
    limit: usize,
) -> Result<Vec<(MessageId, ReportedStatus)>, DatabaseError> {
    let mut statement =
        conn.prepare_cached("SELECT message_id, status FROM reports WHERE conversation = ?1 LIMIT ?2")?;
    let mut rows = statement.query(params![conversation.0, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut reports = Vec::new();
    while let Some(row) = rows.next()? {
        let status = if row.get::<_, i64>(1)? == READ {
            ReportedStatus::Read
        } else {
            ReportedStatus::Delivered
        };
        reports.push((message_id(&row.get::<_, Vec<u8>>(0)?)?, status));
    }
    for (id, _) in &reports {
        conn.prepare_cached("DELETE FROM reports WHERE conversation = ?1 AND message_id = ?2")?
            .execute(params![conversation.0, id.as_bytes()])?;
    }
    Ok(reports)
}

pub(crate) fn has_reports(conn: &Connection, conversation: ChatId) -> Result<bool, DatabaseError> {
    let found: Option<i64> = conn
        .prepare_cached("SELECT 1 FROM reports WHERE conversation = ?1 LIMIT 1")?
        .query_row([conversation.0], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}
