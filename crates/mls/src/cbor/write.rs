//! The serde serializer.

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use subrosa_wire::cbor::{ARRAY, BYTES, FALSE, Head, MAP, NEGATIVE, NULL, TEXT, TRUE, UNSIGNED};
use zeroize::Zeroizing;

use super::CborError;

/// Appends items to bytes.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether sequences of bytes become byte strings.
    packs: bool,
    sequence: Sequence,
}

/// What serde calls a sequence, of which only the first item shows whether it is one of bytes.
#[derive(Default)]
enum Sequence {
    #[default]
    None,
    /// It has this many items, and none is written, nor its head.
    Begun(u64),
    /// It has become a byte string, and this many bytes are missing.
    Packed(u64),
}

impl Writer {
    /// A writer of byte strings, which take half the room of arrays of numbers.
    pub(super) fn packing() -> Self {
        Self {
            packs: true,
            ..Self::default()
        }
    }

    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }

    pub(super) fn head(&mut self, major: u8, argument: u64) {
        self.no_byte_follows();
        Head::write(major, argument, &mut self.bytes);
    }

    /// Appends items that are already encoded.
    pub(super) fn raw(&mut self, items: &[u8]) {
        self.bytes.extend_from_slice(items);
    }

    /// A sequence whose first item is no byte is an array.
    fn no_byte_follows(&mut self) {
        if let Sequence::Begun(len) = self.sequence {
            Head::write(ARRAY, len, &mut self.bytes);
        }
        self.sequence = Sequence::None;
    }

    fn simple(&mut self, initial: u8) {
        self.no_byte_follows();
        self.bytes.push(initial);
    }

    fn byte(&mut self, byte: u8) {
        let left = match self.sequence {
            Sequence::None => return self.head(UNSIGNED, byte.into()),
            Sequence::Begun(len) => {
                Head::write(BYTES, len, &mut self.bytes);
                len
            }
            Sequence::Packed(left) => left,
        };
        self.bytes.push(byte);
        self.sequence = match left {
            0 | 1 => Sequence::None,
            left => Sequence::Packed(left - 1),
        };
    }

    fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// Starts a variant with a value, which the caller writes next.
    fn variant(&mut self, name: &str) {
        self.head(MAP, 1);
        self.text(name);
    }

    fn list(&mut self, major: u8, len: Option<usize>) -> Result<(), CborError> {
        let len = len.ok_or_else(|| CborError::custom("a sequence must know its length"))?;
        self.head(major, len as u64);
        Ok(())
    }

    fn signed(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(UNSIGNED, value),
            // -1 - n is written as n.
            Err(_) => self.head(NEGATIVE, !value.cast_unsigned()),
        }
    }
}

impl Serializer for &mut Writer {
    type Ok = ();
    type Error = CborError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<(), CborError> {
        self.simple(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), CborError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), CborError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), CborError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), CborError> {
        self.signed(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), CborError> {
        self.byte(value);
        Ok(())
    }

    fn serialize_u16(self, value: u16) -> Result<(), CborError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), CborError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), CborError> {
        self.head(UNSIGNED, value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), CborError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, _: f64) -> Result<(), CborError> {
        Err(CborError::custom("there are no floats here"))
    }

    fn serialize_char(self, value: char) -> Result<(), CborError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), CborError> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CborError> {
        self.head(BYTES, value.len() as u64);
        self.raw(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), CborError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CborError> {
        // The next item may be none.
        self.no_byte_follows();
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CborError> {
        self.simple(NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CborError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), CborError> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), CborError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<(), CborError> {
        self.variant(name);
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self, CborError> {
        match len {
            Some(len) if self.packs && len > 0 => {
                self.no_byte_follows();
                self.sequence = Sequence::Begun(len as u64);
            }
            len => self.list(ARRAY, len)?,
        }
        Ok(self)
    }

    // Their items may be of several types, so they stay arrays.

    fn serialize_tuple(self, len: usize) -> Result<Self, CborError> {
        self.list(ARRAY, Some(len))?;
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Self, CborError> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<Self, CborError> {
        self.variant(name);
        self.serialize_tuple(len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self, CborError> {
        self.list(MAP, len)?;
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Self, CborError> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<Self, CborError> {
        self.variant(name);
        self.serialize_map(Some(len))
    }
}

/// Sequences and tuples.
macro_rules! unnamed {
    ($($of:ident $part:ident),+) => { $(
        impl $of for &mut Writer {
            type Ok = ();
            type Error = CborError;

            fn $part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CborError> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), CborError> {
                Ok(())
            }
        }
    )+ };
}

unnamed!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

/// Structs.
macro_rules! named {
    ($($of:ident),+) => { $(
        impl $of for &mut Writer {
            type Ok = ();
            type Error = CborError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), CborError> {
                self.text(name);
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), CborError> {
                Ok(())
            }
        }
    )+ };
}

named!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for &mut Writer {
    type Ok = ();
    type Error = CborError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CborError> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CborError> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), CborError> {
        Ok(())
    }
}
