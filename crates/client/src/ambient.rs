//! The clock and the random source of the machine, for applications that drive an engine.

use rand_core::{CryptoRng, RngCore};
use subrosa_wire::Timestamp;

use crate::platform;

/// The current time, by the machine's clock. A clock set before 1970 reads as 1970.
///
/// ```
/// let before = subrosa_client::ambient::now();
/// // …
/// assert!(subrosa_client::ambient::now() >= before);
/// ```
pub fn now() -> Timestamp {
    platform::now()
}

/// The random source of the operating system or the browser.
///
/// ```
/// use subrosa_client::{SendToken, ambient::SystemRandom};
///
/// let token = SendToken::random(&mut SystemRandom);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RngCore for SystemRandom {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    #[expect(
        clippy::expect_used,
        reason = "without randomness there are no keys: nothing that this program does is safe then"
    )]
    fn fill_bytes(&mut self, destination: &mut [u8]) {
        getrandom::fill(destination).expect("the operating system has a random source");
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(destination);
        Ok(())
    }
}

impl CryptoRng for SystemRandom {}
