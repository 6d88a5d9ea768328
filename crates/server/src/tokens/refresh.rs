//! Refresh tokens: derived from a secret of the server, known to its tables by their SHA-256 only.
//!
//! A token has its counter and its end in the clear, with an authenticator over both and the device. So the server
//! recognises its own token even if its tables do not know it yet, because they were put back from an older copy.
//! The token of a device that signs up has none of that: a repeated sign-up gets it a second time.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subrosa_wire::{DeviceId, Timestamp};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    limits::REFRESH_COUNTER_MAX,
    root_secret::RootSecret,
    store::{Store, StoreError, accounts::TokenHash},
};

/// Sets the token of a sign-up apart from all else that is derived.
const FIRST_LABEL: &[u8] = b"subrosa first refresh token v1";
/// Sets the authenticators of all other tokens apart.
const LABEL: &[u8] = b"subrosa refresh token v1";

/// Counter, and end in milliseconds.
const CLAIMS_LEN: usize = 8 + 8;
const TAG_LEN: usize = 32;

/// A token as a device holds it, in base64url.
pub struct RefreshToken(Zeroizing<String>);

/// What a token says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshClaims {
    /// How many tokens the device had before it.
    pub counter: u64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The secret that tokens are derived from. Whoever reads it still needs a device's key to use one.
pub struct RefreshTokens(RootSecret);

impl RefreshTokens {
    /// Those of the server with this store.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self(RootSecret::open(store).await?))
    }

    /// The token of a device that signs up, whose id is never used twice: always the same.
    pub fn first(&self, device_id: DeviceId) -> RefreshToken {
        RefreshToken::from_bytes(self.0.derive(&[FIRST_LABEL, device_id.as_bytes()]).as_slice())
    }

    /// The token of a device with these claims.
    pub fn issue(&self, device_id: DeviceId, claims: RefreshClaims) -> RefreshToken {
        let claims = claims.encode();
        let tag = self.0.derive(&[LABEL, device_id.as_bytes(), &claims]);
        let mut bytes = Zeroizing::new([0; CLAIMS_LEN + TAG_LEN]);
        bytes[..CLAIMS_LEN].copy_from_slice(&claims);
        bytes[CLAIMS_LEN..].copy_from_slice(tag.as_slice());
        RefreshToken::from_bytes(bytes.as_slice())
    }

    /// What a token says of itself, if this server has given it to this device, whenever that was.
    pub fn recognise(&self, device_id: DeviceId, token: &str) -> Option<RefreshClaims> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(token).ok()?);
        let (claims, tag) = bytes.split_first_chunk::<CLAIMS_LEN>()?;
        let expected = self.0.derive(&[LABEL, device_id.as_bytes(), claims]);
        let is_ours: bool = expected.ct_eq(tag).into();
        let claims = RefreshClaims::decode(*claims);
        (is_ours && claims.counter <= REFRESH_COUNTER_MAX).then_some(claims)
    }
}

impl RefreshClaims {
    fn encode(self) -> [u8; CLAIMS_LEN] {
        let mut bytes = [0; CLAIMS_LEN];
        bytes[..8].copy_from_slice(&self.counter.to_be_bytes());
        bytes[8..].copy_from_slice(&self.expires_at.as_millis().to_be_bytes());
        bytes
    }

    fn decode(bytes: [u8; CLAIMS_LEN]) -> Self {
        let [mut counter, mut millis] = [[0; 8]; 2];
        counter.copy_from_slice(&bytes[..8]);
        millis.copy_from_slice(&bytes[8..]);
        Self {
            counter: u64::from_be_bytes(counter),
            expires_at: Timestamp::from_millis(u64::from_be_bytes(millis)),
        }
    }
}

impl RefreshToken {
    fn from_bytes(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The token as text, to be given out.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the server keeps of it.
    pub fn hash(&self) -> TokenHash {
        hash(&self.0)
    }
}

/// SHA-256 of the text of a token: what is stored, and what a device signs when it refreshes.
pub fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: RefreshClaims = RefreshClaims {
        counter: 7,
        expires_at: Timestamp::from_millis(1_800_000_000_000),
    };

    fn tokens(secret: u8) -> RefreshTokens {
        RefreshTokens(RootSecret::of(secret))
    }

    fn device(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 16])
    }

    #[test]
    fn a_first_token_is_the_same_for_a_device_and_another_for_any_other_device_or_server() {
        let token = tokens(1).first(device(1));
        // Stored data depends on it: a server of another version has to derive the same.
        assert_eq!(token.reveal(), "jZ9EwpKG2Yb2exokaUWhK2Jcc1cA-D-RM5SDAEiOThI");
        assert_eq!(token.reveal(), tokens(1).first(device(1)).reveal());
        assert_ne!(token.reveal(), tokens(1).first(device(2)).reveal());
        assert_ne!(token.reveal(), tokens(2).first(device(1)).reveal());
    }

    #[test]
    fn a_token_is_recognised_by_its_server_for_its_device() {
        let token = tokens(1).issue(device(1), CLAIMS);
        // Devices hold it: a server of another version has to recognise it.
        assert_eq!(
            token.reveal(),
            "AAAAAAAAAAcAAAGjGFxQADc7VLmU1EkJcd-nJw8bee-nQz3o93QNbAh5FKCL7JA6"
        );
        assert_eq!(tokens(1).recognise(device(1), token.reveal()), Some(CLAIMS));
        assert_eq!(tokens(1).recognise(device(2), token.reveal()), None);
        assert_eq!(tokens(2).recognise(device(1), token.reveal()), None);
    }

    #[test]
    fn a_token_that_was_changed_is_not_recognised() {
        let token = tokens(1).issue(device(1), CLAIMS);
        let bytes = URL_SAFE_NO_PAD.decode(token.reveal()).unwrap_or_default();
        assert_eq!(bytes.len(), CLAIMS_LEN + TAG_LEN);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(tokens(1).recognise(device(1), &changed), None, "{place}");
        }
        for other in [
            "",
            "no base64!",
            tokens(1).first(device(1)).reveal(),
            &URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1]),
        ] {
            assert_eq!(tokens(1).recognise(device(1), other), None, "{other}");
        }
    }

    #[test]
    fn a_counter_that_could_not_be_counted_on_is_not_recognised() {
        for (counter, is_recognised) in [(REFRESH_COUNTER_MAX, true), (REFRESH_COUNTER_MAX + 1, false)] {
            let token = tokens(1).issue(device(1), RefreshClaims { counter, ..CLAIMS });
            let claims = tokens(1).recognise(device(1), token.reveal());
            assert_eq!(claims.is_some(), is_recognised, "{counter}");
        }
    }
}
