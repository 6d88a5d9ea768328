//! A deterministic world: real engines and the real service, with a network, clocks and crashes under the
//! test's control. Whatever happens, when the faults end all devices agree.
//!
//! Nor is everybody honest in each of them: a lying server, hostile members and strangers are among the things that
//! happen. Then three promises hold once all are honest again: nobody has read what was not for them, nothing is lost
//! in silence, and nothing is stuck.
//!
//! `XTASK_TEST_LONG=1` runs 20,000 worlds more, or as many as an hour permits, `XTASK_TEST_SEED=n` runs others. A
//! failing world is shrunk to its shortest sequence of actions, and printed in the form in which
//! `XTASK_TEST_WORLD` takes it back; with `XTASK_TEST_LOG=debug`, what is logged in it is shown. What happens in a world, and in which order, is given by that; the keys
//! and ciphertexts are not, because OpenMLS draws them from the operating system.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod action;
mod agreement;
mod chat_settings;
mod clubs;
mod device;
mod expiry;
mod full_disk;
mod group_malice;
mod group_profiles;
mod groups;
mod hostile;
mod join_requests;
mod leaving;
mod links;
mod log_chain;
mod network;
mod new_devices;
mod notes;
mod profile_objects;
mod promises;
mod quarantine;
mod receipts;
mod records;
mod recovery;
mod requests;
mod returns;
mod rights;
mod server;
mod spoilt;
mod tally;
mod vanished;
mod wishes;
mod world;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use crate::{
    action::{Plan, Weights},
    world::World,
};

/// The worlds of all tests together, but for the long mode.
const WORLDS: u32 = 190;
/// The worlds of the long mode.
const WORLDS_LONG: u32 = 20_000;
/// How long the long mode may take.
const TIME_LONG: Duration = Duration::from_hours(1);
/// The long mode explores all kinds of worlds in turn, this many of each.
const WORLDS_IN_TURN: u32 = 5;
/// How long a failing world is made shorter.
const SHRINKING_MAX: Duration = Duration::from_mins(2);

/// A kind of world.
struct Kind {
    name: &'static str,
    /// Of a hundred worlds in which everybody is honest, how many are of this kind; the others come on top.
    percent: u32,
    weights: Weights,
}

const CALM: Weights = Weights {
    fault: 0,
    crash: 0,
    prune: 0,
    lie: 0,
    fork: 0,
    roll_back: 0,
    profile: 0,
    member: 0,
    stranger: 0,
    group: 0,
    timer: 1,
};

const ON_A_CALM_NETWORK: Kind = Kind {
    name: "on a calm network",
    percent: 20,
    weights: CALM,
};

const ON_A_BAD_NETWORK: Kind = Kind {
    name: "on a bad network",
    percent: 20,
    weights: Weights { fault: 2, ..CALM },
};

const ACROSS_CRASHES: Kind = Kind {
    name: "across crashes of both sides",
    percent: 45,
    weights: Weights {
        fault: 1,
        crash: 2,
        ..CALM
    },
};

const PRUNED_TOO_EARLY: Kind = Kind {
    name: "after a log that was pruned too early",
    percent: 15,
    weights: Weights {
        fault: 1,
        crash: 1,
        prune: 3,
        ..CALM
    },
};

const AFTER_A_RETURN: Kind = Kind {
    name: "after a server went back",
    percent: 15,
    weights: Weights {
        fault: 1,
        crash: 1,
        roll_back: 2,
        ..CALM
    },
};

const AFTER_PROFILES_WENT_BACK: Kind = Kind {
    name: "after profiles went back",
    percent: 15,
    weights: Weights {
        fault: 1,
        crash: 1,
        roll_back: 1,
        profile: 3,
        ..CALM
    },
};

const BEFORE_A_LYING_SERVER: Kind = Kind {
    name: "before a lying server",
    percent: 10,
    weights: Weights {
        fault: 1,
        crash: 1,
        lie: 6,
        ..CALM
    },
};

const ACROSS_FORKS_AND_ROLLBACKS: Kind = Kind {
    name: "across forks and rollbacks",
    percent: 5,
    weights: Weights {
        fork: 2,
        roll_back: 2,
        ..CALM
    },
};

const ACROSS_LIES_AND_RETURNS: Kind = Kind {
    name: "across lies and returns",
    percent: 8,
    weights: Weights {
        fault: 1,
        crash: 1,
        lie: 4,
        roll_back: 2,
        profile: 2,
        ..CALM
    },
};

const AMONG_HOSTILE_PEOPLE: Kind = Kind {
    name: "among hostile members and strangers",
    percent: 8,
    weights: Weights {
        fault: 1,
        member: 4,
        stranger: 2,
        ..CALM
    },
};

const IN_A_GROUP_ON_A_CALM_NETWORK: Kind = Kind {
    name: "in a group on a calm network",
    percent: 5,
    weights: Weights { group: 14, ..CALM },
};

const IN_A_GROUP_ACROSS_CRASHES: Kind = Kind {
    name: "in a group across crashes of both sides",
    percent: 12,
    weights: Weights {
        group: 14,
        fault: 1,
        crash: 2,
        ..CALM
    },
};

const IN_A_GROUP_AFTER_A_RETURN: Kind = Kind {
    name: "in a group after server or profiles went back",
    percent: 6,
    weights: Weights {
        group: 14,
        fault: 1,
        crash: 1,
        roll_back: 2,
        profile: 1,
        ..CALM
    },
};

const IN_A_GROUP_PRUNED_TOO_EARLY: Kind = Kind {
    name: "in a group after a log that was pruned too early",
    percent: 3,
    weights: Weights {
        group: 14,
        fault: 1,
        crash: 1,
        prune: 3,
        ..CALM
    },
};

const IN_A_GROUP_BEFORE_A_LYING_SERVER: Kind = Kind {
    name: "in a group before a lying server",
    percent: 4,
    weights: Weights {
        group: 14,
        fault: 1,
        crash: 1,
        lie: 4,
        ..CALM
    },
};

const IN_A_GROUP_WITH_HOSTILE_MEMBERS: Kind = Kind {
    name: "in a group with hostile members",
    percent: 4,
    weights: Weights {
        group: 10,
        fault: 1,
        member: 4,
        ..CALM
    },
};

const KINDS: [Kind; 16] = [
    ON_A_CALM_NETWORK,
    ON_A_BAD_NETWORK,
    ACROSS_CRASHES,
    PRUNED_TOO_EARLY,
    AFTER_A_RETURN,
    AFTER_PROFILES_WENT_BACK,
    BEFORE_A_LYING_SERVER,
    ACROSS_FORKS_AND_ROLLBACKS,
    ACROSS_LIES_AND_RETURNS,
    AMONG_HOSTILE_PEOPLE,
    IN_A_GROUP_ON_A_CALM_NETWORK,
    IN_A_GROUP_ACROSS_CRASHES,
    IN_A_GROUP_AFTER_A_RETURN,
    IN_A_GROUP_PRUNED_TOO_EARLY,
    IN_A_GROUP_BEFORE_A_LYING_SERVER,
    IN_A_GROUP_WITH_HOSTILE_MEMBERS,
];

fn number(variable: &str) -> Option<u32> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs the ordinary number of worlds of a kind.
fn explore(kind: &Kind) {
    let seed = number("XTASK_TEST_SEED").unwrap_or_default();
    let held = explore_some(kind, WORLDS * kind.percent / 100, seed, 0);
    tally::print(kind.name);
    if let Err(failure) = held {
        panic!("{failure}");
    }
}

/// Runs worlds of a kind: others for each `part`. The error says what did not hold, and how to run that world alone.
fn explore_some(kind: &Kind, worlds: u32, seed: u32, part: u32) -> Result<(), String> {
    let config = ProptestConfig {
        cases: worlds,
        max_shrink_iters: 200,
        max_shrink_time: u32::try_from(SHRINKING_MAX.as_millis()).expect("it is short"),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    bytes[4..8].copy_from_slice(&part.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let held = runner.run(&kind.weights.plans(), |plan| World::run(&plan));
    held.map_err(|error| match error {
        TestError::Fail(reason, plan) => format!(
            "{reason}\nThis was one of the worlds {} of XTASK_TEST_SEED={seed}. To run it alone:\n\
             XTASK_TEST_WORLD='{plan}' cargo test -p subrosa-e2e --test simulation one_world",
            kind.name
        ),
        TestError::Abort(reason) => reason.to_string(),
    })
}

#[test]
fn on_a_calm_network_all_devices_agree() {
    explore(&ON_A_CALM_NETWORK);
}

#[test]
fn on_a_bad_network_all_devices_agree() {
    explore(&ON_A_BAD_NETWORK);
}

#[test]
fn across_crashes_of_both_sides_all_devices_agree() {
    explore(&ACROSS_CRASHES);
}

#[test]
fn after_a_log_that_was_pruned_too_early_all_devices_come_back() {
    explore(&PRUNED_TOO_EARLY);
}

#[test]
fn after_a_server_went_back_all_devices_have_everything() {
    explore(&AFTER_A_RETURN);
}

#[test]
fn after_profiles_went_back_all_devices_have_what_others_hold() {
    explore(&AFTER_PROFILES_WENT_BACK);
}

#[test]
fn across_lies_and_returns_the_promises_hold() {
    explore(&ACROSS_LIES_AND_RETURNS);
}

#[test]
fn before_a_lying_server_the_promises_hold() {
    explore(&BEFORE_A_LYING_SERVER);
}

#[test]
fn across_forks_and_rollbacks_the_promises_hold() {
    explore(&ACROSS_FORKS_AND_ROLLBACKS);
}

#[test]
fn among_hostile_members_and_strangers_the_promises_hold() {
    explore(&AMONG_HOSTILE_PEOPLE);
}

#[test]
fn in_a_group_on_a_calm_network_all_devices_agree() {
    explore(&IN_A_GROUP_ON_A_CALM_NETWORK);
}

#[test]
fn in_a_group_across_crashes_of_both_sides_all_devices_agree() {
    explore(&IN_A_GROUP_ACROSS_CRASHES);
}

#[test]
fn in_a_group_after_server_or_profiles_went_back_all_devices_agree() {
    explore(&IN_A_GROUP_AFTER_A_RETURN);
}

#[test]
fn in_a_group_after_a_log_that_was_pruned_too_early_all_devices_come_back() {
    explore(&IN_A_GROUP_PRUNED_TOO_EARLY);
}

#[test]
fn in_a_group_before_a_lying_server_the_promises_hold() {
    explore(&IN_A_GROUP_BEFORE_A_LYING_SERVER);
}

#[test]
fn in_a_group_with_hostile_members_the_promises_hold() {
    explore(&IN_A_GROUP_WITH_HOSTILE_MEMBERS);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is real time that is bounded")]
#[expect(
    clippy::print_stderr,
    reason = "whoever waits for an hour wants to see what was found before it is over"
)]
fn in_the_long_mode_20_000_worlds_or_an_hour_of_them_hold() {
    if number("XTASK_TEST_LONG").is_none() {
        return;
    }
    let seed = number("XTASK_TEST_SEED").unwrap_or_default();
    let start = Instant::now();
    let (turns, failures) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let explore_in_turn = || {
        while tally::worlds() < u64::from(WORLDS_LONG) && start.elapsed() < TIME_LONG {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            let part = u32::try_from(turn / KINDS.len() + 1).expect("an hour is short");
            if let Err(failure) = explore_some(&KINDS[turn % KINDS.len()], WORLDS_IN_TURN, seed, part) {
                failures.fetch_add(1, Ordering::Relaxed);
                eprintln!("{failure}\n");
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(explore_in_turn);
        }
    });
    tally::print(&format!("in {} s", start.elapsed().as_secs()));
    assert_eq!(failures.into_inner(), 0, "worlds in which something did not hold");
}

/// The world that a failed test has printed, or a short one.
#[test]
fn one_world_can_be_run_alone() {
    let named = std::env::var("XTASK_TEST_WORLD");
    let plan = named
        .as_deref()
        .unwrap_or("7 2 2 send:0 up:0 down:0 send:1 die-before:1:2 up:1 add:0");
    let plan: Plan = plan.parse().unwrap_or_else(|error| panic!("{plan:?}: {error}"));
    if let Ok(filter) = std::env::var("XTASK_TEST_LOG") {
        let config = subrosa_server::config::LogConfig {
            filter,
            ..subrosa_server::config::LogConfig::default()
        };
        subrosa_server::observe::start_logging(&config).expect("a filter");
    }
    let held = World::run(&plan);
    tally::print("this world");
    if let Err(error) = held {
        panic!("{error}");
    }
}
