//! A client reads what somebody says of themselves: a name never hides or turns around anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_engine::content::{Profile, printable_line};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(profile) = Profile::decode(bytes) {
        assert_eq!(Profile::decode(&profile.encode()).as_ref(), Ok(&profile));
        if let Some(name) = profile.name {
            assert_eq!(printable_line(name.as_str()), name.as_str());
        }
    }
});
