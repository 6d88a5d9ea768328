//! The load generator reads WebSocket frames by hand: whatever a server sends, however it is cut, it takes the
//! same frames or refuses.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use subrosa_bench::websocket::{Frame, take_frame};

/// The frames of a stream that arrives in pieces of `piece` bytes, and whether all of it was taken well.
fn frames(stream: &[u8], piece: usize) -> (Vec<Frame>, bool) {
    let (mut arrived, mut frames) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(piece) {
        arrived.extend_from_slice(piece);
        loop {
            match take_frame(&mut arrived) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, false),
            }
        }
    }
    (frames, true)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, stream) = input;
    let at_once = frames(stream, stream.len().max(1));
    assert_eq!(frames(stream, usize::from(piece).max(1)), at_once);
});
