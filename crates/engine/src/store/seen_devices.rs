//! The devices that have ever been in a conversation.

use rusqlite::{Connection, params};
use subrosa_mls::DeviceCertificate;

use crate::{ChatId, database::DatabaseError};

/// Whether a device was in the conversation before, with this key.
pub(crate) fn contains(
    conn: &Connection,
    chat: ChatId,
    device: &DeviceCertificate,
) -> Result<bool, DatabaseError> {
    Ok(conn
        .prepare_cached(
            "SELECT 1 FROM seen_devices WHERE conversation = ?1 AND device_id = ?2 AND device_key = ?3",
        )?
        .exists(params![
            chat,
            device.device_id().as_bytes(),
            device.device_key().as_bytes()
        ])?)
}

/// Whether any device was.
pub(crate) fn any(conn: &Connection, chat: ChatId) -> Result<bool, DatabaseError> {
    Ok(conn
        .prepare_cached("SELECT 1 FROM seen_devices WHERE conversation = ?1 LIMIT 1")?
        .exists([chat])?)
}

pub(crate) fn insert(
    conn: &Connection,
    chat: ChatId,
    device: &DeviceCertificate,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT INTO seen_devices (conversation, device_id, device_key) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        chat,
        device.device_id().as_bytes(),
        device.device_key().as_bytes()
    ])?;
    Ok(())
}
