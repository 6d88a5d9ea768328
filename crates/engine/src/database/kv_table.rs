//! MLS state in the database: rows of the table `mls_state`, in the transaction of the step.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension as _, params};
use subrosa_mls::{KeyValue, KeyValueError};

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
