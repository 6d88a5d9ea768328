//! Rows of the log.

use bytes::Bytes;
use rusqlite::Connection;
use subrosa_mls::{EntryKind, LogHash};
use subrosa_wire::Timestamp;

use super::rows::{SEQ_MAX, position, to_sql};
use crate::store::{
    StoreError,
    delivery::{ConversationRowId, LogRefusal, SendKey},
};

/// A row of the log.
pub(super) struct NewEntry<'a> {
    pub(super) key: &'a SendKey,
    pub(super) accepted_at: Timestamp,
    /// The epoch after it.
    pub(super) epoch: u64,
    pub(super) kind: EntryKind,
    pub(super) payload: &'a Bytes,
    /// The log chain after it.
    pub(super) hash: LogHash,
}

impl NewEntry<'_> {
    pub(super) fn insert(
        &self,
        connection: &Connection,
        row_id: ConversationRowId,
        seq: u64,
    ) -> Result<(), StoreError> {
        let changed = connection
            .prepare_cached(
                "INSERT INTO log (position, send_id, accepted_at, epoch, is_commit, is_leave, payload, sender, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute((
                position(row_id, seq),
                self.key.send_id.as_bytes(),
                to_sql(self.accepted_at.as_millis()),
                to_sql(self.epoch),
                self.kind == EntryKind::Commit,
                self.kind == EntryKind::Leave,
                self.payload.as_ref(),
                self.key.device_id.as_bytes(),
                self.hash.as_bytes(),
            ))?;
        StoreError::check_affected("append to a log", changed, 1)
    }
}

/// The next place after a head.
pub(super) fn next_seq(head_seq: u64) -> Result<u64, LogRefusal> {
    if head_seq >= SEQ_MAX {
        Err(LogRefusal::LogIsFull)
    } else {
        Ok(head_seq + 1)
    }
}
