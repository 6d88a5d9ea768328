//! Receipts and signals between accounts with two devices each, whatever the server does.

use subrosa_e2e::{
    lies::{Liar, Lie, SharedLiar},
    tampering::Honest,
};
use subrosa_engine::{Command, MessageStatus, Presence, Privacy};

use crate::{action::Action, recovery::deliver, world::World};

/// The devices of one account are 0 and 2, those of the other 1 and 3.
const ALICE: [usize; 2] = [0, 2];
const BOB: [usize; 2] = [1, 3];

fn read(world: &mut World, index: usize) {
    world.act(Action::MarkRead(u8::try_from(index).expect("it is small")));
}

/// The status of the newest message of its account at a device.
fn status(world: &mut World, index: usize) -> MessageStatus {
    let messages = world.devices[index].messages();
    let own = messages.iter().rfind(|message| message.outgoing);
    own.expect("it has sent something").status
}

fn assert_both(world: &mut World, account: [usize; 2], expected: MessageStatus) {
    for index in account {
        assert_eq!(status(world, index), expected, "device {index}");
    }
}

fn reconnect_all(world: &mut World) {
    for index in 0..world.devices.len() {
        world.cut(index);
        world.connect(index);
    }
    deliver(world);
}

#[test]
fn all_devices_of_the_sender_see_what_one_device_of_the_reader_has_read() {
    let mut world = World::talking(81, 2);
    world.cut(BOB[1]);
    world.send_text(ALICE[0]);
    deliver(&mut world);
    assert_both(&mut world, ALICE, MessageStatus::Delivered);
    read(&mut world, BOB[0]);
    deliver(&mut world);
    assert_both(&mut world, ALICE, MessageStatus::Read);
}

#[test]
fn a_sender_who_was_away_sees_what_was_read_meanwhile() {
    let mut world = World::talking(82, 2);
    world.send_text(ALICE[0]);
    world.deliver_to_server(ALICE[0]);
    deliver(&mut world);
    for index in ALICE {
        world.cut(index);
    }
    read(&mut world, BOB[0]);
    deliver(&mut world);
    assert_both(&mut world, ALICE, MessageStatus::Delivered);
    for index in ALICE {
        world.connect(index);
    }
    deliver(&mut world);
    assert_both(&mut world, ALICE, MessageStatus::Read);
}

#[test]
fn receipts_go_on_after_a_server_has_gone_back() {
    let mut world = World::talking(83, 2);
    world.act(Action::Keep);
    world.send_text(ALICE[0]);
    deliver(&mut world);
    read(&mut world, BOB[0]);
    deliver(&mut world);
    assert_both(&mut world, ALICE, MessageStatus::Read);
    for index in 0..world.devices.len() {
        world.cut(index);
    }
    world.act(Action::RollBack);
    world.must_settle();
    assert_both(&mut world, ALICE, MessageStatus::Read);
    world.send_text(ALICE[1]);
    world.must_settle();
    assert_both(&mut world, ALICE, MessageStatus::Delivered);
    read(&mut world, BOB[1]);
    world.must_settle();
    assert_both(&mut world, ALICE, MessageStatus::Read);
}

#[test]
fn receipts_go_on_after_a_profile_has_gone_back() {
    let mut world = World::talking(84, 2);
    let bob = u8::try_from(BOB[0]).expect("it is small");
    world.cut(BOB[1]);
    world.act(Action::KeepProfile(bob));
    for _ in 0..3 {
        world.send_text(ALICE[0]);
        deliver(&mut world);
        read(&mut world, BOB[0]);
        deliver(&mut world);
    }
    world.act(Action::RollBackProfile(bob));
    world.must_settle();
    world.cut(BOB[1]);
    world.send_text(ALICE[0]);
    deliver(&mut world);
    read(&mut world, BOB[0]);
    // It learns which version the server has, and goes on after that.
    world.must_settle();
    assert_both(&mut world, ALICE, MessageStatus::Read);
}

#[test]
fn a_switch_turned_on_one_device_holds_for_all_of_the_account_both_ways() {
    let mut world = World::talking(85, 2);
    let off = Privacy {
        read_receipts: false,
        ..Privacy::default()
    };
    world.step(BOB[0], Command::SetPrivacy(off)).expect("it is kept");
    world.must_settle();
    for index in BOB {
        assert_eq!(world.devices[index].engine().me().privacy, off, "device {index}");
    }
    for (sender, reader) in [(ALICE, BOB), (BOB, ALICE)] {
        world.send_text(sender[0]);
        world.must_settle();
        read(&mut world, reader[1]);
        world.must_settle();
        assert_both(&mut world, sender, MessageStatus::Delivered);
    }
    world.add_device(1);
    world.must_settle();
    let newest = world.devices.len() - 1;
    assert_eq!(world.devices[newest].engine().me().privacy, off);
}

#[test]
fn typing_and_presence_are_shown_to_the_other_account_alone() {
    let mut world = World::talking(86, 2);
    let bob = world.devices[BOB[0]].session.account_id;
    let chat = world.devices[BOB[0]].chat().expect("it has the conversation");
    world.step(BOB[0], Command::SetHere(true)).expect("it is noted");
    let typing = Command::Type {
        chat,
        is_typing: true,
    };
    world.step(BOB[0], typing).expect("it is noted");
    deliver(&mut world);
    for index in ALICE {
        let chat = world.devices[index].chat().expect("it has the conversation");
        let engine = world.devices[index].engine();
        assert_eq!(engine.typing(chat), [bob], "device {index}");
        assert_eq!(engine.presence(bob).expect("it is known"), Presence::Here);
    }
    let chat = world.devices[BOB[1]].chat().expect("it has the conversation");
    assert_eq!(world.devices[BOB[1]].engine().typing(chat), []);
    world.send_text(BOB[0]);
    deliver(&mut world);
    for index in ALICE {
        let chat = world.devices[index].chat().expect("it has the conversation");
        assert_eq!(world.devices[index].engine().typing(chat), [], "device {index}");
    }
}

#[test]
fn a_server_that_lies_about_receipts_brings_about_no_false_one_and_the_truth_comes_afterwards() {
    for lie in [
        Lie::OldRegisters,
        Lie::MixUpReceipts,
        Lie::ChangeRegister,
        Lie::NoReceipts,
    ] {
        let mut world = World::talking(87, 2);
        let liars = ALICE.map(|index| {
            let victim = world.devices[index].session.account_id;
            let liar = SharedLiar::from(Liar::before(victim, world.now(), 1));
            world.lie_to(index, liar.clone());
            liar
        });
        // What is old later.
        world.send_text(ALICE[0]);
        deliver(&mut world);
        for liar in &liars {
            liar.get().lie(lie, u8::MAX);
        }
        world.send_text(ALICE[0]);
        deliver(&mut world);
        read(&mut world, BOB[0]);
        deliver(&mut world);
        reconnect_all(&mut world);
        assert_both(&mut world, ALICE, MessageStatus::Sent);
        for index in ALICE {
            world.lie_to(index, Honest);
            world.cut(index);
            world.connect(index);
        }
        deliver(&mut world);
        assert_both(&mut world, ALICE, MessageStatus::Read);
    }
}
