//! The objects that `--json` prints. Their field names are part of the interface: they are added, never
//! renamed, and never change their meaning. Ids are 32 (messages: 64) lower-case hexadecimal digits,
//! instants ISO 8601 in UTC.

use serde::Serialize;
use subrosa_client::{Conversation, ConversationState, Device, Me, Message, Person, ServerUrl};

use crate::{instant::iso, people::Names};

/// For the help text.
pub(crate) const HELP: &str = "\
JSON (one object a line; fields may be added, none is renamed):
  message   id, conversation, from (handle), text, sent_at (ISO 8601, UTC), status, outgoing
            status of own messages: pending, failed, sent, delivered, read; of received ones: unread, read
  chat      conversation, with (handle), name, unread, state, last_message
  account   account_id, handle, name, device_id, server; recovery_code at sign-up
            (signup, signin, whoami, recover)
  device    device_id, created_at, last_seen_at, current, certified (by the account key)
  person    account_id, handle
  listen    a message with \"event\": \"message\"; \"event\": \"status\" with id, conversation, status;
            \"event\": \"warning\" with warning (text)
  done      done (text): passwd, signout, devices --sign-out, recover in a profile of the account
  serve     listening (the address), once connections are accepted
  bench     the report in one object; bench/src/report.rs documents its fields
Standard output has results only. Everything else is on standard error, one object a line, too:
  error     error (text), exit_code, and code (stable) if the server refused or could not be used
  warning   warning (text): something that concerns your safety
  note      note (text): something to know
Only the server's log is no JSON unless --log-format asks for it.";

/// A message.
#[derive(Debug, Serialize)]
pub(crate) struct MessageShape<'a> {
    id: String,
    conversation: String,
    from: String,
    text: &'a str,
    sent_at: String,
    status: &'static str,
    outgoing: bool,
}

impl<'a> MessageShape<'a> {
    pub(crate) fn new(message: &'a Message, names: &Names) -> Self {
        Self {
            id: message.id.to_string(),
            conversation: message.conversation.to_string(),
            from: names.handle_of(message.sender),
            text: &message.text,
            sent_at: iso(message.sent_at),
            status: message.status.as_str(),
            outgoing: message.outgoing,
        }
    }
}

/// A line of `listen`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum ListenShape<'a> {
    Message(MessageShape<'a>),
    Status {
        id: String,
        conversation: String,
        status: &'static str,
    },
    Warning {
        warning: String,
    },
}

/// A conversation in `chats`.
#[derive(Debug, Serialize)]
pub(crate) struct ChatShape<'a> {
    conversation: String,
    with: String,
    name: Option<&'a str>,
    unread: u64,
    state: &'static str,
    last_message: Option<MessageShape<'a>>,
}

impl<'a> ChatShape<'a> {
    pub(crate) fn new(conversation: &'a Conversation, names: &Names) -> Self {
        Self {
            conversation: conversation.id.to_string(),
            with: names.handle_of(conversation.peer.account_id),
            name: conversation.peer.name.as_deref(),
            unread: conversation.unread,
            state: state(conversation.state),
            last_message: conversation
                .last_message
                .as_ref()
                .map(|message| MessageShape::new(message, names)),
        }
    }
}

/// The word for a state.
pub(crate) const fn state(state: ConversationState) -> &'static str {
    match state {
        ConversationState::Starting => "starting",
        ConversationState::Joining => "joining",
        ConversationState::Joined => "joined",
        ConversationState::Blocked => "blocked",
    }
}

/// Who is signed in.
#[derive(Debug, Serialize)]
pub(crate) struct AccountShape<'a> {
    account_id: String,
    handle: &'a str,
    name: Option<&'a str>,
    device_id: String,
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<&'a str>,
}

impl<'a> AccountShape<'a> {
    pub(crate) fn new(me: &'a Me, server: &ServerUrl) -> Self {
        Self {
            account_id: me.account_id.to_string(),
            handle: me.handle.as_str(),
            name: me.name.as_deref(),
            device_id: me.device_id.to_string(),
            server: server.to_string(),
            recovery_code: None,
        }
    }

    pub(crate) fn with_recovery_code(self, code: &'a str) -> Self {
        Self {
            recovery_code: Some(code),
            ..self
        }
    }
}

/// A device of the account.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceShape {
    device_id: String,
    created_at: String,
    last_seen_at: String,
    current: bool,
    certified: bool,
}

impl DeviceShape {
    pub(crate) fn new(device: &Device) -> Self {
        Self {
            device_id: device.device_id.to_string(),
            created_at: iso(device.created_at),
            last_seen_at: iso(device.last_seen_at),
            current: device.current,
            certified: device.certified,
        }
    }
}

/// A person in the directory.
#[derive(Debug, Serialize)]
pub(crate) struct PersonShape<'a> {
    account_id: String,
    handle: &'a str,
}

impl<'a> PersonShape<'a> {
    pub(crate) fn new(person: &'a Person) -> Self {
        Self {
            account_id: person.account_id.to_string(),
            handle: person.handle.as_str(),
        }
    }
}

/// The result of a command that has nothing to report.
#[derive(Debug, Serialize)]
pub(crate) struct DoneShape {
    pub(crate) done: &'static str,
}

/// The address that a server listens on.
#[derive(Debug, Serialize)]
pub(crate) struct ListeningShape {
    pub(crate) listening: String,
}

/// A note, on standard error.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoteShape<'a> {
    Note(&'a str),
    Warning(&'a str),
}

/// A failure, on standard error.
#[derive(Debug, Serialize)]
pub(crate) struct FailureShape<'a> {
    pub(crate) error: &'a str,
    pub(crate) exit_code: u8,
    /// The problem code: the server's, or its equivalent if the client itself found the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'a str>,
}
