//! What this device knows of the log chain: the hashes of the current epoch, and the send numbers of other devices.

use rusqlite::{Connection, OptionalExtension as _, params};
use subrosa_mls::LogHash;
use subrosa_wire::DeviceId;

use super::{from_sql, log_hash, to_sql};
use crate::{ChatId, database::DatabaseError, limits::LOG_HASHES_MAX};

/// Keeps the hash at a place.
pub(crate) fn insert(conn: &Connection, chat: ChatId, seq: u64, hash: LogHash) -> Result<(), DatabaseError> {
    conn.prepare_cached("INSERT OR REPLACE INTO log_hashes (conversation, seq, hash) VALUES (?1, ?2, ?3)")?
        .execute(params![chat, to_sql(seq), hash.as_bytes()])?;
    if let Some(too_old) = seq.checked_sub(LOG_HASHES_MAX) {
        conn.prepare_cached("DELETE FROM log_hashes WHERE conversation = ?1 AND seq = ?2")?
            .execute(params![chat, to_sql(too_old)])?;
    }
    Ok(())
}

/// The hash at a place, if it is known.
pub(crate) fn find(conn: &Connection, chat: ChatId, seq: u64) -> Result<Option<LogHash>, DatabaseError> {
    let bytes = conn
        .prepare_cached("SELECT hash FROM log_hashes WHERE conversation = ?1 AND seq = ?2")?
        .query_row(params![chat, to_sql(seq)], |row| row.get(0))
        .optional()?;
    log_hash(bytes)
}

/// Forgets the hashes before a place: an epoch has begun there.
pub(crate) fn delete_before(conn: &Connection, chat: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM log_hashes WHERE conversation = ?1 AND seq < ?2")?
        .execute(params![chat, to_sql(seq)])?;
    Ok(())
}

/// Forgets everything, because this device enters anew.
pub(crate) fn clear(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM log_hashes WHERE conversation = ?1", [chat])?;
    conn.execute("DELETE FROM send_numbers WHERE conversation = ?1", [chat])?;
    Ok(())
}

/// The newest send number of a device, if one is known.
pub(crate) fn send_number(
    conn: &Connection,
    chat: ChatId,
    device: DeviceId,
) -> Result<Option<u64>, DatabaseError> {
    conn.prepare_cached("SELECT number FROM send_numbers WHERE conversation = ?1 AND device = ?2")?
        .query_row(params![chat, device.as_bytes()], |row| row.get(0))
        .optional()?
        .map(from_sql)
        .transpose()
}

pub(crate) fn set_send_number(
    conn: &Connection,
    chat: ChatId,
    device: DeviceId,
    number: u64,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO send_numbers (conversation, device, number) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![chat, device.as_bytes(), to_sql(number)])?;
    Ok(())
}
