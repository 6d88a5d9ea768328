//! Copies of folders, as an operator makes them by hand.

use std::path::Path;

/// Copies a folder with all that is in it.
///
/// # Panics
/// If it cannot be read, or the copy not be written.
pub fn copy(from: &Path, to: &Path) {
    let made = std::fs::create_dir_all(to);
    assert!(made.is_ok(), "{}: {made:?}", to.display());
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let copied = std::fs::copy(entry.path(), &target);
            assert!(copied.is_ok(), "{}: {copied:?}", target.display());
        }
    }
}

/// Puts a copy in the place of a folder.
///
/// # Panics
/// If the folder cannot be removed, or the copy not be made.
pub fn replace(folder: &Path, from: &Path) {
    let gone = std::fs::remove_dir_all(folder);
    assert!(gone.is_ok(), "{}: {gone:?}", folder.display());
    copy(from, folder);
}
