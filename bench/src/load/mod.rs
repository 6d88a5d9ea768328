//! Durable messages between many devices, at an offered rate or as fast as the server takes them.
//!
//! At an offered rate the load is an open loop: each message has an instant at which it is due, whatever
//! became of those before it, and latencies count from that instant, so a server that stalls cannot hide it
//! (no coordinated omission). Saturated, it is a closed loop: every connection keeps a fixed number under way.

mod device;
mod meter;
mod pace;

use std::{rc::Rc, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use subrosa_wire::ConversationId;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};

pub(crate) use self::pace::{Pace, Pacer, Schedule};
use self::{device::DeviceState, meter::Meter};
use crate::{
    clock,
    latency::Percentiles,
    limits::{ACKNOWLEDGE_EVERY, DRAIN_TIMEOUT, UNDER_WAY_MAX, UNDER_WAY_SATURATED},
    live::{Connection, Endpoint},
    probe::{Probe, Usage},
};

/// A device that sends and receives.
pub(crate) struct Participant {
    pub(crate) access_token: String,
    pub(crate) conversations: Vec<Outbound>,
}

/// A conversation as one of its devices sends to it.
pub(crate) struct Outbound {
    pub(crate) conversation_id: ConversationId,
    /// The number of the device's newest entry.
    pub(crate) last_send_number: u64,
    /// Sent again and again: to a server every ciphertext is noise.
    pub(crate) message: Bytes,
}

/// How much, how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoadPlan {
    /// Messages per second of all devices together; `None` for as many as the server takes.
    pub(crate) rate: Option<u32>,
    /// Not measured.
    pub(crate) warm_up: Duration,
    /// Measured.
    pub(crate) measured: Duration,
    /// As [`GIVE_UP_AFTER`](crate::limits::GIVE_UP_AFTER).
    pub(crate) give_up_after: Duration,
}

/// What was measured.
#[derive(Debug, Clone)]
pub(crate) struct LoadOutcome {
    pub(crate) acknowledged_per_s: f64,
    pub(crate) send_to_ack: Percentiles,
    pub(crate) send_to_receive: Percentiles,
    /// What the server used for how many messages.
    pub(crate) usage: Option<Usage>,
    /// Messages that were acknowledged and had not reached the other side at the end.
    pub(crate) undelivered: u64,
    /// Messages that were due and never sent, because the server could not keep up.
    pub(crate) given_up: u64,
}

/// What the tasks of one run share.
struct Run {
    pace: Pace,
    give_up_at: std::time::Instant,
    under_way_max: usize,
    meter: Meter,
}

/// Runs the load. Must be called on a `LocalSet`.
pub(crate) async fn run(
    endpoint: &Endpoint,
    participants: &mut Vec<Participant>,
    plan: LoadPlan,
    probe: Option<&Probe>,
) -> Result<LoadOutcome> {
    let mut connections = Vec::with_capacity(participants.len());
    for participant in participants.iter() {
        connections.push(Connection::open(endpoint, &participant.access_token).await?);
    }

    let devices = connections.len();
    let origin = clock::now();
    let measured_from = origin + plan.warm_up;
    let measured_until = measured_from + plan.measured;
    let pace = match plan.rate {
        Some(rate) => Pace::Scheduled(Schedule::new(origin, measured_until, rate, devices)),
        None => Pace::Saturated {
            until: measured_until,
        },
    };
    let under_way_max = if plan.rate.is_some() {
        UNDER_WAY_MAX
    } else {
        UNDER_WAY_SATURATED
    };
    let run = Rc::new(Run {
        pace,
        give_up_at: measured_until + plan.give_up_after,
        under_way_max,
        meter: Meter::new(origin, measured_from, measured_until),
    });

    let mut readers = JoinSet::new();
    let mut writers = JoinSet::new();
    let mut states = Vec::with_capacity(devices);
    for (index, (connection, participant)) in connections.into_iter().zip(participants.drain(..)).enumerate()
    {
        let Connection { reader, writer, .. } = connection;
        let state = Rc::new(DeviceState::default());
        readers.spawn_local(device::read(reader, Rc::clone(&state), Rc::clone(&run)));
        let writing = device::write(index, participant, writer, Rc::clone(&state), Rc::clone(&run));
        writers.spawn_local(async move { (index, writing.await) });
        states.push(state);
    }
    let wake: Vec<Arc<Notify>> = states.iter().map(|state| Arc::clone(&state.wake)).collect();
    let pacer = match pace {
        Pace::Scheduled(schedule) => Some(Pacer::start(schedule, wake)?),
        Pace::Saturated { .. } => None,
    };
    readers.spawn_local(async move {
        loop {
            sleep(ACKNOWLEDGE_EVERY).await;
            for state in &states {
                state.acknowledge_soon();
            }
        }
    });

    let usage = async {
        let Some(probe) = probe else { return Ok(None) };
        sleep_until(Instant::from_std(measured_from)).await;
        let before = probe.sample().await?;
        sleep_until(Instant::from_std(measured_until)).await;
        anyhow::Ok(Some(probe.sample().await?.since(&before)))
    };
    let finish = async {
        let mut returned: Vec<(usize, Participant)> = Vec::with_capacity(devices);
        let deadline = Instant::from_std(run.give_up_at) + DRAIN_TIMEOUT;
        while let Some(ended) = timeout_at(deadline, writers.join_next()).await.with_context(|| {
            format!("the server had not answered all messages {DRAIN_TIMEOUT:?} after the last one was sent")
        })? {
            let (index, participant) = ended?;
            returned.push((index, participant?));
        }
        returned.sort_by_key(|(index, _)| *index);
        // What has not arrived then is reported as undelivered.
        let _ = timeout(DRAIN_TIMEOUT, run.meter.all_delivered()).await;
        anyhow::Ok(returned)
    };
    let (usage, returned) = tokio::select! {
        both = async { tokio::try_join!(usage, finish) } => both?,
        Some(ended) = readers.join_next() => match ended? {
            Ok(()) => bail!("a connection ended"),
            Err(error) => return Err(error).context("a device could not take part to the end"),
        },
    };
    drop(pacer);
    participants.extend(returned.into_iter().map(|(_, participant)| participant));
    Ok(run.meter.outcome(plan.measured, usage))
}

#[cfg(test)]
mod tests;
