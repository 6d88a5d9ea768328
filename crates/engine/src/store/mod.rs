//! All SQL of the engine. Each function works inside the transaction of the step that calls it.

pub(crate) mod contacts;
pub(crate) mod conversations;
pub(crate) mod former_states;
pub(crate) mod gone_messages;
pub(crate) mod group_pictures;
pub(crate) mod handshakes;
pub(crate) mod held_entries;
pub(crate) mod joins;
pub(crate) mod key_packages;
pub(crate) mod links;
pub(crate) mod log_chain;
pub(crate) mod members;
pub(crate) mod messages;
pub(crate) mod notices;
pub(crate) mod outbox;
pub(crate) mod own_devices;
pub(crate) mod profile;
pub(crate) mod profile_objects;
pub(crate) mod raw_entries;
pub(crate) mod receipts;
pub(crate) mod records;
pub(crate) mod seen_devices;
pub(crate) mod wishes;

use rusqlite::{Row, Rows};
use subrosa_mls::LogHash;
use subrosa_wire::ids::ID_LEN;

use crate::{content::Lifetime, database::DatabaseError};

/// A column has a value that this build never writes.
pub(crate) fn corrupt(what: &str) -> DatabaseError {
    DatabaseError::Corrupt(what.to_owned())
}

/// Reads what can be read. A row that this build never writes is left out, so that it does not keep the others from the
/// user.
pub(crate) fn readable<T>(
    mut rows: Rows<'_>,
    read: impl Fn(&Row<'_>) -> Result<T, DatabaseError>,
) -> Result<Vec<T>, DatabaseError> {
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(value) => values.push(value),
            Err(DatabaseError::Corrupt(what)) => {
                tracing::error!(what, "a row cannot be read and is left out");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(values)
}

/// A row if it can be read. One that this build never writes counts as none, so that everything else goes on.
pub(crate) fn if_readable<T>(row: Result<Option<T>, DatabaseError>) -> Result<Option<T>, DatabaseError> {
    match row {
        Err(DatabaseError::Corrupt(what)) => {
            tracing::error!(what, "a row cannot be read and is passed over");
            Ok(None)
        }
        row => row,
    }
}

/// The 16 bytes of an id column.
pub(crate) fn id_bytes(bytes: &[u8]) -> Result<[u8; ID_LEN], DatabaseError> {
    bytes.try_into().map_err(|_| corrupt("an id column"))
}

/// A hash of the log chain.
pub(crate) fn log_hash(bytes: Option<Vec<u8>>) -> Result<Option<LogHash>, DatabaseError> {
    bytes
        .map(|bytes| LogHash::try_from(&bytes[..]).map_err(|_| corrupt("a hash of the log chain")))
        .transpose()
}

/// For how long a message is kept, in seconds.
pub(crate) fn lifetime(seconds: Option<i64>) -> Result<Option<Lifetime>, DatabaseError> {
    Ok(seconds.map(from_sql).transpose()?.map(Lifetime::nearest))
}

/// A sequence number or an instant as SQLite stores it. Both stay below 2^62 for any clock and any log.
pub(crate) fn to_sql(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The reverse of [`to_sql`].
pub(crate) fn from_sql(value: i64) -> Result<u64, DatabaseError> {
    u64::try_from(value).map_err(|_| corrupt("a negative number"))
}
