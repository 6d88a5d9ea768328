//! The frames of the WebSocket.

use std::fmt::Write as _;

use prost::Message;
use subrosa_wire::frames::{ClientFrame, ServerFrame};

use crate::samples::{client_frames, server_frames};

const PROTO: &str = include_str!("../../proto/frames.proto");

fn dump<T: Message>(frames: &[(&str, T)]) -> String {
    frames.iter().fold(String::new(), |mut text, (name, frame)| {
        writeln!(text, "{name}: {}", hex::encode(frame.encode_to_vec())).unwrap();
        text
    })
}

/// The field names of a oneof in a message of the proto file.
fn choices(message: &str, oneof: &str) -> Vec<&'static str> {
    let (_, from_message) = PROTO.split_once(&format!("message {message} {{")).unwrap();
    let (_, from_oneof) = from_message.split_once(&format!("oneof {oneof} {{")).unwrap();
    let (body, _) = from_oneof.split_once('}').unwrap();
    body.lines()
        .filter(|line| line.trim_end().ends_with(';'))
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect()
}

fn every_choice_has_a_sample<T>(message: &str, oneof: &str, samples: &[(&str, T)]) {
    for choice in choices(message, oneof) {
        assert!(
            samples
                .iter()
                .any(|(name, _)| name.split(' ').next() == Some(choice)),
            "{message}.{choice} has no sample"
        );
    }
}

#[test]
fn every_request_has_a_sample() {
    every_choice_has_a_sample("ClientFrame", "request", &client_frames());
}

#[test]
fn every_answer_and_push_has_a_sample() {
    every_choice_has_a_sample("ServerFrame", "body", &server_frames());
}

#[test]
fn every_notice_has_a_sample() {
    let frames = server_frames();
    for kind in choices("Notice", "kind") {
        assert!(
            frames.iter().any(|(name, _)| *name == format!("notice {kind}")),
            "notice {kind} has no sample"
        );
    }
}

#[test]
fn client_frames_keep_their_bytes() {
    insta::assert_snapshot!(dump(&client_frames()));
}

#[test]
fn server_frames_keep_their_bytes() {
    insta::assert_snapshot!(dump(&server_frames()));
}

#[test]
fn frames_read_back() {
    for (name, frame) in client_frames() {
        assert_eq!(
            ClientFrame::decode(frame.encode_to_vec().as_slice()).unwrap(),
            frame,
            "{name}"
        );
    }
    for (name, frame) in server_frames() {
        assert_eq!(
            ServerFrame::decode(frame.encode_to_vec().as_slice()).unwrap(),
            frame,
            "{name}"
        );
    }
}

/// A length-delimited field that no version of the protocol has.
fn field_of_a_later_version(number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut bytes);
    bytes.extend_from_slice(b"\x05later");
    bytes
}

#[test]
fn fields_of_a_later_version_are_ignored() {
    for (name, frame) in client_frames() {
        let mut bytes = frame.encode_to_vec();
        bytes.extend(field_of_a_later_version(900));
        assert_eq!(ClientFrame::decode(bytes.as_slice()).unwrap(), frame, "{name}");
    }
    for (name, frame) in server_frames() {
        let mut bytes = frame.encode_to_vec();
        bytes.extend(field_of_a_later_version(900));
        assert_eq!(ServerFrame::decode(bytes.as_slice()).unwrap(), frame, "{name}");
    }
}

#[test]
fn a_request_of_a_later_version_is_still_a_frame_that_can_be_answered() {
    let mut bytes = ClientFrame {
        request_id: 3,
        request: None,
    }
    .encode_to_vec();
    bytes.extend(field_of_a_later_version(500));
    assert_eq!(
        ClientFrame::decode(bytes.as_slice()).unwrap(),
        ClientFrame {
            request_id: 3,
            request: None
        }
    );
}

#[test]
fn a_push_of_a_later_version_is_a_frame_without_body() {
    let bytes = field_of_a_later_version(500);
    assert_eq!(
        ServerFrame::decode(bytes.as_slice()).unwrap(),
        ServerFrame::default()
    );
}
