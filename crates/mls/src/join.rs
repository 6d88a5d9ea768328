//! Joining a group in two steps: verify it and show whose group it is, then join.
//!
//! Between the steps the caller checks the accounts of the policy: only the caller knows whether it
//! has met them, and under which handles.

use std::collections::BTreeSet;

use openmls::{
    framing::{MlsMessageBodyIn, PublicMessageIn},
    group::{MlsGroup, ProposalStore, PublicGroup, StagedWelcome, WelcomeError},
    key_packages::KeyPackageBundle,
    messages::group_info::VerifiableGroupInfo,
    prelude::{LeafNodeParameters, RatchetTreeIn},
};
use openmls_traits::{OpenMlsProvider as _, storage::StorageProvider as _};
use subrosa_wire::ConversationId;

use crate::{
    certificate::DeviceCertificate,
    chain::LogClaim,
    codec::{self, GroupInfoError, Malformed, UnverifiedGroupInfo},
    crypto::Crypto,
    device::{DeviceIdentity, Mls, join_config},
    group::{CommitBundle, Group, Member, Transcript, encode_bundle},
    limits::LEAVES_MAX,
    link::{CommitData, JoinStatement, LinkSecret},
    policy::{GroupPolicy, change},
    provider::MlsError,
    public_view::take_leave,
    rules::{self, PolicyError},
    storage::{Storage, StorageError},
    store::MemoryStore,
    suite::leaf_capabilities,
    tree_keys::TreeKeys,
};

/// Why a group cannot be joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The bytes are not what they should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The group info is refused.
    #[error(transparent)]
    GroupInfo(#[from] GroupInfoError),
    /// The welcome is for another conversation than the server claims.
    #[error("the welcome is for another conversation")]
    WrongConversation,
    /// This device does not have the key package that the welcome is for: it was used up, or the
    /// welcome is for another device.
    #[error("the welcome is for a key package that this device does not have")]
    NoKeyPackage,
    /// This device already has a group of that conversation; delete it first.
    #[error("this device is already in the group")]
    AlreadyAMember,
    /// The welcome, the tree or the group info does not verify.
    #[error("the group does not verify: {0}")]
    Invalid(String),
    /// The group breaks a rule.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The welcome withholds private keys that this device must have at its place in the tree, or puts the leaf of
    /// another key package there. The next commit could not be applied.
    #[error("the welcome does not give this device the keys of its place in the tree")]
    MissingKeys,
    /// The group has a leaf for this device that is not its own.
    #[error("the group has a leaf for this device that is not its own")]
    NotOurLeaf,
    /// The store failed, or this is our bug.
    #[error(transparent)]
    Mls(#[from] MlsError),
}

/// A welcome that was decrypted and verified. The group is not stored yet.
pub struct StagedJoin {
    inner: MlsGroup,
    /// The rows of the group, to be stored.
    rows: MemoryStore,
    conversation_id: ConversationId,
    policy: GroupPolicy,
    members: Vec<Member>,
    sender: DeviceCertificate,
}

impl StagedJoin {
    /// The policy: look at whose group it is before [`StagedJoin::accept`].
    pub fn policy(&self) -> &GroupPolicy {
        &self.policy
    }

    /// All members, including this device.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The device that made the welcome.
    pub fn sender(&self) -> &DeviceCertificate {
        &self.sender
    }

    /// The epoch in which this device joins.
    pub fn epoch(&self) -> u64 {
        self.inner.epoch().as_u64()
    }

    /// Stores the group.
    pub fn accept(self, mls: &Mls<'_>) -> Result<Group, JoinError> {
        let storage = mls.provider.storage();
        storage
            .write_rows(&self.rows)
            .map_err(|error| mls.provider.internal(error))?;
        Ok(Group::new(self.inner, self.conversation_id, self.policy))
    }
}

/// The key package of this device that a Welcome was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomeKey {
    /// The key package; see [`Mls::key_package_reference`].
    pub reference: Vec<u8>,
    /// Whether it can be used more than once.
    pub is_last_resort: bool,
}

/// A group that was verified for an external join. No commit has been made yet.
pub struct StagedExternalJoin {
    group_info: Vec<u8>,
    ratchet_tree: Vec<u8>,
    conversation_id: ConversationId,
    policy: GroupPolicy,
    members: Vec<Member>,
    /// What devices that are leaving have proposed.
    leaves: Vec<Vec<u8>>,
    transcript: Transcript,
}

impl StagedExternalJoin {
    /// The policy: look at whose group it is before [`StagedExternalJoin::commit`].
    pub fn policy(&self) -> &GroupPolicy {
        &self.policy
    }

    /// The members before this device joins. Its own former leaf may be among them.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The commits that led to the epoch that the commit will end.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Makes the external commit. A former leaf of this device is removed with it; a group of the
    /// same conversation in the store is replaced.
    ///
    /// The group that is returned and stored is already in the epoch after the commit. If the server
    /// refuses the commit, delete the group and start over with a new group info.
    ///
    /// Of a group, the account of this device must be a member; otherwise it comes by a link, see
    /// [`StagedExternalJoin::commit_by_link`].
    pub fn commit(
        self,
        mls: &Mls<'_>,
        identity: &DeviceIdentity,
        claim: &LogClaim,
    ) -> Result<(Group, CommitBundle), JoinError> {
        let group_info = UnverifiedGroupInfo::decode(&self.group_info, self.conversation_id)?;
        let data = CommitData {
            claim: *claim,
            link: None,
        };
        self.commit_with(mls, identity, group_info, &data)
    }

    /// Makes the external commit by which an account comes that is not a member, as [`StagedExternalJoin::commit`] does.
    ///
    /// Refuses what others would refuse: a link that the group does not have, or by which one only asks. If the account has
    /// become a member meanwhile, the link is of no effect.
    pub fn commit_by_link(
        self,
        mls: &Mls<'_>,
        identity: &DeviceIdentity,
        claim: &LogClaim,
        link: &LinkSecret,
    ) -> Result<(Group, CommitBundle), JoinError> {
        let group_info = UnverifiedGroupInfo::decode(&self.group_info, self.conversation_id)?;
        let context = group_info.info.group_context();
        let join = JoinStatement::of(context, &self.policy, &identity.certificate);
        let signature = link.sign_join(&join);
        change::check_join(&self.policy, Some(&signature), &join).map_err(PolicyError::from)?;
        let data = CommitData {
            claim: *claim,
            link: Some(signature),
        };
        self.commit_with(mls, identity, group_info, &data)
    }

    fn commit_with(
        self,
        mls: &Mls<'_>,
        identity: &DeviceIdentity,
        group_info: UnverifiedGroupInfo,
        data: &CommitData,
    ) -> Result<(Group, CommitBundle), JoinError> {
        let provider = &mls.provider;
        mls.delete_group(self.conversation_id)?;
        let leaf_node = LeafNodeParameters::builder()
            .with_capabilities(leaf_capabilities())
            .build();
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(codec::ratchet_tree(&self.ratchet_tree)?)
            .with_config(join_config())
            .with_proposals(public_messages(&self.leaves)?)
            .with_aad(data.encode())
            .skip_lifetime_validation()
            .build_group(provider, group_info.info, identity.credential())
            .map_err(|error| provider.internal(error))?
            .leaf_node_parameters(leaf_node)
            .load_psks(provider.storage())
            .map_err(|error| provider.internal(error))?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(provider.rand(), provider.crypto(), &identity.signer(), |_| true)
            .map_err(|error| provider.internal(error))?
            .finalize(provider)
            .map_err(|error| provider.internal(error))?;
        let (commit, welcome, group_info) = bundle.into_messages();
        let bundle = encode_bundle(
            mls,
            self.transcript.epoch,
            &commit,
            welcome.as_ref(),
            group_info.as_ref(),
        )?;
        Ok((Group::new(group, self.conversation_id, self.policy), bundle))
    }
}

impl Mls<'_> {
    /// The key package that a Welcome was made with; `None` if this device does not have it (any more).
    pub fn welcome_key(&self, welcome: &[u8]) -> Result<Option<WelcomeKey>, JoinError> {
        let MlsMessageBodyIn::Welcome(welcome) = codec::message(welcome)? else {
            return Err(Malformed("a welcome").into());
        };
        for secrets in welcome.secrets() {
            let reference = secrets.new_member();
            let found: Option<KeyPackageBundle> = self
                .provider
                .storage()
                .key_package(&reference)
                .map_err(|error| self.provider.internal(error))?;
            if let Some(bundle) = found {
                return Ok(Some(WelcomeKey {
                    reference: reference.as_slice().to_vec(),
                    is_last_resort: bundle.key_package().last_resort(),
                }));
            }
        }
        Ok(None)
    }

    /// Decrypts and verifies a welcome: signatures, tree, rules, the certificate of every member,
    /// and that the group is one of our account.
    ///
    /// `ratchet_tree` is the tree of the epoch that the welcome leads into, from the server. A
    /// one-time key package is used up even if the group is then refused, unless the caller rolls
    /// the transaction back.
    pub fn stage_welcome(
        &self,
        identity: &DeviceIdentity,
        welcome: &[u8],
        ratchet_tree: &[u8],
        expected: ConversationId,
    ) -> Result<StagedJoin, JoinError> {
        let MlsMessageBodyIn::Welcome(welcome) = codec::message(welcome)? else {
            return Err(Malformed("a welcome").into());
        };
        let tree = codec::ratchet_tree(ratchet_tree)?;
        let keys = TreeKeys::read(ratchet_tree)?;
        keys.check_parents()?;
        let builder = StagedWelcome::build_from_welcome(&self.provider, &join_config(), welcome)
            .map_err(|error| self.welcome_error(error))?;
        let processed = builder.processed_welcome();
        let group_info = processed.unverified_group_info();
        if codec::conversation_id(group_info.group_id()) != Some(expected) {
            return Err(JoinError::WrongConversation);
        }
        if group_info.extensions().ratchet_tree().is_some() || !processed.psks().is_empty() {
            return Err(JoinError::Invalid("it carries a tree or a pre-shared key".into()));
        }
        // OpenMLS does not expose the leaves of a staged welcome, so they are read from a public group
        // made from the same group info and tree. Joins are rare, so verifying both twice is fine.
        let group = verify_public_group(group_info.clone(), tree.clone())?;
        let policy = rules::policy_of(group.group_context())?;
        check_own_account(&policy, identity)?;
        let members = verified_members(&group, &policy)?;
        let inner = builder
            .with_ratchet_tree(tree)
            .skip_lifetime_validation()
            .build()
            .map_err(|error| self.welcome_error(error))?;

        let own_leaf = inner.own_leaf_index().u32();
        let sender_leaf = inner.welcome_sender_index().u32();
        let find = |leaf| members.iter().find(|member| member.leaf == leaf);
        let own = find(own_leaf).ok_or(JoinError::NotOurLeaf)?;
        if own.certificate.device_id() != identity.certificate.device_id() {
            return Err(JoinError::NotOurLeaf);
        }
        let sender = find(sender_leaf)
            .ok_or(PolicyError::NoSuchLeaf(sender_leaf))?
            .certificate
            .clone();
        let rows = MemoryStore::new();
        let provider = self.provider.with_store(&rows);
        let inner = inner
            .into_group(&provider)
            .map_err(|error| provider.internal(error))?;
        let private = provider
            .storage()
            .epoch_public_keys(expected)
            .map_err(|error| provider.internal(error))?;
        if keys
            .owned_by(own_leaf)
            .iter()
            .any(|key| private.iter().all(|other| other != key))
        {
            return Err(JoinError::MissingKeys);
        }
        Ok(StagedJoin {
            inner,
            rows,
            conversation_id: expected,
            policy,
            members,
            sender,
        })
    }

    /// Verifies a group from its group info and ratchet tree, with the same checks as
    /// [`Mls::stage_welcome`]. `leaves` are the proposals of devices that are leaving, which the commit takes out.
    pub fn stage_external_join(
        &self,
        identity: &DeviceIdentity,
        group_info: &[u8],
        ratchet_tree: &[u8],
        leaves: &[Vec<u8>],
        expected: ConversationId,
    ) -> Result<StagedExternalJoin, JoinError> {
        let unverified = UnverifiedGroupInfo::decode(group_info, expected)?;
        let tree = codec::ratchet_tree(ratchet_tree)?;
        TreeKeys::read(ratchet_tree)?.check_parents()?;
        let mut group = verify_public_group(unverified.info, tree)?;
        let policy = rules::policy_of(group.group_context())?;
        check_own_account(&policy, identity)?;
        let members = verified_members(&group, &policy)?;
        verify_leaves(&mut group, &policy, leaves)?;
        // MLS removes a former leaf by its signature key. A device never changes its key, so a
        // leaf of this device with another one is somebody else's.
        if members.iter().any(|member| {
            member.certificate.device_id() == identity.certificate.device_id()
                && member.certificate.device_key() != identity.certificate.device_key()
        }) {
            return Err(JoinError::NotOurLeaf);
        }
        let transcript = Transcript::of(&policy, &group);
        Ok(StagedExternalJoin {
            group_info: group_info.to_vec(),
            ratchet_tree: ratchet_tree.to_vec(),
            conversation_id: expected,
            policy,
            members,
            leaves: leaves.to_vec(),
            transcript,
        })
    }

    fn welcome_error(&self, error: WelcomeError<StorageError>) -> JoinError {
        if let Some(failure) = self.provider.store_failure() {
            return failure.into();
        }
        match error {
            WelcomeError::NoMatchingKeyPackage => JoinError::NoKeyPackage,
            WelcomeError::GroupAlreadyExists => JoinError::AlreadyAMember,
            // Also what OpenMLS considers an error of its own, such as a secret that is too short: what we stored has
            // not changed, and what is new are the bytes of the welcome.
            error => JoinError::Invalid(error.to_string()),
        }
    }
}

/// Verifies the signatures and hashes of a group info and its tree (RFC 9420, section 12.4.3.3),
/// but not our own rules.
fn verify_public_group(
    group_info: VerifiableGroupInfo,
    tree: RatchetTreeIn,
) -> Result<PublicGroup, JoinError> {
    PublicGroup::from_external(
        &Crypto,
        &Storage::new(&MemoryStore::new()),
        tree,
        group_info,
        ProposalStore::new(),
    )
    .map(|(group, _)| group)
    .map_err(|error| JoinError::Invalid(error.to_string()))
}

fn public_messages(messages: &[Vec<u8>]) -> Result<Vec<PublicMessageIn>, JoinError> {
    if messages.len() > LEAVES_MAX {
        return Err(Malformed("the proposals of devices that leave").into());
    }
    messages
        .iter()
        .map(|bytes| match codec::message(bytes)? {
            MlsMessageBodyIn::PublicMessage(message) => Ok(message),
            _ => Err(Malformed("the proposal of a device that leaves").into()),
        })
        .collect()
}

/// Verifies what devices that are leaving have proposed.
fn verify_leaves(group: &mut PublicGroup, policy: &GroupPolicy, leaves: &[Vec<u8>]) -> Result<(), JoinError> {
    let store = MemoryStore::new();
    let mut leaving = BTreeSet::new();
    for message in public_messages(leaves)? {
        let taken = take_leave(group, &Storage::new(&store), policy, &leaving, message.into());
        let (leaf, _) = taken.map_err(|error| JoinError::Invalid(error.to_string()))?;
        leaving.insert(leaf);
    }
    Ok(())
}

fn check_own_account(policy: &GroupPolicy, identity: &DeviceIdentity) -> Result<(), PolicyError> {
    rules::check_admitted(policy, identity.certificate.account_id())
}

fn verified_members(group: &PublicGroup, policy: &GroupPolicy) -> Result<Vec<Member>, PolicyError> {
    Ok(rules::verify_members(group, policy)?
        .into_iter()
        .map(|(leaf, certificate)| Member { leaf, certificate })
        .collect())
}
