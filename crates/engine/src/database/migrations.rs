//! The versions of the schema, each a numbered file. A released file never changes.

use rusqlite::{Connection, TransactionBehavior};

use super::DatabaseError;

/// One step from a version to the next.
pub(super) struct Migration {
    /// SQL that runs in one transaction.
    pub sql: &'static str,
}

/// In order: the first makes version 1 from an empty file.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("../../migrations/0001_engine.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0002_unread_by_position.sql"),
    },
];

/// The version of the schema in the file; 0 for an empty file.
pub(super) fn user_version(connection: &Connection) -> Result<u32, DatabaseError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Refuses a file of a newer version.
pub(super) fn check_not_newer(
    connection: &Connection,
    migrations: &[Migration],
) -> Result<(), DatabaseError> {
    let found = user_version(connection)?;
    let known = version_of(migrations.len());
    if found > known {
        Err(DatabaseError::NewerVersion { found, known })
    } else {
        Ok(())
    }
}

/// Brings the schema to the newest version. A migration is applied whole or not at all.
pub(super) fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), DatabaseError> {
    check_not_newer(connection, migrations)?;
    let current = user_version(connection)?;
    for (index, migration) in migrations.iter().enumerate() {
        let version = version_of(index + 1);
        if version <= current {
            continue;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration.sql)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Versions count from 1; there are never as many as a u32 can count.
fn version_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
