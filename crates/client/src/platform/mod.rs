//! Everything that differs between a program on an operating system and one in a browser's worker: tasks and time, the
//! network, and where a profile is stored. Both modules define the same names.

use std::time::Duration;

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub use browser::*;
#[cfg(not(target_arch = "wasm32"))]
pub use native::*;

/// The time limit of [`timeout`] has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// An HTTP request, in a form that both platforms can send.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub method: &'static str,
    /// An absolute URL.
    pub address: String,
    /// For the Authorization header.
    pub bearer_token: Option<String>,
    pub json: Option<Vec<u8>>,
}

/// A server's answer.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub status: u16,
    /// The Content-Type header; empty without one.
    pub media_type: String,
    /// The Retry-After header, in seconds (RFC 9110, section 10.2.3). One that holds a date counts as none.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpFailure {
    /// The answer did not come in time.
    TimedOut,
    /// There was no connection. The reason is human-readable.
    Unreachable(String),
    /// The body is longer than was allowed.
    TooLong,
}

/// Why there is no WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketFailure {
    /// Human-readable.
    pub reason: String,
    /// After which time to try again, if the server said so.
    pub retry_after: Option<Duration>,
}

impl From<String> for WebSocketFailure {
    fn from(reason: String) -> Self {
        Self {
            reason,
            retry_after: None,
        }
    }
}

/// Reads a Retry-After header.
pub(crate) fn retry_after(header: Option<&str>) -> Option<Duration> {
    let seconds: u32 = header?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

/// The parts of a URL that are checked.
pub(crate) struct Address {
    /// Without colon.
    pub scheme: String,
    /// An IPv6 address is in brackets.
    pub host: String,
    /// Whether there is a user name, a password, a query or a fragment.
    pub has_surplus: bool,
    /// The whole URL, normalised.
    pub text: String,
}

/// A profile that is being created ([`Draft`]) and a complete one ([`Profile`]) have their database in the same place
/// under the same key; see the module of the platform.
pub(crate) type Key = zeroize::Zeroizing<[u8; KEY_LEN]>;

/// Length of the key of a database, in bytes.
pub(crate) const KEY_LEN: usize = 32;
