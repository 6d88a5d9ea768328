//! What a server or a member can do wrong: one variant for each way, so that every host can report it in its own
//! words.

use subrosa_mls::{CommitError, InvalidPadding, JoinError, KeyPackageError, PolicyError, ProcessError};
use subrosa_wire::{AccountId, DeviceId};

use crate::content::ContentError;

/// What a server did that an honest one never does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// An entry, a Welcome or the head of a log has no valid conversation id.
    #[error("it sent something of a conversation without saying which")]
    NoConversation,
    /// A list or a message is longer than the protocol allows.
    #[error("it sent more than the protocol allows")]
    TooMuch,
    /// An epoch, an instant, or the number of a send is beyond all that can be.
    #[error("it named a number that is beyond all that can be")]
    ImpossibleNumber,
    /// A record of this account is one that no device of it has written.
    #[error("a record of this account is one that no device of it has written")]
    RecordForged,
    /// The answer does not match the kind of request.
    #[error("it answered a request with something else")]
    WrongAnswer,

    /// A request to join a group was not made with one of its links.
    #[error("it showed a request to join that nobody has made with a link of the group")]
    JoinRequestForged,

    // ---- the log ----
    /// The log has entries that the server does not deliver.
    #[error("it withholds entries of the log")]
    EntriesWithheld,
    /// Entries were announced that the log does not have.
    #[error("it announced entries that the log does not have")]
    EntriesInvented,
    /// An entry has a seq that no log reaches.
    #[error("it named a place beyond the end of every log")]
    ImpossibleSeq,
    /// An entry was pushed with other bytes than those in the log.
    #[error("it pushed entry {seq} in another form than the log has")]
    EntryAltered {
        /// Its seq.
        seq: u64,
    },
    /// An entry does not verify: no member can have sent these bytes.
    #[error("entry {seq} does not verify: {error}")]
    EntryForged {
        /// Its seq.
        seq: u64,
        /// What is wrong with it.
        error: ProcessError,
    },
    /// An entry has no payload.
    #[error("entry {seq} has no contents")]
    EntryWithoutPayload {
        /// Its seq.
        seq: u64,
    },
    /// An entry does not say which device sent it.
    #[error("entry {seq} does not say who sent it")]
    EntryWithoutSender {
        /// Its seq.
        seq: u64,
    },
    /// Two different entries were shown for one place.
    #[error("it showed two different entries {seq}")]
    TwoEntries {
        /// Their seq.
        seq: u64,
    },
    /// An entry carries the id of one of our sends, and something else.
    #[error("entry {seq} carries the id of a message of this device, and something else")]
    SendIdOfAnother {
        /// Its seq.
        seq: u64,
    },
    /// It said that a message of ours stands where it cannot stand.
    #[error("it said that a message of this device stands where it cannot stand")]
    AcceptedElsewhere,
    /// The hash over the log is another one than that over the entries it has shown.
    #[error("the messages that it has shown are not those that it has")]
    LogDiffers,
    /// It said that this device is not in a group, or in another epoch, and the group says otherwise.
    #[error("it refused this device what its own group allows")]
    FalseRefusal,
    /// The group that it shows does not follow from the one that this device was in.
    #[error("the group does not follow from the one that this device was in")]
    AnotherPast,
    /// The list of this account's devices lacks one for which it hands out key packages.
    #[error("the list of this account's devices lacks one that is signed in")]
    DevicesContradict,
    /// The list of this account's devices lacks this device.
    #[error("the list of this account's devices lacks this one")]
    OwnDeviceUnlisted,
    /// An entry is from an epoch that the log has not reached.
    #[error("entry {seq} is of epoch {epoch}, the log is at {log_epoch}")]
    EntryOfFutureEpoch {
        /// Its seq.
        seq: u64,
        /// The epoch of the entry.
        epoch: u64,
        /// The epoch that the log is in before it.
        log_epoch: u64,
    },
    /// The log ends before entries that this device already has.
    #[error("the log has become shorter")]
    LogShortened,

    // ---- groups ----
    /// A key package does not verify for the account that it should belong to.
    #[error("a key package of {account} does not verify: {error}")]
    KeyPackageForged {
        /// The account.
        account: AccountId,
        /// What is wrong with it.
        error: KeyPackageError,
    },
    /// The place of a Welcome in the log is not that of its commit.
    #[error("a welcome is not for the place that it names")]
    WelcomeMisplaced,
    /// Key packages cannot be used together: two are of one device, or of devices that share a key.
    #[error("the key packages that it gave contradict each other: {0}")]
    KeyPackagesClash(CommitError),
    /// A Welcome does not verify.
    #[error("a welcome does not verify: {0}")]
    WelcomeForged(JoinError),
    /// The group of a conversation does not verify.
    #[error("a group does not verify: {0}")]
    GroupForged(JoinError),
    /// This device may not be in the group.
    #[error(transparent)]
    ForeignGroup(#[from] ForeignGroup),
    /// The server reported that the conversation already exists, and named one that is known to be another.
    #[error("it named another conversation in place of the one that was to be created")]
    AnotherConversation,
    /// It named a conversation in place of the one that was to be created, and does not know it.
    #[error("it named a conversation that does not exist")]
    NoSuchConversation,
    /// A conversation that this device is in is gone.
    #[error("it no longer has a conversation that this device is in")]
    ConversationGone,
    /// It showed a second conversation with a person with whom this device is in one.
    #[error("it showed a second conversation with the same person")]
    SecondConversation,
    /// A device of this account is reported as signed out, but comes back each time it is removed.
    #[error("device {0} of this account is said to be signed out, and comes back each time it is removed")]
    SignedOutDeviceReturns(DeviceId),

    // ---- the directory ----
    /// An account is not valid.
    #[error("it sent an account that is not valid")]
    MalformedAccount,
    /// It shows another handle for an account than before.
    #[error("it shows another handle for account {0} than before")]
    HandleChanged(AccountId),
    /// The keys of an account are not those that its id commits to.
    #[error("it shows false keys for account {0}")]
    FalseKeys(AccountId),
    /// The answer is about another account than the one requested.
    #[error("it answered with another account than the one asked for")]
    WrongAccount,
    /// A list of people has two accounts with one handle.
    #[error("it shows two accounts with the same handle")]
    HandleShared,

    // ---- the vault ----
    /// The vault is of an earlier revision than one that the server had before.
    #[error("it has vault revision {revision}, and had {newest} before")]
    VaultRolledBack {
        /// The revision that it has.
        revision: u64,
        /// The highest that this device knows of.
        newest: u64,
    },
}

/// Why this device may not be in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignGroup {
    /// This version does not know the kind of conversation.
    #[error("the group is of a kind that this version does not know")]
    UnknownKind,
    /// It is of another person than the conversation.
    #[error("the group is with another person than the conversation")]
    OtherPerson,
}

/// What a member did that an honest one never does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemberMisbehaviour {
    /// A message is authentic, but its content is not valid.
    #[error("the content of message {seq} is not valid: {error}")]
    InvalidContent {
        /// Its seq.
        seq: u64,
        /// What is wrong with it.
        error: ContentError,
    },
    /// A message is authentic, but its padding is not valid.
    #[error("message {seq} is not padded as it has to be: {error}")]
    InvalidPadding {
        /// Its seq.
        seq: u64,
        /// What is wrong with it.
        error: InvalidPadding,
    },
    /// A message or a commit is authentic, but says nothing about the log.
    #[error("entry {seq} says nothing valid about the log")]
    InvalidClaim {
        /// Its seq.
        seq: u64,
    },
    /// A commit is authentic, but breaks RFC 9420.
    #[error("commit {seq} is not valid: {detail}")]
    InvalidCommit {
        /// Its seq.
        seq: u64,
        /// The error of OpenMLS, for a bug report.
        detail: String,
    },
    /// A message is authentic, but its sender may not write messages. It is not shown.
    #[error("message {seq} is of somebody who may not write in the group")]
    NotPermitted {
        /// Its seq.
        seq: u64,
    },
    /// A commit is authentic, but breaks a rule of the group.
    #[error("commit {seq} breaks a rule of the group: {rule}")]
    BrokenRule {
        /// Its seq.
        seq: u64,
        /// The rule.
        rule: PolicyError,
    },
}
