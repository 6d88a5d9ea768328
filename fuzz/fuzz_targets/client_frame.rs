//! The server reads a frame of a client: what it understands, it would write in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use subrosa_wire::frames::ClientFrame;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = ClientFrame::decode(bytes) {
        assert_eq!(
            ClientFrame::decode(frame.encode_to_vec().as_slice()).as_ref(),
            Ok(&frame)
        );
    }
});
