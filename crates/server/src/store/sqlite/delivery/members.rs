//! Rows of the devices in a group.

use rusqlite::Connection;
use subrosa_wire::{AccountId, ConversationId, DeviceId, Timestamp};

use super::rows::to_sql;
use crate::store::{
    StoreError,
    delivery::{ConversationRowId, SendKey},
};

/// The signed-in members of a conversation that was created before an instant.
pub(super) fn from_before(
    connection: &Connection,
    conversation_id: ConversationId,
    before: Timestamp,
) -> Result<Vec<DeviceId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT m.device FROM conversations c JOIN members m ON m.conversation = c.number
         WHERE c.id = ?1 AND c.created_at < ?2 AND m.signed_out = 0",
    )?;
    let rows = statement.query_map((conversation_id.as_bytes(), to_sql(before.as_millis())), |row| {
        Ok(DeviceId::from_bytes(row.get(0)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes a device.
pub(super) fn remove(
    connection: &Connection,
    row_id: ConversationRowId,
    device_id: DeviceId,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("DELETE FROM members WHERE conversation = ?1 AND device = ?2")?
        .execute((row_id, device_id.as_bytes()))?;
    StoreError::check_affected("remove a member", changed, 1)
}

/// Notes an entry as the newest of its sender.
pub(super) fn count_send(
    connection: &Connection,
    row_id: ConversationRowId,
    seq: u64,
    key: &SendKey,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE members SET last_send_number = ?3, last_send_seq = ?4 WHERE conversation = ?1 AND device = ?2",
        )?
        .execute((row_id, key.device_id.as_bytes(), to_sql(key.send_number), to_sql(seq)))?;
    StoreError::check_affected("count a send", changed, 1)
}

/// Notes that a device is signed out: nothing waits for it.
pub(super) fn set_signed_out(
    connection: &Connection,
    row_id: ConversationRowId,
    device_id: DeviceId,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("UPDATE members SET signed_out = 1 WHERE conversation = ?1 AND device = ?2")?
        .execute((row_id, device_id.as_bytes()))?;
    StoreError::check_affected("sign a member out", changed, 1)
}

/// A device that joins.
pub(super) struct NewMember {
    pub(super) device_id: DeviceId,
    pub(super) account_id: AccountId,
    /// The place before the commit that makes it a member: what follows is for it.
    pub(super) joined_seq: u64,
    /// Number and seq of its newest entry.
    pub(super) last_send: (u64, u64),
}

impl NewMember {
    pub(super) fn insert(
        &self,
        connection: &Connection,
        row_id: ConversationRowId,
    ) -> Result<(), StoreError> {
        let changed = connection
            .prepare_cached(
                "INSERT INTO members (conversation, device, account, joined_seq, acked_seq,
                                      last_send_number, last_send_seq, signed_out)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, 0)",
            )?
            .execute((
                row_id,
                self.device_id.as_bytes(),
                self.account_id.as_bytes(),
                to_sql(self.joined_seq),
                to_sql(self.last_send.0),
                to_sql(self.last_send.1),
            ))?;
        StoreError::check_affected("add a member", changed, 1)
    }
}
