//! Account records, as this device has them.

use rusqlite::{Connection, Row, params};
use subrosa_wire::ConversationId;

use super::{corrupt, from_sql, id_bytes, readable, to_sql};
use crate::{account::record::AccountRecord, database::DatabaseError};

/// A row of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecordRow {
    /// The value at the server that is merged; 0 if none is.
    pub revision: u64,
    pub record: AccountRecord,
    /// How often the contents were changed.
    pub changes: u64,
    /// Whether the server is still to get them.
    pub is_dirty: bool,
}

impl RecordRow {
    /// Changes the record on this device. Returns whether anything was changed: then the server is to get it.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut AccountRecord)) -> bool {
        let before = self.record.clone();
        change(&mut self.record);
        let is_changed = self.record != before;
        self.changes += u64::from(is_changed);
        self.is_dirty |= is_changed;
        is_changed
    }
}

fn record(row: &Row<'_>) -> Result<(ConversationId, RecordRow), DatabaseError> {
    let id = ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(0)?)?);
    let contents: Vec<u8> = row.get(2)?;
    let record = AccountRecord::decode(&contents).map_err(|_| corrupt("an account record"))?;
    let row = RecordRow {
        revision: from_sql(row.get(1)?)?,
        record,
        changes: from_sql(row.get(3)?)?,
        is_dirty: row.get(4)?,
    };
    Ok((id, row))
}

/// The record of a conversation; an empty one if there is none that can be read.
pub(crate) fn load(conn: &Connection, id: ConversationId) -> Result<RecordRow, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT conversation_id, revision, contents, changes, is_dirty FROM records WHERE conversation_id = ?1",
    )?;
    let rows = readable(statement.query([id.as_bytes()])?, record)?;
    Ok(rows.into_iter().next().map(|(_, row)| row).unwrap_or_default())
}

pub(crate) fn store(conn: &Connection, id: ConversationId, row: &RecordRow) -> Result<(), DatabaseError> {
    conn.prepare_cached(
        "INSERT INTO records (conversation_id, revision, contents, changes, is_dirty) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (conversation_id) DO UPDATE SET revision = excluded.revision, contents = excluded.contents,
                                                     changes = excluded.changes, is_dirty = excluded.is_dirty",
    )?
    .execute(params![
        id.as_bytes(),
        to_sql(row.revision),
        row.record.encode(),
        to_sql(row.changes),
        row.is_dirty,
    ])?;
    Ok(())
}

pub(crate) fn delete(conn: &Connection, id: ConversationId) -> Result<(), DatabaseError> {
    conn.prepare_cached("DELETE FROM records WHERE conversation_id = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// Records that the server is to get: that of the account, and those of conversations that this device is in, at most
/// `count_max` of them. Until then the id of a conversation may change.
pub(crate) fn to_put(
    conn: &Connection,
    account: ConversationId,
    count_max: usize,
) -> Result<Vec<(ConversationId, RecordRow)>, DatabaseError> {
    let own = load(conn, account)?;
    let mut records: Vec<_> = own.is_dirty.then_some((account, own)).into_iter().collect();
    let mut statement = conn.prepare_cached(
        "SELECT r.conversation_id, r.revision, r.contents, r.changes, r.is_dirty
         FROM records r JOIN conversations c ON c.conversation_id = r.conversation_id
         WHERE r.is_dirty = 1 AND c.state = 2 AND c.entering = 0 LIMIT ?1",
    )?;
    records.extend(readable(
        statement.query([i64::try_from(count_max).unwrap_or(i64::MAX)])?,
        record,
    )?);
    Ok(records)
}

/// Notes that the server may lack any of them.
pub(crate) fn put_all_again(conn: &Connection) -> Result<(), DatabaseError> {
    conn.execute("UPDATE records SET is_dirty = 1", [])?;
    Ok(())
}

/// The newest change that is merged; 0 if none is.
pub(crate) fn newest_change(conn: &Connection) -> Result<u64, DatabaseError> {
    let change = conn
        .prepare_cached("SELECT records_change FROM profile WHERE id = 1")?
        .query_row([], |row| row.get(0))?;
    from_sql(change)
}

/// The incarnation of the server that the newest change is from.
pub(crate) fn incarnation(conn: &Connection) -> Result<Option<Vec<u8>>, DatabaseError> {
    Ok(conn
        .prepare_cached("SELECT records_incarnation FROM profile WHERE id = 1")?
        .query_row([], |row| row.get(0))?)
}

pub(crate) fn set_incarnation(conn: &Connection, incarnation: &[u8]) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE profile SET records_incarnation = ?1 WHERE id = 1")?
        .execute([incarnation])?;
    Ok(())
}

pub(crate) fn set_newest_change(conn: &Connection, change: u64) -> Result<(), DatabaseError> {
    conn.prepare_cached("UPDATE profile SET records_change = ?1 WHERE id = 1")?
        .execute([to_sql(change)])?;
    Ok(())
}
