//! A member receives a message from the server: only honest ones are taken, and none makes it panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::{World, edited};

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, edits) = input;
    let world = World::get();
    let honest: &[u8] = match kind % 4 {
        0 => &world.application,
        1 => &world.update.commit,
        2 => &world.external.commit,
        _ => &[],
    };
    let bytes = edited(honest, edits);
    world.bob_receives(|mls, group| {
        let taken = group.process(mls, &bytes).is_ok();
        assert_eq!(taken, !honest.is_empty() && bytes == honest, "a forged message");
    });
});
