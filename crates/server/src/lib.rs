//! The service: accounts, directory, delivery; blind to what it carries.

pub mod clock;
pub mod limits;
pub mod session;
pub mod store;
