//! The nonces of refreshes. Anybody may ask for one, so nothing is kept of those that are given out: a nonce
//! carries its time and proves that it is ours. Only those that a device has signed are remembered until their
//! time is over, so that each is good once.

use hkdf::Hkdf;
use sha2::Sha256;
use subrosa_wire::{DeviceId, Timestamp, limits::CHALLENGE_LIFETIME};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    expiring::{ExpiringMap, Full},
    limits::ATTEMPTS_UNDER_WAY_MAX,
    random,
};

/// Time in milliseconds, random bytes, authenticator.
const NONCE_LEN: usize = 8 + RANDOM_LEN + TAG_LEN;
const RANDOM_LEN: usize = 8;
const TAG_LEN: usize = 16;
/// Sets what is derived here apart from all else.
const LABEL: &[u8] = b"subrosa refresh nonce v1";

/// Gives nonces out and takes them back.
pub struct RefreshNonces {
    /// Of this process: a nonce does not outlive it.
    secret: Zeroizing<[u8; 32]>,
    used: ExpiringMap<()>,
}

/// A nonce that is ours, for this device, and not too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshNonce([u8; NONCE_LEN]);

impl Default for RefreshNonces {
    fn default() -> Self {
        Self {
            secret: Zeroizing::new(random::bytes()),
            used: ExpiringMap::new(ATTEMPTS_UNDER_WAY_MAX, CHALLENGE_LIFETIME),
        }
    }
}

impl RefreshNonces {
    /// A nonce for a device, whether it exists or not.
    pub fn give(&self, device_id: DeviceId, now: Timestamp) -> [u8; NONCE_LEN] {
        self.make(device_id, now.as_millis().to_be_bytes(), random::bytes())
    }

    /// The nonce, if it was given out to this device a short while ago.
    pub fn recognise(&self, bytes: &[u8], device_id: DeviceId, now: Timestamp) -> Option<RefreshNonce> {
        let nonce: [u8; NONCE_LEN] = bytes.try_into().ok()?;
        let (time, rest) = nonce.split_first_chunk()?;
        let (random, _) = rest.split_first_chunk()?;
        let is_ours: bool = self.make(device_id, *time, *random).ct_eq(&nonce).into();
        // A clock that was set back ends them too early, which costs one more question.
        let given_at = Timestamp::from_millis(u64::from_be_bytes(*time));
        let is_young = given_at <= now && now < given_at.plus(CHALLENGE_LIFETIME);
        (is_ours && is_young).then_some(RefreshNonce(nonce))
    }

    /// Uses a nonce up, once its device has signed it; tells whether it was unused.
    pub fn use_up(&self, nonce: RefreshNonce, now: Timestamp) -> Result<bool, Full> {
        self.used.insert_new(nonce.0, (), now)
    }

    fn make(&self, device_id: DeviceId, time: [u8; 8], random: [u8; RANDOM_LEN]) -> [u8; NONCE_LEN] {
        let mut nonce = [0; NONCE_LEN];
        let (head, tag) = nonce.split_at_mut(NONCE_LEN - TAG_LEN);
        head[..8].copy_from_slice(&time);
        head[8..].copy_from_slice(&random);
        let info = [LABEL, device_id.as_bytes(), head];
        // HKDF fails beyond 255 blocks only, and this is one.
        let _ = Hkdf::<Sha256>::new(None, self.secret.as_slice()).expand_multi_info(&info, tag);
        nonce
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);

    #[test]
    fn a_nonce_is_good_once_and_for_its_device_and_time() {
        let nonces = RefreshNonces::default();
        let bytes = nonces.give(DEVICE, NOW);
        let nonce = nonces.recognise(&bytes, DEVICE, NOW).unwrap();
        assert_eq!(nonces.use_up(nonce, NOW), Ok(true));
        assert_eq!(nonces.use_up(nonce, NOW), Ok(false));
        let last = NOW
            .plus(CHALLENGE_LIFETIME)
            .minus(std::time::Duration::from_millis(1));
        assert!(nonces.recognise(&bytes, DEVICE, last).is_some());
        assert_eq!(
            nonces.use_up(nonce, last),
            Ok(false),
            "as long as it would be young"
        );
        assert_eq!(
            nonces.recognise(&bytes, DEVICE, NOW.plus(CHALLENGE_LIFETIME)),
            None
        );
        assert_eq!(nonces.recognise(&bytes, DeviceId::from_bytes([2; 16]), NOW), None);
    }

    #[test]
    fn a_nonce_that_is_not_ours_is_not_recognised() {
        let nonces = RefreshNonces::default();
        let bytes = nonces.give(DEVICE, NOW);
        for place in 0..NONCE_LEN {
            let mut spoilt = bytes;
            spoilt[place] ^= 1;
            assert_eq!(nonces.recognise(&spoilt, DEVICE, NOW), None, "{place}");
        }
        assert_eq!(nonces.recognise(&bytes[1..], DEVICE, NOW), None);
        let elsewhere = RefreshNonces::default().give(DEVICE, NOW);
        assert_eq!(nonces.recognise(&elsewhere, DEVICE, NOW), None);
    }
}
