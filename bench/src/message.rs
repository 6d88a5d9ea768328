//! What is sent: commits, and application messages that look right to a server: a true cleartext header, and noise where the
//! ciphertext would be. A server checks nothing else, because it can check nothing else.

use bytes::Bytes;
use rand_core::RngCore;
use subrosa_client::ambient;
use subrosa_mls::{CommitBundle, LogClaim};
use subrosa_wire::{ConversationId, frames::Commit};

use crate::limits::CONTENT_BYTES;

/// AES-256-GCM over leaf index, generation and reuse guard (RFC 9420, section 6.3.2).
const SENDER_DATA_LEN: usize = 12 + TAG_LEN;
const SIGNATURE_LEN: usize = 64;
const TAG_LEN: usize = 16;

/// Where the authenticated data begins: after version, wire format, group id, epoch, content type and its own length.
const CLAIM_AT: usize = 4 + 1 + 16 + 8 + 1 + 1;

/// A commit as the server takes it.
pub(crate) fn frame(bundle: CommitBundle) -> Commit {
    Commit {
        commit: bundle.commit.into(),
        group_info: bundle.group_info.into(),
        welcome: bundle.welcome.map(Bytes::from).unwrap_or_default(),
    }
}

/// Bytes at random, such as an id.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    ambient::SystemRandom.fill_bytes(&mut bytes);
    bytes
}

/// The message as the send with this number.
pub(crate) fn numbered(message: &Bytes, send_number: u64) -> Bytes {
    let mut message = message.to_vec();
    let claim = LogClaim::of_no_place(send_number).encode();
    message[CLAIM_AT..CLAIM_AT + claim.len()].copy_from_slice(&claim);
    message.into()
}

/// An `MLSMessage` with a `PrivateMessage` (RFC 9420, section 6.3) as large as an honest one with
/// `content_len` bytes of content.
pub(crate) fn application_message(
    conversation_id: ConversationId,
    epoch: u64,
    content_len: usize,
    rng: &mut impl RngCore,
) -> Bytes {
    let mut message = vec![0, 1, 0, 2];
    put_vector(&mut message, conversation_id.as_bytes());
    message.extend_from_slice(&epoch.to_be_bytes());
    message.push(1); // content_type: application
    put_vector(&mut message, &LogClaim::of_no_place(1).encode()); // authenticated_data
    put_vector(&mut message, &noise(SENDER_DATA_LEN, rng));
    // The content with its length, the signature with its length, the tag.
    let ciphertext_len = 2 + content_len + 2 + SIGNATURE_LEN + TAG_LEN;
    put_vector(&mut message, &noise(ciphertext_len, rng));
    message.into()
}

/// The length of a benchmark's message as it is stored, in bytes.
pub(crate) fn stored_bytes() -> usize {
    application_message(
        ConversationId::from_bytes([0; 16]),
        1,
        CONTENT_BYTES,
        &mut ambient::SystemRandom,
    )
    .len()
}

fn noise(len: usize, rng: &mut impl RngCore) -> Vec<u8> {
    let mut noise = vec![0; len];
    rng.fill_bytes(&mut noise);
    noise
}

/// A vector with its length in front (RFC 9420, section 2.1.2), up to 2^30 bytes.
fn put_vector(out: &mut Vec<u8>, content: &[u8]) {
    let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
    match len {
        0..0x40 => out.extend_from_slice(&len.to_be_bytes()[3..]),
        0x40..0x4000 => out.extend_from_slice(&(len | 0x4000).to_be_bytes()[2..]),
        _ => out.extend_from_slice(&(len | 0x8000_0000).to_be_bytes()),
    }
    out.extend_from_slice(content);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use subrosa_client::ambient::SystemRandom;
    use subrosa_mls::{MessageKind, peek};

    use super::*;

    #[test]
    fn a_server_takes_the_noise_for_a_message_of_the_epoch() {
        let conversation_id = ConversationId::from_bytes([7; 16]);
        for content_len in [0, 50, 1024, 60_000] {
            let message = application_message(conversation_id, 5, content_len, &mut SystemRandom);
            let envelope = peek(&message).unwrap();
            assert_eq!(envelope.conversation_id, conversation_id);
            assert_eq!((envelope.epoch, envelope.kind), (5, MessageKind::Application));
            assert_eq!(
                peek(&numbered(&message, 9)).unwrap().claim,
                LogClaim::of_no_place(9)
            );
        }
    }

    /// The figure of an honest message is from an encryption of 1 KiB with the suite of this project.
    #[test]
    fn the_noise_is_as_long_as_an_honest_message_of_a_kibibyte() {
        let message = application_message(ConversationId::from_bytes([7; 16]), 5, 1024, &mut SystemRandom);
        assert!((1214..=1224).contains(&message.len()), "{}", message.len());
    }
}
