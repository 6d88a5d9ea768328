//! Receipts on SQLite.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row};
use subrosa_wire::{ConversationId, DeviceId};

use super::rows::{from_sql, to_sql};
use crate::store::{
    StoreError,
    delivery::{ConversationRowId, LogRefusal},
    receipts::{ReceiptOutcome, ReceiptStore, ReceiptWrite, ReceiptsPage, SealedReceipt, WantedReceipts},
    sqlite::{SqliteStore, WriteContext},
};

#[async_trait]
impl ReceiptStore for SqliteStore {
    async fn put_receipt(
        &self,
        write: ReceiptWrite,
    ) -> Result<Result<ReceiptOutcome, LogRefusal>, StoreError> {
        self.write("put_receipt", move |context| put(context, &write))
            .await
    }

    async fn receipts(
        &self,
        device_id: DeviceId,
        wanted: Vec<WantedReceipts>,
        receipts_max: usize,
    ) -> Result<Vec<ReceiptsPage>, StoreError> {
        self.read("receipts", move |connection| {
            pages(connection, device_id, &wanted, receipts_max)
        })
        .await
    }
}

impl TryFrom<&Row<'_>> for SealedReceipt {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            device_id: DeviceId::from_bytes(row.get("device")?),
            version: from_sql(row.get("version")?),
            change: from_sql(row.get("change")?),
            sealed: Bytes::from(row.get::<_, Vec<u8>>("sealed")?),
        })
    }
}

fn put(
    context: &mut WriteContext,
    write: &ReceiptWrite,
) -> Result<Result<ReceiptOutcome, LogRefusal>, StoreError> {
    let WriteContext { connection, cache } = context;
    cache.trim();
    // A receipt follows a message, which has left the conversation in memory.
    let Some(conversation) = cache.load(connection, write.conversation_id)? else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    if let Err(refusal) = conversation.check_member(write.device_id) {
        return Ok(Err(refusal));
    }
    let row_id = conversation.row_id;
    if let Some(current) = find(connection, row_id, write.device_id)?
        && current.version >= write.version
    {
        let is_retry = current.version == write.version && current.sealed == write.sealed;
        return Ok(Ok(if is_retry {
            ReceiptOutcome::Duplicate {
                change: current.change,
            }
        } else {
            ReceiptOutcome::Outdated {
                version: current.version,
            }
        }));
    }
    let after_change = newest_change(connection, row_id)?;
    let change = write.now.as_millis().max(after_change + 1);
    replace(connection, row_id, write, change)?;
    Ok(Ok(ReceiptOutcome::Stored { change, after_change }))
}

fn replace(
    connection: &Connection,
    row_id: ConversationRowId,
    write: &ReceiptWrite,
    change: u64,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO receipts (conversation, device, version, change, sealed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (conversation, device) DO UPDATE SET
                 version = excluded.version, change = excluded.change, sealed = excluded.sealed",
        )?
        .execute((
            row_id,
            write.device_id.as_bytes(),
            to_sql(write.version),
            to_sql(change),
            write.sealed.as_ref(),
        ))?;
    StoreError::check_affected("replace a receipt", changed, 1)?;
    let changed = connection
        .prepare_cached("UPDATE conversations SET receipts_change = ?2 WHERE number = ?1")?
        .execute((row_id, to_sql(change)))?;
    StoreError::check_affected("count a change of receipts", changed, 1)
}

fn find(
    connection: &Connection,
    row_id: ConversationRowId,
    device_id: DeviceId,
) -> Result<Option<SealedReceipt>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT device, version, change, sealed FROM receipts WHERE conversation = ?1 AND device = ?2",
        )?
        .query_row((row_id, device_id.as_bytes()), |row| SealedReceipt::try_from(row))
        .optional()?)
}

fn newest_change(connection: &Connection, row_id: ConversationRowId) -> Result<u64, StoreError> {
    let newest: i64 = connection
        .prepare_cached("SELECT receipts_change FROM conversations WHERE number = ?1")?
        .query_row([row_id], |row| row.get(0))?;
    Ok(from_sql(newest))
}

fn pages(
    connection: &Connection,
    device_id: DeviceId,
    wanted: &[WantedReceipts],
    receipts_max: usize,
) -> Result<Vec<ReceiptsPage>, StoreError> {
    let mut room = receipts_max;
    let mut pages = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        // An empty page says that nothing follows, so none is made for want of room.
        if room == 0 {
            break;
        }
        let page = match member_of(connection, wanted.conversation_id, device_id)? {
            Some((row_id, newest_change)) => ReceiptsPage {
                conversation_id: wanted.conversation_id,
                receipts: changed_after(connection, row_id, wanted.after_change, room)?,
                newest_change,
            },
            None => ReceiptsPage {
                conversation_id: wanted.conversation_id,
                receipts: Vec::new(),
                newest_change: 0,
            },
        };
        room -= page.receipts.len();
        pages.push(page);
    }
    Ok(pages)
}

/// A conversation in which the device is a member, with the newest change of its receipts.
fn member_of(
    connection: &Connection,
    conversation_id: ConversationId,
    device_id: DeviceId,
) -> Result<Option<(ConversationRowId, u64)>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT c.number, c.receipts_change FROM conversations c
             JOIN members m ON m.conversation = c.number AND m.device = ?2 WHERE c.id = ?1",
        )?
        .query_row((conversation_id.as_bytes(), device_id.as_bytes()), |row| {
            Ok((row.get(0)?, from_sql(row.get(1)?)))
        })
        .optional()?)
}

fn changed_after(
    connection: &Connection,
    row_id: ConversationRowId,
    after_change: u64,
    receipts_max: usize,
) -> Result<Vec<SealedReceipt>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT device, version, change, sealed FROM receipts
         WHERE conversation = ?1 AND change > ?2 ORDER BY change LIMIT ?3",
    )?;
    let found = statement.query_map(
        (row_id, to_sql(after_change), to_sql(receipts_max as u64)),
        |row| SealedReceipt::try_from(row),
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use crate::store::{SqliteStore, conformance::receipts::receipt_store_conformance};

    receipt_store_conformance!({
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path()).unwrap(), folder)
    });
}
