//! Tables `devices` and `sessions`.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use subrosa_wire::{AccountId, DeviceId, Timestamp};

use super::rows::{column, instant, integer, optional_column, revision_column};
use crate::{
    limits::LAST_SEEN_PRECISION,
    store::{
        StoreError,
        accounts::{DeviceRecord, NewDevice, SessionRecord, TokenHash},
    },
};

const COLUMNS: &str =
    "device_id, account_id, device_key, certificate, created_at, last_seen_at, signed_out_at";

fn record(row: &Row<'_>) -> rusqlite::Result<DeviceRecord> {
    Ok(DeviceRecord {
        device_id: column(row, "device_id")?,
        account_id: column(row, "account_id")?,
        device_key: column(row, "device_key")?,
        certificate: row.get("certificate")?,
        created_at: column(row, "created_at")?,
        last_seen_at: column(row, "last_seen_at")?,
        signed_out_at: optional_column(row, "signed_out_at")?,
    })
}

fn rounded(seen_at: Timestamp) -> Result<i64, StoreError> {
    let precision = u64::try_from(LAST_SEEN_PRECISION.as_millis()).unwrap_or(u64::MAX);
    let millis = seen_at.as_millis();
    instant(Timestamp::from_millis(millis - millis % precision))
}

pub(super) fn insert(connection: &Connection, device: &NewDevice) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO devices (device_id, account_id, device_key, certificate, created_at, last_seen_at)
             VALUES (:device_id, :account_id, :device_key, :certificate, :created_at, :last_seen_at)",
        )?
        .execute(named_params! {
            ":device_id": device.device_id.as_bytes(),
            ":account_id": device.account_id.as_bytes(),
            ":device_key": device.device_key.as_bytes(),
            ":certificate": device.certificate,
            ":created_at": instant(device.created_at)?,
            ":last_seen_at": rounded(device.created_at)?,
        })?;
    StoreError::check_affected("inserting a device", changed, 1)
}

pub(super) fn renew_certificate(
    connection: &Connection,
    device_id: DeviceId,
    certificate: &[u8],
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached("UPDATE devices SET certificate = ?2 WHERE device_id = ?1 AND signed_out_at IS NULL")?
        .execute((device_id.as_bytes(), certificate))?;
    Ok(changed == 1)
}

pub(super) fn enrol_again(connection: &Connection, device: &NewDevice) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE devices SET certificate = :certificate, last_seen_at = :last_seen_at
             WHERE device_id = :device_id AND signed_out_at IS NULL",
        )?
        .execute(named_params! {
            ":device_id": device.device_id.as_bytes(),
            ":certificate": device.certificate,
            ":last_seen_at": rounded(device.created_at)?,
        })?;
    StoreError::check_affected("enrolling a device again", changed, 1)
}

pub(super) fn by_id(
    connection: &Connection,
    device_id: DeviceId,
) -> Result<Option<DeviceRecord>, StoreError> {
    Ok(connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM devices WHERE device_id = ?1"))?
        .query_row([device_id.as_bytes()], record)
        .optional()?)
}

pub(super) fn signed_in(
    connection: &Connection,
    account_id: AccountId,
) -> Result<Vec<DeviceRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM devices WHERE account_id = ?1 AND signed_out_at IS NULL
         ORDER BY created_at, device_id"
    ))?;
    let rows = statement.query_map([account_id.as_bytes()], record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn note_seen(
    connection: &Connection,
    device_id: DeviceId,
    seen_at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE devices SET last_seen_at = max(last_seen_at, ?2)
             WHERE device_id = ?1 AND signed_out_at IS NULL",
        )?
        .execute((device_id.as_bytes(), rounded(seen_at)?))?;
    Ok(())
}

pub(super) fn sign_out(
    connection: &Connection,
    device_id: DeviceId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE devices SET signed_out_at = :now WHERE device_id = :device_id AND signed_out_at IS NULL",
        )?
        .execute(named_params! { ":device_id": device_id.as_bytes(), ":now": instant(now)? })?;
    connection
        .prepare_cached("DELETE FROM sessions WHERE device_id = ?1")?
        .execute([device_id.as_bytes()])?;
    Ok(changed == 1)
}

pub(super) fn start_session(connection: &Connection, device: &NewDevice) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO sessions (device_id, newest_token, newest_counter, previous_token, expires_at)
             VALUES (:device_id, :newest_token, :newest_counter, NULL, :expires_at)
             ON CONFLICT (device_id) DO UPDATE SET newest_token = excluded.newest_token,
                 newest_counter = max(excluded.newest_counter, newest_counter + 1),
                 previous_token = NULL, expires_at = excluded.expires_at",
        )?
        .execute(named_params! {
            ":device_id": device.device_id.as_bytes(),
            ":newest_token": device.token.0,
            ":newest_counter": integer(device.token_counter)?,
            ":expires_at": instant(device.token_expires_at)?,
        })?;
    StoreError::check_affected("starting a session", changed, 1)
}

pub(super) fn session(
    connection: &Connection,
    device_id: DeviceId,
) -> Result<Option<SessionRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT newest_token, newest_counter, previous_token, expires_at FROM sessions WHERE device_id = ?1",
        )?
        .query_row([device_id.as_bytes()], |row| {
            Ok(SessionRecord {
                newest: column(row, "newest_token")?,
                counter: revision_column(row, "newest_counter")?,
                previous: optional_column(row, "previous_token")?,
                expires_at: column(row, "expires_at")?,
            })
        })
        .optional()?)
}

pub(super) fn rotate_session(
    connection: &Connection,
    device_id: DeviceId,
    seen_newest: TokenHash,
    next: &SessionRecord,
    seen_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE sessions SET newest_token = :newest_token, newest_counter = :newest_counter,
                 previous_token = :previous_token, expires_at = :expires_at
             WHERE device_id = :device_id AND newest_token = :seen_newest",
        )?
        .execute(named_params! {
            ":device_id": device_id.as_bytes(),
            ":seen_newest": seen_newest.0,
            ":newest_token": next.newest.0,
            ":newest_counter": integer(next.counter)?,
            ":previous_token": next.previous.map(|token| token.0),
            ":expires_at": instant(next.expires_at)?,
        })?;
    if changed == 0 {
        return Ok(false);
    }
    note_seen(connection, device_id, seen_at)?;
    Ok(true)
}
