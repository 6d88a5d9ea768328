//! A disk that is full in the middle of a step: an error, nothing of it kept, and on it goes when there is room.

use subrosa_engine::{
    Command, EngineError, Input, MessageStatus, content::SendToken, database::DatabaseError,
};
use subrosa_wire::limits::MESSAGE_TEXT_MAX;

use crate::world::World;

/// Room for the small steps of an engine, not for a long text.
const FEW_PAGES: u32 = 8;

fn assert_full(error: &EngineError) {
    assert!(
        matches!(error, EngineError::Database(DatabaseError::Full)),
        "{error}"
    );
}

#[test]
fn a_text_that_does_not_fit_on_the_disk_is_refused_and_can_be_sent_when_there_is_room() {
    let mut world = World::talking(12, 1);
    let now = world.now();
    let long = "x".repeat(MESSAGE_TEXT_MAX);
    let device = &mut world.devices[0];
    let before = device.messages();
    device.limit_disk(FEW_PAGES);
    let send = Command::SendText {
        chat: device.chat().expect("they have talked"),
        text: long.clone(),
        token: SendToken::from_bytes([1; 16]),
    };
    assert_full(&device.failing_step(now, send.clone()));
    assert_eq!(device.messages(), before);
    assert_eq!(device.engine().outbox_len().expect("it is readable"), 0);
    // The same again: an engine that has failed is not broken.
    assert_full(&device.failing_step(now, send.clone()));
    device.lift_limit();
    world.step(0, send).expect("nobody dies");
    world.must_settle();
    for index in 0..2 {
        let messages = world.devices[index].messages();
        let texts: Vec<_> = messages.iter().filter(|message| message.text == long).collect();
        assert_eq!((texts.len(), messages.len()), (1, 3), "device {index}");
    }
}

#[test]
fn a_text_that_does_not_fit_when_it_is_encrypted_leaves_when_there_is_room() {
    // It fits as a message, not as a ciphertext beside it.
    let mut world = World::talking(12, 1);
    world.cut(0);
    let now = world.now();
    let long = "x".repeat(MESSAGE_TEXT_MAX);
    let send = Command::SendText {
        chat: world.devices[0].chat().expect("they have talked"),
        text: long.clone(),
        token: SendToken::from_bytes([1; 16]),
    };
    world.step(0, send).expect("nobody dies");
    world.devices[0].limit_disk(FEW_PAGES);
    world.connect(0);
    let mut has_failed = false;
    while !has_failed {
        let frame = world
            .next_frame(0)
            .expect("the server answers until the disk is full");
        has_failed = match world.devices[0].try_step(now, Input::Received(Box::new(frame))) {
            Ok(()) => false,
            Err(error) => {
                assert_full(&error);
                true
            }
        };
    }
    let pending = world.devices[0].messages().pop().expect("it is there");
    assert_eq!(
        (pending.text.len(), pending.status),
        (MESSAGE_TEXT_MAX, MessageStatus::Pending)
    );
    world.devices[0].lift_limit();
    world.must_settle();
    assert_eq!(
        world.devices[1]
            .messages()
            .last()
            .map(|message| message.text.len()),
        Some(MESSAGE_TEXT_MAX)
    );
    assert_eq!(world.devices[1].messages().len(), 3);
}

#[test]
fn a_message_that_does_not_fit_on_the_disk_is_not_acknowledged_and_comes_when_there_is_room() {
    let mut world = World::talking(12, 1);
    let now = world.now();
    world.devices[1].limit_disk(FEW_PAGES);
    world.cut(1);
    world.connect(1);
    while world.deliver_all() {}
    let send = Command::SendText {
        chat: world.devices[0].chat().expect("they have talked"),
        text: "x".repeat(MESSAGE_TEXT_MAX),
        token: SendToken::from_bytes([1; 16]),
    };
    world.step(0, send).expect("nobody dies");
    let mut has_failed = false;
    while !has_failed {
        let frame = loop {
            world.deliver_to_server(0);
            world.deliver_to_device(0);
            if let Some(frame) = world.next_frame(1) {
                break frame;
            }
        };
        has_failed = match world.devices[1].try_step(now, Input::Received(Box::new(frame))) {
            Ok(()) => false,
            Err(error) => {
                assert_full(&error);
                true
            }
        };
    }
    assert_eq!(world.devices[1].messages().len(), 2);
    world.devices[1].lift_limit();
    world.must_settle();
    assert_eq!(world.devices[1].messages().len(), 3);
    let status = world.devices[0].messages().pop().map(|message| message.status);
    assert_eq!(status, Some(MessageStatus::Delivered));
}
