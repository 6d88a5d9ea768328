//! The refresh token of a device that signs up: derived, so that a repeated sign-up gets it a second time.

use hkdf::Hkdf;
use sha2::Sha256;
use subrosa_wire::DeviceId;
use zeroize::Zeroizing;

use super::RefreshToken;
use crate::{
    random,
    store::{Store, StoreError},
};

/// Under this name the secret is stored.
const SECRET: &str = "first_refresh_tokens_v1";
/// Sets what is derived here apart from all else.
const LABEL: &[u8] = b"subrosa first refresh token v1";

/// The secret from which first tokens are derived. Whoever reads it still needs a device's key to use one.
pub struct FirstTokens(Zeroizing<Vec<u8>>);

impl FirstTokens {
    /// Loads the secret, and makes it the first time.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let fresh = Zeroizing::new(random::bytes::<32>().to_vec());
        Ok(Self(store.server_secret(SECRET, fresh).await?))
    }

    /// The first token of a device, whose id is never used twice: always the same.
    pub fn of(&self, device_id: DeviceId) -> RefreshToken {
        let mut bytes = Zeroizing::new([0; 32]);
        let info = [LABEL, device_id.as_bytes()];
        // HKDF fails beyond 255 blocks only, and this is one.
        let _ = Hkdf::<Sha256>::new(None, &self.0).expand_multi_info(&info, bytes.as_mut_slice());
        RefreshToken::from_bytes(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_token_is_the_same_for_a_device_and_another_for_any_other_device_or_server() {
        let device = |number| DeviceId::from_bytes([number; 16]);
        let tokens = FirstTokens(Zeroizing::new(vec![1; 32]));
        let token = tokens.of(device(1));
        // Stored data depends on it: a server of another version has to derive the same.
        assert_eq!(token.reveal(), "jZ9EwpKG2Yb2exokaUWhK2Jcc1cA-D-RM5SDAEiOThI");
        assert_eq!(token.reveal(), tokens.of(device(1)).reveal());
        assert_ne!(token.reveal(), tokens.of(device(2)).reveal());
        let elsewhere = FirstTokens(Zeroizing::new(vec![2; 32]));
        assert_ne!(token.reveal(), elsewhere.of(device(1)).reveal());
    }
}
