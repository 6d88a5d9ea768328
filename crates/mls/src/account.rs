//! The account id: a name that commits to the keys of its owner.
//!
//! It is the first 16 bytes of SHA-256 over the length of the label as eight bytes, the label
//! `subrosa account id v1`, the account key (32) and the SHA-256 of the succession key (32). So nobody
//! can pass off other keys for a known account id: finding keys that match takes 2^128 attempts. A
//! collision takes 2^64, but only someone who makes both accounts can find one, and gains nothing
//! except two sets of keys under one id.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subrosa_wire::{AccountId, ids::ID_LEN};

use crate::keys::{AccountPublicKey, InvalidPublicKey, KEY_LEN, SuccessionPublicKey, labelled};

const LABEL: &str = "subrosa account id v1";

/// Length of the hash of a succession key in bytes.
pub const SUCCESSION_KEY_HASH_LEN: usize = 32;

/// The SHA-256 of a succession key. The key itself stays unknown until its first use.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SuccessionKeyHash([u8; SUCCESSION_KEY_HASH_LEN]);

impl SuccessionKeyHash {
    /// The hash with these bytes. Any bytes are accepted: a key that matches need not be known.
    pub const fn from_bytes(bytes: [u8; SUCCESSION_KEY_HASH_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; SUCCESSION_KEY_HASH_LEN] {
        &self.0
    }
}

impl From<&SuccessionPublicKey> for SuccessionKeyHash {
    fn from(key: &SuccessionPublicKey) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

/// Bytes have the wrong length for the hash of a succession key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash of a succession key has {SUCCESSION_KEY_HASH_LEN} bytes, not {0}")]
pub struct InvalidSuccessionKeyHash(usize);

impl TryFrom<&[u8]> for SuccessionKeyHash {
    type Error = InvalidSuccessionKeyHash;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidSuccessionKeyHash> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| InvalidSuccessionKeyHash(bytes.len()))
    }
}

/// The first four bytes in hexadecimal: enough to tell hashes apart in a log.
impl fmt::Debug for SuccessionKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuccessionKeyHash(")?;
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}

/// What an account id commits to: the account key and the hash of the succession key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountIdentity {
    /// The key that certifies the account's devices.
    pub account_key: AccountPublicKey,
    /// The hash of the succession key, which outranks it.
    pub succession_key_hash: SuccessionKeyHash,
}

/// Why keys that are claimed to be an account's are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccountIdentity {
    /// The account key is not an Ed25519 public key.
    #[error("the account key: {0}")]
    AccountKey(#[from] InvalidPublicKey),
    /// The hash of the succession key has another length.
    #[error(transparent)]
    SuccessionKeyHash(#[from] InvalidSuccessionKeyHash),
    /// These are the keys of another account.
    #[error("the keys are those of account {found}, not of {expected}")]
    OtherAccount {
        /// The account whose keys they are claimed to be.
        expected: AccountId,
        /// The account whose keys they are.
        found: AccountId,
    },
}

impl AccountIdentity {
    /// Checks keys that somebody claims to be those of an account.
    pub fn named_by(
        account_id: AccountId,
        account_key: &[u8],
        succession_key_hash: &[u8],
    ) -> Result<Self, InvalidAccountIdentity> {
        let identity = Self {
            account_key: account_key.try_into()?,
            succession_key_hash: succession_key_hash.try_into()?,
        };
        let found = identity.account_id();
        if found == account_id {
            Ok(identity)
        } else {
            Err(InvalidAccountIdentity::OtherAccount {
                expected: account_id,
                found,
            })
        }
    }

    /// The id of the account that has these keys.
    pub fn account_id(&self) -> AccountId {
        let mut keys = [0; KEY_LEN + SUCCESSION_KEY_HASH_LEN];
        keys[..KEY_LEN].copy_from_slice(self.account_key.as_bytes());
        keys[KEY_LEN..].copy_from_slice(self.succession_key_hash.as_bytes());
        let hash = Sha256::digest(labelled(LABEL, &keys));
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&hash[..ID_LEN]);
        AccountId::from_bytes(id)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::keys::{AccountSigningKey, SuccessionSigningKey};

    fn identity() -> AccountIdentity {
        AccountIdentity {
            account_key: AccountSigningKey::from_seed([1; 32]).public(),
            succession_key_hash: (&SuccessionSigningKey::from_seed([2; 32]).public()).into(),
        }
    }

    #[test]
    fn an_account_id_is_made_from_its_keys_as_it_always_was() {
        let identity = identity();
        assert_eq!(
            hex::encode(identity.succession_key_hash.as_bytes()),
            "6a3803d5f059902a1c6dafbc9ba4729212f7caac08634cc3ae76b27529f03827"
        );
        let input = [
            &21_u64.to_be_bytes(),
            b"subrosa account id v1".as_slice(),
            identity.account_key.as_bytes(),
            identity.succession_key_hash.as_bytes(),
        ]
        .concat();
        assert_eq!(input.len(), 8 + 21 + 32 + 32);
        assert_eq!(identity.account_id().as_bytes()[..], Sha256::digest(input)[..16]);
        assert_eq!(
            hex::encode(identity.account_id().as_bytes()),
            "4547a4e27e05071304f3e9a69a533c52"
        );
    }

    #[test]
    fn other_keys_make_another_account_id() {
        let id = identity().account_id();
        let other_account_key = AccountIdentity {
            account_key: AccountSigningKey::from_seed([3; 32]).public(),
            ..identity()
        };
        let other_succession_key = AccountIdentity {
            succession_key_hash: (&SuccessionSigningKey::from_seed([3; 32]).public()).into(),
            ..identity()
        };
        assert_ne!(other_account_key.account_id(), id);
        assert_ne!(other_succession_key.account_id(), id);
    }

    #[test]
    fn an_account_has_the_keys_that_its_id_names_and_no_others() {
        let (identity, other) = (identity(), AccountSigningKey::from_seed([3; 32]).public());
        let hash = identity.succession_key_hash.as_bytes();
        let named = |key: &[u8], hash: &[u8]| AccountIdentity::named_by(identity.account_id(), key, hash);
        assert_eq!(named(identity.account_key.as_bytes(), hash), Ok(identity));
        for (key, hash) in [(&other, hash), (&identity.account_key, &[7; 32])] {
            assert!(matches!(
                named(key.as_bytes(), hash),
                Err(InvalidAccountIdentity::OtherAccount { .. })
            ));
        }
        assert_eq!(
            named(&[0; 32], hash),
            Err(InvalidAccountIdentity::AccountKey(InvalidPublicKey))
        );
        assert_eq!(
            named(identity.account_key.as_bytes(), &[]),
            Err(InvalidSuccessionKeyHash(0).into())
        );
    }

    #[test]
    fn a_hash_of_a_succession_key_has_one_length() {
        let hash = identity().succession_key_hash;
        assert_eq!(
            SuccessionKeyHash::try_from(hash.as_bytes().as_slice()).unwrap(),
            hash
        );
        assert_eq!(
            SuccessionKeyHash::try_from([0; 31].as_slice()),
            Err(InvalidSuccessionKeyHash(31))
        );
    }
}
