//! Reading the public state of groups.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row};
use subrosa_mls::LogHash;
use subrosa_wire::{AccountId, ConversationId};

use super::rows::from_sql;
use crate::store::{StoreError, delivery::GroupRecord};

impl TryFrom<&Row<'_>> for GroupRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            epoch: from_sql(row.get("epoch")?),
            head_seq: from_sql(row.get("head_seq")?),
            head_hash: LogHash::from_bytes(row.get("head_hash")?),
            public_view: Bytes::from(row.get::<_, Vec<u8>>("public_view")?),
            group_info: Bytes::from(row.get::<_, Vec<u8>>("group_info")?),
        })
    }
}

pub(super) fn group(connection: &Connection, id: ConversationId) -> Result<Option<GroupRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT g.epoch, c.head_seq, c.head_hash, g.public_view, g.group_info
             FROM conversations c JOIN groups g ON g.conversation = c.number WHERE c.id = ?1",
        )?
        .query_row([id.as_bytes()], |row| GroupRecord::try_from(row))
        .optional()?)
}

pub(super) fn group_for(
    connection: &Connection,
    id: ConversationId,
    account_id: AccountId,
) -> Result<Option<GroupRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT g.epoch, c.head_seq, c.head_hash, g.public_view, g.group_info
             FROM conversations c JOIN groups g ON g.conversation = c.number
             JOIN conversation_accounts a ON a.conversation = c.number AND a.account = ?2
             WHERE c.id = ?1",
        )?
        .query_row((id.as_bytes(), account_id.as_bytes()), |row| {
            GroupRecord::try_from(row)
        })
        .optional()?)
}
