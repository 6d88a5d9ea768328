//! A client is handed a key package: only the honest one is taken.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::{NOW, World, edited};
use subrosa_mls::verify_key_package;

fuzz_target!(|edits: &[u8]| {
    let honest = &World::get().key_package;
    let bytes = edited(honest, edits);
    let verified = verify_key_package(&bytes, World::bob(), NOW);
    assert_eq!(verified.is_ok(), bytes == *honest, "a forged key package");
});
