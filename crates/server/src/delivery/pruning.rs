//! Deletes, now and then, what every device has stored or what is past its time: entries, invite links, requests to join.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::DeliveryConfig;
use crate::{
    clock::Clock,
    limits::{JOIN_REQUEST_KEPT, PRUNE_CONVERSATIONS_PER_STEP, PRUNE_ENTRIES_PER_STEP, REVOKED_LINK_KEPT},
    store::{Store, StoreError, delivery::PruneStep},
};

/// Runs until `stop` is cancelled. A failure is logged and the next round tries again.
pub(super) async fn run(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    config: DeliveryConfig,
    stop: CancellationToken,
) {
    let mut rounds = tokio::time::interval(config.prune_interval);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            round = round(store.as_ref(), clock.as_ref(), &config) => match round {
                Ok(0) => {}
                Ok(deleted) => tracing::debug!(deleted, "log entries were pruned"),
                Err(error) => tracing::warn!(%error, "log entries were not pruned"),
            }
        }
    }
}

/// Looks at every conversation once; returns the number of entries that went.
pub(super) async fn round(
    store: &dyn Store,
    clock: &dyn Clock,
    config: &DeliveryConfig,
) -> Result<u64, StoreError> {
    let mut step = PruneStep {
        resume_after: None,
        conversations_max: PRUNE_CONVERSATIONS_PER_STEP,
        entries_max: PRUNE_ENTRIES_PER_STEP,
        accepted_before: clock.now().minus(config.retention),
    };
    let mut deleted = 0;
    loop {
        let outcome = store.prune(step).await?;
        deleted += outcome.deleted;
        if outcome.resume_after.is_none() {
            break;
        }
        step.resume_after = outcome.resume_after;
    }
    let now = clock.now();
    store
        .forget_links(now.minus(REVOKED_LINK_KEPT), now.minus(JOIN_REQUEST_KEPT))
        .await?;
    metrics::counter!("subrosa_entries_pruned_total").increment(deleted);
    Ok(deleted)
}
