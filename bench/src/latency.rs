//! Latencies as a histogram: three significant digits from a microsecond to a minute.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

const LOWEST_US: u64 = 1;
const HIGHEST_US: u64 = 60_000_000;
const DIGITS: u8 = 3;

/// Collects latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

/// What is reported of many latencies, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many there were.
    pub count: u64,
    /// Half were shorter.
    pub p50_ms: f64,
    /// One in a hundred was longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Latencies {
    #[expect(
        clippy::expect_used,
        reason = "the bounds are constants that the histogram accepts"
    )]
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS).expect("constant bounds are valid"))
    }

    /// Adds one; what is longer than a minute counts as a minute.
    pub(crate) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.max(LOWEST_US));
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        Percentiles {
            count: self.0.len(),
            p50_ms: millis(self.0.value_at_quantile(0.5)),
            p99_ms: millis(self.0.value_at_quantile(0.99)),
            max_ms: millis(self.0.max()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a minute in microseconds")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_keep_three_digits_and_never_lose_the_slowest() {
        let mut latencies = Latencies::new();
        for millis in 1..=100 {
            latencies.record(Duration::from_millis(millis));
        }
        latencies.record(Duration::from_hours(1));
        let percentiles = latencies.percentiles();
        assert_eq!(percentiles.count, 101);
        assert!((percentiles.p50_ms - 51.0).abs() < 0.1, "{percentiles:?}");
        assert!((percentiles.p99_ms - 100.0).abs() < 0.2, "{percentiles:?}");
        assert!(
            (59_000.0..61_000.0).contains(&percentiles.max_ms),
            "{percentiles:?}"
        );
    }

    #[test]
    fn nothing_measured_is_nothing() {
        assert_eq!(Latencies::new().percentiles(), Percentiles::default());
    }
}
