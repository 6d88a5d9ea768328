//! A deterministic world: real engines and the real service, with a network, a clock and crashes under the
//! test's control. Whatever happens, when the faults end all devices agree.
//!
//! `SUBROSA_TEST_LONG=1` runs 10,000 worlds instead of a few hundred, `SUBROSA_TEST_SEED=n` runs others. A
//! failing world is shrunk to its shortest sequence of actions.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod device;
mod network;
mod server;
mod world;

use proptest::{
    prelude::*,
    sample::Index,
    strategy::Union,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};

use crate::world::{Action, World};

/// How often something happens compared with the delivery of a frame (30).
struct Weights {
    fault: u32,
    crash: u32,
}

fn number(variable: &str) -> Option<u32> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs a share of the worlds.
fn explore(share: u32, weights: &Weights) {
    let worlds = if number("SUBROSA_TEST_LONG").is_some() {
        10_000
    } else {
        240
    };
    let config = ProptestConfig {
        cases: worlds / share,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("SUBROSA_TEST_SEED").unwrap_or_default().to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&(any::<u64>(), actions(weights)), |(seed, actions)| {
        World::run(seed, &actions)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (seed, actions))) => {
            panic!("{reason}\nin the world {seed} with {actions:?}");
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn actions(weights: &Weights) -> impl Strategy<Value = Vec<Action>> + use<> {
    let of = |make: fn(Index) -> Action| any::<Index>().prop_map(make).boxed();
    let kinds = [
        (6, of(Action::SendText)),
        (2, of(Action::MarkRead)),
        (30, of(Action::DeliverToServer)),
        (30, of(Action::DeliverToDevice)),
        (3, of(Action::Connect)),
        (2, (1_u32..90_000).prop_map(Action::Wait).boxed()),
        (1, of(Action::AddDevice)),
        (weights.fault, of(Action::Cut)),
        (weights.fault, of(Action::ReorderToServer)),
        (weights.fault, of(Action::ReorderToDevice)),
        (weights.fault, of(Action::DuplicateToServer)),
        (weights.fault, of(Action::DuplicateToDevice)),
        (weights.fault, of(Action::LoseToServer)),
        (weights.fault, of(Action::LoseToDevice)),
        (weights.crash, of(Action::CrashBeforeCommit)),
        (weights.crash, of(Action::CrashAfterCommit)),
        (weights.crash, Just(Action::RestartServer).boxed()),
    ];
    let kinds = kinds.into_iter().filter(|(weight, _)| *weight > 0);
    prop::collection::vec(Union::new_weighted(kinds.collect()), 10..120)
}

#[test]
fn on_a_calm_network_all_devices_agree() {
    explore(4, &Weights { fault: 0, crash: 0 });
}

#[test]
fn on_a_bad_network_all_devices_agree() {
    explore(4, &Weights { fault: 2, crash: 0 });
}

#[test]
fn across_crashes_of_both_sides_all_devices_agree() {
    explore(2, &Weights { fault: 1, crash: 2 });
}
