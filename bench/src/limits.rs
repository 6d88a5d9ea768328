//! Every bound of the benchmark, and the sizes that its figures depend on.

use std::time::Duration;

/// Content of a message before encryption, in bytes.
pub const CONTENT_BYTES: usize = 1024;
/// What a client has under way on one connection at most; a quarter of what the protocol allows. A message
/// whose turn comes while so many are under way waits, and its waiting counts.
pub(crate) const UNDER_WAY_MAX: usize = 64;
/// What each connection keeps under way when the server is saturated.
pub(crate) const UNDER_WAY_SATURATED: usize = 16;
/// How often a device tells the server what it has stored.
pub(crate) const ACKNOWLEDGE_EVERY: Duration = Duration::from_millis(100);
/// The generator sends what is due at most this often.
pub(crate) const PACE: Duration = Duration::from_micros(200);
/// How long answers may be outstanding after the last message was sent.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long messages that were due in time are still sent after the end, if the server could not keep up. What
/// is left then is given up, and counts with the time that it has waited.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_secs(2);
/// How long a connection may take until it is ready.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one request of the preparation may take.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Sign-ups and connects that are under way at the same time.
pub(crate) const PREPARE_TOGETHER: usize = 32;
/// Messages of a fan-out that are under way at the same time.
pub(crate) const FAN_OUT_UNDER_WAY: u64 = 4;
/// A sealed receipt as clients make it, in bytes.
pub(crate) const RECEIPT_BYTES: usize = 197;
/// Content of a report that is a message, before encryption, in bytes: a MIMI status report of one message.
pub(crate) const REPORT_BYTES: usize = 64;
/// Reports whose deliveries are awaited before the next one leaves.
pub(crate) const REPORTS_UNDER_WAY: u64 = 16;
/// Devices that the measured addition to a group adds.
pub(crate) const GROUP_ADDED: usize = 100;
/// Devices that the additions before it add together, so that the Welcome stays within what the protocol takes.
pub(crate) const GROUP_ADDED_BEFORE: usize = 250;
/// Messages of which the median is the time to read one in a group.
pub(crate) const GROUP_READS: usize = 15;
/// Messages that a client misses while it is away from a group.
pub(crate) const GROUP_MISSED_MESSAGES: u32 = 200;
/// Self-updates that it misses.
pub(crate) const GROUP_MISSED_COMMITS: u32 = 48;
/// Pause between two messages of a member that sends during an addition.
pub(crate) const GROUP_SENDS_EVERY: Duration = Duration::from_millis(5);
/// How long a server may take to tell its hub of a connection after Ready.
pub(crate) const HUB_SETTLE: Duration = Duration::from_millis(100);
/// How long a server may take to start or to stop.
pub(crate) const SERVER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server is left alone before its memory is read.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);
/// The largest frame that is read.
pub(crate) const FRAME_MAX: usize = subrosa_wire::limits::FRAME_MAX;
/// Room for what arrives on one connection at a time.
pub(crate) const READ_BYTES: usize = 16 * 1024;
