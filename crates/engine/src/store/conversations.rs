//! Conversations and how far each is applied.

use rusqlite::{Connection, Row, params};
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::{corrupt, from_sql, id_bytes, to_sql};
use crate::{api::ConversationState, database::DatabaseError};

/// Names a conversation in this database. It stays when the conversation goes on under another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChatId(pub i64);

/// A row of the table.
#[derive(Debug, Clone)]
pub(crate) struct ConversationRow {
    pub chat: ChatId,
    pub id: ConversationId,
    pub peer: AccountId,
    pub state: ConversationState,
    pub cursor: u64,
    pub accepted_number: u64,
    pub updated_at: Timestamp,
    pub own_turn: bool,
    pub name_sent: bool,
    pub active_at: Timestamp,
}

const COLUMNS: &str =
    "id, conversation_id, peer, state, cursor, accepted_number, updated_at, own_turn, name_sent, active_at";

fn state_to_sql(state: ConversationState) -> i64 {
    match state {
        ConversationState::Starting => 0,
        ConversationState::Joining => 1,
        ConversationState::Joined => 2,
        ConversationState::Blocked => 3,
    }
}

fn state_from_sql(value: i64) -> Result<ConversationState, DatabaseError> {
    Ok(match value {
        0 => ConversationState::Starting,
        1 => ConversationState::Joining,
        2 => ConversationState::Joined,
        3 => ConversationState::Blocked,
        _ => return Err(corrupt("a conversation's state")),
    })
}

fn conversation(row: &Row<'_>) -> Result<ConversationRow, DatabaseError> {
    Ok(ConversationRow {
        chat: ChatId(row.get(0)?),
        id: ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?),
        peer: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(2)?)?),
        state: state_from_sql(row.get(3)?)?,
        cursor: from_sql(row.get(4)?)?,
        accepted_number: from_sql(row.get(5)?)?,
        updated_at: Timestamp::from_millis(from_sql(row.get(6)?)?),
        own_turn: row.get(7)?,
        name_sent: row.get(8)?,
        active_at: Timestamp::from_millis(from_sql(row.get(9)?)?),
    })
}

fn one(
    conn: &Connection,
    condition: &str,
    value: impl rusqlite::ToSql,
) -> Result<Option<ConversationRow>, DatabaseError> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM conversations WHERE {condition}"))?;
    let mut rows = statement.query([value])?;
    rows.next()?.map(conversation).transpose()
}

pub(crate) fn load(conn: &Connection, chat: ChatId) -> Result<Option<ConversationRow>, DatabaseError> {
    one(conn, "id = ?1", chat.0)
}

pub(crate) fn find(conn: &Connection, id: ConversationId) -> Result<Option<ConversationRow>, DatabaseError> {
    one(conn, "conversation_id = ?1", id.as_bytes())
}

pub(crate) fn find_by_peer(
    conn: &Connection,
    peer: AccountId,
) -> Result<Option<ConversationRow>, DatabaseError> {
    one(conn, "peer = ?1 ORDER BY state = 3, id LIMIT 1", peer.as_bytes())
}

/// Every conversation, the one that was active last first.
pub(crate) fn all(conn: &Connection) -> Result<Vec<ConversationRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM conversations ORDER BY active_at DESC, id"
    ))?;
    let mut rows = statement.query([])?;
    let mut conversations = Vec::new();
    while let Some(row) = rows.next()? {
        conversations.push(conversation(row)?);
    }
    Ok(conversations)
}

pub(crate) fn insert(
    conn: &Connection,
    id: ConversationId,
    peer: AccountId,
    state: ConversationState,
    now: Timestamp,
) -> Result<ChatId, DatabaseError> {
    conn.execute(
        "INSERT INTO conversations (conversation_id, peer, state, cursor, accepted_number, updated_at, own_turn,
                                    name_sent, active_at)
         VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, ?4)",
        params![id.as_bytes(), peer.as_bytes(), state_to_sql(state), to_sql(now.as_millis())],
    )?;
    Ok(ChatId(conn.last_insert_rowid()))
}

/// Writes the mutable columns back.
pub(crate) fn update(conn: &Connection, row: &ConversationRow) -> Result<(), DatabaseError> {
    let changed = conn
        .prepare_cached(
            "UPDATE conversations
             SET conversation_id = ?2, state = ?3, cursor = ?4, accepted_number = ?5, updated_at = ?6, own_turn = ?7,
                 name_sent = ?8, active_at = ?9
             WHERE id = ?1",
        )?
        .execute(params![
            row.chat.0,
            row.id.as_bytes(),
            state_to_sql(row.state),
            to_sql(row.cursor),
            to_sql(row.accepted_number),
            to_sql(row.updated_at.as_millis()),
            row.own_turn,
            row.name_sent,
            to_sql(row.active_at.as_millis()),
        ])?;
    if changed == 1 {
        Ok(())
    } else {
        Err(corrupt("a conversation that is gone"))
    }
}

/// Nobody knows our new display name yet.
pub(crate) fn forget_name_sent(conn: &Connection) -> Result<(), DatabaseError> {
    conn.execute("UPDATE conversations SET name_sent = 0", [])?;
    Ok(())
}

/// Moves what was written in a conversation that never came to be into the one that did.
pub(crate) fn absorb(conn: &Connection, from: ChatId, into: ChatId) -> Result<(), DatabaseError> {
    for sql in [
        "UPDATE messages SET conversation = ?2 WHERE conversation = ?1",
        "UPDATE outbox SET conversation = ?2 WHERE conversation = ?1",
        "DELETE FROM reports WHERE conversation = ?1 AND ?2 = ?2",
        "DELETE FROM held_entries WHERE conversation = ?1 AND ?2 = ?2",
        "DELETE FROM handshakes WHERE conversation = ?1 AND ?2 = ?2",
        "DELETE FROM conversations WHERE id = ?1 AND ?2 = ?2",
    ] {
        conn.execute(sql, params![from.0, into.0])?;
    }
    Ok(())
}
