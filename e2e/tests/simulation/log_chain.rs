//! What the log chain notices, and that one false answer of the server costs no message.

use std::time::Duration;

use subrosa_e2e::tampering::{EachEntry, EachFrame, Honest};
use subrosa_engine::{Command, ConversationState, Misbehaviour, Warning};
use subrosa_wire::{
    ProblemCode,
    frames::{
        GroupState, LogEntry, Problem, ServerFrame, client_frame::Request, log_entry::Payload,
        server_frame::Body,
    },
};

use crate::{
    action::Action,
    recovery::{agree, assert_all_have, counts, deliver, go_on, told},
    world::World,
};

fn is_message(entry: &LogEntry) -> bool {
    matches!(entry.payload, Some(Payload::ApplicationMessage(_)))
}

/// Whether the user was told of misbehaviour of the server.
fn is_by_server(warnings: &[Warning], expected: impl Fn(&Misbehaviour) -> bool) -> bool {
    warnings
        .iter()
        .any(|warning| matches!(warning, Warning::ServerMisbehaved { how, .. } if expected(how)))
}

/// The device goes on with an honest server, on a connection of its own.
fn honest_again(world: &mut World, index: usize) {
    world.lie_to(index, Honest);
    world.must_settle();
    told(world, index);
    go_on(world);
}

// It was not noticed at all: the places have no gap.
#[test]
fn a_message_that_is_left_out_with_the_rest_renumbered_is_named_missing() {
    let mut world = World::talking(21, 1);
    let mut left_out = 0;
    world.lie_to(
        1,
        EachFrame(move |mut frame: ServerFrame| {
            let mut renumber = |entries: &mut Vec<LogEntry>| {
                entries.retain_mut(|entry| {
                    if is_message(entry) && (left_out == 0 || left_out == entry.seq) {
                        left_out = entry.seq;
                        return false;
                    }
                    if left_out > 0 && entry.seq > left_out {
                        entry.seq -= 1;
                    }
                    true
                });
            };
            match &mut frame.body {
                Some(Body::Deliver(deliver)) => renumber(&mut deliver.entries),
                Some(Body::LogPage(page)) => {
                    renumber(&mut page.entries);
                    page.head_hash.clear();
                }
                _ => {}
            }
            vec![frame]
        }),
    );
    for _ in 0..3 {
        world.send_text(0);
        deliver(&mut world);
    }
    let told = told(&mut world, 1);
    assert!(
        told.iter()
            .any(|warning| matches!(warning, Warning::MessagesMissing { .. })),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|warning| matches!(warning, Warning::LogsDisagree { .. })),
        "{told:?}"
    );
    honest_again(&mut world, 1);
}

// The cursor moved past it in silence.
#[test]
fn an_entry_without_contents_is_asked_for_again() {
    let mut world = World::talking(22, 1);
    world.lie_to(
        1,
        EachFrame(|mut frame: ServerFrame| {
            if let Some(Body::Deliver(deliver)) = &mut frame.body {
                for entry in &mut deliver.entries {
                    entry.payload = None;
                }
            }
            vec![frame]
        }),
    );
    let from = world.texts.len();
    world.send_text(0);
    deliver(&mut world);
    assert_all_have(&mut world, from);
    let told = told(&mut world, 1);
    assert!(
        is_by_server(&told, |how| matches!(
            how,
            Misbehaviour::EntryWithoutPayload { .. }
        )),
        "{told:?}"
    );
    honest_again(&mut world, 1);
}

#[test]
fn an_entry_that_does_not_say_who_sent_it_or_names_another_is_reported() {
    for names_another in [false, true] {
        let mut world = World::talking(23, 1);
        world.lie_to(
            1,
            EachEntry(move |mut entry: LogEntry| {
                entry.sender_device = if names_another {
                    vec![7; 16].into()
                } else {
                    Vec::new().into()
                };
                vec![entry]
            }),
        );
        let from = world.texts.len();
        world.send_text(0);
        deliver(&mut world);
        assert_all_have(&mut world, from);
        let told = told(&mut world, 1);
        let is_reported = told.iter().any(|warning| match warning {
            Warning::LogsDisagree { .. } => names_another,
            Warning::ServerMisbehaved { how, .. } => {
                !names_another && matches!(how, Misbehaviour::EntryWithoutSender { .. })
            }
            _ => false,
        });
        assert!(is_reported, "{told:?}");
        honest_again(&mut world, 1);
    }
}

// The pending message was taken for sent, and the entry for it: both were lost.
#[test]
fn an_entry_with_the_id_of_a_pending_message_costs_neither() {
    let mut world = World::talking(24, 1);
    // Its turn has begun, so that the next message leaves at once.
    world.send_text(0);
    world.must_settle();
    let from = world.texts.len();
    // It waits on its way to the server.
    world.send_text(0);
    let waiting = &world.devices[0].link.as_ref().expect("it is connected").to_server;
    let send_id = waiting
        .iter()
        .find_map(|frame| match &frame.request {
            Some(Request::Append(append)) => Some(append.send_id.clone()),
            _ => None,
        })
        .expect("a message is on its way");
    world.lie_to(
        0,
        EachEntry(move |mut entry: LogEntry| {
            if is_message(&entry) {
                entry.send_id = send_id.clone();
            }
            vec![entry]
        }),
    );
    world.send_text(1);
    for _ in 0..3 {
        world.deliver_to_server(1);
        world.deliver_to_device(0);
    }
    let told = told(&mut world, 0);
    assert!(
        is_by_server(&told, |how| matches!(how, Misbehaviour::SendIdOfAnother { .. })),
        "{told:?}"
    );
    world.lie_to(0, Honest);
    world.must_settle();
    assert_all_have(&mut world, from);
    honest_again(&mut world, 0);
}

// With u64::MAX it vanished from the history, with 0 and 2^52 it stood in the wrong place.
#[test]
fn a_message_that_is_said_to_stand_where_it_cannot_stand_is_sent_and_shown_once() {
    for wrong in [0, 1, 1 << 52, 1 << 53, u64::MAX] {
        let mut world = World::talking(25, 1);
        let mut is_done = false;
        world.lie_to(
            0,
            EachFrame(move |mut frame: ServerFrame| {
                if let Some(Body::Appended(appended)) = &mut frame.body
                    && !std::mem::replace(&mut is_done, true)
                {
                    appended.seq = wrong;
                }
                vec![frame]
            }),
        );
        world.send_text(1);
        deliver(&mut world);
        let from = world.texts.len();
        for _ in 0..2 {
            world.send_text(0);
            deliver(&mut world);
        }
        for _ in 0..70 {
            world.wait(Duration::from_secs(1));
            deliver(&mut world);
        }
        assert_all_have(&mut world, from);
        let told = told(&mut world, 0);
        assert!(
            is_by_server(&told, |how| matches!(
                how,
                Misbehaviour::AcceptedElsewhere | Misbehaviour::EntriesInvented | Misbehaviour::ImpossibleSeq
            )),
            "{wrong}: {told:?}"
        );
        honest_again(&mut world, 0);
    }
}

// The other message was taken for applied, and never shown.
#[test]
fn a_message_whose_place_was_given_to_ours_is_shown_all_the_same() {
    let mut world = World::talking(26, 1);
    let from = world.texts.len();
    let place = group_of(&mut world, 0).head_seq + 1;
    let mut held_back = Vec::new();
    let mut is_answered = false;
    world.lie_to(
        0,
        EachFrame(move |mut frame: ServerFrame| match &mut frame.body {
            Some(Body::Deliver(_)) if !is_answered => {
                held_back.push(frame);
                Vec::new()
            }
            Some(Body::Appended(appended)) if !is_answered => {
                appended.seq = place;
                is_answered = true;
                let mut frames = vec![frame];
                frames.append(&mut held_back);
                frames
            }
            _ => vec![frame],
        }),
    );
    world.send_text(1);
    deliver(&mut world);
    world.send_text(0);
    deliver(&mut world);
    world.must_settle();
    let told = told(&mut world, 0);
    assert!(
        is_by_server(&told, |how| matches!(how, Misbehaviour::TwoEntries { .. })),
        "{told:?}"
    );
    assert_all_have(&mut world, from);
    honest_again(&mut world, 0);
}

// What lay between was skipped in silence.
#[test]
fn a_welcome_that_names_another_place_is_not_believed() {
    for ahead in [1, 3] {
        let mut world = World::new(27, 1);
        world.lie_to(
            1,
            EachFrame(move |mut frame: ServerFrame| {
                let welcomes = match &mut frame.body {
                    Some(Body::WelcomesWaiting(waiting)) => &mut waiting.welcomes,
                    Some(Body::SyncState(state)) => &mut state.welcomes,
                    _ => return vec![frame],
                };
                for welcome in welcomes {
                    welcome.seq += ahead;
                }
                vec![frame]
            }),
        );
        for _ in 0..4 {
            world.send_text(0);
            deliver(&mut world);
        }
        for _ in 0..5 {
            world.wait(Duration::from_secs(5));
            deliver(&mut world);
        }
        let told = told(&mut world, 1);
        assert!(
            is_by_server(&told, |how| matches!(how, Misbehaviour::WelcomeMisplaced)),
            "{ahead}: {told:?}"
        );
        // What was said before the device found where it comes in was passed over.
        assert_all_have(&mut world, 0);
        assert_eq!(counts(&mut world, 1).rejoins, 0, "{ahead}");
        honest_again(&mut world, 1);
    }
}

// It was encrypted a second time, and the server was blamed for what it had accepted before.
#[test]
fn a_message_is_not_encrypted_again_before_the_log_shows_whether_it_was_accepted() {
    let mut world = World::talking(36, 1);
    world.send_text(0);
    world.must_settle();
    // Both are under way, and the second one arrives first.
    world.send_text(0);
    world.send_text(0);
    world.act(Action::ReorderToServer(0));
    world.deliver_to_server(0);
    world.deliver_to_device(0);
    // The page of the log takes its time.
    world.wait(Duration::from_mins(1));
    world.must_settle();
    let told = told(&mut world, 0);
    assert_eq!(told, []);
    assert_all_have(&mut world, 0);
}

#[test]
fn a_server_whose_log_is_another_than_it_has_shown_is_reported() {
    let mut world = World::talking(28, 1);
    let mut is_done = false;
    world.lie_to(
        1,
        EachFrame(move |mut frame: ServerFrame| {
            match &mut frame.body {
                // So that the log is fetched.
                Some(Body::Deliver(_)) => return Vec::new(),
                Some(Body::LogPage(page)) if !std::mem::replace(&mut is_done, true) => {
                    page.head_hash = vec![9; 32].into();
                }
                _ => {}
            }
            vec![frame]
        }),
    );
    world.send_text(0);
    deliver(&mut world);
    world.cut(1);
    world.connect(1);
    deliver(&mut world);
    let first = told(&mut world, 1);
    assert!(
        is_by_server(&first, |how| matches!(how, Misbehaviour::LogDiffers)),
        "{first:?}"
    );
    // What the device claims from then on is what the server has made it believe: it is refused, and the device begins
    // its chain again with what the server has.
    world.lie_to(1, Honest);
    let from = world.texts.len();
    world.send_text(1);
    world.must_settle();
    assert_all_have(&mut world, from);
    honest_again(&mut world, 1);
    honest_again(&mut world, 0);
}

// It went back into the old epoch without a word.
#[test]
fn a_device_never_goes_back_to_an_older_state_of_its_group() {
    let mut world = World::talking(29, 1);
    let old = group_of(&mut world, 1);
    world.wait(Duration::from_mins(5));
    world.send_text(0);
    deliver(&mut world);
    world.wait(Duration::from_mins(5));
    world.send_text(1);
    deliver(&mut world);
    world.lie_to(
        1,
        EachFrame(move |mut frame: ServerFrame| {
            match &mut frame.body {
                Some(Body::SyncState(state)) => {
                    for head in &mut state.conversations {
                        head.member = false;
                    }
                }
                Some(Body::GroupState(state)) => *state = old.clone(),
                _ => {}
            }
            vec![frame]
        }),
    );
    let before = world.devices[1].messages().len();
    world.cut(1);
    world.connect(1);
    for _ in 0..10 {
        deliver(&mut world);
        world.wait(Duration::from_secs(5));
    }
    let told = told(&mut world, 1);
    assert!(
        is_by_server(&told, |how| matches!(how, Misbehaviour::AnotherPast)),
        "{told:?}"
    );
    assert_eq!(world.devices[1].state(), ConversationState::CutOff);
    assert_eq!(world.devices[1].messages().len(), before);
    // The honest server brings it back without anybody's doing.
    honest_again(&mut world, 1);
    assert_eq!(world.devices[1].state(), ConversationState::Joined);
    agree(&mut world);
}

#[test]
fn the_user_may_enter_what_the_server_shows_when_nothing_else_is_left() {
    let mut world = World::talking(30, 1);
    let old = group_of(&mut world, 1);
    world.wait(Duration::from_mins(5));
    world.send_text(0);
    deliver(&mut world);
    let shows_old = move |mut frame: ServerFrame| {
        match &mut frame.body {
            Some(Body::SyncState(state)) => state.conversations[0].member = false,
            Some(Body::GroupState(state)) => *state = old.clone(),
            _ => {}
        }
        vec![frame]
    };
    world.lie_to(1, EachFrame(shows_old));
    world.cut(1);
    world.connect(1);
    for _ in 0..10 {
        deliver(&mut world);
        world.wait(Duration::from_secs(5));
    }
    assert_eq!(world.devices[1].state(), ConversationState::CutOff);
    world.lie_to(1, Honest);
    let chat = world.devices[1].chat().expect("it has the conversation");
    world.step(1, Command::TryAgain(chat)).expect("it is accepted");
    deliver(&mut world);
    assert_eq!(world.devices[1].state(), ConversationState::Joined);
    let told = told(&mut world, 1);
    assert!(
        told.iter()
            .any(|warning| matches!(warning, Warning::HistoryGap { .. })),
        "{told:?}"
    );
    honest_again(&mut world, 1);
}

// The device removed its siblings from the conversation.
#[test]
fn a_list_of_devices_without_this_one_is_not_believed() {
    let mut world = World::talking(31, 2);
    world.lie_to(
        0,
        EachFrame(|mut frame: ServerFrame| {
            if let Some(Body::SyncState(state)) = &mut frame.body {
                state.own_devices.clear();
            }
            vec![frame]
        }),
    );
    world.cut(0);
    world.connect(0);
    deliver(&mut world);
    world.send_text(0);
    deliver(&mut world);
    let told = told(&mut world, 0);
    assert!(
        is_by_server(&told, |how| matches!(how, Misbehaviour::OwnDeviceUnlisted)),
        "{told:?}"
    );
    assert_eq!(counts(&mut world, 2).rejoins, 0, "its sibling stays");
    honest_again(&mut world, 0);
}

#[test]
fn a_false_stale_epoch_costs_nothing() {
    let mut world = World::talking(32, 1);
    let mut is_done = false;
    world.lie_to(
        0,
        EachFrame(move |mut frame: ServerFrame| {
            if matches!(frame.body, Some(Body::Appended(_))) && !std::mem::replace(&mut is_done, true) {
                frame.body = Some(Body::Problem(Problem {
                    epoch: 1_000,
                    ..Problem::new(ProblemCode::StaleEpoch, "")
                }));
            }
            vec![frame]
        }),
    );
    let from = world.texts.len();
    world.send_text(0);
    for _ in 0..70 {
        deliver(&mut world);
        world.wait(Duration::from_secs(1));
    }
    let told = told(&mut world, 0);
    assert!(
        is_by_server(&told, |how| matches!(how, Misbehaviour::FalseRefusal)),
        "{told:?}"
    );
    assert_eq!(counts(&mut world, 0).rejoins, 0);
    assert_all_have(&mut world, from);
    honest_again(&mut world, 0);
}

/// The group as the server shows it to a device now.
fn group_of(world: &mut World, index: usize) -> GroupState {
    let request = world.devices[index].fetch_group();
    match world.ask(index, request).body {
        Some(Body::GroupState(state)) => state,
        other => panic!("{other:?}"),
    }
}
