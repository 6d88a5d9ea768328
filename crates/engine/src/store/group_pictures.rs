//! The pictures of groups: those that everybody knows of, and those that this device is about to give.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{corrupt, readable};
use crate::{ChatId, content::PictureReference, database::DatabaseError, profile_objects::format::Picture};

/// The picture that a group has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PictureRow {
    pub reference: PictureReference,
    /// Whether this account has made the object.
    pub is_own: bool,
    /// `None` until it is fetched.
    pub picture: Option<Picture>,
}

/// The picture that this device gives a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPicture {
    /// `None` to remove the one that it has.
    pub shown: Option<(PictureReference, Picture)>,
    /// Whether the server has the object.
    pub is_stored: bool,
}

impl NewPicture {
    /// Whether the members can be told: there is nothing that they would look for in vain.
    pub(crate) fn can_be_told(&self) -> bool {
        self.is_stored || self.shown.is_none()
    }
}

/// A stored picture. One that this build would not take is not shown.
fn picture(bytes: Option<Vec<u8>>) -> Option<Picture> {
    bytes.and_then(|bytes| Picture::try_from(bytes).ok())
}

fn reference(bytes: &[u8]) -> Result<PictureReference, DatabaseError> {
    PictureReference::from_bytes(bytes).ok_or_else(|| corrupt("the reference of a picture"))
}

pub(crate) fn find(conn: &Connection, chat: ChatId) -> Result<Option<PictureRow>, DatabaseError> {
    let row = conn
        .prepare_cached("SELECT reference, is_own, picture FROM group_pictures WHERE conversation = ?1")?
        .query_row([chat], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((bytes, is_own, file)) = row else {
        return Ok(None);
    };
    Ok(Some(PictureRow {
        reference: reference(&bytes)?,
        is_own,
        picture: picture(file),
    }))
}

/// Replaces the picture of a group.
pub(crate) fn set(conn: &Connection, chat: ChatId, row: &PictureRow) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO group_pictures (conversation, reference, is_own, picture) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        chat,
        row.reference.to_bytes(),
        row.is_own,
        row.picture.as_ref().map(Picture::as_bytes),
    ])?;
    Ok(())
}

/// Removes the picture of a group.
pub(crate) fn delete(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM group_pictures WHERE conversation = ?1")?
        .execute([chat])?;
    Ok(())
}

/// The groups whose picture is to be fetched.
pub(crate) fn missing(conn: &Connection) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement =
        conn.prepare_cached("SELECT conversation FROM group_pictures WHERE picture IS NULL")?;
    readable(statement.query([])?, |row| Ok(row.get(0)?))
}

/// The groups whose picture this account has made.
pub(crate) fn own(conn: &Connection) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement = conn.prepare_cached("SELECT conversation FROM group_pictures WHERE is_own")?;
    readable(statement.query([])?, |row| Ok(row.get(0)?))
}

/// The picture that this device is about to give a group.
pub(crate) fn find_new(conn: &Connection, chat: ChatId) -> Result<Option<NewPicture>, DatabaseError> {
    let row = conn
        .prepare_cached(
            "SELECT reference, picture, is_stored FROM new_group_pictures WHERE conversation = ?1",
        )?
        .query_row([chat], |row| {
            Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((bytes, file, is_stored)) = row else {
        return Ok(None);
    };
    let reference = bytes.map(|bytes| reference(&bytes)).transpose()?;
    Ok(Some(NewPicture {
        shown: reference.zip(picture(file)),
        is_stored,
    }))
}

/// Keeps the picture that this device gives a group.
pub(crate) fn set_new(conn: &Connection, chat: ChatId, new: &NewPicture) -> Result<(), DatabaseError> {
    let (reference, file) = new
        .shown
        .as_ref()
        .map(|(reference, picture)| (reference.to_bytes(), picture.as_bytes()))
        .unzip();
    conn.prepare_cached(
        "INSERT OR REPLACE INTO new_group_pictures (conversation, reference, picture, is_stored)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![chat, reference, file, new.is_stored])?;
    Ok(())
}

/// Forgets the picture that this device was about to give.
pub(crate) fn delete_new(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM new_group_pictures WHERE conversation = ?1")?
        .execute([chat])?;
    Ok(())
}

/// The groups that this device is in, whose new picture the server does not have.
pub(crate) fn to_store(conn: &Connection) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT n.conversation FROM new_group_pictures n WHERE n.is_stored = 0 AND n.reference IS NOT NULL",
    )?;
    readable(statement.query([])?, |row| Ok(row.get(0)?))
}
