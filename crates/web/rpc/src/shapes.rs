//! What a page shows.

use serde::{Deserialize, Serialize};
use subrosa_wire::{AccountId, ConversationId, DeviceId, Handle, Timestamp};

/// The state of everything but messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the app can do at all.
    pub phase: Phase,
    /// How the device stands to the server.
    pub connection: Connection,
    /// All that waited at the server has come.
    pub caught_up: bool,
    /// What is stored here and not yet accepted by the server.
    pub unsent: u64,
    /// Something cannot be stored for want of room.
    pub storage_full: bool,
}

/// What the app can do at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The database is being opened, or the tab that leads is changing.
    Starting,
    /// Nobody is signed in here.
    SignedOut,
    /// Somebody is.
    SignedIn(Me),
    /// The server has ended this device's session: what is here can be read until it is removed
    /// ([`crate::Request::Forget`]).
    Revoked(Me),
    /// This browser lacks something that the app needs. Nothing was written.
    Unsupported {
        /// The feature, in the words of the web: "origin private file system", …
        feature: String,
    },
    /// The browser has removed this device's data (storage was low, or site data were cleared): the account
    /// is safe, this device has to sign in again. Left by [`crate::Request::Forget`].
    Evicted,
    /// The local database does not open. Left by [`crate::Request::Forget`].
    Broken {
        /// English, for a report.
        detail: String,
    },
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The own account.
    pub account_id: AccountId,
    /// Its handle.
    pub handle: Handle,
    /// The display name: what the user typed.
    pub name: Option<String>,
    /// This device.
    pub device_id: DeviceId,
}

/// How the device stands to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connection {
    /// Nothing is tried.
    Off,
    /// A connection is being made.
    Connecting,
    /// There is one.
    Online,
    /// There is none; the next attempt is made by itself.
    Waiting {
        /// When, from the moment that this was said, in milliseconds.
        retry_in_ms: u32,
    },
    /// Page and server are of versions that do not fit.
    Incompatible,
}

/// A person who is talked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The account: also what colours the avatar.
    pub account_id: AccountId,
    /// The handle, once the directory has told it.
    pub handle: Option<Handle>,
    /// The name that the person has sent: made printable, one line, and still a stranger's text.
    pub name: Option<String>,
}

/// A person that the directory has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The account.
    pub account_id: AccountId,
    /// The handle.
    pub handle: Handle,
}

/// A conversation as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id; see [`crate::Event::ConversationMoved`].
    pub id: ConversationId,
    /// The other person.
    pub peer: Peer,
    /// Received messages that the user has not seen.
    pub unread: u64,
    /// The position of the first of them.
    pub first_unread: Option<i64>,
    /// The newest message.
    pub last_message: Option<Message>,
    /// The list is sorted by it, the greatest first: when something was said last.
    pub active_at: Timestamp,
    /// Whether it can be used.
    pub state: ConversationState,
    /// Whether something was typed and not sent.
    pub draft: Option<String>,
}

/// Whether a conversation can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConversationState {
    /// Known here only, until the first message leaves.
    Starting,
    /// This device is joining.
    Joining,
    /// In use.
    Joined,
    /// A certificate or key did not verify: nothing can be sent.
    Blocked,
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Names it in its conversation: 64 hexadecimal digits.
    pub id: String,
    /// Where it is.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub sender: AccountId,
    /// Whether the own account wrote it.
    pub outgoing: bool,
    /// What it says: made printable (no control or direction characters that deceive), with line breaks.
    pub text: String,
    /// When the server accepted it; for a pending one, when it was written.
    pub sent_at: Timestamp,
    /// What became of it.
    pub status: MessageStatus,
    /// Its place: ascending in the order of display, unique in the conversation; changes when a pending
    /// message is sent.
    pub position: i64,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageStatus {
    /// Stored here, not yet accepted by the server.
    Pending,
    /// The server refused it for good: retry or discard.
    Failed,
    /// Durable at the server.
    Sent,
    /// On a device of the other person.
    Delivered,
    /// Seen by the other person (own messages), or by the user (received ones).
    Read,
    /// Received, and not yet seen by the user.
    Unread,
}

/// A device of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it was last connected, to the hour.
    pub last_seen_at: Timestamp,
    /// Whether it is this one.
    pub current: bool,
    /// Whether the account key has certified it. If not, the server made it up.
    pub certified: bool,
}

/// How good a password is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordVerdict {
    /// Shorter than is taken.
    TooShort,
    /// One of the first guesses: a common one, a pattern, the handle.
    Guessable,
    /// Taken, and weak against somebody who has the server's disk.
    Fair,
    /// Good.
    Good,
    /// Strong.
    Strong,
}
