//! The server validates a commit on its view of the group: only honest ones are taken, and one that is
//! refused changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::{CONVERSATION, NOW, World, edited};
use subrosa_mls::PublicView;

/// The membership tag at the end of a member's commit, with its length: only members can check it (RFC 9420,
/// section 6.2), so the server takes any.
const MEMBERSHIP_TAG_LEN: usize = 1 + 48;

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (kind, commit_edits, group_info_edits) = input;
    let world = World::get();
    let honest = match kind % 3 {
        0 => &world.update,
        1 => &world.external,
        _ => {
            let group_info = edited(&world.group_info, commit_edits);
            let tree = edited(&world.ratchet_tree, group_info_edits);
            // It is not of epoch 0, so it is no new group, whatever is done to it.
            assert!(PublicView::create(&group_info, &tree, CONVERSATION, NOW).is_err());
            return;
        }
    };
    let commit = edited(&honest.commit, commit_edits);
    let group_info = edited(&honest.group_info, group_info_edits);
    let mut view = PublicView::load(&world.view).expect("the view is sound");
    let taken = view.process_commit(&commit, &group_info, NOW).is_ok();
    let unchecked = if kind % 3 == 0 { MEMBERSHIP_TAG_LEN } else { 0 };
    let checked = honest.commit.len() - unchecked;
    let is_honest = commit.len() == honest.commit.len()
        && commit[..checked] == honest.commit[..checked]
        && group_info == honest.group_info;
    if taken || commit == honest.commit {
        assert_eq!(taken, is_honest, "a forged commit");
    }
    if !taken {
        assert_eq!(view.to_bytes(), world.view, "a refused commit changed the view");
    }
});
