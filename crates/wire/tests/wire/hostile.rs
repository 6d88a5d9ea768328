//! Bytes from outside: whatever they are, they are decoded or refused, and nothing panics.

use proptest::prelude::*;
use prost::Message;
use subrosa_wire::{
    AccountId, Base64, Handle,
    frames::{ClientFrame, ServerFrame},
    problem::ProblemDocument,
    rest,
};

use crate::samples::{client_frames, server_frames};

#[test]
fn a_frame_cut_anywhere_is_refused_or_read_as_what_is_left() {
    for (name, frame) in client_frames() {
        let bytes = frame.encode_to_vec();
        for len in 0..bytes.len() {
            if let Ok(read) = ClientFrame::decode(&bytes[..len]) {
                assert_ne!(read, frame, "{name} cut to {len} bytes reads like the whole");
            }
        }
    }
    for (name, frame) in server_frames() {
        let bytes = frame.encode_to_vec();
        for len in 0..bytes.len() {
            if let Ok(read) = ServerFrame::decode(&bytes[..len]) {
                assert_ne!(read, frame, "{name} cut to {len} bytes reads like the whole");
            }
        }
    }
}

/// Groups within groups, deeper than any stack.
#[test]
fn nesting_without_end_is_refused() {
    let open_groups = vec![0x0b; 100_000];
    assert!(ClientFrame::decode(open_groups.as_slice()).is_err());
    assert!(ServerFrame::decode(open_groups.as_slice()).is_err());
}

#[test]
fn a_length_beyond_the_frame_is_refused_without_reserving_it() {
    // Field 4 (append), length 2^62.
    let bytes = [0x22, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
    assert!(ClientFrame::decode(bytes.as_slice()).is_err());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = ClientFrame::decode(bytes.as_slice());
        let _ = ServerFrame::decode(bytes.as_slice());
        let _ = serde_json::from_slice::<rest::RegistrationFinish>(&bytes);
        let _ = serde_json::from_slice::<ProblemDocument>(&bytes);
    }

    #[test]
    fn a_changed_byte_never_panics(
        which in any::<proptest::sample::Index>(),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let frames = client_frames();
        let mut bytes = frames[which.index(frames.len())].1.encode_to_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = ClientFrame::decode(bytes.as_slice());

        let frames = server_frames();
        let mut bytes = frames[which.index(frames.len())].1.encode_to_vec();
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = ServerFrame::decode(bytes.as_slice());
    }

    #[test]
    fn a_handle_that_is_accepted_is_in_its_normal_form(text in "\\PC{0,40}") {
        if let Ok(handle) = text.parse::<Handle>() {
            prop_assert!(handle.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.'));
            prop_assert_eq!(handle.as_str().parse::<Handle>().unwrap(), handle.clone());
            prop_assert_eq!(format!("@{handle}").parse::<Handle>().unwrap(), handle);
        }
    }

    #[test]
    fn an_id_has_exactly_one_text(bytes in any::<[u8; 16]>(), junk in "\\PC{0,40}") {
        let id = AccountId::from_bytes(bytes);
        prop_assert_eq!(id.to_string().parse::<AccountId>().unwrap(), id);
        if let Ok(read) = junk.parse::<AccountId>() {
            prop_assert_eq!(read.to_string(), junk);
        }
    }

    #[test]
    fn a_byte_string_has_exactly_one_text(bytes in proptest::collection::vec(any::<u8>(), 0..64), junk in "[A-Za-z0-9_=+/-]{0,12}") {
        let text = serde_json::to_string(&Base64(bytes.clone())).unwrap();
        prop_assert_eq!(serde_json::from_str::<Base64>(&text).unwrap(), Base64(bytes));
        let junk = format!("\"{junk}\"");
        if let Ok(read) = serde_json::from_str::<Base64>(&junk) {
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), junk);
        }
    }
}
