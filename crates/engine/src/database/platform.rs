//! The one difference between native and browser databases: how a connection is opened.
//!
//! Natively a database is a file that only its owner can read. In the browser it is a name in a pool of
//! files of the origin private file system; the worker installs the pool before the engine opens. If it
//! did not (a second tab), opening fails: it never falls back to memory.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::DatabaseError;

/// One connection, used by one thread at a time.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Opens a database that is there.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn open(path: &Path) -> Result<Connection, DatabaseError> {
    // SQLite would say "unable to open" for every reason.
    drop(std::fs::OpenOptions::new().read(true).write(true).open(path)?);
    Ok(Connection::open_with_flags(path, FLAGS)?)
}

/// Creates an empty database. Only its owner may read it; SQLite gives the files next to it the same permissions.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn create(path: &Path) -> Result<Connection, DatabaseError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path)?);
    Ok(Connection::open_with_flags(path, FLAGS)?)
}

/// The name under which `sqlite-wasm-vfs` installs the pool of files.
#[cfg(target_arch = "wasm32")]
const POOL: &std::ffi::CStr = c"opfs-sahpool";

/// Opens a database that is there.
#[cfg(target_arch = "wasm32")]
pub(super) fn open(path: &Path) -> Result<Connection, DatabaseError> {
    match Connection::open_with_flags_and_vfs(path, FLAGS, POOL) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen) => {
            Err(DatabaseError::Missing)
        }
        opened => Ok(opened?),
    }
}

/// Makes an empty database.
#[cfg(target_arch = "wasm32")]
pub(super) fn create(path: &Path) -> Result<Connection, DatabaseError> {
    Ok(Connection::open_with_flags_and_vfs(
        path,
        FLAGS | OpenFlags::SQLITE_OPEN_CREATE,
        POOL,
    )?)
}
