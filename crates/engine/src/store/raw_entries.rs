//! The newest entries of each log as the server has shown them.

use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};
use subrosa_mls::LogHash;
use subrosa_wire::{Timestamp, frames::LogEntry};

use super::{corrupt, from_sql, log_hash, to_sql};
use crate::{
    ChatId,
    database::DatabaseError,
    limits::{RAW_AGE_MAX, RAW_BYTES_MAX, RAW_PRUNED_EVERY},
};

/// Bits of a position that hold the seq.
const SEQ_BITS: u32 = 32;
const SEQ_MAX: u64 = u32::MAX as u64;

fn position(chat: ChatId, seq: u64) -> i64 {
    (chat.get() << SEQ_BITS) | to_sql(seq.min(SEQ_MAX))
}

fn seq_of(position: i64) -> Result<u64, DatabaseError> {
    from_sql(position & to_sql(SEQ_MAX))
}

/// Keeps an entry, and drops those that are too old or too many from time to time.
pub(crate) fn insert(
    conn: &Connection,
    chat: ChatId,
    now: Timestamp,
    hash_before: Option<LogHash>,
    entry: &LogEntry,
) -> Result<(), DatabaseError> {
    if entry.seq > SEQ_MAX {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT OR REPLACE INTO raw_entries (position, kept_at, hash_before, entry) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        position(chat, entry.seq),
        to_sql(now.as_millis()),
        hash_before.map(|hash| *hash.as_bytes()),
        entry.encode_to_vec(),
    ])?;
    if entry.seq.is_multiple_of(RAW_PRUNED_EVERY) {
        prune(conn, chat, now)?;
    }
    Ok(())
}

fn prune(conn: &Connection, chat: ChatId, now: Timestamp) -> Result<(), DatabaseError> {
    let oldest = to_sql(now.minus(RAW_AGE_MAX).as_millis());
    let mut statement = conn.prepare_cached(
        "SELECT position, kept_at, LENGTH(entry) FROM raw_entries
         WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC",
    )?;
    let mut rows = statement.query([position(chat, 0), position(chat, SEQ_MAX)])?;
    let mut bytes: u64 = 0;
    while let Some(row) = rows.next()? {
        let (place, kept_at): (i64, i64) = (row.get(0)?, row.get(1)?);
        bytes = bytes.saturating_add(from_sql(row.get(2)?)?);
        if kept_at < oldest || bytes > RAW_BYTES_MAX {
            conn.prepare_cached("DELETE FROM raw_entries WHERE position BETWEEN ?1 AND ?2")?
                .execute([position(chat, 0), place])?;
            break;
        }
    }
    Ok(())
}

/// The log chain before an entry that is kept, if it was known.
pub(crate) fn hash_before(
    conn: &Connection,
    chat: ChatId,
    seq: u64,
) -> Result<Option<LogHash>, DatabaseError> {
    let bytes: Option<Option<Vec<u8>>> = conn
        .prepare_cached("SELECT hash_before FROM raw_entries WHERE position = ?1")?
        .query_row([position(chat, seq)], |row| row.get(0))
        .optional()?;
    log_hash(bytes.flatten())
}

/// What is kept between two places: entries that follow each other.
pub(crate) struct Run {
    pub entries: Vec<LogEntry>,
    bytes: usize,
}

impl Run {
    const EMPTY: Self = Self {
        entries: Vec::new(),
        bytes: 0,
    };

    /// Takes an entry if there is room and it is the one that is wanted.
    fn take(&mut self, entry: LogEntry, wanted: u64, entries_max: usize, bytes_max: usize) -> bool {
        let bytes = entry.encoded_len();
        let has_room = self.entries.is_empty() || self.bytes + bytes <= bytes_max;
        if entry.seq != wanted || !has_room || self.entries.len() >= entries_max {
            return false;
        }
        self.bytes += bytes;
        self.entries.push(entry);
        true
    }
}

/// The entries that follow a place, at most up to another.
pub(crate) fn after(
    conn: &Connection,
    chat: ChatId,
    (after, through): (u64, u64),
    entries_max: usize,
    bytes_max: usize,
) -> Result<Vec<LogEntry>, DatabaseError> {
    let mut run = Run::EMPTY;
    let mut statement = conn.prepare_cached(
        "SELECT position, entry FROM raw_entries WHERE position BETWEEN ?1 AND ?2 ORDER BY position",
    )?;
    let mut rows = statement.query([position(chat, after + 1), position(chat, through)])?;
    let mut wanted = after + 1;
    while let Some(row) = rows.next()? {
        if !run.take(entry(row)?, wanted, entries_max, bytes_max) {
            break;
        }
        wanted += 1;
    }
    Ok(run.entries)
}

/// The newest entries up to a place.
pub(crate) fn newest(
    conn: &Connection,
    chat: ChatId,
    through: u64,
    entries_max: usize,
    bytes_max: usize,
) -> Result<Vec<LogEntry>, DatabaseError> {
    let mut run = Run::EMPTY;
    let mut statement = conn.prepare_cached(
        "SELECT position, entry FROM raw_entries WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC",
    )?;
    let mut rows = statement.query([position(chat, 1), position(chat, through)])?;
    let mut wanted = through;
    while let Some(row) = rows.next()? {
        if !run.take(entry(row)?, wanted, entries_max, bytes_max) {
            break;
        }
        wanted -= 1;
    }
    run.entries.reverse();
    Ok(run.entries)
}

/// The first place from which on everything up to another is kept; the one after that if nothing is.
pub(crate) fn first(conn: &Connection, chat: ChatId, through: u64) -> Result<u64, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT position FROM raw_entries WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC",
    )?;
    let mut rows = statement.query([position(chat, 1), position(chat, through)])?;
    let mut first = through + 1;
    while let Some(row) = rows.next()? {
        if seq_of(row.get(0)?)? + 1 != first {
            break;
        }
        first -= 1;
    }
    Ok(first)
}

/// Drops the entries beyond a place: the log goes on with others.
pub(crate) fn delete_beyond(conn: &Connection, chat: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM raw_entries WHERE position BETWEEN ?1 AND ?2")?
        .execute([position(chat, seq + 1), position(chat, SEQ_MAX)])?;
    Ok(())
}

/// Drops the entries up to a place: the log had others there.
pub(crate) fn delete_through(conn: &Connection, chat: ChatId, seq: u64) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM raw_entries WHERE position BETWEEN ?1 AND ?2")?
        .execute([position(chat, 0), position(chat, seq)])?;
    Ok(())
}

fn entry(row: &rusqlite::Row<'_>) -> Result<LogEntry, DatabaseError> {
    let bytes: Vec<u8> = row.get(1)?;
    LogEntry::decode(&bytes[..]).map_err(|_| corrupt("an entry of a log"))
}
