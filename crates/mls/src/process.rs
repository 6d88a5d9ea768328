//! Messages of others: untrusted bytes → decrypted → verified → applied, each its own type.
//!
//! [`Group::process`] takes untrusted bytes. What it returns is authentic and obeys the rules. A
//! commit changes nothing until [`Group::merge`] consumes it.

use openmls::{
    framing::errors::MessageDecryptionError,
    framing::{
        ContentType, MlsMessageBodyIn, ProcessedMessage, ProcessedMessageContent, ProtocolMessage, Sender,
    },
    group::{ProcessMessageError, StageCommitError, StagedCommit as MlsStagedCommit, ValidationError},
    messages::proposals::ProposalType,
};
use openmls_traits::OpenMlsProvider as _;
use subrosa_wire::{AccountId, ConversationId, LinkId, Timestamp};

use crate::{
    certificate::DeviceCertificate,
    chain::LogClaim,
    codec::{self, Malformed},
    crypto::Crypto,
    device::Mls,
    group::{Group, corrupt},
    link::CommitData,
    padding::{self, InvalidPadding},
    peek,
    policy::GroupPolicy,
    provider::MlsError,
    rules::{self, AccountsChanged, CommitSummary, PolicyError, Validity},
    storage::StorageError,
};

/// A message that was decrypted and verified.
#[allow(
    clippy::large_enum_variant,
    reason = "moved once for each message, which costs nothing beside decrypting it"
)]
#[derive(Debug)]
pub enum Received {
    /// Content for the user.
    Application(Decrypted),
    /// A commit of another device, to be merged.
    Commit(StagedCommit),
    /// A device leaves. The group keeps that until the next commit, which takes the device out.
    Leaving(Leaving),
    /// The pending commit of this device: it is in the log, so it can be merged with
    /// [`Group::merge_pending_commit`].
    OwnPendingCommit,
}

/// An application message of another device.
#[derive(Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// The device that sent it.
    pub sender: DeviceCertificate,
    /// The content without its padding.
    pub content: Vec<u8>,
    /// The epoch in which it was sent.
    pub epoch: u64,
    /// What the sender says about the log.
    pub claim: LogClaim,
}

/// Shows everything but the content.
impl std::fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decrypted")
            .field("sender", &self.sender.device_id())
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// The proposal with which a device leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// The device that leaves, the last one of its account.
    pub sender: DeviceCertificate,
    /// What it says about the log.
    pub claim: LogClaim,
}

/// Who made a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitSender {
    /// A member, with the certificate that its leaf has after the commit.
    Member(DeviceCertificate),
    /// A device that joins with this commit.
    External(DeviceCertificate),
}

/// A commit that is authentic and obeys the rules. It has not changed anything yet.
pub struct StagedCommit {
    inner: Box<MlsStagedCommit>,
    conversation_id: ConversationId,
    sender: CommitSender,
    /// Whether the sender's leaf did not have its certificate before.
    sender_is_new: bool,
    added: Vec<DeviceCertificate>,
    removed: Vec<DeviceCertificate>,
    left: Vec<DeviceCertificate>,
    accounts: AccountsChanged,
    joined_by: Option<LinkId>,
    policy: Option<GroupPolicy>,
    claim: LogClaim,
}

impl std::fmt::Debug for StagedCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StagedCommit")
            .field("sender", &self.sender)
            .field("added", &self.added)
            .field("removed", &self.removed)
            .finish_non_exhaustive()
    }
}

impl StagedCommit {
    /// Who made it.
    pub fn sender(&self) -> &CommitSender {
        &self.sender
    }

    /// The devices that are added, without one that joins by an external commit.
    pub fn added(&self) -> &[DeviceCertificate] {
        &self.added
    }

    /// The devices that are removed. A device that joins again removes its former leaf.
    pub fn removed(&self) -> &[DeviceCertificate] {
        &self.removed
    }

    /// The devices that it takes out because they have left. None of them is among the removed.
    pub fn left(&self) -> &[DeviceCertificate] {
        &self.left
    }

    /// How it changes whose the group is.
    pub fn accounts(&self) -> &AccountsChanged {
        &self.accounts
    }

    /// The invite link by which the sender's account has come, if it was not a member before.
    pub fn joined_by(&self) -> Option<LinkId> {
        self.joined_by
    }

    /// The policy after it, if it changes.
    pub fn policy_after(&self) -> Option<&GroupPolicy> {
        self.policy.as_ref()
    }

    /// What the committer says about the log.
    pub fn claim(&self) -> &LogClaim {
        &self.claim
    }

    /// The certificates that the commit brings in although this clock, of a device that only follows the log, says
    /// that they are outside their validity. The commit is valid all the same: its committer and the server have
    /// judged by their clocks, and a group must not fork because of a wrong one.
    pub fn out_of_date(&self, now: Timestamp) -> impl Iterator<Item = &DeviceCertificate> {
        let (CommitSender::Member(sender) | CommitSender::External(sender)) = &self.sender;
        let new = self.sender_is_new.then_some(sender);
        self.added
            .iter()
            .chain(new)
            .filter(move |certificate| certificate.check_validity(now).is_err())
    }

    /// Whether this device is removed. After the merge the group can no longer be used.
    pub fn self_removed(&self) -> bool {
        self.inner.self_removed()
    }

    /// The epoch that the commit begins.
    pub fn epoch_after(&self) -> u64 {
        self.inner.epoch().as_u64()
    }
}

/// Why a message is refused. Nothing in the group or the store has changed, except that the key of a
/// message with wrong padding is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// Not a message that a conversation carries.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The message is of another conversation.
    #[error("the message is of another conversation")]
    WrongConversation,
    /// The message is of another epoch: the log was not applied in order, or the server accepted what
    /// it should have refused.
    #[error("the message is of epoch {message}, the group is in epoch {group}")]
    WrongEpoch {
        /// The epoch of the message.
        message: u64,
        /// The epoch of the group.
        group: u64,
    },
    /// This device was removed from the group.
    #[error("this device is no longer a member")]
    NotAMember,
    /// The message claims to be of this device, which cannot decrypt its own messages; or it is a
    /// commit of this device that is not the pending one.
    #[error("the message is of this device itself")]
    OwnMessage,
    /// The message was decrypted before, and its key is gone.
    #[error("the message was decrypted before")]
    AlreadyDecrypted,
    /// The ciphertext was not made by a member for this epoch, or was changed on the way.
    #[error("the message cannot be decrypted: {0}")]
    Undecryptable(String),
    /// The signature or a tag is not that of the member it claims to be from.
    #[error("the message is forged: {0}")]
    Forged(String),
    /// Authentic, but not what a member may send.
    #[error("a device of {sender} sent what no member may send: {fault}")]
    Member {
        /// The account of the device that signed it.
        sender: AccountId,
        /// What is wrong with it.
        fault: MemberFault,
    },
    /// A commit that breaks RFC 9420, from a sender who is not known.
    #[error("the commit is not valid: {0}")]
    InvalidCommit(String),
    /// A handshake that breaks a rule of the group, from a sender who is not known.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The store failed, or this is our bug.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

/// What is wrong with a message that is authentic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    /// The padding is not the one that the content calls for.
    #[error(transparent)]
    Padding(#[from] InvalidPadding),
    /// The authenticated data is not a claim about the log.
    #[error("the authenticated data is not a claim about the log")]
    Claim,
    /// A commit that breaks RFC 9420.
    #[error("the commit is not valid: {0}")]
    InvalidCommit(String),
    /// A commit that breaks a rule of the group.
    #[error(transparent)]
    Rule(#[from] PolicyError),
}

impl Group {
    /// Decrypts and verifies a message of the log.
    ///
    /// An application message uses up its key, so keep the content in the same transaction.
    pub fn process(&mut self, mls: &Mls<'_>, message: &[u8]) -> Result<Received, ProcessError> {
        let bytes = message;
        let (message, claimed_sender) = self.expect_message(bytes)?;
        let epoch = message.epoch().as_u64();
        if message.content_type() == ContentType::Proposal {
            return self.accept_leave(mls, message);
        }
        let processed = self
            .inner
            .process_message(&mls.provider, message)
            .map_err(|error| match mls.provider.store_failure() {
                Some(failure) => failure.into(),
                None => match (classify(error), claimed_sender) {
                    // The signature is checked before what is signed, and the membership tag, which only members
                    // can make, before the confirmation tag.
                    (ProcessError::InvalidCommit(reason), Some(sender)) => ProcessError::Member {
                        sender,
                        fault: MemberFault::InvalidCommit(reason),
                    },
                    (error, _) => error,
                },
            })?;
        match processed.content() {
            ProcessedMessageContent::OwnPendingCommit => Ok(Received::OwnPendingCommit),
            ProcessedMessageContent::OwnPrivateMessage => Err(ProcessError::OwnMessage),
            ProcessedMessageContent::ApplicationMessage(_)
            | ProcessedMessageContent::StagedCommitMessage(_) => self.accept(processed, bytes, epoch),
            ProcessedMessageContent::ProposalMessage(_)
            | ProcessedMessageContent::ExternalJoinProposalMessage(_) => {
                Err(PolicyError::StandaloneProposal.into())
            }
        }
    }

    /// Parses the message and refuses what cannot be for this group before any key is used. Also returns the account
    /// of the member that a handshake claims to be from.
    fn expect_message(&self, bytes: &[u8]) -> Result<(ProtocolMessage, Option<AccountId>), ProcessError> {
        let mut claimed_sender = None;
        let message: ProtocolMessage = match codec::message(bytes)? {
            MlsMessageBodyIn::PrivateMessage(message) => message.into(),
            MlsMessageBodyIn::PublicMessage(message) => {
                if let Sender::Member(leaf) = message.sender() {
                    let certificate = rules::accepted_certificate(self.inner.public_group(), *leaf).ok();
                    claimed_sender = certificate.map(|certificate| certificate.account_id());
                }
                message.into()
            }
            _ => return Err(Malformed("a message of a conversation").into()),
        };
        if codec::conversation_id(message.group_id()) != Some(self.conversation_id()) {
            return Err(ProcessError::WrongConversation);
        }
        if !self.is_active() {
            return Err(ProcessError::NotAMember);
        }
        let encrypted = matches!(message, ProtocolMessage::PrivateMessage(_));
        match (message.content_type(), encrypted) {
            (ContentType::Application, true) | (ContentType::Commit | ContentType::Proposal, false) => {}
            (ContentType::Application, false) => {
                return Err(Malformed("an encrypted application message").into());
            }
            (ContentType::Commit | ContentType::Proposal, true) => {
                return Err(PolicyError::EncryptedHandshake.into());
            }
        }
        let (message_epoch, group_epoch) = (message.epoch().as_u64(), self.epoch());
        if message_epoch != group_epoch {
            return Err(ProcessError::WrongEpoch {
                message: message_epoch,
                group: group_epoch,
            });
        }
        Ok((message, claimed_sender))
    }

    /// Keeps the proposal of a device that leaves.
    ///
    /// It is judged as the server judges it, which cannot check the membership tag: what the one keeps and the other does
    /// not would stop every commit. The signature says who leaves.
    fn accept_leave(&mut self, mls: &Mls<'_>, message: ProtocolMessage) -> Result<Received, ProcessError> {
        let processed = self
            .inner
            .public_group()
            .process_message(&Crypto, message)
            .map_err(|error| ProcessError::Forged(error.to_string()))?;
        let claim = LogClaim::decode(processed.aad());
        let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
            return Err(PolicyError::StandaloneProposal.into());
        };
        let group = self.inner.public_group();
        let Sender::Member(leaf) = *proposal.sender() else {
            return Err(PolicyError::Sender.into());
        };
        let account = rules::accepted_certificate(group, leaf)
            .map_err(corrupt)?
            .account_id();
        let refused = |fault| ProcessError::Member {
            sender: account,
            fault,
        };
        let sender = rules::check_leave((group, self.policy()), &self.leaving(), &proposal)
            .map_err(|rule| refused(rule.into()))?;
        let claim = claim.ok_or_else(|| refused(MemberFault::Claim))?;
        self.inner
            .store_pending_proposal(mls.provider.storage(), *proposal)
            .map_err(|error| mls.provider.internal(error))?;
        self.members_changed();
        Ok(Received::Leaving(Leaving { sender, claim }))
    }

    /// `message` is what was processed.
    fn accept(
        &self,
        processed: ProcessedMessage,
        message: &[u8],
        epoch: u64,
    ) -> Result<Received, ProcessError> {
        let group = self.inner.public_group();
        let sender = processed.sender().clone();
        let data = CommitData::decode(processed.aad(), matches!(sender, Sender::NewMemberCommit));
        let (claim, link) = data.map_or((None, None), |data| (Some(data.claim), data.link));
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                let Sender::Member(leaf) = sender else {
                    return Err(PolicyError::Sender.into());
                };
                let sender = rules::accepted_certificate(group, leaf).map_err(corrupt)?;
                if self.leaving().contains(&leaf) {
                    return Err(ProcessError::Member {
                        sender: sender.account_id(),
                        fault: PolicyError::HasLeft(sender.device_id()).into(),
                    });
                }
                let refused = |fault| ProcessError::Member {
                    sender: sender.account_id(),
                    fault,
                };
                let content = padding::strip(message.into_bytes()).map_err(|error| refused(error.into()))?;
                let claim = claim.ok_or_else(|| refused(MemberFault::Claim))?;
                Ok(Received::Application(Decrypted {
                    sender,
                    content,
                    epoch,
                    claim,
                }))
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                let path_nodes = peek::path_nodes(message).map_err(|_| Malformed("a public commit"))?;
                let CommitSummary {
                    committer,
                    committer_is_new,
                    external,
                    joined_by,
                    added,
                    removed,
                    left,
                    accounts,
                    policy,
                } = match rules::check_commit(
                    (group, self.policy()),
                    &self.leaving(),
                    (&sender, link.as_ref()),
                    &staged,
                    path_nodes,
                    Validity::JudgedByOthers,
                ) {
                    Ok(summary) => summary,
                    Err(rule) => {
                        let Sender::Member(leaf) = sender else {
                            return Err(rule.into());
                        };
                        let certificate = rules::accepted_certificate(group, leaf).map_err(corrupt)?;
                        return Err(ProcessError::Member {
                            sender: certificate.account_id(),
                            fault: rule.into(),
                        });
                    }
                };
                let claim = claim.ok_or_else(|| ProcessError::Member {
                    sender: committer.account_id(),
                    fault: MemberFault::Claim,
                })?;
                Ok(Received::Commit(StagedCommit {
                    inner: staged,
                    conversation_id: self.conversation_id(),
                    sender: if external {
                        CommitSender::External(committer)
                    } else {
                        CommitSender::Member(committer)
                    },
                    sender_is_new: committer_is_new,
                    added,
                    removed,
                    left,
                    accounts,
                    joined_by,
                    policy,
                    claim,
                }))
            }
            _ => Err(PolicyError::StandaloneProposal.into()),
        }
    }

    /// Applies a commit: the group moves to the next epoch, and a pending commit of this device is
    /// dropped.
    pub fn merge(&mut self, mls: &Mls<'_>, staged: StagedCommit) -> Result<(), MlsError> {
        self.members_changed();
        if staged.conversation_id != self.conversation_id() || staged.epoch_after() != self.epoch() + 1 {
            return Err(MlsError::Internal(
                "the commit was staged for another state".into(),
            ));
        }
        self.inner
            .merge_staged_commit(&mls.provider, *staged.inner)
            .map_err(|error| mls.provider.internal(error))?;
        self.reread_policy()
    }
}

/// Maps an error of OpenMLS to what the peer did wrong.
///
/// That includes errors that OpenMLS considers its own: the group was verified when it was joined, and what is new
/// are the bytes of the message. A message that cannot be processed must be refused, or it would be processed again
/// for ever.
fn classify(error: ProcessMessageError<StorageError>) -> ProcessError {
    match error {
        ProcessMessageError::LibraryError(error) => ProcessError::Forged(error.to_string()),
        ProcessMessageError::StorageError(error) => MlsError::Corrupt(error.to_string()).into(),
        ProcessMessageError::ValidationError(error) => classify_validation(error),
        ProcessMessageError::InvalidCommit(error) => classify_commit(error),
        ProcessMessageError::GroupStateError(_) => ProcessError::NotAMember,
        ProcessMessageError::IncompatibleWireFormat => PolicyError::EncryptedHandshake.into(),
        ProcessMessageError::UnsupportedProposalType => PolicyError::StandaloneProposal.into(),
        ProcessMessageError::UnauthorizedExternalApplicationMessage
        | ProcessMessageError::UnauthorizedExternalCommitMessage => PolicyError::Sender.into(),
    }
}

fn classify_validation(error: ValidationError) -> ProcessError {
    match error {
        ValidationError::UnableToDecrypt(MessageDecryptionError::SecretTreeError(reason)) => {
            // OpenMLS does not export the type of `reason`, so only its text can be compared.
            let reason = reason.to_string();
            if reason.contains("was deleted to preserve forward secrecy") {
                ProcessError::AlreadyDecrypted
            } else {
                ProcessError::Undecryptable(reason)
            }
        }
        ValidationError::UnableToDecrypt(reason) => ProcessError::Undecryptable(reason.to_string()),
        ValidationError::WrongGroupId => ProcessError::WrongConversation,
        error => ProcessError::Forged(error.to_string()),
    }
}

fn classify_commit(error: StageCommitError) -> ProcessError {
    match error {
        StageCommitError::OwnCommitMismatch => ProcessError::OwnMessage,
        StageCommitError::PskError(_) | StageCommitError::DuplicatePskId(_) => {
            rules::forbidden(ProposalType::PreSharedKey).into()
        }
        StageCommitError::MissingProposal => PolicyError::ProposalByReference.into(),
        error => ProcessError::InvalidCommit(error.to_string()),
    }
}
