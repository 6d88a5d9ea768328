//! What a run counts. A message says in its send id when it was due, so whoever receives it knows its age.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use subrosa_wire::SendId;
use tokio::sync::Notify;

use super::LoadOutcome;
use crate::{latency::Latencies, probe::Usage};

/// Counts one run.
pub(super) struct Meter {
    origin: Instant,
    measured_from: Instant,
    measured_until: Instant,
    counts: RefCell<Counts>,
    delivery: Notify,
}

struct Counts {
    acknowledged: u64,
    acknowledged_in_time: u64,
    delivered: u64,
    given_up: u64,
    send_to_ack: Latencies,
    send_to_receive: Latencies,
}

impl Meter {
    pub(super) fn new(origin: Instant, measured_from: Instant, measured_until: Instant) -> Self {
        let counts = Counts {
            acknowledged: 0,
            acknowledged_in_time: 0,
            delivered: 0,
            given_up: 0,
            send_to_ack: Latencies::new(),
            send_to_receive: Latencies::new(),
        };
        Self {
            origin,
            measured_from,
            measured_until,
            counts: RefCell::new(counts),
            delivery: Notify::new(),
        }
    }

    /// The id of a message that is due at this instant: the instant, and which message it is.
    pub(super) fn send_id(&self, due_at: Instant, device: usize, index: u64) -> SendId {
        let nanos = u64::try_from((due_at - self.origin).as_nanos()).unwrap_or(u64::MAX);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&nanos.to_be_bytes());
        id[8..10].copy_from_slice(&(device as u64).to_be_bytes()[6..]);
        id[10..].copy_from_slice(&index.to_be_bytes()[2..]);
        SendId::from_bytes(id)
    }

    /// The server has acknowledged a message.
    pub(super) fn acknowledged(&self, due_at: Instant, now: Instant) {
        let mut counts = self.counts.borrow_mut();
        counts.acknowledged += 1;
        if self.is_measured(now) {
            counts.acknowledged_in_time += 1;
        }
        if self.is_measured(due_at) {
            counts.send_to_ack.record(now.saturating_duration_since(due_at));
        }
    }

    /// A message that was due is not sent any more. It has waited for so long, and would have for longer.
    pub(super) fn given_up(&self, due_at: Instant, now: Instant) {
        let mut counts = self.counts.borrow_mut();
        counts.given_up += 1;
        if self.is_measured(due_at) {
            counts.send_to_ack.record(now.saturating_duration_since(due_at));
        }
    }

    /// A message has arrived at the other side.
    pub(super) fn delivered(&self, send_id: &[u8], now: Instant) {
        let Some(nanos) = send_id.first_chunk() else {
            return;
        };
        let due_at = self.origin + Duration::from_nanos(u64::from_be_bytes(*nanos));
        let mut counts = self.counts.borrow_mut();
        counts.delivered += 1;
        if self.is_measured(due_at) {
            counts
                .send_to_receive
                .record(now.saturating_duration_since(due_at));
        }
        if counts.delivered >= counts.acknowledged {
            self.delivery.notify_one();
        }
    }

    /// Returns once everything that was acknowledged has arrived.
    pub(super) async fn all_delivered(&self) {
        loop {
            {
                let counts = self.counts.borrow();
                if counts.delivered >= counts.acknowledged {
                    return;
                }
            }
            self.delivery.notified().await;
        }
    }

    pub(super) fn outcome(&self, measured: Duration, usage: Option<Usage>) -> LoadOutcome {
        let counts = self.counts.borrow();
        #[expect(clippy::cast_precision_loss, reason = "far fewer messages than 2^52")]
        let acknowledged = counts.acknowledged_in_time as f64;
        LoadOutcome {
            acknowledged_per_s: acknowledged / measured.as_secs_f64(),
            send_to_ack: counts.send_to_ack.percentiles(),
            send_to_receive: counts.send_to_receive.percentiles(),
            usage,
            undelivered: counts.acknowledged.saturating_sub(counts.delivered),
            given_up: counts.given_up,
        }
    }

    fn is_measured(&self, instant: Instant) -> bool {
        (self.measured_from..self.measured_until).contains(&instant)
    }
}
