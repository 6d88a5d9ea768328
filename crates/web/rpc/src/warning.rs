//! What a user has to know of the server and of other people. The kinds are those of the engine; a page groups them by
//! what they mean to the user.

use serde::{Deserialize, Serialize};
use subrosa_wire::{AccountId, DeviceId, Handle};

use crate::{ids::ChatId, shapes::Contact};

/// A warning to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// The server shows another account under a handle than before: a new account, or an attack.
    HandleReassigned {
        /// The conversation with the account that is known under the handle, if there is one.
        chat: Option<ChatId>,
        /// That account.
        account: AccountId,
        /// The handle, if it is known.
        handle: Option<Handle>,
    },
    /// A device was signed in to the account.
    NewDevice(DeviceId),
    /// There is a device of the account that its other devices do not know.
    UnknownDevice(DeviceId),
    /// The server no longer lists a device of the account.
    DeviceUnlisted(DeviceId),
    /// The server did what an honest one never does. What it sent was refused.
    ServerMisbehaved {
        /// The conversation, if it is about one.
        chat: Option<ChatId>,
        /// What it did.
        how: Misbehaviour,
        /// English, for a report.
        detail: String,
    },
    /// A member did what an honest one never does. What it sent was refused.
    MemberMisbehaved {
        /// The conversation.
        chat: ChatId,
        /// The person whose device sent it.
        member: Contact,
        /// What it did.
        how: MemberMisbehaviour,
        /// English, for a report.
        detail: String,
    },
    /// A member has other messages than this device, or says so.
    LogsDisagree {
        /// The conversation.
        chat: ChatId,
        /// The person.
        member: Contact,
    },
    /// Messages of a member never arrived.
    MessagesMissing {
        /// The conversation.
        chat: ChatId,
        /// Whose messages.
        member: Contact,
    },
    /// A message could not be read: its sender or the server has broken it.
    UnreadableMessage {
        /// The conversation.
        chat: ChatId,
        /// English, for a report.
        detail: String,
    },
    /// Messages never reached this device: it was away longer than the server keeps them.
    HistoryGap {
        /// The conversation.
        chat: ChatId,
    },
    /// The server went back to an earlier state, and this device has put back what it had.
    ServerWentBack,
    /// This profile went back to an earlier state: what was sent from it since is missing here.
    ProfileWentBack,
    /// Something in a conversation cannot be processed. It is set aside, or, if it was not known here, left out.
    NotProcessed {
        /// The conversation that is set aside.
        chat: Option<ChatId>,
        /// English, for a report.
        detail: String,
    },
    /// No device of the other person has a certificate that is valid now: what was written waits.
    CertificatesExpired {
        /// The conversation.
        chat: ChatId,
    },
    /// A change of a group that the user wanted cannot be made any more.
    ChangeGivenUp {
        /// The group.
        chat: ChatId,
        /// Whom it was about.
        member: Contact,
        /// Why.
        why: GivenUp,
    },
    /// The server refused something.
    Refused {
        /// The code of the problem (`subrosa_wire::ProblemCode`), if this version knows it.
        code: Option<String>,
        /// English, for a report.
        detail: String,
    },
    /// There is more to warn of than is reported.
    More,
}

impl Warning {
    /// The conversation that it is about, if it is about one.
    pub const fn chat(&self) -> Option<ChatId> {
        match self {
            Self::HandleReassigned { chat, .. }
            | Self::ServerMisbehaved { chat, .. }
            | Self::NotProcessed { chat, .. } => *chat,
            Self::MemberMisbehaved { chat, .. }
            | Self::LogsDisagree { chat, .. }
            | Self::MessagesMissing { chat, .. }
            | Self::UnreadableMessage { chat, .. }
            | Self::HistoryGap { chat }
            | Self::ChangeGivenUp { chat, .. }
            | Self::CertificatesExpired { chat } => Some(*chat),
            Self::NewDevice(_)
            | Self::UnknownDevice(_)
            | Self::DeviceUnlisted(_)
            | Self::ServerWentBack
            | Self::ProfileWentBack
            | Self::Refused { .. }
            | Self::More => None,
        }
    }
}

/// Why a change of a group is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GivenUp {
    /// The rights of the group, or the user's role, have changed since.
    NotPermitted,
    /// The person is not a member.
    NotInGroup,
    /// The user wanted to leave, and nobody would own the group.
    LastOwner,
    /// The group has as many devices as it can have.
    GroupFull,
    /// The keys of the person's devices do not fit into the group.
    Unsuitable,
    /// It could not be done within a day.
    TooOld,

    /// Something that has no name here yet.
    Other,
}

/// What the server did. The engine's type of this name says more about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Misbehaviour {
    /// It sent something of a conversation without saying which.
    NoConversation,
    /// It sent more than the protocol allows.
    TooMuch,
    /// It named a number that is beyond all that can be.
    ImpossibleNumber,
    /// It sent a record of the account that no device of it has written.
    RecordForged,
    /// It answered a request with something else.
    WrongAnswer,

    // ---- the log ----
    /// It withholds entries of the log.
    EntriesWithheld,
    /// It announced entries that the log does not have.
    EntriesInvented,
    /// It named a place beyond the end of every log.
    ImpossibleSeq,
    /// It pushed an entry in another form than the log has.
    EntryAltered,
    /// An entry does not verify.
    EntryForged,
    /// An entry has no payload.
    EntryWithoutPayload,
    /// An entry does not say who sent it.
    EntryWithoutSender,
    /// Two different entries were shown for one place.
    TwoEntries,
    /// An entry carries the id of one of our messages, and something else.
    SendIdOfAnother,
    /// A message of ours was said to stand where it cannot stand.
    AcceptedElsewhere,
    /// It has other entries than it has shown.
    LogDiffers,
    /// It refused this device what its own group allows.
    FalseRefusal,
    /// An entry is of an epoch that the log has not reached.
    EntryOfFutureEpoch,
    /// The log has become shorter.
    LogShortened,

    // ---- groups ----
    /// A Welcome is not for the place that it names.
    WelcomeMisplaced,
    /// The group does not follow from the one that this device was in.
    AnotherPast,
    /// The list of this account's devices lacks this one.
    OwnDeviceUnlisted,
    /// The list of this account's devices lacks one that is signed in.
    DevicesContradict,
    /// A key package does not verify.
    KeyPackageForged,
    /// Key packages contradict each other.
    KeyPackagesClash,
    /// A Welcome does not verify.
    WelcomeForged,
    /// A group does not verify.
    GroupForged,
    /// A group is of a kind that this version does not know.
    GroupOfUnknownKind,
    /// A group is with another person than the conversation.
    GroupOfOtherPerson,
    /// It named another conversation in place of the one that was to be created.
    AnotherConversation,
    /// It named a conversation that does not exist.
    NoSuchConversation,
    /// It no longer has a conversation that this device is in.
    ConversationGone,
    /// It showed a second conversation with the same person.
    SecondConversation,
    /// A device of this account that is said to be signed out comes back each time it is removed.
    SignedOutDeviceReturns,

    // ---- the directory ----
    /// It sent an account that is not valid.
    MalformedAccount,
    /// It shows another handle for an account than before.
    HandleChanged,
    /// It shows false keys for an account.
    FalseKeys,
    /// It answered with another account than the one asked for.
    WrongAccount,
    /// It shows two accounts with one handle.
    HandleShared,
    /// The vault is of an earlier revision than one that it had before.
    VaultRolledBack,

    /// Something that has no name here yet.
    Other,
}

/// What a member did. The engine's type of this name says more about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MemberMisbehaviour {
    /// The content of a message is not valid.
    InvalidContent,
    /// A message is not padded as it has to be.
    InvalidPadding,
    /// A message or a commit says nothing valid about the log.
    InvalidClaim,
    /// A commit breaks RFC 9420.
    InvalidCommit,
    /// A commit breaks a rule of the group.
    BrokenRule,

    /// Something that has no name here yet.
    Other,
}
