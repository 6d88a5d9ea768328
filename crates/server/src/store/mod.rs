//! Storage: what the service keeps, behind traits that know nothing of SQL.
//!
//! A backend is SQLite now and PostgreSQL next; each passes the same conformance suite.

mod error;
pub mod sqlite;

pub use error::StoreError;
pub use sqlite::SqliteStore;
