//! A deterministic world: real engines and the real service, with a network, clocks and crashes under the
//! test's control. Whatever happens, when the faults end all devices agree.
//!
//! `XTASK_TEST_LONG=1` runs 10,000 worlds instead of a few hundred, `XTASK_TEST_SEED=n` runs others. A
//! failing world is shrunk to its shortest sequence of actions, and printed in the form in which
//! `XTASK_TEST_WORLD` takes it back. What happens in a world, and in which order, is given by that; the keys
//! and ciphertexts are not, because OpenMLS draws them from the operating system.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod action;
mod agreement;
mod device;
mod full_disk;
mod log_chain;
mod network;
mod new_devices;
mod quarantine;
mod recovery;
mod server;
mod world;

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use crate::{
    action::{Plan, Weights},
    world::World,
};

/// The worlds of all tests together.
const WORLDS: u32 = 240;
/// The same in the long mode.
const WORLDS_LONG: u32 = 10_000;

fn number(variable: &str) -> Option<u32> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs some of every hundred worlds.
fn explore(test: &str, percent: u32, weights: Weights) {
    let worlds = if number("XTASK_TEST_LONG").is_some() {
        WORLDS_LONG
    } else {
        WORLDS
    };
    let config = ProptestConfig {
        cases: worlds * percent / 100,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let first = number("XTASK_TEST_SEED").unwrap_or_default();
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&first.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    match runner.run(&weights.plans(), |plan| World::run(&plan)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, plan)) => panic!(
            "{reason}\nThis was one of the worlds of XTASK_TEST_SEED={first} {test}. To run it alone:\n\
             XTASK_TEST_WORLD='{plan}' cargo test -p subrosa-e2e --test simulation one_world"
        ),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn on_a_calm_network_all_devices_agree() {
    explore("on_a_calm_network_all_devices_agree", 20, Weights::default());
}

#[test]
fn on_a_bad_network_all_devices_agree() {
    let weights = Weights {
        fault: 2,
        ..Weights::default()
    };
    explore("on_a_bad_network_all_devices_agree", 20, weights);
}

#[test]
fn across_crashes_of_both_sides_all_devices_agree() {
    let weights = Weights {
        fault: 1,
        crash: 2,
        ..Weights::default()
    };
    explore("across_crashes_of_both_sides_all_devices_agree", 45, weights);
}

#[test]
fn after_a_log_that_was_pruned_too_early_all_devices_come_back() {
    let weights = Weights {
        fault: 1,
        crash: 1,
        prune: 3,
    };
    explore(
        "after_a_log_that_was_pruned_too_early_all_devices_come_back",
        15,
        weights,
    );
}

/// The world that a failed test has printed, or a short one.
#[test]
fn one_world_can_be_run_alone() {
    let named = std::env::var("XTASK_TEST_WORLD");
    let plan = named
        .as_deref()
        .unwrap_or("7 2 send:0 up:0 down:0 send:1 die-before:1:2 up:1 add:0");
    let plan: Plan = plan.parse().unwrap_or_else(|error| panic!("{plan:?}: {error}"));
    if let Err(error) = World::run(&plan) {
        panic!("{error}");
    }
}
