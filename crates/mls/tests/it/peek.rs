//! The header that the server reads is the one that OpenMLS reads.

use openmls::{
    framing::{MlsMessageBodyIn, MlsMessageIn, ProtocolMessage},
    prelude::tls_codec::Deserialize as _,
};
use proptest::prelude::*;
use subrosa_mls::{CommitPlan, Envelope, MessageKind, PeekError, peek};

use crate::{
    groups::Club,
    world::{CLAIM, CONVERSATION, Chat, Device, bob},
};

/// Every kind of message that a conversation carries.
fn messages() -> Vec<(Vec<u8>, MessageKind)> {
    let member = MessageKind::Commit { external: false };
    let chat = Chat::new();
    let mut messages = vec![
        (chat.alice.encrypt(b""), MessageKind::Application),
        (chat.alice.encrypt(&[1; 20_000]), MessageKind::Application),
        (chat.alice.self_update().commit, member),
    ];
    let laptop = Device::new(&bob(), 3);
    let plan = CommitPlan {
        add: vec![chat.bob.verify(&laptop)],
        ..CommitPlan::default()
    };
    messages.push((chat.bob.commit(plan).unwrap().commit, member));
    let external = laptop.join_externally(&chat.server).unwrap().commit;
    messages.push((external, MessageKind::Commit { external: true }));
    messages.push((Club::new().carol.leave().unwrap(), MessageKind::Leave));
    messages
}

#[test]
fn every_message_of_a_conversation_is_recognised() {
    for (message, kind) in messages() {
        assert_eq!(
            peek(&message),
            Ok(Envelope {
                conversation_id: CONVERSATION,
                epoch: 1,
                kind,
                claim: CLAIM,
                link: None,
            })
        );
        let mut longer = message.clone();
        longer.push(0);
        assert_eq!(peek(&longer), Err(PeekError::Malformed));
        for len in 0..message.len().min(3000) {
            assert!(peek(&message[..len]).is_err(), "{len} of {}", message.len());
        }
    }
}

#[test]
fn other_versions_and_wire_formats_are_named() {
    let (message, _) = messages().remove(0);
    let with = |position: usize, byte: u8| {
        let mut message = message.clone();
        message[position] = byte;
        peek(&message)
    };
    assert_eq!(with(1, 2), Err(PeekError::Version(2)));
    for wire_format in [0, 3, 4, 5, 6] {
        assert_eq!(
            with(3, wire_format),
            Err(PeekError::WireFormat(wire_format.into()))
        );
    }
    // Byte 29 is the content type of a private message.
    for content_type in [0, 2, 3, 4] {
        assert_eq!(with(29, content_type), Err(PeekError::ContentType));
    }
}

#[test]
fn a_group_id_of_another_length_is_refused() {
    let mut message = vec![0, 1, 0, 2, 15];
    message.extend_from_slice(&[7; 15]);
    message.extend_from_slice(&[0; 12]);
    assert_eq!(peek(&message), Err(PeekError::GroupId));
}

#[test]
fn a_length_that_is_not_minimal_is_refused() {
    let (message, _) = messages().remove(0);
    // The group id with its length in two bytes instead of one (RFC 9420, section 2.1.2).
    let mut padded = message[..4].to_vec();
    padded.extend_from_slice(&[0x40, 16]);
    padded.extend_from_slice(&message[5..]);
    assert_eq!(peek(&padded), Err(PeekError::Malformed));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_is_read_alike_by_openmls(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 64),
        which in any::<prop::sample::Index>(),
    ) {
        let messages = messages();
        let (message, _) = which.get(&messages);
        for (position, bit) in flips {
            let mut changed = message.clone();
            // Most of the structure is at the front.
            let position = position.index(changed.len().min(400));
            changed[position] ^= 1 << bit;
            let Ok(envelope) = peek(&changed) else { continue };
            let Ok(read) = MlsMessageIn::tls_deserialize_exact(&changed) else { continue };
            let read: ProtocolMessage = match read.extract() {
                MlsMessageBodyIn::PrivateMessage(message) => message.into(),
                MlsMessageBodyIn::PublicMessage(message) => message.into(),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert_eq!(read.group_id().as_slice(), envelope.conversation_id.as_bytes());
            prop_assert_eq!(read.epoch().as_u64(), envelope.epoch);
            let kind = match envelope.kind {
                MessageKind::Application => (false, false),
                MessageKind::Commit { external } => (true, external),
                MessageKind::Leave => (true, false),
            };
            prop_assert_eq!((read.is_handshake_message(), read.is_external()), kind);
        }
    }
}
