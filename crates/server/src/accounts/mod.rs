//! The directory service: who there is, how they sign in, which devices they have. It never sees a password, a
//! vault key or an account key, and tells strangers nothing of who exists beyond what sign-up must tell.
//!
//! One file per deed. A [`Session`](crate::session::Session) can be had only through
//! [`Accounts::authenticate`].

mod error;
mod service;
mod password;
mod guesses;
mod fields;
mod certificate;
mod registration;
mod sign_in;
mod recovery;
mod password_change;
mod devices;
mod refresh;
mod vault;
mod people;

pub use error::AccountError;
pub use guesses::GuessRates;
pub use refresh::RefreshRefused;
pub use service::{Accounts, AccountsConfig};
