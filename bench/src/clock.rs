//! The one place of this crate that reads the monotonic clock.

use std::time::Instant;

/// Now. Only differences mean anything.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures; this is its one clock"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
