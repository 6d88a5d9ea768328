//! A server that goes back to an earlier state, as one does that is put back from a copy of its folder: what was
//! acknowledged since is not lost as long as some device holds it.

use std::time::Duration;

use subrosa_engine::{Command, ConversationState, Message, Warning};
use subrosa_wire::frames::client_frame::Request;

use crate::{
    action::Action,
    recovery::{agree, assert_all_have, counts, deliver, go_on, told},
    world::World,
};

/// Long enough for another turn, which begins with a commit.
const A_WHILE: Duration = Duration::from_mins(2);

/// The server's folder is put back from the copy. Nobody is connected.
fn put_back(world: &mut World) {
    for index in 0..world.devices.len() {
        world.cut(index);
    }
    world.act(Action::RollBack);
}

/// Whatever can be done without a user is done.
fn recover(world: &mut World) {
    if let Err(error) = world.recover() {
        panic!("{error}");
    }
}

/// What may be said to people when a server went back.
fn is_about_a_return(warning: &Warning) -> bool {
    matches!(warning, Warning::ServerWentBack)
}

/// Takes out what was said about the return; whoever was to be told was told.
fn told_of_return(world: &mut World, index: usize) -> bool {
    let told = told(world, index);
    assert!(
        told.iter().all(is_about_a_return),
        "device {index} was told {told:?}"
    );
    !told.is_empty()
}

/// Text of each device in turn, some minutes apart, and all of it arrives at those that are connected.
fn talk(world: &mut World, who: &[usize]) {
    for index in who {
        world.wait(A_WHILE);
        world.send_text(*index);
        deliver(world);
    }
}

// Acknowledged messages were lost for everybody who was away.
#[test]
fn a_server_that_went_back_gets_what_it_lacks_from_a_device_that_has_it() {
    let mut world = World::talking(31, 2);
    world.act(Action::Keep);
    // One device of the other account is away all the time.
    world.cut(3);
    let from = world.texts.len();
    talk(&mut world, &[0, 1, 1, 0, 2, 0]);
    put_back(&mut world);
    world.must_settle();
    assert_all_have(&mut world, from);
    let told: Vec<_> = (0..4).map(|index| told_of_return(&mut world, index)).collect();
    assert!(told.contains(&true), "somebody is told");
    let put_back: Vec<_> = (0..4)
        .map(|index| counts(&mut world, index).entries_put_back)
        .collect();
    assert!(put_back.iter().sum::<u64>() >= 6, "{put_back:?}");
    assert!(!told[3], "who was away has lost nothing");
    agree(&mut world);
}

/// Device 0 has said this many texts since the copy was made, while device 1 was away; then the server goes back. Returns
/// the number of the first of them, too.
fn ahead(seed: u64, texts: usize) -> (World, usize) {
    let mut world = World::talking(seed, 1);
    world.act(Action::Keep);
    world.cut(1);
    let from = world.texts.len();
    for _ in 0..texts {
        world.send_text(0);
    }
    deliver(&mut world);
    put_back(&mut world);
    (world, from)
}

/// Whatever was told, both devices have the texts from this one on, and can talk.
fn all_is_there_and_goes_on(world: &mut World, from: usize) {
    assert_all_have(world, from);
    told(world, 0);
    told(world, 1);
    go_on(world);
}

/// Delivers what is under way between one device and the server, once in each direction.
fn exchange(world: &mut World, index: usize) {
    world.deliver_to_server(index);
    world.deliver_to_device(index);
}

/// Delivers between one device and the server until it has sent the entries that the server lacks, which wait.
fn until_it_puts_back(world: &mut World, index: usize) {
    for _ in 0..100 {
        let link = world.devices[index].link.as_ref().expect("it is connected");
        let next = link.to_server.front().and_then(|frame| frame.request.as_ref());
        if matches!(next, Some(Request::RestoreLog(_))) {
            return;
        }
        exchange(world, index);
    }
    panic!("device {index} puts nothing back");
}

// The one that had more gave up, and was cut off.
#[test]
fn a_device_that_has_more_goes_on_where_one_that_has_less_has_ended() {
    let mut world = World::talking(39, 2);
    world.act(Action::Keep);
    let from = world.texts.len();
    talk(&mut world, &[0, 1]);
    world.cut(2);
    talk(&mut world, &[1, 0]);
    put_back(&mut world);
    for index in [0, 2] {
        world.connect(index);
        until_it_puts_back(&mut world, index);
    }
    // The one that has less is first.
    exchange(&mut world, 2);
    exchange(&mut world, 0);
    deliver(&mut world);
    assert_eq!(world.devices[0].state(), ConversationState::Joined);
    assert_eq!(counts(&mut world, 0).rejoins, 0);
    world.must_settle();
    assert_all_have(&mut world, from);
    for index in 0..4 {
        told_of_return(&mut world, index);
    }
    agree(&mut world);
}

// It took over the other log in silence, and what it had said was lost.
#[test]
fn what_others_say_while_a_log_is_put_back_costs_no_message() {
    for further in 0..3 {
        let (mut world, from) = ahead(40, 1);
        world.connect(0);
        until_it_puts_back(&mut world, 0);
        world.connect(1);
        for _ in 0..=further {
            world.send_text(1);
        }
        for _ in 0..20 {
            exchange(&mut world, 1);
        }
        // On the same connections.
        for _ in 0..5 {
            deliver(&mut world);
            world.wait(Duration::from_mins(1));
        }
        all_is_there_and_goes_on(&mut world, from);
    }
}

// It was never sent again: the device had come back by another way.
#[test]
fn what_was_said_before_others_went_on_with_a_commit_is_sent_again() {
    let (mut world, from) = ahead(41, 1);
    world.wait(Duration::from_hours(1));
    world.connect(1);
    talk(&mut world, &[1]);
    world.send_text(1);
    deliver(&mut world);
    world.must_settle();
    all_is_there_and_goes_on(&mut world, from);
}

#[test]
fn two_devices_that_have_different_parts_of_it_put_it_back_together() {
    let mut world = World::talking(32, 2);
    world.act(Action::Keep);
    let from = world.texts.len();
    talk(&mut world, &[0, 1]);
    world.cut(1);
    talk(&mut world, &[0, 2]);
    put_back(&mut world);
    // The one that has less is first.
    world.connect(1);
    deliver(&mut world);
    world.must_settle();
    assert_all_have(&mut world, from);
    for index in 0..4 {
        told_of_return(&mut world, index);
    }
    agree(&mut world);
}

/// The devices no longer have what they would put back.
fn lose_raw_entries(world: &mut World) {
    for device in &mut world.devices {
        device.with_database(|database| {
            database
                .execute("DELETE FROM raw_entries", [])
                .expect("the table is there")
        });
    }
}

// The sender believed that it was delivered, and nobody else ever got it.
#[test]
fn what_nobody_can_put_back_its_author_sends_again() {
    let (mut world, from) = ahead(33, 3);
    lose_raw_entries(&mut world);
    world.must_settle();
    assert_all_have(&mut world, from);
    assert!(counts(&mut world, 0).messages_resent >= 3);
    told(&mut world, 0);
    told_of_return(&mut world, 1);
    go_on(&mut world);
}

// It moved to the end of its author's own history, and its ticks were gone. What was said next stood above what had been
// said before, wherever the server's log had its end.
#[test]
fn what_is_sent_again_keeps_its_place_and_its_ticks() {
    let mut world = World::talking(38, 1);
    world.act(Action::Keep);
    for index in [0, 1, 0, 1, 0, 0, 1] {
        world.send_text(index);
        deliver(&mut world);
    }
    for index in 0..2 {
        world.act(Action::MarkRead(index));
        deliver(&mut world);
    }
    // Receipts that came in quick succession follow together.
    world.must_settle();
    let before: Vec<_> = (0..2).map(|index| world.devices[index].messages()).collect();
    put_back(&mut world);
    lose_raw_entries(&mut world);
    world.must_settle();
    world.send_text(1);
    world.must_settle();
    for (index, before) in before.into_iter().enumerate() {
        let known = |message: &Message| (message.text.clone(), message.status);
        let mut after: Vec<_> = world.devices[index].messages().iter().map(known).collect();
        let (newest, _) = after.pop().expect("it has messages");
        assert_eq!(Some(newest), world.texts.last().map(|text| text.text.clone()));
        assert_eq!(
            after,
            before.iter().map(known).collect::<Vec<_>>(),
            "device {index}"
        );
        told(&mut world, index);
    }
    assert!(counts(&mut world, 0).messages_resent >= 4);
    go_on(&mut world);
}

#[test]
fn a_group_that_cannot_be_put_back_is_left_to_the_user_and_costs_no_message() {
    let mut world = World::talking(34, 1);
    world.act(Action::Keep);
    world.cut(1);
    let from = world.texts.len();
    talk(&mut world, &[0, 0]);
    world.wait(Duration::from_hours(2));
    talk(&mut world, &[0]);
    put_back(&mut world);
    lose_raw_entries(&mut world);
    recover(&mut world);
    assert_eq!(world.devices[0].state(), ConversationState::CutOff);
    let chat = world.devices[0].chat().expect("it has the conversation");
    world.step(0, Command::TryAgain(chat)).expect("it is accepted");
    world.must_settle();
    all_is_there_and_goes_on(&mut world, from);
}

// Whoever was not in it yet waited for ever.
#[test]
fn a_conversation_that_began_since_is_put_back() {
    for who_was_away in [vec![], vec![3], vec![1, 3]] {
        let mut world = World::new(35, 2);
        world.act(Action::Keep);
        for index in &who_was_away {
            world.cut(*index);
        }
        let from = world.texts.len();
        talk(&mut world, &[0, 2]);
        if who_was_away.is_empty() {
            talk(&mut world, &[1]);
        }
        put_back(&mut world);
        world.must_settle();
        assert_all_have(&mut world, from);
        for index in 0..4 {
            told_of_return(&mut world, index);
        }
        go_on(&mut world);
    }
}

/// A device says something, with time for commits or without.
fn say(world: &mut World, index: usize, has_commits: bool) {
    if has_commits {
        talk(world, &[index]);
    } else {
        world.send_text(index);
        deliver(world);
    }
}

// A device that is away while others go on from where the server went back to.
#[test]
fn what_was_said_on_both_sides_of_a_return_reaches_everybody() {
    for has_commits in [false, true] {
        let mut world = World::talking(36, 1);
        world.act(Action::Keep);
        world.cut(1);
        let from = world.texts.len();
        say(&mut world, 0, has_commits);
        put_back(&mut world);
        world.connect(1);
        deliver(&mut world);
        say(&mut world, 1, has_commits);
        recover(&mut world);
        for index in 0..2 {
            if world.devices[index].state() == ConversationState::CutOff {
                let chat = world.devices[index].chat().expect("it has the conversation");
                world
                    .step(index, Command::TryAgain(chat))
                    .expect("it is accepted");
            }
        }
        world.must_settle();
        all_is_there_and_goes_on(&mut world, from);
    }
}

// The keys were used again, and the other side dropped the messages.
#[test]
fn a_profile_that_went_back_loses_nothing_that_it_writes_from_then_on() {
    for has_commits in [false, true] {
        let mut world = World::talking(37, 1);
        world.cut(0);
        world.devices[0].back_up();
        world.connect(0);
        deliver(&mut world);
        if has_commits {
            talk(&mut world, &[0, 1, 0]);
        } else {
            world.send_text(0);
            deliver(&mut world);
            world.send_text(1);
            deliver(&mut world);
        }
        world.cut(0);
        world.devices[0].put_back();
        let from = world.texts.len();
        world.send_text(0);
        world.must_settle();
        world.send_text(1);
        world.must_settle();
        assert_all_have(&mut world, from);
        let told = told(&mut world, 0);
        assert!(
            told.iter()
                .any(|warning| matches!(warning, Warning::ProfileWentBack)),
            "{told:?}"
        );
        assert_eq!(super::recovery::told(&mut world, 1), []);
        go_on(&mut world);
    }
}
