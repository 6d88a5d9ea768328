//! CBOR (RFC 8949) for serde, the part of it that the state of OpenMLS needs: no floats, no tags, no indefinite
//! lengths.
//!
//! A struct is a map from field names to values, a variant its name or a map from its name to its value, and `None`
//! is null. `ciborium` writes the same bytes, which the tests check. We don't use `ciborium` here because each of
//! OpenMLS's types is compiled against the codec: with a general reader, the web app grows by 300 kB of code, 25 kB
//! compressed.

mod read;
mod write;

use std::fmt::Display;

use subrosa_wire::cbor::{ARRAY, HeadError};
use zeroize::Zeroizing;

pub(crate) use read::{Item, Reader};

/// The deepest nesting that the reader accepts.
const DEPTH_MAX: u8 = 64;

/// Why a value cannot be encoded or bytes cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CborError {
    /// The bytes end inside an item.
    #[error("the CBOR ends too early")]
    Truncated,
    /// There are bytes after the item, or more items than the value has.
    #[error("the CBOR goes on after its end")]
    Trailing,
    /// Items are nested too deeply.
    #[error("the CBOR is nested more than {DEPTH_MAX} deep")]
    Depth,
    /// Possibly valid CBOR, but of a kind that is never written here.
    #[error("0x{0:02x} starts no CBOR item that is used here")]
    Unsupported(u8),
    /// A value of another kind was expected, or it cannot be encoded.
    #[error("{0}")]
    Value(String),
}

impl From<HeadError> for CborError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Truncated => Self::Truncated,
            HeadError::Indefinite(initial) | HeadError::Reserved(initial) => Self::Unsupported(initial),
        }
    }
}

impl serde::ser::Error for CborError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

impl serde::de::Error for CborError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

/// Encodes a value as one item.
///
/// # Errors
/// [`CborError::Value`] for a float or a sequence of unknown length.
pub(crate) fn to_bytes(value: &(impl serde::Serialize + ?Sized)) -> Result<Zeroizing<Vec<u8>>, CborError> {
    let mut writer = write::Writer::default();
    value.serialize(&mut writer)?;
    Ok(writer.finish())
}

/// Encodes a value as one item, with sequences of bytes as byte strings. [`from_bytes`] reads both forms.
///
/// Only for sequences whose items are all of one type, and for bytes that are not compared.
///
/// # Errors
/// As for [`to_bytes`].
pub(crate) fn to_packed_bytes(
    value: &(impl serde::Serialize + ?Sized),
) -> Result<Zeroizing<Vec<u8>>, CborError> {
    let mut writer = write::Writer::packing();
    value.serialize(&mut writer)?;
    Ok(writer.finish())
}

/// Encodes an array of encoded items.
pub(crate) fn array<'a>(items: impl ExactSizeIterator<Item = &'a [u8]>) -> Zeroizing<Vec<u8>> {
    let mut writer = write::Writer::default();
    writer.head(ARRAY, items.len() as u64);
    items.for_each(|item| writer.raw(item));
    writer.finish()
}

/// Decodes bytes that are one item.
///
/// # Errors
/// If the bytes are not exactly one item, or the item is not a `T`.
pub(crate) fn from_bytes<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, CborError> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests;
