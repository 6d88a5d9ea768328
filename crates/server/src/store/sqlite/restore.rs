//! Putting a copy of the database into a data folder, in place of what is there.
//!
//! The copy is prepared under another name in the data folder and checked there. Only then is what was there moved
//! aside, and the copy gets its place. A server refuses a folder in which that was interrupted.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use subrosa_wire::IncarnationId;

use super::{
    DATABASE_FILE,
    accounts::server_keys,
    backup::{
        BackupError, Contents, Progress, check_integrity, close, contents, damaged, failed, parent, sync,
        with_suffix,
    },
    connection,
    folder::{self, DataFolder},
    migrations,
};
use crate::{random, store::StoreError};

/// What is prepared.
const STAGED_FILE: &str = "subrosa.db.restoring";
/// What the names of folders begin with in which a restore keeps what was there.
const ASIDE: &str = "before-restore-";
/// What SQLite puts beside a database.
const SIDE_FILES: [&str; 3] = ["-wal", "-journal", "-shm"];

/// What a restore has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the database holds now.
    pub contents: Contents,
    /// Where what was there before is kept, if there was something.
    pub kept: Option<PathBuf>,
}

/// Puts the copy `from`, a folder with a database or the database itself, into the folder `data`, as another
/// incarnation. What was there is moved into a folder in it whose name ends with `stamp`.
///
/// Blocks. Changes nothing if a server uses the folder, or if the copy cannot be used. `progress` is called now and
/// then.
pub fn restore(
    from: &Path,
    data: &Path,
    stamp: &str,
    mut progress: impl FnMut(Progress),
) -> Result<Restored, BackupError> {
    let source = if from.is_dir() {
        from.join(DATABASE_FILE)
    } else {
        from.to_owned()
    };
    if !source.is_file() {
        return Err(BackupError::NoDatabase(from.to_owned()));
    }
    if source.canonicalize().ok() == data.join(DATABASE_FILE).canonicalize().ok() {
        return Err(BackupError::SameFolder(from.to_owned()));
    }
    // A database that is written to cannot be copied file by file.
    let held = source.parent().map(DataFolder::hold_still).transpose();
    let held = held.map_err(|_| BackupError::CopyInUse(from.to_owned()))?;
    let folder = DataFolder::lock(data)?;
    let database = folder.path().join(DATABASE_FILE);
    let staged = folder.path().join(STAGED_FILE);
    let aside = folder.path().join(format!("{ASIDE}{stamp}"));
    let staging = stage(&source, &staged, &mut progress);
    let is_staged = staging.is_ok();
    let restored = staging.and_then(|contents| {
        let kept = replace(&database, &staged, &aside)?;
        Ok(Restored { contents, kept })
    });
    if restored.is_err() && (!is_staged || database.exists()) {
        // Nothing was moved.
        let _ = remove(&staged);
    }
    drop((held, folder));
    restored
}

/// Whether a restore into the folder has begun, and its copy is not in its place.
pub(super) fn was_interrupted(data: &Path) -> Result<bool, StoreError> {
    if data.join(DATABASE_FILE).exists() {
        return Ok(false);
    }
    let entries = fs::read_dir(data).map_err(|error| StoreError::Folder {
        folder: data.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name == STAGED_FILE || name.starts_with(ASIDE)
    }))
}

/// Prepares the copy: checked, of the newest schema, with its new incarnation, in one file that is on disk.
fn stage(source: &Path, staged: &Path, progress: &mut impl FnMut(Progress)) -> Result<Contents, BackupError> {
    remove(staged)?;
    progress(Progress::Copying(0));
    for suffix in ["", "-wal", "-journal"] {
        let (from, to) = (with_suffix(source, suffix), with_suffix(staged, suffix));
        if from.is_file() {
            fs::copy(&from, &to).map_err(failed(&from))?;
            folder::set_mode(&to, 0o600).map_err(failed(&to))?;
        }
    }
    progress(Progress::Checking);
    prepare(staged).map_err(|error| match error {
        // The operator has to know which file it is.
        BackupError::Damaged { reason, .. } | BackupError::Store(StoreError::Corrupt(reason)) => {
            damaged(source, reason)
        }
        error => error,
    })
}

fn prepare(staged: &Path) -> Result<Contents, BackupError> {
    let mut connection = connection::open_copy(staged)?;
    contents(&connection, staged)?;
    check_integrity(&connection, staged)?;
    migrations::run(&mut connection)?;
    server_keys::renew_incarnation(&connection, IncarnationId::from_bytes(random::bytes()))?;
    connection::disable_wal(&connection)?;
    let found = contents(&connection, staged)?;
    close(connection)?;
    sync(staged)?;
    Ok(found)
}

/// Moves the database aside, and the copy to its place.
fn replace(database: &Path, staged: &Path, aside: &Path) -> Result<Option<PathBuf>, BackupError> {
    // The database first: without it, a server does not start.
    let suffixes = [""].into_iter().chain(SIDE_FILES);
    let files: Vec<_> = suffixes
        .map(|suffix| {
            (
                with_suffix(database, suffix),
                with_suffix(&aside.join(DATABASE_FILE), suffix),
            )
        })
        .filter(|(file, _)| file.exists())
        .collect();
    if !files.is_empty() {
        fs::create_dir(aside).map_err(failed(aside))?;
        folder::set_mode(aside, 0o700).map_err(failed(aside))?;
        for (file, kept) in &files {
            fs::rename(file, kept).map_err(failed(file))?;
        }
        sync(aside)?;
    }
    let data = parent(database);
    sync(&data)?;
    fs::rename(staged, database).map_err(failed(staged))?;
    sync(&data)?;
    Ok((!files.is_empty()).then(|| aside.to_owned()))
}

/// Deletes what a restore before this one has left.
fn remove(staged: &Path) -> Result<(), BackupError> {
    for suffix in [""].into_iter().chain(SIDE_FILES) {
        let file = with_suffix(staged, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&file)(error)),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::{super::backup::back_up, *};
    use crate::store::{AccountStore as _, SqliteStore};

    /// A data folder, and a backup from before its last note.
    fn data_and_backup() -> (TempDir, TempDir, PathBuf) {
        let data = TempDir::new().unwrap();
        drop(SqliteStore::open(data.path()).unwrap());
        let parent = TempDir::new().unwrap();
        let backup = parent.path().join("backup");
        back_up(data.path(), &backup, drop).unwrap();
        execute(data.path(), "CREATE TABLE later (x INTEGER) STRICT");
        (data, parent, backup)
    }

    fn execute(folder: &Path, sql: &str) {
        let connection = Connection::open(folder.join(DATABASE_FILE)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn is_later(folder: &Path) -> bool {
        let connection = Connection::open(folder.join(DATABASE_FILE)).unwrap();
        connection.prepare("SELECT * FROM later").is_ok()
    }

    async fn incarnation(folder: &Path) -> IncarnationId {
        SqliteStore::open(folder).unwrap().incarnation().await.unwrap()
    }

    /// Names and contents of the files in a folder.
    fn files(folder: &Path) -> Vec<(String, Option<Vec<u8>>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).ok(),
                )
            })
            .collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn a_restore_keeps_what_was_there_and_begins_another_incarnation() {
        let (data, _parent, backup) = data_and_backup();
        let before = files(&backup);
        let restored = restore(&backup, data.path(), "1", drop).unwrap();
        assert_eq!(files(&backup), before, "the copy can be restored again");
        assert!(!is_later(data.path()));
        let kept = restored.kept.unwrap();
        assert_eq!(kept, data.path().join("before-restore-1"));
        assert!(is_later(&kept));
        assert_ne!(incarnation(data.path()).await, incarnation(&kept).await);
        // What was kept is a copy like any other.
        restore(&kept, data.path(), "2", drop).unwrap();
        assert!(is_later(data.path()));
    }

    #[test]
    fn a_copy_is_restored_into_a_folder_that_does_not_exist() {
        let (_data, parent, backup) = data_and_backup();
        let elsewhere = parent.path().join("elsewhere");
        let file = backup.join(DATABASE_FILE);
        let restored = restore(&file, &elsewhere, "1", drop).unwrap();
        assert_eq!(restored.kept, None);
        drop(SqliteStore::open(&elsewhere).unwrap());
    }

    #[test]
    fn a_folder_copied_by_hand_is_restored_with_its_log() {
        let (data, parent, _) = data_and_backup();
        let copy = parent.path().join("by hand");
        fs::create_dir(&copy).unwrap();
        let store = SqliteStore::open(data.path()).unwrap();
        execute(data.path(), "CREATE TABLE in_the_log (x INTEGER) STRICT");
        for (name, content) in files(data.path()) {
            fs::write(copy.join(name), content.unwrap()).unwrap();
        }
        assert!(copy.join("subrosa.db-wal").metadata().unwrap().len() > 0);
        drop(store);
        restore(&copy, data.path(), "1", drop).unwrap();
        execute(data.path(), "INSERT INTO in_the_log VALUES (1)");
    }

    #[test]
    fn nothing_is_restored_into_or_from_a_folder_in_use() {
        let (data, parent, backup) = data_and_backup();
        let store = SqliteStore::open(data.path()).unwrap();
        let before = files(data.path());
        let into = restore(&backup, data.path(), "1", drop);
        assert!(
            matches!(into, Err(BackupError::Store(StoreError::FolderInUse(_)))),
            "{into:?}"
        );
        let from = restore(data.path(), &parent.path().join("other"), "1", drop);
        assert!(matches!(from, Err(BackupError::CopyInUse(_))), "{from:?}");
        assert_eq!(files(data.path()), before);
        drop(store);
        let itself = restore(data.path(), data.path(), "1", drop);
        assert!(matches!(itself, Err(BackupError::SameFolder(_))), "{itself:?}");
    }

    #[test]
    fn a_copy_that_cannot_be_used_changes_nothing() {
        let (data, parent, backup) = data_and_backup();
        let intact = fs::read(backup.join(DATABASE_FILE)).unwrap();
        let before = files(data.path());
        let bad = parent.path().join("bad");
        fs::create_dir(&bad).unwrap();
        let refuse = |what: &str| {
            let refused = restore(&bad, data.path(), "1", drop);
            assert!(refused.is_err(), "{what}");
            assert_eq!(files(data.path()), before, "{what}");
        };
        refuse("nothing");
        let file = bad.join(DATABASE_FILE);
        fs::write(&file, b"this is no database").unwrap();
        refuse("noise");
        fs::write(&file, b"").unwrap();
        refuse("an empty file");
        for part in 1..8 {
            fs::write(&file, &intact[..intact.len() * part / 8]).unwrap();
            refuse("a part");
        }
        fs::write(&file, &intact).unwrap();
        execute(&bad, "INSERT INTO schema_version VALUES (9999, 'of the future')");
        refuse("one of a newer version");
        fs::remove_file(&file).unwrap();
        execute(&bad, "CREATE TABLE other (x INTEGER)");
        refuse("the database of another program");
        drop(SqliteStore::open(data.path()).unwrap());
    }

    #[test]
    fn a_folder_whose_restore_was_interrupted_is_refused_until_it_is_done() {
        let (data, _parent, backup) = data_and_backup();
        let database = data.path().join(DATABASE_FILE);
        let kept = data.path().join("before-restore-1");
        fs::create_dir(&kept).unwrap();
        fs::copy(&database, data.path().join(STAGED_FILE)).unwrap();
        fs::rename(&database, kept.join(DATABASE_FILE)).unwrap();
        let refused = SqliteStore::open(data.path()).unwrap_err();
        assert_eq!(refused, StoreError::RestoreInterrupted(data.path().to_owned()));
        // A copy that cannot be used does not make a fresh folder of it.
        assert!(restore(&kept.join("no such file"), data.path(), "2", drop).is_err());
        let noise = backup.join("noise");
        fs::write(&noise, b"noise").unwrap();
        assert!(restore(&noise, data.path(), "2", drop).is_err());
        assert!(SqliteStore::open(data.path()).is_err());
        restore(&backup, data.path(), "2", drop).unwrap();
        drop(SqliteStore::open(data.path()).unwrap());
    }
}
