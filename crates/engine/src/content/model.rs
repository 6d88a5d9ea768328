//! The data model of MIMI content, as in the draft's section on the content format.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{MessageId, cbor::Writer};

/// Length of a salt in bytes.
pub const SALT_LEN: usize = 16;

/// One content: what an MLS application message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MimiContent {
    /// Random; makes the message id unique and unguessable.
    pub salt: [u8; SALT_LEN],
    /// The message that this one edits, deletes or takes back.
    pub replaces: Option<MessageId>,
    /// The topic (thread) that it belongs to; empty for none.
    pub topic_id: Vec<u8>,
    /// When it disappears.
    pub expires: Option<Expires>,
    /// The message that it replies or reacts to.
    pub in_reply_to: Option<MessageId>,
    /// Extensions by number or name; unknown ones are kept.
    pub extensions: BTreeMap<ExtensionName, ExtensionValue>,
    /// The outermost part.
    pub nested_part: NestedPart,
}

/// When a message disappears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// This many seconds after it was first shown.
    Relative(u32),
    /// At this instant, in seconds since 1970-01-01 00:00 UTC.
    Absolute(u32),
}

/// The name of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionName {
    /// A registered number.
    Number(i64),
    /// A name of 1 to 255 bytes.
    Text(String),
}

impl ExtensionName {
    /// The URI of the sender.
    pub const SENDER_URI: Self = Self::Number(1);
    /// The URI of the room.
    pub const ROOM_URI: Self = Self::Number(2);

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        match self {
            Self::Number(number) => writer.signed(*number),
            Self::Text(text) => writer.text(text),
        }
        writer.finish()
    }
}

/// The order in a deterministic map is that of the encoded keys (RFC 8949, section 4.2.1).
impl Ord for ExtensionName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.encode().cmp(&other.encode())
    }
}

impl PartialOrd for ExtensionName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The value of an extension: one deterministic CBOR item of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionValue(pub(super) Vec<u8>);

impl ExtensionValue {
    /// A text as a value.
    pub fn from_text(text: &str) -> Self {
        let mut writer = Writer::default();
        writer.text(text);
        Self(writer.finish())
    }

    /// The encoded item.
    pub fn as_cbor(&self) -> &[u8] {
        &self.0
    }
}

/// A part of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestedPart {
    /// What to do with it.
    pub disposition: Disposition,
    /// Language tag (RFC 5646); empty if it does not matter.
    pub language: String,
    /// What is in it.
    pub body: Body,
}

/// What to do with a part. Unknown values are kept, and treated as [`Disposition::RENDER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disposition(pub u8);

impl Disposition {
    /// Not specified.
    pub const UNSPECIFIED: Self = Self(0);
    /// Show it as a message.
    pub const RENDER: Self = Self(1);
    /// It is a reaction to another message.
    pub const REACTION: Self = Self(2);
    /// It describes the sender.
    pub const PROFILE: Self = Self(3);
    /// Show it where another part refers to it.
    pub const INLINE: Self = Self(4);
    /// A small picture.
    pub const ICON: Self = Self(5);
    /// Offer it for download.
    pub const ATTACHMENT: Self = Self(6);
    /// A call or meeting to join.
    pub const SESSION: Self = Self(7);
    /// A preview of another part.
    pub const PREVIEW: Self = Self(8);
}

/// What is in a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing; with `replaces` it deletes or takes back.
    Null,
    /// The content itself.
    Single {
        /// Media type with parameters.
        content_type: String,
        /// The bytes.
        content: Vec<u8>,
    },
    /// Content stored elsewhere, usually encrypted.
    External(Box<External>),
    /// Several parts.
    Multi {
        /// How they belong together.
        semantics: PartSemantics,
        /// Two or more.
        parts: Vec<NestedPart>,
    },
}

/// How the parts of a multipart belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartSemantics {
    /// Alternatives: show the first that is understood.
    ChooseOne,
    /// Show all of them or none.
    SingleUnit,
    /// Show those that are understood.
    ProcessAll,
}

/// Content stored elsewhere. The numbers are those of IANA registries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Media type with parameters.
    pub content_type: String,
    /// The URL of the content.
    pub url: String,
    /// When it will be deleted there, in seconds since 1970; 0 if not known.
    pub expires: u32,
    /// Its size in bytes.
    pub size: u64,
    /// AEAD algorithm; 0 for none.
    pub enc_alg: u16,
    /// AEAD key.
    pub key: Vec<u8>,
    /// AEAD nonce.
    pub nonce: Vec<u8>,
    /// AEAD additional data.
    pub aad: Vec<u8>,
    /// Hash algorithm (named information registry); 0 for none.
    pub hash_alg: u8,
    /// Hash of what is stored there.
    pub content_hash: Vec<u8>,
    /// A description for people; untrusted.
    pub description: String,
    /// A name for the file; untrusted.
    pub filename: String,
}
