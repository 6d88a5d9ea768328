//! A group's policy is read from its context: it has one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::World;
use subrosa_fuzz::edited;
use subrosa_mls::GroupPolicy;

fuzz_target!(|edits: &[u8]| {
    let honest = GroupPolicy::notes_to_self(World::bob()).encode();
    let bytes = edited(&honest, edits);
    if let Ok(policy) = GroupPolicy::decode(&bytes) {
        assert_eq!(policy.encode(), bytes);
    }
});
