//! The directory service: who there is, how they sign in, which devices they have. It never sees a password, a
//! vault key or an account key, and tells strangers nothing of who exists beyond what sign-up must tell.
//!
//! One file per operation. A [`Session`](crate::session::Session) can be had only through
//! [`Accounts::authenticate`].

mod attempt_limits;
mod certificate;
mod devices;
mod error;
mod fields;
mod password;
mod password_change;
mod people;
mod recovery;
mod refresh;
mod registration;
mod service;
mod sign_in;
mod vault;

pub use attempt_limits::AttemptRates;
pub use error::AccountError;
pub use refresh::RefreshRefused;
pub use service::{Accounts, AccountsConfig};
