//! A profile: the folder that holds one account's device.
//!
//! ```text
//! profile/          0700
//!   profile.db      the engine's database, encrypted (SQLCipher)
//!   key             32 random bytes, the key of the database, 0600
//!   lock            locked by the process that has the profile open
//! ```
//!
//! The key lies beside the database that it opens, protected by file permissions. That keeps the messages out of
//! backups of single files and out of deleted blocks, and signing out only has to erase 32 bytes. It does not protect
//! against somebody who can read the folder as its owner.
//!
//! The key is written last: a folder without one is not a profile, and an interrupted sign-up leaves nothing that could
//! be opened.

#![allow(clippy::unused_async, reason = "in the browser the same functions wait")]

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use rand_core::RngCore as _;

use crate::{
    ClientError,
    ambient::SystemRandom,
    platform::{KEY_LEN, Key},
};

const DATABASE: &str = "profile.db";
/// The files that SQLite keeps beside its database.
const DATABASE_COMPANIONS: [&str; 3] = ["profile.db-wal", "profile.db-shm", "profile.db-journal"];
const KEY: &str = "key";
const KEY_UNDER_WAY: &str = "key.new";
const LOCK: &str = "lock";

/// Whether this folder holds a profile, so that somebody is signed in.
///
/// ```
/// let folder = std::path::Path::new("/home/me/bot");
/// if !subrosa_client::profile_exists(folder) {
///     println!("sign up or sign in first");
/// }
/// ```
pub fn exists(folder: &Path) -> bool {
    folder.join(KEY).exists()
}

/// A profile that this process has open, and no other.
#[derive(Debug)]
pub(crate) struct Profile {
    folder: PathBuf,
    /// Closing the file releases the lock.
    _lock: File,
}

/// A profile that is being created. If it is dropped before it is complete, nothing is left.
#[derive(Debug)]
pub(crate) struct Draft {
    profile: Option<Profile>,
    key: Key,
}

impl Profile {
    /// Opens a profile, and returns the key of its database.
    pub(crate) async fn open(folder: &Path) -> Result<(Self, Key), ClientError> {
        if !exists(folder) {
            return Err(ClientError::NoProfile(folder.to_owned()));
        }
        let profile = Self::lock(folder)?;
        let key = read_key(&folder.join(KEY)).map_err(|error| profile.unusable(&error))?;
        Ok((profile, key))
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the database is.
    pub(crate) fn database_path(&self) -> PathBuf {
        self.folder.join(DATABASE)
    }

    /// Removes everything, the key first: without it the rest cannot be read.
    pub(crate) async fn remove(self) -> Result<(), ClientError> {
        self.erase().map_err(|error| self.unusable(&error))
    }

    fn lock(folder: &Path) -> Result<Self, ClientError> {
        let unusable = |error: &io::Error| ClientError::Profile {
            path: folder.to_owned(),
            reason: error.to_string(),
        };
        let lock = private_file()
            .open(folder.join(LOCK))
            .map_err(|error| unusable(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                folder: folder.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(ClientError::ProfileInUse(folder.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(&error)),
        }
    }

    fn erase(&self) -> io::Result<()> {
        let names = [KEY, KEY_UNDER_WAY, DATABASE]
            .into_iter()
            .chain(DATABASE_COMPANIONS)
            .chain([LOCK]);
        for name in names {
            remove_if_there(&self.folder.join(name))?;
        }
        // The folder stays if it holds files that are not ours.
        match fs::remove_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(error),
            _ => Ok(()),
        }
    }

    fn unusable(&self, error: &io::Error) -> ClientError {
        ClientError::Profile {
            path: self.folder.clone(),
            reason: error.to_string(),
        }
    }
}

impl Draft {
    /// Starts a profile in a folder that does not exist yet, is empty, or holds the remains of an interrupted attempt.
    pub(crate) async fn begin(folder: &Path) -> Result<Self, ClientError> {
        let unusable = |reason: String| ClientError::Profile {
            path: folder.to_owned(),
            reason,
        };
        make_folder(folder).map_err(|error| unusable(error.to_string()))?;
        let stranger = first_foreign_file(folder).map_err(|error| unusable(error.to_string()))?;
        if let Some(name) = stranger {
            return Err(unusable(format!(
                "it holds other files ({name}): name a folder of its own"
            )));
        }
        make_private(folder).map_err(|error| unusable(error.to_string()))?;
        let profile = Profile::lock(folder)?;
        if exists(folder) {
            return Err(ClientError::ProfileExists(folder.to_owned()));
        }
        for name in [DATABASE].into_iter().chain(DATABASE_COMPANIONS) {
            remove_if_there(&folder.join(name)).map_err(|error| unusable(error.to_string()))?;
        }
        let mut key = Key::new([0; KEY_LEN]);
        SystemRandom.fill_bytes(key.as_mut());
        Ok(Self {
            profile: Some(profile),
            key,
        })
    }

    /// Where the database is to be created.
    pub(crate) fn database_path(&self) -> PathBuf {
        self.profile
            .as_ref()
            .map(Profile::database_path)
            .unwrap_or_default()
    }

    /// The key to encrypt it with.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Completes the profile, which survives from here on.
    pub(crate) async fn complete(mut self) -> Result<Profile, ClientError> {
        // It is set until this function or `drop` takes it.
        let Some(profile) = self.profile.take() else {
            return Err(ClientError::Closed);
        };
        match write_key(&profile.folder, &self.key) {
            Ok(()) => Ok(profile),
            Err(error) => {
                let error = profile.unusable(&error);
                self.profile = Some(profile);
                Err(error)
            }
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(profile) = self.profile.take()
            && let Err(error) = profile.erase()
        {
            tracing::warn!(%error, folder = %profile.folder.display(), "an unfinished profile stays behind");
        }
    }
}

fn read_key(path: &Path) -> io::Result<Key> {
    let mut file = File::open(path)?;
    let mut key = Key::new([0; KEY_LEN]);
    file.read_exact(key.as_mut())?;
    match file.read(&mut [0])? {
        0 => Ok(key),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its key file is too long",
        )),
    }
}

/// Writes the key so that after a crash it is there completely or not at all.
fn write_key(folder: &Path, key: &Key) -> io::Result<()> {
    let under_way = folder.join(KEY_UNDER_WAY);
    let mut file = private_file().truncate(true).open(&under_way)?;
    file.write_all(key.as_ref())?;
    file.sync_all()?;
    fs::rename(&under_way, folder.join(KEY))?;
    sync_folder(folder)
}

fn first_foreign_file(folder: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let name = name.as_str();
        let is_ours =
            [KEY, KEY_UNDER_WAY, DATABASE, LOCK].contains(&name) || DATABASE_COMPANIONS.contains(&name);
        if !is_ours {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    options
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Denies everybody except the owner access to a folder that already existed.
#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot make its files has failed")]
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/profile");
        (parent, folder)
    }

    #[tokio::test]
    async fn an_unfinished_profile_leaves_nothing() {
        let (_parent, folder) = folder();
        let draft = Draft::begin(&folder).await.unwrap();
        fs::write(draft.database_path(), "half").unwrap();
        assert!(matches!(
            Profile::open(&folder).await,
            Err(ClientError::NoProfile(_))
        ));
        drop(draft);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn the_rest_of_a_crash_is_swept_away_by_the_next_attempt() {
        let (_parent, folder) = folder();
        fs::create_dir_all(&folder).unwrap();
        for rest in ["profile.db", "profile.db-wal", "key.new", "lock"] {
            fs::write(folder.join(rest), "rest").unwrap();
        }
        let draft = Draft::begin(&folder).await.unwrap();
        assert!(!folder.join("profile.db").exists() && !folder.join("profile.db-wal").exists());
        let key = draft.key().clone();
        drop(draft.complete().await.unwrap());
        assert_eq!(Profile::open(&folder).await.unwrap().1, key);
    }

    #[tokio::test]
    async fn a_profile_is_open_in_one_place_only() {
        let (_parent, folder) = folder();
        let profile = Draft::begin(&folder).await.unwrap().complete().await.unwrap();
        assert!(matches!(
            Profile::open(&folder).await,
            Err(ClientError::ProfileInUse(_))
        ));
        assert!(matches!(
            Draft::begin(&folder).await,
            Err(ClientError::ProfileInUse(_))
        ));
        drop(profile);
        Profile::open(&folder).await.unwrap();
    }

    #[tokio::test]
    async fn a_profile_is_never_overwritten() {
        let (_parent, folder) = folder();
        drop(Draft::begin(&folder).await.unwrap().complete().await.unwrap());
        assert!(matches!(
            Draft::begin(&folder).await,
            Err(ClientError::ProfileExists(_))
        ));
        Profile::open(&folder).await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_with_other_files_is_left_alone() {
        let (_parent, folder) = folder();
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("thesis.txt"), "years of work").unwrap();
        let error = Draft::begin(&folder).await.unwrap_err().to_string();
        assert!(error.contains("thesis.txt"), "{error}");
        assert!(folder.join("thesis.txt").exists());
    }

    #[tokio::test]
    async fn a_removed_profile_is_gone() {
        let (_parent, folder) = folder();
        let profile = Draft::begin(&folder).await.unwrap().complete().await.unwrap();
        fs::write(profile.database_path(), "sealed").unwrap();
        profile.remove().await.unwrap();
        assert!(!folder.exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_can_read_a_profile() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_parent, folder) = folder();
        let _profile = Draft::begin(&folder).await.unwrap().complete().await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join("key")), 0o600);
    }

    #[tokio::test]
    async fn a_key_of_another_length_is_not_a_key() {
        let (_parent, folder) = folder();
        drop(Draft::begin(&folder).await.unwrap().complete().await.unwrap());
        for wrong in [31, 33] {
            fs::write(folder.join("key"), vec![0; wrong]).unwrap();
            assert!(
                matches!(Profile::open(&folder).await, Err(ClientError::Profile { .. })),
                "{wrong}"
            );
        }
    }
}
