//! Refresh tokens: random, known to the server by their SHA-256 only.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{random, store::accounts::TokenHash};

/// A token as a device holds it: 32 random bytes in base64url.
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    /// A new token.
    pub fn generate() -> Self {
        Self::from_bytes(&Zeroizing::new(random::bytes()))
    }

    /// The token that these bytes are.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
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
