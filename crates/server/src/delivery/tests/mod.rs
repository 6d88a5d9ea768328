//! The rules of delivery, as devices see them: real MLS, a real database, no network.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub(crate) mod world;

mod bad_input;
mod commits;
mod creation;
mod key_packages;
mod messages;
mod pruning;
mod reading;
mod restoring;
mod settling;
mod signing_out;
mod storage;
