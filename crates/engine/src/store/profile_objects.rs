//! What this account shows of itself, and what others show.

use rusqlite::{Connection, OptionalExtension as _, params};
use subrosa_wire::AccountId;
use zeroize::Zeroizing;

use super::{corrupt, from_sql, id_bytes, readable, to_sql};
use crate::{
    database::DatabaseError,
    profile_objects::format::{ObjectKey, Picture},
};

/// A stored picture. One that this build would not take is not shown.
fn picture(bytes: Option<Vec<u8>>) -> Option<Picture> {
    bytes.and_then(|bytes| Picture::try_from(bytes).ok())
}

/// What this account shows, besides its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnRow {
    /// Counts the objects that the account has had.
    pub generation: u32,
    /// Of the contents; 0 if there are none.
    pub version: u64,
    /// The object's revision at the server that is merged; 0 if none is.
    pub revision: u64,
    pub picture: Option<Picture>,
    pub picture_changed: u64,
    /// How often the contents were changed here.
    pub changes: u64,
    /// How many of these changes the server has.
    pub stored: u64,
}

pub(crate) fn own(conn: &Connection) -> Result<OwnRow, DatabaseError> {
    let row = conn
        .prepare_cached(
            "SELECT version, revision, picture, picture_changed, changes, stored, generation
             FROM own_profile_object WHERE id = 1",
        )?
        .query_row([], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
            ))
        })?;
    Ok(OwnRow {
        generation: row.6,
        version: from_sql(row.0)?,
        revision: from_sql(row.1)?,
        picture: picture(row.2),
        picture_changed: from_sql(row.3)?,
        changes: from_sql(row.4)?,
        stored: from_sql(row.5)?,
    })
}

pub(crate) fn set_own(conn: &Connection, row: &OwnRow) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE own_profile_object SET version = ?1, revision = ?2, picture = ?3, picture_changed = ?4, changes = ?5,
                                       stored = ?6, generation = ?7
         WHERE id = 1",
    )?
    .execute(params![
        to_sql(row.version),
        to_sql(row.revision),
        row.picture.as_ref().map(Picture::as_bytes),
        to_sql(row.picture_changed),
        to_sql(row.changes),
        to_sql(row.stored),
        row.generation,
    ])?;
    Ok(())
}

/// What another person shows, besides their name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProfileRow {
    pub object: ObjectKey,
    /// The newest version that the person has named.
    pub named: u64,
    /// Of the contents that were opened; 0 if none were.
    pub version: u64,
    pub picture: Option<Picture>,
}

pub(crate) fn find(conn: &Connection, account: AccountId) -> Result<Option<ProfileRow>, DatabaseError> {
    let row = conn
        .prepare_cached(
            "SELECT object_id, key, named, version, picture FROM profile_objects WHERE account = ?1",
        )?
        .query_row([account.as_bytes()], |row| {
            let object: (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            Ok((object, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .optional()?;
    let Some(((id, key), named, version, bytes)) = row else {
        return Ok(None);
    };
    let object = Zeroizing::new([id, key].concat());
    Ok(Some(ProfileRow {
        object: ObjectKey::from_bytes(&object).ok_or_else(|| corrupt("the key of a profile"))?,
        named: from_sql(named)?,
        version: from_sql(version)?,
        picture: picture(bytes),
    }))
}

pub(crate) fn set(conn: &Connection, account: AccountId, row: &ProfileRow) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO profile_objects (account, object_id, key, named, version, picture)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        account.as_bytes(),
        row.object.id.as_bytes(),
        &row.object.key[..],
        to_sql(row.named),
        to_sql(row.version),
        row.picture.as_ref().map(Picture::as_bytes),
    ])?;
    Ok(())
}

/// The people of whom a newer version is named than was opened.
pub(crate) fn behind(conn: &Connection) -> Result<Vec<AccountId>, DatabaseError> {
    let mut statement = conn.prepare_cached("SELECT account FROM profile_objects WHERE version < named")?;
    readable(statement.query([])?, |row| {
        Ok(AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?))
    })
}
