//! Somebody types a handle: what is taken has one form, and only characters that look like themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_wire::Handle;

fuzz_target!(|text: &str| {
    if let Ok(handle) = text.parse::<Handle>() {
        assert_eq!(handle.as_str().parse::<Handle>().as_ref(), Ok(&handle));
        assert!(
            handle
                .as_str()
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
        );
    }
});
