//! The service: accounts, directory, delivery; blind to what it carries.

pub mod config;
pub mod lifecycle;

pub mod clock;
pub mod limits;
pub mod session;

pub mod store;

pub mod expiring;
mod random;
pub mod rate;
mod root_secret;

pub mod tokens;

pub mod accounts;

pub mod push;

pub mod delivery;

mod pages;
mod problem;

pub mod api;
pub mod web;

mod connection_limits;
mod http;
pub mod observe;

mod serve;

pub use serve::serve;
