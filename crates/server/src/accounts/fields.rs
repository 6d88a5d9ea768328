//! Byte strings of requests, as what they have to be.

use subrosa_mls::{AccountPublicKey, SIGNATURE_LEN, SuccessionKeyHash};
use subrosa_wire::{Base64, limits::VAULT_MAX, rest::Recovery};

use super::AccountError;
use crate::{expiring::Key, limits::WRAP_MAX, store::accounts::RecoveryRecord};

pub(super) fn public_key(field: &'static str, bytes: &Base64) -> Result<AccountPublicKey, AccountError> {
    AccountPublicKey::try_from(bytes.0.as_slice())
        .map_err(|error| AccountError::InvalidKeyMaterial(format!("{field}: {error}")))
}

pub(super) fn succession_key_hash(
    field: &'static str,
    bytes: &Base64,
) -> Result<SuccessionKeyHash, AccountError> {
    SuccessionKeyHash::try_from(bytes.0.as_slice())
        .map_err(|error| AccountError::Malformed(format!("{field}: {error}")))
}

pub(super) fn signature(field: &'static str, bytes: &Base64) -> Result<[u8; SIGNATURE_LEN], AccountError> {
    bytes.0.as_slice().try_into().map_err(|_| {
        AccountError::InvalidKeyMaterial(format!(
            "{field} has {} bytes, not {SIGNATURE_LEN}",
            bytes.0.len()
        ))
    })
}

pub(super) fn wrap(field: &'static str, bytes: Base64) -> Result<Vec<u8>, AccountError> {
    bounded(field, bytes, WRAP_MAX)
}

pub(super) fn vault(field: &'static str, bytes: Base64) -> Result<Vec<u8>, AccountError> {
    bounded(field, bytes, VAULT_MAX)
}

pub(super) fn recovery(recovery: Recovery) -> Result<RecoveryRecord, AccountError> {
    Ok(RecoveryRecord {
        key: public_key("recovery.public_key", &recovery.public_key)?,
        wrap: wrap("recovery.wrap", recovery.wrap)?,
        succession_wrap: wrap("recovery.succession_wrap", recovery.succession_wrap)?,
    })
}

/// The name of an attempt; one of the wrong length names nothing.
pub(super) fn attempt(bytes: &Base64) -> Option<Key> {
    bytes.0.as_slice().try_into().ok()
}

fn bounded(field: &'static str, bytes: Base64, max: usize) -> Result<Vec<u8>, AccountError> {
    let len = bytes.0.len();
    if len == 0 {
        return Err(AccountError::Malformed(format!("{field} is empty")));
    }
    if len > max {
        return Err(AccountError::TooLarge { field, len, max });
    }
    Ok(bytes.0)
}
