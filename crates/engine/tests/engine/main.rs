//! An engine alone: the test says what the server says.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod changed_keys;
mod commands;
mod device;
mod lying_server;
