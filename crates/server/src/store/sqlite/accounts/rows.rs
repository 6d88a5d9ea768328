//! How columns become values: whatever this build would not write itself is refused, not repaired.

use rusqlite::{
    Row,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};
use subrosa_mls::{AccountPublicKey, DevicePublicKey};
use subrosa_wire::{AccountId, DeviceId, Handle, IncarnationId, Timestamp};

use crate::store::{StoreError, accounts::TokenHash};

/// A column type of our own.
pub(super) struct Column<T>(pub(super) T);

macro_rules! column {
    ($type:ty, $value:ident => $read:expr) => {
        impl FromSql for Column<$type> {
            fn column_result($value: ValueRef<'_>) -> FromSqlResult<Self> {
                $read.map(Column)
            }
        }
    };
}

column!(AccountId, value => AccountId::try_from(value.as_blob()?).map_err(FromSqlError::other));
column!(DeviceId, value => DeviceId::try_from(value.as_blob()?).map_err(FromSqlError::other));
column!(IncarnationId, value => IncarnationId::try_from(value.as_blob()?).map_err(FromSqlError::other));
column!(Handle, value => value.as_str()?.parse().map_err(FromSqlError::other));
column!(AccountPublicKey, value => AccountPublicKey::try_from(value.as_blob()?).map_err(FromSqlError::other));
column!(DevicePublicKey, value => DevicePublicKey::try_from(value.as_blob()?).map_err(FromSqlError::other));
column!(TokenHash, value => <[u8; 32]>::try_from(value.as_blob()?).map(TokenHash).map_err(FromSqlError::other));
column!(Timestamp, value => u64::try_from(value.as_i64()?)
    .map(Timestamp::from_millis)
    .map_err(|_| FromSqlError::OutOfRange(value.as_i64().unwrap_or_default())));

/// The value of a column of our own types.
pub(super) fn column<T>(row: &Row<'_>, name: &str) -> rusqlite::Result<T>
where
    Column<T>: FromSql,
{
    row.get::<_, Column<T>>(name).map(|column| column.0)
}

/// The value of a nullable column of our own types.
pub(super) fn optional_column<T>(row: &Row<'_>, name: &str) -> rusqlite::Result<Option<T>>
where
    Column<T>: FromSql,
{
    Ok(row.get::<_, Option<Column<T>>>(name)?.map(|column| column.0))
}

/// A count that only grows, as SQLite holds it.
pub(super) fn revision_column(row: &Row<'_>, name: &str) -> rusqlite::Result<u64> {
    let stored: i64 = row.get(name)?;
    u64::try_from(stored).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, stored))
}

/// An unsigned number as SQLite holds it.
pub(super) fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Failed(format!("{number} is too large to be stored")))
}

/// An instant as SQLite holds it.
pub(super) fn instant(instant: Timestamp) -> Result<i64, StoreError> {
    integer(instant.as_millis())
}
