//! Account records on SQLite.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row};
use subrosa_wire::{AccountId, ConversationId};

use super::{
    SqliteStore,
    delivery::{from_sql, to_sql},
};
use crate::store::{
    StoreError,
    delivery::PageBounds,
    records::{
        PutOutcome, RecordStore, RecordWrite, RecordsPage, SMALL_RECORD_MAX, SealedRecord, TooManyRecords,
    },
};

#[async_trait]
impl RecordStore for SqliteStore {
    async fn put_record(&self, write: RecordWrite) -> Result<Result<PutOutcome, TooManyRecords>, StoreError> {
        self.write("put_record", move |context| put(&context.connection, write))
            .await
    }

    async fn records_page(
        &self,
        account_id: AccountId,
        after_change: u64,
        bounds: PageBounds,
    ) -> Result<RecordsPage, StoreError> {
        self.read("records_page", move |connection| {
            page(connection, account_id, after_change, bounds)
        })
        .await
    }

    async fn newest_record_change(&self, account_id: AccountId) -> Result<u64, StoreError> {
        self.read("newest_record_change", move |connection| {
            newest_change(connection, account_id)
        })
        .await
    }
}

impl TryFrom<&Row<'_>> for SealedRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            conversation_id: ConversationId::from_bytes(row.get("conversation")?),
            revision: from_sql(row.get("revision")?),
            change: from_sql(row.get("change")?),
            sealed: Bytes::from(row.get::<_, Vec<u8>>("sealed")?),
        })
    }
}

fn put(
    connection: &Connection,
    write: RecordWrite,
) -> Result<Result<PutOutcome, TooManyRecords>, StoreError> {
    let RecordWrite {
        account_id,
        conversation_id,
        replaces,
        sealed,
        now,
        records_max,
        bytes_max,
    } = write;
    let current = find(connection, account_id, conversation_id)?;
    if current.as_ref().map_or(0, |record| record.revision) != replaces {
        return Ok(Ok(match current {
            Some(record) if record.revision.checked_sub(1) == Some(replaces) && record.sealed == sealed => {
                PutOutcome::Duplicate(record)
            }
            current => PutOutcome::Conflict(current),
        }));
    }
    if current.is_none() && count(connection, account_id)? >= records_max as u64 {
        return Ok(Err(TooManyRecords));
    }
    if sealed.len() > SMALL_RECORD_MAX {
        let others = bytes_of_others(connection, account_id, conversation_id)?;
        if others + sealed.len() as u64 > bytes_max {
            return Ok(Err(TooManyRecords));
        }
    }
    let after_change = newest_change(connection, account_id)?;
    let record = SealedRecord {
        conversation_id,
        revision: replaces + 1,
        change: now.as_millis().max(after_change + 1),
        sealed,
    };
    let changed = connection
        .prepare_cached(
            "INSERT INTO account_records (account, conversation, revision, change, sealed)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (account, conversation) DO UPDATE SET
                 revision = excluded.revision, change = excluded.change, sealed = excluded.sealed",
        )?
        .execute((
            account_id.as_bytes(),
            record.conversation_id.as_bytes(),
            to_sql(record.revision),
            to_sql(record.change),
            record.sealed.as_ref(),
        ))?;
    StoreError::check_affected("put a record", changed, 1)?;
    Ok(Ok(PutOutcome::Stored { record, after_change }))
}

fn find(
    connection: &Connection,
    account_id: AccountId,
    conversation_id: ConversationId,
) -> Result<Option<SealedRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT conversation, revision, change, sealed FROM account_records
             WHERE account = ?1 AND conversation = ?2",
        )?
        .query_row((account_id.as_bytes(), conversation_id.as_bytes()), |row| {
            SealedRecord::try_from(row)
        })
        .optional()?)
}

/// The number of records of an account.
fn count(connection: &Connection, account_id: AccountId) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM account_records WHERE account = ?1")?
        .query_row([account_id.as_bytes()], |row| row.get(0))?;
    Ok(from_sql(count))
}

/// The bytes in all records of an account but one.
fn bytes_of_others(
    connection: &Connection,
    account_id: AccountId,
    conversation_id: ConversationId,
) -> Result<u64, StoreError> {
    let bytes: i64 = connection
        .prepare_cached(
            "SELECT coalesce(sum(length(sealed)), 0) FROM account_records WHERE account = ?1 AND conversation != ?2",
        )?
        .query_row((account_id.as_bytes(), conversation_id.as_bytes()), |row| {
            row.get(0)
        })?;
    Ok(from_sql(bytes))
}

fn newest_change(connection: &Connection, account_id: AccountId) -> Result<u64, StoreError> {
    let newest: i64 = connection
        .prepare_cached("SELECT coalesce(max(change), 0) FROM account_records WHERE account = ?1")?
        .query_row([account_id.as_bytes()], |row| row.get(0))?;
    Ok(from_sql(newest))
}

fn page(
    connection: &Connection,
    account_id: AccountId,
    after_change: u64,
    bounds: PageBounds,
) -> Result<RecordsPage, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT conversation, revision, change, sealed FROM account_records
         WHERE account = ?1 AND change > ?2 ORDER BY change LIMIT ?3",
    )?;
    let mut found = statement.query((account_id.as_bytes(), to_sql(after_change), bounds.entries_max))?;
    let mut records = Vec::new();
    let mut bytes_left = bounds.bytes_max;
    while let Some(row) = found.next()? {
        let record = SealedRecord::try_from(row)?;
        if !records.is_empty() && record.sealed.len() > bytes_left {
            break;
        }
        bytes_left = bytes_left.saturating_sub(record.sealed.len());
        records.push(record);
    }
    Ok(RecordsPage {
        records,
        newest_change: newest_change(connection, account_id)?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use crate::store::{SqliteStore, conformance::records::record_store_conformance};

    record_store_conformance!({
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path()).unwrap(), folder)
    });
}
