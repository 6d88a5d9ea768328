//! What people are shown about devices: a new one of their own account, and a new one of somebody in a conversation.

use std::time::Duration;

use subrosa_engine::{Command, ConversationState, MemberDevice, NoticeKind};

use crate::{
    action::Plan,
    world::{RETENTION, World},
};

/// Two accounts that have talked, each with one device; then account 1 gets another one.
fn with_a_new_device() -> World {
    let mut world = World::talking(11, 1);
    world.must_settle();
    world.add_device(1);
    world.must_settle();
    world
}

/// The device is away for longer than the server keeps the log.
fn join_again(world: &mut World, index: usize) {
    world.cut(index);
    let other = 1 - world.devices[index].account;
    for _ in 0..2 {
        // Long enough for another turn, which begins with a commit.
        world.wait(Duration::from_hours(2));
        world.send_text(other);
        while world.deliver_all() {}
    }
    world.wait(RETENTION * 2);
    world.prune();
    world.must_settle();
    for _ in 0..10 {
        world.wait(Duration::from_secs(5));
        while world.deliver_all() {}
    }
    if world.devices[index].state() == ConversationState::CutOff {
        let chat = world.devices[index].chat().expect("it has the conversation");
        world
            .step(index, Command::TryAgain(chat))
            .expect("it is accepted");
        world.must_settle();
    }
    let device = &mut world.devices[index];
    assert!(device.engine().recovery_counts().rejoins > 0);
    device.warnings.clear();
}

#[test]
fn a_new_device_of_somebody_in_a_conversation_is_a_line_there_and_its_own_account_is_told_beside() {
    let mut world = with_a_new_device();
    let account = world.devices[1].session.account_id;
    let new = world.devices[2].session.device_id;

    let [notice] = &world.devices[0].notices[..] else {
        panic!("{:?}", world.devices[0].notices)
    };
    assert_eq!(
        (notice.kind, notice.by, &notice.who[..]),
        (NoticeKind::DeviceAdded, Some(account), &[account][..])
    );
    let notice = notice.clone();
    let chat = world.devices[0].chat().expect("a conversation");
    // It is stored between what was said before and what is said from then on.
    world.send_text(0);
    world.must_settle();
    let positions: Vec<_> = world.devices[0]
        .messages()
        .iter()
        .map(|message| message.position)
        .collect();
    let (&last, before) = positions.split_last().expect("messages");
    assert!(before.iter().all(|position| *position < notice.position));
    assert!(notice.position < last);
    let stored = world.devices[0].engine().notices(chat, i64::MIN..=last);
    assert_eq!(stored.expect("they are readable"), [notice]);

    assert_eq!(world.devices[0].new_devices, []);
    assert_eq!(world.devices[1].new_devices, [new]);
    assert_eq!(world.devices[2].new_devices, []);
    for device in &world.devices[1..] {
        assert_eq!(device.notices, []);
    }
}

#[test]
fn who_takes_part_from_the_start_is_not_shown() {
    let mut world = World::talking(11, 2);
    world.must_settle();
    for device in &world.devices {
        assert_eq!(device.notices, []);
    }
}

#[test]
fn a_device_that_joins_again_with_its_own_key_is_no_news() {
    let mut world = with_a_new_device();
    for index in [1, 2] {
        let shown = world.devices[0].notices.len();
        join_again(&mut world, index);
        world.send_text(0);
        world.must_settle();
        assert_eq!(world.devices[0].notices.len(), shown, "device {index}");
    }
}

// A server that makes a device join again would hide who came meanwhile.
#[test]
fn who_came_while_a_device_was_out_of_the_conversation_is_shown_when_it_is_back() {
    let mut world = World::talking(11, 1);
    world.cut(0);
    world.add_device(1);
    while world.deliver_all() {}
    assert_eq!(world.devices[0].notices, []);
    join_again(&mut world, 0);
    let account = world.devices[1].session.account_id;
    let [notice] = &world.devices[0].notices[..] else {
        panic!("{:?}", world.devices[0].notices)
    };
    assert_eq!((notice.by, &notice.who[..]), (None, &[account][..]));
}

#[test]
fn members_and_their_devices_can_be_asked_for() {
    let mut world = with_a_new_device();
    let chat = world.devices[0].chat().expect("a conversation");
    let expected: Vec<_> = world.devices.iter().map(|device| device.session).collect();
    let engine = world.devices[0].engine();
    assert_eq!(
        engine
            .conversation(chat)
            .expect("it is readable")
            .expect("it is there")
            .state,
        ConversationState::Joined
    );
    let devices = engine.member_devices(chat).expect("the group loads");
    assert_eq!(devices.len(), expected.len());
    for (index, session) in expected.iter().enumerate() {
        let expected = MemberDevice {
            account_id: session.account_id,
            device_id: session.device_id,
            is_this_device: index == 0,
        };
        assert!(devices.contains(&expected), "{expected:?}");
    }
}

// Those that it left out were not added, and never got what was said before they had come in.
#[test]
fn a_conversation_begins_with_all_devices_whatever_the_server_says_of_them() {
    for lie in ["no-own-devices", "one-own-device"] {
        let plan = format!("15690539090554950248 2 2 send:147 lie:75:{lie}:3 up:227 down:91 up:103 down:11");
        let plan: Plan = plan.parse().expect("it is a plan");
        if let Err(error) = World::run(&plan) {
            panic!("{error}");
        }
    }
}
