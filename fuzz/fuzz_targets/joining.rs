//! A device is invited by a welcome, or joins from what the server says of a group: only the honest group is
//! taken.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::{CONVERSATION, World, edited};

fuzz_target!(|input: (bool, &[u8], &[u8])| {
    let (by_welcome, edits, tree_edits) = input;
    let world = World::get();
    let identity = World::bob_identity();
    let tree = edited(&world.ratchet_tree, tree_edits);
    let honest = if by_welcome {
        &world.welcome
    } else {
        &world.group_info
    };
    let bytes = edited(honest, edits);
    let taken = world.bob_joins(|mls| {
        if by_welcome {
            mls.stage_welcome(&identity, &bytes, &tree, CONVERSATION).is_ok()
        } else {
            mls.stage_external_join(&identity, &bytes, &tree, &[], CONVERSATION)
                .is_ok()
        }
    });
    assert_eq!(
        taken,
        bytes == *honest && tree == world.ratchet_tree,
        "a forged group"
    );
});
