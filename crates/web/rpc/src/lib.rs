//! What the page and the worker of the web app say to each other: requests, answers and events, as typed
//! messages in postcard over transferred buffers.
//!
//! The page links this crate and not the engine: it knows only what is defined here, and decides nothing about
//! messages. Both sides come from one build, so these messages have no versions; tabs of two builds never share an
//! engine, because [`BUILD`] is part of the name of their channel.

mod ids;
mod shapes;
mod warning;

mod event;
mod request;

mod codec;

pub use codec::{DecodeError, decode, encode};
pub use event::Event;
pub use ids::{ChatId, LocalMessageId};
pub use request::{Answer, Failure, FailureKind, Page, Request, Secret};
pub use shapes::{
    Audience, ChatSetting, ChatSettings, Connection, Contact, Conversation, ConversationKind,
    ConversationState, Device, GroupRights, Me, Member, MemberChange, Message, MessageStatus, Mute, NewGroup,
    Notice, NoticeKind, PasswordVerdict, Person, Phase, Presence, Privacy, Role, State, Wish,
};
pub use warning::{GivenUp, MemberMisbehaviour, Misbehaviour, Warning};

use serde::{Deserialize, Serialize};

/// Names the build, so that tabs of different builds do not misunderstand each other.
pub const BUILD: &str = match option_env!("XTASK_WEB_BUILD") {
    Some(build) => build,
    None => env!("CARGO_PKG_VERSION"),
};

/// From the page to its worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Unique among the calls of this page; the answer repeats it.
    pub id: u64,
    /// The request.
    pub request: Request,
}

/// From the worker to its page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToPage {
    /// The worker is ready: anything posted earlier is lost.
    Ready {
        /// The Web Lock that the worker holds for as long as it lives; `None` where the browser has no locks.
        life: Option<String>,
    },
    /// The answer to a call. Every call is answered, even if the tab that leads is closed meanwhile.
    Answer {
        /// The id of the call.
        id: u64,
        /// The outcome.
        result: Result<Answer, Failure>,
    },
    /// Something changed.
    Event(Event),
}
