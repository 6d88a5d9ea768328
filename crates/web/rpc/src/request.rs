//! What a page can ask for, and the answers.

use serde::{Deserialize, Serialize};
use subrosa_wire::{AccountId, DeviceId, Handle};
use zeroize::Zeroizing;

use crate::{
    ids::{ChatId, LocalMessageId},
    shapes::{
        ChatSetting, Contact, Conversation, Device, GroupRights, MemberChange, Message, NewGroup, Notice,
        PasswordVerdict, Person, Privacy, Role, State,
    },
};

/// A secret as it was typed. Its `Debug` output hides it, and it is wiped when dropped.
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
    /// Judges a password for this handle, which may be incomplete. [`Answer::Password`].
    JudgePassword {
        /// The handle as it was typed.
        handle: String,
        /// The password as it was typed.
        password: Secret,
    },
    /// Creates an account and signs in. [`Answer::RecoveryCode`], which this device keeps until [`Request::CodeSaved`].
    SignUp {
        /// The wanted handle.
        handle: Handle,
        /// The display name; empty for none.
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
        /// The recovery code as it was typed.
        code: Secret,
        /// The new password.
        password: Secret,
    },

    // ---- conversations and messages: these work without a network ----
    /// All conversations, the newest first. [`Answer::Conversations`].
    Conversations,
    /// One conversation. [`Answer::Conversation`].
    Conversation(ChatId),
    /// A page of messages in ascending order of position. [`Answer::Messages`].
    Messages {
        /// The conversation.
        chat: ChatId,
        /// Which of its messages.
        page: Page,
        /// The most messages to return; never more than 200.
        limit: u32,
    },
    /// Stores a text to be sent. [`Answer::Message`].
    SendText {
        /// The conversation.
        chat: ChatId,
        /// 1 byte to 64 KiB of UTF-8 after trimming.
        text: String,
        /// 16 random bytes chosen by the page, so that a call that is repeated (because another tab took the lead)
        /// stores one message only.
        token: [u8; 16],
    },
    /// Tries a failed message again. [`Answer::Done`].
    Retry(LocalMessageId),
    /// Deletes a failed message. [`Answer::Done`].
    Discard(LocalMessageId),
    /// The user has seen every message of the conversation. [`Answer::Done`].
    MarkRead(ChatId),
    /// Takes a conversation up again that is set aside, blocked or cut off. [`Answer::Done`].
    TryAgain(ChatId),
    /// Leaves a conversation that is set aside out of the list. [`Answer::Done`].
    Hide(ChatId),
    /// Deletes the messages of a conversation on this device, and leaves it out of the list until something is written in it.
    /// [`Answer::Done`].
    DeleteHere(ChatId),
    /// Changes after how many seconds messages disappear that are written from then on. [`Answer::Done`] once that is stored.
    SetTimer {
        /// The conversation.
        chat: ChatId,
        /// From 5 seconds to 366 days; `None` for never.
        seconds: Option<u32>,
    },
    /// Whether the user wants a conversation that somebody else has begun. [`Answer::Done`].
    Decide {
        /// The conversation.
        chat: ChatId,
        /// Accepts it; or declines it: a group is left.
        accepts: bool,
    },
    /// Changes what the user has chosen for a conversation, on all devices of the account. [`Answer::Done`].
    SetChat {
        /// The conversation.
        chat: ChatId,
        /// What is chosen.
        setting: ChatSetting,
    },
    /// Stores the draft: text that was typed and not sent; an empty text deletes what was shown. [`Answer::Done`].
    KeepDraft {
        /// Its conversation.
        chat: ChatId,
        /// The text.
        text: String,
        /// The draft that was shown before. If it is another one by now, both texts are kept.
        shown: String,
    },

    /// The user is typing in a conversation, or has stopped without sending. [`Answer::Done`].
    SetTyping {
        /// The conversation.
        chat: ChatId,
        /// Whether something is being typed.
        is_typing: bool,
    },
    /// Whether the user is looking at this page. It counts until the page says otherwise or is gone; a page says it again
    /// after [`crate::Event::Reload`]. [`Answer::Done`].
    SetHere(bool),

    // ---- people: these need the server ----
    /// People whose handle starts with this text. [`Answer::People`].
    SearchPeople(String),
    /// Who is known to have a handle, and who has it by the word of the server. [`Answer::HandleComparison`].
    CompareHandle(Handle),
    /// Gives a handle to the account that the server shows for it, once the user has compared the account ids.
    /// [`Answer::Done`]. Fails as [`FailureKind::HandleReassigned`] if the server shows yet another account by now.
    AcceptHandle {
        /// The handle.
        handle: Handle,
        /// The account that the user has accepted.
        account: AccountId,
    },
    /// Changes what the user calls somebody, on all devices of the account; empty removes it. Works without a network.
    /// [`Answer::Done`].
    SetNickname {
        /// Whom.
        account: AccountId,
        /// What they are called.
        nickname: String,
    },
    /// Blocks somebody on all devices of the account, or no longer. Works without a network. [`Answer::Done`].
    Block {
        /// Whom.
        account: AccountId,
        /// Whether they are blocked.
        is_blocked: bool,
    },
    /// Whom the user has blocked. [`Answer::Contacts`].
    BlockedPeople,
    /// The conversation with a person; it is created if there is none. [`Answer::Conversation`]. Fails as
    /// [`FailureKind::UnknownPerson`] if nobody has the handle.
    OpenChat(Handle),

    /// The user's notes to self; they are created if there are none. Works without a network. [`Answer::Conversation`].
    OpenNotes,

    // ---- groups ----
    /// Creates a group; needs the server, which says who the people are. [`Answer::Conversation`]. Fails as
    /// [`FailureKind::UnknownPerson`] if nobody has one of the handles.
    CreateGroup {
        /// What it is like.
        group: NewGroup,
        /// Who is in it besides the user.
        people: Vec<Handle>,
        /// 16 random bytes chosen by the page, so that a call that is repeated creates one group only.
        token: [u8; 16],
    },
    /// What the user may change in a group. [`Answer::GroupRights`].
    GroupRights(ChatId),
    /// Wants people in a group; needs the server, which says who they are. [`Answer::Done`] once that is stored:
    /// [`Conversation::wishes`] says whether they are in it. Fails as [`FailureKind::Banned`] if one of them is banned.
    AddMembers {
        /// The group.
        chat: ChatId,
        /// Whom.
        people: Vec<Handle>,
    },
    /// Wants something changed about a person in a group. [`Answer::Done`] once that is stored: [`Conversation::wishes`] says
    /// whether it is changed.
    ChangeMember {
        /// The group.
        chat: ChatId,
        /// Whom.
        account: AccountId,
        /// What.
        change: MemberChange,
    },
    /// Wants other rights in a group: the lowest role that adds people, and the lowest that writes. [`Answer::Done`] once that
    /// is stored.
    SetGroupRights {
        /// The group.
        chat: ChatId,
        /// Who adds people.
        add: Role,
        /// Who writes.
        post: Role,
    },
    /// Leaves a group with all devices. [`Answer::Done`] once that is stored. Fails as [`FailureKind::LastOwner`] if the user
    /// owns it alone and names nobody.
    LeaveGroup {
        /// The group.
        chat: ChatId,
        /// Who becomes an owner.
        successor: Option<Handle>,
    },
    /// Gives a group another name. [`Answer::Done`].
    RenameGroup {
        /// The group.
        chat: ChatId,
        /// What its members will call it.
        name: String,
    },

    /// Says what a group is about; an empty text removes that. [`Answer::Done`]. Fails as
    /// [`FailureKind::InvalidDescription`] if it is too long.
    DescribeGroup {
        /// The group.
        chat: ChatId,
        /// The text.
        description: String,
    },
    /// Gives a group another picture, as [`Self::SetPicture`] takes it. [`Answer::Done`].
    SetGroupPicture {
        /// The group.
        chat: ChatId,
        /// The picture; `None` removes it.
        picture: Option<Vec<u8>>,
    },
    /// The picture of a group. Works without a network. [`Answer::Picture`].
    GroupPicture(ChatId),

    // ---- the account ----
    /// Changes the display name; empty removes it. [`Answer::Done`].
    SetName(String),
    /// The picture of a person, or of the user. Works without a network. [`Answer::Picture`].
    Picture {
        /// Whose.
        account: AccountId,
    },
    /// Changes the user's picture; `None` removes it. [`Answer::Done`]. Fails as [`FailureKind::InvalidPicture`] if it is
    /// no JPEG, PNG or WebP file of at most 60 KiB and 1,024 pixels on each side.
    SetPicture(Option<Vec<u8>>),
    /// Changes what others see of the account, on all its devices. [`Answer::Done`].
    SetPrivacy(Privacy),
    /// Replaces the password. [`Answer::Done`].
    ChangePassword {
        /// The current password.
        old: Secret,
        /// The new password.
        new: Secret,
    },
    /// Makes a new recovery code; the old one, which it takes, stops working. [`Answer::RecoveryCode`], which this device
    /// keeps until [`Request::CodeSaved`].
    RenewRecoveryCode {
        /// The password.
        password: Secret,
        /// The recovery code until now.
        old_code: Secret,
    },
    /// The recovery code that the user has not saved yet: [`Answer::RecoveryCode`], or [`Answer::Done`] if there is none.
    UnsavedCode,
    /// The user has saved this recovery code. [`Answer::Done`].
    CodeSaved(Secret),
    /// The account's devices. [`Answer::Devices`].
    Devices,
    /// Signs another device out. [`Answer::Done`].
    SignOutDevice(DeviceId),
    /// Names a device of the account, for all of its devices; an empty name removes it.
    NameDevice {
        /// The device.
        device: DeviceId,
        /// Its name.
        name: String,
    },
    /// Signs this device out at the server and removes everything stored here. [`Answer::Done`]. Fails as
    /// [`FailureKind::Unreachable`] if the server cannot be reached, and then nothing has changed.
    SignOut,
    /// Removes everything stored here without telling the server; also for a device that is already signed out, or
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
    /// The newest before a position.
    Before(i64),
    /// The oldest from a position on.
    From(i64),
}

/// The answer to a request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The request was carried out; there is nothing to return.
    Done,
    /// The state of everything.
    State(Box<State>),
    /// How good a password is.
    Password(PasswordVerdict),
    /// A recovery code, in groups.
    RecoveryCode(Secret),
    /// Conversations.
    Conversations(Vec<Conversation>),
    /// A conversation, if it exists.
    Conversation(Option<Box<Conversation>>),
    /// Messages in ascending order of position.
    Messages {
        /// The messages.
        messages: Vec<Message>,
        /// Whether there are older ones than these.
        has_older: bool,
        /// Whether there are newer ones than these.
        has_newer: bool,
        /// The lines among them that are no messages, in ascending order of position.
        notices: Vec<Notice>,
    },
    /// A message as it was stored.
    Message(Box<Message>),
    /// People in the directory.
    People(Vec<Person>),
    /// People whom this device knows.
    Contacts(Vec<Contact>),
    /// Two accounts, if there are any.
    HandleComparison {
        /// The account that is known to have the handle.
        known: Option<AccountId>,
        /// The account that the server shows.
        shown: Option<AccountId>,
    },
    /// What the user may change in a group; `None` while this device is not in it.
    GroupRights(Option<Box<GroupRights>>),
    /// Devices.
    Devices(Vec<Device>),
    /// A picture, if there is one: the file. It is still untrusted.
    Picture(Option<Vec<u8>>),
}

/// Why a request failed. Nothing has changed, unless the kind says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What a page can act on and say in the user's language.
    pub kind: FailureKind,
    /// One line of English for a report. The kind alone says what to do.
    pub detail: String,
    /// After how many milliseconds to try again, if the server said so.
    pub retry_after_ms: Option<u32>,
}

/// The kinds of failure, by what the user can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureKind {
    /// Handle or password is wrong; the server does not say which.
    WrongPassword,
    /// Handle or recovery code is wrong; the server does not say which.
    WrongRecoveryCode,
    /// This is not a recovery code: it was mistyped.
    MalformedRecoveryCode,
    /// The handle is taken.
    HandleTaken,
    /// The password is too easy to guess, or cannot be used.
    WeakPassword,
    /// There are as many nicknames as there can be.
    TooManyNicknames,
    /// As many people are blocked as can be.
    TooManyBlocked,
    /// The user has blocked the person.
    PersonBlocked,
    /// The display name cannot be used.
    InvalidName,
    /// What a group is about cannot be said so: the text is too long, or deceives.
    InvalidDescription,
    /// The picture cannot be used.
    InvalidPicture,
    /// The text is empty, or longer than 64 KiB.
    InvalidText,
    /// Nobody has this handle.
    UnknownPerson,
    /// It is the user's own handle.
    OwnAccount,
    /// The server shows another account under this handle than before, or keys that do not fit the account;
    /// nothing was sent.
    HandleReassigned,
    /// The rights of the group do not permit it.
    NotPermitted,
    /// The group would have no owner any more.
    LastOwner,
    /// The group has as many members as it can have.
    GroupFull,
    /// Somebody who is to be added is banned from the group.
    Banned,
    /// The person is not a member of the group (any more).
    NotInGroup,
    /// The user is not a member of the group any more.
    NotAMember,
    /// This device is not in the group yet.
    NotYet,
    /// The conversation, message or device is not there (any more).
    NotFound,
    /// Too many attempts: try again later.
    RateLimited,
    /// The server does not accept new accounts.
    RegistrationClosed,
    /// There is no connection to the server, or it did not answer in time.
    Unreachable,
    /// This device's clock is so wrong that others would refuse what it signs.
    WrongClock,
    /// The server speaks another version than this page.
    VersionMismatch,
    /// The server answered with something that does not verify.
    ServerMisbehaved,
    /// This device is signed out.
    SignedOut,
    /// The browser's storage is full. Nothing is lost, and it works again once there is space.
    StorageFull,
    /// The local database failed for another reason.
    Storage,
    /// The request does not fit the current phase, or there is a defect.
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
