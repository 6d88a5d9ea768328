//! What can fail in storage. That something is not there is not a failure.

use std::path::PathBuf;

/// A failure of the storage.
///
/// Cloned because one failed commit answers everybody who was part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space is left: nothing of the transaction was stored, and later ones succeed once there is space.
    #[error("the storage is full")]
    Full,
    /// Another write of the same transaction took it down. Nothing was stored; the same write can be tried again.
    #[error("the transaction was rolled back")]
    RolledBack,
    /// The storage was closed, or its writer has died.
    #[error("the storage is stopped")]
    Stopped,
    /// Another server holds the data folder.
    #[error("the data folder {} is in use by another server", .0.display())]
    FolderInUse(PathBuf),
    /// The data folder cannot be made or opened.
    #[error("the data folder {} cannot be used: {reason}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// A restore has moved the database away and was interrupted before the copy was in its place.
    #[error("a restore into the data folder {} was interrupted: run it again, or move away what it has left there", .0.display())]
    RestoreInterrupted(PathBuf),
    /// The database was written by a newer server. Nothing was changed.
    #[error(
        "the database has schema version {found}, this server knows versions up to {known}: use a newer server"
    )]
    NewerVersion {
        /// The version found.
        found: i64,
        /// The newest version that this build knows.
        known: i64,
    },
    /// The database was written by a server that was still in development. Nothing was changed.
    #[error("the database was made by an earlier development version and must be created anew")]
    DevelopmentVersion,
    /// The database file is damaged, or is no database.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A row does not have the shape that this build writes.
    #[error("a row of {table} is not valid: {reason}")]
    InvalidRow {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A statement touched another number of rows than it must: the transaction was rolled back.
    #[error("{statement} changed {changed} rows instead of {expected}")]
    AffectedRows {
        /// What the statement does.
        statement: &'static str,
        /// Rows that it changed.
        changed: usize,
        /// Rows that it must change.
        expected: usize,
    },
    /// Anything else that the database reports.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// Checks that a statement changed exactly the expected number of rows.
    pub fn check_affected(statement: &'static str, changed: usize, expected: usize) -> Result<(), Self> {
        if changed == expected {
            Ok(())
        } else {
            Err(Self::AffectedRows {
                statement,
                changed,
                expected,
            })
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
