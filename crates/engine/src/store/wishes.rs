//! What the user wants to change in groups, until it is done.

use rusqlite::{Connection, params};
use subrosa_wire::{AccountId, Timestamp};

use super::{corrupt, from_sql, id_bytes, to_sql};
use crate::{ChatId, api::Role, database::DatabaseError};

/// A change of a group that concerns one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wish {
    /// Adds it.
    Add,
    /// Removes it.
    Remove,
    /// Gives it another role.
    GiveRole(Role),
    /// Removes whoever is a member, and keeps them out.
    Ban,
    /// Lets it be added again.
    Readmit,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WishRow {
    pub account: AccountId,
    pub wish: Wish,
    pub wanted_at: Timestamp,
}

fn wish_to_sql(wish: Wish) -> i64 {
    match wish {
        Wish::Add => 1,
        Wish::Remove => 2,
        Wish::GiveRole(Role::Member) => 3,
        Wish::GiveRole(Role::Admin) => 4,
        Wish::GiveRole(Role::Owner) => 5,
        Wish::Ban => 6,
        Wish::Readmit => 7,
    }
}

fn wish_from_sql(value: i64) -> Result<Wish, DatabaseError> {
    Ok(match value {
        1 => Wish::Add,
        2 => Wish::Remove,
        3 => Wish::GiveRole(Role::Member),
        4 => Wish::GiveRole(Role::Admin),
        5 => Wish::GiveRole(Role::Owner),
        6 => Wish::Ban,
        7 => Wish::Readmit,
        _ => return Err(corrupt("a wish")),
    })
}

/// The wishes for a conversation, in the order of the accounts.
pub(crate) fn all(conn: &Connection, chat: ChatId) -> Result<Vec<WishRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT account, wish, wanted_at FROM wishes WHERE conversation = ?1 ORDER BY account",
    )?;
    let mut rows = statement.query([chat])?;
    let mut wishes = Vec::new();
    while let Some(row) = rows.next()? {
        wishes.push(WishRow {
            account: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?),
            wish: wish_from_sql(row.get(1)?)?,
            wanted_at: Timestamp::from_millis(from_sql(row.get(2)?)?),
        });
    }
    Ok(wishes)
}

/// Notes a wish in place of an earlier one about the same account.
pub(crate) fn set(
    conn: &Connection,
    chat: ChatId,
    (account, wish): (AccountId, Wish),
    wanted_at: Timestamp,
) -> Result<(), DatabaseError> {
    conn.execute(
        "INSERT INTO wishes (conversation, account, wish, wanted_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (conversation, account) DO UPDATE SET wish = excluded.wish, wanted_at = excluded.wanted_at",
        params![
            chat,
            account.as_bytes(),
            wish_to_sql(wish),
            to_sql(wanted_at.as_millis())
        ],
    )?;
    Ok(())
}

/// Forgets the wish about an account.
pub(crate) fn delete(conn: &Connection, chat: ChatId, account: AccountId) -> Result<(), DatabaseError> {
    conn.execute(
        "DELETE FROM wishes WHERE conversation = ?1 AND account = ?2",
        params![chat, account.as_bytes()],
    )?;
    Ok(())
}

/// Forgets all wishes for a conversation.
pub(crate) fn clear(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM wishes WHERE conversation = ?1", [chat])?;
    Ok(())
}
