//! Notes to self: one conversation of an account, on all its devices.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use subrosa_engine::{Command, ConversationKind, ConversationState, content::SendToken};

use crate::{groups::insist, world::World};

/// The devices of one account. Device 1 is of another one.
const ALICE: [usize; 2] = [0, 2];

/// Writes a note, in whatever conversation the device has for that.
fn write(world: &mut World, index: usize, text: &str) {
    insist(world, index, &Command::OpenNotes);
    let me = world.devices[index].session.account_id;
    let chat = world.devices[index].engine().direct_chat_with(me);
    let mut rng = ChaCha20Rng::seed_from_u64(text.len() as u64 * 7 + index as u64);
    let command = Command::SendText {
        chat: chat.expect("it can be read").expect("there are notes"),
        text: text.to_owned(),
        token: SendToken::random(&mut rng),
    };
    insist(world, index, &command);
}

/// The notes on a device, in any order.
fn notes(world: &mut World, index: usize) -> Vec<String> {
    let me = world.devices[index].session.account_id;
    let engine = world.devices[index].engine();
    let all = engine.conversations().expect("they can be read");
    let mine: Vec<_> = all
        .iter()
        .filter(|conversation| conversation.kind == ConversationKind::NotesToSelf)
        .collect();
    let [only] = mine[..] else {
        panic!("{} conversations with oneself", mine.len())
    };
    assert_eq!(only.state, ConversationState::Joined);
    assert_eq!((only.with.clone(), only.unread), (None, 0));
    assert_eq!(
        engine.direct_chat_with(me).expect("it can be read"),
        Some(only.id)
    );
    let messages = engine.messages(only.id, None, 100).expect("they can be read");
    let mut texts: Vec<_> = messages.into_iter().map(|message| message.text).collect();
    texts.sort();
    texts
}

#[test]
fn what_is_noted_on_one_device_is_on_all_of_the_account_and_nowhere_else() {
    let mut world = World::talking(231, 2);
    write(&mut world, ALICE[0], "ladder");
    world.must_settle();
    write(&mut world, ALICE[1], "apples");
    world.must_settle();
    world.add_device(0);
    world.must_settle();
    let newest = world.devices.len() - 1;
    write(&mut world, newest, "from the new one");
    world.must_settle();
    for index in ALICE {
        assert_eq!(notes(&mut world, index), ["apples", "from the new one", "ladder"]);
    }
    assert_eq!(notes(&mut world, newest), ["from the new one"]);
    let others = world.devices[1]
        .engine()
        .conversations()
        .expect("they can be read");
    assert!(
        others
            .iter()
            .all(|conversation| conversation.kind == ConversationKind::Direct)
    );
    for device in &world.devices {
        assert_eq!(device.warnings, []);
    }
}

#[test]
fn of_two_devices_that_begin_them_at_once_neither_loses_a_note() {
    let mut world = World::talking(232, 2);
    for (index, text) in ALICE.into_iter().zip(["one", "two"]) {
        world.cut(index);
        write(&mut world, index, text);
    }
    world.must_settle();
    for index in ALICE {
        assert_eq!(notes(&mut world, index), ["one", "two"], "device {index}");
    }
}

#[test]
fn they_are_begun_whenever_the_device_crashes_over_it() {
    for commits in 0..10 {
        for is_before in [true, false] {
            let mut world = World::talking(240 + u64::from(commits), 2);
            world.devices[0].die_at(commits, is_before);
            write(&mut world, 0, "ladder");
            world.devices[2].die_at(commits, is_before);
            world.must_settle();
            for index in ALICE {
                assert_eq!(notes(&mut world, index), ["ladder"], "{commits}, device {index}");
            }
        }
    }
}
