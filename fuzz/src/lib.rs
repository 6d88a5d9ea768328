//! What the fuzz targets share: honest messages to start from, and the edits that spoil them.

mod client;
mod edits;
mod server;
mod world;

pub use client::{Client, HONEST_TEXT, OWN_TEXT};
pub use edits::edited;
pub use server::Server;
pub use world::{CONVERSATION, NOW, Sent, World};

/// A folder for one run, in memory where the system has such a place: a flush to a disk tests nothing here.
pub(crate) fn scratch_folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.expect("a folder")
}
