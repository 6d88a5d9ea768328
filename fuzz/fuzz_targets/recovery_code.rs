//! Somebody types a recovery code: what is taken reads back, however it was typed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_engine::account::RecoveryCode;

fuzz_target!(|typed: &str| {
    if let Ok(code) = RecoveryCode::parse(typed) {
        let shown = code.expose();
        let read = RecoveryCode::parse(&shown).expect("we wrote it");
        assert_eq!(*read.expose(), *shown);
    }
});
