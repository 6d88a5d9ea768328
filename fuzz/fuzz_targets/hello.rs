//! Somebody opens a WebSocket and sends a Hello that is spoilt, or one with a spoilt token, and then something
//! else: the server answers each, and is ready only for the token that it issued.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use subrosa_fuzz::{Server, edited};
use subrosa_wire::{
    frames::{ClientFrame, Hello, client_frame::Request, server_frame::Body},
    limits::PROTOCOL_VERSION,
};

fuzz_target!(|input: (bool, &[u8], &[u8])| {
    let (in_token, edits, second) = input;
    Server::with(|server| {
        let honest = server.alice_token.clone();
        let access_token = if in_token {
            let Ok(token) = String::from_utf8(edited(honest.as_bytes(), edits)) else {
                return;
            };
            token
        } else {
            honest.clone()
        };
        let frame = ClientFrame {
            request_id: 1,
            request: Some(Request::Hello(Hello {
                protocol_version: PROTOCOL_VERSION,
                access_token,
                client: "fuzz".to_owned(),
            })),
        };
        let mut first = frame.encode_to_vec();
        if !in_token {
            first = edited(&first, edits);
        }
        let answer = server.open_live(first.clone(), second.to_vec());
        if matches!(answer.body, Some(Body::Ready(_))) {
            let Ok(ClientFrame {
                request: Some(Request::Hello(hello)),
                ..
            }) = ClientFrame::decode(first.as_slice())
            else {
                panic!("the server is ready after what was no Hello");
            };
            assert_eq!(hello.access_token, honest, "a forged token");
        } else {
            assert!(matches!(answer.body, Some(Body::Problem(_))), "{answer:?}");
        }
    });
});
