//! MLS state in the database: rows of the table `mls_state`, in the transaction of the step.

use rusqlite::{Connection, OptionalExtension as _, params};
use subrosa_mls::{KeyValue, KeyValueError};

/// The table, accessed through one connection and its open transaction.
pub struct KvTable<'a>(&'a Connection);

impl<'a> KvTable<'a> {
    /// Accesses the table through this connection.
    pub fn new(connection: &'a Connection) -> Self {
        Self(connection)
    }
}

impl KeyValue for KvTable<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.0
            .prepare_cached("SELECT value FROM mls_state WHERE key = ?1")
            .and_then(|mut statement| statement.query_row([key], |row| row.get(0)).optional())
            .map_err(failed)
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        self.0
            .prepare_cached(
                "INSERT INTO mls_state (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut statement| statement.execute(params![key, value]))
            .map(drop)
            .map_err(failed)
    }

    fn delete(&self, key: &[u8]) -> Result<(), KeyValueError> {
        self.0
            .prepare_cached("DELETE FROM mls_state WHERE key = ?1")
            .and_then(|mut statement| statement.execute([key]))
            .map(drop)
            .map_err(failed)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn failed(error: rusqlite::Error) -> KeyValueError {
    KeyValueError(error.to_string())
}
