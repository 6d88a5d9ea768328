//! Reading the public state of groups.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row};
use subrosa_mls::LogHash;
use subrosa_wire::{AccountId, ConversationId};

use super::{pages::is_conversation_of, rows::from_sql, views};
use crate::store::{
    StoreError,
    delivery::{ConversationRowId, GroupRecord},
};

impl TryFrom<&Row<'_>> for GroupRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            epoch: from_sql(row.get("epoch")?),
            head_seq: from_sql(row.get("head_seq")?),
            head_hash: LogHash::from_bytes(row.get("head_hash")?),
            public_view: Bytes::from(row.get::<_, Vec<u8>>("public_view")?),
            view_changes: Vec::new(),
            group_info: Bytes::from(row.get::<_, Vec<u8>>("group_info")?),
        })
    }
}

pub(super) fn group(connection: &Connection, id: ConversationId) -> Result<Option<GroupRecord>, StoreError> {
    // A read is one transaction, so the changes fit to the view.
    let found = connection
        .prepare_cached(
            "SELECT c.number, g.epoch, c.head_seq, c.head_hash, v.public_view, g.group_info
             FROM conversations c JOIN groups g ON g.conversation = c.number
             JOIN group_views v ON v.conversation = c.number
             WHERE c.id = ?1",
        )?
        .query_row([id.as_bytes()], |row| {
            Ok((
                ConversationRowId::new(row.get("number")?),
                GroupRecord::try_from(row)?,
            ))
        })
        .optional()?;
    let Some((row_id, mut record)) = found else {
        return Ok(None);
    };
    record.view_changes = views::changes(connection, row_id)?;
    Ok(Some(record))
}

pub(super) fn group_for(
    connection: &Connection,
    id: ConversationId,
    account_id: AccountId,
) -> Result<Option<GroupRecord>, StoreError> {
    if is_conversation_of(connection, id, account_id)? {
        group(connection, id)
    } else {
        Ok(None)
    }
}
