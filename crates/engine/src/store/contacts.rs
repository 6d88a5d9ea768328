//! People: their accounts, pinned handles and names.

use rusqlite::{Connection, Row, params};
use subrosa_wire::{AccountId, Handle};

use super::{corrupt, id_bytes, readable};
use crate::{api::Contact, database::DatabaseError};

const COLUMNS: &str = "account_id, handle, name";

fn contact(row: &Row<'_>) -> Result<Contact, DatabaseError> {
    let handle: Option<String> = row.get(1)?;
    Ok(Contact {
        account_id: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?),
        handle: handle
            .map(|text| text.parse::<Handle>())
            .transpose()
            .map_err(|_| corrupt("a handle"))?,
        name: row.get(2)?,
    })
}

pub(crate) fn find(conn: &Connection, account: AccountId) -> Result<Option<Contact>, DatabaseError> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM contacts WHERE account_id = ?1"))?;
    let mut rows = statement.query([account.as_bytes()])?;
    rows.next()?.map(contact).transpose()
}

pub(crate) fn find_by_handle(conn: &Connection, handle: &Handle) -> Result<Option<Contact>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM contacts WHERE handle = ?1"))?;
    let mut rows = statement.query([handle.as_str()])?;
    rows.next()?.map(contact).transpose()
}

pub(crate) fn all(conn: &Connection) -> Result<Vec<Contact>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM contacts ORDER BY handle"))?;
    readable(statement.query([])?, contact)
}

/// People in conversations whose handle is not known yet.
pub(crate) fn without_handle(conn: &Connection) -> Result<Vec<AccountId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT account_id FROM contacts WHERE handle IS NULL AND account_id IN (SELECT account FROM members)",
    )?;
    readable(statement.query([])?, |row| {
        Ok(AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?))
    })
}

/// Adds a person who is not known yet.
pub(crate) fn insert(conn: &Connection, account: AccountId) -> Result<(), DatabaseError> {
    conn.execute(
        "INSERT INTO contacts (account_id) VALUES (?1)",
        [account.as_bytes()],
    )?;
    Ok(())
}

/// Pins a handle, which must not be pinned to another account.
pub(crate) fn set_handle(
    conn: &Connection,
    account: AccountId,
    handle: &Handle,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE contacts SET handle = ?2 WHERE account_id = ?1",
        params![account.as_bytes(), handle.as_str()],
    )?;
    Ok(())
}

pub(crate) fn set_name(
    conn: &Connection,
    account: AccountId,
    name: Option<&str>,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE contacts SET name = ?2 WHERE account_id = ?1",
        params![account.as_bytes(), name],
    )?;
    Ok(())
}
