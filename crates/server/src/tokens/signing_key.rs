//! One key that signs access tokens.

use ed25519_dalek::SigningKey;
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest as _, Sha256};
use subrosa_wire::Timestamp;
use zeroize::Zeroizing;

use crate::{random, store::accounts::SigningKeyRecord};

/// What stands before the seed in a PKCS #8 private key of Ed25519 (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// A key in the shapes that signing and verifying want.
pub(super) struct TokenSigningKey {
    pub(super) kid: String,
    pub(super) created_at: Timestamp,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
}

/// A new key, named by its public half.
pub(super) fn generate(now: Timestamp) -> SigningKeyRecord {
    let seed = Zeroizing::new(random::bytes());
    let public = SigningKey::from_bytes(&seed).verifying_key();
    SigningKeyRecord {
        kid: hex::encode(&Sha256::digest(public.as_bytes())[..8]),
        seed,
        created_at: now,
    }
}

impl From<SigningKeyRecord> for TokenSigningKey {
    fn from(record: SigningKeyRecord) -> Self {
        let public = SigningKey::from_bytes(&record.seed).verifying_key();
        let mut pkcs8 = Zeroizing::new([0; PKCS8_PREFIX.len() + 32]);
        pkcs8[..PKCS8_PREFIX.len()].copy_from_slice(&PKCS8_PREFIX);
        pkcs8[PKCS8_PREFIX.len()..].copy_from_slice(record.seed.as_slice());
        Self {
            kid: record.kid,
            created_at: record.created_at,
            signing: EncodingKey::from_ed_der(pkcs8.as_slice()),
            verifying: DecodingKey::from_ed_der(public.as_bytes()),
        }
    }
}
