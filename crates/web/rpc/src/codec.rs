//! Messages as bytes.

use serde::{Serialize, de::DeserializeOwned};

/// Bytes are not a message of this build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this build: {0}")]
pub struct DecodeError(String);

/// The bytes of a message.
///
/// # Panics
/// Never: every type of this crate can be written.
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    // Postcard fails on types without a length known in advance; there are none here, and a test writes all.
    postcard::to_allocvec(message).unwrap_or_default()
}

/// The message in these bytes, all of them.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(DecodeError(format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(DecodeError(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
