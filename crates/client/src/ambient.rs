//! The clock and the random source of the machine: the one place below the applications that reads them.

use std::time::{SystemTime, UNIX_EPOCH};

use rand_core::{CryptoRng, RngCore};
use subrosa_wire::Timestamp;

/// The present, by the machine's clock. A clock before 1970 reads as 1970.
#[expect(clippy::disallowed_methods, reason = "this module is the crate's one clock")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// The operating system's random source.
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
