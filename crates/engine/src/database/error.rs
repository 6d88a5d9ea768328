//! What can go wrong with the database, distinguished by what a user can do about it.

use rusqlite::{Error, ErrorCode};

/// Why the database cannot be used. The current transaction was rolled back.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no file.
    #[error("there is no database here")]
    Missing,
    /// There already is a file where a new one should be created.
    #[error("there is a database here already")]
    Exists,
    /// Another process has it open.
    #[error("the database is in use by another program")]
    InUse,
    /// The key is wrong, or the file is damaged: an authenticated cipher cannot tell which.
    #[error("the database does not open: the key is wrong or the file is damaged")]
    WrongKeyOrCorrupt,
    /// The file opens, but holds what this program never writes.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A newer version of this program wrote it. Nothing was changed.
    #[error(
        "the database has version {found}, this program knows versions up to {known}: it needs a newer program"
    )]
    NewerVersion {
        /// The version of the file.
        found: u32,
        /// The newest version that this build knows.
        known: u32,
    },
    /// A program that was still in development wrote it. Nothing was changed.
    #[error("the database was made by an earlier development version and must be created anew")]
    DevelopmentVersion,
    /// The disk is full. Nothing is lost: it works again when there is space.
    #[error("the disk is full")]
    Full,
    /// The file may not be read or written.
    #[error("the database may not be read or written")]
    NotPermitted,
    /// The SQLite of this build cannot encrypt. Nothing was written.
    #[error("this build of SQLite cannot encrypt")]
    NoCipher,
    /// The gate has refused the commit; see [`super::Database::gate_commits`].
    #[error("the commit was stopped")]
    CommitStopped,
    /// The file system failed.
    #[error("the database file cannot be used: {0}")]
    File(std::io::Error),
    /// SQLite failed in another way.
    #[error("the database failed: {0}")]
    Sqlite(Error),
}

impl DatabaseError {
    /// Whether the file works, and only some rows are not as this program writes them or would have them.
    pub(crate) fn is_in_rows(&self) -> bool {
        match self {
            Self::Corrupt(_) => true,
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation),
            _ => false,
        }
    }
}

impl From<Error> for DatabaseError {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::WrongKeyOrCorrupt,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => Self::NotPermitted,
            _ => Self::Sqlite(error),
        }
    }
}

impl From<std::io::Error> for DatabaseError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Missing,
            std::io::ErrorKind::AlreadyExists => Self::Exists,
            std::io::ErrorKind::PermissionDenied => Self::NotPermitted,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::File(error),
        }
    }
}
