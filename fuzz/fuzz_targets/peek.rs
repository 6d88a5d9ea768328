//! The server looks at the header of every message.
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
    let peeked = subrosa_mls::peek(&bytes);
    if !honest.is_empty() && bytes == honest {
        peeked.expect("an honest message");
    }
});
