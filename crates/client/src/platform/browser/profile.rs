//! A profile: what one origin of a browser stores for one account's device.
//!
//! ```text
//! origin private file system   subrosa/         the engine's database, encrypted (SQLCipher)
//! IndexedDB "subrosa"          keys/wrapping    an AES-GCM key that no script can read
//!                              keys/profile     the key of the database, encrypted under it
//! ```
//!
//! The wrapped key is written last: without one there is no profile, and an interrupted sign-up leaves
//! nothing that could be opened. A wrapped key without a database means that the browser has removed the
//! latter.

use std::path::{Path, PathBuf};

use rand_core::RngCore as _;
use sqlite_wasm_rs::vfs::VfsFilesManager as _;
use sqlite_wasm_vfs::sahpool::OpfsSAHPoolUtil;

use super::{keys, pool};
use crate::{ClientError, ambient::SystemRandom, platform::Key};

const DATABASE: &str = "profile.db";
/// The files that SQLite keeps beside its database.
const DATABASE_COMPANIONS: [&str; 2] = ["profile.db-wal", "profile.db-journal"];

/// Whether there is a profile, so that somebody is signed in.
///
/// # Errors
/// If there is none and there could not be one, since the browser lacks what a profile needs: users should learn that
/// before they have filled in a form.
pub async fn exists() -> Result<bool, ClientError> {
    let exists = keys::load().await?.is_some();
    if !exists {
        pool::open().await?;
    }
    Ok(exists)
}

/// A profile that this worker has open, and no other.
pub(crate) struct Profile {
    folder: PathBuf,
    pool: OpfsSAHPoolUtil,
}

/// A profile that is being created. If it is dropped before it is complete, nothing is left that could be opened.
pub(crate) struct Draft {
    profile: Profile,
    key: Key,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").finish_non_exhaustive()
    }
}

impl Profile {
    /// Opens the profile, and returns the key of its database.
    pub(crate) async fn open(folder: &Path) -> Result<(Self, Key), ClientError> {
        let profile = Self::in_pool(folder).await?;
        let Some(key) = keys::load().await? else {
            return Err(ClientError::NoProfile(folder.to_owned()));
        };
        if !profile
            .pool
            .contains(DATABASE)
            .map_err(|error| pool::unusable(&error))?
        {
            return Err(ClientError::Evicted);
        }
        Ok((profile, key))
    }

    async fn in_pool(folder: &Path) -> Result<Self, ClientError> {
        Ok(Self {
            folder: folder.to_owned(),
            pool: pool::open().await?,
        })
    }

    /// The name by which the application knows it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the database is.
    #[expect(clippy::unused_self, reason = "natively it is in the folder")]
    pub(crate) fn database_path(&self) -> PathBuf {
        DATABASE.into()
    }

    /// Removes everything, the key first: without it the rest cannot be read.
    pub(crate) async fn remove(self) -> Result<(), ClientError> {
        keys::remove().await?;
        self.erase_database()
    }

    fn erase_database(&self) -> Result<(), ClientError> {
        for name in [DATABASE].into_iter().chain(DATABASE_COMPANIONS) {
            self.pool.remove(name).map_err(|error| pool::unusable(&error))?;
        }
        Ok(())
    }
}

/// Removes a profile or what is left of one, even if it does not open.
pub async fn forget_profile() -> Result<(), ClientError> {
    keys::remove().await?;
    let pool = pool::open().await?;
    // This includes what a crash left half written.
    pool.clear().map_err(|error| pool::unusable(&error))
}

impl Draft {
    /// Starts a profile where there is none, and removes what an interrupted attempt has left.
    pub(crate) async fn begin(folder: &Path) -> Result<Self, ClientError> {
        let profile = Profile::in_pool(folder).await?;
        if keys::load().await?.is_some() {
            return Err(ClientError::ProfileExists(folder.to_owned()));
        }
        profile.erase_database()?;
        let mut key = Key::default();
        SystemRandom.fill_bytes(key.as_mut());
        Ok(Self { profile, key })
    }

    /// Where the database is to be created.
    pub(crate) fn database_path(&self) -> PathBuf {
        self.profile.database_path()
    }

    /// The key to encrypt it with.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Completes the profile, which survives from here on.
    pub(crate) async fn complete(self) -> Result<Profile, ClientError> {
        keys::store(&self.key).await?;
        Ok(self.profile)
    }
}
