//! This account and device, and the host's settings.

use rusqlite::{Connection, OptionalExtension, params};

use subrosa_wire::Timestamp;

use super::{from_sql, id_bytes, to_sql};
use crate::database::DatabaseError;

/// The row of this account and device.
pub(crate) struct ProfileRow {
    pub account_id: [u8; 16],
    pub handle: String,
    pub certificate: Vec<u8>,
    pub device_key: zeroize::Zeroizing<Vec<u8>>,
    pub vault_key: zeroize::Zeroizing<Vec<u8>>,
    pub vault: zeroize::Zeroizing<Vec<u8>>,
    /// The newest revision that the server is known to have: the next one is stored over it.
    pub vault_revision: u64,
    /// The highest revision that was ever seen.
    pub vault_newest: u64,
    pub vault_dirty: bool,
    /// How often the contents were changed here.
    pub vault_changes: u64,
}

/// When the certificate was last put to the server to be renewed.
pub(crate) fn certificate_tried_at(conn: &Connection) -> Result<Timestamp, DatabaseError> {
    let tried_at = conn.query_row("SELECT certificate_tried_at FROM profile", [], |row| row.get(0))?;
    Ok(Timestamp::from_millis(from_sql(tried_at)?))
}

pub(crate) fn set_certificate_tried_at(conn: &Connection, at: Timestamp) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE profile SET certificate_tried_at = ?1",
        [to_sql(at.as_millis())],
    )?;
    Ok(())
}

pub(crate) fn set_certificate(conn: &Connection, certificate: &[u8]) -> Result<(), DatabaseError> {
    conn.execute("UPDATE profile SET certificate = ?1", [certificate])?;
    Ok(())
}

pub(crate) fn insert(conn: &Connection, row: &ProfileRow) -> Result<(), DatabaseError> {
    conn.execute(
        "INSERT INTO profile (id, account_id, handle, certificate, device_key, vault_key, vault, vault_revision,
                              vault_newest, vault_dirty, vault_changes)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            row.account_id,
            row.handle,
            row.certificate,
            *row.device_key,
            *row.vault_key,
            *row.vault,
            to_sql(row.vault_revision),
            to_sql(row.vault_newest),
            row.vault_dirty,
            to_sql(row.vault_changes),
        ],
    )?;
    Ok(())
}

pub(crate) fn load(conn: &Connection) -> Result<Option<ProfileRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT account_id, handle, certificate, device_key, vault_key, vault, vault_revision, vault_newest,
                vault_dirty, vault_changes
         FROM profile WHERE id = 1",
    )?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(ProfileRow {
        account_id: id_bytes(&row.get::<_, Vec<u8>>(0)?)?,
        handle: row.get(1)?,
        certificate: row.get(2)?,
        device_key: row.get::<_, Vec<u8>>(3)?.into(),
        vault_key: row.get::<_, Vec<u8>>(4)?.into(),
        vault: row.get::<_, Vec<u8>>(5)?.into(),
        vault_revision: from_sql(row.get(6)?)?,
        vault_newest: from_sql(row.get(7)?)?,
        vault_dirty: row.get(8)?,
        vault_changes: from_sql(row.get(9)?)?,
    }))
}

/// Stores new contents of the vault. They are dirty until the server has them.
pub(crate) fn set_vault(conn: &Connection, vault: &[u8]) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE profile SET vault = ?1, vault_dirty = 1, vault_changes = vault_changes + 1",
        [vault],
    )?;
    Ok(())
}

/// Notes that the server has taken the contents as they were after `changes` changes. What was changed since then is
/// still to be stored.
pub(crate) fn vault_stored(conn: &Connection, revision: u64, changes: u64) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE profile SET vault_revision = ?1, vault_newest = MAX(vault_newest, ?1),
                            vault_dirty = vault_dirty AND vault_changes != ?2",
        params![to_sql(revision), to_sql(changes)],
    )?;
    Ok(())
}

/// Notes which revision the server has, and whether the contents here differ from it.
pub(crate) fn set_vault_revision(conn: &Connection, revision: u64, dirty: bool) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE profile SET vault_revision = ?1, vault_newest = MAX(vault_newest, ?1), vault_dirty = ?2",
        params![to_sql(revision), dirty],
    )?;
    Ok(())
}

pub(crate) fn setting(conn: &Connection, name: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
    Ok(conn
        .query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()?)
}

/// The settings whose names begin so, with their values.
pub(crate) fn settings_from(
    conn: &Connection,
    prefix: &str,
) -> Result<Vec<(String, Vec<u8>)>, DatabaseError> {
    let mut statement =
        conn.prepare("SELECT name, value FROM settings WHERE substr(name, 1, length(?1)) = ?1")?;
    let rows = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn set_setting(conn: &Connection, name: &str, value: Option<&[u8]>) -> Result<(), DatabaseError> {
    match value {
        Some(value) => conn.execute(
            "INSERT INTO settings (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )?,
        None => conn.execute("DELETE FROM settings WHERE name = ?1", [name])?,
    };
    Ok(())
}
