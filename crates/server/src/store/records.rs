//! Account records: for each account and conversation the newest value that the account's devices have encrypted.
//!
//! Sizes have been checked before; the store adds what only a transaction can: the compare-and-set on the revision, and
//! the order of an account's changes. Records are never deleted.

use async_trait::async_trait;
use bytes::Bytes;
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::{StoreError, delivery::PageBounds};

/// A record of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRecord {
    /// The conversation that it is about. The account need not be in it, and the server need not know it.
    pub conversation_id: ConversationId,
    /// Counts the values of this record, from 1.
    pub revision: u64,
    /// Orders the changes of all records of the account: the time at which this value was stored, in milliseconds since
    /// 1970 UTC, or the next number after the account's newest change if that is higher.
    pub change: u64,
    /// The value.
    pub sealed: Bytes,
}

/// A value of at most this length is taken whatever the others have: their number bounds them.
pub const SMALL_RECORD_MAX: usize = 1024;

/// A value that wants to be the newest of a record.
#[derive(Debug, Clone)]
pub struct RecordWrite {
    /// Whose record it is.
    pub account_id: AccountId,
    /// The conversation that it is about.
    pub conversation_id: ConversationId,
    /// The revision that the value was made from; 0 if there was none.
    pub replaces: u64,
    /// The value.
    pub sealed: Bytes,
    /// The server's time, which becomes the number of the change.
    pub now: Timestamp,
    /// The most records that the account may have.
    pub records_max: usize,
    /// The most bytes that they may have together, with this one. Not looked at for a value of at most
    /// [`SMALL_RECORD_MAX`] bytes.
    pub bytes_max: u64,
}

/// What became of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// This transaction stored it.
    Stored {
        /// The record now.
        record: SealedRecord,
        /// The account's newest change before this one; 0 if it had none.
        after_change: u64,
    },
    /// It was stored before, and is the newest. This is the record; which change came before it is no longer known.
    Duplicate(SealedRecord),
    /// It was made from another revision than the newest, and was not stored. This is the record as it is; `None` if
    /// there is none.
    Conflict(Option<SealedRecord>),
}

/// The account has as many records, or as many bytes in them, as it may have. The value was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyRecords;

/// Some of the records of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsPage {
    /// Ascending by change.
    pub records: Vec<SealedRecord>,
    /// The newest change of the account; 0 if it has no records. If the last record is from an earlier one, more
    /// follow.
    pub newest_change: u64,
}

/// The storage of account records. Every write is durable when its future resolves.
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// Makes a value the newest of its record, if it was made from the newest. The record's revision grows by one.
    ///
    /// The number of the change is the time of the write, but always higher than the account's newest one. If it were
    /// a count, a database that was restored from an older copy would give out numbers again for other changes, and a
    /// device that was away would believe that it has them.
    async fn put_record(&self, write: RecordWrite) -> Result<Result<PutOutcome, TooManyRecords>, StoreError>;

    /// The account's records with a change after this one, as many as the bounds allow.
    async fn records_page(
        &self,
        account_id: AccountId,
        after_change: u64,
        bounds: PageBounds,
    ) -> Result<RecordsPage, StoreError>;

    /// The newest change of the account; 0 if it has no records.
    async fn newest_record_change(&self, account_id: AccountId) -> Result<u64, StoreError>;
}
