//! A malicious member in a group, at an honest server: whatever it does, the others go on.

use subrosa_engine::{Command, ConversationState, Warning, api::Role};

use crate::{
    action::{Action, Plan},
    groups::{gift, insist, removal},
    hostile::Malice,
    world::World,
};

/// Six people of whom five have a group; the first one owns it. The second one's account is malicious.
fn group(seed: u64) -> World {
    let mut world = World::with_group(&Plan {
        seed: seed * 4 + 1,
        accounts: 6,
        devices: 1,
        actions: Vec::new(),
    });
    for device in &mut world.devices {
        // A step that fails, or a refusal, is what is looked for.
        device.is_hostile = true;
    }
    world
}

const MALLORY: u8 = 1;

/// Everybody who is a member says something, and all members get it.
fn go_on(world: &mut World, members: &[usize]) {
    world.recover().expect("all come to rest");
    let from = world.texts.len();
    for index in members {
        world.send_text(*index);
        world.recover().expect("all come to rest");
    }
    assert_eq!(world.texts.len() - from, members.len());
    for index in members {
        let device = &mut world.devices[*index];
        assert_eq!(device.state(), ConversationState::Joined, "device {index}");
        assert_eq!(device.failures, Vec::<String>::new(), "device {index}");
        assert_eq!(device.recovered().quarantines, 0, "device {index}");
        let messages = device.messages();
        for text in &world.texts[from..] {
            let count = messages
                .iter()
                .filter(|message| message.text == text.text)
                .count();
            assert_eq!(count, 1, "{:?} on device {index}", text.text);
        }
    }
}

#[test]
fn members_who_cannot_open_a_commit_say_so_and_come_back() {
    let mut world = group(1);
    go_on(&mut world, &[0, 1, 2, 3, 4]);
    for _ in 0..3 {
        world.act(Action::Member(MALLORY, Malice::HalfPath));
        go_on(&mut world, &[0, 1, 2, 3, 4]);
    }
    let mut rejoins = 0;
    for index in 0..5 {
        let device = &mut world.devices[index];
        let count = device.recovered().rejoins;
        let is_told = device.warnings.iter().any(|warning| {
            matches!(
                warning,
                Warning::MemberMisbehaved { .. } | Warning::Unreadable { .. }
            )
        });
        assert!(count == 0 || is_told, "device {index} came back in silence");
        rejoins += count;
    }
    assert!(rejoins > 0, "all could open it");
}

#[test]
fn a_new_device_that_was_given_a_false_way_in_is_let_in_all_the_same() {
    let mut world = group(40);
    go_on(&mut world, &[0, 2, 3, 4]);
    world.act(Action::Member(MALLORY, Malice::FalseExternalKey));
    world.recover().expect("all come to rest");
    // Nobody can open the commit by which it comes in: they come in again after it, by the key that it has published.
    let new = world.devices.len();
    world.add_device(0);
    world.recover().expect("all come to rest");
    go_on(&mut world, &[0, 2, 3, 4, new]);
}

#[test]
fn whatever_a_member_puts_into_the_log_everybody_goes_on() {
    for (number, what) in (2..).zip(Malice::ALL) {
        let mut world = group(number);
        world.act(Action::Member(MALLORY, *what));
        go_on(&mut world, &[0, 2, 3, 4]);
    }
}

// A member whose device is faster each time could not be removed.
#[test]
fn a_member_who_commits_in_a_loop_is_removed() {
    let mut world = group(20);
    let command = removal(&mut world, 0, 1);
    insist(&mut world, 0, &command);
    for _ in 0..200 {
        // Whatever the owner sends, a commit of the member's has just come before it.
        world.act(Action::Member(MALLORY, Malice::Update));
        world.deliver_to_server(0);
        while world.devices[0]
            .link
            .as_ref()
            .is_some_and(|link| !link.to_device.is_empty())
        {
            world.deliver_to_device(0);
        }
        world.wait(std::time::Duration::from_millis(100));
    }
    for index in 2..5 {
        while world.deliver_all() {}
        let chat = world.devices[index].chat().expect("it has the group");
        let members = world.devices[index].engine().members(chat);
        let members = members.expect("members are readable");
        assert_eq!(members.len(), 4, "on device {index}");
    }
}

#[test]
fn roles_that_change_from_two_sides_at_once_end_the_same_for_all() {
    let mut world = group(30);
    let command = gift(&mut world, 0, 1, Role::Owner);
    insist(&mut world, 0, &command);
    world.recover().expect("all come to rest");
    // Each owner takes the other's role, in the same instant.
    let of_other = gift(&mut world, 0, 1, Role::Member);
    let of_first = gift(&mut world, 1, 0, Role::Member);
    insist(&mut world, 0, &of_other);
    insist(&mut world, 1, &of_first);
    go_on(&mut world, &[0, 1, 2, 3, 4]);
    let mut owners = Vec::new();
    for index in 0..5 {
        let chat = world.devices[index].chat().expect("it has the group");
        let members = world.devices[index].engine().members(chat);
        let members = members.expect("members are readable").into_iter();
        owners.push(
            members
                .filter(|member| member.role == Role::Owner)
                .map(|member| member.account_id)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(owners[0].len(), 1);
    assert!(owners.iter().all(|of_one| *of_one == owners[0]));
}

#[test]
fn names_that_no_honest_member_gives_are_refused_where_they_are_typed() {
    let mut world = group(40);
    let chat = world.devices[0].chat().expect("it has the group");
    let command = Command::Rename {
        chat,
        name: "n".repeat(1 << 20),
    };
    assert!(world.step(0, command).is_err());
    go_on(&mut world, &[0, 1, 2, 3, 4]);
}
