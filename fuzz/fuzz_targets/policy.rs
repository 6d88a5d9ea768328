//! A group's policy is read from its context: it has one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::World;
use subrosa_fuzz::edited;
use subrosa_mls::{GroupPolicy, InviteLink, LINK_SEED_LEN, LinkSecret};

fuzz_target!(|edits: &[u8]| {
    let link = InviteLink {
        key: LinkSecret::from_seed([7; LINK_SEED_LEN]).public_key(),
        needs_approval: true,
    };
    let group = GroupPolicy::group(World::bob()).with_link(link);
    for honest in [GroupPolicy::notes_to_self(World::bob()), group.expect("a policy")] {
        let bytes = edited(&honest.encode(), edits);
        if let Ok(policy) = GroupPolicy::decode(&bytes) {
            assert_eq!(policy.encode(), bytes);
        }
    }
});
