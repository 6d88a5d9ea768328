//! The serde deserializer.

use serde::{
    Deserializer,
    de::{DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};
use subrosa_wire::cbor::{self, ARRAY, BYTES, FALSE, Head, MAP, NEGATIVE, NULL, TEXT, TRUE, UNSIGNED};

use super::{CborError, DEPTH_MAX};

/// An item. Of an array or a map only the head, its items follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Unsigned(u64),
    /// The value is -1 minus this.
    Negative(u64),
    Bytes(&'a [u8]),
    Text(&'a str),
    /// With this many items.
    Array(u64),
    /// With this many pairs of items.
    Map(u64),
    Bool(bool),
    Null,
}

/// Reads items from the front of the bytes.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
    /// How many of the next bytes are items: inside a byte string that is read as a sequence.
    packed: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            depth: 0,
            packed: 0,
        }
    }

    /// # Errors
    /// [`CborError::Trailing`] if something is left.
    pub(crate) fn finish(&self) -> Result<(), CborError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(CborError::Trailing)
        }
    }

    /// The next item.
    pub(crate) fn item(&mut self) -> Result<Item<'a>, CborError> {
        if self.packed > 0 {
            self.packed -= 1;
            return Ok(Item::Unsigned(self.take(1)?[0].into()));
        }
        // Heads that are longer than needed are accepted, as by `ciborium`: the input was written here.
        let head = Head::read(&mut self.rest)?;
        let Head {
            initial, argument, ..
        } = head;
        Ok(match (head.major(), initial) {
            (UNSIGNED, _) => Item::Unsigned(argument),
            (NEGATIVE, _) => Item::Negative(argument),
            (BYTES, _) => Item::Bytes(self.take(argument)?),
            (TEXT, _) => Item::Text(
                str::from_utf8(self.take(argument)?).map_err(|_| CborError::custom("a text is not UTF-8"))?,
            ),
            (ARRAY, _) => Item::Array(argument),
            (MAP, _) => Item::Map(argument),
            (_, FALSE) => Item::Bool(false),
            (_, TRUE) => Item::Bool(true),
            (_, NULL) => Item::Null,
            _ => return Err(CborError::Unsupported(initial)),
        })
    }

    /// The next item, with everything inside it, as bytes.
    pub(crate) fn raw_item(&mut self) -> Result<&'a [u8], CborError> {
        let from = self.rest;
        self.skip()?;
        Ok(&from[..from.len() - self.rest.len()])
    }

    fn skip(&mut self) -> Result<(), CborError> {
        let parts = match self.item()? {
            Item::Array(len) => len,
            Item::Map(len) => len.checked_mul(2).ok_or(CborError::Truncated)?,
            _ => return Ok(()),
        };
        self.deeper(|reader| (0..parts).try_for_each(|_| reader.skip()))
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        cbor::take(&mut self.rest, len).ok_or(CborError::Truncated)
    }

    /// Runs `read` one level deeper, on the items of an array or a map.
    pub(crate) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CborError>,
    ) -> Result<T, CborError> {
        if self.depth == DEPTH_MAX {
            return Err(CborError::Depth);
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }
}

impl<'a> Reader<'a> {
    fn unsigned(&mut self) -> Result<u64, CborError> {
        match self.item()? {
            Item::Unsigned(value) => Ok(value),
            other => Err(other.instead_of("an unsigned number")),
        }
    }

    fn signed(&mut self) -> Result<i64, CborError> {
        match self.item()? {
            Item::Unsigned(value) => i64::try_from(value),
            Item::Negative(value) => i64::try_from(value).map(|value| -1 - value),
            other => return Err(other.instead_of("a number")),
        }
        .map_err(|_| CborError::custom("a number is out of range"))
    }

    fn text(&mut self) -> Result<&'a str, CborError> {
        match self.item()? {
            Item::Text(value) => Ok(value),
            other => Err(other.instead_of("a text")),
        }
    }

    fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        match self.item()? {
            Item::Bytes(value) => Ok(value),
            other => Err(other.instead_of("bytes")),
        }
    }

    fn array(&mut self) -> Result<u64, CborError> {
        match self.item()? {
            Item::Array(len) => Ok(len),
            other => Err(other.instead_of("an array")),
        }
    }

    fn map(&mut self) -> Result<u64, CborError> {
        match self.item()? {
            Item::Map(len) => Ok(len),
            other => Err(other.instead_of("a map")),
        }
    }

    fn visit_array<V: Visitor<'a>>(&mut self, len: u64, visitor: V) -> Result<V::Value, CborError> {
        self.deeper(|reader| {
            let mut parts = Parts { reader, left: len };
            let value = visitor.visit_seq(&mut parts)?;
            parts.finish(value)
        })
    }

    fn visit_map<V: Visitor<'a>>(&mut self, len: u64, visitor: V) -> Result<V::Value, CborError> {
        self.deeper(|reader| {
            let mut parts = Parts { reader, left: len };
            let value = visitor.visit_map(&mut parts)?;
            parts.finish(value)
        })
    }
}

impl Item<'_> {
    fn instead_of(self, expected: &str) -> CborError {
        let found = match self {
            Self::Unsigned(_) | Self::Negative(_) => "a number",
            Self::Bytes(_) => "bytes",
            Self::Text(_) => "a text",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Bool(_) => "a truth value",
            Self::Null => "null",
        };
        CborError::Value(format!("expected {expected}, found {found}"))
    }
}

/// Each method accepts only the item that it is named for. If they all forwarded to `deserialize_any`, every type
/// would be compiled with the code for every kind of item.
impl<'a> Deserializer<'a> for &mut Reader<'a> {
    type Error = CborError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        match self.rest.first().map_or(0, |first| first >> 5) {
            NEGATIVE => self.deserialize_i64(visitor),
            BYTES => self.deserialize_bytes(visitor),
            TEXT => self.deserialize_str(visitor),
            ARRAY => self.deserialize_seq(visitor),
            MAP => self.deserialize_map(visitor),
            UNSIGNED => self.deserialize_u64(visitor),
            _ => match self.item()? {
                Item::Bool(value) => visitor.visit_bool(value),
                _ => visitor.visit_unit(),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        match self.item()? {
            Item::Bool(value) => visitor.visit_bool(value),
            other => Err(other.instead_of("a truth value")),
        }
    }

    fn deserialize_i64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        visitor.visit_i64(self.signed()?)
    }

    fn deserialize_u64<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        visitor.visit_borrowed_bytes(self.bytes()?)
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        match self.item()? {
            Item::Null => visitor.visit_unit(),
            other => Err(other.instead_of("null")),
        }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        let is_packed = self.packed == 0 && self.rest.first().is_some_and(|first| first >> 5 == BYTES);
        let len = if is_packed {
            let len = Head::read(&mut self.rest)?.argument;
            if (self.rest.len() as u64) < len {
                return Err(CborError::Truncated);
            }
            self.packed = len;
            len
        } else {
            self.array()?
        };
        self.visit_array(len, visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        let len = self.map()?;
        self.visit_map(len, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        match self.rest {
            [NULL, rest @ ..] => {
                self.rest = rest;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CborError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CborError> {
        // A name alone, or a map of one pair: the name and the value of the variant.
        let is_map = self.rest.first() == Some(&(MAP << 5 | 1));
        if is_map {
            self.rest = &self.rest[1..];
        }
        self.deeper(|reader| visitor.visit_enum(Variant { reader, is_map }))
    }

    fn deserialize_i8<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i16<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u8<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, CborError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, CborError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, CborError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CborError> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! { <W: Visitor<'a>> f32 f64 }
}

/// The items of an array or the pairs of a map that have not been read yet.
struct Parts<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: u64,
}

impl Parts<'_, '_> {
    /// Returns the value if everything was read.
    fn finish<T>(&self, value: T) -> Result<T, CborError> {
        if self.left == 0 {
            Ok(value)
        } else {
            Err(CborError::Trailing)
        }
    }

    fn has_next(&mut self) -> bool {
        let has_next = self.left > 0;
        self.left = self.left.saturating_sub(1);
        has_next
    }

    /// An upper bound for what is left: each item takes at least one byte.
    fn at_most(&self) -> usize {
        usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(self.reader.rest.len())
    }
}

impl<'a> SeqAccess<'a> for &mut Parts<'_, 'a> {
    type Error = CborError;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, CborError> {
        if self.has_next() {
            seed.deserialize(&mut *self.reader).map(Some)
        } else {
            Ok(None)
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.at_most())
    }
}

impl<'a> MapAccess<'a> for &mut Parts<'_, 'a> {
    type Error = CborError;

    fn next_key_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, CborError> {
        if self.has_next() {
            seed.deserialize(&mut *self.reader).map(Some)
        } else {
            Ok(None)
        }
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, CborError> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.at_most())
    }
}

/// A variant of an enum.
struct Variant<'r, 'a> {
    reader: &'r mut Reader<'a>,
    is_map: bool,
}

impl Variant<'_, '_> {
    fn holds(&self, something: bool) -> Result<(), CborError> {
        if self.is_map == something {
            Ok(())
        } else {
            Err(CborError::custom("a variant holds something else"))
        }
    }
}

impl<'a> EnumAccess<'a> for Variant<'_, 'a> {
    type Error = CborError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<(T::Value, Self), CborError> {
        let name = seed.deserialize(&mut *self.reader)?;
        Ok((name, self))
    }
}

impl<'a> VariantAccess<'a> for Variant<'_, 'a> {
    type Error = CborError;

    fn unit_variant(self) -> Result<(), CborError> {
        self.holds(false)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, CborError> {
        self.holds(true)?;
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, visitor: V) -> Result<V::Value, CborError> {
        self.holds(true)?;
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CborError> {
        self.holds(true)?;
        self.reader.deserialize_map(visitor)
    }
}
