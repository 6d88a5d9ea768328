//! A group as a member sees it: its state, the member's own commits, and encryption.
//!
//! Messages of others are handled in [`crate::process`].

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use openmls::{
    extensions::Extensions,
    framing::Sender,
    group::{CreateCommitError, MlsGroup, PublicGroup},
    prelude::{LeafNodeIndex, LeafNodeParameters, tls_codec::Serialize as _},
    treesync::LeafNodeSource,
};
use openmls_traits::OpenMlsProvider as _;
use subrosa_wire::{AccountId, ConversationId, DeviceId};

use crate::{
    certificate::DeviceCertificate,
    chain::LogClaim,
    codec,
    device::{DeviceIdentity, Mls},
    key_package::VerifiedKeyPackage,
    padding::{self, ContentTooLarge},
    peek,
    policy::GroupPolicy,
    provider::MlsError,
    public_view::PublicView,
    rules::{self, PolicyError, Validity},
};

/// A member of a group: one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The index of its leaf in the ratchet tree.
    pub leaf: u32,
    /// Its certificate.
    pub certificate: DeviceCertificate,
}

/// A state of a group, named by the commits that led to it: two with the same values are the same state (RFC 9420,
/// section 8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// How often the conversation was founded again.
    pub founding: u64,
    /// The epoch.
    pub epoch: u64,
    /// The confirmed transcript hash.
    pub hash: Vec<u8>,
    /// The hash of the tree, which the transcript leads to.
    pub tree_hash: Vec<u8>,
    /// The confirmation tag of the last commit, which only members can make.
    pub confirmation_tag: Vec<u8>,
}

impl Transcript {
    pub(crate) fn of(policy: &GroupPolicy, group: &PublicGroup) -> Self {
        let context = group.group_context();
        let tag = group.confirmation_tag().tls_serialize_detached();
        Self {
            founding: policy.founding(),
            epoch: context.epoch().as_u64(),
            hash: context.confirmed_transcript_hash().to_vec(),
            tree_hash: context.tree_hash().to_vec(),
            confirmation_tag: tag.unwrap_or_default(),
        }
    }
}

/// What a commit is to do. A plan that changes nothing renews the member's own keys.
#[derive(Default)]
pub struct CommitPlan {
    /// Devices to add.
    pub add: Vec<VerifiedKeyPackage>,
    /// Devices to remove: of the member's account, or, in a group, all devices of others.
    pub remove: Vec<DeviceId>,
    /// The policy that a group is to have.
    pub policy: Option<GroupPolicy>,
    /// Whether to renew the member's own keys, too, which costs an update path. Removals and changes of
    /// the policy always renew them.
    pub update_path: bool,
}

/// What is sent to the server for a commit, all of it in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitBundle {
    /// The commit, an `MLSMessage` that is a `PublicMessage`.
    pub commit: Vec<u8>,
    /// The welcome for the devices that are added, without the ratchet tree.
    pub welcome: Option<Vec<u8>>,
    /// The group info of the epoch that the commit begins, with the external public key and
    /// without the ratchet tree.
    pub group_info: Vec<u8>,
    /// The epoch that the commit ends.
    pub epoch: u64,
}

/// Why a commit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The last commit has been neither merged nor cleared.
    #[error("a commit is pending")]
    Pending,
    /// This device was removed from the group.
    #[error("this device is no longer a member")]
    NotAMember,
    /// A device to remove is not in the group.
    #[error("device {0} is not in the group")]
    NoSuchDevice(DeviceId),
    /// A device cannot remove itself: another device of its account does (RFC 9420,
    /// section 12.2).
    #[error("a device cannot remove itself")]
    RemovesItself,
    /// The devices to add contradict each other or the group, for example by a key that two of them have.
    #[error("these devices cannot be added: {0}")]
    Invalid(String),
    /// Others would refuse the commit.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The store failed, or this is our bug.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

/// Why a device cannot leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaveError {
    /// A commit is pending, or devices that are leaving wait for one.
    #[error("a commit comes first")]
    Pending,
    /// This device was removed from the group.
    #[error("this device is no longer a member")]
    NotAMember,
    /// Others would refuse it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The store failed, or this is our bug.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

/// Why a message cannot be encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The content is too large.
    #[error(transparent)]
    TooLarge(#[from] ContentTooLarge),
    /// This device was removed from the group.
    #[error("this device is no longer a member")]
    NotAMember,
    /// The store failed, or this is our bug.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

/// A group that this device is a member of.
///
/// Every change is written to the store of the [`Mls`] that is passed in. After an error, drop
/// the value and load it again.
pub struct Group {
    pub(crate) inner: MlsGroup,
    conversation_id: ConversationId,
    policy: GroupPolicy,
    /// The devices of each account, read from the tree on first use in an epoch.
    devices: OnceCell<BTreeMap<AccountId, Vec<DeviceId>>>,
}

impl Group {
    pub(crate) fn new(inner: MlsGroup, conversation_id: ConversationId, policy: GroupPolicy) -> Self {
        Self {
            inner,
            conversation_id,
            policy,
            devices: OnceCell::new(),
        }
    }

    /// The conversation.
    pub fn conversation_id(&self) -> ConversationId {
        self.conversation_id
    }

    /// The current epoch.
    pub fn epoch(&self) -> u64 {
        self.inner.epoch().as_u64()
    }

    /// The policy. Only a commit changes it, and only that of a group.
    pub fn policy(&self) -> &GroupPolicy {
        &self.policy
    }

    /// The members in the order of their leaves, those that are leaving among them.
    pub fn members(&self) -> Result<Vec<Member>, MlsError> {
        Ok(rules::accepted_members(self.inner.public_group())
            .map_err(corrupt)?
            .into_iter()
            .map(|(leaf, certificate)| Member { leaf, certificate })
            .collect())
    }

    /// The accounts that are in the group and do not leave.
    pub fn accounts(&self) -> Result<Vec<AccountId>, MlsError> {
        Ok(self.devices()?.keys().copied().collect())
    }

    /// The devices of an account in the order of their leaves; none if it is not a member, or leaves.
    pub fn devices_of(&self, account: AccountId) -> Result<&[DeviceId], MlsError> {
        Ok(self
            .devices()?
            .get(&account)
            .map(Vec::as_slice)
            .unwrap_or_default())
    }

    fn devices(&self) -> Result<&BTreeMap<AccountId, Vec<DeviceId>>, MlsError> {
        if self.devices.get().is_none() {
            let mut devices: BTreeMap<_, Vec<_>> = BTreeMap::new();
            let leaving = self.leaving();
            for member in self.members()? {
                if leaving.contains(&LeafNodeIndex::new(member.leaf)) {
                    continue;
                }
                devices
                    .entry(member.certificate.account_id())
                    .or_default()
                    .push(member.certificate.device_id());
            }
            // It was empty, so this sets it.
            let _ = self.devices.set(devices);
        }
        Ok(self.devices.get_or_init(BTreeMap::new))
    }

    /// The account of a device; `None` if it is not a member, or leaves.
    pub fn account_of(&self, device: DeviceId) -> Result<Option<AccountId>, MlsError> {
        let devices = self.devices()?;
        let found = devices.iter().find(|(_, devices)| devices.contains(&device));
        Ok(found.map(|(account, _)| *account))
    }

    /// How many members the group has.
    pub fn member_count(&self) -> usize {
        self.inner.members().count()
    }

    /// Notes that the tree has changed.
    pub(crate) fn members_changed(&mut self) {
        self.devices.take();
    }

    /// The index of this device's leaf.
    pub fn own_leaf(&self) -> u32 {
        self.inner.own_leaf_index().u32()
    }

    /// The encoded leaf of this device: another one once its key was renewed.
    pub fn own_leaf_node(&self) -> Option<Vec<u8>> {
        self.inner.own_leaf_node()?.tls_serialize_detached().ok()
    }

    /// The indexes of the leaves whose keys are still those of key packages, in ascending order.
    pub fn fresh_leaves(&self) -> Vec<u32> {
        let group = self.inner.public_group();
        let is_fresh = |index: &LeafNodeIndex| {
            let leaf = group.leaf(*index);
            leaf.is_some_and(|leaf| matches!(leaf.leaf_node_source(), LeafNodeSource::KeyPackage(_)))
        };
        let leaves = self.inner.members().map(|member| member.index);
        leaves.filter(is_fresh).map(|index| index.u32()).collect()
    }

    /// The certificate in this device's leaf. It is older than the device's current certificate if
    /// that was renewed since.
    pub fn own_certificate(&self) -> Result<DeviceCertificate, MlsError> {
        rules::accepted_certificate(self.inner.public_group(), self.inner.own_leaf_index()).map_err(corrupt)
    }

    /// Whether this device is still a member: `false` once a commit that removes it is merged.
    pub fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    /// Whether devices are leaving: nothing can be encrypted before a commit takes them out.
    pub fn has_leavers(&self) -> bool {
        self.inner.has_pending_proposals()
    }

    /// The devices that are leaving, which are still in the tree.
    pub fn leavers(&self) -> Result<Vec<DeviceCertificate>, MlsError> {
        let leaving = self.leaving().into_iter();
        leaving
            .map(|leaf| rules::accepted_certificate(self.inner.public_group(), leaf).map_err(corrupt))
            .collect()
    }

    pub(crate) fn leaving(&self) -> BTreeSet<LeafNodeIndex> {
        rules::leaving(self.inner.pending_proposals())
    }

    /// Whether a commit of this device awaits the server's answer.
    pub fn has_pending_commit(&self) -> bool {
        self.inner.pending_commit().is_some()
    }

    /// The ratchet tree of the current epoch, for a server that does not know the group yet.
    pub fn ratchet_tree(&self) -> Result<Vec<u8>, MlsError> {
        codec::encode_ratchet_tree(&self.inner.export_ratchet_tree())
            .ok_or_else(|| MlsError::Internal("the ratchet tree cannot be encoded".into()))
    }

    /// The signed group info of the current epoch, with the external public key.
    pub fn group_info(&self, mls: &Mls<'_>, identity: &DeviceIdentity) -> Result<Vec<u8>, MlsError> {
        self.inner
            .export_group_info(mls.provider.crypto(), &identity.signer(), false)
            .map_err(|error| mls.provider.internal(error))?
            .tls_serialize_detached()
            .map_err(|error| mls.provider.internal(error))
    }

    /// The commits that led to the current epoch.
    pub fn transcript(&self) -> Transcript {
        Transcript::of(&self.policy, self.inner.public_group())
    }

    /// Whether this is the commit that began the current epoch: only members can make its confirmation tag.
    pub fn was_begun_by(&self, commit: &[u8]) -> bool {
        let tag = self
            .inner
            .public_group()
            .confirmation_tag()
            .tls_serialize_detached();
        let (Ok(tag), Ok(claimed)) = (tag, peek::confirmation_tag(commit)) else {
            return false;
        };
        peek::Reader::new(&tag).vector() == Ok(claimed)
    }

    /// The public state, with which commits can be verified without any secret of the group.
    pub fn public_view(&self, mls: &Mls<'_>) -> Result<PublicView, MlsError> {
        PublicView::of_group(mls.provider.storage(), self.conversation_id)
            .map_err(|error| mls.provider.internal(error))
    }

    /// Makes a commit. It stays pending: merge it when the server has accepted it, clear it when
    /// the server has refused it.
    ///
    /// A plan that only adds makes a commit without an update path, which stays small in a group of
    /// any size.
    pub fn commit(
        &mut self,
        mls: &Mls<'_>,
        identity: &DeviceIdentity,
        plan: CommitPlan,
        claim: &LogClaim,
    ) -> Result<CommitBundle, CommitError> {
        if !self.is_active() {
            return Err(CommitError::NotAMember);
        }
        if self.has_pending_commit() {
            return Err(CommitError::Pending);
        }
        let removed = self.leaves_to_remove(&plan)?;
        let changes_nothing = plan.add.is_empty() && removed.is_empty() && plan.policy.is_none();
        // What devices that are leaving have proposed goes along with every commit.
        let update_path = plan.update_path || changes_nothing;
        // A leaf whose certificate was renewed gets the new one with the next path; until a clock that was set back
        // reaches its validity, it keeps the old one.
        let renews_certificate = update_path
            && self.own_certificate()? != identity.certificate
            && identity
                .certificate
                .clone()
                .into_unverified()
                .verify(mls.now)
                .is_ok();
        let leaf_node = if renews_certificate {
            LeafNodeParameters::builder()
                .with_credential_with_key(identity.credential())
                .build()
        } else {
            LeafNodeParameters::default()
        };

        let epoch = self.epoch();
        let provider = &mls.provider;
        self.inner.set_aad(claim.encode().to_vec());
        let mut builder = self
            .inner
            .commit_builder()
            .propose_adds(plan.add.into_iter().map(|verified| verified.key_package))
            .propose_removals(removed);
        if let Some(policy) = plan.policy {
            let extensions = Extensions::from_vec(rules::context_extensions(&policy))
                .map_err(|error| provider.internal(error))?;
            builder = builder
                .propose_group_context_extensions(extensions)
                .map_err(|error| provider.internal(error))?;
        }
        let bundle = builder
            .force_self_update(update_path)
            .leaf_node_parameters(leaf_node)
            .load_psks(provider.storage())
            .map_err(|error| provider.internal(error))?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(provider.rand(), provider.crypto(), &identity.signer(), |_| true)
            .map_err(|error| match error {
                CreateCommitError::ProposalValidationError(error) => CommitError::Invalid(error.to_string()),
                error => CommitError::Mls(provider.internal(error)),
            })?
            .stage_commit(provider)
            .map_err(|error| provider.internal(error))?;
        if let Err(error) = self.check_pending_commit(mls) {
            self.clear_pending_commit(mls)?;
            return Err(error.into());
        }

        let (commit, welcome, group_info) = bundle.into_messages();
        encode_bundle(mls, epoch, &commit, welcome.as_ref(), group_info.as_ref()).map_err(CommitError::Mls)
    }

    /// Checks our own commit against the rules that others will check it against.
    fn check_pending_commit(&self, mls: &Mls<'_>) -> Result<(), PolicyError> {
        let Some(staged) = self.inner.pending_commit() else {
            return Ok(());
        };
        let sender = Sender::Member(self.inner.own_leaf_index());
        // OpenMLS has just made the nodes of the path.
        let path_nodes = &[];
        let validity = Validity::At(mls.now);
        rules::check_commit(
            (self.inner.public_group(), &self.policy),
            &self.leaving(),
            (&sender, None),
            staged,
            path_nodes,
            validity,
        )
        .map(drop)
    }

    /// Makes the proposal with which this device leaves, an `MLSMessage` that is a `PublicMessage`. Nothing changes: once the
    /// server has accepted it, delete the group. Until then this device is a member like others.
    pub fn leave(
        &mut self,
        mls: &Mls<'_>,
        identity: &DeviceIdentity,
        claim: &LogClaim,
    ) -> Result<Vec<u8>, LeaveError> {
        if !self.is_active() {
            return Err(LeaveError::NotAMember);
        }
        if self.has_pending_commit() || self.has_leavers() {
            return Err(LeaveError::Pending);
        }
        let provider = &mls.provider;
        self.inner.set_aad(claim.encode().to_vec());
        let message = self
            .inner
            .leave_group_via_self_remove(provider, &identity.signer())
            .map_err(|error| provider.internal(error))?;
        let group = (self.inner.public_group(), &self.policy);
        let checked = self
            .inner
            .pending_proposals()
            .map(|proposal| rules::check_leave(group, &BTreeSet::new(), proposal))
            .find_map(Result::err);
        // Nobody commits to its own leaving; the others do once they see it.
        self.inner
            .clear_pending_proposals(provider.storage())
            .map_err(|error| provider.internal(error))?;
        if let Some(error) = checked {
            return Err(error.into());
        }
        Ok(message
            .tls_serialize_detached()
            .map_err(|error| provider.internal(error))?)
    }

    /// Finds the leaves that a plan removes. Refuses what MLS would refuse with a less specific error.
    fn leaves_to_remove(&self, plan: &CommitPlan) -> Result<Vec<LeafNodeIndex>, CommitError> {
        if plan.add.is_empty() && plan.remove.is_empty() {
            return Ok(Vec::new());
        }
        let leaving = self.leaving();
        let mut devices: BTreeMap<_, _> = self
            .members()?
            .into_iter()
            .filter(|member| !leaving.contains(&LeafNodeIndex::new(member.leaf)))
            .map(|member| (member.certificate.device_id(), member.leaf))
            .collect();
        let mut leaves = Vec::new();
        for device_id in plan.remove.iter().collect::<BTreeSet<_>>() {
            let leaf = devices
                .remove(device_id)
                .ok_or(CommitError::NoSuchDevice(*device_id))?;
            if leaf == self.own_leaf() {
                return Err(CommitError::RemovesItself);
            }
            leaves.push(LeafNodeIndex::new(leaf));
        }
        for device_id in plan.add.iter().map(VerifiedKeyPackage::device_id) {
            if devices.insert(device_id, u32::MAX).is_some() {
                return Err(PolicyError::DuplicateDevice(device_id).into());
            }
        }
        Ok(leaves)
    }

    /// Applies the pending commit after the server has accepted it. Does nothing if none is pending.
    pub fn merge_pending_commit(&mut self, mls: &Mls<'_>) -> Result<(), MlsError> {
        self.members_changed();
        self.inner
            .merge_pending_commit(&mls.provider)
            .map_err(|error| mls.provider.internal(error))?;
        self.reread_policy()
    }

    /// Reads the policy of the epoch that has begun.
    pub(crate) fn reread_policy(&mut self) -> Result<(), MlsError> {
        self.policy = rules::policy_of(self.inner.public_group().group_context()).map_err(corrupt)?;
        Ok(())
    }

    /// Drops the pending commit after the server has refused it.
    pub fn clear_pending_commit(&mut self, mls: &Mls<'_>) -> Result<(), MlsError> {
        self.inner
            .clear_pending_commit(mls.provider.storage())
            .map_err(|error| mls.provider.internal(error))
    }

    /// Encrypts a message for all members, padded (see [`crate::padding`]). The ratchet moves on,
    /// so commit the store before sending the ciphertext.
    pub fn encrypt(
        &mut self,
        mls: &Mls<'_>,
        identity: &DeviceIdentity,
        content: &[u8],
        claim: &LogClaim,
    ) -> Result<Vec<u8>, EncryptError> {
        if !self.is_active() {
            return Err(EncryptError::NotAMember);
        }
        let padded = zeroize::Zeroizing::new(padding::pad(content)?);
        self.inner.set_aad(claim.encode().to_vec());
        let internal = |error: &dyn std::fmt::Display| mls.provider.internal(error);
        let message = self
            .inner
            .create_message(&mls.provider, &identity.signer(), &padded)
            .map_err(|error| internal(&error))?;
        Ok(message
            .tls_serialize_detached()
            .map_err(|error| internal(&error))?)
    }

    /// A secret of the current epoch that only members can derive (RFC 9420, section 8.5).
    pub fn export_secret(
        &self,
        mls: &Mls<'_>,
        label: &str,
        context: &[u8],
        len: usize,
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, MlsError> {
        self.inner
            .export_secret(mls.provider.crypto(), label, context, len)
            .map(zeroize::Zeroizing::new)
            .map_err(|error| mls.provider.internal(error))
    }
}

/// An error for stored state that breaks a rule although it was checked before it was stored.
pub(crate) fn corrupt(error: PolicyError) -> MlsError {
    MlsError::Corrupt(error.to_string())
}

pub(crate) fn encode_bundle(
    mls: &Mls<'_>,
    epoch: u64,
    commit: &openmls::framing::MlsMessageOut,
    welcome: Option<&openmls::framing::MlsMessageOut>,
    group_info: Option<&openmls::framing::MlsMessageOut>,
) -> Result<CommitBundle, MlsError> {
    let encode = |message: &openmls::framing::MlsMessageOut| {
        message
            .tls_serialize_detached()
            .map_err(|error| mls.provider.internal(error))
    };
    let group_info =
        group_info.ok_or_else(|| MlsError::Internal("the commit came without a group info".into()))?;
    Ok(CommitBundle {
        commit: encode(commit)?,
        welcome: welcome.map(encode).transpose()?,
        group_info: encode(group_info)?,
        epoch,
    })
}
