//! A whole client faces a server that says anything: honest frames, spoilt ones, in any order, several times.
//! It never panics, and never shows a text that nobody wrote.
#![no_main]

use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use prost::Message as _;
use subrosa_engine::Input;
use subrosa_fuzz::{Client, HONEST_TEXT, OWN_TEXT, edited};
use subrosa_wire::frames::ServerFrame;

/// More happenings teach nothing new and take long.
const HAPPENINGS_MAX: usize = 8;

#[derive(Debug, Arbitrary)]
enum Happening<'a> {
    Push { which: u8, edits: &'a [u8] },
    Answer { which: u8, edits: &'a [u8] },
    Reconnect,
    Tick,
    Write,
}

fuzz_target!(init: honest_frames_are_shown(), |happenings: Vec<Happening<'_>>| {
    let mut client = Client::start();
    for happening in happenings.iter().take(HAPPENINGS_MAX) {
        match happening {
            Happening::Push { which, edits } => {
                if let Some(frame) = spoilt(*which, edits) {
                    client.step(Input::Received(Box::new(frame)));
                }
            }
            Happening::Answer { which, edits } => {
                if let Some(frame) = spoilt(*which, edits) {
                    let request_id = client.next_request();
                    client.step(Input::Received(Box::new(ServerFrame { request_id, ..frame })));
                }
            }
            Happening::Reconnect => {
                client.step(Input::Disconnected);
                client.step(Input::Connected);
            }
            Happening::Tick => client.step(Input::Tick),
            Happening::Write => client.write(),
        }
    }
    let messages = client.messages();
    for message in messages {
        let written = if message.outgoing { OWN_TEXT } else { HONEST_TEXT };
        assert_eq!(message.text, written, "a text that nobody wrote");
    }
});

/// Else the fuzzer would test a client that refuses everything.
fn honest_frames_are_shown() {
    let mut client = Client::start();
    for frame in &Client::honest_frames()[..2] {
        client.step(Input::Received(Box::new(frame.clone())));
    }
    let messages = client.messages();
    assert_eq!(messages.len(), 1, "the honest message is shown");
}

/// An honest frame, spoilt; past the honest ones, whatever the edits spell.
fn spoilt(which: u8, edits: &[u8]) -> Option<ServerFrame> {
    let honest = Client::honest_frames().get(usize::from(which) % (Client::honest_frames().len() + 1));
    let bytes = honest.map(ServerFrame::encode_to_vec).unwrap_or_default();
    ServerFrame::decode(edited(&bytes, edits).as_slice()).ok()
}
