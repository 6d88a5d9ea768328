//! The states in which this device left groups that it is coming back to.

use rusqlite::{Connection, OptionalExtension as _, params};
use subrosa_mls::LogHash;

use super::{from_sql, log_hash, to_sql};
use crate::{ChatId, database::DatabaseError};

/// A row of the table.
pub(crate) struct FormerState {
    pub public_view: Vec<u8>,
    /// Everything up to here was applied.
    pub reached: (u64, Option<LogHash>),
    /// The commit that began the epoch; the seq is 0 if it is not known.
    pub epoch_began: (u64, Option<LogHash>),
}

pub(crate) fn find(conn: &Connection, chat: ChatId) -> Result<Option<FormerState>, DatabaseError> {
    let row = conn
        .prepare_cached(
            "SELECT public_view, seq, chain, epoch_seq, epoch_chain FROM former_states WHERE conversation = ?1",
        )?
        .query_row([chat], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    row.map(|(public_view, seq, chain, epoch_seq, epoch_chain)| {
        Ok(FormerState {
            public_view,
            reached: (from_sql(seq)?, log_hash(chain)?),
            epoch_began: (from_sql(epoch_seq)?, log_hash(epoch_chain)?),
        })
    })
    .transpose()
}

/// Keeps a state. If one is kept already, that one stays: what lies between was not entered.
pub(crate) fn insert(conn: &Connection, chat: ChatId, state: &FormerState) -> Result<(), DatabaseError> {
    let hash = |hash: Option<LogHash>| hash.map(|hash| *hash.as_bytes());
    conn.execute(
        "INSERT OR IGNORE INTO former_states (conversation, public_view, seq, chain, epoch_seq, epoch_chain)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            chat,
            state.public_view,
            to_sql(state.reached.0),
            hash(state.reached.1),
            to_sql(state.epoch_began.0),
            hash(state.epoch_began.1),
        ],
    )?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM former_states WHERE conversation = ?1", [chat])?;
    Ok(())
}
