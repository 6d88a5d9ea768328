//! The one place that asks the operating system for randomness.

use rand_core::{OsRng, RngCore as _};

/// The random source for cryptography.
pub(crate) const fn rng() -> OsRng {
    OsRng
}

/// So many random bytes. Ends the process if the operating system has none to give: nothing that needs them
/// could go on.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}
