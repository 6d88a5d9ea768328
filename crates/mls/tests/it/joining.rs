//! Joining a group: by welcome, by external commit, and again.

use subrosa_mls::{
    CertificateError, CommitPlan, CommitSender, GroupPolicy, JoinError, KeyPackageError, PolicyError,
    Received, ViewError, key_package_id, verify_key_package, verify_uploaded_key_package,
};
use subrosa_wire::{ConversationId, DeviceId};

use crate::{
    hostile::Hostile,
    mallory::{encode, leaf},
    world::{
        Account, CONVERSATION, Chat, Device, HOUR, NOW, Server, YEAR, add, alice, alice_and_bob, bob,
        create_group,
    },
};

#[test]
fn a_welcome_shows_whose_group_it_is_before_anything_is_stored() {
    let (phone, other) = (Device::new(&alice(), 1), Device::new(&bob(), 2));
    let mut server = create_group(&phone);
    let plan = CommitPlan {
        add: vec![phone.verify(&other)],
        ..CommitPlan::default()
    };
    let bundle = phone.commit(plan).unwrap();
    server.submit(&bundle).unwrap();
    other.step(|mls| {
        let staged = mls
            .stage_welcome(
                &other.identity,
                bundle.welcome.as_ref().unwrap(),
                &server.ratchet_tree(),
                CONVERSATION,
            )
            .unwrap();
        assert_eq!(staged.policy(), &alice_and_bob());
        assert_eq!(staged.sender(), &phone.identity.certificate);
        assert_eq!(staged.members().len(), 2);
        assert_eq!(staged.epoch(), 1);
        assert!(mls.load_group(CONVERSATION).unwrap().is_none());
        staged.accept(mls).unwrap();
        assert!(mls.load_group(CONVERSATION).unwrap().is_some());
    });
}

/// A welcome for Bob's phone into a group with this policy.
fn welcome_into(policy: &GroupPolicy, key_package: impl Fn(&Device) -> Vec<u8>) -> Welcome {
    let (phone, other) = (Device::new(&alice(), 1), Device::new(&bob(), 2));
    phone.step(|mls| {
        mls.create_group(&phone.identity, CONVERSATION, policy).unwrap();
    });
    let server = Server::of(&phone);
    let bytes = key_package(&other);
    let verified = verify_key_package(&bytes, bob().id, NOW).unwrap();
    let bundle = phone
        .commit(CommitPlan {
            add: vec![verified],
            ..CommitPlan::default()
        })
        .unwrap();
    Welcome {
        other,
        server,
        bundle,
    }
}

struct Welcome {
    other: Device,
    server: Server,
    bundle: subrosa_mls::CommitBundle,
}

impl Welcome {
    fn welcome(&self) -> &[u8] {
        self.bundle.welcome.as_ref().unwrap()
    }

    fn tree(&mut self) -> Vec<u8> {
        self.server.submit(&self.bundle).unwrap();
        self.server.ratchet_tree()
    }
}

#[test]
fn a_one_time_key_package_is_used_up() {
    let mut welcome = welcome_into(&alice_and_bob(), Device::key_package);
    let tree = welcome.tree();
    welcome.other.join(welcome.welcome(), &tree).unwrap();
    welcome.other.forget_group();
    assert_eq!(
        welcome.other.join(welcome.welcome(), &tree),
        Err(JoinError::NoKeyPackage)
    );
}

#[test]
fn a_last_resort_key_package_can_be_used_again() {
    let mut welcome = welcome_into(&alice_and_bob(), |device| {
        device.step(|mls| mls.last_resort_key_package(&device.identity).unwrap())
    });
    let tree = welcome.tree();
    for _ in 0..2 {
        welcome.other.join(welcome.welcome(), &tree).unwrap();
        welcome.other.forget_group();
    }
}

#[test]
fn a_welcome_into_a_group_that_one_is_in_is_refused() {
    let mut welcome = welcome_into(&alice_and_bob(), |device| {
        device.step(|mls| mls.last_resort_key_package(&device.identity).unwrap())
    });
    let tree = welcome.tree();
    welcome.other.join(welcome.welcome(), &tree).unwrap();
    assert_eq!(
        welcome.other.join(welcome.welcome(), &tree),
        Err(JoinError::AlreadyAMember)
    );
}

#[test]
fn a_welcome_for_another_conversation_is_refused() {
    let mut welcome = welcome_into(&alice_and_bob(), Device::key_package);
    let tree = welcome.tree();
    let elsewhere = ConversationId::from_bytes(*b"another convers.");
    let refused = welcome.other.step(|mls| {
        mls.stage_welcome(&welcome.other.identity, welcome.welcome(), &tree, elsewhere)
            .err()
    });
    assert_eq!(refused, Some(JoinError::WrongConversation));
}

#[test]
fn a_welcome_with_another_tree_is_refused() {
    let welcome = welcome_into(&alice_and_bob(), Device::key_package);
    let stale = welcome.server.ratchet_tree();
    assert!(matches!(
        welcome.other.join(welcome.welcome(), &stale),
        Err(JoinError::Invalid(_))
    ));
    assert!(matches!(
        welcome.other.join(welcome.welcome(), b"not a tree"),
        Err(JoinError::Malformed(_))
    ));
}

#[test]
fn a_group_that_names_another_account_in_place_of_our_own_is_refused() {
    // The server passed off its own account as Bob's, so Alice made the group with that. Only devices
    // that the server certified can be added to it; here the device has the keys of Bob's phone.
    let fake_bob = Account::new(0xEE);
    let policy = GroupPolicy::direct(alice().id, fake_bob.id).unwrap();
    let phone = Device::new(&alice(), 1);
    phone.step(|mls| {
        mls.create_group(&phone.identity, CONVERSATION, &policy).unwrap();
    });
    let mut server = Server::of(&phone);
    let mut victim = Device::new(&fake_bob, 2);
    let plan = CommitPlan {
        add: vec![phone.verify(&victim)],
        ..CommitPlan::default()
    };
    let bundle = phone.commit(plan).unwrap();
    server.submit(&bundle).unwrap();
    let tree = server.ratchet_tree();
    victim.identity = Device::new(&bob(), 2).identity;
    let not_ours = JoinError::Policy(PolicyError::ForeignAccount(bob().id));
    let welcome = bundle.welcome.as_ref().unwrap();
    let refused = victim.step(|mls| {
        mls.stage_welcome(&victim.identity, welcome, &tree, CONVERSATION)
            .err()
    });
    assert_eq!(refused.as_ref(), Some(&not_ours));
    let refused = victim.step(|mls| {
        mls.stage_external_join(&victim.identity, &server.group_info, &tree, &[], CONVERSATION)
            .err()
    });
    assert_eq!(refused.as_ref(), Some(&not_ours));
}

#[test]
fn a_new_device_joins_while_all_others_are_offline() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let join = laptop.join_externally(&chat.server).unwrap();
    assert_eq!((join.epoch, join.welcome.is_none()), (1, true));
    let effect = chat.server.submit(&join).unwrap();
    assert!(effect.external);
    assert_eq!(effect.committer, laptop.identity.certificate);
    assert_eq!(effect.epoch_after, 2);

    let message = laptop.encrypt(b"I am here");
    for device in [&chat.alice, &chat.bob] {
        let Received::Commit(staged) = device.process(&join.commit).unwrap() else {
            panic!("not a commit");
        };
        assert_eq!(
            staged.sender(),
            &CommitSender::External(laptop.identity.certificate.clone())
        );
        assert!(staged.added().is_empty() && staged.removed().is_empty());
        device.apply(&join.commit).unwrap();
        assert_eq!(device.read(&message), b"I am here");
    }
    assert_eq!(laptop.read(&chat.alice.encrypt(b"welcome")), b"welcome");
}

#[test]
fn a_device_that_lost_its_state_comes_back_without_its_former_leaf() {
    let mut chat = Chat::new();
    let before = chat.alice.member_ids();
    chat.bob.forget_group();
    let join = chat.bob.join_externally(&chat.server).unwrap();
    let effect = chat.server.submit(&join).unwrap();
    assert_eq!(effect.removed, [chat.bob.id()]);
    chat.alice.apply(&join.commit).unwrap();
    assert_eq!(chat.alice.member_ids(), before);
    assert_eq!(chat.alice.read(&chat.bob.encrypt(b"back again")), b"back again");
    assert_eq!(chat.bob.read(&chat.alice.encrypt(b"good")), b"good");
}

#[test]
fn a_broken_group_is_replaced_by_joining_again() {
    let mut chat = Chat::new();
    // Bob keeps his stale group in the store while the conversation moves on without him.
    let update = chat.alice.self_update();
    chat.server.deliver(&update, &[&chat.alice]);
    let join = chat.bob.join_externally(&chat.server).unwrap();
    chat.server.deliver(&join, &[&chat.alice]);
    assert_eq!(chat.bob.read(&chat.alice.encrypt(b"in step")), b"in step");
}

#[test]
fn an_external_commit_that_comes_too_late_is_made_again() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let late = laptop.join_externally(&chat.server).unwrap();
    let update = chat.alice.self_update();
    chat.server.deliver(&update, &[&chat.alice, &chat.bob]);
    assert_eq!(
        chat.server.submit(&late).unwrap_err(),
        ViewError::WrongEpoch { commit: 1, group: 2 }
    );
    laptop.forget_group();
    let join = laptop.join_externally(&chat.server).unwrap();
    chat.server.deliver(&join, &[&chat.alice, &chat.bob]);
    assert_eq!(laptop.read(&chat.bob.encrypt(b"finally")), b"finally");
}

#[test]
fn a_device_of_no_account_of_the_conversation_does_not_get_in() {
    let chat = Chat::new();
    let carol = Account::new(0xCC);
    let stranger = Device::new(&carol, 9);
    assert_eq!(
        stranger.join_externally(&chat.server),
        Err(JoinError::Policy(PolicyError::ForeignAccount(carol.id)))
    );
}

#[test]
fn a_key_package_is_checked_against_the_account_that_the_caller_knows() {
    let device = Device::new(&bob(), 2);
    let bytes = device.key_package();
    let verified = verify_key_package(&bytes, bob().id, NOW).unwrap();
    assert_eq!(verified.certificate(), &device.identity.certificate);
    assert!(!verified.is_last_resort());
    let refuse = |bytes: &[u8], account, now| verify_key_package(bytes, account, now).err().unwrap();
    let forged = leaf(&bob().impostor(), 70).key_package(&Hostile::default());
    assert_eq!(
        refuse(&encode(forged), bob().id, NOW),
        KeyPackageError::Policy(PolicyError::Certificate(CertificateError::Signature))
    );
    assert_eq!(
        refuse(&bytes, alice().id, NOW),
        KeyPackageError::WrongAccount {
            expected: alice().id,
            found: bob().id
        }
    );
    assert!(matches!(
        refuse(&bytes, bob().id, NOW.plus(YEAR * 2)),
        KeyPackageError::Policy(PolicyError::Certificate(CertificateError::Expired { .. }))
    ));
    assert!(matches!(
        refuse(&bytes, bob().id, NOW.minus(YEAR)),
        KeyPackageError::Policy(PolicyError::Certificate(CertificateError::NotYetValid { .. }))
    ));
}

#[test]
fn a_device_uploads_its_own_key_packages_only() {
    let device = Device::new(&bob(), 2);
    let bytes = device.key_package();
    let other = DeviceId::from_bytes([3; 16]);
    assert!(verify_uploaded_key_package(&bytes, bob().id, device.id(), NOW).is_ok());
    assert_eq!(
        verify_uploaded_key_package(&bytes, bob().id, other, NOW).err(),
        Some(KeyPackageError::WrongDevice {
            expected: other,
            found: device.id()
        })
    );
}

#[test]
fn key_packages_differ_and_so_do_their_ids() {
    let device = Device::new(&bob(), 2);
    let packages = device.step(|mls| mls.key_packages(&device.identity, 5).unwrap());
    let ids: std::collections::BTreeSet<_> = packages.iter().map(|bytes| key_package_id(bytes)).collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn an_expired_device_is_not_added() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let verified = chat.bob.verify(&laptop);
    let later = NOW.plus(YEAR * 3);
    chat.bob.now.set(later);
    let plan = CommitPlan {
        add: vec![verified.clone()],
        ..CommitPlan::default()
    };
    assert!(matches!(
        chat.bob.commit(plan).unwrap_err(),
        subrosa_mls::CommitError::Policy(PolicyError::Certificate(CertificateError::Expired { .. }))
    ));

    // Made by a client whose clock has stopped, it is refused by the server.
    chat.bob.now.set(NOW);
    let plan = CommitPlan {
        add: vec![verified],
        ..CommitPlan::default()
    };
    let bundle = chat.bob.commit(plan).unwrap();
    chat.server.now = later;
    assert!(matches!(
        chat.server.submit(&bundle).unwrap_err(),
        ViewError::Policy(PolicyError::Certificate(CertificateError::Expired { .. }))
    ));
}

#[test]
fn an_expired_device_does_not_join() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let join = laptop.join_externally(&chat.server).unwrap();
    chat.server.now = NOW.plus(YEAR * 3);
    assert!(matches!(
        chat.server.submit(&join).unwrap_err(),
        ViewError::Policy(PolicyError::Certificate(CertificateError::Expired { .. }))
    ));
}

/// Alice's device judged certificates by its own clock, so a wrong one kept it from following a log that all others
/// followed.
#[test]
fn a_device_with_a_wrong_clock_follows_the_log_like_all_others() {
    for wrong in [NOW.plus(YEAR * 3), NOW.minus(YEAR * 3)] {
        let mut chat = Chat::new();
        let late = Device::new(&alice(), 5);
        late.now.set(wrong);
        let bundle = add(&chat.alice, &late, &mut chat.server);
        chat.bob.apply(&bundle.commit).unwrap();

        let (laptop, tablet) = (Device::new(&bob(), 3), Device::new(&bob(), 4));
        let bundle = add(&chat.bob, &laptop, &mut chat.server);
        chat.alice.apply(&bundle.commit).unwrap();
        let warned = |device: &Device, commit: &[u8]| match device.process(commit).unwrap() {
            Received::Commit(staged) => staged.out_of_date(device.now.get()).cloned().collect(),
            _ => vec![],
        };
        assert_eq!(
            warned(&late, &bundle.commit),
            std::slice::from_ref(&laptop.identity.certificate)
        );
        late.apply(&bundle.commit).unwrap();

        let join = tablet.join_externally(&chat.server).unwrap();
        chat.server.submit(&join).unwrap();
        assert_eq!(
            warned(&late, &join.commit),
            std::slice::from_ref(&tablet.identity.certificate)
        );
        assert_eq!(warned(&chat.alice, &join.commit), []);
        for device in [&chat.alice, &chat.bob, &laptop, &late] {
            device.apply(&join.commit).unwrap();
        }

        let renewed = bob().certify(
            chat.bob.id(),
            chat.bob.identity.certificate.device_key(),
            NOW.plus(HOUR),
        );
        chat.bob.identity.certificate = renewed.clone();
        let update = chat.bob.self_update();
        chat.server.submit(&update).unwrap();
        assert_eq!(warned(&late, &update.commit), [renewed]);
        for device in [&chat.alice, &chat.bob, &laptop, &tablet, &late] {
            device.apply(&update.commit).unwrap();
        }
        assert_eq!(late.epoch(), chat.server.view().epoch());
        assert_eq!(late.read(&chat.alice.encrypt(b"in step")), b"in step");
        assert_eq!(chat.alice.read(&late.encrypt(b"me too")), b"me too");
        let update = late.self_update();
        chat.server
            .deliver(&update, &[&chat.alice, &chat.bob, &laptop, &tablet, &late]);
    }
}

#[test]
fn a_device_with_a_wrong_clock_joins_a_group() {
    for wrong in [NOW.plus(YEAR * 3), NOW.minus(YEAR * 3)] {
        let mut chat = Chat::new();
        let laptop = Device::new(&bob(), 3);
        laptop.now.set(wrong);
        let join = laptop.join_externally(&chat.server).unwrap();
        chat.server.deliver(&join, &[&chat.alice, &chat.bob]);
        assert_eq!(laptop.read(&chat.alice.encrypt(b"welcome")), b"welcome");
    }
}

#[test]
fn the_same_device_is_not_added_twice() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let bundle = add(&chat.bob, &laptop, &mut chat.server);
    chat.alice.apply(&bundle.commit).unwrap();
    // The same device id under a new key: MLS alone would let it in.
    let mut twin = Device::new(&bob(), 77);
    twin.identity.certificate = bob().certify(laptop.id(), twin.identity.signing_key.public(), NOW);
    let plan = CommitPlan {
        add: vec![chat.bob.verify(&twin)],
        ..CommitPlan::default()
    };
    assert_eq!(
        chat.bob.commit(plan).unwrap_err(),
        subrosa_mls::CommitError::Policy(PolicyError::DuplicateDevice(laptop.id()))
    );
    assert_eq!(twin.join_externally(&chat.server), Err(JoinError::NotOurLeaf));
}
