//! The members of a conversation, and how far each has received and read it.

use rusqlite::{Connection, params};
use subrosa_wire::AccountId;

use super::{corrupt, from_sql, id_bytes, to_sql};
use crate::{ChatId, api::Role, database::DatabaseError};

/// A row of the table.
pub(crate) struct MemberRow {
    pub account: AccountId,
    pub role: Role,
    /// The place of the commit with which it came in; 0 if it was there from the start.
    pub joined_seq: u64,
    /// The member has all messages up to this seq.
    pub delivered_up_to: u64,
    /// The member has read all messages up to this seq.
    pub read_up_to: u64,
}

fn role_to_sql(role: Role) -> i64 {
    match role {
        Role::Member => 0,
        Role::Admin => 1,
        Role::Owner => 2,
    }
}

fn role_from_sql(value: i64) -> Result<Role, DatabaseError> {
    Ok(match value {
        0 => Role::Member,
        1 => Role::Admin,
        2 => Role::Owner,
        _ => return Err(corrupt("a member's role")),
    })
}

/// The current members, in the order of their account ids.
pub(crate) fn all(conn: &Connection, chat: ChatId) -> Result<Vec<MemberRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT account, role, delivered_up_to, read_up_to, joined_seq FROM members
         WHERE conversation = ?1 AND left_seq IS NULL ORDER BY account",
    )?;
    let mut rows = statement.query([chat])?;
    let mut members = Vec::new();
    while let Some(row) = rows.next()? {
        members.push(MemberRow {
            account: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?),
            role: role_from_sql(row.get(1)?)?,
            delivered_up_to: from_sql(row.get(2)?)?,
            read_up_to: from_sql(row.get(3)?)?,
            joined_seq: from_sql(row.get(4)?)?,
        });
    }
    Ok(members)
}

/// The current members except one.
pub(crate) fn others(
    conn: &Connection,
    chat: ChatId,
    me: AccountId,
) -> Result<Vec<AccountId>, DatabaseError> {
    let mut members: Vec<_> = all(conn, chat)?.into_iter().map(|row| row.account).collect();
    members.retain(|account| *account != me);
    Ok(members)
}

/// The conversations that an account is a member of now.
pub(crate) fn chats_of(conn: &Connection, account: AccountId) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT conversation FROM members WHERE account = ?1 AND left_seq IS NULL ORDER BY conversation",
    )?;
    let chats = statement.query_map([account.as_bytes()], |row| row.get(0))?;
    Ok(chats.collect::<Result<_, _>>()?)
}

/// Adds a member as of a seq in the log, or one that has left comes back.
pub(crate) fn enter(
    conn: &Connection,
    chat: ChatId,
    account: AccountId,
    role: Role,
    joined_seq: u64,
) -> Result<(), DatabaseError> {
    conn.execute(
        "INSERT INTO members (conversation, account, role, joined_seq, delivered_up_to, read_up_to)
         VALUES (?1, ?2, ?3, ?4, 0, 0)
         ON CONFLICT (conversation, account)
         DO UPDATE SET role = excluded.role, joined_seq = excluded.joined_seq, left_seq = NULL,
                       delivered_up_to = 0, read_up_to = 0",
        params![chat, account.as_bytes(), role_to_sql(role), to_sql(joined_seq)],
    )?;
    Ok(())
}

/// Notes that a member is none any more, as of a seq in the log.
pub(crate) fn leave(
    conn: &Connection,
    chat: ChatId,
    account: AccountId,
    left_seq: u64,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE members SET left_seq = ?3 WHERE conversation = ?1 AND account = ?2",
        params![chat, account.as_bytes(), to_sql(left_seq)],
    )?;
    Ok(())
}

/// Gives a member another role.
pub(crate) fn set_role(
    conn: &Connection,
    chat: ChatId,
    account: AccountId,
    role: Role,
) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE members SET role = ?3 WHERE conversation = ?1 AND account = ?2",
        params![chat, account.as_bytes(), role_to_sql(role)],
    )?;
    Ok(())
}

/// Notes how far a member has reported to be. It never moves back.
pub(crate) fn advance(
    conn: &Connection,
    chat: ChatId,
    account: AccountId,
    delivered_up_to: u64,
    read_up_to: u64,
) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE members SET delivered_up_to = MAX(delivered_up_to, ?3), read_up_to = MAX(read_up_to, ?4)
         WHERE conversation = ?1 AND account = ?2",
    )?
    .execute(params![
        chat,
        account.as_bytes(),
        to_sql(delivered_up_to),
        to_sql(read_up_to)
    ])?;
    Ok(())
}
