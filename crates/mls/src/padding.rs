//! Padding of application messages, so that their length reveals little.
//!
//! The rule: four bytes of length (big endian), the content, and zeroes up to the next bucket.
//! Buckets are the powers of two from 256 bytes to 4 KiB, then the multiples of 4 KiB. OpenMLS
//! itself can only pad to a multiple of one fixed number, which would either make a "yes" as large
//! as a page of text or tell the two apart by length.
//!
//! Each content has exactly one valid padding, so padding cannot carry a hidden mark.

use crate::limits::CONTENT_MAX;

const LENGTH_LEN: usize = 4;
const BUCKET_MIN: usize = 256;
const BUCKET_STEP: usize = 4096;

/// The content is too large to be one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes is larger than {CONTENT_MAX}")]
pub struct ContentTooLarge(pub usize);

/// Decrypted bytes are not a padded message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the padding is not the one that the content calls for")]
pub struct InvalidPadding;

/// The length in bytes of a content of `content_len` bytes after padding.
pub fn padded_len(content_len: usize) -> usize {
    let framed = LENGTH_LEN + content_len;
    if framed <= BUCKET_STEP {
        framed.next_power_of_two().max(BUCKET_MIN)
    } else {
        framed.next_multiple_of(BUCKET_STEP)
    }
}

pub(crate) fn pad(content: &[u8]) -> Result<Vec<u8>, ContentTooLarge> {
    let too_large = ContentTooLarge(content.len());
    if content.len() > CONTENT_MAX {
        return Err(too_large);
    }
    let length = u32::try_from(content.len()).map_err(|_| too_large)?;
    let mut padded = Vec::with_capacity(padded_len(content.len()));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(padded_len(content.len()), 0);
    Ok(padded)
}

pub(crate) fn strip(mut padded: Vec<u8>) -> Result<Vec<u8>, InvalidPadding> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_LEN>().ok_or(InvalidPadding)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| InvalidPadding)?;
    if length > CONTENT_MAX || padded.len() != padded_len(length) {
        return Err(InvalidPadding);
    }
    if rest[length..].iter().any(|byte| *byte != 0) {
        return Err(InvalidPadding);
    }
    padded.truncate(LENGTH_LEN + length);
    padded.drain(..LENGTH_LEN);
    Ok(padded)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_fall_into_buckets() {
        for (content, padded) in [
            (0, 256),
            (252, 256),
            (253, 512),
            (508, 512),
            (509, 1024),
            (2044, 2048),
            (2045, 4096),
            (4092, 4096),
            (4093, 8192),
            (8188, 8192),
            (8189, 12288),
            (65536, 69632),
        ] {
            assert_eq!(padded_len(content), padded, "{content}");
            assert_eq!(pad(&vec![1; content]).unwrap().len(), padded, "{content}");
        }
    }

    #[test]
    fn a_content_above_the_limit_is_refused() {
        assert!(pad(&vec![0; CONTENT_MAX]).is_ok());
        assert_eq!(
            pad(&vec![0; CONTENT_MAX + 1]),
            Err(ContentTooLarge(CONTENT_MAX + 1))
        );
    }

    #[test]
    fn only_the_canonical_padding_is_accepted() {
        let good = pad(b"hello").unwrap();
        assert_eq!(strip(good.clone()).unwrap(), b"hello");
        let mut marked = good.clone();
        *marked.last_mut().unwrap() = 1;
        let mut longer = good.clone();
        longer.resize(512, 0);
        let mut overlong = good.clone();
        overlong[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        let shorter = good[..255].to_vec();
        for bad in [marked, longer, overlong, shorter, vec![], vec![0, 0, 0]] {
            assert_eq!(strip(bad), Err(InvalidPadding));
        }
    }

    proptest! {
        #[test]
        fn what_is_padded_can_be_stripped(content in proptest::collection::vec(any::<u8>(), 0..9000)) {
            prop_assert_eq!(strip(pad(&content).unwrap()).unwrap(), content);
        }

        #[test]
        fn stripping_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = strip(bytes);
        }
    }
}
