//! The ways back of a device that cannot follow the log any more: fetch the gap, hold what comes too early,
//! join again from outside. A liar between server and device brings it there.

use subrosa_e2e::tampering::{EachEntry, EachFrame, Honest};
use subrosa_engine::{Command, ConversationState, Misbehaviour, RecoveryCounts, Warning};
use subrosa_wire::{
    ProblemCode,
    frames::{Deliver, LogEntry, Problem, ServerFrame, log_entry::Payload, server_frame::Body},
};

use crate::world::{RETENTION, World};

/// Delivers until nothing is under way, on the connections as they are.
pub(crate) fn deliver(world: &mut World) {
    for _ in 0..1_000 {
        if !world.deliver_all() {
            return;
        }
    }
    panic!("the devices ask without end");
}

/// Whatever was lost, all agree from here on.
pub(crate) fn agree(world: &mut World) {
    let last = world.texts.len();
    world.send_text(0);
    world.must_settle();
    world.send_text(1);
    world.must_settle();
    if let Err(error) = world.check_agreement(last) {
        panic!("{error}");
    }
}

/// Every device has the texts from this one on, each once.
pub(crate) fn assert_all_have(world: &mut World, from: usize) {
    let texts: Vec<_> = world.texts[from..].iter().map(|text| text.text.clone()).collect();
    for (index, device) in world.devices.iter_mut().enumerate() {
        let messages = device.messages();
        for text in &texts {
            let count = messages.iter().filter(|message| message.text == *text).count();
            assert_eq!(count, 1, "device {index} has {count} of {text:?}");
        }
    }
}

/// What was said under the liar's eyes may be lost; what is said from here on is not.
pub(crate) fn go_on(world: &mut World) {
    let from = world.texts.len();
    world.send_text(0);
    world.must_settle();
    world.send_text(1);
    world.must_settle();
    assert_all_have(world, from);
}

pub(crate) fn counts(world: &mut World, index: usize) -> RecoveryCounts {
    world.devices[index].engine().recovery_counts()
}

/// What the user was told, which was to be told; it is taken out, as nothing else may be left.
pub(crate) fn told(world: &mut World, index: usize) -> Vec<Warning> {
    std::mem::take(&mut world.devices[index].warnings)
}

fn is_commit(entry: &LogEntry) -> bool {
    matches!(entry.payload, Some(Payload::Commit(_)))
}

/// Device 1 was away for longer than the server keeps the log, and asks for what it missed.
fn away_for_too_long(world: &mut World) {
    deliver(world);
    world.wait(RETENTION * 2);
    world.prune();
    world.connect(1);
    for _ in 0..10 {
        deliver(world);
        world.wait(RETENTION);
    }
}

#[test]
fn a_device_that_was_away_longer_than_the_server_keeps_the_log_goes_on_and_says_so() {
    let mut world = World::talking(11, 1);
    world.cut(1);
    for _ in 0..3 {
        world.send_text(0);
    }
    away_for_too_long(&mut world);
    let told = told(&mut world, 1);
    assert!(matches!(told[..], [Warning::HistoryGap { .. }]), "{told:?}");
    let counts = counts(&mut world, 1);
    assert_eq!((counts.history_gaps, counts.rejoins), (1, 0), "{counts:?}");
    // It has what it had, not what is gone, and all that follows.
    assert_eq!(world.devices[1].messages().len(), 2);
    agree(&mut world);
    assert_eq!(world.devices[1].messages().len(), 4);
}

#[test]
fn a_device_that_cannot_check_where_a_group_comes_from_leaves_it_to_the_user() {
    let mut world = World::talking(11, 1);
    world.cut(1);
    world.send_text(0);
    deliver(&mut world);
    // A new turn begins with a commit.
    world.wait(RETENTION * 2);
    world.connect(1);
    deliver(&mut world);
    world.send_text(1);
    deliver(&mut world);
    world.cut(1);
    world.wait(RETENTION * 2);
    world.send_text(0);
    away_for_too_long(&mut world);
    assert_eq!(world.devices[1].state(), ConversationState::CutOff);
    let chat = world.devices[1].chat().expect("it has the conversation");
    world.step(1, Command::TryAgain(chat)).expect("it is accepted");
    world.must_settle();
    let told = told(&mut world, 1);
    assert!(matches!(told[..], [Warning::HistoryGap { .. }]), "{told:?}");
    let counts = counts(&mut world, 1);
    assert_eq!((counts.rejoins, counts.cut_offs), (1, 1), "{counts:?}");
    agree(&mut world);
}

/// Answers the first request of a kind with a problem.
fn refuse_once(
    is_it: impl Fn(&Body) -> bool + Send + 'static,
    code: ProblemCode,
) -> EachFrame<impl FnMut(ServerFrame) -> Vec<ServerFrame> + Send> {
    let mut is_done = false;
    EachFrame(move |mut frame: ServerFrame| {
        if !is_done && frame.body.as_ref().is_some_and(&is_it) {
            is_done = true;
            frame.body = Some(Body::Problem(Problem::new(code, "")));
        }
        vec![frame]
    })
}

#[test]
fn a_device_that_is_told_it_is_no_member_asks_again_and_loses_nothing() {
    // When it sends, when it fetches, and when it comes back.
    for at in ["append", "log", "sync"] {
        let mut world = World::talking(11, 1);
        match at {
            "append" => {
                world.lie_to(
                    1,
                    refuse_once(|body| matches!(body, Body::Appended(_)), ProblemCode::NotAMember),
                );
            }
            "log" => {
                world.lie_to(
                    1,
                    refuse_once(|body| matches!(body, Body::LogPage(_)), ProblemCode::NotAMember),
                );
            }
            _ => {
                let mut is_done = false;
                world.lie_to(
                    1,
                    EachFrame(move |mut frame: ServerFrame| {
                        if let Some(Body::SyncState(state)) = &mut frame.body {
                            let was_done = std::mem::replace(&mut is_done, true);
                            state.conversations[0].member &= was_done;
                        }
                        vec![frame]
                    }),
                );
            }
        }
        world.cut(1);
        world.send_text(0);
        deliver(&mut world);
        world.send_text(1);
        world.must_settle();
        assert_eq!(
            counts(&mut world, 1).rejoins,
            0,
            "{at}: {:?}",
            counts(&mut world, 1)
        );
        world.lie_to(1, Honest);
        assert_all_have(&mut world, 0);
        go_on(&mut world);
    }
}

#[test]
fn a_device_that_the_list_of_devices_lacks_is_not_removed_while_its_key_packages_are_handed_out() {
    let mut world = World::talking(11, 2);
    let removed = world.devices[2].session.device_id;
    // Device 0 is made to believe that the account's other device is signed out.
    world.lie_to(
        0,
        EachFrame(move |mut frame: ServerFrame| {
            if let Some(Body::SyncState(state)) = &mut frame.body {
                state
                    .own_devices
                    .retain(|device| device[..] != removed.as_bytes()[..]);
            }
            vec![frame]
        }),
    );
    world.cut(0);
    world.connect(0);
    deliver(&mut world);
    world.send_text(0);
    deliver(&mut world);
    assert_eq!(counts(&mut world, 2).rejoins, 0);
    let told = told(&mut world, 0);
    assert!(
        matches!(
            &told[..],
            [Warning::ServerMisbehaved {
                how: Misbehaviour::DevicesContradict,
                ..
            }]
        ),
        "{told:?}"
    );
    world.lie_to(0, Honest);
    world.must_settle();
    go_on(&mut world);
    assert_eq!(world.devices[2].warnings, []);
}

// The two went on for ever, as fast as the network was, each with a commit.
#[test]
fn a_device_that_another_own_device_removed_by_mistake_comes_back() {
    let mut world = World::talking(11, 2);
    let removed = world.devices[2].session.device_id;
    // Device 0 is made to believe that the account's other device is signed out.
    world.lie_to(
        0,
        EachFrame(move |mut frame: ServerFrame| {
            match &mut frame.body {
                Some(Body::SyncState(state)) => {
                    state
                        .own_devices
                        .retain(|device| device[..] != removed.as_bytes()[..]);
                }
                Some(Body::KeyPackages(packages)) => {
                    packages
                        .devices
                        .retain(|device| device.device_id[..] != removed.as_bytes()[..]);
                }
                _ => {}
            }
            vec![frame]
        }),
    );
    world.cut(0);
    world.connect(0);
    deliver(&mut world);
    world.send_text(0);
    deliver(&mut world);
    // It came back each time, until device 0 gave up and said so. Once it looked at the log a second time.
    let rejoins = counts(&mut world, 2).rejoins;
    assert!((1..=4).contains(&rejoins), "{rejoins} rejoins");
    let told = told(&mut world, 0);
    assert!(
        matches!(&told[..], [Warning::ServerMisbehaved { how: Misbehaviour::SignedOutDeviceReturns(device), .. }] if *device == removed),
        "{told:?}"
    );
    world.lie_to(0, Honest);
    world.must_settle();
    go_on(&mut world);
    let told = self::told(&mut world, 2);
    assert!(
        told.iter()
            .all(|warning| matches!(warning, Warning::HistoryGap { .. })),
        "{told:?}"
    );
}

// Its key package may be gone, as after a long absence: the device was warned of a forgery.
#[test]
fn a_device_whose_welcome_does_not_open_joins_from_outside_over_its_own_leaf() {
    let mut world = World::new(11, 1);
    world.lie_to(
        1,
        EachFrame(|mut frame: ServerFrame| {
            let welcomes = match &mut frame.body {
                Some(Body::SyncState(state)) => &mut state.welcomes,
                Some(Body::WelcomesWaiting(waiting)) => &mut waiting.welcomes,
                _ => return vec![frame],
            };
            for item in welcomes {
                let mut welcome = item.welcome.to_vec();
                // In the reference of the key package.
                welcome[16] ^= 1;
                item.welcome = welcome.into();
            }
            vec![frame]
        }),
    );
    world.send_text(0);
    world.must_settle();
    assert_eq!(world.devices[1].warnings, []);
    go_on(&mut world);
}

#[test]
fn a_message_that_comes_too_early_is_held_until_the_gap_is_fetched() {
    let mut world = World::talking(11, 1);
    // The first push is lost: the second shows the gap.
    let mut is_lost = false;
    world.lie_to(
        1,
        EachFrame(move |frame: ServerFrame| {
            if matches!(frame.body, Some(Body::Deliver(_))) && !std::mem::replace(&mut is_lost, true) {
                return Vec::new();
            }
            vec![frame]
        }),
    );
    let before = counts(&mut world, 1);
    for _ in 0..3 {
        world.send_text(0);
        deliver(&mut world);
    }
    let counts = counts(&mut world, 1);
    assert!(counts.entries_held > before.entries_held, "{counts:?}");
    assert_eq!(counts.log_fetches, before.log_fetches + 1, "{counts:?}");
    assert_eq!((counts.rejoins, counts.entries_refused), (0, 0), "{counts:?}");
    agree(&mut world);
}

#[test]
fn a_message_of_a_future_epoch_is_refused_told_and_led_past() {
    let mut world = World::talking(11, 1);
    world.lie_to(
        1,
        EachEntry({
            // A commit is left out, and what follows it takes its place.
            let mut left_out = 0;
            move |mut entry: LogEntry| {
                if is_commit(&entry) && (left_out == 0 || left_out == entry.seq) {
                    left_out = entry.seq;
                    return Vec::new();
                }
                if left_out > 0 && entry.seq > left_out {
                    entry.seq -= 1;
                }
                vec![entry]
            }
        }),
    );
    world.wait(RETENTION * 2);
    // A new turn begins with a commit.
    world.send_text(0);
    deliver(&mut world);
    let told = told(&mut world, 1);
    assert!(
        matches!(
            &told[..],
            [
                Warning::ServerMisbehaved {
                    how: Misbehaviour::EntryOfFutureEpoch { .. },
                    ..
                },
                ..
            ]
        ),
        "{told:?}"
    );
    assert!(counts(&mut world, 1).rejoins >= 1);
    world.lie_to(1, Honest);
    world.must_settle();
    go_on(&mut world);
}

// The honest entry was lost: a message for good, and after a commit all that came before the join from outside.
#[test]
fn an_entry_that_is_pushed_in_a_false_form_is_taken_from_the_log_and_told() {
    for at_commit in [false, true] {
        let mut world = World::talking(11, 1);
        let mut is_spoilt = false;
        world.lie_to(
            1,
            EachFrame(move |mut frame: ServerFrame| {
                let Some(Body::Deliver(deliver)) = &mut frame.body else {
                    return vec![frame];
                };
                for entry in &mut deliver.entries {
                    if is_commit(entry) == at_commit && !std::mem::replace(&mut is_spoilt, true) {
                        let (Payload::ApplicationMessage(bytes)
                        | Payload::Commit(bytes)
                        | Payload::Leave(bytes)) = entry.payload.as_mut().expect("a payload");
                        *bytes = bytes.slice(..bytes.len() / 2);
                    }
                }
                vec![frame]
            }),
        );
        // A new turn begins with a commit.
        world.wait(RETENTION * 2);
        let from = world.texts.len();
        for _ in 0..2 {
            world.send_text(0);
            deliver(&mut world);
        }
        let told = told(&mut world, 1);
        assert!(
            matches!(
                &told[..],
                [Warning::ServerMisbehaved {
                    how: Misbehaviour::EntryAltered { .. },
                    ..
                }]
            ),
            "{at_commit}: {told:?}"
        );
        assert_eq!(counts(&mut world, 1).rejoins, 0);
        assert_all_have(&mut world, from);
        world.lie_to(1, Honest);
        go_on(&mut world);
    }
}

#[test]
fn more_entries_from_beyond_a_gap_than_are_held_are_fetched_again() {
    const EARLY: u64 = 1_200;
    let mut world = World::talking(11, 1);
    let before = counts(&mut world, 1);
    // They announce a log that does not exist.
    world.lie_to(
        1,
        EachFrame(|frame: ServerFrame| {
            let Some(Body::Deliver(deliver)) = &frame.body else {
                return vec![frame];
            };
            let first = deliver.entries[0].clone();
            let early = (1..=EARLY).map(|ahead| LogEntry {
                seq: first.seq + ahead,
                send_id: vec![0; 16].into(),
                ..first.clone()
            });
            let push = ServerFrame {
                request_id: 0,
                body: Some(Body::Deliver(Deliver {
                    entries: early.collect(),
                })),
            };
            vec![push, frame]
        }),
    );
    world.send_text(0);
    deliver(&mut world);
    let held = counts(&mut world, 1).entries_held - before.entries_held;
    assert!((1..=1_000).contains(&held), "{held} entries are held");
    world.lie_to(1, Honest);
    world.must_settle();
    go_on(&mut world);
}

// The engine believed the head of such an entry and asked for the log for ever, as fast as the network was; its
// own messages did not leave on that connection.
#[test]
fn an_announced_entry_that_the_log_does_not_have_is_asked_for_ever_more_rarely() {
    let mut world = World::talking(11, 1);
    let mut is_done = false;
    world.lie_to(
        1,
        EachFrame(move |frame: ServerFrame| {
            let Some(Body::Deliver(deliver)) = &frame.body else {
                return vec![frame];
            };
            let mut frames = vec![frame.clone()];
            if !std::mem::replace(&mut is_done, true) {
                let far = LogEntry {
                    seq: deliver.entries[0].seq + 1_000,
                    ..deliver.entries[0].clone()
                };
                frames.push(ServerFrame {
                    request_id: 0,
                    body: Some(Body::Deliver(Deliver { entries: vec![far] })),
                });
            }
            frames
        }),
    );
    let before = counts(&mut world, 1).log_fetches;
    world.send_text(0);
    deliver(&mut world);
    let fetches = counts(&mut world, 1).log_fetches - before;
    assert!((1..=2).contains(&fetches), "{fetches} fetches");
    let told = told(&mut world, 1);
    assert!(
        matches!(
            &told[..],
            [Warning::ServerMisbehaved {
                how: Misbehaviour::EntriesInvented,
                ..
            }]
        ),
        "{told:?}"
    );
    // On the same connection its own message leaves.
    world.send_text(1);
    for _ in 0..5 {
        world.wait(std::time::Duration::from_secs(1));
        deliver(&mut world);
    }
    assert_eq!(world.devices[0].messages().len(), 4);
    agree(&mut world);
}
