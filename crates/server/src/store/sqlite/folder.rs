//! The data folder, and the lock by which one server owns it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::store::StoreError;

/// The file whose lock is the ownership of the folder. It stays when the server ends; the lock does not.
const LOCK_FILE: &str = "server.lock";

/// A data folder that this process owns as long as the value lives.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    // Holds the lock; the operating system releases it with the file, also after a crash.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if needed, readable by its owner only, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| StoreError::Folder {
            folder: path.to_owned(),
            reason: error.to_string(),
        };
        if !path.is_dir() {
            fs::create_dir_all(path).map_err(failed)?;
            set_mode(path, 0o700).map_err(failed)?;
        }
        let lock_path = path.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed)?;
        set_mode(&lock_path, 0o600).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StoreError::FolderInUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Keeps servers out of a folder as long as the file lives, if it ever was a data folder. Changes nothing in it.
    pub(super) fn hold_still(path: &Path) -> Result<Option<File>, StoreError> {
        let Ok(lock) = File::open(path.join(LOCK_FILE)) else {
            return Ok(None);
        };
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(StoreError::FolderInUse(path.to_owned())),
            // A file system without locks has no server on it either.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(lock)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a file of the folder readable by its owner only; SQLite gives its side files the same mode.
    pub(super) fn restrict(&self, file: &Path) -> Result<(), StoreError> {
        set_mode(file, 0o600).map_err(|error| StoreError::Folder {
            folder: self.path.clone(),
            reason: error.to_string(),
        })
    }
}

#[cfg(unix)]
pub(super) fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(super) fn set_mode(_path: &Path, _mode: u32) -> std::io::Result<()> {
    // Elsewhere the folder inherits the access list of its parent, which the operator sets.
    Ok(())
}
