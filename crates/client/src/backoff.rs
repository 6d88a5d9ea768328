//! How long to wait before the next attempt to connect: exponential backoff with full jitter, so that the devices that
//! lost one server do not all come back at the same instant.
//!
//! Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

use std::time::Duration;

use rand_core::RngCore;

use crate::limits::{BACKOFF_MAX, BACKOFF_MIN, STABLE_AFTER};

/// The waits of one series of attempts.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Records a connection that lasted for `stood`: a good one resets the series.
    pub(crate) fn connection_ended(&mut self, stood: Duration) {
        if stood >= STABLE_AFTER {
            self.failures = 0;
        }
    }

    /// The next wait: uniformly distributed between zero and a ceiling that doubles each time.
    pub(crate) fn next(&mut self, rng: &mut impl RngCore) -> Duration {
        let ceiling = BACKOFF_MIN
            .saturating_mul(1 << self.failures.min(16))
            .min(BACKOFF_MAX);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(f64::from(rng.next_u32()) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Always the same number.
    struct Always(u32);

    impl RngCore for Always {
        fn next_u32(&mut self) -> u32 {
            self.0
        }
        fn next_u64(&mut self) -> u64 {
            self.0.into()
        }
        fn fill_bytes(&mut self, destination: &mut [u8]) {
            rand_core::impls::fill_bytes_via_next(self, destination);
        }
        fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), rand_core::Error> {
            self.fill_bytes(destination);
            Ok(())
        }
    }

    #[test]
    fn the_ceiling_doubles_up_to_its_maximum() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..10)
            .map(|_| backoff.next(&mut Always(u32::MAX)).as_millis())
            .collect();
        assert_eq!(
            waits,
            [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]
        );
    }

    #[test]
    fn a_wait_is_anything_down_to_nothing() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next(&mut Always(0)), Duration::ZERO);
        let half = backoff.next(&mut Always(u32::MAX / 2));
        assert!((199..=201).contains(&half.as_millis()), "{half:?}");
    }

    #[test]
    fn only_a_connection_that_stood_for_a_minute_starts_the_series_over() {
        let mut backoff = Backoff::default();
        for _ in 0..4 {
            backoff.next(&mut Always(0));
        }
        backoff.connection_ended(Duration::from_secs(59));
        assert_eq!(backoff.next(&mut Always(u32::MAX)).as_millis(), 3200);
        backoff.connection_ended(Duration::from_mins(1));
        assert_eq!(backoff.next(&mut Always(u32::MAX)).as_millis(), 200);
    }

    #[test]
    fn failures_without_end_do_not_overflow() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.next(&mut Always(u32::MAX)), BACKOFF_MAX);
    }
}
