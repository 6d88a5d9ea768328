//! Groups that this device is about to join by a link, or that it asks to join.

use rusqlite::{Connection, params};
use subrosa_mls::LinkSecret;

use super::{corrupt, links::secret};
use crate::{ChatId, database::DatabaseError};

/// A row of the table.
pub(crate) struct JoinRow {
    pub link: LinkSecret,
    /// The account is in the group by now: this device comes in as any other of the account does.
    pub is_member: bool,
    /// How far the request has come, if one asks by this link.
    pub ask: Option<Ask>,
}

/// A request to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub step: AskStep,
    /// What goes along with it, sealed.
    pub note: Vec<u8>,
}

/// How far a request to join has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskStep {
    /// The server is to have it.
    Wanted,
    /// The server has it.
    Left,
    /// The server is to drop it.
    TakenBack,
}

fn step_to_sql(step: AskStep) -> i64 {
    match step {
        AskStep::Wanted => 1,
        AskStep::Left => 2,
        AskStep::TakenBack => 3,
    }
}

fn step_from_sql(value: i64) -> Result<Option<AskStep>, DatabaseError> {
    Ok(match value {
        0 => None,
        1 => Some(AskStep::Wanted),
        2 => Some(AskStep::Left),
        3 => Some(AskStep::TakenBack),
        _ => return Err(corrupt("how far a request to join has come")),
    })
}

pub(crate) fn find(conn: &Connection, chat: ChatId) -> Result<Option<JoinRow>, DatabaseError> {
    let mut statement =
        conn.prepare_cached("SELECT seed, is_member, ask, note FROM joins WHERE conversation = ?1")?;
    let mut rows = statement.query([chat])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let note = row.get(3)?;
    Ok(Some(JoinRow {
        link: secret(&row.get::<_, Vec<u8>>(0)?)?,
        is_member: row.get(1)?,
        ask: step_from_sql(row.get(2)?)?.map(|step| Ask { step, note }),
    }))
}

/// Notes that this device joins by a link, or asks to, in place of another one.
pub(crate) fn set(
    conn: &Connection,
    chat: ChatId,
    link: &LinkSecret,
    ask: Option<&Ask>,
) -> Result<(), DatabaseError> {
    let step = ask.map_or(0, |ask| step_to_sql(ask.step));
    let note = ask.map_or(&[][..], |ask| &ask.note);
    conn.execute(
        "INSERT INTO joins (conversation, seed, is_member, ask, note) VALUES (?1, ?2, 0, ?3, ?4)
         ON CONFLICT (conversation) DO UPDATE
         SET seed = excluded.seed, is_member = 0, ask = excluded.ask, note = excluded.note",
        params![chat, link.seed(), step, note],
    )?;
    Ok(())
}

/// Notes how far a request has come.
pub(crate) fn set_ask(conn: &Connection, chat: ChatId, step: AskStep) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE joins SET ask = ?2 WHERE conversation = ?1 AND ask <> 0",
        params![chat, step_to_sql(step)],
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

/// Forgets the link. Returns what was known.
pub(crate) fn take(conn: &Connection, chat: ChatId) -> Result<Option<JoinRow>, DatabaseError> {
    let row = find(conn, chat)?;
    conn.execute("DELETE FROM joins WHERE conversation = ?1", [chat])?;
    Ok(row)
}
