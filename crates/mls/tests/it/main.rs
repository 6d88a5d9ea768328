//! The guarantees of a conversation, tested with two clients, a server and an attacker.
//!
//! One binary, so that the library is linked once.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod mallory;
mod world;

mod conversation;
mod groups;
mod joining;
mod leaving;
mod links;
mod welcomes;

mod hostile;
mod hostile_commits;
mod hostile_keys;
mod tampering;

mod public_view;

mod peek;
mod stability;
mod storage;
