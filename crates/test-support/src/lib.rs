//! What the tests of several crates share: a random source that a seed determines.
//!
//! A development dependency only. `cargo xtask check` fails if a crate links it.

use rand_core::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};

/// A random source that yields the same bytes in every run: SHA-256 over the seed and a counter.
///
/// It implements [`CryptoRng`] so that tests can pass it where a cryptographic source is required.
/// Fixtures depend on its output, which therefore must not change.
#[derive(Debug, Clone)]
pub struct SeededRng {
    seed: u64,
    counter: u64,
}

impl SeededRng {
    /// Creates the source with this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    /// Returns the next `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill_bytes(&mut bytes);
        bytes
    }

    /// Returns a number below `bound`.
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        let below = self.next_u64() % bound as u64;
        // It is below a usize.
        usize::try_from(below).unwrap_or_default()
    }
}

impl RngCore for SeededRng {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            let block = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(self.counter.to_be_bytes())
                .finalize();
            self.counter += 1;
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for SeededRng {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_for_a_seed_never_changes() {
        assert_eq!(
            SeededRng::new(1).bytes(),
            [0x78, 0x38, 0x25, 0x82, 0x2a, 0x6f, 0x9e, 0x62]
        );
    }

    #[test]
    fn another_seed_or_another_call_gives_other_bytes() {
        let mut one = SeededRng::new(1);
        let first: [u8; 40] = one.bytes();
        assert_ne!(first, one.bytes());
        assert_ne!(first, SeededRng::new(2).bytes());
    }

    #[test]
    fn a_number_stays_below_its_bound() {
        let mut rng = SeededRng::new(1);
        let numbers: Vec<_> = (0..100).map(|_| rng.below(3)).collect();
        for number in 0..3 {
            assert!(numbers.contains(&number));
        }
        assert!(numbers.iter().all(|number| *number < 3));
    }
}
