//! How ids, counts and places stand in rows.

use rusqlite::{
    Connection, OptionalExtension as _, Row, ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};
use subrosa_mls::LogHash;
use subrosa_wire::{ConversationId, DeviceId, SendId, Timestamp};

use crate::store::{
    StoreError,
    delivery::{Acceptance, Accepted, ConversationRowId},
};

/// Bits of a log position that hold the seq; the conversation's row id stands above.
const SEQ_BITS: u32 = 32;
/// The last seq that a log can have.
pub(super) const SEQ_MAX: u64 = u32::MAX as u64;

impl ToSql for ConversationRowId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_i64().into())
    }
}

impl FromSql for ConversationRowId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::new)
    }
}

/// A count as SQLite keeps it. Beyond what it can keep, no row compares equal or higher.
pub(in crate::store::sqlite) fn to_sql(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count of a row; the schema's checks keep it from being negative.
pub(in crate::store::sqlite) fn from_sql(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The place of an entry in the log table, for a seq up to [`SEQ_MAX`].
pub(super) fn position(row_id: ConversationRowId, seq: u64) -> i64 {
    (row_id.as_i64() << SEQ_BITS) | to_sql(seq.min(SEQ_MAX))
}

/// The seq of a place.
pub(super) fn seq_of(position: i64) -> u64 {
    from_sql(position & to_sql(SEQ_MAX))
}

/// What every entry needs of its conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConversationRow {
    pub(super) row_id: ConversationRowId,
    pub(super) head_seq: u64,
    pub(super) head_hash: LogHash,
    pub(super) epoch: u64,
    pub(super) first_seq: u64,
}

impl TryFrom<&Row<'_>> for ConversationRow {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            row_id: row.get("number")?,
            head_seq: from_sql(row.get("head_seq")?),
            head_hash: LogHash::from_bytes(row.get("head_hash")?),
            epoch: from_sql(row.get("epoch")?),
            first_seq: from_sql(row.get("first_seq")?),
        })
    }
}

pub(super) fn conversation(
    connection: &Connection,
    id: ConversationId,
) -> Result<Option<ConversationRow>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT number, head_seq, head_hash, epoch, first_seq FROM conversations WHERE id = ?1",
        )?
        .query_row([id.as_bytes()], |row| ConversationRow::try_from(row))
        .optional()?)
}

/// A device in a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemberRow {
    pub(super) device_id: DeviceId,
    pub(super) joined_seq: u64,
    pub(super) acked_seq: u64,
    pub(super) last_send_number: u64,
    pub(super) last_send_seq: u64,
    pub(super) signed_out: bool,
}

impl TryFrom<&Row<'_>> for MemberRow {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            device_id: DeviceId::from_bytes(row.get("device")?),
            joined_seq: from_sql(row.get("joined_seq")?),
            acked_seq: from_sql(row.get("acked_seq")?),
            last_send_number: from_sql(row.get("last_send_number")?),
            last_send_seq: from_sql(row.get("last_send_seq")?),
            signed_out: row.get("signed_out")?,
        })
    }
}

pub(super) fn member(
    connection: &Connection,
    row_id: ConversationRowId,
    device_id: DeviceId,
) -> Result<Option<MemberRow>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT device, joined_seq, acked_seq, last_send_number, last_send_seq, signed_out
             FROM members WHERE conversation = ?1 AND device = ?2",
        )?
        .query_row((row_id, device_id.as_bytes()), |row| MemberRow::try_from(row))
        .optional()?)
}

/// The members of a conversation, in the order of their ids.
pub(super) fn members(
    connection: &Connection,
    row_id: ConversationRowId,
) -> Result<Vec<MemberRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT device, joined_seq, acked_seq, last_send_number, last_send_seq, signed_out
         FROM members WHERE conversation = ?1 ORDER BY device",
    )?;
    let rows = statement.query_map([row_id], |row| MemberRow::try_from(row))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An entry of the log that was stored before, as its first answer.
pub(super) fn stored_send(row: &Row<'_>) -> Result<(SendId, Accepted), rusqlite::Error> {
    let send_id = SendId::from_bytes(row.get("send_id")?);
    let accepted = Accepted {
        seq: seq_of(row.get("position")?),
        epoch: from_sql(row.get("epoch")?),
        accepted_at: Timestamp::from_millis(from_sql(row.get("accepted_at")?)),
        hash: row.get::<_, Option<_>>("hash")?.map(LogHash::from_bytes),
        acceptance: Acceptance::Duplicate,
    };
    Ok((send_id, accepted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_by_conversation_and_then_by_seq() {
        let row_id = ConversationRowId::new;
        assert!(position(row_id(1), SEQ_MAX) < position(row_id(2), 1));
        assert!(position(row_id(1), 1) < position(row_id(1), 2));
        let place = position(row_id(2_147_483_647), SEQ_MAX);
        assert_eq!((place >> SEQ_BITS, seq_of(place)), (2_147_483_647, SEQ_MAX));
    }

    #[test]
    fn a_place_keeps_its_form() {
        assert_eq!(position(ConversationRowId::new(3), 5), 0x3_0000_0005);
    }
}
