//! Public keys that are no keys are refused where they first appear, by client and server, and whatever an attacker
//! encrypts is a refusal, never an error of our own: that would be tried again for ever.

use subrosa_mls::{
    CommitBundle, CommitError, CommitPlan, GroupInfoError, JoinError, KeyPackageError, MemberFault,
    PolicyError, ProcessError, PublicView, ViewError, verify_key_package, verify_uploaded_key_package,
};
use subrosa_wire::DeviceId;

use crate::{
    hostile::{Hostile, opaque},
    hostile_commits::{MALLORY, Scene},
    mallory::{self, Mallory, RawLeaf, SUITE, encode, leaf, policy_extensions},
    world::{CONVERSATION, Chat, Device, NOW, alice, alice_and_bob, bob},
};

/// In a key package, the first key pair is that of the init key, the second that of the leaf.
const INIT_KEY: usize = 1;
const LEAF_KEY: usize = 2;

fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

fn spoiled_key_package(provider: &Hostile, leaf: &RawLeaf, key: usize) -> openmls::key_packages::KeyPackage {
    provider.spoil_key(key);
    leaf.key_package(provider)
}

#[test]
fn a_key_package_whose_keys_are_none_is_refused() {
    let provider = Hostile::default();
    for (key, refusal) in [
        (INIT_KEY, PolicyError::InitKey(device(70))),
        (LEAF_KEY, PolicyError::EncryptionKey(device(70))),
    ] {
        let bytes = encode(spoiled_key_package(&provider, &leaf(&bob(), 70), key));
        let refusal = Some(KeyPackageError::Policy(refusal));
        assert_eq!(verify_key_package(&bytes, bob().id, NOW).err(), refusal);
        assert_eq!(
            verify_uploaded_key_package(&bytes, bob().id, device(70), NOW).err(),
            refusal
        );
    }
}

#[test]
fn a_device_whose_keys_are_none_is_not_added() {
    for (key, refusal) in [
        (INIT_KEY, PolicyError::InitKey(device(70))),
        (LEAF_KEY, PolicyError::EncryptionKey(device(70))),
    ] {
        let mut scene = Scene::new();
        let key_package = spoiled_key_package(&scene.mallory.provider, &leaf(&bob(), 70), key);
        let bundle = scene.mallory.commit(|commit| commit.propose_adds([key_package]));
        scene.expect_refusal(&bundle, refusal);
    }
}

impl Scene {
    /// Adds a device beside Mallory's, so that its path has a node below the one that it shares with the others.
    fn with_a_node_of_her_own(mut self) -> Self {
        let bundle = self.add(&leaf(&bob(), 71));
        self.chat
            .server
            .deliver(&bundle, &[&self.chat.alice, &self.chat.bob]);
        self.merge();
        self
    }

    fn merge(&mut self) {
        let Mallory { provider, group, .. } = &mut self.mallory;
        group.merge_pending_commit(provider).unwrap();
    }

    fn update(&mut self) -> CommitBundle {
        // OpenMLS derives the keys of a path on several threads, and which comes when would be chance.
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        one_thread.install(|| self.mallory.commit(|commit| commit.force_self_update(true)))
    }

    /// Expects that the clients refuse a commit in which the server sees nothing wrong.
    fn expect_refusal_by_members(&mut self, bundle: &CommitBundle) {
        for device in [&self.chat.alice, &self.chat.bob] {
            let rows = device.store.rows();
            match device.apply(&bundle.commit) {
                Err(ProcessError::Member {
                    fault: MemberFault::InvalidCommit(_),
                    ..
                }) => {}
                other => panic!("not refused as invalid: {other:?}"),
            }
            assert_eq!(device.store.rows(), rows, "a refused commit changes nothing");
        }
        let message = self.chat.alice.encrypt(b"unmoved");
        assert_eq!(self.chat.bob.read(&message), b"unmoved");
    }
}

/// The key pairs of a commit in this order: two nodes of the path, the leaf, the external key.
const LOWER_NODE: usize = 1;
const ROOT: usize = 2;
const PATH_LEAF: usize = 3;
const EXTERNAL: usize = 4;

#[test]
fn a_path_whose_node_has_no_key_is_refused() {
    // The members do not compute the key of the lower node, so they would take it.
    let mut scene = Scene::new().with_a_node_of_her_own();
    scene.mallory.provider.spoil_key(LOWER_NODE);
    let bundle = scene.update();
    scene.expect_refusal(&bundle, PolicyError::NodeKey);
}

#[test]
fn a_path_whose_root_has_no_key_is_refused() {
    let mut scene = Scene::new().with_a_node_of_her_own();
    scene.mallory.provider.spoil_key(ROOT);
    let bundle = scene.update();
    assert_eq!(
        scene.chat.server.submit(&bundle),
        Err(ViewError::Policy(PolicyError::NodeKey))
    );
    scene.expect_refusal_by_members(&bundle);
}

#[test]
fn a_path_whose_leaf_has_no_key_is_refused() {
    let mut scene = Scene::new().with_a_node_of_her_own();
    scene.mallory.provider.spoil_key(PATH_LEAF);
    let bundle = scene.update();
    scene.expect_refusal(&bundle, PolicyError::EncryptionKey(device(MALLORY)));
}

#[test]
fn an_external_commit_whose_leaf_has_no_key_is_refused() {
    let mut scene = Scene::new();
    let provider = Hostile::default();
    // The path of the fourth leaf has two nodes.
    provider.spoil_key(PATH_LEAF);
    let bundle = mallory::external_commit_with(&provider, &leaf(&bob(), 70), &scene.chat.server);
    scene.expect_refusal(&bundle, PolicyError::EncryptionKey(device(70)));
}

#[test]
fn a_group_info_whose_external_key_is_none_is_refused() {
    let mut scene = Scene::new().with_a_node_of_her_own();
    scene.mallory.provider.spoil_key(EXTERNAL);
    let bundle = scene.update();
    let refusal = GroupInfoError::ExternalPub;
    assert_eq!(
        scene.chat.server.submit(&bundle),
        Err(ViewError::GroupInfo(refusal))
    );
    scene.merge();
    let laptop = Device::new(&alice(), 3);
    let refused = laptop.step(|mls| {
        let tree = scene.mallory.ratchet_tree();
        mls.stage_external_join(&laptop.identity, &bundle.group_info, &tree, &[], CONVERSATION)
            .err()
    });
    assert_eq!(refused, Some(JoinError::GroupInfo(refusal)));

    let mallory = Mallory::create(leaf(&alice(), 1), SUITE, policy_extensions(&alice_and_bob()));
    mallory.provider.spoil_key(1);
    let group_info = mallory.group_info();
    assert_eq!(
        PublicView::create(&group_info, &mallory.ratchet_tree(), CONVERSATION, NOW).err(),
        Some(ViewError::GroupInfo(refusal))
    );
}

#[test]
fn a_new_group_whose_creator_has_no_key_is_refused() {
    let create = || {
        let provider = Hostile::default();
        provider.spoil_key(1);
        Mallory::create_with(
            provider,
            leaf(&alice(), 1),
            SUITE,
            policy_extensions(&alice_and_bob()),
        )
    };
    let mallory = create();
    assert_eq!(
        PublicView::create(&mallory.group_info(), &mallory.ratchet_tree(), CONVERSATION, NOW).err(),
        Some(ViewError::Policy(PolicyError::EncryptionKey(device(1))))
    );
}

/// A hostile group of Alice's that Bob's device is invited into.
struct Trap {
    mallory: Mallory,
    victim: Device,
}

impl Trap {
    fn new() -> Self {
        let mallory = Mallory::create(leaf(&alice(), 1), SUITE, policy_extensions(&alice_and_bob()));
        let victim = Device::new(&bob(), 2);
        Self { mallory, victim }
    }

    /// Adds another device of Alice's, as second leaf.
    fn with_sibling(mut self) -> Self {
        let sibling = leaf(&alice(), 70).key_package(&self.mallory.provider);
        self.mallory.commit(|commit| commit.propose_adds([sibling]));
        self.merge();
        self
    }

    fn merge(&mut self) {
        let Mallory { provider, group, .. } = &mut self.mallory;
        group.merge_pending_commit(provider).unwrap();
    }

    /// Adds the victim's device, in a commit with or without a path, and lets it try to join.
    fn spring(&mut self, with_path: bool) -> Result<(), JoinError> {
        let honest = mallory::key_package(&self.victim.key_package());
        let bundle = self
            .mallory
            .commit(|commit| commit.propose_adds([honest]).force_self_update(with_path));
        self.mallory.provider.tell_no_more_lies();
        self.merge();
        self.victim
            .join(bundle.welcome.as_ref().unwrap(), &self.mallory.ratchet_tree())
    }
}

#[test]
fn an_honest_welcome_lets_in_with_and_without_a_path() {
    for with_path in [true, false] {
        let mut trap = Trap::new().with_sibling();
        trap.spring(with_path).unwrap();
        let bundle = trap.mallory.commit(|commit| commit.force_self_update(true));
        trap.victim.apply(&bundle.commit).unwrap();
    }
}

#[test]
fn a_tree_whose_node_has_no_key_is_not_entered() {
    let mut trap = Trap::new().with_sibling();
    trap.mallory.provider.spoil_key(1);
    trap.mallory.commit(|commit| commit.force_self_update(true));
    trap.merge();
    let refusal = JoinError::Policy(PolicyError::NodeKey);
    assert_eq!(trap.spring(false), Err(refusal.clone()));
    let (group_info, tree) = (trap.mallory.group_info(), trap.mallory.ratchet_tree());
    let refused = trap.victim.step(|mls| {
        mls.stage_external_join(&trap.victim.identity, &group_info, &tree, &[], CONVERSATION)
            .err()
    });
    assert_eq!(refused, Some(refusal));
    assert_eq!(
        PublicView::create(&group_info, &tree, CONVERSATION, NOW).err(),
        Some(ViewError::Policy(PolicyError::NodeKey))
    );
}

#[test]
fn a_tree_whose_leaf_has_no_key_is_not_entered() {
    let mut trap = Trap::new();
    let sibling = spoiled_key_package(&trap.mallory.provider, &leaf(&alice(), 70), LEAF_KEY);
    trap.mallory.commit(|commit| commit.propose_adds([sibling]));
    trap.merge();
    let refusal = JoinError::Policy(PolicyError::EncryptionKey(device(70)));
    assert_eq!(trap.spring(false), Err(refusal.clone()));
    let (group_info, tree) = (trap.mallory.group_info(), trap.mallory.ratchet_tree());
    let refused = trap.victim.step(|mls| {
        mls.stage_external_join(&trap.victim.identity, &group_info, &tree, &[], CONVERSATION)
            .err()
    });
    assert_eq!(refused, Some(refusal));
}

/// The secrets in a welcome (RFC 9420, section 12.4.3.1): joiner secret, optional path secret, no pre-shared keys.
fn secrets(joiner: &[u8], path: Option<&[u8]>) -> Vec<u8> {
    let path = path.map_or(vec![0], |path| [vec![1], opaque(path)].concat());
    [opaque(joiner), path, vec![0]].concat()
}

const SECRET_LEN: usize = 48;

fn joiner_secret(secrets: &[u8]) -> &[u8] {
    &secrets[1..=SECRET_LEN]
}

#[test]
fn a_welcome_that_withholds_the_keys_above_is_refused() {
    let mut trap = Trap::new();
    let strip = |plain: &[u8]| secrets(joiner_secret(plain), None);
    trap.mallory.provider.forge("Welcome", strip);
    assert_eq!(trap.spring(true), Err(JoinError::MissingKeys));
}

#[test]
fn a_welcome_with_secrets_of_another_length_is_refused() {
    let short_path: fn(&[u8]) -> Vec<u8> = |plain| secrets(joiner_secret(plain), Some(&[1; 5]));
    let short_joiner: fn(&[u8]) -> Vec<u8> = |_| secrets(&[1; 5], None);
    for forgery in [short_path, short_joiner] {
        let mut trap = Trap::new();
        trap.mallory.provider.forge("Welcome", forgery);
        let refused = trap.spring(true);
        assert!(matches!(refused, Err(JoinError::Invalid(_))), "{refused:?}");
    }
}

#[test]
fn an_epoch_that_no_group_reaches_is_not_entered() {
    let Trap { mallory, victim } = Trap::new();
    let group_info = mallory.leaf.forge_epoch(&mallory.group_info(), u64::MAX);
    let refused = victim.step(|mls| {
        mls.stage_external_join(
            &victim.identity,
            &group_info,
            &mallory.ratchet_tree(),
            &[],
            CONVERSATION,
        )
        .err()
    });
    assert_eq!(refused, Some(JoinError::Policy(PolicyError::Epoch(u64::MAX))));
}

#[test]
fn a_path_secret_of_another_length_is_refused() {
    let mut scene = Scene::new();
    scene.mallory.provider.forge("UpdatePathNode", |_| vec![1; 5]);
    let bundle = scene.update();
    scene.expect_refusal_by_members(&bundle);
}

/// The server, which cannot check the tag, was blamed.
#[test]
fn a_wrong_confirmation_tag_is_the_members_fault() {
    let mut scene = Scene::new();
    scene.mallory.provider.spoil_mac(1);
    let bundle = scene.update();
    scene.chat.server.submit(&bundle).unwrap();
    scene.expect_refusal_by_members(&bundle);
}

#[test]
fn a_path_with_a_ciphertext_of_another_length_is_refused() {
    let mut scene = Scene::new();
    scene.mallory.provider.shorten_kem_outputs();
    let bundle = scene.update();
    assert_eq!(
        scene.chat.server.submit(&bundle),
        Err(ViewError::Policy(PolicyError::Ciphertext))
    );
    scene.expect_refusal_by_members(&bundle);
}

#[test]
fn an_external_commit_with_a_ciphertext_of_another_length_is_refused() {
    let mut scene = Scene::new();
    let provider = Hostile::default();
    provider.shorten_kem_outputs();
    let bundle = mallory::external_commit_with(&provider, &leaf(&bob(), 70), &scene.chat.server);
    assert_eq!(
        scene.chat.server.submit(&bundle),
        Err(ViewError::Policy(PolicyError::Ciphertext))
    );
    let refused = scene.chat.alice.apply(&bundle.commit);
    assert!(
        matches!(refused, Err(ProcessError::InvalidCommit(_))),
        "{refused:?}"
    );
}

/// OpenMLS compares the keys of a path with those of leaves only. Members who already have the private half of a
/// repeated key could not apply the commit.
#[test]
fn a_path_that_repeats_the_keys_of_the_last_one_is_refused() {
    let mut scene = Scene::new();
    scene.mallory.provider.predict_next_secret();
    let bundle = scene.update();
    scene
        .chat
        .server
        .deliver(&bundle, &[&scene.chat.alice, &scene.chat.bob]);
    scene.merge();
    scene.mallory.provider.predict_next_secret();
    let bundle = scene.update();
    scene.expect_refusal(&bundle, PolicyError::RepeatedKey);
}

#[test]
fn devices_that_share_a_key_are_not_added_and_it_is_not_our_fault() {
    let chat = Chat::new();
    // Both leaves, and both certificates, name the key of device 70.
    let provider = Hostile::default();
    let first = leaf(&bob(), 70);
    let mut second = leaf(&bob(), 70);
    let key = subrosa_mls::DeviceSigningKey::from_seed([70; 32]).public();
    second.credential = mallory::credential(bob().certify(device(71), key, NOW).encode());
    let add = [&first, &second]
        .map(|leaf| verify_key_package(&encode(leaf.key_package(&provider)), bob().id, NOW).unwrap());
    let plan = CommitPlan {
        add: add.to_vec(),
        ..CommitPlan::default()
    };
    let refused = chat.alice.commit(plan);
    assert!(matches!(refused, Err(CommitError::Invalid(_))), "{refused:?}");
}

#[test]
fn a_commit_of_a_sender_who_makes_none_is_refused() {
    const SENDER_AT: usize = 4 + 17 + 8;
    const EXTERNAL_SENDER: u8 = 2;
    const NEW_MEMBER_PROPOSAL: u8 = 3;
    let chat = Chat::new();
    let update = chat.alice.self_update().commit;
    assert_eq!(update[SENDER_AT], 1);
    for sender in [EXTERNAL_SENDER, NEW_MEMBER_PROPOSAL] {
        let mut forged = update.clone();
        forged[SENDER_AT] = sender;
        if sender == NEW_MEMBER_PROPOSAL {
            forged.drain(SENDER_AT + 1..SENDER_AT + 5);
        }
        // Only members tag their messages.
        forged.truncate(forged.len() - 49);
        let refused = chat.bob.process(&forged).unwrap_err();
        assert!(!matches!(refused, ProcessError::Mls(_)), "{refused:?}");
    }
}
