//! The key packages of which this device has the private part.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use subrosa_wire::Timestamp;

use super::to_sql;
use crate::database::DatabaseError;

/// The name of a key package at the server: its SHA-256.
pub(crate) type Hash = [u8; 32];

/// A key package that was just made.
pub(crate) struct NewKeyPackage<'a> {
    pub reference: &'a [u8],
    pub hash: Hash,
    pub is_last_resort: bool,
    pub key_package: &'a [u8],
}

/// The newest key package of last resort.
pub(crate) struct LastResort {
    number: i64,
    pub hash: Hash,
    pub key_package: Vec<u8>,
    /// It was used, or made before the instant that was asked for.
    pub is_due: bool,
}

pub(crate) fn insert(
    conn: &Connection,
    new: &NewKeyPackage<'_>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT INTO key_packages (reference, hash, is_last_resort, made_at, is_used, key_package)
         VALUES (?1, ?2, ?3, ?4, 0, ?5)",
    )?
    .execute(params![
        new.reference,
        new.hash,
        new.is_last_resort,
        to_sql(now.as_millis()),
        new.key_package,
    ])?;
    Ok(())
}

/// How many there are, by whether they are of last resort; those from before this table do not count.
pub(crate) fn count(conn: &Connection, is_last_resort: bool) -> Result<usize, DatabaseError> {
    let count: u32 = conn
        .prepare_cached("SELECT count(*) FROM key_packages WHERE is_last_resort = ?1 AND hash IS NOT NULL")?
        .query_row([is_last_resort], |row| row.get(0))?;
    Ok(count as usize)
}

/// One-time key packages that the server may give out: made after this instant.
pub(crate) fn one_time(conn: &Connection, made_after: Timestamp) -> Result<Vec<Hash>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT hash FROM key_packages WHERE is_last_resort = 0 AND hash IS NOT NULL AND made_at > ?1",
    )?;
    let rows = statement.query_map([to_sql(made_after.as_millis())], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One-time key packages that the server is not known to have, the oldest first.
pub(crate) fn unpublished(conn: &Connection, made_after: Timestamp) -> Result<Vec<Vec<u8>>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT key_package FROM key_packages
         WHERE is_last_resort = 0 AND key_package IS NOT NULL AND made_at > ?1 ORDER BY number",
    )?;
    let rows = statement.query_map([to_sql(made_after.as_millis())], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that the server has a one-time key package, or all of them.
pub(crate) fn set_published(conn: &Connection, hash: Option<&Hash>) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE key_packages SET key_package = NULL
         WHERE is_last_resort = 0 AND key_package IS NOT NULL AND hash = coalesce(?1, hash)",
    )?
    .execute([hash])?;
    Ok(())
}

/// The newest one of last resort.
pub(crate) fn last_resort(
    conn: &Connection,
    due_if_made_before: Timestamp,
) -> Result<Option<LastResort>, DatabaseError> {
    let read = |row: &Row<'_>| {
        Ok(LastResort {
            number: row.get(0)?,
            hash: row.get(1)?,
            key_package: row.get(2)?,
            is_due: row.get(3)?,
        })
    };
    Ok(conn
        .prepare_cached(
            "SELECT number, hash, key_package, max(is_used, made_at <= ?1) FROM key_packages
             WHERE is_last_resort = 1 ORDER BY number DESC LIMIT 1",
        )?
        .query_row([to_sql(due_if_made_before.as_millis())], read)
        .optional()?)
}

/// Hashes of those of last resort that the server may still have.
pub(crate) fn last_resorts(conn: &Connection) -> Result<Vec<Hash>, DatabaseError> {
    let mut statement = conn
        .prepare_cached("SELECT hash FROM key_packages WHERE is_last_resort = 1 AND replaced_at IS NULL")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that the server has this one in place of all before it.
pub(crate) fn set_replaced_by(
    conn: &Connection,
    newest: &LastResort,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE key_packages SET replaced_at = ?2
         WHERE is_last_resort = 1 AND number < ?1 AND replaced_at IS NULL",
    )?
    .execute(params![newest.number, to_sql(now.as_millis())])?;
    Ok(())
}

/// Has the newest one of last resort replaced.
pub(crate) fn set_last_resort_due(conn: &Connection) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE key_packages SET is_used = 1
         WHERE number = (SELECT max(number) FROM key_packages WHERE is_last_resort = 1)",
    )?
    .execute([])?;
    Ok(())
}

/// Brings instants that lie in the future back to the present: the clock was fast.
pub(crate) fn correct_instants(conn: &Connection, now: Timestamp) -> Result<(), DatabaseError> {
    let now = to_sql(now.as_millis());
    conn.prepare_cached("UPDATE key_packages SET made_at = ?1 WHERE made_at > ?1")?
        .execute([now])?;
    conn.prepare_cached("UPDATE key_packages SET replaced_at = ?1 WHERE replaced_at > ?1")?
        .execute([now])?;
    Ok(())
}

/// References of those that are too old, but for the newest one of last resort.
pub(crate) fn made_before(conn: &Connection, instant: Timestamp) -> Result<Vec<Vec<u8>>, DatabaseError> {
    references(
        conn,
        "SELECT reference FROM key_packages WHERE made_at <= ?1
         AND number IS NOT (SELECT max(number) FROM key_packages WHERE is_last_resort = 1)",
        instant,
    )
}

/// References of those of last resort that were replaced long enough ago.
pub(crate) fn replaced_before(conn: &Connection, instant: Timestamp) -> Result<Vec<Vec<u8>>, DatabaseError> {
    references(
        conn,
        "SELECT reference FROM key_packages WHERE replaced_at <= ?1",
        instant,
    )
}

fn references(conn: &Connection, sql: &str, instant: Timestamp) -> Result<Vec<Vec<u8>>, DatabaseError> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([to_sql(instant.as_millis())], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// References of the one-time key packages that the server is not known to have.
pub(crate) fn unpublished_references(conn: &Connection) -> Result<Vec<Vec<u8>>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT reference FROM key_packages WHERE is_last_resort = 0 AND key_package IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets a key package.
pub(crate) fn delete(conn: &Connection, reference: &[u8]) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM key_packages WHERE reference = ?1")?
        .execute([reference])?;
    Ok(())
}

/// Notes that a key package of last resort has opened a Welcome.
pub(crate) fn set_used(conn: &Connection, reference: &[u8]) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE key_packages SET is_used = 1 WHERE reference = ?1")?
        .execute([reference])?;
    Ok(())
}
