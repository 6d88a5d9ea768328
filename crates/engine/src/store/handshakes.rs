//! The handshake of a conversation: at most one is pending.

use rusqlite::{Connection, params};
use subrosa_wire::SendId;

use super::{corrupt, from_sql, id_bytes, to_sql};
use crate::{ChatId, database::DatabaseError};

/// What a handshake is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeKind {
    /// Creates the conversation.
    Create,
    /// Renews our leaf key, or removes signed-out devices of this account.
    Update,
    /// Joins by an external commit.
    ExternalJoin,
    /// Leaves the group.
    Leave,
}

/// A pending handshake.
pub(crate) struct HandshakeRow {
    pub kind: HandshakeKind,
    pub send_id: SendId,
    pub number: u64,
    /// The protobuf message `CreateConversation` for [`HandshakeKind::Create`], the proposal for [`HandshakeKind::Leave`],
    /// otherwise the protobuf message `Commit`.
    pub request: Vec<u8>,
}

pub(crate) fn find(conn: &Connection, chat: ChatId) -> Result<Option<HandshakeRow>, DatabaseError> {
    let mut statement =
        conn.prepare_cached("SELECT kind, send_id, number, request FROM handshakes WHERE conversation = ?1")?;
    let mut rows = statement.query([chat])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(HandshakeRow {
        kind: match row.get::<_, i64>(0)? {
            0 => HandshakeKind::Create,
            1 => HandshakeKind::Update,
            2 => HandshakeKind::ExternalJoin,
            3 => HandshakeKind::Leave,
            _ => return Err(corrupt("a handshake's kind")),
        },
        send_id: SendId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?),
        number: from_sql(row.get(2)?)?,
        request: row.get(3)?,
    }))
}

pub(crate) fn insert(conn: &Connection, chat: ChatId, row: &HandshakeRow) -> Result<(), DatabaseError> {
    let kind = match row.kind {
        HandshakeKind::Create => 0,
        HandshakeKind::Update => 1,
        HandshakeKind::ExternalJoin => 2,
        HandshakeKind::Leave => 3,
    };
    conn.execute(
        "INSERT INTO handshakes (conversation, kind, send_id, number, request) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            chat,
            kind,
            row.send_id.as_bytes(),
            to_sql(row.number),
            row.request
        ],
    )?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM handshakes WHERE conversation = ?1", [chat])?;
    Ok(())
}
