//! What the folder, the writer and a full disk do.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use tempfile::TempDir;

use super::*;
use crate::store::AccountStore as _;

fn count(connection: &Connection) -> i64 {
    connection
        .query_row("SELECT count(*) FROM note", [], |row| row.get(0))
        .unwrap()
}

async fn insert(store: &SqliteStore, value: i64) -> Result<(), StoreError> {
    store
        .write("test", move |context| {
            context.connection.execute(
                "INSERT INTO note (value, filler) VALUES (?1, zeroblob(2000))",
                [value],
            )?;
            if value < 0 {
                Err(StoreError::Failed("refused".into()))
            } else {
                Ok(())
            }
        })
        .await
}

async fn store_with_notes(folder: &Path) -> SqliteStore {
    let store = SqliteStore::open(folder).unwrap();
    store
        .write("test", |context| {
            context
                .connection
                .execute_batch("CREATE TABLE note (value INTEGER, filler BLOB) STRICT")
                .map_err(StoreError::from)
        })
        .await
        .unwrap();
    store
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused_until_the_first_has_closed() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let error = SqliteStore::open(folder.path()).unwrap_err();
    assert_eq!(error, StoreError::FolderInUse(folder.path().to_owned()));
    assert!(error.to_string().contains(&folder.path().display().to_string()));
    store.close().await;
    SqliteStore::open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_write_that_refuses_does_not_hurt_those_that_share_its_transaction() {
    let folder = TempDir::new().unwrap();
    let store = store_with_notes(folder.path()).await;
    let (one, refused, other) = tokio::join!(insert(&store, 1), insert(&store, -1), insert(&store, 2));
    assert_eq!(
        (one, refused, other),
        (Ok(()), Err(StoreError::Failed("refused".into())), Ok(()))
    );
    assert_eq!(store.read("test", |c| Ok::<_, StoreError>(count(c))).await, Ok(2));
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let folder = TempDir::new().unwrap();
    let store = store_with_notes(folder.path()).await;
    insert(&store, 1).await.unwrap();
    drop(store);
    let store = SqliteStore::open(folder.path()).unwrap();
    assert_eq!(store.read("test", |c| Ok::<_, StoreError>(count(c))).await, Ok(1));
}

#[tokio::test]
async fn every_database_has_an_incarnation_of_its_own_which_reopening_keeps() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let incarnation = async |folder: &TempDir| {
        let store = SqliteStore::open(folder.path()).unwrap();
        store.incarnation().await.unwrap()
    };
    let first = incarnation(&one).await;
    assert_eq!(incarnation(&one).await, first);
    assert_ne!(incarnation(&other).await, first);
}

#[tokio::test]
async fn a_full_disk_stores_nothing_and_passes() {
    let folder = TempDir::new().unwrap();
    let store = store_with_notes(folder.path()).await;
    let set_page_limit = |pages: i64| {
        store.write("test", move |context| {
            context
                .connection
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok::<_, StoreError>(())
        })
    };
    set_page_limit(1).await.unwrap();
    let mut stored = 0;
    let full = loop {
        match insert(&store, stored).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, StoreError::Full);
    assert_eq!(
        store.read("test", |c| Ok::<_, StoreError>(count(c))).await,
        Ok(stored)
    );
    set_page_limit(100_000).await.unwrap();
    insert(&store, 0).await.unwrap();
    assert_eq!(
        store.read("test", |c| Ok::<_, StoreError>(count(c))).await,
        Ok(stored + 1)
    );
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = TempDir::new().unwrap();
    let store = store_with_notes(folder.path()).await;
    store.close().await;
    assert_eq!(insert(&store, 1).await, Err(StoreError::Stopped));
    assert_eq!(
        store.read("test", |c| Ok::<_, StoreError>(count(c))).await,
        Err(StoreError::Stopped)
    );
    assert!(store.stopped().is_cancelled());
}

#[test]
fn a_damaged_database_is_named_as_such() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(DATABASE_FILE), [0x55; 8192]).unwrap();
    assert!(matches!(
        SqliteStore::open(folder.path()),
        Err(StoreError::Corrupt(_))
    ));
}

#[test]
fn a_database_of_a_newer_version_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let path = folder.path().join(DATABASE_FILE);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("INSERT INTO schema_version VALUES (9999, 'of the future')", [])
        .unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(
        SqliteStore::open(folder.path()),
        Err(StoreError::NewerVersion { found: 9999, .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn a_fresh_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("data");
    let _store = SqliteStore::open(&folder).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
