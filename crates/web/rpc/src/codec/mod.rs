//! Messages as bytes.

use serde::{Serialize, de::DeserializeOwned};

/// The bytes are not a message of this build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this build: {0}")]
pub struct DecodeError(String);

/// The bytes of a message.
///
/// # Panics
/// Never: every type of this crate can be encoded.
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    // Postcard fails on types whose length is not known in advance. There are none here, and a test encodes them all.
    postcard::to_allocvec(message).unwrap_or_default()
}

/// Decodes a message, which must take up all of the bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(DecodeError(format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(DecodeError(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
