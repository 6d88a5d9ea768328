//! Messages.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::{corrupt, from_sql, id_bytes, lifetime, readable, to_sql};
use crate::{
    ChatId, LocalMessageId,
    api::{Message, MessageStatus},
    content::{Lifetime, MessageId, SALT_LEN},
    database::DatabaseError,
    limits::EXPIRING_SHOWN_MIN,
};

/// Pending messages come after every accepted one, in the order in which they were written.
const PENDING_POSITION: i64 = 1 << 62;

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
    "m.id, m.conversation, m.message_id, c.conversation_id, m.position, m.seq, m.sender, m.outgoing,
                       m.text, m.sent_at, m.status, m.lifetime, m.expires_at
                       FROM messages m JOIN conversations c ON c.id = m.conversation";

fn message(row: &Row<'_>) -> Result<Message, DatabaseError> {
    let seq = row.get::<_, Option<i64>>(5)?.map(from_sql).transpose()?;
    Ok(Message {
        id: row.get(0)?,
        chat: row.get(1)?,
        message_id: message_id(&row.get::<_, Vec<u8>>(2)?)?,
        conversation_id: ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(3)?)?),
        position: row.get(4)?,
        seq,
        sender: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(6)?)?),
        outgoing: row.get(7)?,
        text: row.get(8)?,
        sent_at: Timestamp::from_millis(from_sql(row.get(9)?)?),
        status: status_from_sql(row.get(10)?)?,
        lifetime: lifetime(row.get(11)?)?,
        expires_at: row
            .get::<_, Option<i64>>(12)?
            .map(from_sql)
            .transpose()?
            .map(Timestamp::from_millis),
    })
}

fn collect(
    conn: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Message>, DatabaseError> {
    let mut statement = conn.prepare_cached(sql)?;
    readable(statement.query(params)?, message)
}

/// The message with a MIMI id.
pub(crate) fn find(
    conn: &Connection,
    chat: ChatId,
    message_id: &MessageId,
) -> Result<Option<Message>, DatabaseError> {
    let sql = format!("SELECT {COLUMNS} WHERE m.conversation = ?1 AND m.message_id = ?2");
    Ok(collect(conn, &sql, params![chat, message_id.as_bytes()])?.pop())
}

/// The message with an id of this device.
pub(crate) fn find_local(conn: &Connection, id: LocalMessageId) -> Result<Option<Message>, DatabaseError> {
    Ok(collect(conn, &format!("SELECT {COLUMNS} WHERE m.id = ?1"), [id])?.pop())
}

/// A message that must exist.
pub(crate) fn load(conn: &Connection, id: LocalMessageId) -> Result<Message, DatabaseError> {
    find_local(conn, id)?.ok_or_else(|| corrupt("a message that is gone"))
}

/// The last `limit` messages before a position, in the order of display.
pub(crate) fn page(
    conn: &Connection,
    chat: ChatId,
    before_position: Option<i64>,
    limit: u32,
) -> Result<Vec<Message>, DatabaseError> {
    let mut messages = collect(
        conn,
        &format!(
            "SELECT {COLUMNS} WHERE m.conversation = ?1 AND m.position < ?2 ORDER BY m.position DESC LIMIT ?3"
        ),
        params![chat, before_position.unwrap_or(i64::MAX), limit],
    )?;
    messages.reverse();
    Ok(messages)
}

/// The first `limit` messages at or after a position, in the order of display.
pub(crate) fn page_from(
    conn: &Connection,
    chat: ChatId,
    from_position: i64,
    limit: u32,
) -> Result<Vec<Message>, DatabaseError> {
    collect(
        conn,
        &format!(
            "SELECT {COLUMNS} WHERE m.conversation = ?1 AND m.position >= ?2 ORDER BY m.position LIMIT ?3"
        ),
        params![chat, from_position, limit],
    )
}

/// The first `limit` messages of others that came in after one and are not processed, in the order of arrival.
pub(crate) fn unprocessed(
    conn: &Connection,
    chat: Option<ChatId>,
    after: LocalMessageId,
    limit: u32,
) -> Result<Vec<Message>, DatabaseError> {
    collect(
        conn,
        &format!(
            "SELECT {COLUMNS} WHERE m.id > ?1 AND m.id > c.processed AND m.outgoing = 0
             AND m.conversation = COALESCE(?2, m.conversation) ORDER BY m.id LIMIT ?3"
        ),
        params![after, chat, limit],
    )
}

/// Marks a message as processed, and all that came in before it in its conversation.
pub(crate) fn set_processed(conn: &Connection, id: LocalMessageId) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE conversations SET processed = MAX(processed, ?1)
         WHERE id = (SELECT conversation FROM messages WHERE id = ?1)",
    )?
    .execute([id])?;
    Ok(())
}

/// Marks every message of a conversation, or of all, as processed.
pub(crate) fn set_all_processed(conn: &Connection, chat: Option<ChatId>) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE conversations
         SET processed = (SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'messages')
         WHERE id = COALESCE(?1, id)",
        [chat],
    )?;
    Ok(())
}

/// The position of the first message that the user has not seen.
pub(crate) fn first_unread(conn: &Connection, chat: ChatId) -> Result<Option<i64>, DatabaseError> {
    Ok(conn
        .prepare_cached("SELECT MIN(position) FROM messages WHERE conversation = ?1 AND status = 5")?
        .query_row([chat], |row| row.get(0))?)
}

/// The lowest place in the log of a message that the user has not seen.
pub(crate) fn first_unread_seq(conn: &Connection, chat: ChatId) -> Result<Option<u64>, DatabaseError> {
    conn.prepare_cached("SELECT MIN(seq) FROM messages WHERE conversation = ?1 AND status = 5")?
        .query_row([chat], |row| row.get::<_, Option<i64>>(0))?
        .map(from_sql)
        .transpose()
}

/// Whether a message of this account is at the server, and not everybody is known to have it.
pub(crate) fn has_undelivered(conn: &Connection, chat: ChatId) -> Result<bool, DatabaseError> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE conversation = ?1 AND status = 2)")?
        .query_row([chat], |row| row.get(0))?)
}

/// The messages of this account with seqs after one and up to another that not everybody is known to have read.
pub(crate) fn own_unread_between(
    conn: &Connection,
    chat: ChatId,
    (after, through): (u64, u64),
) -> Result<Vec<(LocalMessageId, u64, MessageStatus)>, DatabaseError> {
    let of_range = [
        "SELECT id, seq, status FROM messages
         WHERE conversation = ?1 AND outgoing = 1 AND seq > ?2 AND seq <= ?3 AND status BETWEEN ?4 AND ?5",
        // And those that were sent again there.
        "SELECT m.id, r.seq, m.status FROM resent_messages r JOIN messages m ON m.id = r.message
         WHERE r.conversation = ?1 AND r.seq > ?2 AND r.seq <= ?3 AND m.status BETWEEN ?4 AND ?5",
    ];
    let mut messages = Vec::new();
    for sql in of_range {
        let mut statement = conn.prepare_cached(sql)?;
        let rows = statement.query(params![
            chat,
            to_sql(after),
            to_sql(through),
            status_to_sql(MessageStatus::Sent),
            status_to_sql(MessageStatus::Delivered),
        ])?;
        messages.append(&mut readable(rows, |row| {
            Ok((row.get(0)?, from_sql(row.get(1)?)?, status_from_sql(row.get(2)?)?))
        })?);
    }
    Ok(messages)
}

/// When the server accepted the newest message of others; `None` if there is none.
pub(crate) fn newest_received_at(
    conn: &Connection,
    chat: ChatId,
) -> Result<Option<Timestamp>, DatabaseError> {
    let newest: Option<i64> = conn
        .prepare_cached("SELECT max(sent_at) FROM messages WHERE conversation = ?1 AND outgoing = 0")?
        .query_row([chat], |row| row.get(0))?;
    Ok(newest.map(from_sql).transpose()?.map(Timestamp::from_millis))
}

pub(crate) fn unread_count(conn: &Connection, chat: ChatId) -> Result<u64, DatabaseError> {
    let count: i64 = conn
        .prepare_cached("SELECT COUNT(*) FROM messages WHERE conversation = ?1 AND status = 5")?
        .query_row([chat], |row| row.get(0))?;
    from_sql(count)
}

/// The messages that the user has not seen.
pub(crate) fn unread(conn: &Connection, chat: ChatId) -> Result<Vec<Message>, DatabaseError> {
    collect(
        conn,
        &format!("SELECT {COLUMNS} WHERE m.conversation = ?1 AND m.status = 5 ORDER BY m.position"),
        [chat],
    )
}

/// Where what is at this place of the log is shown: at its seq, but always after all that is accepted already. A log
/// can begin again at an earlier place, and a lying server can name one place for two messages.
pub(crate) fn next_position(conn: &Connection, chat: ChatId, seq: u64) -> Result<i64, DatabaseError> {
    let newest: Option<i64> = conn
        .prepare_cached("SELECT MAX(position) FROM messages WHERE conversation = ?1 AND position < ?2")?
        .query_row(params![chat, PENDING_POSITION], |row| row.get(0))?;
    Ok(newest.map_or(0, |newest| newest + 1).max(to_sql(seq)))
}

/// A message to insert.
pub(crate) struct NewMessage<'a> {
    pub id: MessageId,
    pub sender: AccountId,
    pub outgoing: bool,
    pub text: &'a str,
    pub sent_at: Timestamp,
    pub status: MessageStatus,
    /// `None` for a pending one.
    pub seq: Option<u64>,
    /// The salt of its content, if it is this account's.
    pub salt: Option<[u8; SALT_LEN]>,
    /// For how long it is kept; `None` for good.
    pub lifetime: Option<Lifetime>,
}

pub(crate) fn insert(
    conn: &Connection,
    chat: ChatId,
    new: &NewMessage<'_>,
) -> Result<LocalMessageId, DatabaseError> {
    let seq = new.seq.map(to_sql);
    let place = new.seq.map(|seq| next_position(conn, chat, seq)).transpose()?;
    // Higher than every id that was ever given, whatever was deleted since.
    let next: i64 = conn
        .prepare_cached("SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'messages'")?
        .query_row([], |row| row.get(0))?;
    conn.prepare_cached(
        "INSERT INTO messages (id, conversation, message_id, position, seq, sender, outgoing, text, sent_at, status, salt,
                               lifetime)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        next,
        chat,
        new.id.as_bytes(),
        place.unwrap_or(PENDING_POSITION + next),
        seq,
        new.sender.as_bytes(),
        new.outgoing,
        new.text,
        to_sql(new.sent_at.as_millis()),
        status_to_sql(new.status),
        new.salt,
        new.lifetime.map(Lifetime::as_secs),
    ])?;
    Ok(LocalMessageId::new(next))
}

/// A message of this account that can be sent again.
pub(crate) struct Resendable {
    pub id: LocalMessageId,
    pub message_id: MessageId,
    pub text: String,
    pub salt: [u8; SALT_LEN],
    pub lifetime: Option<Lifetime>,
}

/// The newest messages of this account after a place that are not queued, in their order. If the place is 0, which says
/// nothing, those from before an instant are left out that others are known to have. None is from before `floor`.
pub(crate) fn own_after(
    conn: &Connection,
    chat: ChatId,
    (after, since): (u64, Timestamp),
    floor: u64,
    limit: u32,
) -> Result<Vec<Resendable>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, message_id, text, salt, lifetime FROM (
             SELECT id, message_id, text, salt, lifetime, position FROM messages
             WHERE conversation = ?1 AND outgoing = 1 AND seq > MAX(?2, ?6) AND salt IS NOT NULL
               AND MAX(?2 > 0, sent_at >= ?4, status = ?5)
             ORDER BY position DESC LIMIT ?3
         ) AS newest
         WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message = newest.id)
         ORDER BY position DESC",
    )?;
    let rows = statement.query(params![
        chat,
        to_sql(after),
        limit,
        to_sql(since.as_millis()),
        status_to_sql(MessageStatus::Sent),
        to_sql(floor),
    ])?;
    let mut messages = readable(rows, |row| {
        let salt: Vec<u8> = row.get(3)?;
        Ok(Resendable {
            id: row.get(0)?,
            message_id: message_id(&row.get::<_, Vec<u8>>(1)?)?,
            text: row.get(2)?,
            salt: salt.try_into().map_err(|_| corrupt("a salt"))?,
            lifetime: lifetime(row.get(4)?)?,
        })
    })?;
    messages.reverse();
    Ok(messages)
}

/// Notes that the server has lost a message, which is sent again. It stays where it is shown, and what is known of those
/// who have it stays true.
pub(crate) fn set_lost(conn: &Connection, id: LocalMessageId) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE messages SET seq = NULL, status = CASE status WHEN ?2 THEN ?3 ELSE status END WHERE id = ?1",
    )?
    .execute(params![
        id,
        status_to_sql(MessageStatus::Sent),
        status_to_sql(MessageStatus::Pending)
    ])?;
    Ok(())
}

/// Moves a message of ours, which the server has accepted, to its place in the log. It keeps the time at which it was
/// written, unless that lies after the server's: then this device's clock is fast. One that was sent again stays where it
/// is, and one that was sent again for somebody else keeps its seq, too. If it disappears, its time begins.
pub(crate) fn set_accepted(
    conn: &Connection,
    id: LocalMessageId,
    seq: u64,
    accepted_at: Timestamp,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (chat, is_placed, position) = conn
        .prepare_cached("SELECT conversation, seq IS NOT NULL, position FROM messages WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?)))?;
    if is_placed {
        // Whoever receives it there has it.
        conn.prepare_cached(
            "INSERT OR REPLACE INTO resent_messages (conversation, seq, message) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![chat, to_sql(seq), id])?;
        return Ok(());
    }
    let place = if position < PENDING_POSITION {
        position
    } else {
        next_position(conn, chat, seq)?
    };
    // Its time begins when the server has accepted it, as far as this device's clock can agree: not before it was written.
    conn.prepare_cached(
        "UPDATE messages SET position = ?5, seq = ?2, sent_at = MIN(sent_at, ?3), status = MAX(status, ?4),
                             expires_at = COALESCE(expires_at, MIN(MAX(?3, sent_at), ?6) + lifetime * 1000)
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        to_sql(seq),
        to_sql(accepted_at.as_millis()),
        status_to_sql(MessageStatus::Sent),
        place,
        to_sql(now.as_millis()),
    ])?;
    Ok(())
}

pub(crate) fn set_status(
    conn: &Connection,
    id: LocalMessageId,
    status: MessageStatus,
) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE messages SET status = ?2 WHERE id = ?1")?
        .execute(params![id, status_to_sql(status)])?;
    Ok(())
}

/// Gives a pending message its id in the conversation that it moved to.
pub(crate) fn set_message_id(
    conn: &Connection,
    id: LocalMessageId,
    message_id: &MessageId,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE messages SET message_id = ?2 WHERE id = ?1",
        params![id, message_id.as_bytes()],
    )?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, id: LocalMessageId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM resent_messages WHERE message = ?1", [id])?;
    conn.execute("DELETE FROM messages WHERE id = ?1", [id])?;
    Ok(())
}

// ---- messages that disappear ----

/// Notes that the time of a message begins now, if it disappears and its time has not begun.
pub(crate) fn begin_expiry(
    conn: &Connection,
    id: LocalMessageId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE messages SET expires_at = ?2 + lifetime * 1000
         WHERE id = ?1 AND lifetime IS NOT NULL AND expires_at IS NULL",
    )?
    .execute(params![id, to_sql(now.as_millis())])?;
    Ok(())
}

/// The same for what another device of this account has sent: its time began when the server accepted it. Of that instant
/// there is the server's word alone, and clocks differ, so it is shown for a while in any case.
pub(crate) fn begin_expiry_elsewhere(
    conn: &Connection,
    id: LocalMessageId,
    accepted_at: Timestamp,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let shown_min = i64::try_from(EXPIRING_SHOWN_MIN.as_millis()).unwrap_or(i64::MAX);
    conn.prepare_cached(
        "UPDATE messages SET expires_at = MAX(MIN(?2, ?3) + lifetime * 1000, ?3 + MIN(lifetime * 1000, ?4))
         WHERE id = ?1 AND lifetime IS NOT NULL AND expires_at IS NULL",
    )?
    .execute(params![
        id,
        to_sql(accepted_at.as_millis()),
        to_sql(now.as_millis()),
        shown_min
    ])?;
    Ok(())
}

/// Takes back that the time of a message has begun: it waits to be sent again.
pub(crate) fn stop_expiry(conn: &Connection, id: LocalMessageId) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE messages SET expires_at = NULL WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Those whose time is over, at most this many. What is on its way to the server is left until the answer has come: its
/// send number is used.
pub(crate) fn expired(
    conn: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(LocalMessageId, ChatId, MessageId)>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, conversation, message_id FROM messages
         WHERE expires_at <= ?1
           AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message = messages.id AND ciphertext IS NOT NULL)
         ORDER BY expires_at LIMIT ?2",
    )?;
    let rows = statement.query(params![to_sql(now.as_millis()), limit])?;
    readable(rows, |row| {
        Ok((row.get(0)?, row.get(1)?, message_id(&row.get::<_, Vec<u8>>(2)?)?))
    })
}

/// When the next one is to be deleted.
pub(crate) fn next_expiry(conn: &Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let next: Option<i64> = conn
        .prepare_cached(
            "SELECT expires_at FROM messages
             WHERE expires_at IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.message = messages.id AND ciphertext IS NOT NULL)
             ORDER BY expires_at LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(next.map(from_sql).transpose()?.map(Timestamp::from_millis))
}

/// Has nothing be kept for longer from now on than its lifetime: the clock was ahead when its time began.
pub(crate) fn bound_expiry(conn: &Connection, now: Timestamp) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE messages SET expires_at = ?1 + lifetime * 1000
         WHERE expires_at IS NOT NULL AND expires_at > ?1 + lifetime * 1000",
    )?
    .execute([to_sql(now.as_millis())])?;
    Ok(())
}

/// Deletes every message of a conversation, and what is not sent yet. What is on its way is deleted when the answer has come.
pub(crate) fn delete_all(conn: &Connection, chat: ChatId, now: Timestamp) -> Result<(), DatabaseError> {
    for sql in [
        "DELETE FROM resent_messages WHERE conversation = ?1",
        "DELETE FROM outbox WHERE conversation = ?1 AND message IS NOT NULL AND ciphertext IS NULL",
        "DELETE FROM messages WHERE conversation = ?1 AND id NOT IN (SELECT message FROM outbox WHERE message IS NOT NULL)",
    ] {
        conn.execute(sql, [chat])?;
    }
    conn.execute(
        "UPDATE messages SET expires_at = ?2 WHERE conversation = ?1",
        params![chat, to_sql(now.as_millis())],
    )?;
    Ok(())
}
