//! What users choose for a conversation: it is the same on all devices of the account, and nobody else learns of it.

use std::time::Duration;

use subrosa_engine::{ChatSetting, ChatSettings, Command, Mute};

use crate::world::World;

/// Two accounts that have talked; the second one has two devices, at places 1 and 2.
fn world(seed: u64) -> World {
    let mut world = World::talking(seed, 1);
    world.must_settle();
    world.add_device(1);
    world.must_settle();
    world
}

fn set(world: &mut World, index: usize, setting: ChatSetting) {
    let chat = world.devices[index].chat().expect("it has the conversation");
    world
        .step(index, Command::SetChat(chat, setting))
        .expect("it is accepted");
}

fn settings(world: &mut World, index: usize) -> ChatSettings {
    let device = &mut world.devices[index];
    let chat = device.chat().expect("it has the conversation");
    let conversation = device.engine().conversation(chat).expect("it is readable");
    conversation.expect("there is one").settings
}

#[test]
fn what_is_chosen_on_one_device_holds_on_all_of_the_account_and_nowhere_else() {
    let mut world = world(301);
    for setting in [
        ChatSetting::Pinned(true),
        ChatSetting::Mute(Mute::ForEver),
        ChatSetting::MarkedUnread(true),
    ] {
        set(&mut world, 1, setting);
    }
    world.must_settle();
    let chosen = ChatSettings {
        mute: Mute::ForEver,
        is_pinned: true,
        is_archived: false,
        is_marked_unread: true,
    };
    assert_eq!(settings(&mut world, 1), chosen);
    assert_eq!(settings(&mut world, 2), chosen);
    assert_eq!(settings(&mut world, 0), ChatSettings::default());
    // Of two changes the later one counts, also where the other device was away.
    world.cut(2);
    set(&mut world, 1, ChatSetting::Pinned(false));
    world.must_settle();
    assert!(!settings(&mut world, 2).is_pinned);
    // Whoever opens the conversation has seen it.
    let chat = world.devices[2].chat().expect("it has the conversation");
    world.step(2, Command::MarkRead(chat)).expect("it is accepted");
    world.must_settle();
    assert!(!settings(&mut world, 1).is_marked_unread);
}

#[test]
fn what_is_archived_comes_back_when_something_is_said_unless_it_is_muted() {
    let mut world = world(302);
    set(&mut world, 1, ChatSetting::Archived(true));
    world.must_settle();
    for index in [1, 2] {
        assert!(settings(&mut world, index).is_archived, "device {index}");
    }
    world.wait(Duration::from_hours(2));
    world.send_text(0);
    world.must_settle();
    for index in [1, 2] {
        assert!(!settings(&mut world, index).is_archived, "device {index}");
    }
    set(&mut world, 2, ChatSetting::Archived(true));
    set(&mut world, 2, ChatSetting::Mute(Mute::ForEver));
    world.must_settle();
    world.wait(Duration::from_hours(2));
    world.send_text(0);
    world.must_settle();
    for index in [1, 2] {
        assert!(settings(&mut world, index).is_archived, "device {index}");
    }
}
