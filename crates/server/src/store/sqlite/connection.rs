//! How connections are opened: the pragmas, each with its reason.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{limits, store::StoreError};

/// Opens the connection that writes, creating the file. The write-ahead log is not on yet, so that a
/// database that turns out to be of a newer version is left as it is.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    configure(&connection, limits::WRITER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a connection that reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_existing(path)?;
    configure(&connection, limits::READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens the connection that copies the write-ahead log back.
pub(super) fn open_checkpointer(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_existing(path)?;
    configure(&connection, limits::READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a database that nobody else uses, such as a copy.
pub(super) fn open_copy(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_existing(path)?;
    configure(&connection, limits::WRITER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a file that is written once: whoever writes it syncs it, and deletes it if that fails.
pub(super) fn open_scratch(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_writer(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "off")?;
    Ok(connection)
}

/// Folds the write-ahead log into the database, which becomes a single file that can be read anywhere.
pub(super) fn disable_wal(connection: &Connection) -> Result<(), StoreError> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
    if mode == "delete" {
        Ok(())
    } else {
        Err(StoreError::Failed(format!(
            "the copy stays in the journal mode {mode}"
        )))
    }
}

/// Turns the write-ahead log on, and with it what makes a commit durable.
pub(super) fn enable_wal(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Failed(format!(
            "the write-ahead log cannot be used here, only {mode}"
        )));
    }
    // Every commit is synced: acknowledged means durable.
    connection.pragma_update(None, "synchronous", "full")?;
    // A checkpoint belongs to its own thread, not to the commit that happens to cross a line.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(())
}

fn open_existing(path: &Path) -> Result<Connection, StoreError> {
    Ok(Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?)
}

fn configure(connection: &Connection, cache_kib: i64) -> Result<(), StoreError> {
    connection.busy_timeout(limits::BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(limits::STATEMENTS_CACHED_MAX);
    connection.pragma_update(None, "foreign_keys", true)?;
    // Negative means KiB, positive pages.
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // A schema that was tampered with must not run functions of its own.
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}
