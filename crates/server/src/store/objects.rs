//! Sealed objects: small values under random ids, encrypted by clients.
//!
//! Sizes have been checked before; the store adds what only a transaction can: the compare-and-set on the revision, who
//! may replace an object, and how much an account may keep.

use async_trait::async_trait;
use bytes::Bytes;
use subrosa_wire::{AccountId, ConversationId, ObjectId, Timestamp};

use super::StoreError;

/// What an account wants to do to an object.
#[derive(Debug, Clone)]
pub struct ObjectWrite {
    /// The object.
    pub object_id: ObjectId,
    /// The account that writes.
    pub account_id: AccountId,
    /// What it wants.
    pub change: ObjectChange,
    /// The server's time.
    pub now: Timestamp,
    /// The most objects that an account may have made.
    pub objects_max: usize,
    /// The most bytes that they may have together.
    pub bytes_max: u64,
}

/// A change of an object.
#[derive(Debug, Clone)]
pub enum ObjectChange {
    /// Makes it.
    Create {
        /// Its first value.
        sealed: Bytes,
        /// The conversation that it belongs to; `None` if it is the account's alone.
        conversation_id: Option<ConversationId>,
    },
    /// Replaces its value.
    Replace {
        /// The revision that is replaced.
        revision: u64,
        /// The value.
        sealed: Bytes,
    },
    /// Deletes it.
    Delete {
        /// The revision that is deleted.
        revision: u64,
    },
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectOutcome {
    /// The object is as it should be: this transaction has made it so, or it was so before. This is its revision, 0 if it
    /// is deleted.
    Done(u64),
    /// Nothing was changed, because the object has another revision: this one, 0 if there is no such object.
    Conflict(u64),
}

/// Why an object was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectRefusal {
    /// It is of another account, or of a conversation that the account is not in.
    NotAllowed,
    /// The account is not in the conversation for which it wants to make an object.
    NotAMember,
    /// The account that has made it would have more objects, or more bytes in them, than it may have.
    TooManyObjects,
}

/// An object as one who knows its id sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRecord {
    /// Counts its values, from 1.
    pub revision: u64,
    /// The value; `None` if the reader has it.
    pub sealed: Option<Bytes>,
}

/// The storage of sealed objects. Every write is durable when its future resolves.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Changes an object, if it has the revision that the change is for. Its revision grows by one.
    ///
    /// Who may: of an object of a conversation, the accounts that are in the conversation now; of another, the account
    /// that made it.
    async fn put_object(
        &self,
        write: ObjectWrite,
    ) -> Result<Result<ObjectOutcome, ObjectRefusal>, StoreError>;

    /// An object, without its value if the reader knows this revision already.
    async fn object(
        &self,
        object_id: ObjectId,
        known_revision: u64,
    ) -> Result<Option<ObjectRecord>, StoreError>;
}
