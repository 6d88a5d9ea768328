//! What goes along with a request to join a group: who asks, in their own words. Sealed under the wrapping key of the link by
//! which they ask, so that whoever has the link can read it, and the server cannot.
//!
//! A deterministic CBOR map from numbers to values: 1 is the name of whoever asks, 2 what they write. Both may be left out;
//! other numbers belong to later versions and are ignored. It is sealed with padding, and bound to the link and the account.

use rand_core::CryptoRngCore;
use subrosa_mls::LinkSecret;
use subrosa_wire::{AccountId, LinkId, Timestamp, limits::JOIN_NOTE_MAX};

use crate::{
    account::wrap::{self, PADDED_OVERHEAD},
    api::CommandError,
    content::{
        DisplayName, GroupDescription,
        cbor::{Reader, Writer},
    },
    invitations::InvalidPreview,
    limits::JOIN_NOTE_TEXT_MAX,
};

const NAME: i64 = 1;
const TEXT: i64 = 2;
const AAD: &[u8] = b"subrosa join note v1";
/// Bounds for a note of any version: its entries, and how deep their values may be nested.
const ENTRIES_MAX: usize = 16;
const DEPTH_MAX: usize = 4;
/// The smallest sealed size, in bytes; each larger one has twice as many, up to [`JOIN_NOTE_MAX`].
const SIZE_MIN: usize = 256;

// The longest name and the longest text fit into what a server takes.
const _: () = assert!(
    subrosa_wire::limits::DISPLAY_NAME_MAX + JOIN_NOTE_TEXT_MAX + 16 + PADDED_OVERHEAD <= JOIN_NOTE_MAX,
    "a note is longer than the server takes"
);

/// Who asks to join, as they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JoinNote {
    name: Option<DisplayName>,
    text: Option<GroupDescription>,
}

impl JoinNote {
    /// A note with this text, which may be blank.
    pub(crate) fn new(name: Option<DisplayName>, text: &str) -> Result<Self, CommandError> {
        let text = text.trim();
        if text.len() > JOIN_NOTE_TEXT_MAX {
            return Err(CommandError::NoteTooLong);
        }
        let text = (!text.is_empty())
            .then(|| GroupDescription::try_from(text))
            .transpose()?;
        Ok(Self { name, text })
    }

    /// The name: untrusted text.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_ref().map(DisplayName::as_str)
    }

    /// What they write: untrusted text of several lines.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_ref().map(GroupDescription::as_str)
    }

    /// Seals it for those who have the link.
    pub(crate) fn seal(
        &self,
        (link, account): (&LinkSecret, AccountId),
        rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(usize::from(self.name.is_some()) + usize::from(self.text.is_some()));
        if let Some(name) = &self.name {
            writer.signed(NAME);
            writer.text(name.as_str());
        }
        if let Some(text) = &self.text {
            writer.signed(TEXT);
            writer.text(text.as_str());
        }
        wrap::seal_padded(
            &link.wrapping_key(),
            &writer.finish(),
            sealed_len,
            &aad(link, account),
            rng,
        )
    }

    /// Opens what an account has left with its request.
    pub(crate) fn open(
        (link, account): (&LinkSecret, AccountId),
        sealed: &[u8],
    ) -> Result<Self, InvalidPreview> {
        let contents = wrap::open_padded(&link.wrapping_key(), sealed, sealed_len, &aad(link, account))?;
        let mut reader = Reader::new(&contents);
        let mut note = Self::default();
        reader.entries::<InvalidPreview>("entries of a note", ENTRIES_MAX, DEPTH_MAX, |key, value| {
            let mut value = Reader::new(value);
            match Reader::new(key).signed("a key of a note")? {
                NAME => note.name = Some(DisplayName::try_from(value.text("a name", JOIN_NOTE_MAX)?)?),
                TEXT => note.text = Some(GroupDescription::try_from(value.text("a note", JOIN_NOTE_MAX)?)?),
                _ => {}
            }
            Ok(())
        })?;
        reader.finish()?;
        Ok(note)
    }
}

/// The sealed length of contents that would have at least this length when sealed: one of few.
fn sealed_len(len_min: usize) -> usize {
    wrap::doubled_size(len_min, SIZE_MIN, JOIN_NOTE_MAX)
}

fn aad(link: &LinkSecret, account: AccountId) -> Vec<u8> {
    [AAD, link.id().as_bytes(), account.as_bytes()].concat()
}

/// An account that asks to join a group, by the word of whoever has one of its links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asking {
    pub account: AccountId,
    /// By which link.
    pub link: LinkId,
    /// What goes along with it, sealed.
    pub note: Vec<u8>,
    /// By the server's clock.
    pub asked_at: Timestamp,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use rand_core::OsRng;

    use super::*;

    const ADA: AccountId = AccountId::from_bytes([1; 16]);
    const BOB: AccountId = AccountId::from_bytes([2; 16]);

    fn link(byte: u8) -> LinkSecret {
        LinkSecret::from_seed([byte; 32])
    }

    #[test]
    fn whoever_has_the_link_reads_who_asks() {
        let longest = "x".repeat(JOIN_NOTE_TEXT_MAX);
        for text in ["", "I'm Imani's sister.\nHello", &longest] {
            let name = DisplayName::try_from("Ada").unwrap();
            let note = JoinNote::new(Some(name), text).unwrap();
            let sealed = note.seal((&link(1), ADA), &mut OsRng);
            assert!(sealed.len() <= JOIN_NOTE_MAX);
            let opened = JoinNote::open((&link(1), ADA), &sealed).unwrap();
            assert_eq!(opened.name(), Some("Ada"));
            assert_eq!(opened.text(), (!text.is_empty()).then_some(text));
            // Nobody can pass it off as somebody else's.
            assert!(JoinNote::open((&link(1), BOB), &sealed).is_err());
            assert!(JoinNote::open((&link(2), ADA), &sealed).is_err());
        }
    }

    #[test]
    fn a_note_that_is_too_long_is_refused_before_it_is_sealed() {
        let text = "x".repeat(JOIN_NOTE_TEXT_MAX + 1);
        assert_eq!(JoinNote::new(None, &text), Err(CommandError::NoteTooLong));
    }
}
