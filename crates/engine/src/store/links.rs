//! Invite links that this account has made, or wants to revoke.

use rusqlite::{Connection, Row, params};
use subrosa_mls::{LINK_SEED_LEN, LinkSecret};
use subrosa_wire::{LinkId, Timestamp};

use super::{corrupt, from_sql, id_bytes, readable, to_sql};
use crate::{ChatId, account::record::KeptLink, database::DatabaseError};

/// How far a link has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkStep {
    /// The policy is to name it.
    Wanted,
    /// The policy names it.
    Made,
    /// The policy is no longer to name it.
    Unwanted,
}

/// A row of the table.
pub(crate) struct LinkRow {
    pub id: LinkId,
    /// `None` if somebody else has made it.
    pub secret: Option<LinkSecret>,
    pub name: Option<String>,
    pub needs_approval: bool,
    pub uses_max: u32,
    pub expires_at: Option<Timestamp>,
    pub step: LinkStep,
    pub wanted_at: Timestamp,
    /// The hash of the preview that the server has.
    pub put: Option<[u8; 32]>,
}

impl LinkRow {
    /// What other devices of the account keep of it; `None` if it was made elsewhere.
    pub(crate) fn kept(&self) -> Option<KeptLink> {
        Some(KeptLink {
            secret: self.secret.clone()?,
            name: self.name.clone(),
            uses_max: self.uses_max,
            expires_at: self.expires_at,
        })
    }
}

fn step_to_sql(step: LinkStep) -> i64 {
    match step {
        LinkStep::Wanted => 0,
        LinkStep::Made => 1,
        LinkStep::Unwanted => 2,
    }
}

fn step_from_sql(value: i64) -> Result<LinkStep, DatabaseError> {
    Ok(match value {
        0 => LinkStep::Wanted,
        1 => LinkStep::Made,
        2 => LinkStep::Unwanted,
        _ => return Err(corrupt("how far a link has come")),
    })
}

/// The link of a seed column.
pub(super) fn secret(seed: &[u8]) -> Result<LinkSecret, DatabaseError> {
    let seed: [u8; LINK_SEED_LEN] = seed.try_into().map_err(|_| corrupt("the seed of a link"))?;
    Ok(LinkSecret::from_seed(seed))
}

fn link(row: &Row<'_>) -> Result<LinkRow, DatabaseError> {
    let seed: Option<Vec<u8>> = row.get(1)?;
    let expires_at = from_sql(row.get(4)?)?;
    let put: Option<Vec<u8>> = row.get(7)?;
    Ok(LinkRow {
        id: LinkId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?),
        secret: seed.as_deref().map(secret).transpose()?,
        name: row.get(2)?,
        uses_max: row.get(3)?,
        expires_at: (expires_at > 0).then_some(Timestamp::from_millis(expires_at)),
        step: step_from_sql(row.get(5)?)?,
        wanted_at: Timestamp::from_millis(from_sql(row.get(6)?)?),
        put: put
            .map(|hash| hash.try_into().map_err(|_| corrupt("the hash of a preview")))
            .transpose()?,
        needs_approval: row.get(8)?,
    })
}

/// The links of a conversation, in the order of their ids.
pub(crate) fn all(conn: &Connection, chat: ChatId) -> Result<Vec<LinkRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT link_id, seed, name, uses_max, expires_at, state, wanted_at, put, needs_approval
         FROM links
         WHERE conversation = ?1 ORDER BY link_id",
    )?;
    readable(statement.query([chat])?, link)
}

/// Whether something about the links of a conversation is not as the user wants it yet, at the server, too.
pub(crate) fn any_waits(conn: &Connection, chat: ChatId) -> Result<bool, DatabaseError> {
    Ok(all(conn, chat)?
        .iter()
        .any(|row| row.step != LinkStep::Made || row.put.is_none()))
}

pub(crate) fn insert(conn: &Connection, chat: ChatId, row: &LinkRow) -> Result<(), DatabaseError> {
    conn.execute(
        "INSERT INTO links (conversation, link_id, seed, name, uses_max, expires_at, state, wanted_at, put,
                            needs_approval)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            chat,
            row.id.as_bytes(),
            row.secret.as_ref().map(LinkSecret::seed),
            row.name,
            row.uses_max,
            to_sql(row.expires_at.unwrap_or_default().as_millis()),
            step_to_sql(row.step),
            to_sql(row.wanted_at.as_millis()),
            row.put,
            row.needs_approval,
        ],
    )?;
    Ok(())
}

/// Notes how far a link has come, and since when that is wanted.
pub(crate) fn set_step(
    conn: &Connection,
    (chat, id): (ChatId, LinkId),
    step: LinkStep,
    wanted_at: Timestamp,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE links SET state = ?3, wanted_at = ?4 WHERE conversation = ?1 AND link_id = ?2",
        params![
            chat,
            id.as_bytes(),
            step_to_sql(step),
            to_sql(wanted_at.as_millis())
        ],
    )?;
    Ok(())
}

/// Notes which preview the server has.
pub(crate) fn set_put(
    conn: &Connection,
    (chat, id): (ChatId, LinkId),
    put: Option<[u8; 32]>,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE links SET put = ?3 WHERE conversation = ?1 AND link_id = ?2",
        params![chat, id.as_bytes(), put],
    )?;
    Ok(())
}

/// Forgets a link.
pub(crate) fn delete(conn: &Connection, chat: ChatId, id: LinkId) -> Result<(), DatabaseError> {
    conn.execute(
        "DELETE FROM links WHERE conversation = ?1 AND link_id = ?2",
        params![chat, id.as_bytes()],
    )?;
    Ok(())
}

/// Forgets the links of a conversation.
pub(crate) fn clear(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM links WHERE conversation = ?1", [chat])?;
    Ok(())
}
