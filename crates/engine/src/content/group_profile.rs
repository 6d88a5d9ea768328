//! What the members of a conversation say about it: of a group its name, its description, and where its picture is; of any
//! one for how long messages are kept.
//!
//! A deterministic CBOR map from numbers to values: 1 is the name, 4 the description (empty if it is removed), 5 the picture
//! (the id of its object, its key and the SHA-256 of the file, 80 bytes; empty if it is removed). If 6 is there, all of this
//! was said before and is repeated for those who cannot know it: it holds the places in the log where name, description and
//! picture were said (three big-endian numbers of 8 bytes). 7 is for how many seconds messages are kept, 0 for good, and 8 the
//! place where that was said, if it is repeated. What is left out is not mentioned. Other numbers belong to later versions and
//! are ignored.

use sha2::{Digest as _, Sha256};

use super::{
    DisplayName, Lifetime,
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
const PLACES: i64 = 6;
const TIMER: i64 = 7;
const TIMER_PLACE: i64 = 8;
/// The length of the encoded places.
const PLACES_LEN: usize = 24;
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

/// Where in the log the parts of a profile were said last by somebody who may; 0 if nobody has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProfilePlaces {
    /// The seq of the name.
    pub name: u64,
    /// The seq of the description.
    pub description: u64,
    /// The seq of the picture.
    pub picture: u64,
    /// The seq of the timer.
    pub timer: u64,
}

impl ProfilePlaces {
    /// Whether some part was said later than it was there.
    pub fn has_later_than(self, other: Self) -> bool {
        self.name > other.name
            || self.description > other.description
            || self.picture > other.picture
            || self.timer > other.timer
    }

    fn to_bytes(self) -> [u8; PLACES_LEN] {
        let mut bytes = [0; PLACES_LEN];
        let places = [self.name, self.description, self.picture];
        for (bytes, place) in bytes.chunks_exact_mut(8).zip(places) {
            bytes.copy_from_slice(&place.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; PLACES_LEN] = bytes.try_into().ok()?;
        let mut places = bytes
            .chunks_exact(8)
            .map(|bytes| bytes.try_into().map_or(0, u64::from_be_bytes));
        Some(Self {
            name: places.next()?,
            description: places.next()?,
            picture: places.next()?,
            timer: 0,
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
    /// For how long messages are kept.
    pub timer: Option<Option<Lifetime>>,
    /// Where it was said, if it is repeated for those who have come in; `None` for a change.
    pub places: Option<ProfilePlaces>,
}

impl GroupProfile {
    /// The deterministic encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let timer_place = self.places.map(|places| places.timer).filter(|place| *place > 0);
        writer.map(
            usize::from(self.name.is_some())
                + usize::from(self.description.is_some())
                + usize::from(self.picture.is_some())
                + usize::from(self.places.is_some())
                + usize::from(self.timer.is_some())
                + usize::from(timer_place.is_some()),
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
        if let Some(places) = &self.places {
            writer.signed(PLACES);
            writer.bytes(&places.to_bytes());
        }
        if let Some(timer) = &self.timer {
            writer.signed(TIMER);
            writer.unsigned(timer.map_or(0, Lifetime::as_secs).into());
        }
        if let Some(place) = timer_place {
            writer.signed(TIMER_PLACE);
            writer.unsigned(place);
        }
        writer.finish()
    }

    /// Decodes a profile. A name that could deceive makes the whole profile invalid: an honest client does not send one.
    pub fn decode(encoded: &[u8]) -> Result<Self, InvalidProfile> {
        let mut reader = Reader::new(encoded);
        let mut profile = Self::default();
        let mut timer_place = 0;
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
                PLACES => {
                    let bytes = value.bytes("places in the log", VALUE_MAX)?;
                    let places = ProfilePlaces::from_bytes(bytes);
                    profile.places = Some(places.ok_or(InvalidProfile::Places)?);
                }
                TIMER => {
                    let seconds = value.unsigned()?;
                    profile.timer = Some((seconds > 0).then(|| Lifetime::nearest(seconds)));
                }
                TIMER_PLACE => timer_place = value.unsigned()?,
                _ => {}
            }
            Ok(())
        })?;
        reader.finish()?;
        if let Some(places) = &mut profile.places {
            places.timer = timer_place;
        }
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
            places: Some(ProfilePlaces {
                name: 1,
                description: 2,
                picture: 259,
                timer: 0,
            }),
            timer: None,
        };
        let timer = GroupProfile {
            timer: Some(Lifetime::from_secs(86_400)),
            ..GroupProfile::default()
        };
        let timer_off = GroupProfile {
            timer: Some(None),
            places: Some(ProfilePlaces {
                timer: 258,
                ..ProfilePlaces::default()
            }),
            ..GroupProfile::default()
        };
        let picture = "ab".repeat(PictureReference::LEN);
        for (profile, expected) in [
            (GroupProfile::default(), "a0".to_owned()),
            (name, "a101645a6fc3ab".to_owned()),
            (removed, "a204600540".to_owned()),
            (timer, "a1071a00015180".to_owned()),
            (timer_off, format!("a3065818{}070008190102", "00".repeat(24))),
            (
                all,
                format!(
                    "a401645a6fc3ab0463610a62055850{picture}065818000000000000000100000000000000020000000000000103"
                ),
            ),
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
        // {1: "Zoe", 5: h'0102', 9: [1]}
        let profile = GroupProfile::decode(&hex::decode("a301635a6f650542010209810a").unwrap()).unwrap();
        assert_eq!(profile.name.unwrap().as_str(), "Zoe");
        assert_eq!(profile.picture, None);
    }

    #[test]
    fn whatever_a_timer_says_it_is_one_that_can_be_followed() {
        // {7: 1} and {7: 2^64 - 1}
        for (encoded, expected) in [
            ("a10701", Lifetime::MIN),
            ("a1071bffffffffffffffff", Lifetime::MAX),
        ] {
            let profile = GroupProfile::decode(&hex::decode(encoded).unwrap()).unwrap();
            assert_eq!(profile.timer, Some(Some(expected)));
        }
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
