//! Groups that this device is about to join by a link.

use rusqlite::{Connection, params};
use subrosa_mls::LinkSecret;

use super::links::secret;
use crate::{ChatId, database::DatabaseError};

/// A row of the table.
pub(crate) struct JoinRow {
    pub link: LinkSecret,
    /// The account is in the group by now: this device comes in as any other of the account does.
    pub is_member: bool,
}

pub(crate) fn find(conn: &Connection, chat: ChatId) -> Result<Option<JoinRow>, DatabaseError> {
    let mut statement = conn.prepare_cached("SELECT seed, is_member FROM joins WHERE conversation = ?1")?;
    let mut rows = statement.query([chat])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(JoinRow {
        link: secret(&row.get::<_, Vec<u8>>(0)?)?,
        is_member: row.get(1)?,
    }))
}

/// Notes that this device joins by a link, in place of another one.
pub(crate) fn set(conn: &Connection, chat: ChatId, link: &LinkSecret) -> Result<(), DatabaseError> {
    conn.execute(
        "INSERT INTO joins (conversation, seed, is_member) VALUES (?1, ?2, 0)
         ON CONFLICT (conversation) DO UPDATE SET seed = excluded.seed, is_member = 0",
        params![chat, link.seed()],
    )?;
    Ok(())
}

/// Notes whether the account is in the group.
pub(crate) fn set_member(conn: &Connection, chat: ChatId, is_member: bool) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE joins SET is_member = ?2 WHERE conversation = ?1",
        params![chat, is_member],
    )?;
    Ok(())
}

/// Forgets the link. Returns whether there was one.
pub(crate) fn delete(conn: &Connection, chat: ChatId) -> Result<bool, DatabaseError> {
    Ok(conn.execute("DELETE FROM joins WHERE conversation = ?1", [chat])? > 0)
}
