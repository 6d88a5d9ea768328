//! Members talk, renew their keys, add and remove their devices.

use subrosa_mls::{CommitError, CommitPlan, CommitSender, PolicyError, ProcessError, Received};
use subrosa_wire::DeviceId;

use crate::world::{CLAIM, Chat, Device, HOUR, NOW, Server, add, alice, bob};

#[test]
fn two_members_talk_both_ways() {
    let chat = Chat::new();
    for turn in 0..3 {
        let hello = chat.alice.encrypt(format!("hello {turn}").as_bytes());
        assert_eq!(chat.bob.read(&hello), format!("hello {turn}").as_bytes());
        let answer = chat.bob.encrypt(format!("answer {turn}").as_bytes());
        assert_eq!(chat.alice.read(&answer), format!("answer {turn}").as_bytes());
    }
}

#[test]
fn a_message_names_its_sender_and_epoch() {
    let chat = Chat::new();
    let message = chat.alice.encrypt(b"hello");
    let Received::Application(decrypted) = chat.bob.process(&message).unwrap() else {
        panic!("not an application message");
    };
    assert_eq!(decrypted.sender, chat.alice.identity.certificate);
    assert_eq!(decrypted.epoch, 1);
    assert!(
        !format!("{decrypted:?}").contains("hello"),
        "content is not for logs"
    );
}

#[test]
fn the_length_of_a_message_tells_its_bucket_only() {
    let chat = Chat::new();
    let lengths = [0, 1, 100, 252].map(|len| chat.alice.encrypt(&vec![b'x'; len]).len());
    assert!(lengths.iter().all(|len| *len == lengths[0]), "{lengths:?}");
    assert!(chat.alice.encrypt(&[b'x'; 253]).len() >= lengths[0] + 256);
}

#[test]
fn an_empty_and_a_large_message_arrive() {
    let chat = Chat::new();
    for content in [
        vec![],
        vec![7; 64 * 1024 + 1],
        vec![9; subrosa_mls::limits::CONTENT_MAX],
    ] {
        assert_eq!(chat.bob.read(&chat.alice.encrypt(&content)), content);
    }
}

// Deriving 20,000 keys took 45 ms each time such a message was repeated.
#[test]
fn a_message_further_ahead_than_senders_lose_some_is_refused_and_a_nearer_one_is_read() {
    let chat = Chat::new();
    let content = b"ahead";
    let count = subrosa_mls::limits::FORWARD_DISTANCE_MAX + 2;
    let claim = subrosa_mls::LogClaim::of_no_place(1);
    let messages: Vec<_> = chat.alice.with_group(|mls, group| {
        (0..count)
            .map(|_| group.encrypt(mls, &chat.alice.identity, content, &claim).unwrap())
            .collect()
    });
    let [.., near, _, far] = &messages[..] else {
        panic!("there are many messages")
    };
    let refused = chat.bob.process(far).unwrap_err();
    assert!(!matches!(refused, ProcessError::Mls(_)), "{refused:?}");
    assert_eq!(chat.bob.read(near), content);
    assert_eq!(chat.bob.read(far), content);
}

#[test]
fn a_replayed_message_is_refused() {
    let chat = Chat::new();
    let message = chat.alice.encrypt(b"once");
    assert_eq!(chat.bob.read(&message), b"once");
    assert_eq!(
        chat.bob.process(&message).unwrap_err(),
        ProcessError::AlreadyDecrypted
    );
}

#[test]
fn a_device_does_not_decrypt_its_own_messages() {
    let chat = Chat::new();
    let message = chat.alice.encrypt(b"mine");
    assert_eq!(
        chat.alice.process(&message).unwrap_err(),
        ProcessError::OwnMessage
    );
}

#[test]
fn messages_that_never_arrive_do_not_stop_the_conversation() {
    let chat = Chat::new();
    for _ in 0..200 {
        chat.alice.encrypt(b"lost");
    }
    let late = chat.alice.encrypt(b"late");
    let next = chat.alice.encrypt(b"next");
    assert_eq!(chat.bob.read(&next), b"next");
    assert_eq!(chat.bob.read(&late), b"late");
}

#[test]
fn messages_of_other_epochs_are_refused_with_both_epochs() {
    let mut chat = Chat::new();
    let old = chat.alice.encrypt(b"old");
    let update = chat.alice.self_update();
    chat.server.deliver(&update, &[&chat.alice]);
    let future = chat.alice.encrypt(b"future");
    assert_eq!(
        chat.bob.process(&future).unwrap_err(),
        ProcessError::WrongEpoch { message: 2, group: 1 }
    );
    chat.bob.apply(&update.commit).unwrap();
    assert_eq!(
        chat.bob.process(&old).unwrap_err(),
        ProcessError::WrongEpoch { message: 1, group: 2 }
    );
    assert_eq!(
        chat.bob.process(&update.commit).unwrap_err(),
        ProcessError::WrongEpoch { message: 1, group: 2 }
    );
    assert_eq!(chat.bob.read(&future), b"future");
}

impl Chat {
    /// Both renew their keys and understand each other afterwards.
    fn update_in_turn(&mut self) {
        for turn in [true, false] {
            let (from, to) = if turn {
                (&self.alice, &self.bob)
            } else {
                (&self.bob, &self.alice)
            };
            let update = from.self_update();
            self.server.submit(&update).unwrap();
            from.apply(&update.commit).unwrap();
            to.apply(&update.commit).unwrap();
            assert_eq!(to.read(&from.encrypt(b"renewed")), b"renewed");
        }
    }
}

#[test]
fn keys_are_renewed_at_the_turn_of_the_conversation() {
    let mut chat = Chat::new();
    for _ in 0..3 {
        chat.update_in_turn();
    }
    assert_eq!((chat.alice.epoch(), chat.bob.epoch()), (7, 7));
}

#[test]
fn a_pending_commit_is_recognised_in_the_log() {
    let chat = Chat::new();
    let update = chat.alice.self_update();
    assert!(chat.alice.with_group(|_, group| group.has_pending_commit()));
    assert!(matches!(
        chat.alice.process(&update.commit),
        Ok(Received::OwnPendingCommit)
    ));
    assert_eq!(chat.alice.epoch(), 1, "seeing it does not apply it");
    chat.alice.apply(&update.commit).unwrap();
    assert_eq!(chat.alice.epoch(), 2);
    assert!(!chat.alice.with_group(|_, group| group.has_pending_commit()));
}

#[test]
fn the_loser_of_a_race_clears_its_commit_and_goes_on() {
    let mut chat = Chat::new();
    let (first, second) = (chat.alice.self_update(), chat.bob.self_update());
    assert!(matches!(
        chat.bob.commit(CommitPlan::default()),
        Err(CommitError::Pending)
    ));
    chat.server.submit(&first).unwrap();
    assert!(chat.server.submit(&second).is_err());
    chat.alice.apply(&first.commit).unwrap();
    chat.bob
        .with_group(|mls, group| group.clear_pending_commit(mls).unwrap());
    chat.bob.apply(&first.commit).unwrap();
    assert_eq!(chat.bob.read(&chat.alice.encrypt(b"settled")), b"settled");
    let again = chat.bob.self_update();
    chat.server.deliver(&again, &[&chat.bob, &chat.alice]);
    assert_eq!(chat.alice.read(&chat.bob.encrypt(b"after all")), b"after all");
}

#[test]
fn merging_another_commit_forgets_the_pending_one() {
    let mut chat = Chat::new();
    let (first, _second) = (chat.alice.self_update(), chat.bob.self_update());
    chat.server.deliver(&first, &[&chat.alice, &chat.bob]);
    assert!(!chat.bob.with_group(|_, group| group.has_pending_commit()));
}

#[test]
fn a_member_may_write_while_its_commit_is_pending() {
    let chat = Chat::new();
    chat.alice.self_update();
    assert_eq!(
        chat.bob.read(&chat.alice.encrypt(b"still epoch 1")),
        b"still epoch 1"
    );
}

#[test]
fn an_exported_secret_belongs_to_all_members_and_one_epoch() {
    let mut chat = Chat::new();
    let export = |device: &Device, label: &str| {
        device.with_group(|mls, group| group.export_secret(mls, label, b"ctx", 32).unwrap())
    };
    let before = export(&chat.alice, "typing");
    assert_eq!(before, export(&chat.bob, "typing"));
    assert_ne!(before, export(&chat.bob, "other"));
    chat.update_in_turn();
    assert_ne!(before, export(&chat.alice, "typing"));
}

/// The conversation with a second device of Bob's in it.
fn with_bobs_laptop() -> (Chat, Device) {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let bundle = add(&chat.bob, &laptop, &mut chat.server);
    chat.alice.apply(&bundle.commit).unwrap();
    (chat, laptop)
}

#[test]
fn a_device_that_is_added_takes_part() {
    let (chat, laptop) = with_bobs_laptop();
    let ids = [1, 2, 3].map(|number| DeviceId::from_bytes([number; 16]));
    for device in [&chat.alice, &chat.bob, &laptop] {
        assert_eq!(device.member_ids(), ids);
    }
    let message = laptop.encrypt(b"from the laptop");
    assert_eq!(chat.alice.read(&message), b"from the laptop");
    assert_eq!(chat.bob.read(&message), b"from the laptop");
}

#[test]
fn a_commit_tells_who_it_adds_before_it_is_merged() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let bundle = add(&chat.bob, &laptop, &mut chat.server);
    let Received::Commit(staged) = chat.alice.process(&bundle.commit).unwrap() else {
        panic!("not a commit");
    };
    assert_eq!(
        staged.sender(),
        &CommitSender::Member(chat.bob.identity.certificate.clone())
    );
    assert_eq!(staged.added(), std::slice::from_ref(&laptop.identity.certificate));
    assert!(staged.removed().is_empty() && !staged.self_removed());
    assert_eq!(chat.alice.member_ids().len(), 2);
}

#[test]
fn a_removed_device_cannot_read_the_next_epoch() {
    let (mut chat, laptop) = with_bobs_laptop();
    let plan = CommitPlan {
        remove: vec![laptop.id()],
        ..CommitPlan::default()
    };
    let removal = chat.bob.commit(plan).unwrap();
    let effect = chat.server.deliver(&removal, &[&chat.bob, &chat.alice]);
    assert_eq!(effect.removed, [laptop.id()]);

    let secret = chat.alice.encrypt(b"without the laptop");
    assert_eq!(
        laptop.process(&secret).unwrap_err(),
        ProcessError::WrongEpoch { message: 3, group: 2 }
    );
    let Received::Commit(staged) = laptop.process(&removal.commit).unwrap() else {
        panic!("not a commit");
    };
    assert!(staged.self_removed());
    laptop.apply(&removal.commit).unwrap();
    assert!(!laptop.with_group(|_, group| group.is_active()));
    assert_eq!(laptop.process(&secret).unwrap_err(), ProcessError::NotAMember);
    assert!(
        laptop
            .commit(CommitPlan::default())
            .is_err_and(|e| e == CommitError::NotAMember)
    );
    assert_eq!(chat.bob.read(&secret), b"without the laptop");
}

#[test]
fn a_member_cannot_remove_a_device_of_the_other_account() {
    let chat = Chat::new();
    let plan = CommitPlan {
        remove: vec![chat.bob.id()],
        ..CommitPlan::default()
    };
    assert_eq!(
        chat.alice.commit(plan).unwrap_err(),
        CommitError::Policy(PolicyError::RemovedForeignDevice(chat.bob.id()))
    );
    assert!(!chat.alice.with_group(|_, group| group.has_pending_commit()));
    assert_eq!(
        chat.bob.read(&chat.alice.encrypt(b"still friends")),
        b"still friends"
    );
}

#[test]
fn a_member_cannot_add_a_third_account() {
    let chat = Chat::new();
    let carol = crate::world::Account::new(0xCC);
    let phone = Device::new(&carol, 9);
    let plan = CommitPlan {
        add: vec![chat.alice.verify(&phone)],
        ..CommitPlan::default()
    };
    assert_eq!(
        chat.alice.commit(plan).unwrap_err(),
        CommitError::Policy(PolicyError::ForeignAccount(carol.id))
    );
}

#[test]
fn removing_a_device_that_is_not_there_is_refused() {
    let chat = Chat::new();
    let nobody = DeviceId::from_bytes([99; 16]);
    let plan = CommitPlan {
        remove: vec![nobody],
        ..CommitPlan::default()
    };
    assert_eq!(
        chat.alice.commit(plan).unwrap_err(),
        CommitError::NoSuchDevice(nobody)
    );
}

#[test]
fn a_device_cannot_remove_itself() {
    let chat = Chat::new();
    let plan = CommitPlan {
        remove: vec![chat.bob.id()],
        ..CommitPlan::default()
    };
    assert_eq!(chat.bob.commit(plan).unwrap_err(), CommitError::RemovesItself);
}

#[test]
fn a_device_that_is_in_the_group_is_not_added_again() {
    let chat = Chat::new();
    let plan = CommitPlan {
        add: vec![chat.alice.verify(&chat.bob)],
        ..CommitPlan::default()
    };
    assert_eq!(
        chat.alice.commit(plan).unwrap_err(),
        CommitError::Policy(PolicyError::DuplicateDevice(chat.bob.id()))
    );
}

#[test]
fn a_device_is_replaced_in_one_commit() {
    let (mut chat, laptop) = with_bobs_laptop();
    // The laptop was set up again: same device, same key, nothing else left.
    laptop.forget_group();
    let plan = CommitPlan {
        add: vec![chat.bob.verify(&laptop)],
        remove: vec![laptop.id(), laptop.id()],
        ..CommitPlan::default()
    };
    let bundle = chat.bob.commit(plan).unwrap();
    chat.server.deliver(&bundle, &[&chat.bob, &chat.alice]);
    laptop
        .join(bundle.welcome.as_ref().unwrap(), &chat.server.ratchet_tree())
        .unwrap();
    assert_eq!(chat.alice.read(&laptop.encrypt(b"as new")), b"as new");
}

#[test]
fn a_commit_that_only_adds_carries_no_path() {
    let mut chat = Chat::new();
    let laptop = Device::new(&bob(), 3);
    let without = add(&chat.bob, &laptop, &mut chat.server);
    let tablet = Device::new(&bob(), 4);
    let plan = CommitPlan {
        add: vec![chat.bob.verify(&tablet)],
        update_path: true,
        ..CommitPlan::default()
    };
    let with = chat.bob.commit(plan).unwrap();
    assert!(with.commit.len() > without.commit.len() + 1000);
}

#[test]
fn a_renewed_certificate_enters_with_the_next_update() {
    let mut chat = Chat::new();
    let later = NOW.plus(HOUR * 24);
    let renewed = Device::certified_at(&bob(), 2, later);
    for device in [&chat.alice, &chat.bob] {
        device.now.set(later);
    }
    chat.server.now = later;
    let update = chat.bob.with_group(|mls, group| {
        group
            .commit(mls, &renewed.identity, CommitPlan::default(), &CLAIM)
            .unwrap()
    });
    let effect = chat.server.deliver(&update, &[&chat.bob, &chat.alice]);
    assert_eq!(effect.committer, renewed.identity.certificate);
    let seen = chat
        .alice
        .with_group(|_, group| group.members().unwrap()[1].certificate.clone());
    assert_eq!(seen, renewed.identity.certificate);
}

// The device could not commit at all: its own rules refused the certificate.
#[test]
fn a_renewed_certificate_waits_for_a_clock_that_was_set_back() {
    let chat = Chat::new();
    let renewed = Device::certified_at(&bob(), 2, NOW.plus(HOUR * 48));
    let commit = |now| {
        chat.bob.now.set(now);
        chat.bob.with_group(|mls, group| {
            group
                .commit(mls, &renewed.identity, CommitPlan::default(), &CLAIM)
                .unwrap();
            group.merge_pending_commit(mls).unwrap();
            group.own_certificate().unwrap()
        })
    };
    assert_eq!(commit(NOW), chat.bob.identity.certificate);
    assert_eq!(commit(NOW.plus(HOUR * 24)), renewed.identity.certificate);
}

#[test]
fn a_clock_an_hour_off_does_no_harm() {
    for shift in [NOW.plus(HOUR), NOW.minus(HOUR)] {
        let mut chat = Chat::new();
        let laptop = Device::certified_at(&bob(), 3, shift);
        laptop.now.set(shift);
        let bundle = add(&chat.bob, &laptop, &mut chat.server);
        chat.alice.apply(&bundle.commit).unwrap();
        assert_eq!(
            chat.alice.read(&laptop.encrypt(b"what time is it?")),
            b"what time is it?"
        );
    }
}

#[test]
fn a_conversation_outlives_the_certificates_in_it() {
    let mut chat = Chat::new();
    let later = NOW.plus(crate::world::YEAR * 3);
    for device in [&chat.alice, &chat.bob] {
        device.now.set(later);
    }
    chat.server.now = later;
    chat.update_in_turn();
}

#[test]
fn notes_to_self_hold_the_devices_of_one_account() {
    let (phone, laptop) = (Device::new(&alice(), 1), Device::new(&alice(), 5));
    let policy = subrosa_mls::GroupPolicy::notes_to_self(alice().id);
    phone.step(|mls| {
        mls.create_group(&phone.identity, crate::world::CONVERSATION, &policy)
            .unwrap();
    });
    let mut server = Server::of(&phone);
    add(&phone, &laptop, &mut server);
    assert_eq!(laptop.read(&phone.encrypt(b"buy milk")), b"buy milk");
    let stranger = Device::new(&bob(), 2);
    let plan = CommitPlan {
        add: vec![phone.verify(&stranger)],
        ..CommitPlan::default()
    };
    assert_eq!(
        phone.commit(plan).unwrap_err(),
        CommitError::Policy(PolicyError::ForeignAccount(bob().id))
    );
}
