//! Key packages: published by a device, each given out once.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use subrosa_wire::DeviceId;

use crate::store::{
    StoreError,
    delivery::{
        ClaimedKeyPackage, KeyPackagePublication, KeyPackageStock, NewKeyPackage, TooManyKeyPackages,
    },
};

pub(super) fn stock(connection: &Connection, device_id: DeviceId) -> Result<KeyPackageStock, StoreError> {
    let last_resort = connection
        .prepare_cached("SELECT count(*) > 0 FROM key_packages WHERE device = ?1 AND is_last_resort = 1")?
        .query_row([device_id.as_bytes()], |row| row.get(0))?;
    let mut statement = connection
        .prepare_cached("SELECT hash FROM key_packages WHERE device = ?1 ORDER BY is_last_resort, number")?;
    let hashes = statement.query_map([device_id.as_bytes()], |row| row.get(0))?;
    Ok(KeyPackageStock {
        one_time: one_time_left(connection, device_id)?,
        last_resort,
        hashes: hashes.collect::<Result<_, _>>()?,
    })
}

fn one_time_left(connection: &Connection, device_id: DeviceId) -> Result<u32, StoreError> {
    Ok(connection
        .prepare_cached("SELECT count(*) FROM key_packages WHERE device = ?1 AND is_last_resort = 0")?
        .query_row([device_id.as_bytes()], |row| row.get(0))?)
}

pub(super) fn publish(
    connection: &Connection,
    device_id: DeviceId,
    publication: &KeyPackagePublication,
) -> Result<Result<u32, TooManyKeyPackages>, StoreError> {
    for hash in &publication.withdrawn {
        connection
            .prepare_cached("DELETE FROM key_packages WHERE device = ?1 AND hash = ?2")?
            .execute((device_id.as_bytes(), hash))?;
    }
    let kept = one_time_left(connection, device_id)?;
    // Counted before anything is written. A retry that offers what is kept already counts as new here: it is
    // refused at worst, never kept twice.
    if kept as usize + publication.one_time.len() > publication.one_time_max as usize {
        return Ok(Err(TooManyKeyPackages { kept }));
    }
    for key_package in &publication.one_time {
        insert(connection, device_id, key_package, false)?;
    }
    if let Some(key_package) = &publication.last_resort {
        connection
            .prepare_cached("DELETE FROM key_packages WHERE device = ?1 AND is_last_resort = 1")?
            .execute([device_id.as_bytes()])?;
        insert(connection, device_id, key_package, true)?;
    }
    Ok(Ok(one_time_left(connection, device_id)?))
}

fn insert(
    connection: &Connection,
    device_id: DeviceId,
    new: &NewKeyPackage,
    is_last_resort: bool,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO key_packages (device, hash, is_last_resort, key_package) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (hash) DO NOTHING",
        )?
        .execute((
            device_id.as_bytes(),
            new.hash,
            is_last_resort,
            new.key_package.as_ref(),
        ))?;
    Ok(())
}

pub(super) fn claim(
    connection: &Connection,
    device_ids: &[DeviceId],
) -> Result<Vec<ClaimedKeyPackage>, StoreError> {
    of_each(connection, device_ids, |device_id| {
        match take_one_time(connection, device_id)? {
            Some(key_package) => Ok(Some(key_package)),
            None => last_resort(connection, device_id),
        }
    })
}

pub(super) fn last_resorts(
    connection: &Connection,
    device_ids: &[DeviceId],
) -> Result<Vec<ClaimedKeyPackage>, StoreError> {
    of_each(connection, device_ids, |device_id| {
        last_resort(connection, device_id)
    })
}

/// A key package of each device that has one, and how many one-time ones it has after that.
fn of_each(
    connection: &Connection,
    device_ids: &[DeviceId],
    find: impl Fn(DeviceId) -> Result<Option<Bytes>, StoreError>,
) -> Result<Vec<ClaimedKeyPackage>, StoreError> {
    let mut found = Vec::with_capacity(device_ids.len());
    for device_id in device_ids {
        if let Some(key_package) = find(*device_id)? {
            found.push(ClaimedKeyPackage {
                device_id: *device_id,
                key_package,
                one_time_left: one_time_left(connection, *device_id)?,
            });
        }
    }
    Ok(found)
}

fn take_one_time(connection: &Connection, device_id: DeviceId) -> Result<Option<Bytes>, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM key_packages WHERE number = (
                 SELECT number FROM key_packages WHERE device = ?1 AND is_last_resort = 0 ORDER BY number LIMIT 1)
             RETURNING key_package",
        )?
        .query_row([device_id.as_bytes()], |row| row.get::<_, Vec<u8>>(0))
        .optional()?
        .map(Bytes::from))
}

fn last_resort(connection: &Connection, device_id: DeviceId) -> Result<Option<Bytes>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT key_package FROM key_packages WHERE device = ?1 AND is_last_resort = 1")?
        .query_row([device_id.as_bytes()], |row| row.get::<_, Vec<u8>>(0))
        .optional()?
        .map(Bytes::from))
}

/// Deletes all key packages of a device.
pub(super) fn clear(connection: &Connection, device_id: DeviceId) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM key_packages WHERE device = ?1")?
        .execute([device_id.as_bytes()])?;
    Ok(())
}
