//! Deterministic CBOR (RFC 8949, section 4.2), the part of it that MIMI needs.
//!
//! The reader accepts only what the writer would have written: shortest heads, definite lengths,
//! map keys in bytewise order without duplicates, valid UTF-8, nothing after the end. So equal
//! contents have equal bytes, and a message id names one content only.

use subrosa_wire::cbor::{
    self, ARRAY, BYTES, FALSE, Head, HeadError, MAP, NEGATIVE, NULL, SIMPLE, TAG, TEXT, TRUE, UNSIGNED,
};

/// Why bytes are not deterministic CBOR of the expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end inside an item.
    #[error("the CBOR ends too early")]
    Truncated,
    /// There are bytes after the item.
    #[error("there are {0} bytes after the CBOR item")]
    Trailing(usize),
    /// A well-formed item, but not in its deterministic form.
    #[error("the CBOR is not in deterministic form: {0}")]
    NotDeterministic(&'static str),
    /// A byte that starts no item.
    #[error("0x{0:02x} starts no CBOR item")]
    Reserved(u8),
    /// Another kind of item was expected.
    #[error("expected {expected}, found an item of major type {found}")]
    Unexpected {
        /// What was expected.
        expected: &'static str,
        /// The major type of what was found.
        found: u8,
    },
    /// A text that is not UTF-8.
    #[error("a text string is not UTF-8")]
    Utf8,
    /// A number, a length or a depth exceeds its bound.
    #[error("{0} is over its bound")]
    OverBound(&'static str),
}

impl From<HeadError> for CborError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Truncated => Self::Truncated,
            HeadError::Indefinite(_) => Self::NotDeterministic("indefinite length"),
            HeadError::Reserved(initial) => Self::Reserved(initial),
        }
    }
}

/// Writes deterministic CBOR. The caller writes map keys in order.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn head(&mut self, major: u8, argument: u64) {
        Head::write(major, argument, &mut self.0);
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        self.head(UNSIGNED, value);
    }

    pub(crate) fn signed(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.head(UNSIGNED, value),
            // −1 − n is written as n, and −1 − n is the complement of n.
            Err(_) => self.head(NEGATIVE, (!value).unsigned_abs()),
        }
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.head(BYTES, value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.head(TEXT, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn array(&mut self, len: usize) {
        self.head(ARRAY, len as u64);
    }

    pub(crate) fn map(&mut self, len: usize) {
        self.head(MAP, len as u64);
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.0.push(if value { TRUE } else { FALSE });
    }

    pub(crate) fn null(&mut self) {
        self.0.push(NULL);
    }

    /// Appends an item that is already encoded.
    pub(crate) fn raw(&mut self, item: &[u8]) {
        self.0.extend_from_slice(item);
    }
}

/// Reads deterministic CBOR. Strings are borrowed from the input, so a length from outside allocates
/// nothing.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Ends reading: nothing may follow.
    pub(crate) fn finish(self) -> Result<(), CborError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CborError::Trailing(self.0.len()))
        }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        cbor::take(&mut self.0, len).ok_or(CborError::Truncated)
    }

    /// Reads a head whose argument is a number: major types 0 to 6.
    fn head(&mut self) -> Result<Head, CborError> {
        let head = Head::read(&mut self.0)?;
        if head.is_shortest {
            Ok(head)
        } else {
            Err(CborError::NotDeterministic("a head is longer than needed"))
        }
    }

    fn expect(&mut self, major: u8, expected: &'static str) -> Result<u64, CborError> {
        let found = *self.0.first().ok_or(CborError::Truncated)? >> 5;
        if found != major {
            return Err(CborError::Unexpected { expected, found });
        }
        Ok(self.head()?.argument)
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, CborError> {
        self.expect(UNSIGNED, "an unsigned integer")
    }

    /// An integer of either sign that fits into an `i64`.
    pub(crate) fn signed(&mut self, what: &'static str) -> Result<i64, CborError> {
        let found = *self.0.first().ok_or(CborError::Truncated)? >> 5;
        if found != UNSIGNED && found != NEGATIVE {
            return Err(CborError::Unexpected {
                expected: "an integer",
                found,
            });
        }
        let magnitude = i64::try_from(self.head()?.argument).map_err(|_| CborError::OverBound(what))?;
        Ok(if found == NEGATIVE { !magnitude } else { magnitude })
    }

    /// Whether the next item is a text string.
    pub(crate) fn is_text(&self) -> bool {
        self.0.first().is_some_and(|initial| initial >> 5 == TEXT)
    }

    /// An unsigned integer that fits into a smaller type.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, CborError> {
        T::try_from(self.unsigned()?).map_err(|_| CborError::OverBound(what))
    }

    pub(crate) fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], CborError> {
        let len = self.expect(BYTES, "a byte string")?;
        let bytes = self.take(len)?;
        if bytes.len() > max {
            Err(CborError::OverBound(what))
        } else {
            Ok(bytes)
        }
    }

    pub(crate) fn text(&mut self, what: &'static str, max: usize) -> Result<&'a str, CborError> {
        let len = self.expect(TEXT, "a text string")?;
        let bytes = self.take(len)?;
        if bytes.len() > max {
            return Err(CborError::OverBound(what));
        }
        std::str::from_utf8(bytes).map_err(|_| CborError::Utf8)
    }

    pub(crate) fn array(&mut self, what: &'static str, max: usize) -> Result<usize, CborError> {
        let len = self.expect(ARRAY, "an array")?;
        usize::try_from(len)
            .ok()
            .filter(|len| *len <= max)
            .ok_or(CborError::OverBound(what))
    }

    pub(crate) fn map(&mut self, what: &'static str, max: usize) -> Result<usize, CborError> {
        let len = self.expect(MAP, "a map")?;
        usize::try_from(len)
            .ok()
            .filter(|len| *len <= max)
            .ok_or(CborError::OverBound(what))
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, CborError> {
        let initial = *self.0.first().ok_or(CborError::Truncated)?;
        let value = match initial {
            FALSE => false,
            TRUE => true,
            _ => {
                return Err(CborError::Unexpected {
                    expected: "true or false",
                    found: initial >> 5,
                });
            }
        };
        self.take(1)?;
        Ok(value)
    }

    /// Reads null if it is next.
    pub(crate) fn null(&mut self) -> bool {
        match self.0 {
            [NULL, rest @ ..] => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads a map of any keys and values and passes the encoded items of each pair to `entry`. Checks that the
    /// keys are in order and unique.
    pub(crate) fn entries<E: From<CborError>>(
        &mut self,
        what: &'static str,
        max: usize,
        depth: usize,
        mut entry: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut previous: Option<&[u8]> = None;
        for _ in 0..self.map(what, max)? {
            let key = self.item(depth)?;
            if previous.is_some_and(|previous| previous >= key) {
                return Err(CborError::NotDeterministic("map keys are not in order").into());
            }
            previous = Some(key);
            entry(key, self.item(depth)?)?;
        }
        Ok(())
    }

    /// Reads one item of any kind, checks that it is deterministic, and returns its bytes.
    pub(crate) fn item(&mut self, depth: usize) -> Result<&'a [u8], CborError> {
        let start = self.0;
        self.skip(depth)?;
        Ok(&start[..start.len() - self.0.len()])
    }

    fn skip(&mut self, depth: usize) -> Result<(), CborError> {
        let depth = depth.checked_sub(1).ok_or(CborError::OverBound("nesting"))?;
        if *self.0.first().ok_or(CborError::Truncated)? >> 5 == SIMPLE {
            return self.skip_simple();
        }
        let head = self.head()?;
        match head.major() {
            BYTES => drop(self.take(head.argument)?),
            TEXT => drop(std::str::from_utf8(self.take(head.argument)?).map_err(|_| CborError::Utf8)?),
            ARRAY => {
                for _ in 0..head.argument {
                    self.skip(depth)?;
                }
            }
            MAP => {
                let mut previous: Option<&[u8]> = None;
                for _ in 0..head.argument {
                    let key = self.item(depth)?;
                    if previous.is_some_and(|previous| previous >= key) {
                        return Err(CborError::NotDeterministic("map keys are not in order"));
                    }
                    previous = Some(key);
                    self.skip(depth)?;
                }
            }
            TAG => self.skip(depth)?,
            _ => {}
        }
        Ok(())
    }

    /// Major type 7: simple values, and floating-point numbers in their shortest form.
    fn skip_simple(&mut self) -> Result<(), CborError> {
        let head = Head::read(&mut self.0)?;
        let is_shortest = match head.initial & 0x1f {
            24 if head.argument < 32 => {
                return Err(CborError::NotDeterministic("a simple value has a shorter form"));
            }
            26 => !u32::try_from(head.argument).is_ok_and(|bits| fits_half(f32::from_bits(bits))),
            27 => !fits_single(f64::from_bits(head.argument)),
            _ => true,
        };
        if is_shortest {
            Ok(())
        } else {
            Err(CborError::NotDeterministic("a number has a shorter form"))
        }
    }
}

/// Whether a number is exact in IEEE 754 single precision: then it must be written so.
fn fits_single(value: f64) -> bool {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whether it truncates is the question"
    )]
    let single = value as f32;
    value.is_nan() || f64::from(single).to_bits() == value.to_bits()
}

/// Whether a number is exact in IEEE 754 half precision: then it must be written so.
fn fits_half(value: f32) -> bool {
    if value.is_nan() || value.is_infinite() || value == 0.0 {
        return true;
    }
    let bits = value.to_bits();
    let exponent = i32::from(u8::try_from(bits >> 23 & 0xff).unwrap_or(u8::MAX)) - 127;
    // The lowest bit that is set, as a power of two, and the highest.
    let lowest =
        exponent - 23 + i32::try_from((bits & 0x7f_ffff | 0x80_0000).trailing_zeros()).unwrap_or(i32::MAX);
    // Half precision: eleven significant bits, powers from 2^-24 (subnormal) to 2^15.
    exponent <= 15 && lowest >= -24 && exponent - lowest <= 10
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(hex_item: &str) -> Result<(), CborError> {
        let bytes = hex::decode(hex_item).unwrap();
        let mut reader = Reader::new(&bytes);
        reader.item(8)?;
        reader.finish()
    }

    #[test]
    fn deterministic_items_of_every_kind_are_read() {
        // From RFC 8949, appendix A.
        for item in [
            "00",
            "17",
            "1818",
            "1903e8",
            "1a000f4240",
            "1b000000e8d4a51000",
            "1bffffffffffffffff",
            "20",
            "3863",
            "3bffffffffffffffff",
            "f90000",
            "f98000",
            "f93c00",
            "fb3ff199999999999a",
            "f93e00",
            "f97bff",
            "fa47c35000",
            "fa7f7fffff",
            "fb7e37e43c8800759c",
            "f90001",
            "f90400",
            "f9c400",
            "fbc010666666666666",
            "f97c00",
            "f97e00",
            "f9fc00",
            "f4",
            "f5",
            "f6",
            "f7",
            "f0",
            "f8ff",
            "c11a514b67b0",
            "d818456449455446",
            "40",
            "4401020304",
            "60",
            "62c3bc",
            "64f0908591",
            "80",
            "83010203",
            "8301820203820405",
            "a0",
            "a201020304",
            "a26161016162820203",
        ] {
            assert_eq!(check(item), Ok(()), "{item}");
        }
    }

    #[test]
    fn what_is_not_deterministic_is_refused() {
        for item in [
            "1817",
            "190017",
            "1a000003e8",
            "1b00000000000f4240",
            "3817",
            "5801ff",
            "780161",
            "9800",
            "b800",
            "5f42010243030405ff",
            "7f657374726561646d696e67ff",
            "9fff",
            "bfff",
            "a203040102",
            "a201020102",
            "f818",
            "fa3fc00000",
            "fa7fc00000",
            "fb7ff8000000000000",
            "fb3ff0000000000000",
            "fb40f86a0000000000",
            "a2616201616102",
        ] {
            assert!(
                matches!(check(item), Err(CborError::NotDeterministic(_))),
                "{item}: {:?}",
                check(item)
            );
        }
        for item in ["1c", "3d", "5e", "7c", "fc", "ff", "df", "1f"] {
            assert!(
                matches!(check(item), Err(CborError::Reserved(_))),
                "{item}: {:?}",
                check(item)
            );
        }
        for item in [
            "",
            "18",
            "19ff",
            "41",
            "61",
            "81",
            "a1",
            "a100",
            "c1",
            "f9ff",
            "5bffffffffffffffff",
            "9bffffffffffffffff",
        ] {
            assert_eq!(check(item), Err(CborError::Truncated), "{item}");
        }
        assert_eq!(check("0000"), Err(CborError::Trailing(1)));
        assert_eq!(check("61ff"), Err(CborError::Utf8));
        assert_eq!(check("818181818181818100"), Err(CborError::OverBound("nesting")));
    }

    #[test]
    fn half_precision_is_recognized_exactly() {
        for value in [
            1.0,
            1.5,
            65504.0,
            5.960_464_5e-8,
            6.103_515_6e-5,
            -4.0,
            0.0,
            f32::INFINITY,
        ] {
            assert!(fits_half(value), "{value}");
        }
        for value in [65536.0, 65505.0, 1e-8, 0.1, 2.980_232_2e-8, 3.4e38] {
            assert!(!fits_half(value), "{value}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_round_trip(value: u64, signed: i64) {
            let mut writer = Writer::default();
            writer.unsigned(value);
            writer.signed(signed);
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.unsigned(), Ok(value));
            prop_assert_eq!(reader.signed("a number"), Ok(signed));
            prop_assert_eq!(reader.finish(), Ok(()));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reader::new(&bytes).item(8);
        }

        #[test]
        fn what_ciborium_writes_for_texts_and_arrays_is_read(texts: Vec<String>) {
            let mut bytes = Vec::new();
            ciborium::into_writer(&texts, &mut bytes).unwrap();
            let mut reader = Reader::new(&bytes);
            prop_assert!(reader.item(3).is_ok());
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}
