//! People: their accounts, pinned handles and names.

use rusqlite::{Connection, OptionalExtension, Row, params};
use subrosa_wire::{AccountId, Handle, Timestamp};

use super::{corrupt, from_sql, id_bytes, readable, to_sql};
use crate::{ChatId, api::Contact, database::DatabaseError};

const COLUMNS: &str = "account_id, handle, former_handle, name,
                       (SELECT version FROM profile_objects p WHERE p.account = account_id AND picture IS NOT NULL),
                       (SELECT n.name FROM nicknames n WHERE n.account = account_id),
                       EXISTS (SELECT 1 FROM blocked b WHERE b.account = account_id)";

fn contact(row: &Row<'_>) -> Result<Contact, DatabaseError> {
    let handle = |index| {
        let text: Option<String> = row.get(index)?;
        text.map(|text| text.parse::<Handle>())
            .transpose()
            .map_err(|_| corrupt("a handle"))
    };
    Ok(Contact {
        account_id: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?),
        handle: handle(1)?,
        former_handle: handle(2)?,
        name: row.get(3)?,
        picture: row.get::<_, Option<i64>>(4)?.map(from_sql).transpose()?,
        nickname: row.get(5)?,
        is_blocked: row.get(6)?,
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

/// People in conversations whose handle is not known yet. Nobody asks about those whose handle the user has given to
/// another account.
pub(crate) fn without_handle(conn: &Connection) -> Result<Vec<AccountId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT account_id FROM contacts
         WHERE handle IS NULL AND former_handle IS NULL AND account_id IN (SELECT account FROM members)",
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
        "UPDATE contacts SET handle = ?2, former_handle = NULL WHERE account_id = ?1",
        params![account.as_bytes(), handle.as_str()],
    )?;
    Ok(())
}

/// Takes the pinned handle away from a person.
pub(crate) fn release_handle(conn: &Connection, account: AccountId) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE contacts SET former_handle = COALESCE(handle, former_handle), handle = NULL WHERE account_id = ?1",
        [account.as_bytes()],
    )?;
    Ok(())
}

/// How often the user has moved a handle to or from a person.
pub(crate) fn handle_moves(conn: &Connection, account: AccountId) -> Result<u32, DatabaseError> {
    let moves = conn
        .prepare_cached("SELECT handle_moves FROM contacts WHERE account_id = ?1")?
        .query_row([account.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(moves.unwrap_or_default())
}

/// Notes how often the user has moved a handle to or from a person.
pub(crate) fn set_handle_moves(
    conn: &Connection,
    account: AccountId,
    moves: u32,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE contacts SET handle_moves = ?2 WHERE account_id = ?1",
        params![account.as_bytes(), moves],
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

/// Notes what the user calls somebody, who need not be known here yet.
pub(crate) fn set_nickname(
    conn: &Connection,
    account: AccountId,
    nickname: Option<&str>,
) -> Result<(), DatabaseError> {
    match nickname {
        Some(nickname) => conn.execute(
            "INSERT INTO nicknames (account, name) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET name = excluded.name",
            params![account.as_bytes(), nickname],
        )?,
        None => conn.execute("DELETE FROM nicknames WHERE account = ?1", [account.as_bytes()])?,
    };
    Ok(())
}

/// Whether the user has blocked somebody.
pub(crate) fn is_blocked(conn: &Connection, account: AccountId) -> Result<bool, DatabaseError> {
    let mut statement = conn.prepare_cached("SELECT 1 FROM blocked WHERE account = ?1")?;
    Ok(statement.exists([account.as_bytes()])?)
}

/// Whether the user has blocked somebody in a conversation.
pub(crate) fn is_anybody_blocked_in(conn: &Connection, chat: ChatId) -> Result<bool, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT 1 FROM members m JOIN blocked b ON b.account = m.account WHERE m.conversation = ?1",
    )?;
    Ok(statement.exists([chat])?)
}

/// Notes whether somebody is blocked, who need not be known here yet.
pub(crate) fn set_blocked(
    conn: &Connection,
    account: AccountId,
    is_blocked: bool,
) -> Result<(), DatabaseError> {
    let sql = if is_blocked {
        "INSERT OR IGNORE INTO blocked (account) VALUES (?1)"
    } else {
        "DELETE FROM blocked WHERE account = ?1"
    };
    conn.execute(sql, [account.as_bytes()])?;
    Ok(())
}

/// Whether the user knows somebody: there is a direct conversation that the user wants, other than this one, or a nickname.
pub(crate) fn is_known(conn: &Connection, account: AccountId, except: ChatId) -> Result<bool, DatabaseError> {
    let mut named = conn.prepare_cached("SELECT 1 FROM nicknames WHERE account = ?1")?;
    let mut talked_to = conn.prepare_cached(
        "SELECT 1 FROM conversations c JOIN members m ON m.conversation = c.id
         WHERE m.account = ?1 AND c.kind = 1 AND c.standing = 1 AND c.state <> 0 AND c.id <> ?2",
    )?;
    Ok(named.exists([account.as_bytes()])? || talked_to.exists(params![account.as_bytes(), except])?)
}

/// When the person was there last, as far as this device has seen.
pub(crate) fn last_seen(conn: &Connection, account: AccountId) -> Result<Option<Timestamp>, DatabaseError> {
    let at: Option<Option<i64>> = conn
        .prepare_cached("SELECT last_seen FROM contacts WHERE account_id = ?1")?
        .query_row([account.as_bytes()], |row| row.get(0))
        .optional()?;
    let at = at.flatten().map(from_sql).transpose()?;
    Ok(at.map(Timestamp::from_millis))
}

/// Notes that the person was there.
pub(crate) fn set_last_seen(
    conn: &Connection,
    account: AccountId,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE contacts SET last_seen = ?2 WHERE account_id = ?1")?
        .execute(params![account.as_bytes(), to_sql(at.as_millis())])?;
    Ok(())
}
