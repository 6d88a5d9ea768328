//! The client's database: one encrypted SQLite file (SQLCipher), opened by one engine at a time.
//!
//! It refuses to work without a cipher, with the wrong key, or on a file written by a newer or a development version.
//! In each of these cases the file stays unchanged.

mod error;
mod key;
mod kv_table;
mod migrations;
mod platform;

use std::{fmt, path::Path, sync::Once};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, config::DbConfig};

pub use error::DatabaseError;
pub use key::DatabaseKey;
pub use kv_table::{BufferedTable, KvTable};

use migrations::{MIGRATIONS, Migration};

/// Compiled statements to keep.
const STATEMENTS_MAX: usize = 128;

/// An open database.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    gate: Option<Gate>,
    /// Whether changes go to a write-ahead log first.
    has_log: bool,
    /// How many rows the connection had changed when the log was truncated last.
    changes_at_truncation: Option<u64>,
}

/// Decides before each commit whether it takes place.
struct Gate(Box<dyn FnMut() -> bool + Send>);

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl Database {
    /// Creates a database where there is none.
    pub fn create(path: &Path, key: &DatabaseKey) -> Result<Self, DatabaseError> {
        Self::create_with(path, key, MIGRATIONS)
    }

    /// Opens an existing database.
    pub fn open(path: &Path, key: &DatabaseKey) -> Result<Self, DatabaseError> {
        Self::open_with(path, key, MIGRATIONS)
    }

    /// Creates a database in memory, which is gone when dropped. It is not encrypted.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        initialise();
        Self::new(Connection::open_in_memory()?).ready(MIGRATIONS)
    }

    const fn new(connection: Connection) -> Self {
        Self {
            connection,
            gate: None,
            has_log: false,
            changes_at_truncation: None,
        }
    }

    /// Configures the connection and brings the schema up to date.
    fn ready(mut self, migrations: &[Migration]) -> Result<Self, DatabaseError> {
        self.has_log = configure(&self.connection)?;
        migrations::migrate(&mut self.connection, migrations)?;
        // After a crash, it holds what was written before that. If there is no space for it now, there is later.
        let _ = self.truncate_log();
        Ok(self)
    }

    /// Calls `may_commit` before each commit. If it returns `false`, the transaction is rolled back, as after a crash
    /// at this point. Tests use it to crash between any two steps.
    pub fn gate_commits(&mut self, may_commit: impl FnMut() -> bool + Send + 'static) {
        self.gate = Some(Gate(Box::new(may_commit)));
    }

    fn create_with(path: &Path, key: &DatabaseKey, migrations: &[Migration]) -> Result<Self, DatabaseError> {
        initialise();
        let database = Self::new(unlock(platform::create(path)?, key)?);
        if migrations::user_version(&database.connection)? != 0 {
            return Err(DatabaseError::Exists);
        }
        database.ready(migrations)
    }

    fn open_with(path: &Path, key: &DatabaseKey, migrations: &[Migration]) -> Result<Self, DatabaseError> {
        initialise();
        let database = Self::new(unlock(platform::open(path)?, key)?);
        // A file truncated to nothing is a database without tables, but not the one that was here.
        if migrations::user_version(&database.connection)? == 0 {
            return Err(DatabaseError::WrongKeyOrCorrupt);
        }
        migrations::check_version(&database.connection, migrations)?;
        database.check_whole()?;
        database.ready(migrations)
    }

    /// Checks that the file was not cut off: what it lacks would read as if it were empty. SQLite compares its size with
    /// what it should be, but not if there is a write-ahead log: that may hold what the file does not.
    fn check_whole(&self) -> Result<(), DatabaseError> {
        // Or the log would be gone at the next attempt, and with it what shows that something is missing.
        let keeps_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        self.connection.set_db_config(keeps_log, true)?;
        let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
        let pages_in_log = self
            .connection
            .query_row(checkpoint, [], |row| row.get::<_, i64>(1));
        if !matches!(pages_in_log, Ok(..=0)) {
            self.check("PRAGMA quick_check(1)")?;
        }
        self.connection.set_db_config(keeps_log, false)?;
        Ok(())
    }

    fn check(&self, pragma: &str) -> Result<(), DatabaseError> {
        let mut statement = self.connection.prepare(pragma)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let finding: String = row.get(0)?;
            if finding != "ok" {
                return Err(DatabaseError::Corrupt(finding));
            }
        }
        Ok(())
    }

    /// Runs `work` in one transaction: committed if it succeeds, rolled back if it fails or panics.
    pub fn transaction<T, E: From<DatabaseError>>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(DatabaseError::from)?;
        let done = work(&transaction)?;
        if self.gate.as_mut().is_some_and(|gate| !(gate.0)()) {
            return Err(DatabaseError::CommitStopped.into());
        }
        transaction.commit().map_err(DatabaseError::from)?;
        Ok(done)
    }

    /// The connection, for reading. A write through it is a transaction of its own.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether the write-ahead log has to be truncated before what was deleted is gone from the files.
    pub fn is_log_due(&self) -> bool {
        self.has_log && self.changes_at_truncation != Some(self.connection.total_changes())
    }

    /// Writes the write-ahead log back into the database and empties it. The log holds pages as they were, and the
    /// database those from before the log: until then, what was deleted is still in both.
    pub fn truncate_log(&mut self) -> Result<(), DatabaseError> {
        let is_busy: bool = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy {
            return Err(DatabaseError::InUse);
        }
        self.changes_at_truncation = Some(self.connection.total_changes());
        Ok(())
    }

    /// Reads and authenticates every page, for a user who suspects the disk. Takes longer the larger the database is.
    pub fn check_integrity(&self) -> Result<(), DatabaseError> {
        self.check("PRAGMA cipher_integrity_check")?;
        self.check("PRAGMA integrity_check")
    }

    /// Writes the write-ahead log back into the database and closes it.
    pub fn close(self) -> Result<(), DatabaseError> {
        self.connection.close().map_err(|(_, error)| error.into())
    }
}

/// Sets the savepoint within a transaction. There is one at a time.
pub(crate) fn savepoint(connection: &Connection) -> Result<(), DatabaseError> {
    connection.prepare_cached("SAVEPOINT work")?.execute([])?;
    Ok(())
}

/// Keeps what was done since the savepoint.
pub(crate) fn release(connection: &Connection) -> Result<(), DatabaseError> {
    connection.prepare_cached("RELEASE work")?.execute([])?;
    Ok(())
}

/// Takes back what was done since the savepoint.
pub(crate) fn roll_back_to_savepoint(connection: &Connection) -> Result<(), DatabaseError> {
    connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
    release(connection)
}

/// SQLite reports that it is initialised before SQLCipher has registered, which happens outside its lock. So of two
/// threads that open their first database at the same time, one would find a SQLite without a cipher.
fn initialise() {
    static INITIALISED: Once = Once::new();
    // If SQLite does not work, opening the next connection reports the error.
    INITIALISED.call_once(|| drop(Connection::open_in_memory()));
}

/// Sets the key of a new connection and checks that it is the right one.
fn unlock(connection: Connection, key: &DatabaseKey) -> Result<Connection, DatabaseError> {
    // A SQLite without a cipher silently accepts the key and writes plaintext.
    let cipher: Option<String> = connection
        .query_row("PRAGMA cipher_version", [], |row| row.get(0))
        .optional()?;
    if cipher.is_none_or(|version| version.is_empty()) {
        return Err(DatabaseError::NoCipher);
    }
    // SQLCipher would log to standard error, in the middle of a terminal app. The errors say enough.
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    key.give_to(&connection)?;
    // One engine owns the file: another process gets a clear error instead of a torn group state, and the index of
    // the write-ahead log stays in memory. Must come before the first access.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(connection)
}

/// Returns whether there is a write-ahead log: a database in memory has none.
fn configure(connection: &Connection) -> Result<bool, DatabaseError> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    // A commit is on disk when it returns.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // No contents go to temporary files, and what is deleted is overwritten.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(journal == "wal")
}

#[cfg(test)]
mod tests;
