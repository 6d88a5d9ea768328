//! The versions of the schema, each a numbered file. A released file never changes.
//!
//! Versions below [`FIRST_VERSION`] existed during development only and cannot be migrated.

use rusqlite::{Connection, TransactionBehavior};

use super::DatabaseError;

/// One step from a version to the next.
pub(super) struct Migration {
    /// SQL that runs in one transaction.
    pub sql: &'static str,
}

/// The version that the first migration makes from an empty file.
pub(super) const FIRST_VERSION: u32 = 3;

/// In order: each makes the next version.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("../../migrations/0003_engine.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0004_log_chain.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0005_people.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0006_keys.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0007_quarantine.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0008_processed.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0009_returns.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0010_entry_tags.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0011_records.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0012_receipts.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0013_presence.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0014_profile_objects.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0015_groups.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0016_group_profiles.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0017_nicknames.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0018_requests.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0019_links.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0020_join_requests.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0021_expiry.sql"),
    },
];

/// The version of the schema in the file; 0 for an empty file.
pub(super) fn user_version(connection: &Connection) -> Result<u32, DatabaseError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Refuses a file that this build cannot migrate.
pub(super) fn check_version(connection: &Connection, migrations: &[Migration]) -> Result<(), DatabaseError> {
    let found = user_version(connection)?;
    let known = newest_version(migrations);
    if found > known {
        Err(DatabaseError::NewerVersion { found, known })
    } else if (1..FIRST_VERSION).contains(&found) {
        Err(DatabaseError::DevelopmentVersion)
    } else {
        Ok(())
    }
}

/// Migrates the schema to the newest version. A migration is applied as a whole or not at all.
pub(super) fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), DatabaseError> {
    check_version(connection, migrations)?;
    let current = user_version(connection)?;
    for (version, migration) in (FIRST_VERSION..).zip(migrations) {
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

/// The version that the last migration makes.
pub(super) fn newest_version(migrations: &[Migration]) -> u32 {
    (FIRST_VERSION..)
        .zip(migrations)
        .last()
        .map_or(0, |(version, _)| version)
}
