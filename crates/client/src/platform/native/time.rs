//! The machine's clock, and timers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use subrosa_wire::Timestamp;

use crate::platform::Elapsed;

/// The current time, by the machine's clock. A clock set before 1970 reads as 1970.
#[expect(clippy::disallowed_methods, reason = "this module is the crate's one clock")]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// Waits for this long.
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// The future's output, if it is ready in time.
pub(crate) async fn timeout<F: Future>(patience: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout(patience, future).await.map_err(|_| Elapsed)
}
