//! The log chain: a running hash over every entry of a conversation's log, and what a sender claims about it.
//!
//! Everybody who reads a log computes the chain over the entries in their order, opened or not. Each message and each
//! commit carries in its authenticated data the place that its sender had reached and the hash there, so readers who
//! were shown different logs find out as soon as they hear of each other.

use sha2::{Digest as _, Sha256};
use subrosa_wire::{ConversationId, DeviceId, Timestamp};

const LABEL: &[u8] = b"subrosa log chain v1";

/// The length of a hash, in bytes.
pub const LOG_HASH_LEN: usize = 32;
/// The length of an encoded [`LogClaim`], in bytes.
pub const LOG_CLAIM_LEN: usize = 1 + 8 + LOG_HASH_LEN + 8;

const CLAIM_VERSION: u8 = 1;

/// The hash over the entries of a log up to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHash([u8; LOG_HASH_LEN]);

/// What an entry of a log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// An encrypted application message.
    Message,
    /// A commit, which ends the epoch.
    Commit,
    /// The proposal with which a device leaves. The next commit includes it.
    Leave,
}

impl EntryKind {
    const fn code(self) -> u8 {
        match self {
            Self::Message => 1,
            Self::Commit => 2,
            Self::Leave => 3,
        }
    }

    /// Whether the epoch ends with it.
    pub const fn is_commit(self) -> bool {
        matches!(self, Self::Commit)
    }
}

/// An entry as the chain covers it.
#[derive(Debug, Clone, Copy)]
pub struct ChainedEntry {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// How often it was founded again.
    pub founding: u64,
    /// The place of the entry.
    pub seq: u64,
    /// What it holds.
    pub kind: EntryKind,
    /// The device that sent it.
    pub sender: DeviceId,
    /// When the server accepted it.
    pub accepted_at: Timestamp,
    /// SHA-256 of the payload; see [`payload_hash`].
    pub payload_hash: [u8; LOG_HASH_LEN],
}

/// SHA-256 of a payload.
pub fn payload_hash(payload: &[u8]) -> [u8; LOG_HASH_LEN] {
    Sha256::digest(payload).into()
}

impl LogHash {
    /// The hash before the first entry.
    pub const START: Self = Self([0; LOG_HASH_LEN]);

    /// A hash that was stored or sent.
    pub const fn from_bytes(bytes: [u8; LOG_HASH_LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; LOG_HASH_LEN] {
        &self.0
    }

    /// The hash after one more entry: SHA-256 over label, hash before, conversation id, founding, seq, kind (1 for an
    /// application message, 2 for a commit, 3 for the proposal of a device that leaves), sender, time in milliseconds, payload hash. Every field has a fixed length;
    /// numbers are big endian with 8 bytes, the kind has 1.
    #[must_use]
    pub fn after(&self, entry: &ChainedEntry) -> Self {
        let mut hash = Sha256::new();
        hash.update(LABEL);
        hash.update(self.0);
        hash.update(entry.conversation_id.as_bytes());
        hash.update(entry.founding.to_be_bytes());
        hash.update(entry.seq.to_be_bytes());
        hash.update([entry.kind.code()]);
        hash.update(entry.sender.as_bytes());
        hash.update(entry.accepted_at.as_millis().to_be_bytes());
        hash.update(entry.payload_hash);
        Self(hash.finalize().into())
    }
}

impl TryFrom<&[u8]> for LogHash {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// What a sender says about itself and the log, in the authenticated data of a message or a commit.
///
/// Layout: version (1), seq (8, big endian), hash (32), send number (8, big endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogClaim {
    /// The place that the sender had reached; 0 if it knows of none.
    pub seq: u64,
    /// The hash there.
    pub hash: LogHash,
    /// The number of this send among those of its device in the conversation.
    pub send_number: u64,
}

impl LogClaim {
    /// A claim of a sender that does not know the log.
    pub const fn of_no_place(send_number: u64) -> Self {
        Self {
            seq: 0,
            hash: LogHash::START,
            send_number,
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; LOG_CLAIM_LEN] {
        let mut bytes = [CLAIM_VERSION; LOG_CLAIM_LEN];
        bytes[1..9].copy_from_slice(&self.seq.to_be_bytes());
        bytes[9..41].copy_from_slice(&self.hash.0);
        bytes[41..].copy_from_slice(&self.send_number.to_be_bytes());
        bytes
    }

    /// Reads a claim; `None` if the bytes are not one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[CLAIM_VERSION], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let (seq, rest) = rest.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk()?;
        Some(Self {
            seq: u64::from_be_bytes(*seq),
            hash: LogHash(*hash),
            send_number: u64::from_be_bytes(rest.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: ChainedEntry = ChainedEntry {
        conversation_id: ConversationId::from_bytes([1; 16]),
        founding: 0,
        seq: 7,
        kind: EntryKind::Message,
        sender: DeviceId::from_bytes([2; 16]),
        accepted_at: Timestamp::from_millis(1_700_000_000_000),
        payload_hash: [3; LOG_HASH_LEN],
    };

    #[test]
    fn the_chain_keeps_its_form() {
        assert_eq!(
            hex::encode(LogHash::START.after(&ENTRY).as_bytes()),
            "39fd9a57da4dfdde107af842667807b106c139a8cc7c5ae11d7c20e5195c9433"
        );
    }

    #[test]
    fn every_field_of_an_entry_changes_the_hash() {
        let others = [
            ChainedEntry {
                conversation_id: ConversationId::from_bytes([9; 16]),
                ..ENTRY
            },
            ChainedEntry { founding: 1, ..ENTRY },
            ChainedEntry { seq: 8, ..ENTRY },
            ChainedEntry {
                kind: EntryKind::Commit,
                ..ENTRY
            },
            ChainedEntry {
                sender: DeviceId::from_bytes([9; 16]),
                ..ENTRY
            },
            ChainedEntry {
                accepted_at: Timestamp::from_millis(1_700_000_000_001),
                ..ENTRY
            },
            ChainedEntry {
                payload_hash: [9; LOG_HASH_LEN],
                ..ENTRY
            },
        ];
        let hash = LogHash::START.after(&ENTRY);
        for other in others {
            assert_ne!(LogHash::START.after(&other), hash, "{other:?}");
        }
        assert_ne!(hash.after(&ENTRY), hash);
    }

    #[test]
    fn a_claim_keeps_its_form() {
        let claim = LogClaim {
            seq: 5,
            hash: LogHash::from_bytes([0xab; LOG_HASH_LEN]),
            send_number: 9,
        };
        let bytes = claim.encode();
        let expected = format!("01{:016x}{}{:016x}", 5, "ab".repeat(LOG_HASH_LEN), 9);
        assert_eq!(hex::encode(bytes), expected);
        assert_eq!(LogClaim::decode(&bytes), Some(claim));
        for wrong in [
            &bytes[..LOG_CLAIM_LEN - 1],
            &[2; LOG_CLAIM_LEN],
            &[1; LOG_CLAIM_LEN + 1],
            &[],
        ] {
            assert_eq!(LogClaim::decode(wrong), None);
        }
    }
}
