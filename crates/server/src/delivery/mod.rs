//! Delivery: takes in what devices send, puts it into the logs, and hands it to whom it is for.
//!
//! [`Service`] answers requests and knows no transport; the WebSocket and the simulations drive the same
//! one. What it pushes goes through the [`Hub`](crate::live::Hub).

mod config;
mod problems;
mod requests;

mod append;
mod commit;
mod creation;
mod directory;
mod group;
mod key_packages;
mod log;
mod service;
mod sync;
mod validation;

mod appender;
mod pruning;
mod publisher;

#[cfg(test)]
mod tests;

pub use config::DeliveryConfig;
pub use service::{BackgroundTask, Service};
