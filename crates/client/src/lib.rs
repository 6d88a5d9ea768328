//! Drives the engine over the network: the SDK for apps and bots.
//!
//! [`Client`] is one device of an account. Its profile is a folder on this machine; its messages are in the engine's
//! encrypted database there. Everything that only reads or writes messages works without a network: messages are sent
//! later, in order.
//!
//! ```no_run
//! # async fn example() -> Result<(), subrosa_client::ClientError> {
//! use subrosa_client::{Client, Event, Update};
//!
//! let client = Client::open("/home/me/bot".as_ref()).await?;
//! let mut events = client.events();
//! client.connect();
//! while let Some(update) = events.next().await {
//!     if let Update::Event(Event::MessageReceived(message)) = update {
//!         client.chat(message.chat).send_text(format!("you said: {}", message.text)).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Inside, one thread owns the engine (`host`), one task the tokens (`session`), one the connection
//! (`connection`, `socket`), one the vault's copy at the server (`vault`), one the
//! certificate (`certificate`). This crate has no protocol logic and no
//! cryptography: it moves bytes and waits. It runs on an operating system and in a browser's dedicated worker; what
//! differs is in `platform`.

mod client;
mod clock;
mod events;
mod status;

mod error;

mod accounts;

mod host;

mod backoff;
mod connection;
mod socket;

mod session;

mod certificate;
mod vault;

mod invite_link;
mod rest;
mod server_url;

pub mod ambient;
mod limits;
mod platform;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod fake;

pub use accounts::{Credentials, NewAccount, RecoveryCode};
pub use client::{Chat, ChatLink, Client, Device, HandleComparison, LinkOptions, LinkPage, MemberChange};
pub use clock::ClockDifference;
pub use error::{ClientError, Refusal};
pub use events::{Events, Update};
pub use invite_link::{InvalidInviteLink, InviteLink};
#[cfg(target_arch = "wasm32")]
pub use platform::forget_profile;
pub use platform::profile_exists;
pub use server_url::{InvalidServerUrl, ServerUrl};
pub use status::{Connection, Status};

pub use subrosa_engine::{
    AskState, Audience, ChatId, ChatSetting, ChatSettings, CommandError, Contact, Conversation,
    ConversationKind, ConversationState, EngineError, Event, ForeignGroup, GivenUp, GroupPolicy, InvalidLink,
    InvalidPicture, JoinRequest, Lifetime, LinkPreview, LinkStanding, LocalMessageId, Me, Member,
    MemberDevice, MemberMisbehaviour, Message, MessageStatus, Misbehaviour, Mute, NewGroup, Notice,
    NoticeKind, Picture, Presence, Privacy, Rights, Role, Standing, Warning, Wish,
    account::{InvalidRecoveryCode, Password, WeakPassword},
    content::{MessageId, SendToken, folded, printable, printable_line, revealed, without_marks},
};
pub use subrosa_wire::{
    AccountId, ConversationId, DeviceId, Handle, LinkId, ProblemCode, Timestamp, rest::Person,
};
