//! A client reads a problem document of the server.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_wire::problem::ProblemDocument;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = serde_json::from_slice::<ProblemDocument>(bytes) {
        let written = serde_json::to_vec(&document).expect("it was read from JSON");
        assert_eq!(
            serde_json::from_slice::<ProblemDocument>(&written).ok().as_ref(),
            Some(&document)
        );
    }
});
