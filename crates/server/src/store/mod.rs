//! Storage: what the service keeps, behind traits that know nothing of SQL.
//!
//! A backend is SQLite now and PostgreSQL next; each passes the same conformance suite.

mod error;

pub mod accounts;
pub mod delivery;
pub mod links;
pub mod objects;
pub mod receipts;
pub mod records;

pub mod sqlite;

pub use accounts::AccountStore;
pub use delivery::DeliveryStore;
pub use error::StoreError;
pub use links::LinkStore;
pub use objects::ObjectStore;
pub use receipts::ReceiptStore;
pub use records::RecordStore;
pub use sqlite::SqliteStore;

/// The whole storage of a server.
pub trait Store: DeliveryStore + ReceiptStore + LinkStore + AccountStore + RecordStore + ObjectStore {}

impl<T: DeliveryStore + ReceiptStore + LinkStore + AccountStore + RecordStore + ObjectStore> Store for T {}

#[cfg(test)]
mod conformance;
