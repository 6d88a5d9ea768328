//! Receipts: for each device in a group the newest value that it has encrypted for the other members.
//!
//! Sizes have been checked before; the store adds what only a transaction can: that the device is a member, that
//! versions only grow, and the order of a conversation's changes. A receipt is deleted when its device leaves the group.

use async_trait::async_trait;
use bytes::Bytes;
use subrosa_wire::{ConversationId, DeviceId, Timestamp};

use super::{StoreError, delivery::LogRefusal};

/// The receipt of a device in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedReceipt {
    /// Whose it is.
    pub device_id: DeviceId,
    /// Chosen by the device.
    pub version: u64,
    /// Orders the changes of all receipts of the conversation: the time at which this value was stored, in milliseconds
    /// since 1970 UTC, or the next number after the conversation's newest change if that is higher.
    pub change: u64,
    /// The value.
    pub sealed: Bytes,
}

/// A value that wants to replace the receipt of a device.
#[derive(Debug, Clone)]
pub struct ReceiptWrite {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The device.
    pub device_id: DeviceId,
    /// Chosen by the device: only a higher one replaces a lower one.
    pub version: u64,
    /// The value.
    pub sealed: Bytes,
    /// The server's time, which becomes the number of the change.
    pub now: Timestamp,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// This transaction stored it.
    Stored {
        /// The number of the change.
        change: u64,
        /// The conversation's newest change before this one; 0 if it had none.
        after_change: u64,
    },
    /// It was stored before, and is the newest. Which change came before it is no longer known.
    Duplicate {
        /// The number of the change.
        change: u64,
    },
    /// It was not stored: there is a value of a higher version, or another one of the same version.
    Outdated {
        /// The version that is stored.
        version: u64,
    },
}

/// Which receipts of a conversation a device wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedReceipts {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Those with later changes.
    pub after_change: u64,
}

/// Some of the receipts of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptsPage {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Ascending by change.
    pub receipts: Vec<SealedReceipt>,
    /// The newest change of the conversation, even if that receipt was deleted; 0 if there was none, or the device is not
    /// a member. If the last receipt is from an earlier one, more may follow; if there is no receipt here, none does.
    pub newest_change: u64,
}

/// The storage of receipts. Every write is durable when its future resolves.
#[async_trait]
pub trait ReceiptStore: Send + Sync {
    /// Replaces the receipt of a device if the value has a higher version. The device must be a member of the group, and
    /// signed in; otherwise the refusal is the one that a message of it would get.
    ///
    /// The number of the change is the time of the write, but always higher than the conversation's newest one, deleted
    /// receipts included. If it were a count, a database that was restored from an older copy would give out numbers
    /// again.
    async fn put_receipt(
        &self,
        write: ReceiptWrite,
    ) -> Result<Result<ReceiptOutcome, LogRefusal>, StoreError>;

    /// The receipts that a device wants, at most `receipts_max` together, in the order in which it wants them. A
    /// conversation that finds no room is left out, and so are those behind it. One in which the device is not a member
    /// has no receipts.
    async fn receipts(
        &self,
        device_id: DeviceId,
        wanted: Vec<WantedReceipts>,
        receipts_max: usize,
    ) -> Result<Vec<ReceiptsPage>, StoreError>;
}
