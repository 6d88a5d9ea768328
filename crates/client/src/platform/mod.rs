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

/// A profile that is being made ([`Draft`]) and one that is there ([`Profile`]) hold the database in the
/// same place under the same key; see the module of the platform.
pub(crate) type Key = zeroize::Zeroizing<[u8; KEY_LEN]>;

/// Length of the key of a database, in bytes.
pub(crate) const KEY_LEN: usize = 32;
