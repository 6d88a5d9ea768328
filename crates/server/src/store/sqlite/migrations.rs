//! The schema: numbered files, each applied once, in order, in its own transaction.
//!
//! Versions below the first one were made during development only, and nothing brings them up to date.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::store::StoreError;

/// A step of the schema.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $name, ".sql")),
        }
    };
}

/// Every step, ascending. A released one is never changed.
const MIGRATIONS: &[Migration] = &[
    migration!(11, "0011_delivery"),
    migration!(12, "0012_accounts"),
    migration!(13, "0013_handles"),
    migration!(16, "0016_log_chain"),
    migration!(17, "0017_incarnation"),
    migration!(18, "0018_refresh_counters"),
    migration!(19, "0019_log_hashes"),
    migration!(20, "0020_account_records"),
    migration!(21, "0021_receipts"),
    migration!(22, "0022_objects"),
    migration!(23, "0023_former_accounts"),
    migration!(24, "0024_leaving"),
    migration!(25, "0025_ratchet_trees"),
    migration!(26, "0026_view_changes"),
    migration!(27, "0027_invite_links"),
];

/// Brings the schema up to date; refuses a database that it cannot, before anything is changed.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    apply(connection, MIGRATIONS)
}

/// The version of the schema, 0 for an empty database; refuses one that [`run`] would refuse.
pub(super) fn check(connection: &Connection) -> Result<i64, StoreError> {
    known_version(connection, MIGRATIONS)
}

fn known_version(connection: &Connection, migrations: &[Migration]) -> Result<i64, StoreError> {
    let known = migrations.last().map_or(0, |migration| migration.version);
    let found = newest_applied(connection)?;
    if found > known {
        return Err(StoreError::NewerVersion { found, known });
    }
    let first = migrations.first().map_or(0, |migration| migration.version);
    if (1..first).contains(&found) {
        return Err(StoreError::DevelopmentVersion);
    }
    Ok(found)
}

fn apply(connection: &mut Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    known_version(connection, migrations)?;
    for migration in migrations {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_version (
                 version INTEGER PRIMARY KEY, -- immutable
                 name TEXT NOT NULL           -- immutable
             ) STRICT",
        )?;
        let applied: Option<i64> = transaction
            .query_row(
                "SELECT version FROM schema_version WHERE version = ?1",
                [migration.version],
                |row| row.get(0),
            )
            .optional()?;
        if applied.is_none() {
            transaction.execute_batch(migration.sql)?;
            transaction.execute(
                "INSERT INTO schema_version (version, name) VALUES (?1, ?2)",
                params![migration.version, migration.name],
            )?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// The newest version in the database, 0 for an empty one.
fn newest_applied(connection: &Connection) -> Result<i64, StoreError> {
    let has_table: bool = connection.query_row(
        "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'",
        [],
        |row| row.get(0),
    )?;
    if !has_table {
        return Ok(0);
    }
    Ok(connection.query_row(
        "SELECT coalesce(max(version), 0) FROM schema_version",
        [],
        |row| row.get(0),
    )?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    const FIRST: Migration = Migration {
        version: 1,
        name: "first",
        sql: "CREATE TABLE a (x INTEGER) STRICT",
    };
    const BROKEN: Migration = Migration {
        version: 2,
        name: "broken",
        sql: "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE a (x INTEGER)",
    };

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap();
        statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn versions_ascend_and_stand_in_the_file_names() {
        assert!(MIGRATIONS.is_sorted_by(|one, next| one.version < next.version));
        for migration in MIGRATIONS {
            assert!(
                migration.name.starts_with(&format!("{:04}_", migration.version)),
                "{}",
                migration.name
            );
        }
    }

    /// The handles of accounts in the order of their creation, and what the step about skeletons makes of them.
    #[test]
    fn accounts_keep_their_handles_and_the_earliest_of_those_that_look_alike_has_the_skeleton() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS
            .iter()
            .position(|migration| migration.version == 13)
            .unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        for (number, handle) in (0_u8..).zip(["bob", "al_i.ce1", "b0b", "allcel", "anna"]) {
            // Ids do not ascend with time.
            let id = [9 - number; 16];
            connection
                .execute(
                    "INSERT INTO accounts VALUES (?1, ?2, zeroblob(32), zeroblob(32), 1, x'', x'', zeroblob(32), x'',
                         x'', 1, x'', ?3)",
                    params![id, handle, number],
                )
                .unwrap();
        }
        apply(&mut connection, MIGRATIONS).unwrap();
        let mut statement = connection
            .prepare("SELECT handle, handle_skeleton FROM accounts ORDER BY created_at")
            .unwrap();
        let found: Vec<(String, Option<String>)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let expected = [
            ("bob", Some("bob")),
            ("al_i.ce1", Some("allcel")),
            ("b0b", None),
            ("allcel", None),
            ("anna", Some("anna")),
        ]
        .map(|(handle, skeleton)| (handle.to_owned(), skeleton.map(str::to_owned)));
        assert_eq!(found, expected);
        for (handle, skeleton) in found {
            let handle: subrosa_wire::Handle = handle.parse().unwrap();
            assert!(skeleton.is_none_or(|skeleton| skeleton == handle.skeleton()));
        }
    }

    /// A conversation with a member, as a server without receipts and objects has left it.
    #[test]
    fn a_conversation_from_before_receipts_has_none_and_can_have_some() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let before = MIGRATIONS
            .iter()
            .position(|migration| migration.version == 21)
            .unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (id, kind, head_seq, epoch, first_seq, created_at)
                     VALUES (zeroblob(16), 1, 1, 1, 1, 1);
                 INSERT INTO members VALUES (1, zeroblob(16), zeroblob(16), 0, 0, 1, 1, 0);",
            )
            .unwrap();
        apply(&mut connection, MIGRATIONS).unwrap();
        let newest: i64 = connection
            .query_row("SELECT receipts_change FROM conversations", [], |row| row.get(0))
            .unwrap();
        assert_eq!(newest, 0);
        connection
            .execute_batch(
                "INSERT INTO receipts VALUES (1, zeroblob(16), 1, 1, x'01');
                 INSERT INTO objects VALUES (zeroblob(16), zeroblob(16), 1, 1, x'01', 1, 1);",
            )
            .unwrap();
        connection.execute("DELETE FROM conversations", []).unwrap();
        let left: i64 = connection
            .query_row(
                "SELECT (SELECT count(*) FROM receipts) + (SELECT count(*) FROM objects)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(left, 0, "they go with the conversation");
    }

    /// A Welcome that waits for a device, as a server without a table of trees has left it.
    #[test]
    fn a_welcome_from_before_trees_were_apart_is_whole_and_has_its_tree() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS
            .iter()
            .position(|migration| migration.version == 25)
            .unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO welcomes (position, welcome, ratchet_tree) VALUES (7, x'01', x'02');
                 INSERT INTO inbox (device, position) VALUES (zeroblob(16), 7);",
            )
            .unwrap();
        apply(&mut connection, MIGRATIONS).unwrap();
        let is_kept: bool = connection
            .query_row(
                "SELECT secrets IS NULL AND welcome = x'01' AND hash IS NULL AND tree = x'02'
                 FROM inbox JOIN welcomes USING (position) JOIN ratchet_trees USING (position)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert!(is_kept);
    }

    #[test]
    fn the_view_of_a_group_from_before_it_was_apart_is_kept() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS
            .iter()
            .position(|migration| migration.version == 26)
            .unwrap();
        apply(&mut connection, &MIGRATIONS[..before]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (id, head_seq, epoch, first_seq, created_at)
                     VALUES (zeroblob(16), 1, 1, 1, 1);
                 INSERT INTO groups (conversation, epoch, public_view, group_info) VALUES (1, 1, x'01', x'02');",
            )
            .unwrap();
        apply(&mut connection, MIGRATIONS).unwrap();
        let found: (Vec<u8>, Vec<u8>) = connection
            .query_row(
                "SELECT public_view, group_info FROM groups JOIN group_views USING (conversation)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(found, (vec![1], vec![2]));
    }

    #[test]
    fn a_step_is_applied_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, &[FIRST]).unwrap();
        apply(&mut connection, &[FIRST]).unwrap();
        assert_eq!(tables(&connection), ["a", "schema_version"]);
    }

    #[test]
    fn a_step_that_fails_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(apply(&mut connection, &[FIRST, BROKEN]).is_err());
        assert_eq!(tables(&connection), ["a", "schema_version"]);
        assert_eq!(newest_applied(&connection), Ok(1));
    }

    #[test]
    fn a_database_of_a_development_version_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, &[FIRST]).unwrap();
        let before = tables(&connection);
        assert_eq!(
            apply(&mut connection, &[BROKEN]),
            Err(StoreError::DevelopmentVersion)
        );
        assert_eq!(tables(&connection), before);
    }

    #[test]
    fn a_newer_database_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, &[Migration { version: 7, ..FIRST }]).unwrap();
        let before = tables(&connection);
        assert_eq!(
            apply(&mut connection, &[BROKEN]),
            Err(StoreError::NewerVersion { found: 7, known: 2 })
        );
        assert_eq!(tables(&connection), before);
    }
}
