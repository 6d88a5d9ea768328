//! Receipts: what is to be said about this device, what the other devices have said, and the keys of both.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use subrosa_wire::{AccountId, DeviceId, Timestamp};
use zeroize::Zeroizing;

use super::{corrupt, from_sql, id_bytes, readable, to_sql};
use crate::{
    ChatId,
    database::DatabaseError,
    limits::{RECEIPT_EPOCHS_MAX, RECEIPT_KEYS_KEPT},
    receipts::format::{Covered, ReceiptKey},
};

const SEQ_LEN: usize = size_of::<u64>();

fn exceptions_to_sql(exceptions: &[u64]) -> Vec<u8> {
    exceptions.iter().flat_map(|seq| seq.to_be_bytes()).collect()
}

fn exceptions_from_sql(bytes: &[u8]) -> Result<Vec<u64>, DatabaseError> {
    let (seqs, rest) = bytes.as_chunks::<SEQ_LEN>();
    if !rest.is_empty() {
        return Err(corrupt("the exceptions of a receipt"));
    }
    Ok(seqs.iter().map(|seq| u64::from_be_bytes(*seq)).collect())
}

// ---- of this device ----

/// What this device has to say about itself in a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnReceipt {
    /// Of the last receipt that was sent.
    pub version: u64,
    /// What it does not cover. How far it goes, cursor and messages say.
    pub covered: Covered,
    /// How often there was something to report.
    pub changes: u64,
    /// How many of these changes the server has.
    pub reported: u64,
}

impl OwnReceipt {
    /// Whether the server lacks something.
    pub(crate) fn is_due(&self) -> bool {
        self.changes > self.reported
    }
}

/// What this device has to say; the default if there was nothing yet.
pub(crate) fn own(conn: &Connection, chat: ChatId) -> Result<OwnReceipt, DatabaseError> {
    let row = conn
        .prepare_cached(
            "SELECT version, since, exceptions, changes, reported FROM own_receipts WHERE conversation = ?1",
        )?
        .query_row([chat], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })
        .optional()?;
    let Some((version, since, exceptions, changes, reported)) = row else {
        return Ok(OwnReceipt::default());
    };
    Ok(OwnReceipt {
        version: from_sql(version)?,
        covered: Covered {
            since: from_sql(since)?,
            exceptions: exceptions_from_sql(&exceptions)?,
            ..Covered::default()
        },
        changes: from_sql(changes)?,
        reported: from_sql(reported)?,
    })
}

pub(crate) fn set_own(conn: &Connection, chat: ChatId, own: &OwnReceipt) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO own_receipts (conversation, version, since, exceptions, changes, reported)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        chat,
        to_sql(own.version),
        to_sql(own.covered.since),
        exceptions_to_sql(&own.covered.exceptions),
        to_sql(own.changes),
        to_sql(own.reported),
    ])?;
    Ok(())
}

/// Notes that there is something to report.
pub(crate) fn add_change(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT INTO own_receipts (conversation, version, since, exceptions, changes, reported)
         VALUES (?1, 0, 0, x'', 1, 0)
         ON CONFLICT (conversation) DO UPDATE SET changes = changes + 1",
    )?
    .execute([chat])?;
    Ok(())
}

/// Notes that the server may lack any of them. Returns the conversations that are concerned.
pub(crate) fn put_all_again(conn: &Connection) -> Result<Vec<ChatId>, DatabaseError> {
    conn.execute(
        "UPDATE own_receipts SET changes = changes + 1 WHERE version > 0",
        [],
    )?;
    due(conn)
}

/// The conversations in which the server lacks something that this device has to say.
pub(crate) fn due(conn: &Connection) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement =
        conn.prepare_cached("SELECT conversation FROM own_receipts WHERE changes > reported")?;
    readable(statement.query([])?, |row| Ok(row.get(0)?))
}

// ---- of others ----

/// The newest receipt of another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceiptRow {
    pub device: DeviceId,
    pub account: AccountId,
    pub version: u64,
    pub covered: Covered,
}

const COLUMNS: &str = "device, account, version, since, delivered, read, exceptions FROM receipts";

fn receipt(row: &Row<'_>) -> Result<ReceiptRow, DatabaseError> {
    Ok(ReceiptRow {
        device: DeviceId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?),
        account: AccountId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?),
        version: from_sql(row.get(2)?)?,
        covered: Covered {
            since: from_sql(row.get(3)?)?,
            delivered: from_sql(row.get(4)?)?,
            read: from_sql(row.get(5)?)?,
            exceptions: exceptions_from_sql(&row.get::<_, Vec<u8>>(6)?)?,
        },
    })
}

/// The receipts of all other devices of a conversation.
pub(crate) fn all(conn: &Connection, chat: ChatId) -> Result<Vec<ReceiptRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} WHERE conversation = ?1"))?;
    let mut rows = statement.query([chat])?;
    let mut receipts = Vec::new();
    while let Some(row) = rows.next()? {
        receipts.push(receipt(row)?);
    }
    Ok(receipts)
}

pub(crate) fn set(conn: &Connection, chat: ChatId, row: &ReceiptRow) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO receipts
             (conversation, device, account, version, since, delivered, read, exceptions)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        chat,
        row.device.as_bytes(),
        row.account.as_bytes(),
        to_sql(row.version),
        to_sql(row.covered.since),
        to_sql(row.covered.delivered),
        to_sql(row.covered.read),
        exceptions_to_sql(&row.covered.exceptions),
    ])?;
    Ok(())
}

/// Forgets what a device that has left has said.
pub(crate) fn delete(conn: &Connection, chat: ChatId, device: DeviceId) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM receipts WHERE conversation = ?1 AND device = ?2")?
        .execute(params![chat, device.as_bytes()])?;
    Ok(())
}

/// Takes back what was said about entries after a place: the log goes on there with others.
pub(crate) fn end_at(conn: &Connection, chat: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "UPDATE receipts SET delivered = MIN(delivered, ?2), read = MIN(read, ?2), since = MIN(since, ?2)
         WHERE conversation = ?1",
    )?
    .execute(params![chat, to_sql(seq)])?;
    Ok(())
}

/// Forgets everything of a conversation that begins anew under another id.
pub(crate) fn clear(conn: &Connection, chat: ChatId) -> Result<(), DatabaseError> {
    for table in ["receipts", "receipt_keys", "own_receipts", "resent_messages"] {
        conn.execute(&format!("DELETE FROM {table} WHERE conversation = ?1"), [chat])?;
    }
    set_change(conn, chat, 0)
}

// ---- keys ----

/// Keeps the key of an epoch, and forgets those of this conversation that are too old or too many.
pub(crate) fn add_key(
    conn: &Connection,
    chat: ChatId,
    (epoch, key): (u64, &ReceiptKey),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let oldest = now.minus(RECEIPT_KEYS_KEPT);
    conn.prepare_cached("DELETE FROM receipt_keys WHERE conversation = ?1 AND epoch <= ?2")?
        .execute(params![chat, to_sql(epoch.saturating_sub(RECEIPT_EPOCHS_MAX))])?;
    conn.prepare_cached("DELETE FROM receipt_keys WHERE conversation = ?1 AND began_at < ?2")?
        .execute(params![chat, to_sql(oldest.as_millis())])?;
    conn.prepare_cached(
        "INSERT OR REPLACE INTO receipt_keys (conversation, epoch, key, began_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        chat,
        to_sql(epoch),
        key.as_slice(),
        to_sql(now.as_millis())
    ])?;
    Ok(())
}

/// The key of an epoch, if this device was in it and has not forgotten it.
pub(crate) fn key(conn: &Connection, chat: ChatId, epoch: u64) -> Result<Option<ReceiptKey>, DatabaseError> {
    let bytes: Option<Vec<u8>> = conn
        .prepare_cached("SELECT key FROM receipt_keys WHERE conversation = ?1 AND epoch = ?2")?
        .query_row(params![chat, to_sql(epoch)], |row| row.get(0))
        .optional()?;
    let Some(bytes) = bytes.map(Zeroizing::new) else {
        return Ok(None);
    };
    let key = <[u8; _]>::try_from(&bytes[..]).map_err(|_| corrupt("the key of receipts"))?;
    Ok(Some(Zeroizing::new(key)))
}

// ---- changes ----

/// The newest change of the receipts at the server that was looked at.
pub(crate) fn change(conn: &Connection, chat: ChatId) -> Result<u64, DatabaseError> {
    let change = conn
        .prepare_cached("SELECT receipts_change FROM conversations WHERE id = ?1")?
        .query_row([chat], |row| row.get(0))?;
    from_sql(change)
}

pub(crate) fn set_change(conn: &Connection, chat: ChatId, change: u64) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE conversations SET receipts_change = ?2 WHERE id = ?1")?
        .execute(params![chat, to_sql(change)])?;
    Ok(())
}
