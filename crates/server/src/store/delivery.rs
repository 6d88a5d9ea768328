//! What delivery keeps: conversations and their logs, groups, welcomes, key packages.
//!
//! Everything here has been validated before; the store adds what only a transaction can: the order of a
//! log, the compare-and-set on its epoch, and that nothing is half done.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use subrosa_mls::{ChainedEntry, ConversationKind, EntryKind, FIRST_FOUNDING, LogClaim, LogHash};
use subrosa_wire::{AccountId, ConversationId, DeviceId, LinkId, SendId, Timestamp};

use super::{
    StoreError,
    links::{KeptLink, LinkClosed},
};

/// Which send of which device: what makes a retry recognisable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendKey {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The device that sends.
    pub device_id: DeviceId,
    /// Chosen by the device; the same in each retry.
    pub send_id: SendId,
    /// The device's count in this conversation, from 1.
    pub send_number: u64,
}

impl SendKey {
    /// What the send is to the log chain in a place.
    pub const fn chained(
        &self,
        seq: u64,
        kind: EntryKind,
        accepted_at: Timestamp,
        payload_hash: [u8; 32],
    ) -> ChainedEntry {
        ChainedEntry {
            conversation_id: self.conversation_id,
            founding: FIRST_FOUNDING,
            seq,
            kind,
            sender: self.device_id,
            accepted_at,
            payload_hash,
        }
    }
}

/// One entry that wants to go into a log.
#[derive(Debug, Clone)]
pub enum LogWrite {
    /// A message of the head's epoch.
    Application(ApplicationWrite),
    /// A commit that ends the head's epoch.
    Commit(Box<CommitWrite>),
    /// A device of the head's epoch leaves.
    Leave(LeaveWrite),
    /// A conversation together with its first commit.
    Create(Box<CreateWrite>),
}

/// A message of a member.
#[derive(Debug, Clone)]
pub struct ApplicationWrite {
    /// Which send it is.
    pub key: SendKey,
    /// The epoch that it is encrypted for.
    pub epoch: u64,
    /// What its authenticated data says about the log.
    pub claim: LogClaim,
    /// `MLSMessage` with a `PrivateMessage`.
    pub message: Bytes,
    /// SHA-256 of it.
    pub message_hash: [u8; 32],
}

/// The validated proposal of a device that leaves, the last one of its account.
#[derive(Debug, Clone)]
pub struct LeaveWrite {
    /// Which send it is.
    pub key: SendKey,
    /// The account of the device, which is no longer one of the conversation.
    pub account_id: AccountId,
    /// The epoch, which goes on.
    pub epoch: u64,
    /// What its authenticated data says about the log.
    pub claim: LogClaim,
    /// `MLSMessage` with a `PublicMessage`.
    pub proposal: Bytes,
    /// How the public state is stored with it.
    pub view: ViewWrite,
}

/// How the public state of a group is stored that an entry has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewWrite {
    /// As a whole; what had changed before it is forgotten.
    Whole(Bytes),
    /// By the entry itself, which is applied to what is stored when that is loaded.
    Change,
}

impl ViewWrite {
    /// How many bytes are stored, beside the entry.
    pub fn size(&self) -> usize {
        match self {
            Self::Whole(view) => view.len(),
            Self::Change => 0,
        }
    }
}

/// An entry that has changed a group since its public state was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewChange {
    /// A commit: `MLSMessage` with a `PublicMessage`.
    Commit(Bytes),
    /// The proposal of a device that leaves: `MLSMessage` with a `PublicMessage`.
    Leave(Bytes),
}

/// How a committer stands to the group before its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committer {
    /// It is a member.
    Member,
    /// It joins by this commit; it may have been a member before.
    External,
}

/// A validated commit and all that changes with it.
#[derive(Debug, Clone)]
pub struct CommitWrite {
    /// Which send it is.
    pub key: SendKey,
    /// The account of the committing device.
    pub account_id: AccountId,
    /// How the device joins in.
    pub committer: Committer,
    /// The epoch that the commit ends; the next one is one higher.
    pub epoch: u64,
    /// What its authenticated data says about the log.
    pub claim: LogClaim,
    /// `MLSMessage` with a `PublicMessage`.
    pub commit: Bytes,
    /// How the public state after the commit is stored.
    pub view: ViewWrite,
    /// `MLSMessage` with the `GroupInfo` after the commit.
    pub group_info: Bytes,
    /// Devices that the commit adds, other than an external committer.
    pub added: Vec<(DeviceId, AccountId)>,
    /// Devices that the commit removes, among them the former leaf of an external committer. Those that had left are not.
    pub removed: Vec<DeviceId>,
    /// For the added devices; `None` if and only if there are none.
    pub welcome: Option<WelcomeWrite>,
    /// How the accounts of the conversation change.
    pub accounts: AccountChanges,
    /// The invite link by which the account of an external committer comes. If that is closed, the commit is refused.
    pub joined_by: Option<LinkId>,
    /// The invite links after the commit, if it changes them. Others that the conversation has are revoked.
    pub links: Option<Vec<KeptLink>>,
}

impl CommitWrite {
    /// The devices that know of the conversation by this commit: the one that made it, and those that get a Welcome.
    pub fn informed(&self) -> Vec<DeviceId> {
        let added = self.added.iter().map(|(device_id, _)| *device_id);
        added.chain([self.key.device_id]).collect()
    }
}

/// Accounts that a commit brings into a conversation and takes out of it; none is in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChanges {
    /// Not of the conversation before, and of it afterwards.
    pub added: Vec<AccountId>,
    /// Of the conversation before, and not afterwards. None of their devices is a member any more.
    pub removed: Vec<AccountId>,
}

/// What the added devices need to join.
#[derive(Debug, Clone)]
pub struct WelcomeWrite {
    /// What the Welcomes of all of them have in common.
    pub shared: Bytes,
    /// What is for each device, in the order of the added devices.
    pub secrets: Vec<Bytes>,
    /// The ratchet tree after the commit.
    pub ratchet_tree: Bytes,
    /// SHA-256 of it.
    pub tree_hash: [u8; 32],
}

/// What a conversation has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Its pair of accounts, which can have no second conversation of this kind. Notes to self pair an account
    /// with itself.
    Pair,
    /// Nothing: the same accounts can have any number of such conversations.
    Nothing,
}

impl Claim {
    /// What conversations of a kind claim.
    pub const fn of(kind: ConversationKind) -> Self {
        match kind {
            ConversationKind::Direct | ConversationKind::NotesToSelf => Self::Pair,
            ConversationKind::Group => Self::Nothing,
        }
    }
}

/// A new conversation.
#[derive(Debug, Clone)]
pub struct CreateWrite {
    /// What no other conversation may have; see [`Claim::of`].
    pub claim: Claim,
    /// Whose it is at first.
    pub accounts: Vec<AccountId>,
    /// The most conversations that each of these accounts may have; of a pair, only the creator's is counted.
    pub conversations_max: usize,
    /// Ends epoch 0 and becomes seq 1. Its committer is the creator, a member; it changes no accounts.
    pub first: CommitWrite,
}

/// Entries that a log had before the server went back to an earlier state.
#[derive(Debug, Clone)]
pub struct RestoreWrite {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The place before the first entry, and the log chain there: the head, unless the conversation is lost.
    pub after: (u64, LogHash),
    /// The entries that follow, in order.
    pub entries: Vec<RestoredEntry>,
    /// The group after them, if it changes.
    pub group: Option<RestoredGroup>,
    /// What is needed if the server does not know the conversation.
    pub lost: Option<LostConversation>,
}

/// An entry as it was in the log.
#[derive(Debug, Clone)]
pub struct RestoredEntry {
    /// Which send it was.
    pub key: SendKey,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The log chain after it.
    pub hash: LogHash,
    /// The epoch after it.
    pub epoch: u64,
    /// What it holds.
    pub kind: EntryKind,
    /// `MLSMessage`.
    pub payload: Bytes,
    /// What it changed, if it was a commit, and the server knows the conversation.
    pub commit: Option<RestoredCommit>,
    /// The account that left with it, if it was that, and the server knows the conversation.
    pub left: Option<AccountId>,
}

/// What a commit changed.
#[derive(Debug, Clone)]
pub struct RestoredCommit {
    /// How its sender stood to the group.
    pub committer: Committer,
    /// Devices that came in, an external committer among them.
    pub added: Vec<RestoredMember>,
    /// Devices that were removed.
    pub removed: Vec<DeviceId>,
    /// How the accounts of the conversation changed.
    pub accounts: AccountChanges,
    /// The invite link by which the account of an external committer came.
    pub joined_by: Option<LinkId>,
}

/// A device in a group that is restored.
#[derive(Debug, Clone, Copy)]
pub struct RestoredMember {
    /// The device.
    pub device_id: DeviceId,
    /// Its account.
    pub account_id: AccountId,
    /// Whether the directory knows it as signed in.
    pub is_signed_in: bool,
}

/// The state of a group.
#[derive(Debug, Clone)]
pub struct RestoredGroup {
    /// Its epoch.
    pub epoch: u64,
    /// Its public state.
    pub public_view: Bytes,
    /// `MLSMessage` with the `GroupInfo`; empty if it is still to come.
    pub group_info: Bytes,
    /// Its invite links.
    pub links: Vec<KeptLink>,
}

/// A conversation of which the server knows nothing.
#[derive(Debug, Clone)]
pub struct LostConversation {
    /// What no other conversation may have.
    pub claim: Claim,
    /// Whose it is.
    pub accounts: Vec<AccountId>,
    /// The devices in its group after the entries.
    pub members: Vec<RestoredMember>,
}

/// Where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// The newest entry.
    pub seq: u64,
    /// The log chain there.
    pub hash: LogHash,
}

/// A device has stored a log up to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorMove {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The device.
    pub device_id: DeviceId,
    /// The newest entry that it has stored.
    pub seq: u64,
}

/// Writes that are made in one transaction, in this order.
#[derive(Debug)]
pub struct LogBatch {
    /// When the server accepts them.
    pub accepted_at: Timestamp,
    /// The entries.
    pub writes: Vec<LogWrite>,
    /// Cursors only move forward and never beyond the head; one that cannot move is ignored.
    pub cursors: Vec<CursorMove>,
}

/// An entry that is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its place.
    pub seq: u64,
    /// The epoch of the log after it.
    pub epoch: u64,
    /// When it was accepted first.
    pub accepted_at: Timestamp,
    /// The log chain after it; `None` for entries from before it was kept.
    pub hash: Option<LogHash>,
    /// What became of it this time.
    pub acceptance: Acceptance,
}

/// Whether an accepted entry was stored now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// This transaction stored it.
    Stored {
        /// Signed-in devices for which it is: the members before it, the sender among them.
        recipients: Arc<[DeviceId]>,
        /// Devices that a commit added, each with the item in its inbox.
        welcomed: Vec<(DeviceId, u64)>,
        /// The log chain before it.
        hash_before: LogHash,
    },
    /// It was stored before; this is the first answer again.
    Duplicate,
}

/// Why an entry was not stored. Nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRefusal {
    /// No such conversation, or the device is not in it.
    NotAMember,
    /// The device was signed out.
    SignedOut,
    /// It is not for the epoch of the head.
    StaleEpoch {
        /// The newest entry.
        head_seq: u64,
        /// The epoch after it.
        epoch: u64,
    },
    /// Its number is neither the next one nor that of a stored entry with its id.
    SendOutOfOrder {
        /// The next number.
        expected: u64,
    },
    /// What it claims about the log is not true.
    LogDisagrees,
    /// The accounts have such a conversation, or the id is taken.
    ConversationExists(ConversationId),
    /// The account has as many conversations as it may have.
    TooManyConversations,
    /// The log has as many entries as one can have.
    LogIsFull,
    /// Nobody comes by this invite link.
    Link(LinkClosed),
}

/// What became of one write of a batch.
pub type LogOutcome = Result<Accepted, LogRefusal>;

/// What would become of a send now, apart from its epoch and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendCheck {
    /// It was stored before.
    Duplicate(Accepted),
    /// It could be stored.
    Possible {
        /// The newest entry.
        head_seq: u64,
        /// The epoch after it.
        epoch: u64,
    },
    /// It could not.
    Refused(LogRefusal),
}

/// The public state of a group at the head of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// The epoch.
    pub epoch: u64,
    /// The newest entry.
    pub head_seq: u64,
    /// The log chain there.
    pub head_hash: LogHash,
    /// As it was stored last.
    pub public_view: Bytes,
    /// What has changed it since, in this order.
    pub view_changes: Vec<ViewChange>,
    /// `MLSMessage` with the `GroupInfo`.
    pub group_info: Bytes,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its place.
    pub seq: u64,
    /// The sender's id for it.
    pub send_id: SendId,
    /// The device that sent it; `None` for entries from before the log chain.
    pub sender: Option<DeviceId>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The log chain after it; `None` for entries from before it was kept.
    pub hash: Option<LogHash>,
    /// What it holds.
    pub kind: EntryKind,
    /// `MLSMessage`: with a `PrivateMessage` if it is a message, otherwise with a `PublicMessage`.
    pub payload: Bytes,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// Ascending, without gaps.
    pub entries: Vec<LogRecord>,
    /// The newest entry of the log.
    pub head_seq: u64,
    /// The log chain there.
    pub head_hash: LogHash,
}

/// Why a log cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadRefusal {
    /// No such conversation, or it is not one of the account.
    NotAMember,
    /// An entry that the device asks for, and that was for it, is no longer kept.
    Pruned {
        /// The oldest entry that is kept.
        first_seq: u64,
        /// The newest entry.
        head_seq: u64,
        /// The epoch after it.
        epoch: u64,
    },
}

/// Bounds of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageBounds {
    /// Entries.
    pub entries_max: u32,
    /// Bytes of payload; the first entry comes whatever its size.
    pub bytes_max: usize,
}

/// A conversation as a device sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationHead {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The newest entry.
    pub head_seq: u64,
    /// The epoch after it.
    pub epoch: u64,
    /// Whether the device is a member.
    pub member: bool,
    /// Whether the account was removed: the head is the entry that did it, and the account learns of nothing that follows.
    pub former: bool,
    /// Up to here it has stored the log; 0 if it is not a member.
    pub acked_seq: u64,
    /// The number of its last accepted send.
    pub send_number: u64,
    /// The log chain at the newest entry.
    pub head_hash: LogHash,
    /// The newest change of the receipts; 0 if there was none, or the device is not a member.
    pub receipts_change: u64,
}

/// The signed-in devices in a group, each with its account.
pub type Audience = Arc<[(DeviceId, AccountId)]>;

/// A Welcome that waits for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomeRecord {
    /// Its item in the device's inbox.
    pub item_id: u64,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The commit that added the device.
    pub seq: u64,
    /// The log chain before it; `None` for Welcomes from before the log chain.
    pub hash_before: Option<LogHash>,
    /// What the Welcomes of the same commit have in common; `MLSMessage` with the whole `Welcome` if there are no secrets.
    pub shared: Bytes,
    /// What is for this device; `None` for Welcomes from before they were cut.
    pub secrets: Option<Bytes>,
    /// The ratchet tree after the commit.
    pub tree: WelcomeTree,
}

/// The ratchet tree that a Welcome leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WelcomeTree {
    /// It is small, or from before trees had hashes.
    Here(Bytes),
    /// It can be fetched by its SHA-256.
    Fetchable([u8; 32]),
    /// It is not kept any more.
    Gone,
}

/// Key packages of a device that are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPackageStock {
    /// One-time key packages.
    pub one_time: u32,
    /// Whether there is one of last resort.
    pub last_resort: bool,
    /// SHA-256 of each.
    pub hashes: Vec<[u8; 32]>,
}

/// A key package to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKeyPackage {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// `MLSMessage` with a `KeyPackage`.
    pub key_package: Bytes,
}

/// Key packages of a device to keep, and those to drop before that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPackagePublication {
    /// SHA-256 of those that the device cannot open any more.
    pub withdrawn: Vec<[u8; 32]>,
    /// Each is given out once.
    pub one_time: Vec<NewKeyPackage>,
    /// Replaces the one before.
    pub last_resort: Option<NewKeyPackage>,
    /// The most one-time key packages that a device may have.
    pub one_time_max: u32,
}

/// More one-time key packages than a device may have. None was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyKeyPackages {
    /// Those that are kept.
    pub kept: u32,
}

/// A key package that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedKeyPackage {
    /// The device whose it is.
    pub device_id: DeviceId,
    /// `MLSMessage` with a `KeyPackage`.
    pub key_package: Bytes,
    /// One-time key packages that the device has left.
    pub one_time_left: u32,
}

/// The row of a conversation: ascending in the order in which they were made, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConversationRowId(i64);

impl ConversationRowId {
    pub(super) const fn new(row_id: i64) -> Self {
        Self(row_id)
    }

    pub(super) const fn as_i64(self) -> i64 {
        self.0
    }
}

/// One step of pruning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneStep {
    /// Where the step before ended; `None` to begin.
    pub resume_after: Option<ConversationRowId>,
    /// The most conversations to look at.
    pub conversations_max: u32,
    /// The most entries to delete of one conversation.
    pub entries_max: u32,
    /// Entries that are older go, whatever the cursors say.
    pub accepted_before: Timestamp,
}

/// What a step of pruning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneOutcome {
    /// Entries that were deleted.
    pub deleted: u64,
    /// Where the next step goes on; `None` once all conversations were looked at.
    pub resume_after: Option<ConversationRowId>,
}

/// The storage of delivery.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Makes all writes of the batch in one transaction; outcomes come in the order of the writes.
    ///
    /// A refused write leaves the others alone. After an error nothing of the batch is stored.
    async fn write_log(&self, batch: LogBatch) -> Result<Vec<LogOutcome>, StoreError>;

    /// Puts entries back, all or none. If the log does not end where they begin, nothing is written. Returns where the
    /// log ends then.
    async fn restore_log(&self, write: RestoreWrite) -> Result<Result<LogHead, LogRefusal>, StoreError>;

    /// The signed-in members of a conversation that is older than this instant; none of one that is not.
    async fn members_from_before(
        &self,
        conversation_id: ConversationId,
        before: Timestamp,
    ) -> Result<Vec<DeviceId>, StoreError>;

    /// What would become of a send now. An external committer need not be a member, and its number is free.
    async fn check_send(&self, key: SendKey, committer: Committer) -> Result<SendCheck, StoreError>;

    /// Whether the conversation exists and is one of the account.
    async fn is_conversation_of(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<bool, StoreError>;

    /// The group of a conversation.
    async fn group(&self, conversation_id: ConversationId) -> Result<Option<GroupRecord>, StoreError>;

    /// The group of a conversation, if it is one of the account.
    async fn group_for(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<Option<GroupRecord>, StoreError>;

    /// Entries after a place, for a device of an account that the conversation belongs to. It need not be in the
    /// group: one that was removed follows the log to come back.
    async fn log_page(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        after_seq: u64,
        bounds: PageBounds,
    ) -> Result<Result<LogPage, ReadRefusal>, StoreError>;

    /// Every conversation of the account, as one of its devices sees it.
    async fn conversation_heads(
        &self,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> Result<Vec<ConversationHead>, StoreError>;

    /// Those to whom receipts and signals of conversations are passed on, in the order of the ids. Nobody in a conversation
    /// that does not exist, or has more than
    /// [`SIGNAL_ACCOUNTS_MAX`](subrosa_wire::limits::SIGNAL_ACCOUNTS_MAX) accounts.
    async fn audiences(&self, conversation_ids: Vec<ConversationId>) -> Result<Vec<Audience>, StoreError>;

    /// The oldest Welcomes that wait for the device, as many as the bounds allow.
    async fn waiting_welcomes(
        &self,
        device_id: DeviceId,
        bounds: PageBounds,
    ) -> Result<Vec<WelcomeRecord>, StoreError>;

    /// The ratchet tree with this SHA-256 that a waiting Welcome of the conversation leads to, if the conversation is one
    /// of the account.
    async fn ratchet_tree(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        hash: [u8; 32],
    ) -> Result<Option<Bytes>, StoreError>;

    /// Removes items from the device's inbox; those that are not there are ignored.
    async fn acknowledge_welcomes(&self, device_id: DeviceId, item_ids: Vec<u64>) -> Result<(), StoreError>;

    /// The key packages that a device has left.
    async fn key_package_stock(&self, device_id: DeviceId) -> Result<KeyPackageStock, StoreError>;

    /// Keeps key packages of a device, all or none; one that is kept already is not kept twice. Returns the
    /// one-time key packages that are kept then.
    async fn publish_key_packages(
        &self,
        device_id: DeviceId,
        publication: KeyPackagePublication,
    ) -> Result<Result<u32, TooManyKeyPackages>, StoreError>;

    /// Takes one key package of each device: the oldest one-time one, which is gone then, otherwise the one of
    /// last resort, which stays. A device that has none is left out.
    async fn claim_key_packages(
        &self,
        device_ids: Vec<DeviceId>,
    ) -> Result<Vec<ClaimedKeyPackage>, StoreError>;

    /// The key package of last resort of each device, which stays. A device that has none is left out.
    async fn last_resort_key_packages(
        &self,
        device_ids: Vec<DeviceId>,
    ) -> Result<Vec<ClaimedKeyPackage>, StoreError>;

    /// Forgets what waits for a device that was signed out, and lets nothing wait for it.
    async fn sign_out_device(&self, device_id: DeviceId) -> Result<(), StoreError>;

    /// Deletes entries that every signed-in member has stored, and those that are too old.
    ///
    /// Commits go with the messages around them: nobody who is in the group needs them once every cursor is
    /// past, and devices that join later start from the group's state.
    async fn prune(&self, step: PruneStep) -> Result<PruneOutcome, StoreError>;
}
