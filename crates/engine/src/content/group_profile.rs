//! What the members of a group say about it: its name, its description, and where its picture is.
//!
//! A deterministic CBOR map from numbers to values: 1 is the name, 4 the description (empty if it is removed), 5 the picture
//! (the id of its object, its key and the SHA-256 of the file, 80 bytes; empty if it is removed), 6 is 1 if all of this was
//! said before and is repeated for those who cannot know it. What is left out stays as it is; in a repetition it is not
//! there. Other numbers belong to later versions and are ignored.

use sha2::{Digest as _, Sha256};

use super::{
    DisplayName,
    cbor::{Reader, Writer},
    profile::InvalidProfile,
    text::GroupDescription,
};
use crate::profile_objects::format::{ObjectKey, Picture};

/// The media type of the profile of a group.
pub const GROUP_PROFILE_MEDIA_TYPE: &str = "application/vnd.subrosa.group-profile";

const NAME: i64 = 1;
const DESCRIPTION: i64 = 4;
const PICTURE: i64 = 5;
const IS_REPEATED: i64 = 6;
/// The length of a SHA-256 hash.
const HASH_LEN: usize = 32;
/// Bounds for a profile of any version: its entries, and how deep their values may be nested.
const ENTRIES_MAX: usize = 16;
const DEPTH_MAX: usize = 4;
const VALUE_MAX: usize = 4096;

/// Where the picture of a group is. An object holds one picture, for ever: another picture is in another object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureReference {
    /// The object, and what opens it.
    pub object: ObjectKey,
    /// The SHA-256 of the picture: whoever can write the object cannot put another one in its place.
    pub hash: [u8; HASH_LEN],
}

impl PictureReference {
    /// The length of [`to_bytes`](Self::to_bytes).
    pub const LEN: usize = ObjectKey::LEN + HASH_LEN;

    /// That of a picture in this object.
    pub fn new(object: ObjectKey, picture: &Picture) -> Self {
        let hash = Sha256::digest(picture.as_bytes()).into();
        Self { object, hash }
    }

    /// Whether this is the picture that was announced.
    pub fn is_of(&self, picture: &Picture) -> bool {
        self.hash == <[u8; HASH_LEN]>::from(Sha256::digest(picture.as_bytes()))
    }

    /// Tells pictures apart: part of the hash, small enough for a JavaScript number.
    pub fn version(&self) -> u64 {
        let (head, _) = self.hash.split_at(8);
        head.try_into().map_or(0, u64::from_be_bytes) >> 11
    }

    /// The object's id and key, then the hash.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.object.to_bytes()[..], &self.hash[..]].concat()
    }

    /// The reverse of [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (object, hash) = bytes.split_at_checked(ObjectKey::LEN)?;
        Some(Self {
            object: ObjectKey::from_bytes(object)?,
            hash: hash.try_into().ok()?,
        })
    }
}

/// What is said about a group. `None` for what is not mentioned, `Some(None)` for what is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupProfile {
    /// What the group is called.
    pub name: Option<DisplayName>,
    /// What it is about.
    pub description: Option<Option<GroupDescription>>,
    /// Where its picture is.
    pub picture: Option<Option<PictureReference>>,
    /// Whether it is what was known before, repeated for those who have come in.
    pub is_repeated: bool,
}

impl GroupProfile {
    /// The deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(
            usize::from(self.name.is_some())
                + usize::from(self.description.is_some())
                + usize::from(self.picture.is_some())
                + usize::from(self.is_repeated),
        );
        if let Some(name) = &self.name {
            writer.signed(NAME);
            writer.text(name.as_str());
        }
        if let Some(description) = &self.description {
            writer.signed(DESCRIPTION);
            writer.text(description.as_ref().map_or("", GroupDescription::as_str));
        }
        if let Some(picture) = &self.picture {
            writer.signed(PICTURE);
            let bytes = picture.as_ref().map(PictureReference::to_bytes);
            writer.bytes(&bytes.unwrap_or_default());
        }
        if self.is_repeated {
            writer.signed(IS_REPEATED);
            writer.unsigned(1);
        }
        writer.finish()
    }

    /// Decodes a profile. A name that could deceive makes the whole profile invalid: an honest client does not send one.
    pub fn decode(encoded: &[u8]) -> Result<Self, InvalidProfile> {
        let mut reader = Reader::new(encoded);
        let mut profile = Self::default();
        reader.entries::<InvalidProfile>("entries of a profile", ENTRIES_MAX, DEPTH_MAX, |key, value| {
            let mut value = Reader::new(value);
            match Reader::new(key).signed("a profile key")? {
                NAME => {
                    let text = value.text("the name of a group", VALUE_MAX)?;
                    let name = DisplayName::try_from(text)?;
                    if name.as_str() != text {
                        return Err(InvalidProfile::NameNotNormal);
                    }
                    profile.name = Some(name);
                }
                DESCRIPTION => match value.text("the description of a group", VALUE_MAX)? {
                    "" => profile.description = Some(None),
                    text => profile.description = Some(Some(GroupDescription::try_from(text)?)),
                },
                PICTURE => match value.bytes("the picture of a group", VALUE_MAX)? {
                    [] => profile.picture = Some(None),
                    // What has another shape belongs to a later version.
                    bytes => profile.picture = PictureReference::from_bytes(bytes).map(Some),
                },
                IS_REPEATED => profile.is_repeated = value.unsigned()? == 1,
                _ => {}
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

    fn reference() -> PictureReference {
        PictureReference::from_bytes(&[0xab; PictureReference::LEN]).unwrap()
    }

    #[test]
    fn the_encoding_is_stable() {
        let name = GroupProfile {
            name: Some(DisplayName::try_from("Zoë").unwrap()),
            ..GroupProfile::default()
        };
        let removed = GroupProfile {
            description: Some(None),
            picture: Some(None),
            ..GroupProfile::default()
        };
        let all = GroupProfile {
            name: Some(DisplayName::try_from("Zoë").unwrap()),
            description: Some(Some(GroupDescription::try_from("a\nb").unwrap())),
            picture: Some(Some(reference())),
            is_repeated: true,
        };
        let picture = "ab".repeat(PictureReference::LEN);
        for (profile, expected) in [
            (GroupProfile::default(), "a0".to_owned()),
            (name, "a101645a6fc3ab".to_owned()),
            (removed, "a204600540".to_owned()),
            (all, format!("a401645a6fc3ab0463610a62055850{picture}0601")),
        ] {
            assert_eq!(hex::encode(profile.encode()), expected);
            assert_eq!(GroupProfile::decode(&profile.encode()), Ok(profile));
        }
    }

    #[test]
    fn another_picture_than_was_announced_is_not_shown() {
        let picture = |width: u8| {
            let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0";
            let bytes = [&head[..], &[width, 0, 0, 0, 2, 8, 6, 0, 0, 0, 0, 0, 0, 0]].concat();
            Picture::try_from(bytes).unwrap()
        };
        let announced = PictureReference::new(reference().object, &picture(7));
        assert!(announced.is_of(&picture(7)));
        assert!(!announced.is_of(&picture(8)));
        assert_ne!(
            announced.version(),
            PictureReference::new(reference().object, &picture(8)).version()
        );
    }

    #[test]
    fn entries_of_later_versions_are_left_out() {
        // {1: "Zoe", 5: h'0102', 7: [1]}
        let profile = GroupProfile::decode(&hex::decode("a301635a6f650542010207810a").unwrap()).unwrap();
        assert_eq!(profile.name.unwrap().as_str(), "Zoe");
        assert_eq!(profile.picture, None);
    }

    #[test]
    fn what_could_deceive_or_is_too_long_is_refused() {
        let long = "a".repeat(crate::content::limits::DESCRIPTION_MAX + 1);
        for (key, text) in [
            (NAME, "\u{202e}eoZ"),
            (NAME, ""),
            (NAME, " Zoe"),
            (DESCRIPTION, "a\0b"),
            (DESCRIPTION, " \n"),
            (DESCRIPTION, long.as_str()),
        ] {
            let mut writer = Writer::default();
            writer.map(1);
            writer.signed(key);
            writer.text(text);
            assert!(GroupProfile::decode(&writer.finish()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = GroupProfile::decode(&bytes);
        }
    }
}
