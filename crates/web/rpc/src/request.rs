//! What a page can ask for, and what it gets.

use serde::{Deserialize, Serialize};
use subrosa_wire::{ConversationId, DeviceId, Handle};
use zeroize::Zeroizing;

use crate::shapes::{Conversation, Device, Message, PasswordVerdict, Person, State};

/// A secret as it was typed. Has no `Debug` output and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret that was typed.
    pub fn new(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }

    /// Takes the secret out.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }

    /// Reads the secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What a page asks its worker for. Each has one kind of answer, named beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The state of everything: the first call of every page. [`Answer::State`].
    State,

    // ---- signed out ----
    /// How good a password is for this handle (which may be unfinished). [`Answer::Password`].
    JudgePassword {
        /// The handle as typed.
        handle: String,
        /// The password as typed.
        password: Secret,
    },
    /// Makes an account and signs in. [`Answer::RecoveryCode`]: to be shown once.
    SignUp {
        /// The handle wanted.
        handle: Handle,
        /// The display name; none if it is empty.
        name: String,
        /// The password.
        password: Secret,
    },
    /// Signs in to an account as a new device. [`Answer::Done`].
    SignIn {
        /// The account.
        handle: Handle,
        /// The password.
        password: Secret,
    },
    /// Sets a new password with the recovery code, and signs in. [`Answer::Done`].
    Recover {
        /// The account.
        handle: Handle,
        /// The recovery code as typed.
        code: Secret,
        /// The new password.
        password: Secret,
    },

    // ---- conversations and messages: all of this works without a network ----
    /// All conversations, the newest first. [`Answer::Conversations`].
    Conversations,
    /// One conversation. [`Answer::Conversation`].
    Conversation(ConversationId),
    /// A page of messages in ascending order of position. [`Answer::Messages`].
    Messages {
        /// Of this conversation.
        conversation: ConversationId,
        /// Which of them.
        page: Page,
        /// At most so many, and at most 200.
        limit: u32,
    },
    /// Stores a text to be sent. [`Answer::Message`].
    SendText {
        /// Where to.
        conversation: ConversationId,
        /// 1 byte to 64 KiB of UTF-8 after trimming.
        text: String,
        /// 16 random bytes of the page, so that a call that is made twice (another tab took the lead)
        /// stores one message.
        token: [u8; 16],
    },
    /// Tries a failed message again. [`Answer::Done`].
    Retry {
        /// Where it is.
        conversation: ConversationId,
        /// [`Message::id`].
        message: String,
    },
    /// Deletes a failed message. [`Answer::Done`].
    Discard {
        /// Where it is.
        conversation: ConversationId,
        /// [`Message::id`].
        message: String,
    },
    /// The user has seen every message of the conversation. [`Answer::Done`].
    MarkRead(ConversationId),
    /// What was typed and not sent. [`Answer::Draft`].
    Draft(ConversationId),
    /// Keeps what was typed and not sent; an empty text deletes it. [`Answer::Done`].
    KeepDraft {
        /// Where it was typed.
        conversation: ConversationId,
        /// The text.
        text: String,
    },

    // ---- people: these need the server ----
    /// People whose handle starts with this text. [`Answer::People`].
    SearchPeople(String),
    /// The conversation with somebody, a new one if there is none. [`Answer::Conversation`]; the failure is
    /// [`FailureKind::UnknownPerson`] if nobody is called so.
    OpenChat(Handle),

    // ---- the account ----
    /// Changes the display name; empty removes it. [`Answer::Done`].
    SetName(String),
    /// Replaces the password. [`Answer::Done`].
    ChangePassword {
        /// The password until now.
        old: Secret,
        /// The new one.
        new: Secret,
    },
    /// Makes a new recovery code; the old one stops working. [`Answer::RecoveryCode`].
    RenewRecoveryCode {
        /// The password.
        password: Secret,
    },
    /// The account's devices. [`Answer::Devices`].
    Devices,
    /// Signs another device out. [`Answer::Done`].
    SignOutDevice(DeviceId),
    /// Signs this device out at the server and removes everything here. [`Answer::Done`]. Fails as
    /// [`FailureKind::Unreachable`] without the server, and then nothing has happened.
    SignOut,
    /// Removes everything here without telling the server; also for a device that is signed out already, or
    /// whose database is broken. [`Answer::Done`].
    Forget,

    // ---- the connection ----
    /// Ends the wait between two attempts to connect. [`Answer::Done`].
    ConnectNow,
}

/// Which messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Page {
    /// The newest.
    Newest,
    /// The newest of those before a position.
    Before(i64),
    /// The oldest of those from a position on.
    From(i64),
}

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It is done.
    Done,
    /// The state of everything.
    State(Box<State>),
    /// How good a password is.
    Password(PasswordVerdict),
    /// A recovery code, in groups for people.
    RecoveryCode(Secret),
    /// Conversations.
    Conversations(Vec<Conversation>),
    /// A conversation; none if it is not there.
    Conversation(Option<Box<Conversation>>),
    /// Messages, ascending.
    Messages {
        /// The messages.
        messages: Vec<Message>,
        /// Whether there are older ones than these.
        has_older: bool,
        /// Whether there are newer ones than these.
        has_newer: bool,
    },
    /// A message as it was stored.
    Message(Box<Message>),
    /// What was typed and not sent.
    Draft(String),
    /// People.
    People(Vec<Person>),
    /// Devices.
    Devices(Vec<Device>),
}

/// Why a request did not do what it was for. Nothing has changed, unless the kind says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What a page can act upon and put into the words of its language.
    pub kind: FailureKind,
    /// One line of English for a report; never needed to know what to do.
    pub detail: String,
    /// When to try again, in milliseconds, if the server said so.
    pub retry_after_ms: Option<u32>,
}

/// The kinds of failure, told apart by what a person can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// Handle or password is wrong; which of them cannot be told.
    WrongPassword,
    /// Handle or recovery code is wrong; which of them cannot be told.
    WrongRecoveryCode,
    /// This is not a recovery code: a typing error.
    MalformedRecoveryCode,
    /// The handle is taken.
    HandleTaken,
    /// The password is too easy to guess, or cannot be used.
    WeakPassword,
    /// The display name cannot be used.
    InvalidName,
    /// The text is empty, or longer than 64 KiB.
    InvalidText,
    /// Nobody has this handle.
    UnknownPerson,
    /// It is the own handle.
    OwnAccount,
    /// The server shows another key for this person than before; nothing was sent.
    KeyChanged,
    /// The conversation, message or device is not there (any more).
    NotFound,
    /// Too many attempts: try again later.
    RateLimited,
    /// The server does not take new accounts.
    RegistrationClosed,
    /// There is no connection to the server, or it did not answer in time.
    Unreachable,
    /// The server speaks another version than this page.
    VersionMismatch,
    /// The server answered with something that does not verify.
    ServerMisbehaved,
    /// This device is signed out.
    SignedOut,
    /// The browser's storage is full. Nothing is lost: it works again when there is space.
    StorageFull,
    /// The local database failed otherwise.
    Storage,
    /// A request that does not fit the present phase, or a defect.
    Internal,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            retry_after_ms: None,
        }
    }
}
