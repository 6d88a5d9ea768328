//! The client as a state machine over one encrypted SQLite database.
//!
//! [`Engine::step`] takes one input (a frame from the server, a command of the user, a change of the connection, a
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
mod devices;
mod directory;
pub mod engine;
mod expiry;
mod held_welcomes;
pub mod ids;
mod incoming;
pub mod invitations;
mod join_note;
mod key_packages;
mod limits;
pub mod misbehaviour;
pub mod profile_objects;
pub mod receipts;
mod records;
mod requests;
pub mod signals;
mod step;
mod store;
mod sync;
mod unicode;
mod vault;
mod waiting;

pub use api::{
    AskState, Audience, ChatSetting, ChatSettings, Command, CommandError, Contact, Conversation,
    ConversationState, EngineError, Event, GivenUp, GroupLink, Input, Invitation, JoinRequest, LinkStanding,
    Me, Member, MemberDevice, Message, MessageStatus, Mute, NewGroup, NewLink, Notice, NoticeKind, Output,
    Presence, Privacy, RecoveryCounts, Rights, Role, Standing, Warning,
};
pub use content::Lifetime;
pub use engine::{Engine, NewProfile};
pub use ids::{ChatId, LocalMessageId};
pub use invitations::{InvalidPreview, LinkPreview};
pub use misbehaviour::{ForeignGroup, MemberMisbehaviour, Misbehaviour};
pub use profile_objects::format::{InvalidPicture, Picture};
pub use store::wishes::Wish;
pub use subrosa_mls::{ConversationKind, GroupPolicy, InvalidLink, LinkSecret};
pub use vault::VaultToPut;
