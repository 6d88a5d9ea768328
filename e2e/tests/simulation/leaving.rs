//! Leaving a group by oneself: with all devices and the role, whoever does what meanwhile, and whoever crashes over it.

use std::time::Duration;

use subrosa_engine::{
    Command, CommandError, ConversationState, GivenUp, NoticeKind, Role, Warning, content::SendToken,
};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::{
    action::Action,
    device::Device,
    groups::{
        account, add, agree, chat, club, create, end_with, gift, group, insist, lines, members, refusal,
        removal, say, texts,
    },
    world::{RETENTION, World},
};

pub(crate) fn leave(world: &mut World, index: usize, successor: Option<usize>) -> Command {
    Command::Leave {
        chat: chat(&mut world.devices[index]),
        successor: successor.map(|index| account(world, index)),
    }
}

/// Lets the other devices of whoever has left find out.
fn rest(world: &mut World) {
    for _ in 0..3 {
        world.must_settle();
        world.wait(Duration::from_secs(15));
        while world.deliver_all() {}
    }
}

/// Expects that a device is out of the group for good, without a warning.
fn is_out(world: &mut World, index: usize) {
    let device = &mut world.devices[index];
    assert_eq!(
        group(device).map(|group| group.state),
        Some(ConversationState::Removed),
        "device {index}"
    );
    assert_eq!(device.warnings, [], "device {index}");
}

#[test]
fn whoever_leaves_is_out_at_once_and_everybody_sees_it() {
    let mut world = club(1, 3);
    say(&mut world, 0, "before");
    world.must_settle();
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    agree(&mut world, &[0, 1]);
    is_out(&mut world, 2);
    let carol = account(&world, 2);
    end_with(&world, 3, &(NoticeKind::Left, Some(carol), vec![carol]));
    // What is said afterwards is not for her, and she cannot say anything.
    say(&mut world, 1, "without Carol");
    agree(&mut world, &[0, 1]);
    assert_eq!(texts(&mut world.devices[0]), ["before", "without Carol"]);
    assert_eq!(texts(&mut world.devices[2]), ["before"]);
    let device = &mut world.devices[2];
    let command = Command::SendText {
        chat: chat(device),
        text: "still here?".to_owned(),
        token: SendToken::random(&mut ChaCha20Rng::seed_from_u64(1)),
    };
    assert_eq!(refusal(&mut world, 2, command), CommandError::NotAMember);
    let command = leave(&mut world, 2, None);
    assert_eq!(refusal(&mut world, 2, command), CommandError::NotAMember);
}

#[test]
fn what_was_said_before_leaving_is_sent_first() {
    let mut world = club(2, 3);
    world.cut(2);
    say(&mut world, 2, "goodbye");
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    agree(&mut world, &[0, 1]);
    is_out(&mut world, 2);
    assert_eq!(texts(&mut world.devices[0]), ["goodbye"]);
}

#[test]
fn whoever_leaves_takes_all_devices_along() {
    let mut world = club(3, 3);
    world.add_device(2);
    world.add_device(2);
    world.must_settle();
    assert_eq!(
        group(&mut world.devices[4]).map(|group| group.state),
        Some(ConversationState::Joined)
    );
    // One of them is away.
    world.cut(4);
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    while world.deliver_all() {}
    rest(&mut world);
    agree(&mut world, &[0, 1]);
    for index in 2..5 {
        is_out(&mut world, index);
    }
    let carol = account(&world, 2);
    for device in &world.devices[2..5] {
        let left = (NoticeKind::Left, Some(carol), vec![carol]);
        assert_eq!(lines(device).last(), Some(&left));
    }
    // And nobody comes back by oneself.
    say(&mut world, 0, "without Carol");
    agree(&mut world, &[0, 1]);
    for index in 2..5 {
        is_out(&mut world, index);
    }
}

// The wish to leave was replaced when the account's other devices were out already: they came back and lacked messages.
#[test]
fn whoever_is_leaving_gives_themselves_no_role_any_more() {
    let mut world = club(21, 3);
    let command = gift(&mut world, 0, 2, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    world.cut(2);
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    let command = gift(&mut world, 2, 2, Role::Member);
    assert_eq!(refusal(&mut world, 2, command), CommandError::NotAMember);
    world.must_settle();
    is_out(&mut world, 2);
    agree(&mut world, &[0, 1]);
}

#[test]
fn an_admin_who_leaves_is_none_any_more() {
    let mut world = club(4, 3);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    let command = leave(&mut world, 1, None);
    insist(&mut world, 1, &command);
    agree(&mut world, &[0, 2]);
    is_out(&mut world, 1);
    add(&mut world, 2, &[1]);
    agree(&mut world, &[0, 1, 2]);
    let bob = account(&world, 1);
    assert!(members(&mut world.devices[0]).contains(&(bob, Role::Member)));
}

#[test]
fn the_last_owner_names_a_successor() {
    let mut world = club(5, 3);
    let command = leave(&mut world, 0, None);
    assert_eq!(refusal(&mut world, 0, command), CommandError::LastOwner);
    let command = leave(&mut world, 0, Some(0));
    assert_eq!(refusal(&mut world, 0, command), CommandError::LastOwner);
    let command = leave(&mut world, 0, Some(1));
    insist(&mut world, 0, &command);
    agree(&mut world, &[1, 2]);
    is_out(&mut world, 0);
    let bob = account(&world, 1);
    assert!(members(&mut world.devices[2]).contains(&(bob, Role::Owner)));
}

#[test]
fn whoever_is_alone_leaves_without_a_successor() {
    let mut world = World::of_accounts(6, 2);
    let command = create(&world, &[]);
    insist(&mut world, 0, &command);
    world.must_settle();
    let command = leave(&mut world, 0, None);
    insist(&mut world, 0, &command);
    world.must_settle();
    is_out(&mut world, 0);
}

#[test]
fn a_last_owner_whose_successor_is_gone_stays_and_is_told() {
    let mut world = club(7, 3);
    let command = gift(&mut world, 0, 2, Role::Owner);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    world.cut(0);
    let command = leave(&mut world, 0, Some(1));
    insist(&mut world, 0, &command);
    // Meanwhile the other owner gives up the role.
    let command = gift(&mut world, 2, 2, Role::Member);
    insist(&mut world, 2, &command);
    while world.deliver_all() {}
    world.must_settle();
    let chat = chat(&mut world.devices[0]);
    let alice = account(&world, 0);
    assert_eq!(
        world.devices[0].warnings,
        [Warning::ChangeGivenUp {
            chat,
            account: alice,
            why: GivenUp::LastOwner
        }]
    );
    world.devices[0].warnings.clear();
    agree(&mut world, &[0, 1, 2]);
}

#[test]
fn several_leave_at_once_and_others_talk_meanwhile() {
    let mut world = club(8, 5);
    add(&mut world, 0, &[3, 4]);
    agree(&mut world, &[0, 1, 2, 3, 4]);
    for index in [2, 3] {
        let command = leave(&mut world, index, None);
        insist(&mut world, index, &command);
    }
    say(&mut world, 0, "meanwhile");
    say(&mut world, 1, "of Bob");
    let command = removal(&mut world, 0, 4);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1]);
    for index in [2, 3, 4] {
        is_out(&mut world, index);
    }
    assert_eq!(texts(&mut world.devices[0]).len(), 2);
    assert_eq!(texts(&mut world.devices[0]), texts(&mut world.devices[1]));
}

#[test]
fn whoever_has_left_can_be_added_again_and_goes_on_in_the_same_conversation() {
    let mut world = club(9, 3);
    say(&mut world, 2, "before");
    world.must_settle();
    let first = chat(&mut world.devices[2]);
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    agree(&mut world, &[0, 1]);
    say(&mut world, 0, "not for Carol");
    agree(&mut world, &[0, 1]);
    // Her messages stay hers.
    let former = |device: &mut Device| {
        let chat = chat(device);
        let people = device.engine().former_members(chat).expect("they can be read");
        people.iter().map(|person| person.account_id).collect::<Vec<_>>()
    };
    let carol = account(&world, 2);
    assert_eq!(former(&mut world.devices[0]), [carol]);
    add(&mut world, 1, &[2]);
    agree(&mut world, &[0, 1, 2]);
    say(&mut world, 2, "back again");
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(chat(&mut world.devices[2]), first);
    assert_eq!(texts(&mut world.devices[2]), ["before", "back again"]);
    assert_eq!(former(&mut world.devices[0]), []);
}

#[test]
fn a_new_device_comes_in_while_somebody_is_leaving() {
    let mut world = club(10, 3);
    // Nobody says anything afterwards: she stays in the tree until the new device comes in.
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    agree(&mut world, &[0, 1]);
    world.add_device(1);
    world.must_settle();
    assert_eq!(
        group(&mut world.devices[3]).map(|group| group.state),
        Some(ConversationState::Joined)
    );
    assert_eq!(members(&mut world.devices[3]), members(&mut world.devices[0]));
    say(&mut world, 3, "from the new one");
    world.must_settle();
    assert_eq!(texts(&mut world.devices[0]), ["from the new one"]);
}

#[test]
fn a_device_that_lost_its_way_comes_back_while_somebody_is_leaving() {
    let mut world = club(11, 4);
    add(&mut world, 0, &[3]);
    agree(&mut world, &[0, 1, 2, 3]);
    world.devices[1].back_up();
    say(&mut world, 1, "after the copy");
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    agree(&mut world, &[0, 1, 3]);
    world.cut(1);
    world.devices[1].put_back();
    for _ in 0..3 {
        world.must_settle();
        world.wait(Duration::from_mins(6));
    }
    say(&mut world, 1, "back again");
    world.must_settle();
    assert_eq!(members(&mut world.devices[1]), members(&mut world.devices[0]));
    assert!(texts(&mut world.devices[0]).contains(&"back again".to_owned()));
    is_out(&mut world, 2);
}

#[test]
fn leaving_survives_a_crash_at_every_step() {
    for commits in 0..12 {
        for is_before in [true, false] {
            let mut world = club(200 + u64::from(commits), 3);
            world.add_device(2);
            world.must_settle();
            world.devices[2].die_at(commits, is_before);
            world.devices[3].die_at(commits, is_before);
            world.devices[0].die_at(commits, is_before);
            let command = leave(&mut world, 2, None);
            insist(&mut world, 2, &command);
            agree(&mut world, &[0, 1]);
            say(&mut world, 0, "two are left");
            agree(&mut world, &[0, 1]);
            assert_eq!(texts(&mut world.devices[1]), ["two are left"]);
            rest(&mut world);
            for index in [2, 3] {
                is_out(&mut world, index);
            }
        }
    }
}

// Everybody else had it, and no commit of this device was taken any more.
#[test]
fn whoever_was_not_shown_that_somebody_left_because_the_log_is_gone_goes_on() {
    let mut world = club(12, 3);
    world.cut(0);
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    while world.deliver_all() {}
    // Nobody commits meanwhile.
    world.cut(1);
    world.wait(RETENTION * 2);
    world.prune();
    world.connect(0);
    let go_on = |world: &mut World| {
        for _ in 0..20 {
            while world.deliver_all() {}
            world.wait(Duration::from_secs(30));
        }
    };
    go_on(&mut world);
    say(&mut world, 0, "still here");
    go_on(&mut world);
    rest(&mut world);
    assert_eq!(texts(&mut world.devices[1]), ["still here"]);
    assert_eq!(members(&mut world.devices[0]), members(&mut world.devices[1]));
    assert_eq!(members(&mut world.devices[0]).len(), 2);
}

#[test]
fn whoever_has_left_stays_out_when_the_server_forgets_it() {
    let mut world = club(13, 3);
    world.act(Action::Keep);
    let command = leave(&mut world, 2, None);
    insist(&mut world, 2, &command);
    agree(&mut world, &[0, 1]);
    for index in 0..3 {
        world.cut(index);
    }
    world.act(Action::RollBack);
    world.connect(2);
    for _ in 0..10 {
        while world.deliver_all() {}
        world.wait(Duration::from_mins(1));
    }
    let state = |world: &mut World| group(&mut world.devices[2]).map(|group| group.state);
    assert_eq!(state(&mut world), Some(ConversationState::Removed));
    // The others put it back.
    rest(&mut world);
    say(&mut world, 0, "two are left");
    rest(&mut world);
    assert_eq!(texts(&mut world.devices[1]), ["two are left"]);
    assert_eq!(members(&mut world.devices[0]).len(), 2);
    assert_eq!(members(&mut world.devices[0]), members(&mut world.devices[1]));
    assert_eq!(state(&mut world), Some(ConversationState::Removed));
}
