//! The heads of CBOR items (RFC 8949, section 3), for the two codecs that need them: message contents in the engine
//! and group state in subrosa-mls.
//!
//! A head holds the major type of an item and one number, its argument: the value of an integer, the length of a
//! string, the number of items in an array. Which heads and which items are accepted is up to each codec.

/// The major type of an unsigned integer, whose value is the argument.
pub const UNSIGNED: u8 = 0;
/// The major type of a negative integer, whose value is -1 minus the argument.
pub const NEGATIVE: u8 = 1;
/// The major type of a byte string. The argument is its length in bytes.
pub const BYTES: u8 = 2;
/// The major type of a text string. The argument is its length in bytes of UTF-8.
pub const TEXT: u8 = 3;
/// The major type of an array. The argument is the number of its items.
pub const ARRAY: u8 = 4;
/// The major type of a map. The argument is the number of its pairs.
pub const MAP: u8 = 5;
/// The major type of a tag for the item that follows. The argument is the number of the tag.
pub const TAG: u8 = 6;
/// The major type of simple values and floating-point numbers.
pub const SIMPLE: u8 = 7;

/// The simple value `false`, a whole item.
pub const FALSE: u8 = 0xf4;
/// The simple value `true`, a whole item.
pub const TRUE: u8 = 0xf5;
/// The simple value `null`, a whole item.
pub const NULL: u8 = 0xf6;

/// What comes first in each item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The first byte: the major type, and how the argument is written.
    pub initial: u8,
    /// The argument. For a floating-point number, its bits.
    pub argument: u64,
    /// Whether the argument has no shorter form. Says nothing about major type 7.
    pub is_shortest: bool,
}

/// Why bytes do not start with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The bytes end inside the head.
    #[error("the CBOR ends too early")]
    Truncated,
    /// A string, an array or a map of indefinite length; the first byte of its head.
    #[error("0x{0:02x} starts a CBOR item of indefinite length")]
    Indefinite(u8),
    /// A byte that starts no item.
    #[error("0x{0:02x} starts no CBOR item")]
    Reserved(u8),
}

impl Head {
    /// The major type, from 0 to 7.
    pub const fn major(&self) -> u8 {
        self.initial >> 5
    }

    /// Takes the head from the front of `rest`.
    pub fn read(rest: &mut &[u8]) -> Result<Self, HeadError> {
        let (&initial, mut after) = rest.split_first().ok_or(HeadError::Truncated)?;
        let (len, least) = match initial & 0x1f {
            0..=23 => (0, 0),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            31 if matches!(initial >> 5, BYTES..=MAP) => return Err(HeadError::Indefinite(initial)),
            _ => return Err(HeadError::Reserved(initial)),
        };
        let argument = match take(&mut after, len).ok_or(HeadError::Truncated)? {
            [] => u64::from(initial & 0x1f),
            bytes => bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        };
        *rest = after;
        Ok(Self {
            initial,
            argument,
            is_shortest: argument >= least,
        })
    }

    /// Appends a head in its shortest form.
    pub fn write(major: u8, argument: u64, out: &mut Vec<u8>) {
        let [.., b3, b2, b1, b0] = argument.to_be_bytes();
        let major = major << 5;
        match argument {
            0..=23 => out.push(major | b0),
            24..=0xff => out.extend([major | 0x18, b0]),
            0x100..=0xffff => out.extend([major | 0x19, b1, b0]),
            0x1_0000..=0xffff_ffff => out.extend([major | 0x1a, b3, b2, b1, b0]),
            _ => {
                out.push(major | 0x1b);
                out.extend(argument.to_be_bytes());
            }
        }
    }
}

/// Takes `len` bytes from the front of `rest`, or nothing if it has fewer. Nothing is allocated, so a length from
/// outside needs no other bound.
pub fn take<'a>(rest: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Head, HeadError> {
        Head::read(&mut &*bytes)
    }

    #[test]
    fn each_argument_is_written_in_its_shortest_form() {
        for (argument, bytes) in [
            (0, &[0x40][..]),
            (23, &[0x57]),
            (24, &[0x58, 24]),
            (0xff, &[0x58, 0xff]),
            (0x100, &[0x59, 1, 0]),
            (0xffff, &[0x59, 0xff, 0xff]),
            (0x1_0000, &[0x5a, 0, 1, 0, 0]),
            (0xffff_ffff, &[0x5a, 0xff, 0xff, 0xff, 0xff]),
            (0x1_0000_0000, &[0x5b, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut written = Vec::new();
            Head::write(BYTES, argument, &mut written);
            assert_eq!(written, bytes, "{argument}");
        }
    }

    #[test]
    fn a_longer_form_is_read_and_recognized() {
        for bytes in [
            &[0x18, 23][..],
            &[0x19, 0, 0xff],
            &[0x1a, 0, 0, 0xff, 0xff],
            &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(!read(bytes).unwrap().is_shortest, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_head_is_refused_and_nothing_is_taken() {
        for (bytes, error) in [
            (&[][..], HeadError::Truncated),
            (&[0x18], HeadError::Truncated),
            (&[0x3b, 1, 2, 3, 4, 5, 6, 7], HeadError::Truncated),
            (&[0x1c], HeadError::Reserved(0x1c)),
            (&[0x1f], HeadError::Reserved(0x1f)),
            (&[0xff], HeadError::Reserved(0xff)),
            (&[0x5f], HeadError::Indefinite(0x5f)),
            (&[0xbf], HeadError::Indefinite(0xbf)),
        ] {
            let mut rest = bytes;
            assert_eq!(Head::read(&mut rest), Err(error), "{bytes:?}");
            assert_eq!(rest, bytes);
        }
    }

    #[test]
    fn no_more_is_taken_than_there_is() {
        let mut rest = &[1, 2, 3][..];
        assert_eq!(take(&mut rest, u64::MAX), None);
        assert_eq!(take(&mut rest, 4), None);
        assert_eq!(take(&mut rest, 2), Some(&[1, 2][..]));
        assert_eq!(rest, [3]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(major in 0_u8..7, argument: u64) {
            let mut bytes = Vec::new();
            Head::write(major, argument, &mut bytes);
            bytes.push(0xaa);
            let mut rest = &*bytes;
            let head = Head::read(&mut rest).unwrap();
            prop_assert_eq!((head.major(), head.argument, head.is_shortest), (major, argument, true));
            prop_assert_eq!(rest, [0xaa]);
        }
    }
}
