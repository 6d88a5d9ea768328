//! The bounds of the engine, in one place.

use std::time::Duration;

/// Sends of one conversation that may be under way; their answers come in order.
pub(crate) const SEND_WINDOW: usize = 32;
/// A number that no device reaches: a server that expects a higher one has made it up.
pub(crate) const SEND_NUMBER_MAX: u64 = 1 << 53;
/// A place that no log reaches: a server that names one has made it up.
pub(crate) const SEQ_MAX: u64 = 1 << 53;
/// Tries on one connection to remove an own device that is signed out from a conversation. One that comes back
/// is let in by the server that says it is signed out.
pub(crate) const REMOVALS_MAX: u32 = 3;
/// Entries held for one conversation until those before them come; more are fetched again.
pub(crate) const HELD_ENTRIES_MAX: usize = 1_000;
/// Welcomes that wait to be acknowledged; what is beyond comes again with the next Sync.
pub(crate) const WELCOMES_UNACKNOWLEDGED_MAX: usize = 256;
/// Syncs that follow one another at once because of what the server pushed; see [`crate::requests::Pace`].
pub(crate) const SYNC_BURST: u32 = 16;
/// After them one Sync leaves in this time.
pub(crate) const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Acknowledgements of Welcomes that follow one another at once.
pub(crate) const WELCOMES_BURST: u32 = 16;
/// After them one leaves in this time.
pub(crate) const WELCOMES_INTERVAL: Duration = Duration::from_secs(1);
/// Times that key packages are made at once because the server says it has few.
pub(crate) const PUBLISH_BURST: u32 = 4;
/// After them they are made once in this time: each time costs work, and room in the database for good.
pub(crate) const PUBLISH_INTERVAL: Duration = Duration::from_mins(1);
/// External joins that may lose against a faster commit before the next one waits.
pub(crate) const JOINS_AT_ONCE: u32 = 4;
/// Different warnings that are shown on one connection.
pub(crate) const WARNINGS_MAX: usize = 100;
/// The own leaf key is renewed at the start of a turn, at most this often.
pub(crate) const SELF_UPDATE_INTERVAL: Duration = Duration::from_mins(1);
/// The first wait after a refusal that may pass; it doubles with each further one.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_secs(1);
/// The longest wait.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_mins(1);
/// Leaves of the MLS groups that stay in memory between steps; each takes some 3 KiB.
pub(crate) const LOADED_LEAVES_MAX: usize = 4_096;
