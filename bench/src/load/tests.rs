//! The load against the relay, in one process: what is measured is what was offered.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use tokio::{net::TcpListener, runtime, task::LocalSet};

use super::*;
use crate::raw::relay;

const DEVICES: u32 = 4;
const RATE: u32 = 1_000;
const MEASURED: Duration = Duration::from_millis(500);
const STALL: Duration = Duration::from_millis(200);
const GIVE_UP_AFTER: Duration = Duration::from_secs(2);

/// Runs a load against a relay, and something else beside it.
fn run_beside(rate: Option<u32>, beside: impl Future<Output = ()> + 'static) -> LoadOutcome {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = Endpoint::of(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn_local(async move { relay::relay(listener).await.unwrap() });
        tasks.spawn_local(beside);
        let mut participants = relay::participants(DEVICES, 2);
        let plan = LoadPlan {
            rate,
            warm_up: Duration::ZERO,
            measured: MEASURED,
            give_up_after: GIVE_UP_AFTER,
        };
        let outcome = run(&endpoint, &mut participants, plan, None).await.unwrap();
        assert_eq!(participants.len(), DEVICES as usize);
        outcome
    })
}

fn stall(time: Duration) {
    let begun = clock::now();
    while begun.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[test]
fn every_message_that_is_due_is_sent_acknowledged_and_delivered_once() {
    let outcome = run_beside(Some(RATE), async {});
    let due = u64::from(RATE) / 2;
    assert_eq!(
        (outcome.send_to_ack.count, outcome.send_to_receive.count),
        (due, due)
    );
    assert_eq!(outcome.undelivered, 0);
}

#[test]
fn a_saturated_server_loses_nothing() {
    let outcome = run_beside(None, async {});
    assert!(outcome.acknowledged_per_s > 0.0);
    assert_eq!(outcome.send_to_receive.count, outcome.send_to_ack.count);
    assert_eq!(outcome.undelivered, 0);
}

/// The stall stops generator and relay alike; the pacer's thread does not know of it. Without counting from
/// the instant at which a message was due, one message of each device would show it, not two fifths of all.
#[test]
fn a_stall_counts_for_every_message_that_was_due_in_it() {
    let outcome = run_beside(Some(RATE), async {
        sleep(MEASURED / 4).await;
        stall(STALL);
    });
    assert_eq!(outcome.send_to_ack.count, u64::from(RATE) / 2);
    assert!(outcome.send_to_ack.max_ms >= 190.0, "{:?}", outcome.send_to_ack);
    // One in fifty messages is due in the first twentieth of the stall and waits for the rest of it.
    assert!(outcome.send_to_ack.p99_ms >= 180.0, "{:?}", outcome.send_to_ack);
}

#[test]
fn what_a_server_never_had_time_for_counts_as_late() {
    let outcome = run_beside(Some(RATE), async {
        sleep(MEASURED / 4).await;
        stall(MEASURED + GIVE_UP_AFTER);
    });
    assert!(outcome.given_up > u64::from(RATE) / 4, "{outcome:?}");
    assert_eq!(outcome.send_to_ack.count, u64::from(RATE) / 2);
    let late_ms = outcome.send_to_ack.p99_ms;
    assert!(late_ms >= 2_000.0, "{late_ms}");
}
