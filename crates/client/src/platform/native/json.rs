//! JSON by serde's library.

use serde::{Serialize, de::DeserializeOwned};

/// Encodes a value as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| error.to_string())
}

/// Decodes a value from JSON.
pub(crate) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}
