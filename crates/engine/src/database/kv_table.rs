//! MLS state in the database: rows of the table `mls_state`, in the transaction of the step.

use std::{cell::RefCell, collections::BTreeMap};

use rusqlite::{Connection, OptionalExtension as _, params};
use subrosa_mls::{KeyValue, KeyValueError};
use zeroize::Zeroizing;

use super::DatabaseError;

/// The table, accessed through one connection and its open transaction.
pub struct KvTable<'a> {
    connection: &'a Connection,
    failure: RefCell<Option<DatabaseError>>,
}

impl<'a> KvTable<'a> {
    /// Accesses the table through this connection.
    pub fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            failure: RefCell::new(None),
        }
    }

    /// Takes the last failure of the database, of which MLS passes on only the words.
    pub fn take_failure(&self) -> Option<DatabaseError> {
        self.failure.take()
    }

    fn failed(&self, error: rusqlite::Error) -> KeyValueError {
        let words = error.to_string();
        self.failure.replace(Some(error.into()));
        KeyValueError(words)
    }
}

impl KeyValue for KvTable<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.connection
            .prepare_cached("SELECT value FROM mls_state WHERE key = ?1")
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
            .map_err(|error| self.failed(error))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        self.connection
            .prepare_cached(
                "INSERT INTO mls_state (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut statement| statement.execute(params![key, value]))
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    fn delete(&self, key: &[u8]) -> Result<(), KeyValueError> {
        self.connection
            .prepare_cached("DELETE FROM mls_state WHERE key = ?1")
            .and_then(|mut statement| statement.execute([key]))
            .map(drop)
            .map_err(|error| self.failed(error))
    }
}

/// The table behind a buffer: a row that is written many times in a row is stored once.
///
/// The tree of a large group has megabytes, and each commit writes it. A device that catches up applies many of them in
/// one step.
pub struct BufferedTable<'a> {
    table: KvTable<'a>,
    /// What is written and not stored yet.
    written: RefCell<BTreeMap<Vec<u8>, Written>>,
}

/// A value, or that there is none any more.
type Written = Option<Zeroizing<Vec<u8>>>;

impl<'a> BufferedTable<'a> {
    /// Accesses the table through this connection.
    pub fn new(connection: &'a Connection) -> Self {
        Self {
            table: KvTable::new(connection),
            written: RefCell::default(),
        }
    }

    /// Stores what was written. Must come before the transaction ends, and before a savepoint begins or ends.
    pub fn flush(&self) -> Result<(), KeyValueError> {
        for (key, value) in self.written.take() {
            match value {
                Some(value) => self.table.put(&key, &value)?,
                None => self.table.delete(&key)?,
            }
        }
        Ok(())
    }

    /// Forgets what was written since the last [`flush`](Self::flush).
    pub fn discard(&self) {
        self.written.take();
    }

    /// Takes the last failure of the database, of which MLS passes on only the words.
    pub fn take_failure(&self) -> Option<DatabaseError> {
        self.table.take_failure()
    }
}

impl KeyValue for BufferedTable<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        match self.written.borrow().get(key) {
            Some(value) => Ok(value.as_ref().map(|value| value.to_vec())),
            None => self.table.get(key),
        }
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        let value = Some(Zeroizing::new(value.to_vec()));
        self.written.borrow_mut().insert(key.to_vec(), value);
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), KeyValueError> {
        self.written.borrow_mut().insert(key.to_vec(), None);
        Ok(())
    }
}
