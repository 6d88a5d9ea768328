//! All limits and timeouts of this crate.

use std::time::Duration;

/// The most jobs that are queued for the engine's thread; further callers wait.
pub(crate) const ENGINE_JOBS_MAX: usize = 256;
/// The most frames that are queued for writing. The engine has far fewer requests in flight; a connection that cannot
/// keep up is closed, and the engine sends again on the next one.
pub(crate) const OUTGOING_FRAMES_MAX: usize = 1024;
/// The most frames that a browser has received and the engine has not processed; beyond that the connection is closed.
#[cfg(target_arch = "wasm32")]
pub(crate) const INCOMING_FRAMES_MAX: usize = 4096;
/// The most bytes in a browser's send buffer; beyond that the next frame waits.
#[cfg(target_arch = "wasm32")]
pub(crate) const WRITE_BUFFER_MAX: u32 = 4 * 1024 * 1024;
/// Attempts to open the database's files, which the browser may still hold for a closed page.
#[cfg(target_arch = "wasm32")]
pub(crate) const POOL_ATTEMPTS_MAX: u32 = 50;
/// The wait between two such attempts.
#[cfg(target_arch = "wasm32")]
pub(crate) const POOL_RETRY_AFTER: Duration = Duration::from_millis(100);
/// How many events a subscriber may lag behind before it has to reload.
pub(crate) const EVENTS_MAX: usize = 1024;
/// The most queued requests for an access token.
pub(crate) const TOKEN_REQUESTS_MAX: usize = 64;

/// The longest answer to a REST request, in bytes: a page of the log in base64, or a vault with its wraps.
pub(crate) const REST_ANSWER_MAX: usize = 4 * 1024 * 1024;
/// Time limit for the TCP (and TLS) connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit from the start of a REST request to the end of its answer.
pub(crate) const REST_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit from the open WebSocket to Ready.
pub(crate) const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long is waited for what the server says of invite links.
pub(crate) const LINKS_PATIENCE: Duration = Duration::from_secs(10);
/// Time limit for passing one frame to the operating system.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest interval between pings on an idle connection, whatever the server allows: a dead network is noticed
/// within this and [`ANSWER_TIMEOUT`].
pub(crate) const PING_INTERVAL_MAX: Duration = Duration::from_secs(15);
/// The shortest.
pub(crate) const PING_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// How long after a ping, or after any other request, a frame must have arrived.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The same while the server owes what may be as long as a frame can be.
pub(crate) const LONG_ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// The slowest line that counts as alive, in bytes a second: a long request may take this much more time to be answered.
pub(crate) const SLOWEST_LINE: usize = 2 * 1024;

/// The ceiling of the first wait between two attempts to connect.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(200);
/// The ceiling doubles up to this.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A connection that lasted this long was a good one and resets the waits.
pub(crate) const STABLE_AFTER: Duration = Duration::from_mins(1);

/// How far this device's clock may be from the server's without a word: time zones are an hour apart.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_hours(1);
/// How far it may be when a device is made: its certificate would be refused as one of the future. An hour less than the
/// time by which certificates are dated back.
pub(crate) const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_hours(25);

/// An access token is replaced this long before it expires.
pub(crate) const TOKEN_MARGIN: Duration = Duration::from_mins(1);
/// How often a device looks whether its certificate is due, if no new connection makes it look earlier.
pub(crate) const CERTIFICATE_CHECK_INTERVAL: Duration = Duration::from_hours(24);
/// Attempts to store the vault while other devices change it, too.
pub(crate) const VAULT_ATTEMPTS_MAX: usize = 5;
/// How long [`crate::Client::close`] waits for the tasks to end: the last one writes to a disk that may be busy.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Attempts to create an account when answers are lost.
pub(crate) const SIGN_UP_ATTEMPTS_MAX: u32 = 6;
