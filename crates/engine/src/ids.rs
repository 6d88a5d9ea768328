//! Ids of conversations and messages on this device. They never change and are never used again.
//!
//! The ids on the wire can change while a conversation is being created: if the other person's creation wins,
//! what was written here goes on under theirs. So hosts refer to conversations and messages by these ids.

use std::fmt;

/// Names a conversation on this device, for as long as the profile exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatId(i64);

/// Names a message on this device, for as long as the profile exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalMessageId(i64);

/// Names a row of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OutboxId(i64);

macro_rules! public_number {
    ($($id:ident)*) => {$(
        impl $id {
            /// Creates the id with this number.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number of the id.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

macro_rules! column {
    ($($id:ident)*) => {$(
        impl rusqlite::ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl rusqlite::types::FromSql for $id {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }
    )*};
}

public_number! { ChatId LocalMessageId }
column! { ChatId LocalMessageId OutboxId }
