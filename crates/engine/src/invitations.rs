//! What an invite link shows of a group before one has joined: sealed under the link's wrapping key by somebody inside, and
//! kept by the server, which can neither read nor forge it.
//!
//! A deterministic CBOR map from numbers to values: 1 is the conversation's id, 2 the group's name, 3 the handle of whoever
//! has made the link, 4 their name, 5 the group's description. 4 and 5 may be left out; other numbers belong to later
//! versions and are ignored. It is sealed with padding, and bound to the link's id.

use rand_core::CryptoRngCore;
use sha2::{Digest as _, Sha256};
use subrosa_mls::LinkSecret;
use subrosa_wire::{ConversationId, Handle, limits::LINK_PREVIEW_MAX};

use crate::{
    account::wrap::{self, PaddedError, SealError},
    content::{
        DisplayName, GroupDescription, InvalidDescription, InvalidName,
        cbor::{CborError, Reader, Writer},
    },
};

const ID: i64 = 1;
const NAME: i64 = 2;
const HANDLE: i64 = 3;
const INVITER: i64 = 4;
const DESCRIPTION: i64 = 5;
const AAD: &[u8] = b"subrosa invite link preview v1";
/// Bounds for a preview of any version: its entries, and how deep their values may be nested.
const ENTRIES_MAX: usize = 16;
const DEPTH_MAX: usize = 4;
const VALUE_MAX: usize = 4096;
/// The smallest sealed size, in bytes; each larger one has twice as many, up to [`LINK_PREVIEW_MAX`].
const SIZE_MIN: usize = 512;

/// What a link leads to, by the word of whoever has made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPreview {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// What the group is called: untrusted.
    pub name: DisplayName,
    /// What it is about: untrusted text of several lines.
    pub description: Option<GroupDescription>,
    /// The handle of whoever has made the link, as they say.
    pub inviter: Handle,
    /// Their name, as they say.
    pub inviter_name: Option<DisplayName>,
}

/// Why a preview cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPreview {
    /// It was not sealed for this link.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The seal holds, but the padding is not as it should be.
    #[error("the {0} of the preview is wrong")]
    Padding(&'static str),
    /// It is not deterministic CBOR of the expected shape.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A name in it is not one.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The description is not one.
    #[error(transparent)]
    Description(#[from] InvalidDescription),
    /// Something that each preview has is missing or wrong.
    #[error("the {0} in the preview is missing or wrong")]
    Missing(&'static str),
}

impl From<PaddedError> for InvalidPreview {
    fn from(error: PaddedError) -> Self {
        match error {
            PaddedError::Seal(error) => Self::Seal(error),
            PaddedError::Padding(what) => Self::Padding(what),
        }
    }
}

/// The sealed length of contents that would have at least this length when sealed: one of few.
fn sealed_len(len_min: usize) -> usize {
    wrap::doubled_size(len_min, SIZE_MIN, LINK_PREVIEW_MAX)
}

fn aad(link: &LinkSecret) -> Vec<u8> {
    [AAD, link.id().as_bytes()].concat()
}

impl LinkPreview {
    /// Seals it for whoever has the link.
    pub fn seal(&self, link: &LinkSecret, rng: &mut (impl CryptoRngCore + ?Sized)) -> Vec<u8> {
        wrap::seal_padded(&link.wrapping_key(), &self.encode(), sealed_len, &aad(link), rng)
    }

    /// Opens what the server has for a link.
    pub fn open(link: &LinkSecret, sealed: &[u8]) -> Result<Self, InvalidPreview> {
        let contents = wrap::open_padded(&link.wrapping_key(), sealed, sealed_len, &aad(link))?;
        Self::decode(&contents)
    }

    /// The SHA-256 of what is sealed, which tells whether it has changed.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(3 + usize::from(self.inviter_name.is_some()) + usize::from(self.description.is_some()));
        writer.signed(ID);
        writer.bytes(self.conversation_id.as_bytes());
        writer.signed(NAME);
        writer.text(self.name.as_str());
        writer.signed(HANDLE);
        writer.text(self.inviter.as_str());
        if let Some(name) = &self.inviter_name {
            writer.signed(INVITER);
            writer.text(name.as_str());
        }
        if let Some(description) = &self.description {
            writer.signed(DESCRIPTION);
            writer.text(description.as_str());
        }
        writer.finish()
    }

    fn decode(encoded: &[u8]) -> Result<Self, InvalidPreview> {
        let mut reader = Reader::new(encoded);
        let (mut id, mut name, mut inviter, mut inviter_name, mut description) =
            (None, None, None, None, None);
        reader.entries::<InvalidPreview>("entries of a preview", ENTRIES_MAX, DEPTH_MAX, |key, value| {
            let mut value = Reader::new(value);
            match Reader::new(key).signed("a key of a preview")? {
                ID => {
                    let bytes = value.bytes("the id of a conversation", VALUE_MAX)?;
                    let read = ConversationId::try_from(bytes);
                    id = Some(read.map_err(|_| InvalidPreview::Missing("conversation"))?);
                }
                NAME => name = Some(display_name(value.text("the name of a group", VALUE_MAX)?)?),
                HANDLE => {
                    let read = value.text("a handle", VALUE_MAX)?.parse();
                    inviter = Some(read.map_err(|_| InvalidPreview::Missing("handle"))?);
                }
                INVITER => inviter_name = Some(display_name(value.text("a name", VALUE_MAX)?)?),
                DESCRIPTION => {
                    let text = value.text("the description of a group", VALUE_MAX)?;
                    description = Some(GroupDescription::try_from(text)?);
                }
                _ => {}
            }
            Ok(())
        })?;
        reader.finish()?;
        Ok(Self {
            conversation_id: id.ok_or(InvalidPreview::Missing("conversation"))?,
            name: name.ok_or(InvalidPreview::Missing("name"))?,
            inviter: inviter.ok_or(InvalidPreview::Missing("handle"))?,
            inviter_name,
            description,
        })
    }
}

/// A name in its normal form.
fn display_name(text: &str) -> Result<DisplayName, InvalidPreview> {
    let name = DisplayName::try_from(text)?;
    if name.as_str() == text {
        Ok(name)
    } else {
        Err(InvalidPreview::Missing("name"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use rand_core::OsRng;

    use super::*;

    fn link(byte: u8) -> LinkSecret {
        LinkSecret::from_seed([byte; 32])
    }

    fn preview(description: Option<&str>) -> LinkPreview {
        LinkPreview {
            conversation_id: ConversationId::from_bytes([5; 16]),
            name: DisplayName::try_from("Harvest").unwrap(),
            description: description.map(|text| GroupDescription::try_from(text).unwrap()),
            inviter: "ada".parse().unwrap(),
            inviter_name: Some(DisplayName::try_from("Ada").unwrap()),
        }
    }

    #[test]
    fn the_encoding_is_stable() {
        assert_eq!(
            hex::encode(preview(Some("apples")).encode()),
            "a5015005050505050505050505050505050505026748617276657374036361646104634164610566\
             6170706c6573"
        );
    }

    #[test]
    fn whoever_has_the_link_reads_what_was_sealed_for_it() {
        for preview in [
            preview(None),
            preview(Some("Saturdays, by the barn\nat nine")),
            LinkPreview {
                inviter_name: None,
                ..preview(None)
            },
        ] {
            let sealed = preview.seal(&link(1), &mut OsRng);
            assert_eq!(LinkPreview::open(&link(1), &sealed), Ok(preview));
        }
    }

    #[test]
    fn a_preview_of_one_link_does_not_open_with_another_or_changed() {
        let sealed = preview(None).seal(&link(1), &mut OsRng);
        let refused = Err(InvalidPreview::Seal(SealError::Refused));
        assert_eq!(LinkPreview::open(&link(2), &sealed), refused);
        // Even under the same key it is bound to the link.
        let other = wrap::seal_padded(
            &link(1).wrapping_key(),
            &preview(None).encode(),
            sealed_len,
            &aad(&link(2)),
            &mut OsRng,
        );
        assert_eq!(LinkPreview::open(&link(1), &other), refused);
        let mut changed = sealed;
        changed[40] ^= 1;
        assert_eq!(LinkPreview::open(&link(1), &changed), refused);
    }

    #[test]
    fn the_size_tells_little_and_is_never_more_than_a_server_takes() {
        let len = |text| preview(text).seal(&link(1), &mut OsRng).len();
        assert_eq!(len(None), SIZE_MIN);
        assert_eq!(len(Some("apples")), SIZE_MIN);
        let longest = "x".repeat(2048);
        assert_eq!(len(Some(&longest)), 4096);
        assert!(len(Some(&longest)) <= LINK_PREVIEW_MAX);
    }

    #[test]
    fn a_preview_without_a_conversation_or_with_a_name_that_deceives_is_refused() {
        assert_eq!(
            LinkPreview::decode(&[0xa0]),
            Err(InvalidPreview::Missing("conversation"))
        );
        let mut encoded = preview(None).encode();
        let place = encoded.windows(7).position(|bytes| bytes == b"Harvest").unwrap();
        encoded[place] = b' ';
        assert!(LinkPreview::decode(&encoded).is_err());
    }
}
