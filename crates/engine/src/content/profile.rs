//! The profile that a person shares: a display name, and where the rest is.
//!
//! A deterministic CBOR map from numbers to values: 1 is the display name, 2 the id of the profile object followed by its
//! key (48 bytes), 3 the version of that object. Other numbers belong to later versions and are ignored.

use super::{
    ContentError, DisplayName,
    cbor::{Reader, Writer},
    text::{InvalidDescription, InvalidName},
};
use subrosa_wire::limits::SEQ_MAX;

/// The media type of a profile.
pub const PROFILE_MEDIA_TYPE: &str = "application/vnd.subrosa.profile";

const NAME: i64 = 1;
const OBJECT: i64 = 2;
const VERSION: i64 = 3;
/// The length of an object's id and key.
const OBJECT_LEN: usize = 16 + 32;
/// Bounds for a profile of any version: its entries, and how deep their values may be nested.
const ENTRIES_MAX: usize = 16;
const DEPTH_MAX: usize = 4;
const VALUE_MAX: usize = 4096;

/// A person's profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The display name; `None` when the person has removed it.
    pub name: Option<DisplayName>,
    /// Where name and picture are kept.
    pub object: Option<ObjectReference>,
}

/// Where a profile object is, what opens it, and which version it has.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// The id of the object, then its key.
    pub object: [u8; OBJECT_LEN],
    /// The version.
    pub version: u64,
}

impl std::fmt::Debug for ObjectReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectReference")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
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
    /// The description of a group is none that a device sends.
    #[error(transparent)]
    Description(#[from] InvalidDescription),
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
        writer.map(usize::from(self.name.is_some()) + 2 * usize::from(self.object.is_some()));
        if let Some(name) = &self.name {
            writer.signed(NAME);
            writer.text(name.as_str());
        }
        if let Some(reference) = &self.object {
            writer.signed(OBJECT);
            writer.bytes(&reference.object);
            writer.signed(VERSION);
            writer.unsigned(reference.version);
        }
        writer.finish()
    }

    /// Decodes a profile. A name that could deceive makes the whole profile invalid: an honest client
    /// does not send one.
    pub fn decode(encoded: &[u8]) -> Result<Self, InvalidProfile> {
        let mut reader = Reader::new(encoded);
        let mut profile = Self::default();
        let (mut object, mut version) = (None, None);
        reader.entries::<InvalidProfile>("entries of a profile", ENTRIES_MAX, DEPTH_MAX, |key, value| {
            let mut value = Reader::new(value);
            match Reader::new(key).signed("a profile key")? {
                NAME => {
                    let text = value.text("display name", VALUE_MAX)?;
                    let name = DisplayName::try_from(text)?;
                    if name.as_str() != text {
                        return Err(InvalidProfile::NameNotNormal);
                    }
                    profile.name = Some(name);
                }
                // What has another shape belongs to a later version.
                OBJECT => {
                    object = value
                        .bytes("a profile object", VALUE_MAX)
                        .ok()
                        .and_then(|id| id.try_into().ok());
                }
                VERSION => version = value.unsigned().ok().filter(|version| *version <= SEQ_MAX),
                _ => {}
            }
            Ok(())
        })?;
        reader.finish()?;
        profile.object = object
            .zip(version)
            .map(|(object, version)| ObjectReference { object, version });
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
            object: None,
        };
        assert_eq!(hex::encode(profile.encode()), "a101645a6fc3ab");
        assert_eq!(Profile::decode(&profile.encode()), Ok(profile));
        let with_object = Profile {
            name: None,
            object: Some(ObjectReference {
                object: [0xab; OBJECT_LEN],
                version: 7,
            }),
        };
        let expected = format!("a2025830{}0307", "ab".repeat(OBJECT_LEN));
        assert_eq!(hex::encode(with_object.encode()), expected);
        assert_eq!(Profile::decode(&with_object.encode()), Ok(with_object));
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
