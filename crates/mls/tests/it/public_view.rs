//! The server's view agrees with that of the members, and it accepts nothing else.

use subrosa_mls::{CommitBundle, CommitPlan, GroupInfoError, PublicView, ViewError};
use subrosa_test_support::SeededRng;
use subrosa_wire::{ConversationId, DeviceId};

use crate::world::{
    CONVERSATION, Chat, Device, NOW, Server, YEAR, add, alice, alice_and_bob, bob, create_group,
};

/// Devices of both accounts come and go at random; all members agree at every step.
#[test]
fn the_view_agrees_with_the_members_after_many_random_commits() {
    for seed in 0..3 {
        let mut crowd = Crowd::new(seed);
        for _ in 0..20 {
            crowd.random_commit();
        }
        let message = crowd.devices[0].encrypt(b"after all that");
        for device in &crowd.devices[1..] {
            assert_eq!(device.read(&message), b"after all that");
        }
    }
}

/// A conversation whose devices come and go. The first two, a phone of each account, stay.
struct Crowd {
    server: Server,
    devices: Vec<Device>,
    next_number: u8,
    rng: SeededRng,
}

const CROWD_MAX: usize = 8;

impl Crowd {
    fn new(seed: u64) -> Self {
        let Chat { alice, bob, server } = Chat::new();
        Self {
            server,
            devices: vec![alice, bob],
            next_number: 10,
            rng: SeededRng::new(seed),
        }
    }

    fn random_commit(&mut self) {
        let full = self.devices.len() == CROWD_MAX;
        match self.rng.below(4) {
            0 if !full => self.add_a_device(),
            1 if !full => self.let_a_device_join(),
            2 if self.devices.len() > 2 => self.remove_a_device(),
            _ => {
                let update = self.random_device().self_update();
                self.deliver(&update);
            }
        }
    }

    fn random_device(&mut self) -> &Device {
        let index = self.rng.below(self.devices.len());
        &self.devices[index]
    }

    fn new_device(&mut self) -> Device {
        self.next_number += 1;
        let account = if self.rng.below(2) == 0 { alice() } else { bob() };
        Device::new(&account, self.next_number)
    }

    fn add_a_device(&mut self) {
        let new = self.new_device();
        let update_path = self.rng.below(2) == 0;
        let device = self.random_device();
        let plan = CommitPlan {
            add: vec![device.verify(&new)],
            update_path,
            ..CommitPlan::default()
        };
        let bundle = device.commit(plan).unwrap();
        self.deliver(&bundle);
        new.join(bundle.welcome.as_ref().unwrap(), &self.server.ratchet_tree())
            .unwrap();
        self.devices.push(new);
    }

    fn let_a_device_join(&mut self) {
        let new = self.new_device();
        let bundle = new.join_externally(&self.server).unwrap();
        self.deliver(&bundle);
        self.devices.push(new);
    }

    fn remove_a_device(&mut self) {
        let index = 2 + self.rng.below(self.devices.len() - 2);
        let gone = self.devices.swap_remove(index);
        let phone = self
            .devices
            .iter()
            .find(|phone| phone.account.id == gone.account.id)
            .unwrap();
        let plan = CommitPlan {
            remove: vec![gone.id()],
            ..CommitPlan::default()
        };
        let bundle = phone.commit(plan).unwrap();
        self.deliver(&bundle);
    }

    /// The server accepts the commit, every device applies it, and all see the same group.
    fn deliver(&mut self, bundle: &CommitBundle) {
        let effect = self.server.submit(bundle).unwrap();
        assert_eq!(effect.epoch_after, bundle.epoch + 1);
        let view = self.server.view();
        let tree = view.ratchet_tree().unwrap();
        for device in &self.devices {
            device.apply(&bundle.commit).unwrap();
            device.with_group(|_, group| {
                assert_eq!(view.epoch(), group.epoch());
                assert_eq!(view.policy(), group.policy());
                assert_eq!(view.members().unwrap(), group.members().unwrap());
                assert_eq!(tree, group.ratchet_tree().unwrap());
            });
        }
    }
}

#[test]
fn a_new_group_begins_with_its_creator_alone() {
    let phone = Device::new(&alice(), 1);
    let server = create_group(&phone);
    let view = server.view();
    assert_eq!((view.epoch(), view.members().unwrap().len()), (0, 1));
    assert_eq!(view.policy(), &alice_and_bob());
    assert_eq!(view.conversation_id(), CONVERSATION);

    // A group that is past epoch 0 is not a new one.
    let chat = Chat::new();
    assert_eq!(
        PublicView::create(
            &chat.server.group_info,
            &chat.server.ratchet_tree(),
            CONVERSATION,
            NOW
        )
        .err(),
        Some(ViewError::NotNew { epoch: 1, members: 2 })
    );
}

#[test]
fn a_new_group_needs_the_right_id_and_a_valid_creator() {
    let phone = Device::new(&alice(), 1);
    let server = create_group(&phone);
    let tree = server.ratchet_tree();
    let create = |id, now| PublicView::create(&server.group_info, &tree, id, now).err();
    assert_eq!(create(CONVERSATION, NOW), None);
    assert_eq!(
        create(ConversationId::from_bytes([0; 16]), NOW),
        Some(ViewError::GroupInfo(GroupInfoError::WrongConversation))
    );
    assert!(matches!(
        create(CONVERSATION, NOW.plus(YEAR * 3)),
        Some(ViewError::Policy(_))
    ));
    assert!(matches!(
        create(CONVERSATION, NOW.minus(YEAR)),
        Some(ViewError::Policy(_))
    ));
}

#[test]
fn the_effect_of_a_commit_names_who_came_and_went() {
    let mut chat = Chat::new();
    let (laptop, tablet) = (Device::new(&bob(), 3), Device::new(&bob(), 4));
    let bundle = add(&chat.bob, &laptop, &mut chat.server);
    chat.alice.apply(&bundle.commit).unwrap();
    let plan = CommitPlan {
        add: vec![chat.bob.verify(&tablet)],
        remove: vec![laptop.id()],
        ..CommitPlan::default()
    };
    let bundle = chat.bob.commit(plan).unwrap();
    let effect = chat.server.submit(&bundle).unwrap();
    assert_eq!(effect.committer, chat.bob.identity.certificate);
    assert_eq!(effect.added, std::slice::from_ref(&tablet.identity.certificate));
    assert_eq!(effect.removed, [laptop.id()]);
    assert_eq!((effect.external, effect.epoch_after), (false, 3));
    let ids: Vec<_> = chat
        .server
        .view()
        .members()
        .unwrap()
        .iter()
        .map(|member| member.certificate.device_id())
        .collect();
    assert_eq!(ids, [1, 2, 4].map(|number| DeviceId::from_bytes([number; 16])));
}

#[test]
fn a_commit_comes_with_the_group_info_of_its_own_epoch() {
    let mut chat = Chat::new();
    let stale = chat.server.group_info.clone();
    let update = chat.alice.self_update();
    assert_eq!(
        chat.server.submit_parts(&update.commit, &stale),
        Err(ViewError::GroupInfo(GroupInfoError::WrongState))
    );
    // Another commit of the same epoch leads to another state with the same number.
    let other = chat.bob.self_update();
    assert_eq!(
        chat.server.submit_parts(&update.commit, &other.group_info),
        Err(ViewError::GroupInfo(GroupInfoError::WrongState))
    );
    chat.server.submit(&update).unwrap();
}

#[test]
fn a_group_info_is_signed_by_the_committer() {
    let mut chat = Chat::new();
    let update = chat.alice.self_update();
    // Bob knows the new epoch too and signs a group info for it, but it was not his commit.
    chat.bob.apply(&update.commit).unwrap();
    let of_bob = chat
        .bob
        .with_group(|mls, group| group.group_info(mls, &chat.bob.identity).unwrap());
    assert_eq!(
        chat.server.submit_parts(&update.commit, &of_bob),
        Err(ViewError::GroupInfo(GroupInfoError::WrongSigner(1)))
    );
    // Alice's leaf with Bob's signature: the signature is not valid.
    let forged = chat.alice.with_group(|mls, group| {
        group.merge_pending_commit(mls).unwrap();
        group.group_info(mls, &chat.bob.identity).unwrap()
    });
    assert_eq!(
        chat.server.submit_parts(&update.commit, &forged),
        Err(ViewError::GroupInfo(GroupInfoError::Signature))
    );
    chat.server.submit(&update).unwrap();
}

#[test]
fn a_commit_is_taken_in_once() {
    let mut chat = Chat::new();
    let update = chat.alice.self_update();
    chat.server.submit(&update).unwrap();
    assert_eq!(
        chat.server.submit(&update),
        Err(ViewError::WrongEpoch { commit: 1, group: 2 })
    );
}

#[test]
fn a_commit_of_another_conversation_is_refused() {
    let mut chat = Chat::new();
    let mut update = chat.alice.self_update();
    update.commit[5] ^= 1;
    assert_eq!(chat.server.submit(&update), Err(ViewError::WrongConversation));
}

#[test]
fn a_view_reads_back_as_it_was_written() {
    let chat = Chat::new();
    let view = chat.server.view();
    assert_eq!(view.to_bytes(), chat.server.view);
    for len in [0, 1, 16, 17, 20, chat.server.view.len() - 1] {
        assert!(
            matches!(
                PublicView::load(&chat.server.view[..len]),
                Err(ViewError::Corrupt(_))
            ),
            "{len}"
        );
    }
    let mut other_version = chat.server.view.clone();
    other_version[0] = 2;
    assert!(matches!(
        PublicView::load(&other_version),
        Err(ViewError::Corrupt(_))
    ));
}

#[test]
fn the_view_of_two_devices_fits_a_row() {
    let chat = Chat::new();
    assert!(chat.server.view.len() < 24 * 1024, "{}", chat.server.view.len());
}

/// The server keeps views in tasks that move between threads.
#[test]
fn a_view_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<PublicView>();
    is_send::<subrosa_mls::Group>();
}
