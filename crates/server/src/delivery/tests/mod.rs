//! The rules of delivery, as devices see them: real MLS, a real database, no network.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub(crate) mod world;

mod bad_input;
mod commits;
mod creation;
mod groups;
mod key_packages;
mod large_groups;
mod links;
mod messages;
mod objects;
mod pruning;
mod reading;
mod receipts;
mod records;
mod restoring;
mod settling;
mod signals;
mod signing_out;
mod storage;
