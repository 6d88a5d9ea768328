#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{fs, path::PathBuf};

use subrosa_mls::KeyValue as _;
use tempfile::TempDir;

use super::{migrations::FIRST_VERSION, *};

const MARKER: &str = "the plaintext that must not be on the disk";
const FIRST: Migration = Migration {
    sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;",
};
const SECOND: Migration = Migration {
    sql: "ALTER TABLE notes ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;",
};
const BROKEN: Migration = Migration {
    sql: "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT; CREATE NONSENSE;",
};

struct Fixture {
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("profile.db")
    }

    /// A closed database with some pages of notes, each with the marker.
    fn with_notes() -> Self {
        let fixture = Self::new();
        let mut database = Database::create_with(&fixture.path(), &key(1), &[FIRST]).unwrap();
        add_notes(&mut database, 300);
        database.close().unwrap();
        fixture
    }

    fn open(&self, key: &DatabaseKey) -> Result<Database, DatabaseError> {
        Database::open_with(&self.path(), key, &[FIRST])
    }
}

fn key(byte: u8) -> DatabaseKey {
    DatabaseKey::from_bytes([byte; 32])
}

fn add_notes(database: &mut Database, count: usize) {
    database
        .transaction(|connection| {
            for number in 0..count {
                connection.execute(
                    "INSERT INTO notes (text) VALUES (?1)",
                    [format!("{number}: {MARKER}")],
                )?;
            }
            Ok::<_, DatabaseError>(())
        })
        .unwrap();
}

fn count_notes(database: &Database) -> Result<u32, DatabaseError> {
    // Reads the texts, so that every page is read.
    let sql = "SELECT COUNT(*) FROM notes WHERE text LIKE '%plaintext%'";
    Ok(database.connection().query_row(sql, [], |row| row.get(0))?)
}

fn setting(database: &Database, pragma: &str) -> String {
    let sql = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
    database
        .connection()
        .query_row(&sql, [], |row| row.get(0))
        .unwrap()
}

#[test]
fn what_is_committed_is_there_after_opening_again() {
    let database = Fixture::with_notes();
    assert_eq!(count_notes(&database.open(&key(1)).unwrap()).unwrap(), 300);
}

#[test]
fn a_commit_is_durable_and_relations_are_enforced() {
    let fixture = Fixture::with_notes();
    let database = fixture.open(&key(1)).unwrap();
    let pragma = |name: &str| -> String {
        let value = database
            .connection()
            .query_row(&format!("PRAGMA {name}"), [], |row| {
                row.get::<_, rusqlite::types::Value>(0)
            });
        format!("{:?}", value.unwrap())
    };
    assert_eq!(setting(&database, "journal_mode"), "wal");
    assert_eq!(setting(&database, "synchronous"), "2");
    assert_eq!(setting(&database, "foreign_keys"), "1");
    assert_eq!(setting(&database, "temp_store"), "2");
    assert_eq!(setting(&database, "secure_delete"), "1");
    assert!(
        pragma("cipher_version").starts_with("Text(\"4."),
        "{}",
        pragma("cipher_version")
    );
}

#[test]
fn neither_the_database_nor_the_log_beside_it_holds_plaintext() {
    let fixture = Fixture::with_notes();
    let mut database = fixture.open(&key(1)).unwrap();
    add_notes(&mut database, 100);
    let check = |expected_files: &[&str]| {
        let mut names = Vec::new();
        for entry in fs::read_dir(fixture.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            for secret in [
                MARKER.as_bytes(),
                b"plaintext",
                b"CREATE TABLE",
                b"SQLite format 3",
                &[1; 32],
            ] {
                assert!(
                    !bytes.windows(secret.len()).any(|window| window == secret),
                    "{}",
                    path.display()
                );
            }
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
        names.sort();
        assert_eq!(names, expected_files);
    };
    check(&["profile.db", "profile.db-wal"]);
    database.close().unwrap();
    check(&["profile.db"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::with_notes();
    let mut database = fixture.open(&key(1)).unwrap();
    add_notes(&mut database, 1);
    for entry in fs::read_dir(fixture.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.file_name()
        );
    }
}

#[test]
fn a_wrong_key_is_refused_and_changes_nothing() {
    let fixture = Fixture::with_notes();
    let before = fs::read(fixture.path()).unwrap();
    assert!(matches!(
        fixture.open(&key(2)),
        Err(DatabaseError::WrongKeyOrCorrupt)
    ));
    assert_eq!(fs::read(fixture.path()).unwrap(), before);
    assert!(fixture.open(&key(1)).is_ok());
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let fixture = Fixture::with_notes();
    let whole = fs::read(fixture.path()).unwrap();
    assert!(whole.len() > 3 * 4096);
    for len in [
        0,
        1,
        15,
        100,
        4095,
        4096,
        4097,
        8192,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        fs::write(fixture.path(), &whole[..len]).unwrap();
        let read = fixture.open(&key(1)).and_then(|database| {
            database.check_integrity()?;
            count_notes(&database)
        });
        assert!(
            matches!(
                read,
                Err(DatabaseError::WrongKeyOrCorrupt | DatabaseError::Corrupt(_))
            ),
            "cut to {len}: {read:?}"
        );
    }
}

#[test]
fn a_flipped_bit_in_any_page_is_found() {
    let fixture = Fixture::with_notes();
    let whole = fs::read(fixture.path()).unwrap();
    for page in 0..whole.len() / 4096 {
        for offset in [20, 2000, 4090] {
            let mut changed = whole.clone();
            changed[page * 4096 + offset] ^= 1;
            fs::write(fixture.path(), &changed).unwrap();
            let read = fixture.open(&key(1)).and_then(|database| {
                let read = count_notes(&database);
                assert!(database.check_integrity().is_err(), "page {page} offset {offset}");
                read
            });
            assert!(
                matches!(read, Err(DatabaseError::WrongKeyOrCorrupt)),
                "page {page} offset {offset}: {read:?}"
            );
        }
    }
    fs::write(fixture.path(), &whole).unwrap();
    assert!(fixture.open(&key(1)).unwrap().check_integrity().is_ok());
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let fixture = Fixture::new();
    for text in ["not a database", &"x".repeat(10_000)] {
        fs::write(fixture.path(), text).unwrap();
        assert!(matches!(
            fixture.open(&key(1)),
            Err(DatabaseError::WrongKeyOrCorrupt)
        ));
        assert_eq!(fs::read_to_string(fixture.path()).unwrap(), text);
    }
}

#[test]
fn an_unencrypted_database_is_refused() {
    let fixture = Fixture::new();
    let plain = Connection::open(fixture.path()).unwrap();
    plain
        .execute_batch("CREATE TABLE notes (text TEXT); PRAGMA user_version = 1;")
        .unwrap();
    drop(plain);
    assert!(matches!(
        fixture.open(&key(1)),
        Err(DatabaseError::WrongKeyOrCorrupt)
    ));
}

#[test]
fn nothing_is_made_by_opening_and_nothing_overwritten_by_making() {
    let fixture = Fixture::new();
    assert!(matches!(fixture.open(&key(1)), Err(DatabaseError::Missing)));
    assert!(!fixture.path().exists());

    let fixture = Fixture::with_notes();
    let before = fs::read(fixture.path()).unwrap();
    assert!(matches!(
        Database::create(&fixture.path(), &key(1)),
        Err(DatabaseError::Exists)
    ));
    assert_eq!(fs::read(fixture.path()).unwrap(), before);
}

#[test]
fn one_engine_at_a_time_has_the_database() {
    let fixture = Fixture::with_notes();
    let first = fixture.open(&key(1)).unwrap();
    assert!(matches!(fixture.open(&key(1)), Err(DatabaseError::InUse)));
    drop(first);
    assert!(fixture.open(&key(1)).is_ok());
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let fixture = Fixture::new();
    drop(Database::create_with(&fixture.path(), &key(1), &[FIRST, SECOND]).unwrap());
    let before = fs::read(fixture.path()).unwrap();
    assert!(matches!(
        fixture.open(&key(1)),
        Err(DatabaseError::NewerVersion { found, known }) if found == known + 1
    ));
    assert_eq!(fs::read(fixture.path()).unwrap(), before);
}

#[test]
fn a_database_of_a_development_version_is_left_alone() {
    let fixture = Fixture::with_notes();
    let database = fixture.open(&key(1)).unwrap();
    let version = FIRST_VERSION - 1;
    database
        .connection()
        .pragma_update(None, "user_version", version)
        .unwrap();
    database.close().unwrap();
    let before = fs::read(fixture.path()).unwrap();
    assert!(matches!(
        fixture.open(&key(1)),
        Err(DatabaseError::DevelopmentVersion)
    ));
    assert_eq!(fs::read(fixture.path()).unwrap(), before);
}

#[test]
fn an_older_database_is_brought_up_to_date_with_its_contents() {
    let fixture = Fixture::with_notes();
    let database = Database::open_with(&fixture.path(), &key(1), &[FIRST, SECOND]).unwrap();
    assert_eq!(
        migrations::user_version(&database.connection).unwrap(),
        FIRST_VERSION + 1
    );
    let sql = "SELECT COUNT(*) FROM notes WHERE pinned = 0";
    assert_eq!(
        database
            .connection()
            .query_row(sql, [], |row| row.get::<_, u32>(0))
            .unwrap(),
        300
    );
}

#[test]
fn a_migration_that_fails_leaves_the_version_before_it() {
    let fixture = Fixture::with_notes();
    assert!(Database::open_with(&fixture.path(), &key(1), &[FIRST, BROKEN]).is_err());
    let database = fixture.open(&key(1)).unwrap();
    assert_eq!(count_notes(&database).unwrap(), 300);
    let sql = "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'half'";
    assert_eq!(
        database
            .connection()
            .query_row(sql, [], |row| row.get::<_, u32>(0))
            .unwrap(),
        0
    );
}

#[test]
fn the_schema_of_this_version_can_be_made_and_opened() {
    let fixture = Fixture::new();
    drop(Database::create(&fixture.path(), &key(1)).unwrap());
    let database = Database::open(&fixture.path(), &key(1)).unwrap();
    database.check_integrity().unwrap();
    assert_eq!(
        migrations::user_version(&database.connection).unwrap(),
        migrations::newest_version(MIGRATIONS)
    );
}

#[test]
fn a_transaction_that_fails_or_panics_leaves_nothing() {
    let fixture = Fixture::with_notes();
    let mut database = fixture.open(&key(1)).unwrap();
    let delete = |connection: &Connection| {
        connection
            .execute("DELETE FROM notes", [])
            .map_err(DatabaseError::from)
    };

    let failed: Result<(), DatabaseError> = database.transaction(|connection| {
        delete(connection)?;
        Err(DatabaseError::Full)
    });
    assert!(matches!(failed, Err(DatabaseError::Full)));
    assert_eq!(count_notes(&database).unwrap(), 300);

    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        database.transaction::<(), DatabaseError>(|connection| {
            delete(connection)?;
            panic!("in the middle of a step");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(count_notes(&database).unwrap(), 300);
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let fixture = Fixture::with_notes();
    let mut database = fixture.open(&key(1)).unwrap();
    let pages: u32 = database
        .connection()
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    let limit = |database: &Database, pages: u32| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        database
            .connection()
            .query_row(&sql, [], |row| row.get::<_, u32>(0))
            .unwrap();
    };
    limit(&database, pages + 1);
    let full: Result<(), DatabaseError> = database.transaction(|connection| {
        connection.execute("INSERT INTO notes (text) VALUES (?1)", ["x".repeat(100_000)])?;
        Ok(())
    });
    assert!(matches!(full, Err(DatabaseError::Full)), "{full:?}");
    assert_eq!(count_notes(&database).unwrap(), 300);
    limit(&database, pages + 1000);
    add_notes(&mut database, 1);
    assert_eq!(count_notes(&database).unwrap(), 301);
}

#[test]
fn a_crash_after_a_commit_keeps_it() {
    let fixture = Fixture::with_notes();
    let mut database = fixture.open(&key(1)).unwrap();
    add_notes(&mut database, 7);
    // What a crash leaves: the files as they are, never closed.
    let crashed = Fixture::new();
    for name in ["profile.db", "profile.db-wal"] {
        fs::copy(fixture.folder.path().join(name), crashed.folder.path().join(name)).unwrap();
    }
    assert_eq!(count_notes(&crashed.open(&key(1)).unwrap()).unwrap(), 307);
}

#[test]
fn the_log_is_empty_after_it_was_truncated_and_after_a_crash() {
    let fixture = Fixture::with_notes();
    let log_len = |fixture: &Fixture| {
        let log = fs::metadata(fixture.folder.path().join("profile.db-wal"));
        log.map_or(0, |log| log.len())
    };
    let mut database = fixture.open(&key(1)).unwrap();
    assert!(!database.is_log_due());
    add_notes(&mut database, 7);
    assert!(database.is_log_due() && log_len(&fixture) > 0);
    database.truncate_log().unwrap();
    assert!(!database.is_log_due());
    assert_eq!(log_len(&fixture), 0);
    assert_eq!(count_notes(&database).unwrap(), 307);

    add_notes(&mut database, 7);
    let crashed = Fixture::new();
    for name in ["profile.db", "profile.db-wal"] {
        fs::copy(fixture.folder.path().join(name), crashed.folder.path().join(name)).unwrap();
    }
    let database = crashed.open(&key(1)).unwrap();
    assert_eq!(log_len(&crashed), 0);
    assert_eq!(count_notes(&database).unwrap(), 314);
    assert!(!Database::in_memory().unwrap().is_log_due(), "it has none");
}

#[test]
fn a_log_that_was_cut_or_changed_gives_only_whole_transactions() {
    let fixture = Fixture::with_notes();
    let mut database = fixture.open(&key(1)).unwrap();
    for _ in 0..5 {
        add_notes(&mut database, 10);
    }
    let main = fs::read(fixture.path()).unwrap();
    let log = fs::read(fixture.folder.path().join("profile.db-wal")).unwrap();
    for len in (0..log.len()).step_by(1500) {
        let crashed = Fixture::new();
        fs::write(crashed.path(), &main).unwrap();
        fs::write(crashed.folder.path().join("profile.db-wal"), &log[..len]).unwrap();
        let notes = count_notes(&crashed.open(&key(1)).unwrap()).unwrap();
        assert!(
            notes >= 300 && notes.is_multiple_of(10),
            "cut to {len}: {notes} notes"
        );
    }
}

// What a file lacks reads as empty pages: messages that lay there were gone, and nobody was told.
#[test]
fn a_file_that_is_cut_off_does_not_open() {
    const PAGE: usize = 4096;
    let fixture = Fixture::with_notes();
    let mut database = fixture.open(&key(1)).unwrap();
    add_notes(&mut database, 2_000);
    database.truncate_log().unwrap();
    let whole = fs::read(fixture.path()).unwrap();
    add_notes(&mut database, 10);
    let log = fs::read(fixture.folder.path().join("profile.db-wal")).unwrap();
    assert!(!log.is_empty() && whole.len() > 20 * PAGE);
    for log in [&log[..], &[]] {
        for len in [
            whole.len() / 2,
            whole.len() / 2 / PAGE * PAGE,
            whole.len() - 4 * PAGE,
            3 * PAGE,
        ] {
            let cut = Fixture::new();
            fs::write(cut.path(), &whole[..len]).unwrap();
            fs::write(cut.folder.path().join("profile.db-wal"), log).unwrap();
            for attempt in [1, 2] {
                let opened = cut.open(&key(1));
                assert!(
                    opened.is_err(),
                    "cut to {len}, with {} bytes of log, attempt {attempt}",
                    log.len()
                );
            }
        }
    }
}

#[test]
fn mls_state_belongs_to_the_transaction_of_the_step() {
    let mut database = Database::in_memory().unwrap();
    database
        .transaction(|connection| {
            let table = KvTable::new(connection);
            table.put(b"k", b"one").unwrap();
            table.put(b"k", b"two").unwrap();
            table.put(b"", b"").unwrap();
            table.put(b"gone", b"x").unwrap();
            table.delete(b"gone").unwrap();
            table.delete(b"never there").unwrap();
            Ok::<_, DatabaseError>(())
        })
        .unwrap();
    let rolled_back: Result<(), DatabaseError> = database.transaction(|connection| {
        KvTable::new(connection).put(b"k", b"three").unwrap();
        KvTable::new(connection).delete(b"").unwrap();
        Err(DatabaseError::Full)
    });
    assert!(rolled_back.is_err());
    let table = KvTable::new(database.connection());
    assert_eq!(table.get(b"k").unwrap().as_deref(), Some(b"two".as_slice()));
    assert_eq!(table.get(b"").unwrap().as_deref(), Some(b"".as_slice()));
    assert_eq!(table.get(b"gone").unwrap(), None);
}

#[test]
fn a_buffered_row_is_read_before_it_is_stored_and_stored_once() {
    let mut database = Database::in_memory().unwrap();
    database
        .transaction(|connection| {
            let (table, stored) = (BufferedTable::new(connection), KvTable::new(connection));
            stored.put(b"gone", b"x").unwrap();
            table.put(b"k", b"one").unwrap();
            table.put(b"k", b"two").unwrap();
            table.delete(b"gone").unwrap();
            assert_eq!(table.get(b"k").unwrap().as_deref(), Some(b"two".as_slice()));
            assert_eq!(table.get(b"gone").unwrap(), None);
            assert_eq!(stored.get(b"k").unwrap(), None);
            table.flush().unwrap();
            assert_eq!(stored.get(b"k").unwrap().as_deref(), Some(b"two".as_slice()));
            assert_eq!(stored.get(b"gone").unwrap(), None);
            table.put(b"k", b"three").unwrap();
            table.discard();
            assert_eq!(table.get(b"k").unwrap().as_deref(), Some(b"two".as_slice()));
            Ok::<_, DatabaseError>(())
        })
        .unwrap();
}
