//! The browser's clock, and timers.

use std::{pin::pin, time::Duration};

use gloo_timers::future::TimeoutFuture;
use subrosa_wire::Timestamp;

use crate::platform::Elapsed;

/// The longest timer that a browser supports: a longer one would fire at once.
const TIMER_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// The current time, by the browser's clock. A clock set before 1970 reads as 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest integer of the type: no instant that a clock shows is cut"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as u64)
}

/// Waits for this long; if that is no time, until everything else has had its turn.
pub(crate) async fn sleep(duration: Duration) {
    let mut left = duration;
    loop {
        let nap = left.min(TIMER_MAX);
        TimeoutFuture::new(u32::try_from(nap.as_millis()).unwrap_or(u32::MAX)).await;
        left -= nap;
        if left.is_zero() {
            return;
        }
    }
}

/// The future's output, if it is ready in time.
pub(crate) async fn timeout<F: Future>(patience: Duration, future: F) -> Result<F::Output, Elapsed> {
    let future = pin!(future);
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = sleep(patience) => Err(Elapsed),
    }
}
