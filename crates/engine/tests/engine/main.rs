//! An engine without a server: the test provides the server's frames.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod certificates;
mod changed_keys;
mod commands;
mod deleted_keys;
mod device;
mod floods;
mod groups;
mod healing;
mod key_packages;
mod large_groups;
mod lying_server;
mod mallory;
mod misbehaviour;
mod moved_handles;
mod numbers;
mod others;
mod own_devices;
mod profile_objects;
mod ratchet_trees;
mod receipts;
mod records;
mod signals;
mod unreadable_rows;
mod vault_copy;
