//! A group as the server sees it: all of its public state and none of its secrets.
//!
//! The server uses it to check each commit before it enters the log: signatures, the tree, the rules
//! of the group, the certificates of new members, and that the group info on which new members will
//! rely is that of the new epoch.
//!
//! Only members can check the membership tag, the secrets in the update path, the confirmation tag, and
//! whether the external public key in the group info belongs to the epoch. A member that forges these
//! can only disrupt its own conversations; clients notice and recover.
//!
//! Between two commits, devices may leave: what they have proposed is kept with the view, because a device that joins from
//! outside needs it for its commit.

use std::collections::BTreeSet;

use openmls::{
    framing::{ContentType, MlsMessageBodyIn, ProcessedMessageContent, ProtocolMessage, Sender},
    group::{ProposalStore, PublicGroup, PublicProcessMessageError, StageCommitError, ValidationError},
    messages::proposals::ProposalType,
    prelude::{LeafNodeIndex, hash_ref::ProposalRef, tls_codec::Serialize as _},
};
use openmls_traits::public_storage::PublicStorageProvider as _;
use subrosa_wire::{AccountId, ConversationId, DeviceId, LinkId, Timestamp};

use crate::{
    certificate::DeviceCertificate,
    codec::{self, GroupInfoError, Malformed, UnverifiedGroupInfo},
    crypto::Crypto,
    group::{Member, Transcript},
    link::CommitData,
    peek,
    policy::{GroupPolicy, change},
    rules::{self, AccountsChanged, CommitSummary, PolicyError, Validity},
    storage::Storage,
    store::{KeyValue as _, MemoryStore},
    tree_keys::TreeKeys,
};

const VERSION: u8 = 1;
/// What precedes the rows of an encoded view: version and conversation id.
const HEAD_LEN: usize = 17;
/// The lengths of the key and the value of a row.
const ROW_HEAD_LEN: usize = 8;

/// Why a group or a commit is refused. The view has not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// The bytes are not what they should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The group info is refused.
    #[error(transparent)]
    GroupInfo(#[from] GroupInfoError),
    /// A new group does not begin in epoch 0 with its creator as the only member.
    #[error("a new group begins in epoch 0 with one member, not in epoch {epoch} with {members}")]
    NotNew {
        /// The epoch of the group.
        epoch: u64,
        /// How many members it has.
        members: usize,
    },
    /// The group, its tree or a signature does not verify.
    #[error("the group does not verify: {0}")]
    Invalid(String),
    /// The commit is of another conversation.
    #[error("the commit is of another conversation")]
    WrongConversation,
    /// The commit is of another epoch.
    #[error("the commit is of epoch {commit}, the group is in epoch {group}")]
    WrongEpoch {
        /// The epoch of the commit.
        commit: u64,
        /// The epoch of the group.
        group: u64,
    },
    /// The signature of the commit or of a leaf is not valid.
    #[error("the commit is forged: {0}")]
    Forged(String),
    /// The commit breaks RFC 9420.
    #[error("the commit is not valid: {0}")]
    InvalidCommit(String),
    /// A rule of the group is broken.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The stored view cannot be read: the database is corrupt or of another version.
    #[error("the stored view of the group cannot be read: {0}")]
    Corrupt(String),
}

/// What an accepted commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitEffect {
    /// The epoch that the commit began.
    pub epoch_after: u64,
    /// The device that made it, with the certificate that its leaf has now.
    pub committer: DeviceCertificate,
    /// Whether the committer joined with this commit.
    pub external: bool,
    /// The devices that were added, not including a committer that joined.
    pub added: Vec<DeviceCertificate>,
    /// The references of their key packages, in the same order; see [`crate::WelcomeParts::secrets_for`].
    pub key_packages: Vec<Vec<u8>>,
    /// The devices that were removed. A committer that joined again removed its former leaf and
    /// is still a member. Those that had left are not among them.
    pub removed: Vec<DeviceId>,
    /// How it changed whose the group is.
    pub accounts: AccountsChanged,
    /// The invite link by which the committer's account has come, if it was not a member before.
    pub joined_by: Option<LinkId>,
}

/// The public state of one group.
pub struct PublicView {
    group: PublicGroup,
    conversation_id: ConversationId,
    policy: GroupPolicy,
    /// The rows of OpenMLS, and those of [`LEAVES`].
    store: MemoryStore,
}

/// The prefix of the rows with what devices that are leaving have proposed, as it was sent. The number of the leaf follows.
const LEAVES: &[u8] = b"leaves/";

impl PublicView {
    /// Creates the view of a new group: in epoch 0, its creator the only member, with a certificate
    /// that is valid now.
    pub fn create(
        group_info: &[u8],
        ratchet_tree: &[u8],
        expected: ConversationId,
        now: Timestamp,
    ) -> Result<Self, ViewError> {
        let view = Self::shown(group_info, ratchet_tree, expected)?;
        let group = &view.group;
        let (epoch, members) = (group.group_context().epoch().as_u64(), group.members().count());
        let creator = match group.members().next() {
            Some(member) if epoch == 0 && members == 1 => member.index,
            _ => return Err(ViewError::NotNew { epoch, members }),
        };
        let leaf = group
            .leaf(creator)
            .ok_or(PolicyError::NoSuchLeaf(creator.u32()))?;
        let certificate = rules::verify_leaf(&view.policy, leaf, Validity::At(now))?;
        change::check_members(&view.policy, &[certificate.account_id()].into()).map_err(PolicyError::from)?;
        Ok(view)
    }

    /// Creates the view of a group in any epoch, as one of its members shows it. Its past is not known.
    pub fn adopt(
        group_info: &[u8],
        ratchet_tree: &[u8],
        expected: ConversationId,
    ) -> Result<Self, ViewError> {
        let view = Self::shown(group_info, ratchet_tree, expected)?;
        rules::verify_members(&view.group, &view.policy)?;
        Ok(view)
    }

    /// The view of a group as somebody shows it, before anybody's place in it is checked.
    fn shown(group_info: &[u8], ratchet_tree: &[u8], expected: ConversationId) -> Result<Self, ViewError> {
        let group_info = UnverifiedGroupInfo::decode(group_info, expected)?;
        let tree = codec::ratchet_tree(ratchet_tree)?;
        TreeKeys::read(ratchet_tree)?.check_parents()?;
        let store = MemoryStore::new();
        let (group, _) = PublicGroup::from_external(
            &Crypto,
            &Storage::new(&store),
            tree,
            group_info.info,
            ProposalStore::new(),
        )
        .map_err(|error| ViewError::Invalid(error.to_string()))?;
        let policy = rules::policy_of(group.group_context())?;
        Ok(Self {
            group,
            conversation_id: expected,
            policy,
            store,
        })
    }

    /// Decodes a view from [`PublicView::to_bytes`].
    pub fn load(bytes: &[u8]) -> Result<Self, ViewError> {
        let (conversation_id, store) =
            decode_rows(bytes).ok_or_else(|| ViewError::Corrupt("not a view of a group".to_owned()))?;
        Self::from_store(conversation_id, store)
    }

    /// The view of a group that this device is in.
    pub(crate) fn of_group(
        storage: &Storage<'_>,
        conversation_id: ConversationId,
    ) -> Result<Self, ViewError> {
        let rows = storage
            .public_rows(conversation_id)
            .map_err(|error| ViewError::Corrupt(error.to_string()))?;
        Self::from_store(conversation_id, MemoryStore::from_rows(rows))
    }

    fn from_store(conversation_id: ConversationId, store: MemoryStore) -> Result<Self, ViewError> {
        let group = PublicGroup::load(&Storage::new(&store), &codec::group_id(conversation_id))
            .map_err(|error| ViewError::Corrupt(error.to_string()))?
            .ok_or_else(|| ViewError::Corrupt("rows are missing".to_owned()))?;
        let policy =
            rules::policy_of(group.group_context()).map_err(|error| ViewError::Corrupt(error.to_string()))?;
        Ok(Self {
            group,
            conversation_id,
            policy,
            store,
        })
    }

    /// Encodes the view as one blob, for one row of a database. It holds no secret.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode_rows(self.conversation_id, &self.store)
    }

    /// How many bytes [`PublicView::to_bytes`] returns, without making them.
    pub fn encoded_len(&self) -> usize {
        let (bytes, rows) = self.store.size();
        HEAD_LEN + bytes + rows * ROW_HEAD_LEN
    }

    /// The conversation.
    pub fn conversation_id(&self) -> ConversationId {
        self.conversation_id
    }

    /// The current epoch.
    pub fn epoch(&self) -> u64 {
        self.group.group_context().epoch().as_u64()
    }

    /// The policy. Only a commit changes it, and only that of a group.
    pub fn policy(&self) -> &GroupPolicy {
        &self.policy
    }

    /// The commits that led to the current epoch.
    pub fn transcript(&self) -> Transcript {
        Transcript::of(&self.policy, &self.group)
    }

    /// The proposals of the devices that are leaving, which the next commit takes out.
    pub fn leaves(&self) -> Vec<Vec<u8>> {
        let rows = self.store.rows().into_iter();
        rows.filter(|(key, _)| key.starts_with(LEAVES))
            .map(|(_, message)| message)
            .collect()
    }

    /// The devices that are leaving. They are still in the tree.
    pub fn leavers(&self) -> Result<Vec<DeviceCertificate>, ViewError> {
        let leaving = self.leaving()?.into_iter();
        leaving
            .map(|leaf| {
                rules::accepted_certificate(&self.group, leaf)
                    .map_err(|error| ViewError::Corrupt(error.to_string()))
            })
            .collect()
    }

    /// Forgets who is leaving, as it was when the epoch began.
    pub fn forget_leaves(&mut self) -> Result<(), ViewError> {
        let corrupt = |error: String| ViewError::Corrupt(error);
        Storage::new(&self.store)
            .clear_proposal_queue::<_, ProposalRef>(&codec::group_id(self.conversation_id))
            .map_err(|error| corrupt(error.to_string()))?;
        self.delete_leaves()?;
        *self = Self::from_store(self.conversation_id, self.store.clone())?;
        Ok(())
    }

    fn delete_leaves(&self) -> Result<(), ViewError> {
        for (key, _) in self.store.rows() {
            if key.starts_with(LEAVES) {
                self.store
                    .delete(&key)
                    .map_err(|error| ViewError::Corrupt(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn leaving(&self) -> Result<BTreeSet<LeafNodeIndex>, ViewError> {
        let proposals = self
            .group
            .queued_proposals(&Storage::new(&self.store))
            .map_err(|error| ViewError::Corrupt(error.to_string()))?;
        Ok(rules::leaving(proposals.iter().map(|(_, proposal)| proposal)))
    }

    /// The members in the order of their leaves, those that are leaving among them.
    pub fn members(&self) -> Result<Vec<Member>, ViewError> {
        Ok(rules::accepted_members(&self.group)
            .map_err(|error| ViewError::Corrupt(error.to_string()))?
            .into_iter()
            .map(|(leaf, certificate)| Member { leaf, certificate })
            .collect())
    }

    /// Those of these leaves' accounts that a member may remove now.
    pub fn removable(&self, by: AccountId, leaves: &[u32]) -> Result<BTreeSet<AccountId>, ViewError> {
        let members = self.members()?.into_iter();
        Ok(members
            .filter(|member| leaves.contains(&member.leaf))
            .map(|member| member.certificate.account_id())
            .filter(|account_id| self.policy.may_remove(by, *account_id))
            .collect())
    }

    /// The ratchet tree of the current epoch, for devices that join.
    pub fn ratchet_tree(&self) -> Result<Vec<u8>, ViewError> {
        codec::encode_ratchet_tree(&self.group.export_ratchet_tree())
            .ok_or_else(|| ViewError::Corrupt("the ratchet tree cannot be encoded".to_owned()))
    }

    /// Checks a commit and applies it.
    ///
    /// `group_info_after` must be the group info of exactly the epoch that the commit begins,
    /// signed by the device that made the commit.
    pub fn process_commit(
        &mut self,
        commit: &[u8],
        group_info_after: &[u8],
        now: Timestamp,
    ) -> Result<CommitEffect, ViewError> {
        let group_info = UnverifiedGroupInfo::decode(group_info_after, self.conversation_id)?;
        let (sender, staged, summary) = self.stage(commit, Validity::At(now))?;
        let effect = effect_of(&staged, summary)?;
        let committer_leaf = match sender {
            Sender::Member(index) => index,
            _ => self
                .group
                .ext_commit_sender_index(&staged)
                .map_err(|error| ViewError::InvalidCommit(error.to_string()))?,
        };
        if group_info.info.group_context() != staged.group_context() {
            return Err(GroupInfoError::WrongState.into());
        }
        if group_info.signer != committer_leaf.u32() {
            return Err(GroupInfoError::WrongSigner(group_info.signer).into());
        }
        let confirmation_tag = group_info.confirmation_tag.clone();
        group_info.verify_signature(&effect.committer.device_key())?;

        self.merge_checked(*staged, &confirmation_tag)?;
        Ok(effect)
    }

    /// Checks a commit and applies it without its group info: what a device can do that follows a group which it
    /// cannot, or cannot yet, be a member of, and what the server does with commits that it had accepted before.
    pub fn follow(&mut self, commit: &[u8]) -> Result<CommitEffect, ViewError> {
        let (_, staged, summary) = self.stage(commit, Validity::JudgedByOthers)?;
        let effect = effect_of(&staged, summary)?;
        self.merge(*staged)?;
        Ok(effect)
    }

    /// Checks the proposal with which a device leaves, and keeps it for the next commit. Returns the device.
    pub fn leave(&mut self, proposal: &[u8]) -> Result<DeviceCertificate, ViewError> {
        let message = self.expect(proposal, ContentType::Proposal)?;
        let leaving = self.leaving()?;
        let storage = Storage::new(&self.store);
        let (leaf, certificate) = take_leave(&mut self.group, &storage, &self.policy, &leaving, message)?;
        let key = [LEAVES, &leaf.u32().to_be_bytes()].concat();
        self.store
            .put(&key, proposal)
            .map_err(|error| ViewError::Corrupt(error.to_string()))?;
        Ok(certificate)
    }

    /// Checks a group info that a member has made of the current epoch after the commit that began it.
    pub fn check_group_info(&self, group_info: &[u8], made_by: DeviceId) -> Result<(), ViewError> {
        let group_info = UnverifiedGroupInfo::decode(group_info, self.conversation_id)?;
        let tag = self.group.confirmation_tag().tls_serialize_detached();
        if group_info.info.group_context() != self.group.group_context()
            || tag.as_deref() != Ok(&group_info.confirmation_tag[..])
        {
            return Err(GroupInfoError::WrongState.into());
        }
        let signer = self
            .members()?
            .into_iter()
            .find(|member| member.leaf == group_info.signer)
            .map(|member| member.certificate)
            .filter(|certificate| certificate.device_id() == made_by)
            .ok_or(GroupInfoError::WrongSigner(group_info.signer))?;
        Ok(group_info.verify_signature(&signer.device_key())?)
    }

    fn stage(
        &mut self,
        commit: &[u8],
        validity: Validity,
    ) -> Result<(Sender, Box<openmls::group::StagedCommit>, CommitSummary), ViewError> {
        let message = self.expect(commit, ContentType::Commit)?;
        let path_nodes = peek::path_nodes(commit).map_err(|_| Malformed("a public commit"))?;
        let processed = self.group.process_message(&Crypto, message).map_err(classify)?;
        let sender = processed.sender().clone();
        let data = CommitData::decode(processed.aad(), matches!(sender, Sender::NewMemberCommit));
        let link = data.and_then(|data| data.link);
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(PolicyError::StandaloneProposal.into());
        };
        let summary = rules::check_commit(
            (&self.group, &self.policy),
            &self.leaving()?,
            (&sender, link.as_ref()),
            &staged,
            path_nodes,
            validity,
        )?;
        Ok((sender, staged, summary))
    }

    /// Parses a handshake and refuses one that cannot be for this group in this epoch.
    fn expect(&self, bytes: &[u8], content: ContentType) -> Result<ProtocolMessage, ViewError> {
        let MlsMessageBodyIn::PublicMessage(message) = codec::message(bytes)? else {
            return Err(Malformed("a public handshake").into());
        };
        let message = ProtocolMessage::from(message);
        if message.content_type() != content {
            return Err(match content {
                ContentType::Commit => PolicyError::StandaloneProposal.into(),
                _ => Malformed("a proposal").into(),
            });
        }
        if codec::conversation_id(message.group_id()) != Some(self.conversation_id) {
            return Err(ViewError::WrongConversation);
        }
        let (commit, group) = (message.epoch().as_u64(), self.epoch());
        if commit != group {
            return Err(ViewError::WrongEpoch { commit, group });
        }
        Ok(message)
    }

    /// Applies a commit. OpenMLS exposes the confirmation tag of a commit only once it is applied, so
    /// a group info with another tag is only detected here, and the merge is undone.
    fn merge_checked(
        &mut self,
        staged: openmls::group::StagedCommit,
        confirmation_tag: &[u8],
    ) -> Result<(), ViewError> {
        let before = self.store.clone();
        let merged = self.merge(staged).and_then(|()| {
            let tag = self.group.confirmation_tag().tls_serialize_detached();
            if tag.is_ok_and(|tag| tag == confirmation_tag) {
                Ok(())
            } else {
                Err(GroupInfoError::WrongState.into())
            }
        });
        if merged.is_err() {
            *self = Self::from_store(self.conversation_id, before)?;
        }
        merged
    }

    fn merge(&mut self, staged: openmls::group::StagedCommit) -> Result<(), ViewError> {
        let corrupt = |error: String| ViewError::Corrupt(error);
        self.group
            .merge_commit(&Storage::new(&self.store), staged)
            .map_err(|error| corrupt(error.to_string()))?;
        self.delete_leaves()?;
        self.policy =
            rules::policy_of(self.group.group_context()).map_err(|error| corrupt(error.to_string()))?;
        Ok(())
    }
}

/// Checks the proposal of a device that leaves, and keeps it for the next commit. Returns the device and its leaf.
pub(crate) fn take_leave(
    group: &mut PublicGroup,
    storage: &Storage<'_>,
    policy: &GroupPolicy,
    leaving: &BTreeSet<LeafNodeIndex>,
    message: ProtocolMessage,
) -> Result<(LeafNodeIndex, DeviceCertificate), ViewError> {
    let processed = group.process_message(&Crypto, message).map_err(classify)?;
    let Sender::Member(leaf) = *processed.sender() else {
        return Err(PolicyError::Sender.into());
    };
    let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
        return Err(PolicyError::StandaloneProposal.into());
    };
    let certificate = rules::check_leave((group, policy), leaving, &proposal)?;
    group
        .add_proposal(storage, *proposal)
        .map_err(|error| ViewError::Corrupt(error.to_string()))?;
    Ok((leaf, certificate))
}

fn effect_of(
    staged: &openmls::group::StagedCommit,
    summary: CommitSummary,
) -> Result<CommitEffect, ViewError> {
    let CommitSummary {
        committer,
        external,
        joined_by,
        added,
        removed,
        accounts,
        ..
    } = summary;
    let key_packages = staged
        .add_proposals()
        .map(|add| {
            let reference = add.add_proposal().key_package().hash_ref(&Crypto);
            reference.map(|reference| reference.as_slice().to_vec())
        })
        .collect::<Result<_, _>>()
        .map_err(|error| ViewError::InvalidCommit(error.to_string()))?;
    Ok(CommitEffect {
        epoch_after: staged.epoch().as_u64(),
        committer,
        external,
        added,
        key_packages,
        removed: removed.iter().map(DeviceCertificate::device_id).collect(),
        accounts,
        joined_by,
    })
}

fn classify(error: PublicProcessMessageError) -> ViewError {
    match error {
        PublicProcessMessageError::ValidationError(ValidationError::WrongGroupId) => {
            ViewError::WrongConversation
        }
        PublicProcessMessageError::ValidationError(error) => ViewError::Forged(error.to_string()),
        PublicProcessMessageError::InvalidCommit(
            StageCommitError::PskError(_) | StageCommitError::DuplicatePskId(_),
        ) => rules::forbidden(ProposalType::PreSharedKey).into(),
        PublicProcessMessageError::InvalidCommit(StageCommitError::MissingProposal) => {
            PolicyError::ProposalByReference.into()
        }
        error => ViewError::InvalidCommit(error.to_string()),
    }
}

/// The layout of the blob: version (1), conversation id (16), then each row as the length of its
/// key (4, big endian), the key, the length of its value (4), the value, in the order of keys.
fn encode_rows(conversation_id: ConversationId, store: &MemoryStore) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(conversation_id.as_bytes());
    for (key, value) in store.rows() {
        for part in [key, value] {
            // The largest row, a ratchet tree, has a few megabytes.
            let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(&part);
        }
    }
    bytes
}

fn decode_rows(bytes: &[u8]) -> Option<(ConversationId, MemoryStore)> {
    let (&[VERSION], rest) = bytes.split_first_chunk()? else {
        return None;
    };
    let (id, mut rest) = rest.split_first_chunk()?;
    let mut part = || {
        let (len, after) = rest.split_first_chunk()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let (part, after) = after.split_at_checked(len)?;
        rest = after;
        Some(part.to_vec())
    };
    let mut rows = Vec::new();
    while let Some(key) = part() {
        rows.push((key, part()?));
    }
    rest.is_empty()
        .then(|| (ConversationId::from_bytes(*id), MemoryStore::from_rows(rows)))
}
