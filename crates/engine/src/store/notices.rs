//! Lines of a conversation that are no messages.

use std::{collections::BTreeSet, ops::RangeInclusive};

use rusqlite::{Connection, Row, params};
use subrosa_wire::{AccountId, ConversationId, Timestamp, ids::ID_LEN};

use super::{corrupt, from_sql, id_bytes, lifetime, to_sql};
use crate::{
    ChatId,
    api::{Notice, NoticeKind, Role},
    content::Lifetime,
    database::DatabaseError,
};

fn notice(row: &Row<'_>) -> Result<Notice, DatabaseError> {
    let by: Option<Vec<u8>> = row.get(5)?;
    let who: Vec<u8> = row.get(6)?;
    Ok(Notice {
        chat: row.get(0)?,
        conversation_id: ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?),
        position: row.get(2)?,
        at: Timestamp::from_millis(from_sql(row.get(3)?)?),
        kind: match row.get(4)? {
            1 => NoticeKind::DeviceAdded,
            2 => NoticeKind::Created,
            3 => NoticeKind::Added,
            4 => NoticeKind::Removed,
            5 => NoticeKind::RoleGiven(Role::Member),
            6 => NoticeKind::RoleGiven(Role::Admin),
            7 => NoticeKind::RoleGiven(Role::Owner),
            8 => NoticeKind::Renamed,
            9 => NoticeKind::Left,
            10 => NoticeKind::RightsChanged,
            11 => NoticeKind::PictureChanged,
            12 => NoticeKind::DescriptionChanged,
            13 => NoticeKind::JoinedByLink,
            20 => NoticeKind::TimerChanged(lifetime(row.get(7)?)?),
            _ => return Err(corrupt("a notice's kind")),
        },
        by: by.map(|by| id_bytes(&by)).transpose()?.map(AccountId::from_bytes),
        who: who
            .chunks(ID_LEN)
            .map(|id| Ok(AccountId::from_bytes(id_bytes(id)?)))
            .collect::<Result<_, DatabaseError>>()?,
    })
}

/// Those whose positions lie in this range, in the order of display.
pub(crate) fn in_range(
    conn: &Connection,
    chat: ChatId,
    positions: RangeInclusive<i64>,
) -> Result<Vec<Notice>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT n.conversation, c.conversation_id, n.position, n.at, n.kind, n.by, n.who, n.value
         FROM notices n JOIN conversations c ON c.id = n.conversation
         WHERE n.conversation = ?1 AND n.position BETWEEN ?2 AND ?3 ORDER BY n.position, n.id",
    )?;
    let mut rows = statement.query(params![chat, positions.start(), positions.end()])?;
    let mut notices = Vec::new();
    while let Some(row) = rows.next()? {
        notices.push(notice(row)?);
    }
    Ok(notices)
}

/// Whom the lines say to have left or been removed, each once.
pub(crate) fn gone(conn: &Connection, chat: ChatId) -> Result<BTreeSet<AccountId>, DatabaseError> {
    let mut statement =
        conn.prepare_cached("SELECT who FROM notices WHERE conversation = ?1 AND kind IN (4, 9)")?;
    let mut rows = statement.query([chat])?;
    let mut gone = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let who: Vec<u8> = row.get(0)?;
        for id in who.chunks(ID_LEN) {
            gone.insert(AccountId::from_bytes(id_bytes(id)?));
        }
    }
    Ok(gone)
}

/// Deletes those of a conversation.
pub(crate) fn delete_all(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.execute("DELETE FROM notices WHERE conversation = ?1", [chat])?;
    Ok(())
}

pub(crate) fn insert(conn: &Connection, notice: &Notice) -> Result<(), DatabaseError> {
    let kind = match notice.kind {
        NoticeKind::DeviceAdded => 1,
        NoticeKind::Created => 2,
        NoticeKind::Added => 3,
        NoticeKind::Removed => 4,
        NoticeKind::RoleGiven(Role::Member) => 5,
        NoticeKind::RoleGiven(Role::Admin) => 6,
        NoticeKind::RoleGiven(Role::Owner) => 7,
        NoticeKind::Renamed => 8,
        NoticeKind::Left => 9,
        NoticeKind::RightsChanged => 10,
        NoticeKind::PictureChanged => 11,
        NoticeKind::DescriptionChanged => 12,
        NoticeKind::JoinedByLink => 13,
        NoticeKind::TimerChanged(_) => 20,
    };
    let value = match notice.kind {
        NoticeKind::TimerChanged(timer) => timer.map(Lifetime::as_secs),
        _ => None,
    };
    let who: Vec<u8> = notice
        .who
        .iter()
        .flat_map(|account| *account.as_bytes())
        .collect();
    conn.prepare_cached(
        "INSERT INTO notices (conversation, position, at, kind, by, who, value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        notice.chat,
        notice.position,
        to_sql(notice.at.as_millis()),
        kind,
        notice.by.map(AccountId::to_vec),
        who,
        value
    ])?;
    Ok(())
}
