//! What the user wants to change in groups, until it is done.

use rusqlite::{Connection, params};
use subrosa_wire::{AccountId, Timestamp};

use super::{corrupt, from_sql, id_bytes, to_sql};
use crate::{
    ChatId,
    api::{Rights, Role},
    database::DatabaseError,
};

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
    /// This account leaves.
    Leave,
    /// The group has these rights; about nobody.
    SetRights(Rights),
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
        Wish::Leave => 8,
        Wish::SetRights(rights) => RIGHTS + rights_to_sql(rights),
    }
}

/// The first of the values that stand for rights.
const RIGHTS: i64 = 1_000;
const LEVELS: [Role; 3] = [Role::Member, Role::Admin, Role::Owner];

/// A number to the base 3: each right is a digit.
fn rights_to_sql(rights: Rights) -> i64 {
    let Rights {
        add,
        remove,
        profile,
        post,
        pin,
    } = rights;
    [add, remove, profile, post, pin].iter().fold(0, |number, role| {
        let digit = LEVELS.iter().position(|level| level == role);
        number * 3 + i64::try_from(digit.unwrap_or_default()).unwrap_or_default()
    })
}

fn rights_from_sql(mut number: i64) -> Option<Rights> {
    let mut digit = || {
        let level = usize::try_from(number % 3)
            .ok()
            .and_then(|digit| LEVELS.get(digit));
        number /= 3;
        level.copied()
    };
    let (pin, post, profile, remove, add) = (digit()?, digit()?, digit()?, digit()?, digit()?);
    (number == 0).then_some(Rights {
        add,
        remove,
        profile,
        post,
        pin,
    })
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
        8 => Wish::Leave,
        RIGHTS.. => Wish::SetRights(rights_from_sql(value - RIGHTS).ok_or_else(|| corrupt("a wish"))?),
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
