//! A member that breaks the rules is refused by the server and by every client, for the same reason.
//! The client also refuses what a server in league with the attacker lets through.

use openmls::{
    group::{MlsGroupJoinConfig, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY},
    messages::proposals::{PreSharedKeyProposal, Proposal},
    prelude::{Ciphersuite, Credential, CredentialType, Extensions, LeafNodeIndex, Lifetime},
    schedule::psk::{ExternalPsk, PreSharedKeyId, Psk},
};
use openmls_traits::OpenMlsProvider as _;
use subrosa_mls::{
    CertificateError, CommitBundle, CommitPlan, GroupInfoError, GroupPolicy, JoinError, KeyPackageError,
    MemberFault, PolicyError, ProcessError, PublicView, ViewError, verify_key_package,
};
use subrosa_wire::DeviceId;

use crate::{
    hostile::Hostile,
    mallory::{self, Mallory, SUITE, capabilities, encode, leaf, policy_extensions, required_capabilities},
    world::{Account, CONVERSATION, Chat, Device, NOW, alice, alice_and_bob, bob},
};

/// A conversation in which Bob certified a device that turned out to be hostile.
pub(crate) struct Scene {
    pub(crate) chat: Chat,
    pub(crate) mallory: Mallory,
}

pub(crate) const MALLORY: u8 = 66;

impl Scene {
    pub(crate) fn new() -> Self {
        let mut chat = Chat::new();
        let mallory = Mallory::join(leaf(&bob(), MALLORY), |key_package| {
            let verified = verify_key_package(&key_package, bob().id, NOW).unwrap();
            let plan = CommitPlan {
                add: vec![verified],
                ..CommitPlan::default()
            };
            let bundle = chat.bob.commit(plan).unwrap();
            chat.server.submit(&bundle).unwrap();
            chat.bob.apply(&bundle.commit).unwrap();
            chat.alice.apply(&bundle.commit).unwrap();
            (bundle.welcome.unwrap(), chat.server.ratchet_tree())
        });
        Self { chat, mallory }
    }

    /// Expects that both sides refuse for the same reason and continue as before.
    pub(crate) fn expect_refusal(&mut self, bundle: &CommitBundle, reason: PolicyError) {
        assert_eq!(self.chat.server.submit(bundle), Err(ViewError::Policy(reason)));
        for device in [&self.chat.alice, &self.chat.bob] {
            device.refuses(&bundle.commit, &reason);
        }
        let message = self.chat.alice.encrypt(b"unmoved");
        assert_eq!(self.chat.bob.read(&message), b"unmoved");
    }

    /// A commit that adds this leaf.
    pub(crate) fn add(&mut self, leaf: &mallory::RawLeaf) -> CommitBundle {
        let key_package = leaf.key_package(&self.mallory.provider);
        self.mallory.commit(|commit| commit.propose_adds([key_package]))
    }
}

#[test]
fn an_honest_commit_of_the_same_device_is_accepted() {
    let mut scene = Scene::new();
    let bundle = scene.mallory.commit(|commit| commit.force_self_update(true));
    scene.chat.server.submit(&bundle).unwrap();
    scene.chat.alice.apply(&bundle.commit).unwrap();
}

#[test]
fn a_device_that_the_account_did_not_certify_is_refused() {
    let mut scene = Scene::new();
    let bundle = scene.add(&leaf(&alice().impostor(), 70));
    scene.expect_refusal(&bundle, PolicyError::Certificate(CertificateError::Signature));
}

#[test]
fn a_device_of_a_third_account_is_refused() {
    let mut scene = Scene::new();
    let carol = Account::new(0xCC);
    let bundle = scene.add(&leaf(&carol, 70));
    scene.expect_refusal(&bundle, PolicyError::ForeignAccount(carol.id));
}

#[test]
fn the_certificate_of_another_device_is_refused() {
    let mut scene = Scene::new();
    let mut thief = leaf(&bob(), 70);
    thief.credential = mallory::credential(scene.chat.alice.identity.certificate.encode());
    let bundle = scene.add(&thief);
    scene.expect_refusal(&bundle, PolicyError::SignatureKey(scene.chat.alice.id()));
}

#[test]
fn a_credential_that_cannot_be_read_is_refused() {
    let mut scene = Scene::new();
    let mut odd = leaf(&bob(), 70);
    odd.credential = mallory::credential(b"no certificate".to_vec());
    let bundle = scene.add(&odd);
    scene.expect_refusal(&bundle, PolicyError::Certificate(CertificateError::Length(14)));
}

#[test]
fn a_leaf_with_a_lifetime_of_its_own_is_refused() {
    let mut scene = Scene::new();
    let mut mortal = leaf(&bob(), 70);
    mortal.lifetime = Lifetime::init(0, u64::MAX - 1);
    let bundle = scene.add(&mortal);
    scene.expect_refusal(&bundle, PolicyError::Lifetime(DeviceId::from_bytes([70; 16])));
    let bytes = encode(mortal.key_package(&scene.mallory.provider));
    assert_eq!(
        verify_key_package(&bytes, bob().id, NOW).err(),
        Some(KeyPackageError::Policy(PolicyError::Lifetime(
            DeviceId::from_bytes([70; 16])
        )))
    );
}

#[test]
fn a_leaf_that_cannot_read_how_a_member_leaves_is_refused() {
    let mut old = leaf(&bob(), 70);
    old.capabilities = capabilities(&[]);
    let bytes = encode(old.key_package(&Hostile::default()));
    assert_eq!(
        verify_key_package(&bytes, bob().id, NOW).err(),
        Some(KeyPackageError::Policy(PolicyError::Capabilities(
            DeviceId::from_bytes([70; 16])
        )))
    );
}

#[test]
fn nobody_leaves_a_direct_conversation_by_a_proposal() {
    let mut scene = Scene::new();
    let Mallory {
        provider,
        leaf,
        group,
    } = &mut scene.mallory;
    let proposal = encode(group.leave_group_via_self_remove(provider, &leaf.signer).unwrap());
    assert_eq!(
        scene.chat.server.leave(&proposal),
        Err(ViewError::Policy(PolicyError::LeavesForGood))
    );
    for device in [&scene.chat.alice, &scene.chat.bob] {
        device.refuses(&proposal, &PolicyError::LeavesForGood);
    }
}

#[test]
fn a_second_leaf_of_one_device_is_refused() {
    let mut scene = Scene::new();
    // MLS itself refuses a duplicate signature key, so the twin has another one.
    let mut twin = leaf(&bob(), 70);
    let certificate = bob().certify(
        scene.chat.bob.id(),
        subrosa_mls::DeviceSigningKey::from_seed([70; 32]).public(),
        NOW,
    );
    twin.credential = mallory::credential(certificate.encode());
    let bundle = scene.add(&twin);
    scene.expect_refusal(&bundle, PolicyError::DuplicateDevice(scene.chat.bob.id()));
    let bundle = mallory::external_commit(&twin, &scene.chat.server);
    scene.expect_refusal(&bundle, PolicyError::DuplicateDevice(scene.chat.bob.id()));
}

#[test]
fn the_device_of_another_account_is_not_removed() {
    let mut scene = Scene::new();
    let bundle = scene
        .mallory
        .commit(|commit| commit.propose_removals([LeafNodeIndex::new(0)]));
    scene.expect_refusal(&bundle, PolicyError::RemovedForeignDevice(scene.chat.alice.id()));
}

#[test]
fn a_leaf_does_not_turn_into_another_device() {
    let mut scene = Scene::new();
    let bundle = scene.mallory.become_another(&leaf(&bob(), 70));
    scene.expect_refusal(
        &bundle,
        PolicyError::DeviceChanged(DeviceId::from_bytes([MALLORY; 16])),
    );
}

#[test]
fn a_leaf_does_not_turn_into_a_device_of_another_account() {
    let mut scene = Scene::new();
    let bundle = scene.mallory.become_another(&leaf(&alice().impostor(), 70));
    scene.expect_refusal(&bundle, PolicyError::Certificate(CertificateError::Signature));
}

#[test]
fn the_policy_does_not_change() {
    let mut scene = Scene::new();
    let other = GroupPolicy::direct(alice().id, Account::new(0xEE).id).unwrap();
    let extensions = Extensions::from_vec(policy_extensions(&other)).unwrap();
    let bundle = scene
        .mallory
        .commit(|commit| commit.propose_group_context_extensions(extensions).unwrap());
    scene.expect_refusal(&bundle, PolicyError::PolicyChanged);
}

#[test]
fn the_group_context_is_not_set_even_to_what_it_is() {
    let mut scene = Scene::new();
    let same = Extensions::from_vec(policy_extensions(&alice_and_bob())).unwrap();
    let bundle = scene
        .mallory
        .commit(|commit| commit.propose_group_context_extensions(same).unwrap());
    scene.expect_refusal(&bundle, PolicyError::ForbiddenProposal(7));
}

#[test]
fn pre_shared_keys_are_refused() {
    let mut scene = Scene::new();
    let provider = &scene.mallory.provider;
    let psk = Psk::External(ExternalPsk::new(b"psk".to_vec()));
    let id = PreSharedKeyId::new(SUITE, provider.rand(), psk).unwrap();
    id.store(provider, b"secret").unwrap();
    let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)));
    let bundle = scene.mallory.commit(|commit| commit.add_proposal(proposal));
    scene.expect_refusal(&bundle, PolicyError::ForbiddenProposal(4));
}

#[test]
fn a_standalone_proposal_is_refused() {
    let mut scene = Scene::new();
    let Mallory {
        provider,
        leaf,
        group,
    } = &mut scene.mallory;
    let (proposal, _) = group
        .propose_remove_member(provider, &leaf.signer, LeafNodeIndex::new(1))
        .unwrap();
    let bundle = CommitBundle {
        commit: encode(proposal),
        welcome: None,
        group_info: scene.chat.server.group_info.clone(),
        epoch: 2,
    };
    scene.expect_refusal(&bundle, PolicyError::StandaloneProposal);

    // And so is the commit that refers to it.
    let bundle = scene.mallory.commit(|commit| commit.consume_proposal_store(true));
    scene.expect_refusal(&bundle, PolicyError::ProposalByReference);
}

#[test]
fn an_encrypted_commit_is_refused() {
    let mut scene = Scene::new();
    let config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .build();
    let Mallory { provider, group, .. } = &mut scene.mallory;
    group.set_configuration(provider.storage(), &config).unwrap();
    let bundle = scene.mallory.commit(|commit| commit.force_self_update(true));
    assert!(matches!(
        scene.chat.server.submit(&bundle),
        Err(ViewError::Malformed(_))
    ));
    assert_eq!(
        scene.chat.alice.apply(&bundle.commit),
        Err(ProcessError::Policy(PolicyError::EncryptedHandshake))
    );
}

#[test]
fn an_external_commit_with_a_certificate_of_nobody_is_refused() {
    let mut scene = Scene::new();
    let bundle = mallory::external_commit(&leaf(&alice().impostor(), 70), &scene.chat.server);
    scene.expect_refusal(&bundle, PolicyError::Certificate(CertificateError::Signature));
    let carol = Account::new(0xCC);
    let bundle = mallory::external_commit(&leaf(&carol, 70), &scene.chat.server);
    scene.expect_refusal(&bundle, PolicyError::ForeignAccount(carol.id));
}

#[test]
fn a_group_info_with_a_tree_in_it_is_refused() {
    let mut scene = Scene::new();
    let bundle = scene.mallory.commit(|commit| commit.force_self_update(true));
    let Mallory {
        provider,
        leaf,
        group,
    } = &mut scene.mallory;
    group.merge_pending_commit(provider).unwrap();
    let with_tree = group
        .export_group_info(provider.crypto(), &leaf.signer, true)
        .unwrap();
    assert_eq!(
        scene.chat.server.submit_parts(&bundle.commit, &encode(with_tree)),
        Err(ViewError::GroupInfo(GroupInfoError::Extensions))
    );
}

#[test]
fn a_group_info_with_another_confirmation_tag_is_refused_and_the_merge_taken_back() {
    let mut scene = Scene::new();
    let bundle = scene.mallory.commit(|commit| commit.force_self_update(true));
    let forged = scene.mallory.leaf.forge_confirmation_tag(&bundle.group_info);
    let mut view = scene.chat.server.view();
    assert_eq!(
        view.process_commit(&bundle.commit, &forged, NOW),
        Err(ViewError::GroupInfo(GroupInfoError::WrongState))
    );
    assert_eq!(view.epoch(), 2);
    assert_eq!(view.to_bytes(), scene.chat.server.view);
    let effect = view
        .process_commit(&bundle.commit, &bundle.group_info, NOW)
        .unwrap();
    assert_eq!(effect.epoch_after, 3);
}

#[test]
fn badly_padded_content_is_refused() {
    let mut scene = Scene::new();
    let Mallory {
        provider,
        leaf,
        group,
    } = &mut scene.mallory;
    let message = encode(
        group
            .create_message(provider, &leaf.signer, b"no padding")
            .unwrap(),
    );
    assert!(matches!(
        scene.chat.alice.process(&message),
        Err(ProcessError::Member {
            fault: MemberFault::Padding(_),
            ..
        })
    ));
}

#[test]
fn a_group_that_is_not_one_of_ours_is_not_taken_in() {
    let create = |leaf, suite, extensions| {
        let mallory = Mallory::create(leaf, suite, extensions);
        PublicView::create(&mallory.group_info(), &mallory.ratchet_tree(), CONVERSATION, NOW)
            .err()
            .unwrap()
    };
    let policy = policy_extensions(&alice_and_bob());
    assert_eq!(
        create(
            leaf(&alice(), 1),
            Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            policy.clone()
        ),
        ViewError::GroupInfo(GroupInfoError::Suite(1))
    );
    assert_eq!(
        create(leaf(&alice(), 1), SUITE, vec![]),
        ViewError::Policy(PolicyError::ContextExtensions)
    );
    assert_eq!(
        create(leaf(&alice(), 1), SUITE, policy[1..].to_vec()),
        ViewError::Policy(PolicyError::ContextExtensions)
    );
    let mut without_self_remove = policy.clone();
    without_self_remove[0] = required_capabilities(&[]);
    assert_eq!(
        create(leaf(&alice(), 1), SUITE, without_self_remove),
        ViewError::Policy(PolicyError::ContextExtensions)
    );
    let carol = Account::new(0xCC);
    assert_eq!(
        create(leaf(&carol, 1), SUITE, policy.clone()),
        ViewError::Policy(PolicyError::ForeignAccount(carol.id))
    );
    assert_eq!(
        create(leaf(&alice().impostor(), 1), SUITE, policy.clone()),
        ViewError::Policy(PolicyError::Certificate(CertificateError::Signature))
    );
    let mut basic = leaf(&alice(), 1);
    basic.credential = Credential::new(CredentialType::Basic, b"alice".to_vec());
    basic.capabilities = openmls::prelude::Capabilities::new(
        None,
        Some(&[SUITE]),
        Some(&[openmls::prelude::ExtensionType::Unknown(
            subrosa_mls::POLICY_EXTENSION,
        )]),
        None,
        None,
    );
    assert_eq!(
        create(basic, SUITE, policy[1..].to_vec()),
        ViewError::Policy(PolicyError::ContextExtensions)
    );
}

#[test]
fn a_welcome_into_a_group_with_a_device_slipped_in_is_refused() {
    // Alice's client is hostile: it made a group whose policy is right and let in a device that
    // Bob never certified, then invites Bob.
    let mut mallory = Mallory::create(leaf(&alice(), 1), SUITE, policy_extensions(&alice_and_bob()));
    let slipped = leaf(&bob().impostor(), 70).key_package(&mallory.provider);
    let victim = Device::new(&bob(), 2);
    let honest = mallory::key_package(&victim.key_package());
    let bundle = mallory.commit(|commit| commit.propose_adds([slipped, honest]));
    mallory.group.merge_pending_commit(&mallory.provider).unwrap();
    let refused = victim
        .join(bundle.welcome.as_ref().unwrap(), &mallory.ratchet_tree())
        .unwrap_err();
    assert_eq!(
        refused,
        JoinError::Policy(PolicyError::Certificate(CertificateError::Signature))
    );
    let refused = victim.step(|mls| {
        mls.stage_external_join(
            &victim.identity,
            &mallory.group_info(),
            &mallory.ratchet_tree(),
            &[],
            CONVERSATION,
        )
        .err()
    });
    assert_eq!(
        refused,
        Some(JoinError::Policy(PolicyError::Certificate(
            CertificateError::Signature
        )))
    );
}
