//! The token that makes sending a text idempotent.

use rand_core::CryptoRngCore;

use super::model::SALT_LEN;

/// Identifies one sending of a text. It becomes the salt of the message, so the same text with the same token in the
/// same conversation is the same message.
///
/// It must be random: the salt keeps anyone who sees a message id from guessing the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SendToken([u8; SALT_LEN]);

impl SendToken {
    /// Generates a token.
    pub fn random(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        let mut bytes = [0; SALT_LEN];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// A token from random bytes that were generated elsewhere.
    pub const fn from_bytes(bytes: [u8; SALT_LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn into_salt(self) -> [u8; SALT_LEN] {
        self.0
    }
}
