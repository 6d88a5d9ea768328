//! Every bound and every patience of this crate, in one place.

use std::time::Duration;

/// Jobs that wait for the engine's thread; a caller beyond that waits for a place.
pub(crate) const ENGINE_JOBS_MAX: usize = 256;
/// Frames that wait to be written. The engine bounds its requests under way well below; a connection
/// that cannot keep up is closed, and the engine sends again on the next one.
pub(crate) const OUTGOING_FRAMES_MAX: usize = 1024;
/// Frames that a browser has received and the engine has not taken; beyond that the connection is given up.
#[cfg(target_arch = "wasm32")]
pub(crate) const INCOMING_FRAMES_MAX: usize = 4096;
/// Bytes that a browser holds to be sent before the next frame waits.
#[cfg(target_arch = "wasm32")]
pub(crate) const WRITE_BUFFER_MAX: u32 = 4 * 1024 * 1024;
/// Attempts to open the database's files, which the browser may hold for a page that is gone.
#[cfg(target_arch = "wasm32")]
pub(crate) const POOL_ATTEMPTS_MAX: u32 = 50;
/// The wait between two of them.
#[cfg(target_arch = "wasm32")]
pub(crate) const POOL_RETRY_AFTER: Duration = Duration::from_millis(100);
/// Events that a subscriber may lag behind before it is told to load everything again.
pub(crate) const EVENTS_MAX: usize = 1024;
/// Moves of one conversation that are followed.
pub(crate) const MOVES_MAX: usize = 8;
/// Requests for an access token that wait.
pub(crate) const TOKEN_REQUESTS_MAX: usize = 64;

/// The answer to a REST request, in bytes: a page of the log in base64, or a vault with its wraps.
pub(crate) const REST_ANSWER_MAX: usize = 4 * 1024 * 1024;
/// Until the TCP (and TLS) connection stands.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the start of a REST request to the end of its answer.
pub(crate) const REST_TIMEOUT: Duration = Duration::from_secs(30);
/// From the open WebSocket to Ready.
pub(crate) const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// Until one frame is handed to the operating system.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// How often an idle connection is pinged at least, whatever the server allows: a dead network is noticed
/// within this and [`ANSWER_TIMEOUT`].
pub(crate) const PING_INTERVAL_MAX: Duration = Duration::from_secs(15);
/// And at most.
pub(crate) const PING_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// How long after a ping something must have come.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The first wait between two attempts to connect is at most this long…
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(200);
/// …and doubles up to this.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A connection that stood this long was a good one: the waits start over.
pub(crate) const STABLE_AFTER: Duration = Duration::from_mins(1);

/// An access token is replaced this long before it ends.
pub(crate) const TOKEN_MARGIN: Duration = Duration::from_mins(1);
/// Attempts to store the vault while other devices change it too.
pub(crate) const VAULT_ATTEMPTS_MAX: usize = 5;
/// How long [`crate::Client::close`] waits for the tasks to end.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Attempts to make an account whose answers were lost.
pub(crate) const SIGN_UP_ATTEMPTS_MAX: u32 = 6;
