//! A conversation that the server no longer has, or in whose place it shows another one. Nobody waits for it in silence,
//! and nobody is led by it into an older state.

use subrosa_e2e::tampering::{EachFrame, Honest};
use subrosa_engine::{Command, ConversationState};
use subrosa_wire::{
    ProblemCode,
    frames::{Problem, ServerFrame, append, client_frame::Request, server_frame::Body},
};

use crate::{
    action::{Action, Plan},
    recovery::{assert_all_have, deliver, go_on, told},
    world::World,
};

/// The user lets a conversation go on that waits for a decision.
fn try_again(world: &mut World, index: usize) {
    assert_eq!(world.devices[index].state(), ConversationState::CutOff);
    assert_ne!(told(world, index), [], "device {index} says nothing");
    let chat = world.devices[index].chat().expect("it has the conversation");
    world
        .step(index, Command::TryAgain(chat))
        .expect("it is accepted");
    world.must_settle();
    told(world, index);
}

/// The server goes back to before the conversation, nobody can put it back, and both users let it go on.
fn begin_anew(world: &mut World) {
    world.act(Action::RollBack);
    forget_the_log(world);
    if let Err(error) = world.recover() {
        panic!("{error}");
    }
    for index in [0, 1] {
        try_again(world, index);
    }
    assert_one_conversation(world);
}

fn assert_one_conversation(world: &mut World) {
    for (index, device) in world.devices.iter_mut().enumerate() {
        let conversations = device
            .engine()
            .conversations()
            .expect("conversations are readable");
        assert_eq!(conversations.len(), 1, "device {index}: {conversations:?}");
    }
}

// The row of the made-up conversation and the one of the real conversation stood side by side.
#[test]
fn a_conversation_that_was_created_is_found_under_its_id_whatever_the_server_said_of_it() {
    let mut world = World::new(31, 1);
    let mut is_done = false;
    world.lie_to(
        1,
        EachFrame(move |mut frame: ServerFrame| {
            if !is_done && matches!(frame.body, Some(Body::Appended(_))) {
                is_done = true;
                frame.body = Some(Body::Problem(Problem {
                    conversation_id: vec![9; 16].into(),
                    ..Problem::new(ProblemCode::ConversationExists, "")
                }));
            }
            vec![frame]
        }),
    );
    world.send_text(1);
    deliver(&mut world);
    world.lie_to(1, Honest);
    world.must_settle();
    assert_all_have(&mut world, 0);
    assert_one_conversation(&mut world);
    go_on(&mut world);
}

/// The devices no longer have what they would put back.
fn forget_the_log(world: &mut World) {
    for device in &mut world.devices {
        device.with_database(|database| {
            database
                .execute_batch(
                    "DELETE FROM raw_entries; DELETE FROM log_hashes; UPDATE conversations SET chain = NULL",
                )
                .expect("the tables are there");
        });
    }
}

// It stayed as it was, and nobody knew.
#[test]
fn a_conversation_that_is_gone_is_cut_off_until_the_user_begins_it_anew() {
    let mut world = World::new(32, 1);
    world.act(Action::Keep);
    for index in [0, 1] {
        world.send_text(index);
        world.must_settle();
    }
    for index in [0, 1] {
        world.cut(index);
    }
    begin_anew(&mut world);
    go_on(&mut world);
}

// What had been said to somebody who was away was never sent again.
#[test]
fn a_conversation_that_is_begun_anew_has_what_the_old_one_had() {
    let mut world = World::new(35, 1);
    world.act(Action::Keep);
    for index in [0, 1] {
        world.send_text(index);
        world.must_settle();
    }
    world.cut(1);
    for _ in 0..3 {
        world.send_text(0);
        deliver(&mut world);
    }
    world.cut(0);
    begin_anew(&mut world);
    assert_all_have(&mut world, 0);
    go_on(&mut world);
}

// The one that was gone took the place of the one that was there, and what was written waited for ever.
#[test]
fn of_two_conversations_with_one_person_the_one_that_the_server_has_is_used() {
    let mut world = World::new(33, 1);
    // Device 1 sees another server.
    world.act(Action::Fork(0b10));
    for index in [0, 1] {
        world.send_text(index);
        deliver(&mut world);
    }
    world.act(Action::EndFork);
    deliver(&mut world);
    try_again(&mut world, 1);
    assert_one_conversation(&mut world);
    go_on(&mut world);
}

// It was an epoch ahead, at the same place of the log, and its message waited for ever.
#[test]
fn a_device_that_is_ahead_of_a_server_that_went_back_does_not_wait_for_ever() {
    let plan = "778863455365658611 2 1 wait:60000 send:32 roll-back keep read:223 up:50 down:114 up:45 send:5 up:140 \
                down:82 roll-back up:163 down:183 up:215";
    holds(plan);
}

// The device kept the made-up conversation, and could never enter the one that has the id.
#[test]
fn an_id_that_a_made_up_conversation_has_taken_is_given_back_to_the_conversation_whose_it_is() {
    holds("8675778764419755601 2 1 add:224 up:17 down:137 up:197 lie:23:foreign-welcome:2 up:11 down:32");
}

fn holds(plan: &str) {
    let plan: Plan = plan.parse().expect("it is a plan");
    if let Err(error) = World::run(&plan) {
        panic!("{error}");
    }
}

// What was said to be gone and came back was entered in whatever state it was shown.
#[test]
fn a_conversation_that_is_said_to_be_gone_is_not_entered_in_an_older_state() {
    let mut world = World::talking(34, 1);
    let fetch = world.devices[1].fetch_group();
    let Some(Body::GroupState(old)) = world.ask(1, fetch).body else {
        panic!("there is a group");
    };
    for index in [0, 1, 0] {
        world.wait(std::time::Duration::from_mins(2));
        world.send_text(index);
        world.must_settle();
    }

    let not_a_member = || Some(Body::Problem(Problem::new(ProblemCode::NotAMember, "")));
    world.lie_to(
        1,
        EachFrame(move |mut frame: ServerFrame| {
            match &mut frame.body {
                Some(Body::SyncState(state)) => state.conversations.clear(),
                Some(Body::Appended(_) | Body::GroupState(_)) => frame.body = not_a_member(),
                _ => {}
            }
            vec![frame]
        }),
    );
    world.cut(1);
    world.connect(1);
    world.send_text(1);
    for _ in 0..5 {
        deliver(&mut world);
        world.wait(std::time::Duration::from_mins(2));
    }
    assert_eq!(world.devices[1].state(), ConversationState::CutOff);

    world.lie_to(
        1,
        EachFrame(move |mut frame: ServerFrame| {
            match &mut frame.body {
                Some(Body::SyncState(state)) => {
                    for head in &mut state.conversations {
                        (head.member, head.head_seq, head.epoch) = (false, old.head_seq, old.epoch);
                    }
                }
                Some(Body::GroupState(state)) => state.clone_from(&old),
                Some(Body::LogPage(page)) => {
                    page.entries.retain(|entry| entry.seq <= old.head_seq);
                    page.head_seq = old.head_seq;
                    page.head_hash.clone_from(&old.head_hash);
                }
                // It does not take what it is given.
                Some(Body::LogRestored(restored)) => {
                    restored.head_seq = old.head_seq;
                    restored.head_hash.clone_from(&old.head_hash);
                }
                _ => {}
            }
            vec![frame]
        }),
    );
    world.cut(1);
    world.connect(1);
    for _ in 0..200 {
        let link = world.devices[1].link.as_ref().expect("it is connected");
        let enters = link.to_server.iter().any(|frame| {
            let Some(Request::Append(append)) = &frame.request else {
                return false;
            };
            matches!(append.payload, Some(append::Payload::Commit(_)))
        });
        assert!(!enters, "it enters the old state");
        if !world.deliver_all() {
            world.wait(std::time::Duration::from_secs(1));
        }
    }
    assert_eq!(world.devices[1].state(), ConversationState::CutOff);
}
