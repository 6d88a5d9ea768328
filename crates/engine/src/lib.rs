//! The client as a state machine over one encrypted SQLite database.
//!
//! [`Engine::step`] takes one input (a frame of the server, a command of the user, the connection's fate, a
//! tick), changes the database in one transaction, and returns the frames to send and the events to show. It
//! has no network, no threads, and neither clock nor random source of its own.

pub mod account;
pub mod api;
mod commands;
mod connection;
pub mod content;
mod context;
mod conversation;
pub mod database;
mod directory;
pub mod engine;
mod key_packages;
mod limits;
mod requests;
mod step;
mod store;
mod sync;
mod unicode;
mod vault;

pub use api::{
    Command, CommandError, Contact, Conversation, ConversationState, EngineError, Event, Input, Me, Message,
    MessageStatus, Output, RecoveryCounts, Warning,
};
pub use engine::{Engine, NewProfile};
