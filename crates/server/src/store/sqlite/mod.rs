//! The embedded database: SQLite in a data folder that one server owns.
//!
//! One thread writes and shares each fsync among all who wait; a few connections read. A write is durable
//! when its future resolves (WAL, synchronous FULL).

mod accounts;
mod backup;
mod checkpoint;
mod connection;
mod delivery;
mod folder;
mod migrations;
mod objects;
mod readers;
mod records;
mod restore;
mod writer;

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use self::{delivery::Audiences, folder::DataFolder, readers::Readers, writer::Writer};
use super::StoreError;
pub use backup::{BackupError, Contents, Progress, back_up};
pub use restore::{Restored, restore};
pub(crate) use writer::WriteContext;

/// The file name of the database in the data folder.
const DATABASE_FILE: &str = "subrosa.db";

/// Whether a folder holds a server's database: a data folder, or a backup.
pub fn holds_database(folder: &Path) -> bool {
    folder.join(DATABASE_FILE).exists()
}

/// A store in a folder.
///
/// Dropping it finishes what is queued and releases the folder; [`SqliteStore::close`] does the same without
/// blocking the caller's thread.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    audiences: Arc<Audiences>,
}

impl SqliteStore {
    /// Opens the store in `folder`, which is made if it does not exist, and brings its schema up to date.
    ///
    /// Blocks, so call it before the service starts. Fails without touching anything if another server uses
    /// the folder, if a restore into it was interrupted, if the database is damaged, or if it is of a newer version.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let folder = DataFolder::lock(folder)?;
        let path = folder.path().join(DATABASE_FILE);
        if restore::was_interrupted(folder.path())? {
            return Err(StoreError::RestoreInterrupted(folder.path().to_owned()));
        }
        // The operator has to know which file it is.
        let named = |error| match error {
            StoreError::Corrupt(reason) => StoreError::Corrupt(format!("{}: {reason}", path.display())),
            error => error,
        };
        let mut connection = connection::open_writer(&path).map_err(named)?;
        migrations::run(&mut connection).map_err(named)?;
        connection::enable_wal(&connection).map_err(named)?;
        folder.restrict(&path)?;
        let readers = Readers::open(&path)?;
        let audiences = Arc::new(Audiences::default());
        let writer = Writer::start(connection, Arc::clone(&audiences), &path, folder)?;
        Ok(Self {
            writer,
            readers,
            audiences,
        })
    }

    /// Runs `work` in a transaction and returns once it is durable.
    ///
    /// `work` shares its transaction with others but not its fate: what it wrote is undone if it returns an
    /// error. It runs on the writer's thread, so it must be short. `name` labels its metrics.
    pub(crate) async fn write<T, E>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut WriteContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.write(name, work).await
    }

    /// Runs `work` on a connection that only reads, in one snapshot of what is committed.
    pub(crate) async fn read<T, E>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.read(name, work).await
    }

    /// Ends when the writer has ended, be it because the store was closed or because it died.
    pub fn stopped(&self) -> CancellationToken {
        self.writer.stopped()
    }

    /// Finishes what is queued, folds the write-ahead log into the database and releases the folder.
    /// Later writes get [`StoreError::Stopped`].
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
