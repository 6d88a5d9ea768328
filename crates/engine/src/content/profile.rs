//! The profile that a person shares: for now, a display name.
//!
//! A deterministic CBOR map from numbers to values: 1 is the display name. Other numbers belong to
//! later versions and are ignored.

use super::{
    ContentError, DisplayName,
    cbor::{Reader, Writer},
    text::InvalidName,
};

/// The media type of a profile.
pub const PROFILE_MEDIA_TYPE: &str = "application/vnd.subrosa.profile";

const NAME: i64 = 1;
/// Bounds for a profile of any version: its entries, and how deep their values may be nested.
const ENTRIES_MAX: usize = 16;
const DEPTH_MAX: usize = 4;
const VALUE_MAX: usize = 4096;

/// A person's profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The display name; `None` when the person has removed it.
    pub name: Option<DisplayName>,
}

/// Why a profile is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// It cannot be read.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The name is one that could deceive.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The name is not in its normal form.
    #[error("the name is not in its normal form")]
    NameNotNormal,
}

impl From<super::cbor::CborError> for InvalidProfile {
    fn from(error: super::cbor::CborError) -> Self {
        Self::Content(error.into())
    }
}

impl Profile {
    /// The deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(usize::from(self.name.is_some()));
        if let Some(name) = &self.name {
            writer.signed(NAME);
            writer.text(name.as_str());
        }
        writer.finish()
    }

    /// Decodes a profile. A name that could deceive makes the whole profile invalid: an honest client
    /// does not send one.
    pub fn decode(encoded: &[u8]) -> Result<Self, InvalidProfile> {
        let mut reader = Reader::new(encoded);
        let mut profile = Self::default();
        reader.entries::<InvalidProfile>("entries of a profile", ENTRIES_MAX, DEPTH_MAX, |key, value| {
            let mut value = Reader::new(value);
            if Reader::new(key).signed("a profile key")? == NAME {
                let text = value.text("display name", VALUE_MAX)?;
                let name = DisplayName::try_from(text)?;
                if name.as_str() != text {
                    return Err(InvalidProfile::NameNotNormal);
                }
                profile.name = Some(name);
            }
            Ok(())
        })?;
        reader.finish()?;
        Ok(profile)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_encoding_is_stable() {
        let profile = Profile {
            name: Some(DisplayName::try_from("Zoë").unwrap()),
        };
        assert_eq!(hex::encode(profile.encode()), "a101645a6fc3ab");
        assert_eq!(Profile::decode(&profile.encode()), Ok(profile));
        assert_eq!(hex::encode(Profile::default().encode()), "a0");
        assert_eq!(Profile::decode(&[0xa0]), Ok(Profile::default()));
    }

    #[test]
    fn entries_of_later_versions_are_left_out() {
        // {1: "Zoe", 2: [1, 2]}
        let profile = Profile::decode(&hex::decode("a201635a6f6502820102").unwrap()).unwrap();
        assert_eq!(profile.name.unwrap().as_str(), "Zoe");
    }

    #[test]
    fn a_name_that_could_deceive_is_refused() {
        for name in ["\u{202e}eoZ", "a\u{200b}b", "", " Zoe", "Zoe\u{308}"] {
            let mut writer = Writer::default();
            writer.map(1);
            writer.signed(NAME);
            writer.text(name);
            assert!(Profile::decode(&writer.finish()).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Profile::decode(&bytes);
        }
    }
}
