//! What makes the sending of a text one deed, however often it is asked for.

use rand_core::CryptoRngCore;

use super::model::SALT_LEN;

/// Names one sending of a text. It becomes the salt of the message, so that the same text with the same token
/// in the same conversation is the same message.
///
/// It has to be random: the salt keeps whoever sees a message id from finding the text by trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SendToken([u8; SALT_LEN]);

impl SendToken {
    /// A new one.
    pub fn random(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        let mut bytes = [0; SALT_LEN];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// One that was made elsewhere, at random.
    pub const fn from_bytes(bytes: [u8; SALT_LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn into_salt(self) -> [u8; SALT_LEN] {
        self.0
    }
}
