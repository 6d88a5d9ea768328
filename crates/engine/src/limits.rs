//! The bounds of the engine, in one place.

use std::time::Duration;

/// Sends of one conversation that may be under way; their answers come in order.
pub(crate) const SEND_WINDOW: usize = 32;
/// Entries held for one conversation until those before them come; more are fetched again.
pub(crate) const HELD_ENTRIES_MAX: usize = 1_000;
/// The own leaf key is renewed at the start of a turn, at most this often.
pub(crate) const SELF_UPDATE_INTERVAL: Duration = Duration::from_mins(1);
/// The first wait after a refusal that may pass; it doubles with each further one.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest wait.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_mins(1);
