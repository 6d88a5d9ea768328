//! Message ids, and the origin that they bind a message to.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use subrosa_wire::{AccountId, ConversationId};

use super::{
    ContentError,
    model::{ExtensionName, ExtensionValue, MimiContent, SALT_LEN},
};

/// Length of a message id in bytes.
pub const MESSAGE_ID_LEN: usize = 32;

/// The hash id of SHA-256, the first byte of every id that is computed here.
const HASH_ID_SHA256: u8 = 1;

/// Names a message, the same on every device: one byte for the hash, 31 bytes of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; MESSAGE_ID_LEN]);

/// A text or a byte string is not a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id has {MESSAGE_ID_LEN} bytes, written as lower-case hexadecimal digits")]
pub struct InvalidMessageId;

impl MessageId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; MESSAGE_ID_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; MESSAGE_ID_LEN] {
        &self.0
    }

    /// The id of an encoded message (draft-ietf-mimi-content, "Message ID"). URIs are at most 65,535
    /// bytes; a longer one is refused.
    pub fn compute(
        sender_uri: &str,
        room_uri: &str,
        encoded: &[u8],
        salt: &[u8; SALT_LEN],
    ) -> Result<Self, ContentError> {
        let mut hash = Sha256::new();
        for uri in [sender_uri, room_uri] {
            let len = u16::try_from(uri.len()).map_err(|_| ContentError::UriTooLong(uri.len()))?;
            hash.update(len.to_be_bytes());
            hash.update(uri);
        }
        hash.update(encoded);
        hash.update(salt);
        let mut id = [HASH_ID_SHA256; MESSAGE_ID_LEN];
        id[1..].copy_from_slice(&hash.finalize()[..MESSAGE_ID_LEN - 1]);
        Ok(Self(id))
    }
}

impl TryFrom<&[u8]> for MessageId {
    type Error = InvalidMessageId;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidMessageId> {
        bytes.try_into().map(Self).map_err(|_| InvalidMessageId)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(text: &str) -> Result<Self, InvalidMessageId> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidMessageId);
        }
        let mut bytes = [0; MESSAGE_ID_LEN];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidMessageId)?;
        Ok(Self(bytes))
    }
}

/// Who says something, and where. MLS authenticates both; the message id binds the bytes to them.
///
/// An account can move to another host and keep its id, so the URIs name no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The account that says it.
    pub sender: AccountId,
    /// The conversation that it is said in.
    pub conversation: ConversationId,
}

impl Origin {
    /// The URI of the sender.
    pub fn sender_uri(&self) -> String {
        format!("mimi:subrosa/u/{}", self.sender)
    }

    /// The URI of the room.
    pub fn room_uri(&self) -> String {
        format!("mimi:subrosa/r/{}", self.conversation)
    }

    /// Encodes a content of this origin and computes its message id.
    ///
    /// Exactly these bytes are stored and sent: the id covers them.
    pub fn encode(&self, content: &MimiContent) -> Result<(MessageId, Vec<u8>), ContentError> {
        self.check(content)?;
        let encoded = content.encode()?;
        let id = MessageId::compute(&self.sender_uri(), &self.room_uri(), &encoded, &content.salt)?;
        Ok((id, encoded))
    }

    /// Decodes a content received from this origin and computes its message id. A content that names
    /// another sender or room is refused: it was copied from elsewhere.
    pub fn decode(&self, encoded: &[u8]) -> Result<(MessageId, MimiContent), ContentError> {
        let content = MimiContent::decode(encoded)?;
        self.check(&content)?;
        let id = MessageId::compute(&self.sender_uri(), &self.room_uri(), encoded, &content.salt)?;
        Ok((id, content))
    }

    fn check(&self, content: &MimiContent) -> Result<(), ContentError> {
        let expected = [
            (ExtensionName::SENDER_URI, self.sender_uri()),
            (ExtensionName::ROOM_URI, self.room_uri()),
        ];
        for (name, uri) in expected {
            if content
                .extensions
                .get(&name)
                .is_some_and(|value| *value != ExtensionValue::from_text(&uri))
            {
                return Err(ContentError::ForeignOrigin);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::content::compose;

    fn origin() -> Origin {
        Origin {
            sender: AccountId::from_bytes([0xaa; 16]),
            conversation: ConversationId::from_bytes([0xcc; 16]),
        }
    }

    #[test]
    fn uris_name_no_host() {
        assert_eq!(
            origin().sender_uri(),
            "mimi:subrosa/u/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        );
        assert_eq!(
            origin().room_uri(),
            "mimi:subrosa/r/cccccccccccccccccccccccccccccccc"
        );
    }

    #[test]
    fn the_id_is_the_same_for_sender_and_receiver_and_stable() {
        let content = compose::text(&origin(), [7; 16], "hi");
        let (sent, encoded) = origin().encode(&content).unwrap();
        assert_eq!(origin().decode(&encoded).unwrap(), (sent, content));
        assert_eq!(
            sent.to_string(),
            include_str!("../../tests/fixtures/text_message_id.hex").trim()
        );
        assert_eq!(sent.to_string().parse(), Ok(sent));
    }

    #[test]
    fn a_content_from_another_sender_or_room_is_refused() {
        let (_, encoded) = origin().encode(&compose::text(&origin(), [7; 16], "hi")).unwrap();
        let other_sender = Origin {
            sender: AccountId::from_bytes([0xab; 16]),
            ..origin()
        };
        let other_room = Origin {
            conversation: ConversationId::from_bytes([0xcd; 16]),
            ..origin()
        };
        assert_eq!(other_sender.decode(&encoded), Err(ContentError::ForeignOrigin));
        assert_eq!(other_room.decode(&encoded), Err(ContentError::ForeignOrigin));
    }

    #[test]
    fn another_salt_makes_another_id() {
        let (one, _) = origin().encode(&compose::text(&origin(), [7; 16], "hi")).unwrap();
        let (two, _) = origin().encode(&compose::text(&origin(), [8; 16], "hi")).unwrap();
        assert_ne!(one, two);
    }

    #[test]
    fn other_texts_are_not_message_ids() {
        for text in ["", "00", &"0".repeat(63), &"G".repeat(64), &"A".repeat(64)] {
            assert_eq!(text.parse::<MessageId>(), Err(InvalidMessageId), "{text:?}");
        }
    }
}
