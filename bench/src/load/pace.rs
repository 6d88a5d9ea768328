//! When each message is due, and the thread that wakes the devices at that instant.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::sync::Notify;

use crate::{clock, limits::PACE};

/// How the messages of a run follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Each at its instant.
    Scheduled(Schedule),
    /// The next one as soon as there is room.
    Saturated {
        /// No message is sent after this.
        until: Instant,
    },
}

/// Messages at equal distances, dealt out to the devices in turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    origin: Instant,
    interval: Duration,
    devices: u64,
    total: u64,
}

impl Schedule {
    /// `rate` messages per second from `origin` until `end`.
    pub(crate) fn new(origin: Instant, end: Instant, rate: u32, devices: usize) -> Self {
        let total = (end - origin).as_nanos() / interval(rate).as_nanos();
        Self::of_total(
            origin,
            rate,
            devices,
            usize::try_from(total).unwrap_or(usize::MAX),
        )
    }

    /// `total` messages, `rate` per second, from `origin` on.
    pub(crate) fn of_total(origin: Instant, rate: u32, devices: usize, total: usize) -> Self {
        Self {
            origin,
            interval: interval(rate),
            devices: devices.max(1) as u64,
            total: total as u64,
        }
    }

    /// When message `index` of all is due.
    fn due_at(&self, index: u64) -> Instant {
        let nanos = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX);
        self.origin + Duration::from_nanos(nanos.saturating_mul(index))
    }

    /// How many of all messages are due.
    fn due(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.origin).as_nanos();
        let begun = elapsed / self.interval.as_nanos() + 1;
        u64::try_from(begun).unwrap_or(u64::MAX).min(self.total)
    }

    /// When message `index` of one device is due.
    pub(crate) fn device_due_at(&self, device: usize, index: u64) -> Instant {
        self.due_at(index * self.devices + device as u64)
    }

    /// How many messages of one device are due.
    pub(crate) fn device_due(&self, device: usize, now: Instant) -> u64 {
        self.dealt(device, self.due(now))
    }

    /// How many messages one device has to send in all.
    pub(crate) fn device_total(&self, device: usize) -> u64 {
        self.dealt(device, self.total)
    }

    /// How many of the first `messages` are the device's.
    fn dealt(&self, device: usize, messages: u64) -> u64 {
        messages.saturating_sub(device as u64).div_ceil(self.devices)
    }
}

/// The distance of two messages; never zero.
fn interval(rate: u32) -> Duration {
    Duration::from_secs(1) / rate.clamp(1, 1_000_000)
}

/// Wakes devices whose messages have become due. A thread of its own, because the timers of tokio are a
/// millisecond or two late, which would be most of a fast server's latency.
#[derive(Debug)]
pub(crate) struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Starts the thread; `wake` has one entry for each device.
    pub(crate) fn start(schedule: Schedule, wake: Vec<Arc<Notify>>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("pacer".into()).spawn({
            let stop = Arc::clone(&stop);
            move || run(schedule, &wake, &stop)
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It does nothing that could panic.
            let _ = thread.join();
        }
    }
}

fn run(schedule: Schedule, wake: &[Arc<Notify>], stop: &AtomicBool) {
    let devices = wake.len() as u64;
    let mut woken = 0;
    while woken < schedule.total && !stop.load(Ordering::Relaxed) {
        let now = clock::now();
        let due = schedule.due(now);
        for index in (woken..due).take(wake.len()) {
            // The remainder is an index of `wake`.
            wake[usize::try_from(index % devices).unwrap_or_default()].notify_one();
        }
        woken = woken.max(due);
        thread::park_timeout(schedule.due_at(woken).saturating_duration_since(now).max(PACE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: u32, devices: usize) -> Schedule {
        let origin = clock::now();
        Schedule::new(origin, origin + Duration::from_secs(2), rate, devices)
    }

    #[test]
    fn every_message_is_due_once_on_one_device() {
        let schedule = schedule(1000, 7);
        assert_eq!(schedule.total, 2000);
        assert_eq!(
            (0..7).map(|device| schedule.device_total(device)).sum::<u64>(),
            2000
        );
        let mut instants: Vec<_> = (0..7)
            .flat_map(|device| (0..schedule.device_total(device)).map(move |index| (device, index)))
            .map(|(device, index)| schedule.device_due_at(device, index) - schedule.origin)
            .collect();
        instants.sort();
        let expected: Vec<_> = (0..2000).map(Duration::from_millis).collect();
        assert_eq!(instants, expected);
    }

    #[test]
    fn a_message_counts_as_due_from_its_instant_on() {
        let schedule = schedule(500, 3);
        for device in 0..3 {
            for index in 0..schedule.device_total(device) {
                let due_at = schedule.device_due_at(device, index);
                assert_eq!(schedule.device_due(device, due_at), index + 1);
                let just_before = due_at
                    .checked_sub(Duration::from_nanos(1))
                    .filter(|at| *at >= schedule.origin);
                if let Some(just_before) = just_before {
                    assert_eq!(schedule.device_due(device, just_before), index);
                }
            }
        }
    }

    #[test]
    fn nothing_is_due_after_the_end() {
        let schedule = schedule(10, 64);
        let much_later = schedule.origin + Duration::from_hours(1);
        assert_eq!(
            (0..64)
                .map(|device| schedule.device_due(device, much_later))
                .sum::<u64>(),
            20
        );
    }
}
