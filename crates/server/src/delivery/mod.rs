//! Delivery: takes in what devices send, puts it into the logs, and hands it to whom it is for.
//!
//! [`Service`] answers requests and knows no transport; the WebSocket and the simulations drive the same
//! one. What it pushes goes through the [`Fanout`](crate::push::Fanout).

mod config;

mod requests;

mod problems;

mod tags;

mod answers;

mod service;

mod append;

mod appender;
mod publisher;

mod validation;

mod commit;
mod creation;
mod leave;
mod lost_removals;
mod restoring;
mod settling;

mod log;

mod group;
mod hot_view;
mod joiners;
mod key_packages;
mod links;
mod receipts;
mod records;
mod sync;

mod signals;

mod objects;

mod directory;

mod pruning;

#[cfg(test)]
pub(crate) mod tests;

pub use config::DeliveryConfig;
pub use service::{BackgroundTask, Service};
pub use tags::EntryTags;
