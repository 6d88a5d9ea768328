//! Names and pictures of people, between accounts with two devices each.

use subrosa_engine::Command;

use crate::{action::Action, recovery::deliver, world::World};

/// The devices of one account are 0 and 2. Device 1 is of the other account.
const ALICE: [usize; 2] = [0, 2];
const BOB: usize = 1;

/// The head of a PNG file of this width.
fn picture(width: u8) -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0";
    [&head[..], &[width, 0, 0, 0, 2, 8, 6, 0, 0, 0, 0, 0, 0, 0]].concat()
}

fn show(world: &mut World, index: usize, name: &str, width: u8) {
    let commands = [
        Command::SetName(Some(name.to_owned())),
        Command::SetPicture(Some(picture(width))),
    ];
    for command in commands {
        world.step(index, command).expect("it is kept");
    }
    deliver(world);
}

/// What a device shows of the account of another one.
fn seen(world: &mut World, index: usize, of: usize) -> (Option<String>, Option<Vec<u8>>) {
    let account = world.devices[of].session.account_id;
    let engine = world.devices[index].engine();
    let picture = engine.picture(account).expect("it can be read");
    let picture = picture.map(|picture| picture.as_bytes().to_vec());
    let name = if engine.me().account_id == account {
        engine.me().name.clone()
    } else {
        engine
            .contact(account)
            .expect("it can be read")
            .and_then(|contact| contact.name)
    };
    (name, picture)
}

fn shown(name: &str, width: u8) -> (Option<String>, Option<Vec<u8>>) {
    (Some(name.to_owned()), Some(picture(width)))
}

#[test]
fn a_picture_reaches_ones_own_devices_at_once_and_others_with_the_next_message() {
    let mut world = World::talking(91, 2);
    show(&mut world, ALICE[0], "Ada", 7);
    let own = seen(&mut world, ALICE[1], ALICE[0]).1;
    assert_eq!(own, Some(picture(7)), "the other device of the account");
    world.send_text(ALICE[0]);
    world.must_settle();
    assert_eq!(seen(&mut world, BOB, ALICE[0]), shown("Ada", 7));
}

#[test]
fn a_new_device_shows_names_and_pictures_before_anybody_writes() {
    let mut world = World::talking(92, 2);
    show(&mut world, BOB, "Bob the builder", 5);
    world.send_text(BOB);
    world.must_settle();
    world.cut(BOB);
    world.cut(3);
    world.add_device(0);
    let newest = world.devices.len() - 1;
    deliver(&mut world);
    for _ in 0..20 {
        world.wait(std::time::Duration::from_secs(1));
        deliver(&mut world);
    }
    assert_eq!(seen(&mut world, newest, BOB), shown("Bob the builder", 5));
}

#[test]
fn a_picture_survives_a_server_that_goes_back() {
    let mut world = World::talking(93, 2);
    world.act(Action::Keep);
    show(&mut world, ALICE[0], "Ada", 7);
    for index in 0..world.devices.len() {
        world.cut(index);
    }
    world.act(Action::RollBack);
    world.must_settle();
    world.send_text(ALICE[1]);
    world.must_settle();
    world.send_text(ALICE[0]);
    world.must_settle();
    assert_eq!(seen(&mut world, BOB, ALICE[0]).1, Some(picture(7)));
}

#[test]
fn of_two_devices_that_change_the_picture_at_once_one_wins_everywhere() {
    let mut world = World::talking(94, 2);
    for (index, width) in ALICE.into_iter().zip([3, 4]) {
        world.cut(index);
        let command = Command::SetPicture(Some(picture(width)));
        world.step(index, command).expect("it is kept");
        world.wait(std::time::Duration::from_secs(1));
    }
    world.must_settle();
    world.send_text(ALICE[0]);
    world.must_settle();
    world.send_text(ALICE[1]);
    world.must_settle();
    for (index, of) in [(ALICE[0], ALICE[0]), (ALICE[1], ALICE[0]), (BOB, ALICE[0])] {
        assert_eq!(seen(&mut world, index, of).1, Some(picture(4)), "device {index}");
    }
}
