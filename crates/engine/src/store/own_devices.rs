//! What the user has been told about the other devices of this account.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use subrosa_wire::{DeviceId, Timestamp};

use super::{corrupt, from_sql, id_bytes, to_sql};
use crate::database::DatabaseError;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnDevice {
    pub state: DeviceState,
    /// When it got into this state.
    pub since: Timestamp,
}

/// What the user knows about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// Vault and server name it, and it is no news.
    Known,
    /// It is there, and the vault does not name it; not told yet.
    UnknownYet,
    /// The same, told.
    UnknownTold,
    /// The vault names it, and the server does not list it; not told yet.
    UnlistedYet,
    /// The same, told.
    UnlistedTold,
}

fn state_to_sql(state: DeviceState) -> i64 {
    match state {
        DeviceState::Known => 1,
        DeviceState::UnknownYet => 2,
        DeviceState::UnknownTold => 3,
        DeviceState::UnlistedYet => 4,
        DeviceState::UnlistedTold => 5,
    }
}

fn own_device(row: &Row<'_>) -> Result<OwnDevice, DatabaseError> {
    Ok(OwnDevice {
        state: match row.get(1)? {
            1 => DeviceState::Known,
            2 => DeviceState::UnknownYet,
            3 => DeviceState::UnknownTold,
            4 => DeviceState::UnlistedYet,
            5 => DeviceState::UnlistedTold,
            _ => return Err(corrupt("a device's state")),
        },
        since: Timestamp::from_millis(from_sql(row.get(2)?)?),
    })
}

const COLUMNS: &str = "device_id, state, since";

pub(crate) fn all(conn: &Connection) -> Result<BTreeMap<DeviceId, OwnDevice>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM own_devices"))?;
    let mut rows = statement.query([])?;
    let mut devices = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let id = DeviceId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?);
        devices.insert(id, own_device(row)?);
    }
    Ok(devices)
}

pub(crate) fn find(conn: &Connection, device: DeviceId) -> Result<Option<OwnDevice>, DatabaseError> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM own_devices WHERE device_id = ?1"))?;
    let mut rows = statement.query([device.as_bytes()])?;
    rows.next()?.map(own_device).transpose()
}

pub(crate) fn count(conn: &Connection) -> Result<usize, DatabaseError> {
    let count: Option<i64> = conn
        .prepare_cached("SELECT COUNT(*) FROM own_devices")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(usize::try_from(count.unwrap_or_default()).unwrap_or(usize::MAX))
}

pub(crate) fn set(
    conn: &Connection,
    device: DeviceId,
    state: DeviceState,
    since: Timestamp,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT INTO own_devices (device_id, state, since) VALUES (?1, ?2, ?3)
         ON CONFLICT (device_id) DO UPDATE SET state = excluded.state, since = excluded.since",
    )?
    .execute(params![
        device.as_bytes(),
        state_to_sql(state),
        to_sql(since.as_millis())
    ])?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, device: DeviceId) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM own_devices WHERE device_id = ?1")?
        .execute([device.as_bytes()])?;
    Ok(())
}
