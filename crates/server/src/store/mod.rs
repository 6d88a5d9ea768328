//! Storage: what the service keeps, behind traits that know nothing of SQL.
//!
//! A backend is SQLite now and PostgreSQL next; each passes the same conformance suite.

mod error;

pub mod accounts;
pub mod delivery;

pub mod sqlite;

pub use accounts::AccountStore;
pub use delivery::DeliveryStore;
pub use error::StoreError;
pub use sqlite::SqliteStore;

/// The whole storage of a server.
pub trait Store: DeliveryStore + AccountStore {}

impl<T: DeliveryStore + AccountStore> Store for T {}

#[cfg(test)]
mod conformance;
