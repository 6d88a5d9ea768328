//! Prometheus metrics: every counter of the process, as text.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How often what was measured is folded into the histograms.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Upper bounds of the histogram buckets for durations, in seconds.
const DURATION_BUCKETS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
/// Upper bounds of the histogram buckets for sizes of batches.
const COUNT_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The metrics of this process. Several servers in one process, as in tests, share them.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<PrometheusHandle>>);

impl Metrics {
    /// Starts to count, or joins in.
    pub fn start() -> anyhow::Result<Self> {
        static STARTED: OnceLock<Arc<PrometheusHandle>> = OnceLock::new();
        if let Some(handle) = STARTED.get() {
            return Ok(Self(Some(Arc::clone(handle))));
        }
        let recorder = PrometheusBuilder::new()
            .set_buckets(&COUNT_BUCKETS)?
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BUCKETS)?
            .build_recorder();
        let handle = Arc::new(recorder.handle());
        if metrics::set_global_recorder(recorder).is_err() {
            // Another thread came first, or the host of this library counts by itself.
            return Ok(Self(STARTED.get().cloned()));
        }
        metrics::gauge!("subrosa_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Ok(Self(Some(Arc::clone(STARTED.get_or_init(|| handle)))))
    }

    /// The metrics in the text format of Prometheus; empty if another recorder is installed.
    pub fn render(&self) -> String {
        self.0.as_ref().map(|handle| handle.render()).unwrap_or_default()
    }

    /// Folds what was measured into the histograms, now and then, until the server stops.
    pub async fn keep_up(self, stopping: tokio_util::sync::CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Some(handle) = &self.0 {
                handle.run_upkeep();
            }
        }
        Ok(())
    }
}
