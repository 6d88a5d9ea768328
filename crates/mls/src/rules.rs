//! The rules that every group obeys. Clients and the server's public view check each commit with
//! the same code, so neither accepts what the other refuses.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::tls_codec::Serialize as _;
use openmls::{
    credentials::Credential,
    extensions::{Extension, ExtensionType, Extensions, RequiredCapabilitiesExtension, UnknownExtension},
    framing::Sender,
    group::{GroupContext, PublicGroup, QueuedProposal, StagedCommit},
    key_packages::Lifetime,
    messages::proposals::{Proposal, ProposalOrRefType, ProposalType},
    prelude::{LeafNode, LeafNodeIndex},
};
use subrosa_wire::{AccountId, DeviceId, LinkId, Timestamp};

use crate::{
    certificate::{CertificateError, DeviceCertificate, UnverifiedCertificate},
    limits::{COMMIT_ADDS_MAX, EPOCH_MAX, LEAVES_MAX},
    link::{JoinStatement, LinkSignature},
    policy::{
        ConversationKind, GroupPolicy, InvalidPolicy, Role,
        change::{self, Change, NotPermitted},
    },
    suite::{CIPHERSUITE, CREDENTIAL_TYPE, POLICY_EXTENSION, POLICY_TYPE, SELF_REMOVE, leaf_capabilities},
    tree_keys,
};

/// A rule of the group is broken: the peer, or the server that delivers for it, misbehaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The group has another suite.
    #[error("the suite is {0:#06x}")]
    Suite(u16),
    /// The group context carries other extensions than the policy and the required capabilities.
    #[error("the group context does not carry exactly the policy and what it requires")]
    ContextExtensions,
    /// The group has an epoch that no group can reach.
    #[error("the epoch is {0}, more than {EPOCH_MAX}")]
    Epoch(u64),
    /// The policy cannot be read.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// The policy would change, of a conversation whose policy never does.
    #[error("a commit tries to change the policy of the conversation")]
    PolicyChanged,
    /// The committer may not change the group so.
    #[error(transparent)]
    NotPermitted(#[from] NotPermitted),
    /// A credential is not a device certificate.
    #[error("credential type {0:#06x} is not a device certificate")]
    CredentialType(u16),
    /// A certificate is refused.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A leaf signs with another key than its certificate names.
    #[error("the signature key of the leaf is not the key of device {0}")]
    SignatureKey(DeviceId),
    /// A leaf has an MLS lifetime of its own instead of relying on its certificate.
    #[error("the leaf of device {0} has a lifetime of its own")]
    Lifetime(DeviceId),
    /// A leaf lacks what the group requires.
    #[error("the leaf of device {0} lacks capabilities that every leaf must have")]
    Capabilities(DeviceId),
    /// The encryption key of a leaf is not a key of the suite.
    #[error("the encryption key of device {0} is not a key")]
    EncryptionKey(DeviceId),
    /// The init key of a key package is not a key of the suite.
    #[error("the init key of device {0} is not a key")]
    InitKey(DeviceId),
    /// The encryption key of a node above the leaves is not a key of the suite.
    #[error("the encryption key of a node of the tree is not a key")]
    NodeKey,
    /// A commit brings in an encryption key that is in the tree already.
    #[error("a commit repeats an encryption key of the tree")]
    RepeatedKey,
    /// What a commit encrypts was not made by the KEM of the suite.
    #[error("a commit carries a ciphertext that is not one of the suite")]
    Ciphertext,
    /// The ratchet tree cannot be read.
    #[error("the ratchet tree cannot be read")]
    Tree,
    /// A device of an account that the conversation does not belong to.
    #[error("account {0} is not an account of the conversation")]
    ForeignAccount(AccountId),
    /// Two leaves of one device.
    #[error("device {0} would be in the group twice")]
    DuplicateDevice(DeviceId),
    /// A proposal outside a commit, other than the one to leave.
    #[error("proposals other than the one to leave travel inside commits only")]
    StandaloneProposal,
    /// A commit or a proposal that the server cannot read.
    #[error("handshake messages are not encrypted")]
    EncryptedHandshake,
    /// A commit refers to a proposal that nobody has made, or that it has to contain.
    #[error("a commit contains its proposals, or refers to those of devices that leave")]
    ProposalByReference,
    /// A device leaves a conversation whose accounts never change.
    #[error("nobody leaves this kind of conversation")]
    LeavesForGood,
    /// A device leaves while its account has a role or another device in the group.
    #[error("account {0} leaves with a role, or with some of its devices only")]
    LeavesInPart(AccountId),
    /// A device leaves that is leaving already.
    #[error("device {0} is leaving already")]
    LeavesTwice(DeviceId),
    /// A device sends something after it has left.
    #[error("device {0} has left")]
    HasLeft(DeviceId),
    /// A commit does not take out a device that leaves.
    #[error("a commit takes out every device that is leaving")]
    LeaverStays,
    /// A kind of proposal that is not allowed; the number is its MLS proposal type.
    #[error("proposals of type {0} are not allowed")]
    ForbiddenProposal(u16),
    /// A member removes a device of another account.
    #[error("device {0} can be removed by its own account only")]
    RemovedForeignDevice(DeviceId),
    /// An external commit removes a leaf other than the former one of the device that joins.
    #[error("an external commit cannot remove device {0}")]
    ExternalRemovedOther(DeviceId),
    /// An update turns a leaf into that of another account, device or key.
    #[error("an update changes the account, the id or the key of device {0}")]
    DeviceChanged(DeviceId),
    /// A commit adds too many leaves.
    #[error("a commit adds {0} leaves, more than {COMMIT_ADDS_MAX}")]
    TooManyAdds(usize),
    /// A commit names a leaf that is not there.
    #[error("there is no leaf {0}")]
    NoSuchLeaf(u32),
    /// A commit that joins does not carry a leaf.
    #[error("an external commit without a leaf")]
    NoLeaf,
    /// The sender of a commit is neither a member nor a device that joins.
    #[error("only members and devices that join make commits")]
    Sender,
}

/// Who judges whether the certificate of a leaf is in its validity, which depends on a clock.
///
/// Whether an entry of the log is valid must not: a group would fork between members whose clocks differ. So the
/// device that makes a commit and the server that accepts it judge, and those who follow the log do not.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    /// We do, at this instant: we make the commit, or accept it.
    At(Timestamp),
    /// Committer and server did when the leaf entered.
    JudgedByOthers,
}

/// The MLS lifetime of key packages and their leaves: forever. OpenMLS compares lifetimes with the
/// machine's clock, which we do not trust and tests cannot set, so the certificate bounds the validity
/// of a leaf instead. Every leaf must have this lifetime, or a member could add one that makes all
/// later joins fail once it expires.
pub(crate) fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

/// The credential of a device.
pub(crate) fn credential(certificate: &DeviceCertificate) -> Credential {
    Credential::new(CREDENTIAL_TYPE, certificate.encode())
}

/// The extensions of the group context: what every leaf must be able to do, and the policy.
pub(crate) fn context_extensions(policy: &GroupPolicy) -> Vec<Extension> {
    vec![
        Extension::RequiredCapabilities(required_capabilities()),
        Extension::Unknown(POLICY_EXTENSION, UnknownExtension(policy.encode())),
    ]
}

fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(&[POLICY_TYPE], &[SELF_REMOVE], &[CREDENTIAL_TYPE])
}

/// Reads the policy of a group and checks the rest of its context.
pub(crate) fn policy_of(context: &GroupContext) -> Result<GroupPolicy, PolicyError> {
    if context.ciphersuite() != CIPHERSUITE {
        return Err(PolicyError::Suite(context.ciphersuite().into()));
    }
    let epoch = context.epoch().as_u64();
    if epoch > EPOCH_MAX {
        return Err(PolicyError::Epoch(epoch));
    }
    let extensions: &Extensions<GroupContext> = context.extensions();
    let policy = extensions
        .unknown(POLICY_EXTENSION)
        .ok_or(PolicyError::ContextExtensions)?;
    let policy = GroupPolicy::decode(&policy.0)?;
    let expected = context_extensions(&policy);
    if extensions.iter().count() != expected.len()
        || !expected
            .iter()
            .all(|extension| extensions.iter().any(|other| other == extension))
    {
        return Err(PolicyError::ContextExtensions);
    }
    Ok(policy)
}

/// Reads the certificate of a leaf and checks that the leaf follows our rules. Does not check the
/// certificate's signature.
pub(crate) fn certificate_of(leaf: &LeafNode) -> Result<UnverifiedCertificate, PolicyError> {
    let credential = leaf.credential();
    if credential.credential_type() != CREDENTIAL_TYPE {
        return Err(PolicyError::CredentialType(credential.credential_type().into()));
    }
    let certificate = UnverifiedCertificate::decode(credential.serialized_content())?;
    let device_id = certificate.claimed_device_id();
    if leaf.signature_key().as_slice() != certificate.claimed_device_key().as_bytes() {
        return Err(PolicyError::SignatureKey(device_id));
    }
    if !lives_forever(leaf) {
        return Err(PolicyError::Lifetime(device_id));
    }
    let (ours, theirs) = (leaf_capabilities(), leaf.capabilities());
    if !(ours
        .versions()
        .iter()
        .all(|version| theirs.versions().contains(version))
        && theirs.ciphersuites().contains(&CIPHERSUITE.into())
        && theirs.extensions().contains(&POLICY_TYPE)
        && theirs.proposals().contains(&SELF_REMOVE)
        && theirs.credentials().contains(&CREDENTIAL_TYPE))
    {
        return Err(PolicyError::Capabilities(device_id));
    }
    Ok(certificate)
}

/// A leaf that came with a key package carries a lifetime; one that came with a commit does not.
/// OpenMLS does not export the type, so its encoding is compared: `leaf_node_source` 1, lifetime.
fn lives_forever(leaf: &LeafNode) -> bool {
    const SOURCE_KEY_PACKAGE: u8 = 1;
    let Ok(source) = leaf.leaf_node_source().tls_serialize_detached() else {
        return false;
    };
    match source.split_first() {
        Some((&SOURCE_KEY_PACKAGE, found)) => lifetime()
            .tls_serialize_detached()
            .is_ok_and(|expected| expected == found),
        _ => true,
    }
}

/// Checks a leaf against the policy of its group.
pub(crate) fn verify_leaf(
    policy: &GroupPolicy,
    leaf: &LeafNode,
    validity: Validity,
) -> Result<DeviceCertificate, PolicyError> {
    let certificate = certificate_of(leaf)?;
    check_admitted(policy, certificate.claimed_account_id())?;
    tree_keys::check_leaf(leaf, certificate.claimed_device_id())?;
    Ok(match validity {
        Validity::At(now) => certificate.verify(now)?,
        Validity::JudgedByOthers => certificate.verify_signature()?,
    })
}

/// Checks that devices of an account may be in a group.
pub(crate) fn check_admitted(policy: &GroupPolicy, account_id: AccountId) -> Result<(), PolicyError> {
    if policy.admits(account_id) {
        return Ok(());
    }
    Err(match policy.kind() {
        ConversationKind::Direct | ConversationKind::NotesToSelf => PolicyError::ForeignAccount(account_id),
        ConversationKind::Group => NotPermitted::Banned(account_id).into(),
    })
}

/// Checks every leaf of a group that is about to be joined, with all signatures.
pub(crate) fn verify_members(
    group: &PublicGroup,
    policy: &GroupPolicy,
) -> Result<Vec<(u32, DeviceCertificate)>, PolicyError> {
    let (mut devices, mut accounts) = (BTreeSet::new(), BTreeSet::new());
    let members = group
        .members()
        .map(|member| {
            let leaf = leaf(group, member.index)?;
            let certificate = verify_leaf(policy, leaf, Validity::JudgedByOthers)?;
            if !devices.insert(certificate.device_id()) {
                return Err(PolicyError::DuplicateDevice(certificate.device_id()));
            }
            accounts.insert(certificate.account_id());
            Ok((member.index.u32(), certificate))
        })
        .collect::<Result<_, PolicyError>>()?;
    if policy.kind() == ConversationKind::Group && devices.len() > LEAVES_MAX {
        return Err(NotPermitted::Full.into());
    }
    change::check_members(policy, &accounts)?;
    Ok(members)
}

/// The certificate of a leaf that this crate has checked when it entered the group.
pub(crate) fn accepted_certificate(
    group: &PublicGroup,
    index: LeafNodeIndex,
) -> Result<DeviceCertificate, PolicyError> {
    certificate_of(leaf(group, index)?).map(UnverifiedCertificate::assume_verified)
}

/// The certificates of all leaves of a group, which this crate has checked when they entered.
pub(crate) fn accepted_members(group: &PublicGroup) -> Result<Vec<(u32, DeviceCertificate)>, PolicyError> {
    group
        .members()
        .map(|member| Ok((member.index.u32(), accepted_certificate(group, member.index)?)))
        .collect()
}

fn leaf(group: &PublicGroup, index: LeafNodeIndex) -> Result<&LeafNode, PolicyError> {
    group.leaf(index).ok_or(PolicyError::NoSuchLeaf(index.u32()))
}

/// What a permitted commit does.
pub(crate) struct CommitSummary {
    /// The certificate that the committer's leaf has after the commit.
    pub(crate) committer: DeviceCertificate,
    /// Whether the committer's leaf did not have this certificate before.
    pub(crate) committer_is_new: bool,
    /// Whether the committer joins with this commit.
    pub(crate) external: bool,
    /// The link by which the committer's account has come, which was not a member before.
    pub(crate) joined_by: Option<LinkId>,
    pub(crate) added: Vec<DeviceCertificate>,
    pub(crate) removed: Vec<DeviceCertificate>,
    /// The devices that it takes out because they have left. None of them is among the removed.
    pub(crate) left: Vec<DeviceCertificate>,
    /// How it changes whose the conversation is.
    pub(crate) accounts: AccountsChanged,
    /// The policy after it, if it is another one.
    pub(crate) policy: Option<GroupPolicy>,
}

/// How a commit changes whose a group is. Nothing for conversations whose policies name their accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountsChanged {
    /// Accounts whose first device was added, in ascending order.
    pub added: Vec<AccountId>,
    /// Accounts whose last device was removed, in ascending order. Those that have left were gone before.
    pub removed: Vec<AccountId>,
}

/// Checks a staged commit against the group before it. OpenMLS has already checked the rules of
/// RFC 9420; this checks the additional ones of Subrosa.
///
/// `link` is what the authenticated data of an external commit says about the link by which the device joins. Of a device
/// whose account is a member already, it is not looked at.
///
/// `path_nodes` are the encoded nodes of its path, see [`tree_keys::check_commit`]; `leaving` are the leaves of the devices
/// that are leaving. Committer and server see to it that a commit takes all of them out. Those who follow the log do not:
/// after the server has gone back to an earlier state, it may not know of one.
pub(crate) fn check_commit(
    (group, policy): (&PublicGroup, &GroupPolicy),
    leaving: &BTreeSet<LeafNodeIndex>,
    (sender, link): (&Sender, Option<&LinkSignature>),
    staged: &StagedCommit,
    path_nodes: &[u8],
    validity: Validity,
) -> Result<CommitSummary, PolicyError> {
    let policy_after = if staged.group_context().extensions() == group.group_context().extensions() {
        None
    } else if policy.kind() == ConversationKind::Group {
        Some(policy_of(staged.group_context())?)
    } else {
        return Err(PolicyError::PolicyChanged);
    };
    let external = matches!(sender, Sender::NewMemberCommit);
    let (committer, committer_is_new) = match sender {
        Sender::Member(index) => member_committer(group, policy, *index, staged, validity)?,
        Sender::NewMemberCommit => {
            let leaf = staged.update_path_leaf_node().ok_or(PolicyError::NoLeaf)?;
            (verify_leaf(policy, leaf, validity)?, true)
        }
        _ => return Err(PolicyError::Sender),
    };

    for leaf in leaving {
        if accepted_certificate(group, *leaf)?.device_id() == committer.device_id() {
            return Err(PolicyError::HasLeft(committer.device_id()));
        }
    }
    let adds = staged.add_proposals().count();
    if adds > COMMIT_ADDS_MAX {
        return Err(PolicyError::TooManyAdds(adds));
    }
    let mut added = Vec::with_capacity(adds);
    let judges = matches!(validity, Validity::At(_));
    let (mut removed, mut left) = (Vec::new(), Vec::new());
    for queued in staged.queued_proposals() {
        match allowed_proposal(queued, external)? {
            AllowedProposal::Add(leaf) => {
                added.push(verify_leaf(policy, leaf, validity)?);
            }
            AllowedProposal::Remove(index) => {
                let certificate = accepted_certificate(group, index)?;
                let device_id = certificate.device_id();
                if judges && leaving.contains(&index) {
                    // By its own proposal, and by nothing else.
                    return Err(PolicyError::LeavesTwice(device_id));
                }
                if external && device_id != committer.device_id() {
                    return Err(PolicyError::ExternalRemovedOther(device_id));
                }
                // Of groups, the policy says who removes whom.
                let is_own = certificate.account_id() == committer.account_id();
                if !is_own && policy.kind() != ConversationKind::Group {
                    return Err(PolicyError::RemovedForeignDevice(device_id));
                }
                removed.push(certificate);
            }
            AllowedProposal::Policy if policy.kind() == ConversationKind::Group => {}
            AllowedProposal::Policy => return Err(forbidden(ProposalType::GroupContextExtensions)),
            AllowedProposal::ExternalInit => {}
            AllowedProposal::Leave(index) => left.push(accepted_certificate(group, index)?),
        }
    }
    if judges && left.len() < leaving.len() {
        return Err(PolicyError::LeaverStays);
    }
    let entering = added.iter().chain(external.then_some(&committer));
    let gone: Vec<_> = removed.iter().chain(&left).collect();
    check_devices_are_distinct(group, entering, &gone)?;
    tree_keys::check_commit(group, staged, path_nodes)?;
    let mut summary = CommitSummary {
        committer,
        committer_is_new,
        external,
        joined_by: None,
        added,
        removed,
        left,
        accounts: AccountsChanged::default(),
        policy: policy_after,
    };
    (summary.accounts, summary.joined_by) = check_change(group, policy, &summary, link)?;
    Ok(summary)
}

/// Checks the proposal with which a device leaves. Returns the leaf and the certificate of the device.
///
/// A device leaves last of its account, and without a role: it has given that up, and removed the others, by a commit
/// before. So whoever commits the proposal has nothing to add to it.
pub(crate) fn check_leave(
    (group, policy): (&PublicGroup, &GroupPolicy),
    leaving: &BTreeSet<LeafNodeIndex>,
    proposal: &QueuedProposal,
) -> Result<DeviceCertificate, PolicyError> {
    if !matches!(proposal.proposal(), Proposal::SelfRemove) {
        return Err(PolicyError::StandaloneProposal);
    }
    let Sender::Member(index) = *proposal.sender() else {
        return Err(PolicyError::Sender);
    };
    if policy.kind() != ConversationKind::Group {
        return Err(PolicyError::LeavesForGood);
    }
    let certificate = accepted_certificate(group, index)?;
    if leaving.contains(&index) {
        return Err(PolicyError::LeavesTwice(certificate.device_id()));
    }
    let account_id = certificate.account_id();
    let mut devices = 0;
    for (_, member) in accepted_members(group)? {
        devices += usize::from(member.account_id() == account_id);
    }
    if devices > 1 || policy.role_of(account_id) > Role::Member {
        return Err(PolicyError::LeavesInPart(account_id));
    }
    Ok(certificate)
}

/// The leaves of devices that are leaving, of proposals that wait for a commit.
pub(crate) fn leaving<'a>(proposals: impl Iterator<Item = &'a QueuedProposal>) -> BTreeSet<LeafNodeIndex> {
    proposals
        .filter_map(|proposal| match (proposal.proposal(), proposal.sender()) {
            (Proposal::SelfRemove, Sender::Member(index)) => Some(*index),
            _ => None,
        })
        .collect()
}

/// Checks what a commit does to the accounts and the policy of a group.
fn check_change(
    group: &PublicGroup,
    policy: &GroupPolicy,
    commit: &CommitSummary,
    link: Option<&LinkSignature>,
) -> Result<(AccountsChanged, Option<LinkId>), PolicyError> {
    let moves_nobody = commit.added.is_empty() && commit.removed.is_empty() && commit.left.is_empty();
    let changes_nothing = moves_nobody && !commit.external && commit.policy.is_none();
    // Most commits only renew keys, so there is no need to go through all leaves.
    if policy.kind() != ConversationKind::Group || changes_nothing {
        return Ok((AccountsChanged::default(), None));
    }
    let mut devices: BTreeMap<AccountId, usize> = BTreeMap::new();
    for (_, certificate) in accepted_members(group)? {
        *devices.entry(certificate.account_id()).or_default() += 1;
    }
    // Whoever leaves has no other device in it, and is gone already.
    for certificate in &commit.left {
        devices.remove(&certificate.account_id());
    }
    let before: BTreeSet<_> = devices.keys().copied().collect();
    let joined_by = if commit.external && !before.contains(&commit.committer.account_id()) {
        let join = JoinStatement::of(group.group_context(), policy, &commit.committer);
        Some(change::check_join(policy, link, &join)?.id())
    } else {
        None
    };
    for certificate in &commit.removed {
        if let Some(count) = devices.get_mut(&certificate.account_id()) {
            *count = count.saturating_sub(1);
        }
    }
    let joins = commit.external.then_some(&commit.committer);
    for certificate in commit.added.iter().chain(joins) {
        *devices.entry(certificate.account_id()).or_default() += 1;
    }
    devices.retain(|_, count| *count > 0);
    let is_growing = !commit.added.is_empty() || commit.external;
    if is_growing && devices.values().sum::<usize>() > LEAVES_MAX {
        return Err(NotPermitted::Full.into());
    }
    let after: BTreeSet<_> = devices.into_keys().collect();
    Change {
        by: commit.committer.account_id(),
        before: policy,
        after: commit.policy.as_ref().unwrap_or(policy),
        members_after: &after,
        added: &commit.added.iter().map(DeviceCertificate::account_id).collect(),
        removed: &commit.removed.iter().map(DeviceCertificate::account_id).collect(),
    }
    .check()?;
    let accounts = AccountsChanged {
        added: after.difference(&before).copied().collect(),
        removed: before.difference(&after).copied().collect(),
    };
    Ok((accounts, joined_by))
}

/// The committer's leaf after a commit of a member: the same device, possibly with a renewed
/// certificate. Also returns whether it is another certificate than before.
fn member_committer(
    group: &PublicGroup,
    policy: &GroupPolicy,
    index: LeafNodeIndex,
    staged: &StagedCommit,
    validity: Validity,
) -> Result<(DeviceCertificate, bool), PolicyError> {
    let before = accepted_certificate(group, index)?;
    let Some(leaf) = staged.update_path_leaf_node() else {
        return Ok((before, false));
    };
    if certificate_of(leaf)? == before.clone().into_unverified() {
        tree_keys::check_leaf(leaf, before.device_id())?;
        return Ok((before, false));
    }
    let after = verify_leaf(policy, leaf, validity)?;
    if (after.account_id(), after.device_id(), after.device_key())
        != (before.account_id(), before.device_id(), before.device_key())
    {
        return Err(PolicyError::DeviceChanged(before.device_id()));
    }
    Ok((after, true))
}

enum AllowedProposal<'a> {
    Add(&'a LeafNode),
    Remove(LeafNodeIndex),
    /// The policy; what it becomes is in the context after the commit.
    Policy,
    ExternalInit,
    /// This leaf leaves: it has proposed so before.
    Leave(LeafNodeIndex),
}

fn allowed_proposal(queued: &QueuedProposal, external: bool) -> Result<AllowedProposal<'_>, PolicyError> {
    let by_reference = queued.proposal_or_ref_type() == ProposalOrRefType::Reference;
    match (queued.proposal(), queued.sender()) {
        // It was judged when it was made, in the same epoch.
        (Proposal::SelfRemove, Sender::Member(leaf)) if by_reference => {
            return Ok(AllowedProposal::Leave(*leaf));
        }
        _ if by_reference => return Err(PolicyError::ProposalByReference),
        _ => {}
    }
    match queued.proposal() {
        Proposal::Add(add) if !external => Ok(AllowedProposal::Add(add.key_package().leaf_node())),
        Proposal::Remove(remove) => Ok(AllowedProposal::Remove(remove.removed())),
        Proposal::GroupContextExtensions(_) if !external => Ok(AllowedProposal::Policy),
        Proposal::ExternalInit(_) if external => Ok(AllowedProposal::ExternalInit),
        other => Err(forbidden(other.proposal_type())),
    }
}

/// The refusal of a kind of proposal.
pub(crate) fn forbidden(proposal_type: ProposalType) -> PolicyError {
    PolicyError::ForbiddenProposal(proposal_type.into())
}

fn check_devices_are_distinct<'a>(
    group: &PublicGroup,
    entering: impl Iterator<Item = &'a DeviceCertificate>,
    gone: &[&DeviceCertificate],
) -> Result<(), PolicyError> {
    let mut entering = entering.peekable();
    // Most commits add nobody, so there is no need to go through all leaves.
    if entering.peek().is_none() {
        return Ok(());
    }
    let mut devices: BTreeSet<_> = accepted_members(group)?
        .iter()
        .map(|(_, certificate)| certificate.device_id())
        .filter(|id| !gone.iter().any(|certificate| certificate.device_id() == *id))
        .collect();
    match entering.find(|certificate| !devices.insert(certificate.device_id())) {
        Some(certificate) => Err(PolicyError::DuplicateDevice(certificate.device_id())),
        None => Ok(()),
    }
}

/// The types of extension that a key package may carry.
pub(crate) fn key_package_extension_allowed(extension: ExtensionType) -> bool {
    extension == ExtensionType::LastResort
}
