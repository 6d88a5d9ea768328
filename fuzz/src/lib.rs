//! What the fuzz targets share: honest messages to start from, and the edits that spoil them.

mod client;
mod edits;
mod server;
mod world;

pub use client::{Client, HONEST_TEXT, OWN_TEXT};
pub use edits::edited;
pub use server::Server;
pub use world::{CONVERSATION, NOW, Sent, World};
