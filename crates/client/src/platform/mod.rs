//! Everything that differs between a program on an operating system and one in a browser's worker: tasks
//! and time, the network, and where a profile is kept. Both modules give the same names.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub use browser::*;
#[cfg(not(target_arch = "wasm32"))]
pub use native::*;

/// What was awaited did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// An HTTP request, in the form that both networks send.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub method: &'static str,
    /// An absolute URL.
    pub address: String,
    /// For the Authorization header.
    pub bearer_token: Option<String>,
    pub json: Option<Vec<u8>>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub status: u16,
    /// The Content-Type header; empty without one.
    pub media_type: String,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpFailure {
    /// Nothing came in time.
    TimedOut,
    /// The reason, for people.
    Unreachable(String),
    /// The body is longer than was allowed.
    TooLong,
}

/// A URL that could be read, with what is asked of it.
pub(crate) struct Address {
    /// Without colon.
    pub scheme: String,
    /// An IPv6 address is in brackets.
    pub host: String,
    /// Whether there is a user name, a password, a query or a fragment.
    pub has_surplus: bool,
    /// All of it, normalised.
    pub text: String,
}

/// A profile that is being made ([`Draft`]) and one that is there ([`Profile`]) hold the database in the
/// same place under the same key; see the module of the platform.
pub(crate) type Key = zeroize::Zeroizing<[u8; KEY_LEN]>;

/// Length of the key of a database, in bytes.
pub(crate) const KEY_LEN: usize = 32;
