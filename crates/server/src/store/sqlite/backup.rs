//! A backup: a folder with a copy of the database, made while a server may be using it.
//!
//! The copy is one state of the database, that of the instant at which the backup began. It is made under another
//! name, and gets its own once it was checked and is on disk: what has the name of a backup is whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use super::{DATABASE_FILE, connection, folder, migrations};
use crate::{limits::BACKUP_PAGES_PER_STEP, store::StoreError};

/// What the name of a backup ends with while it is made.
const UNFINISHED: &str = ".incomplete";

/// Why there is no backup, or why none was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database where one was expected.
    #[error("there is no server's database in {}", .0.display())]
    NoDatabase(PathBuf),
    /// Something has the name that the backup was to get.
    #[error("{} exists already, and a backup replaces nothing", .0.display())]
    Exists(PathBuf),
    /// A backup of this name is being made, or was interrupted.
    #[error("{} is what another backup is writing, or has left when it was interrupted: then delete it", .0.display())]
    Unfinished(PathBuf),
    /// The backup is the data folder itself.
    #[error("{} is the data folder itself", .0.display())]
    SameFolder(PathBuf),
    /// A server uses the folder that is to be copied.
    #[error("{} is in use by a server: make a copy with `subrosa backup`", .0.display())]
    CopyInUse(PathBuf),
    /// A database is not whole, or it is no server's.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refuses.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        error: io::Error,
    },
    /// The data folder or the database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What a copy of a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The version of its schema.
    pub schema_version: i64,
    /// Accounts.
    pub accounts: u64,
    /// Devices that are signed in.
    pub devices: u64,
    /// Conversations.
    pub conversations: u64,
    /// Messages and commits in the logs.
    pub entries: u64,
    /// Bytes of the database.
    pub bytes: u64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many percent are copied.
    Copying(u8),
    /// The copy is checked.
    Checking,
}

/// Copies the database in the folder `data` into a new folder `to`, which can serve as a data folder itself.
///
/// Blocks. `progress` is called now and then.
pub fn back_up(data: &Path, to: &Path, mut progress: impl FnMut(Progress)) -> Result<Contents, BackupError> {
    let database = data.join(DATABASE_FILE);
    if !database.is_file() {
        return Err(BackupError::NoDatabase(data.to_owned()));
    }
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let unfinished = with_suffix(to, UNFINISHED);
    match fs::create_dir(&unfinished) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Unfinished(unfinished));
        }
        made => made.map_err(failed(&unfinished))?,
    }
    let made = copy_into(&database, &unfinished, &mut progress)
        .and_then(|contents| give_name(&unfinished, to).map(|()| contents));
    if made.is_err() {
        // What cannot be deleted, either, still has the name of something unfinished.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made
}

fn copy_into(
    database: &Path,
    folder: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<Contents, BackupError> {
    folder::set_mode(folder, 0o700).map_err(failed(folder))?;
    let path = folder.join(DATABASE_FILE);
    let source = connection::open_reader(database)?;
    // As long as it is open, this connection sees one state of the database, however much is written to it.
    let snapshot = source.unchecked_transaction()?;
    let expected = contents(&snapshot, database)?;
    copy_pages(&snapshot, &path, progress)?;
    drop(snapshot);
    let copy = connection::open_copy(&path)?;
    connection::disable_wal(&copy)?;
    progress(Progress::Checking);
    // The copy has every page of the database, and its faults.
    check_integrity(&copy, database)?;
    let found = contents(&copy, database)?;
    if found != expected {
        return Err(damaged(
            database,
            format!("{found:?} were copied of {expected:?}"),
        ));
    }
    close(copy)?;
    folder::set_mode(&path, 0o600).map_err(failed(&path))?;
    sync(&path)?;
    Ok(found)
}

fn copy_pages(
    source: &Connection,
    path: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<(), BackupError> {
    let mut copy = connection::open_scratch(path)?;
    let backup = Backup::new(source, &mut copy)?;
    loop {
        match backup.step(BACKUP_PAGES_PER_STEP)? {
            StepResult::Done => break,
            StepResult::More => {
                let progressed = backup.progress();
                let total = i64::from(progressed.pagecount).max(1);
                let copied = total - i64::from(progressed.remaining);
                progress(Progress::Copying(
                    u8::try_from(copied * 100 / total).unwrap_or(100),
                ));
            }
            _ => return Err(StoreError::Failed("the database is locked".into()).into()),
        }
    }
    drop(backup);
    close(copy)
}

fn give_name(unfinished: &Path, name: &Path) -> Result<(), BackupError> {
    sync(unfinished)?;
    fs::rename(unfinished, name).map_err(failed(name))?;
    sync(&parent(name))
}

/// What a database holds; refuses one of a newer version, and one that is no server's.
pub(super) fn contents(connection: &Connection, path: &Path) -> Result<Contents, BackupError> {
    let schema_version = migrations::check(connection)?;
    if schema_version == 0 {
        return Err(damaged(path, "it is not the database of a server"));
    }
    let number = |sql: &str| -> Result<u64, BackupError> {
        let number: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(number).unwrap_or_default())
    };
    Ok(Contents {
        schema_version,
        accounts: number("SELECT count(*) FROM accounts")?,
        devices: number("SELECT count(*) FROM devices WHERE signed_out_at IS NULL")?,
        conversations: number("SELECT count(*) FROM conversations")?,
        entries: number("SELECT count(*) FROM log")?,
        bytes: number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
    })
}

/// Reads all of a database, and whether its indices fit its tables.
pub(super) fn check_integrity(connection: &Connection, path: &Path) -> Result<(), BackupError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(damaged(path, found))
    }
}

pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> BackupError {
    BackupError::Damaged {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::Io { path, error }
}

pub(super) fn close(connection: Connection) -> Result<(), BackupError> {
    connection.close().map_err(|(_, error)| error.into())
}

/// Makes a file, or the names in a folder, survive a power cut.
#[cfg(unix)]
pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(failed(path))
}

#[cfg(not(unix))]
pub(super) fn sync(_path: &Path) -> Result<(), BackupError> {
    // Elsewhere a folder cannot be opened as a file, nor a file be synced that is open for reading.
    Ok(())
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use tempfile::TempDir;

    use super::*;
    use crate::store::SqliteStore;

    const ROW_BYTES: i64 = 1024 * 1024;

    /// A data folder whose database takes several steps to copy, in a server's hands, and a connection to write to it.
    fn data_in_use() -> (TempDir, SqliteStore, Connection) {
        let data = TempDir::new().unwrap();
        let store = SqliteStore::open(data.path()).unwrap();
        let other = Connection::open(data.path().join(DATABASE_FILE)).unwrap();
        other
            .execute_batch("CREATE TABLE filler (bytes BLOB) STRICT")
            .unwrap();
        for _ in 0..10 {
            fill(&other);
        }
        (data, store, other)
    }

    fn fill(connection: &Connection) {
        let filled = connection.execute("INSERT INTO filler VALUES (zeroblob(?1))", [ROW_BYTES]);
        assert_eq!(filled, Ok(1));
    }

    fn rows(database: &Path) -> i64 {
        Connection::open(database)
            .and_then(|copy| copy.query_row("SELECT count(*) FROM filler", [], |row| row.get(0)))
            .unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_backup_is_the_state_at_its_beginning_whatever_is_written_meanwhile() {
        let (data, _store, other) = data_in_use();
        let parent = TempDir::new().unwrap();
        let to = parent.path().join("backup");
        let mut percents = Vec::new();
        back_up(data.path(), &to, |progress| {
            if let Progress::Copying(percent) = progress {
                percents.push(percent);
                fill(&other);
                assert!(!to.exists(), "it has its name before it is whole");
            }
        })
        .unwrap();
        assert!(percents.len() > 1 && percents.is_sorted(), "{percents:?}");
        assert_eq!(rows(&to.join(DATABASE_FILE)), 10);
        assert_eq!(names(parent.path()), ["backup"]);
        assert_eq!(names(&to), [DATABASE_FILE], "one file, without a log beside it");
        drop(SqliteStore::open(&to).unwrap());
    }

    #[test]
    fn a_backup_replaces_nothing() {
        let data = TempDir::new().unwrap();
        drop(SqliteStore::open(data.path()).unwrap());
        let parent = TempDir::new().unwrap();
        let to = parent.path().join("backup");
        fs::create_dir(&to).unwrap();
        assert!(matches!(
            back_up(data.path(), &to, drop),
            Err(BackupError::Exists(_))
        ));
        fs::remove_dir(&to).unwrap();
        // Of a backup that was interrupted, or that is under way.
        let unfinished = parent.path().join("backup.incomplete");
        fs::create_dir(&unfinished).unwrap();
        assert!(matches!(
            back_up(data.path(), &to, drop),
            Err(BackupError::Unfinished(_))
        ));
        assert_eq!(names(parent.path()), ["backup.incomplete"]);
    }

    #[test]
    fn a_backup_that_fails_leaves_nothing() {
        let (data, store, other) = data_in_use();
        drop((store, other));
        let parent = TempDir::new().unwrap();
        let to = parent.path().join("backup");
        let database = data.path().join(DATABASE_FILE);
        let intact = fs::read(&database).unwrap();
        let mut damaged = intact.clone();
        // In the middle of a table, where nothing but a full look finds it.
        let page = intact
            .chunks(4096)
            .rposition(|page| page.starts_with(&[13]) || page.starts_with(&[10]))
            .unwrap();
        damaged[page * 4096..][..64].fill(0x55);
        for content in [&damaged[..], b"this is no database", b""] {
            fs::write(&database, content).unwrap();
            let refused = back_up(data.path(), &to, drop);
            assert!(refused.is_err(), "{refused:?}");
            assert_eq!(names(parent.path()), <[&str; 0]>::default());
        }
        fs::remove_file(&database).unwrap();
        assert!(matches!(
            back_up(data.path(), &to, drop),
            Err(BackupError::NoDatabase(_))
        ));
    }
}
