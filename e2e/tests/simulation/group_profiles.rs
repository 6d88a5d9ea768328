//! What the members of a group say about it: everybody shows the same name, description and picture in the end.

use std::time::Duration;

use subrosa_engine::{Command, CommandError, NewGroup, NoticeKind, Rights, Role};
use subrosa_wire::ConversationId;

use crate::{
    action::Action,
    groups::{account, agree, chat, club, end_with, gift, group, insist, lines, refusal, say},
    leaving::leave,
    world::World,
};

/// The head of a PNG file of this width.
fn picture(width: u8) -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0";
    [&head[..], &[width, 0, 0, 0, 2, 8, 6, 0, 0, 0, 0, 0, 0, 0]].concat()
}

fn describe(world: &mut World, index: usize, description: &str) -> Command {
    Command::Describe {
        chat: chat(&mut world.devices[index]),
        description: description.to_owned(),
    }
}

fn give(world: &mut World, index: usize, picture: Option<Vec<u8>>) -> Command {
    Command::SetGroupPicture {
        chat: chat(&mut world.devices[index]),
        picture,
    }
}

fn rename(world: &mut World, index: usize, name: &str) -> Command {
    Command::Rename {
        chat: chat(&mut world.devices[index]),
        name: name.to_owned(),
    }
}

/// What a device shows of the group: name, description, picture.
fn shown(world: &mut World, index: usize) -> (String, String, Option<Vec<u8>>) {
    let device = &mut world.devices[index];
    let id = chat(device);
    let picture = device.engine().group_picture(id).expect("it can be read");
    let group = group(device).expect("a group");
    assert_eq!(group.picture.is_some(), picture.is_some());
    (
        group.title.unwrap_or_default(),
        group.description.unwrap_or_default(),
        picture.map(|picture| picture.as_bytes().to_vec()),
    )
}

fn expect(world: &mut World, indexes: &[usize], name: &str, description: &str, file: Option<u8>) {
    for index in indexes {
        assert_eq!(
            shown(world, *index),
            (name.to_owned(), description.to_owned(), file.map(picture)),
            "device {index}"
        );
    }
}

#[test]
fn everybody_is_told_what_a_new_group_is_about_and_what_it_looks_like() {
    let mut world = World::of_accounts(201, 3);
    let rights = Rights {
        post: Role::Admin,
        ..Rights::DEFAULT
    };
    let command = Command::CreateGroup {
        conversation_id: ConversationId::from_bytes(*b"one of the group"),
        group: NewGroup {
            description: " We meet\non Saturdays ".to_owned(),
            picture: Some(picture(7)),
            rights,
            ..NewGroup::named("Harvest")
        },
        people: vec![world.person(1), world.person(2)],
    };
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    expect(
        &mut world,
        &[0, 1, 2],
        "Harvest",
        "We meet\non Saturdays",
        Some(7),
    );
    for index in 0..3 {
        let device = &mut world.devices[index];
        let id = chat(device);
        let policy = device.engine().policy(id).expect("it can be read");
        assert_eq!(policy.map(|policy| *policy.rights()), Some(rights));
    }
    // Nobody is told that the rights have changed.
    let kinds: Vec<_> = lines(&world.devices[0]).into_iter().map(|line| line.0).collect();
    assert_eq!(kinds, [NoticeKind::Created, NoticeKind::PictureChanged]);
}

#[test]
fn a_change_is_a_line_for_everybody_and_only_those_who_may_make_it() {
    let mut world = club(202, 3);
    for command in [
        describe(&mut world, 1, "Bob's"),
        give(&mut world, 1, Some(picture(9))),
    ] {
        assert_eq!(refusal(&mut world, 1, command), CommandError::NotPermitted);
    }
    let alice = account(&world, 0);
    let command = describe(&mut world, 0, "Apples");
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    end_with(&world, 3, &(NoticeKind::DescriptionChanged, Some(alice), vec![]));
    let command = give(&mut world, 0, Some(picture(7)));
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    end_with(&world, 3, &(NoticeKind::PictureChanged, Some(alice), vec![]));
    expect(&mut world, &[0, 1, 2], "Harvest", "Apples", Some(7));
    let lines_before = lines(&world.devices[0]).len();
    // What is so already is no change.
    for command in [
        describe(&mut world, 0, "Apples "),
        give(&mut world, 0, Some(picture(7))),
        rename(&mut world, 0, "Harvest"),
    ] {
        insist(&mut world, 0, &command);
    }
    agree(&mut world, &[0, 1, 2]);
    assert_eq!(lines(&world.devices[0]).len(), lines_before);
    for command in [describe(&mut world, 0, " "), give(&mut world, 0, None)] {
        insist(&mut world, 0, &command);
    }
    agree(&mut world, &[0, 1, 2]);
    expect(&mut world, &[0, 1, 2], "Harvest", "", None);
}

#[test]
fn what_is_no_description_and_no_picture_is_refused() {
    let mut world = club(203, 3);
    let long = "a".repeat(2049);
    for text in ["a\0b", long.as_str()] {
        let command = describe(&mut world, 0, text);
        let refused = refusal(&mut world, 0, command);
        assert!(matches!(refused, CommandError::Description(_)), "{refused}");
    }
    let mut bomb = picture(7);
    bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    for bytes in [vec![], b"GIF89a".to_vec(), picture(7)[..20].to_vec(), bomb] {
        let command = give(&mut world, 0, Some(bytes));
        let refused = refusal(&mut world, 0, command);
        assert!(matches!(refused, CommandError::Picture(_)), "{refused}");
    }
}

// The device that renamed the group showed the other's name for ever, and everybody else its own.
#[test]
fn of_two_who_change_the_same_at_once_the_later_in_the_log_wins_everywhere() {
    let mut world = club(204, 3);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    for (index, width) in [(0, 3), (1, 4)] {
        world.cut(index);
        let name = format!("by {index}");
        for command in [
            rename(&mut world, index, &name),
            describe(&mut world, index, &name),
            give(&mut world, index, Some(picture(width))),
        ] {
            insist(&mut world, index, &command);
        }
    }
    agree(&mut world, &[0, 1, 2]);
    let everywhere = shown(&mut world, 2);
    for index in 0..2 {
        assert_eq!(shown(&mut world, index), everywhere, "device {index}");
    }
}

#[test]
fn whoever_is_added_later_is_told_at_once_by_whoever_adds_them() {
    let mut world = club(205, 4);
    for command in [
        describe(&mut world, 0, "Apples"),
        give(&mut world, 0, Some(picture(7))),
    ] {
        insist(&mut world, 0, &command);
    }
    agree(&mut world, &[0, 1, 2]);
    world.cut(0);
    crate::groups::add(&mut world, 1, &[3]);
    while world.deliver_all() {}
    expect(&mut world, &[3], "Harvest", "Apples", Some(7));
    agree(&mut world, &[0, 1, 2, 3]);
}

#[test]
fn a_member_who_may_not_is_believed_by_newcomers_until_somebody_speaks_who_may() {
    let mut world = club(206, 4);
    let command = describe(&mut world, 0, "Apples");
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    // Bob was an admin once, and knows an older description.
    world.cut(2);
    crate::groups::add(&mut world, 1, &[3]);
    while world.deliver_all() {}
    say(&mut world, 0, "hello");
    agree(&mut world, &[0, 1, 2, 3]);
    let command = describe(&mut world, 0, "Pears");
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2, 3]);
    expect(&mut world, &[0, 1, 2, 3], "Harvest", "Pears", None);
}

#[test]
fn a_new_device_knows_the_group_before_anybody_writes() {
    let mut world = club(207, 3);
    for command in [
        describe(&mut world, 0, "Apples"),
        give(&mut world, 0, Some(picture(7))),
    ] {
        insist(&mut world, 0, &command);
    }
    agree(&mut world, &[0, 1, 2]);
    world.add_device(1);
    let newest = world.devices.len() - 1;
    for other in [0, 2] {
        world.cut(other);
    }
    for _ in 0..20 {
        world.wait(Duration::from_secs(1));
        while world.deliver_all() {}
    }
    expect(&mut world, &[newest], "Harvest", "Apples", Some(7));
}

#[test]
fn a_picture_of_a_group_survives_a_server_that_goes_back() {
    let mut world = club(208, 4);
    world.act(Action::Keep);
    let command = give(&mut world, 0, Some(picture(7)));
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    for index in 0..world.devices.len() {
        world.cut(index);
    }
    world.act(Action::RollBack);
    world.must_settle();
    for device in &mut world.devices {
        device.warnings.clear();
    }
    crate::groups::add(&mut world, 1, &[3]);
    world.must_settle();
    expect(&mut world, &[0, 1, 2, 3], "Harvest", "", Some(7));
}

#[test]
fn a_change_is_made_whenever_its_device_crashes_over_it() {
    for commits in 0..10 {
        for is_before in [true, false] {
            let mut world = club(210 + u64::from(commits), 3);
            for command in [
                describe(&mut world, 0, "Apples"),
                give(&mut world, 0, Some(picture(7))),
                rename(&mut world, 0, "Winter"),
            ] {
                world.devices[0].die_at(commits, is_before);
                insist(&mut world, 0, &command);
                world.devices[1].die_at(commits, is_before);
                world.must_settle();
            }
            agree(&mut world, &[0, 1, 2]);
            expect(&mut world, &[0, 1, 2], "Winter", "Apples", Some(7));
        }
    }
}

#[test]
fn somebody_who_loses_the_right_meanwhile_changes_nothing() {
    let mut world = club(220, 3);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    world.cut(1);
    for command in [
        rename(&mut world, 1, "Bob's"),
        describe(&mut world, 1, "Bob's"),
        give(&mut world, 1, Some(picture(9))),
    ] {
        insist(&mut world, 1, &command);
    }
    let command = gift(&mut world, 0, 1, Role::Member);
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    world.must_settle();
    say(&mut world, 0, "hello");
    world.must_settle();
    // Not even on Bob's device.
    expect(&mut world, &[0, 1, 2], "Harvest", "", None);
}

#[test]
fn the_picture_stays_when_whoever_gave_it_leaves() {
    let mut world = club(221, 4);
    let command = give(&mut world, 0, Some(picture(7)));
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    let command = leave(&mut world, 0, Some(1));
    insist(&mut world, 0, &command);
    world.must_settle();
    crate::groups::add(&mut world, 1, &[3]);
    agree(&mut world, &[1, 2, 3]);
    expect(&mut world, &[1, 2, 3], "Harvest", "", Some(7));
}

// The member who had added them was not believed, and the owner had nothing more to say.
#[test]
fn whoever_was_out_while_the_group_was_renamed_knows_its_name_when_they_are_back() {
    let mut world = club(222, 4);
    let command = crate::groups::removal(&mut world, 0, 2);
    insist(&mut world, 0, &command);
    world.must_settle();
    for command in [rename(&mut world, 0, "Winter"), describe(&mut world, 0, "Pears")] {
        insist(&mut world, 0, &command);
    }
    world.must_settle();
    crate::groups::add(&mut world, 1, &[2]);
    world.must_settle();
    say(&mut world, 0, "hello");
    agree(&mut world, &[0, 1, 2]);
    expect(&mut world, &[0, 1, 2], "Winter", "Pears", None);
}

#[test]
fn a_device_that_has_missed_a_change_hears_of_it_from_another_of_its_account() {
    let mut world = club(223, 3);
    world.add_device(1);
    world.must_settle();
    let newest = world.devices.len() - 1;
    world.cut(1);
    let command = rename(&mut world, 0, "Winter");
    insist(&mut world, 0, &command);
    while world.deliver_all() {}
    assert_eq!(shown(&mut world, newest).0, "Winter");
    world.wait(crate::world::RETENTION * 2);
    while world.deliver_all() {}
    world.prune();
    // What the other device knows comes before this one has found its way back, and the connection ends in between.
    world.must_settle();
    world.recover().expect("all come to rest");
    assert_eq!(shown(&mut world, 1).0, "Winter");
}

// The picture stood in the outbox when its author was removed, and was shown to nobody else ever after.
#[test]
fn what_was_not_told_before_a_removal_is_forgotten_with_it() {
    let mut world = club(224, 3);
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    agree(&mut world, &[0, 1, 2]);
    world.cut(1);
    for command in [
        rename(&mut world, 1, "Bob's"),
        give(&mut world, 1, Some(picture(9))),
    ] {
        insist(&mut world, 1, &command);
    }
    let command = crate::groups::removal(&mut world, 0, 1);
    insist(&mut world, 0, &command);
    world.must_settle();
    crate::groups::add(&mut world, 0, &[1]);
    world.must_settle();
    let command = gift(&mut world, 0, 1, Role::Admin);
    insist(&mut world, 0, &command);
    world.must_settle();
    expect(&mut world, &[0, 1, 2], "Harvest", "", None);
}
