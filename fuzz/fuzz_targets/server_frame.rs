//! A client reads a frame of the server: what it understands, it would write in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use subrosa_wire::frames::ServerFrame;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = ServerFrame::decode(bytes) {
        assert_eq!(
            ServerFrame::decode(frame.encode_to_vec().as_slice()).as_ref(),
            Ok(&frame)
        );
    }
});
