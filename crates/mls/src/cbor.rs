//! CBOR (RFC 8949) for serde, as much of it as the state of OpenMLS needs: no floats, no tags, definite lengths.
//!
//! A struct is a map of its fields by name, a variant its name or a map from its name to what it holds, and
//! `None` is null: the same bytes as those of `ciborium`, which the tests hold it against. It is our own because
//! each of OpenMLS's types is compiled against it: behind a general reader that is 300 kB more of
//! code in the web app, 25 of them once compressed.

mod read;
mod write;

use std::fmt::Display;

use zeroize::Zeroizing;

pub(crate) use read::{Item, Reader};

/// The deepest nesting that is read.
const DEPTH_MAX: u8 = 64;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

/// A value cannot be written, or bytes are not the value that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CborError {
    /// The bytes end inside of an item.
    #[error("the CBOR ends too early")]
    Truncated,
    /// There are bytes after the item, or items after the last that the value has.
    #[error("the CBOR goes on after its end")]
    Trailing,
    /// It is nested too deeply.
    #[error("the CBOR is nested more than {DEPTH_MAX} deep")]
    Depth,
    /// Valid perhaps, but nothing that is written here.
    #[error("0x{0:02x} starts no CBOR item that is used here")]
    Unsupported(u8),
    /// Another value was expected.
    #[error("{0}")]
    Value(String),
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

/// The value as one item.
///
/// # Errors
/// [`CborError::Value`] for a float or a sequence of unknown length.
pub(crate) fn to_bytes(value: &(impl serde::Serialize + ?Sized)) -> Result<Zeroizing<Vec<u8>>, CborError> {
    let mut writer = write::Writer::default();
    value.serialize(&mut writer)?;
    Ok(writer.finish())
}

/// An array of items.
pub(crate) fn array<'a>(items: impl ExactSizeIterator<Item = &'a [u8]>) -> Zeroizing<Vec<u8>> {
    let mut writer = write::Writer::default();
    writer.head(ARRAY, items.len() as u64);
    items.for_each(|item| writer.raw(item));
    writer.finish()
}

/// The value that is the one item of the bytes.
///
/// # Errors
/// If they are not one item, or not that of such a value.
pub(crate) fn from_bytes<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, CborError> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
