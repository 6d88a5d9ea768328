//! The words of the engine: what a host may ask, and what it is told.

use std::fmt;

use subrosa_mls::{
    CommitError, ConversationKind, EncryptError, JoinError, KeyPackageError, LinkSecret, MlsError,
    ProcessError, limits::LINKS_MAX,
};
pub use subrosa_mls::{Rights, Role};
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, Handle, LinkId, Timestamp,
    frames::{self, ClientFrame, ServerFrame},
    problem::ProblemCode,
    rest,
};

use crate::{
    ChatId, LocalMessageId,
    content::{
        ContentError, InvalidDescription, InvalidMessageText, InvalidName, Lifetime, MessageId, SendToken,
    },
    database::DatabaseError,
    invitations::LinkPreview,
    limits::{GROUP_MEMBERS_MAX, JOIN_NOTE_TEXT_MAX},
    misbehaviour::{MemberMisbehaviour, Misbehaviour},
    profile_objects::format::InvalidPicture,
};

/// One thing that happens to the engine: each is one transaction.
#[derive(Debug, Clone)]
pub enum Input {
    /// The connection is open: the server has answered Hello with Ready.
    Connected,
    /// The connection is gone; answers under way will never come.
    Disconnected,
    /// The server sent a frame.
    Received(Box<ServerFrame>),
    /// The instant that the last [`Output::wake_at`] asked for has come.
    Tick,
    /// The user wants something.
    Command(Command),
}

/// What a user can ask for. A command that is accepted is durable: it survives a crash and is carried out
/// when there is a connection.
#[derive(Debug, Clone)]
pub enum Command {
    /// Start the conversation with a person whom the directory has shown, unless there is one. The key is
    /// pinned; [`crate::Engine::direct_chat_with`] tells the id.
    OpenDirect(rest::Person),
    /// Start this account's notes to self, unless they are there; [`crate::Engine::direct_chat_with`] tells the id.
    OpenNotes,
    /// Send a text. It is stored as pending at once, and [`Event::MessageSent`] tells it. The same command
    /// with the same token stores nothing, and tells the message that is there.
    SendText {
        /// The conversation.
        chat: ChatId,
        /// The text: 1 byte to 64 KiB of UTF-8.
        text: String,
        /// Names this sending of the text: a new one for each that the user wants.
        token: SendToken,
    },
    /// Start a group with people whom the directory has shown. Those without key packages are added as soon as they have
    /// some. With an id that a conversation already has, nothing is done.
    CreateGroup {
        /// Its id on the wire, chosen at random; [`crate::Engine::chat_by_conversation_id`] tells the conversation.
        conversation_id: ConversationId,
        /// What it is like.
        group: NewGroup,
        /// Who is in it besides this account.
        people: Vec<rest::Person>,
    },
    /// Add people to a group.
    AddMembers {
        /// The group.
        chat: ChatId,
        /// Whom.
        people: Vec<rest::Person>,
    },
    /// Remove a member from a group.
    RemoveMember {
        /// The group.
        chat: ChatId,
        /// Whom.
        account: AccountId,
    },
    /// Give a member of a group another role.
    GiveRole {
        /// The group.
        chat: ChatId,
        /// To whom.
        account: AccountId,
        /// Which.
        role: Role,
    },
    /// Remove somebody from a group, if they are a member, and keep them out.
    Ban {
        /// The group.
        chat: ChatId,
        /// Whom; they are in the contacts.
        account: AccountId,
    },
    /// Let somebody be added to a group again.
    Readmit {
        /// The group.
        chat: ChatId,
        /// Whom.
        account: AccountId,
    },
    /// Change who may do what in a group.
    SetRights {
        /// The group.
        chat: ChatId,
        /// What each thing takes.
        rights: Rights,
    },
    /// Leave a group, with all devices of this account.
    Leave {
        /// The group.
        chat: ChatId,
        /// Who is made an owner before: needed if this account is the only one, and others stay.
        successor: Option<AccountId>,
    },
    /// Make an invite link for a group. With a link that it has, nothing is done.
    CreateLink {
        /// The group.
        chat: ChatId,
        /// The link.
        link: NewLink,
    },
    /// Let nobody in by an invite link any more, whoever has made it.
    RevokeLink {
        /// The group.
        chat: ChatId,
        /// The link.
        link: LinkId,
    },
    /// Ask the server how often the invite links of a group were used; [`Event::LinksChanged`] tells the answer.
    LookAtLinks(ChatId),
    /// Ask the server who asks to join a group; [`Event::JoinRequestsChanged`] tells the answer.
    LookAtJoinRequests(ChatId),
    /// Add somebody who asks to join a group.
    Approve {
        /// The group.
        chat: ChatId,
        /// Who asks, as [`crate::Engine::join_requests`] says; their handle is known.
        account: AccountId,
    },
    /// Refuse somebody who asks to join a group, for now; [`Event::JoinRequestsChanged`] tells when that is done. Nothing is
    /// kept for later: without a connection it is not done.
    Deny {
        /// The group.
        chat: ChatId,
        /// Who asks.
        account: AccountId,
    },
    /// Ask to join a group by an invite link that needs approval, in place of what was asked before. The conversation is
    /// [`ConversationState::Joining`] until somebody lets this account in, and [`Conversation::ask`] tells how far it has
    /// come. [`Command::Leave`] takes it back.
    AskToJoin {
        /// The link.
        invitation: Box<Invitation>,
        /// What those who decide read: blank for nothing.
        note: String,
    },
    /// Join a group by an invite link. [`Event::ConversationChanged`] tells when that is done, and [`Warning::JoinRefused`] why
    /// it is not. If this account is in the group, nothing is done. [`crate::Engine::chat_by_conversation_id`] tells the
    /// conversation.
    JoinByLink(Box<Invitation>),
    /// Give a group another name.
    Rename {
        /// The group.
        chat: ChatId,
        /// What its members will call it.
        name: String,
    },
    /// Say what a group is about.
    Describe {
        /// The group.
        chat: ChatId,
        /// The text; blank to remove it.
        description: String,
    },
    /// Give a group another picture.
    SetGroupPicture {
        /// The group.
        chat: ChatId,
        /// The picture, as for [`Command::SetPicture`]; `None` to remove it.
        picture: Option<Vec<u8>>,
    },
    /// Change for how long messages are kept that are written in a conversation from now on, by anybody. In a group that takes
    /// the right to change the profile.
    SetTimer {
        /// The conversation.
        chat: ChatId,
        /// For how long; `None` for good.
        timer: Option<Lifetime>,
    },
    /// Delete the messages of a conversation on this device, and leave it out of lists until something is written in it. What
    /// is not sent yet is dropped. This account stays a member, and others keep what they have.
    DeleteHere(ChatId),
    /// Try a failed message again.
    Retry(LocalMessageId),
    /// Drop a failed message.
    Discard(LocalMessageId),
    /// The user has seen every message of the conversation.
    MarkRead(ChatId),
    /// Take up a conversation that waits for the user's decision, and show it again if it was hidden. One that is
    /// [`ConversationState::CutOff`] is entered as the server shows it. For one that is [`ConversationState::Blocked`], what was refused is asked for
    /// again. One that is [`ConversationState::Quarantined`]
    /// goes on where it was left; if that was tried before without getting any further, the device joins it anew, and
    /// what it could not process is missing here.
    TryAgain(ChatId),
    /// Keeps what was typed and not sent, for all devices of the account. An empty text deletes what was shown. One that is
    /// longer than a message can be is refused.
    KeepDraft {
        /// The conversation.
        chat: ChatId,
        /// What was typed.
        text: String,
        /// The draft that was shown before. If another device has changed it since, both texts are kept.
        shown: String,
    },
    /// Leave a conversation that is [`ConversationState::Quarantined`] out of the list. Nothing of it is deleted;
    /// [`Self::TryAgain`] and [`Self::OpenDirect`] bring it back.
    Hide(ChatId),
    /// Change what the user has chosen for a conversation, on all devices of the account. Nobody else learns of it.
    SetChat(ChatId, ChatSetting),
    /// The user is typing in a conversation, or has stopped without sending. To be given with each key; the others are told
    /// now and then.
    Type {
        /// The conversation.
        chat: ChatId,
        /// Whether something is being typed.
        is_typing: bool,
    },
    /// Whether the user is looking at the app.
    SetHere(bool),
    /// Change what others see of this account, on all its devices.
    SetPrivacy(Privacy),
    /// Change the picture of this account; `None` removes it. The others get it with the next message.
    SetPicture(Option<Vec<u8>>),
    /// Change the own display name; `None` removes it. The others learn it with the next message.
    SetName(Option<String>),
    /// Ask the directory who has an account that is known by its id alone, such as one that is banned from a group;
    /// [`Event::ContactChanged`] tells the answer. What somebody is asked about is not kept for later.
    LookUp(AccountId),
    /// Take up a conversation that somebody has begun whom the user does not know: from then on they see what was received
    /// and read. To write in it does the same.
    Accept(ChatId),
    /// Leave such a conversation out of lists, and leave it if it is a group. Somebody who writes again asks again.
    Decline(ChatId),
    /// Block somebody who is known here, on all devices of the account, or no longer. What a blocked person writes to this
    /// account alone is dropped, and they are not told; what they write in groups is shown.
    Block(AccountId, bool),
    /// Change what the user calls somebody who is known here, on all devices of the account; `None` removes it. Nobody
    /// else learns of it.
    SetNickname(AccountId, Option<String>),
    /// Give a handle to the account that the directory shows for it. The user has compared the account ids and accepts
    /// it in place of the one that the handle was pinned to, which keeps its conversation.
    AcceptHandle(rest::Person),
    /// The server has signed out a device of the own account, because the user wanted it.
    DeviceSignedOut(DeviceId),
    /// Name a device of the own account, for all of its devices; `None` removes the name.
    NameDevice(DeviceId, Option<String>),
}

/// What a step leads to, once its transaction is committed.
#[derive(Debug, Default)]
pub struct Output {
    /// To be sent to the server, in this order. Lost frames are sent again after the next `Connected`.
    pub frames: Vec<ClientFrame>,
    /// To be shown to the user, in this order.
    pub events: Vec<Event>,
    /// When the engine wants a `Tick`, if it wants one. It replaces earlier wishes.
    pub wake_at: Option<Timestamp>,
}

/// What changed, for those who watch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// All that the server had is here: what follows is live.
    CaughtUp,
    /// A conversation is new, or its members, title, state or counts changed, or what the user wants changed in it.
    ConversationChanged(ChatId),
    /// A conversation that was started here goes on under another id on the wire, because the other person's
    /// creation won. The ids on the wire of its pending messages changed with it; those of this device never do.
    ConversationMoved(ChatId),
    /// The picture of this account was changed.
    OwnPictureChanged,
    /// What others see of this account was changed.
    PrivacyChanged(Privacy),
    /// Who types in a conversation has changed.
    TypingChanged(ChatId),
    /// A person has come or gone.
    PresenceChanged(AccountId),
    /// The draft of a conversation is another one.
    DraftChanged(ChatId),
    /// A message came in: shown now for the first time.
    MessageReceived(Box<Message>),
    /// A message was stored as pending, or was sent by another device of the own account.
    MessageSent(Box<Message>),
    /// A message's status changed. One that was pending has taken its place in the log, so that its position
    /// and instant changed with it.
    MessageStatusChanged {
        /// The conversation.
        chat: ChatId,
        /// The message.
        message: LocalMessageId,
        /// The new status.
        status: MessageStatus,
    },
    /// A message is not here any more: one that had failed was dropped, or its time is over.
    MessageRemoved {
        /// The conversation.
        chat: ChatId,
        /// The message.
        message: LocalMessageId,
    },
    /// A conversation was deleted on this device: no message and no line of it is here any more.
    ConversationCleared(ChatId),
    /// A person's handle, name or picture became known or changed, or what the user calls them.
    ContactChanged(AccountId),
    /// The contents of the vault changed: the host puts it to the server.
    VaultChanged,
    /// What the server says of this account's devices differs from the vault here: the host fetches the vault and
    /// merges it.
    VaultWanted,
    /// A line that is no message was added to a conversation.
    NoticeAdded(Box<Notice>),
    /// What the server says of the invite links of a group has come: see [`crate::Engine::links`].
    LinksChanged(ChatId),
    /// Others ask to join a group than before: see [`crate::Engine::join_requests`].
    JoinRequestsChanged(ChatId),
    /// Something that the user has to know.
    Warning(Warning),
    /// The server signed this device out.
    SignedOut,
}

/// What a user has to know. Each is reported once on a connection, but for [`Self::ChangeGivenUp`] and
/// [`Self::JoinRefused`], which answer something that the user has asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The server shows the handle of this account for another one: nothing is sent to that.
    #[error(
        "the server shows the handle of {0} for another account: this is either a new account or an attack"
    )]
    HandleReassigned(AccountId),
    /// A device was signed in to this account. If it was not the user, it has to be signed out.
    #[error("a new device was signed in to this account: {0}")]
    NewDevice(DeviceId),
    /// The server lists a device of this account, or a conversation has one, that does not stand in the vault.
    #[error("there is a device of this account that its other devices do not know: {0}")]
    UnknownDevice(DeviceId),
    /// The vault names a device of this account that the server does not list.
    #[error("the server no longer lists a device of this account: {0}")]
    DeviceUnlisted(DeviceId),
    /// The server did what an honest one never does. What it sent was refused.
    #[error("the server misbehaved: {how}")]
    ServerMisbehaved {
        /// The conversation, if it is about one.
        chat: Option<ChatId>,
        /// What it did.
        how: Misbehaviour,
    },
    /// A member did what an honest one never does. What it sent was refused.
    #[error("a member of the conversation, {member}, misbehaved: {how}")]
    MemberMisbehaved {
        /// The conversation.
        chat: ChatId,
        /// The account of the device that sent it.
        member: AccountId,
        /// What it did.
        how: MemberMisbehaviour,
    },
    /// What a member says about the log is not what this device has: the server shows different logs, or the member
    /// lies. Nobody can tell which.
    #[error("{member} was shown other messages than this device, or says so")]
    LogsDisagree {
        /// The conversation.
        chat: ChatId,
        /// The member that said it.
        member: AccountId,
    },
    /// Messages of a member never reached this device: its count has a gap.
    #[error("messages of {member} are missing before message {before_seq}")]
    MessagesMissing {
        /// The conversation.
        chat: ChatId,
        /// Whose messages.
        member: AccountId,
        /// The seq of the message after the gap.
        before_seq: u64,
    },
    /// An entry of the log that only members can check cannot be read: its sender or the server has broken it.
    #[error("message {seq} cannot be read: {error}")]
    Unreadable {
        /// The conversation.
        chat: ChatId,
        /// Its seq.
        seq: u64,
        /// What is wrong with it.
        error: ProcessError,
    },
    /// Messages between two places of the log never reached this device.
    #[error("messages are missing: this device was away longer than the server keeps them")]
    HistoryGap {
        /// The conversation.
        chat: ChatId,
    },
    /// The server went back to an earlier state, as after a restore from a backup, and had lost messages. This device has
    /// put back what it had.
    #[error("the server went back to an earlier state; this device has put back what it had")]
    ServerWentBack,
    /// This profile went back to an earlier state, as a folder does that is put back from a copy. What was sent from it
    /// in between is missing here. Whoever received it still has it.
    #[error(
        "this profile went back to an earlier state; messages that were sent from it since are missing here"
    )]
    ProfileWentBack,
    /// Something could not be processed, and nothing that is known explains it: a defect of this program, or bytes
    /// that somebody made to look for one. If a conversation is named, it is [`ConversationState::Quarantined`] by now;
    /// if not, an invitation to a conversation that is not known here was dropped.
    #[error("something in a conversation cannot be processed: {reason}")]
    NotProcessed {
        /// The conversation, if it is known here.
        chat: Option<ChatId>,
        /// The error, for a bug report.
        reason: String,
    },
    /// The other person cannot be added yet: no device has a certificate that is valid by this device's clock. What was
    /// written waits.
    #[error(
        "the certificates of the other person's devices have expired, or the clock of this device is wrong"
    )]
    CertificatesExpired {
        /// The conversation.
        chat: ChatId,
    },
    /// The server refused a request in a way that the engine cannot mend.
    #[error("the server refused a request: {}", refusal(*code, detail))]
    Refused {
        /// The message that it was to carry, if it was one: [`MessageStatus::Failed`] by now.
        message: Option<LocalMessageId>,
        /// Why; `None` if this version does not know the code.
        code: Option<ProblemCode>,
        /// What the server says about it: untrusted text, which may be empty.
        detail: String,
    },
    /// A change of a group that the user wanted cannot be made, and is given up.
    #[error("a change of the group was given up: {why}")]
    ChangeGivenUp {
        /// The group.
        chat: ChatId,
        /// Whom it was about.
        account: AccountId,
        /// Why.
        why: GivenUp,
    },
    /// This account cannot join a group by the invite link that the user has opened.
    #[error("the group cannot be joined: {}", refusal(*code, ""))]
    JoinRefused {
        /// The group: it is [`ConversationState::Removed`] by now, and not in the list unless this account was in it before.
        chat: ChatId,
        /// Why; `None` if this version does not know the code.
        code: Option<ProblemCode>,
    },
    /// There is more to warn of, which is not reported until the next connection.
    #[error("there were more warnings, which are not shown until the next connection")]
    More,
}

/// Why a change of a group is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GivenUp {
    /// The rights of the group, or the role of this account, have changed since.
    #[error("the rights of the group do not permit it")]
    NotPermitted,
    /// The person is not a member.
    #[error("the person is not a member of the group")]
    NotInGroup,
    /// The user wanted to leave, and would be the last owner of those who stay.
    #[error("the group would have no owner")]
    LastOwner,
    /// The group has as many devices as it can have.
    #[error("the group is full")]
    GroupFull,
    /// The group has as many invite links as it can have.
    #[error("the group has as many invite links as it can have")]
    TooManyLinks,
    /// The keys of the person's devices contradict those of the group.
    #[error("the keys of the person's devices do not fit into the group")]
    Unsuitable,
    /// It could not be done within a day: a person without any signed-in device cannot be added.
    #[error("it could not be done within a day")]
    TooOld,
}

fn refusal(code: Option<ProblemCode>, detail: &str) -> String {
    match (code.map(ProblemCode::title), detail) {
        (None, "") => "it does not say why".to_owned(),
        (None, detail) => detail.to_owned(),
        (Some(title), "") => title.to_owned(),
        (Some(title), detail) => format!("{title} ({detail})"),
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MessageStatus {
    /// Stored here, not yet accepted by the server.
    Pending,
    /// The server refused it for good: retry or discard.
    Failed,
    /// Durable at the server.
    Sent,
    /// On a device of every other member.
    Delivered,
    /// Seen by every other member (if this account sent it), or by the user (if it was received).
    Read,
    /// Received, and not yet seen by the user.
    Unread,
}

impl MessageStatus {
    /// The name in JSON and on screens that show words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Unread => "unread",
        }
    }
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name on this device, which never changes.
    pub id: LocalMessageId,
    /// The conversation.
    pub chat: ChatId,
    /// The MIMI message id, the same on every device. It can change until the server has accepted the message.
    pub message_id: MessageId,
    /// The id on the wire of the conversation.
    pub conversation_id: ConversationId,
    /// Who wrote it.
    pub sender: AccountId,
    /// Whether the own account wrote it, on this device or another.
    pub outgoing: bool,
    /// What it says: untrusted text, to be made printable.
    pub text: String,
    /// When it was written, if it was written on this device; otherwise when the server accepted it.
    pub sent_at: Timestamp,
    /// What became of it.
    pub status: MessageStatus,
    /// Its place in the log; `None` until the server has accepted it.
    pub seq: Option<u64>,
    /// Its place in this device's list: ascending in the order of display, unique.
    pub position: i64,
    /// For how long it is kept once its time has begun: for its author when the server has accepted it, for others when they
    /// have read it. `None` for good.
    pub lifetime: Option<Lifetime>,
    /// When it is deleted here; `None` until its time has begun.
    pub expires_at: Option<Timestamp>,
}

/// A line of a conversation that is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The conversation.
    pub chat: ChatId,
    /// The id on the wire of the conversation.
    pub conversation_id: ConversationId,
    /// Its place in this device's list, among the positions of the messages; several may share one.
    pub position: i64,
    /// When the server accepted what it tells.
    pub at: Timestamp,
    /// What happened.
    pub kind: NoticeKind,
    /// Who did it; `None` if this device did not see it, because it was not in the conversation then.
    pub by: Option<AccountId>,
    /// Whom it is about.
    pub who: Vec<AccountId>,
}

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoticeKind {
    /// Members have devices that were not in the conversation before.
    DeviceAdded,
    /// The group was created.
    Created,
    /// People were added to the group.
    Added,
    /// Somebody has joined the group by an invite link.
    JoinedByLink,
    /// People were removed from the group.
    Removed,
    /// A member has left the group.
    Left,
    /// Who may do what in the group has changed.
    RightsChanged,
    /// A member of the group was given this role.
    RoleGiven(Role),
    /// The group was given another name.
    Renamed,
    /// The group was given another picture, or none.
    PictureChanged,
    /// It was said what the group is about.
    DescriptionChanged,
    /// Messages that are written from then on are kept for this long; `None` for good.
    TimerChanged(Option<Lifetime>),
}

impl NoticeKind {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeviceAdded => "device_added",
            Self::Created => "created",
            Self::Added => "added",
            Self::JoinedByLink => "joined",
            Self::Removed => "removed",
            Self::Left => "left",
            Self::RightsChanged => "rights",
            Self::RoleGiven(_) => "role",
            Self::Renamed => "renamed",
            Self::PictureChanged => "picture",
            Self::DescriptionChanged => "description",
            Self::TimerChanged(_) => "expires",
        }
    }
}

/// A device in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberDevice {
    /// Its account.
    pub account_id: AccountId,
    /// The device.
    pub device_id: DeviceId,
    /// Whether it is this one.
    pub is_this_device: bool,
}

/// What a new group is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// What its members call it.
    pub name: String,
    /// What it is about; blank to say nothing.
    pub description: String,
    /// Its picture: see [`Command::SetPicture`].
    pub picture: Option<Vec<u8>>,
    /// Who may do what in it.
    pub rights: Rights,
}

impl NewGroup {
    /// A group with this name and nothing else.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            picture: None,
            rights: Rights::DEFAULT,
        }
    }
}

impl From<&str> for NewGroup {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// An invite link that is to be made.
#[derive(Clone)]
pub struct NewLink {
    /// The link: a new one, so that the same command has the same effect once.
    pub secret: LinkSecret,
    /// What the user calls it.
    pub name: Option<String>,
    /// Whether one only asks to join by it.
    pub needs_approval: bool,
    /// How many accounts may come by it; `None` for any number. The server counts.
    pub uses_max: Option<u32>,
    /// When it stops to work, by the server's clock; `None` for never.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for NewLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has the link can join.
        f.debug_struct("NewLink").finish_non_exhaustive()
    }
}

/// An invite link, and what it shows of the group.
#[derive(Clone)]
pub struct Invitation {
    /// The link.
    pub secret: LinkSecret,
    /// What was opened with it. The caller has compared its conversation with the one that the server names.
    pub preview: LinkPreview,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("conversation_id", &self.preview.conversation_id)
            .finish_non_exhaustive()
    }
}

/// An invite link of a group.
#[derive(Clone)]
pub struct GroupLink {
    /// What the server knows it by.
    pub id: LinkId,
    /// The link itself; `None` if this account has not made it.
    pub secret: Option<LinkSecret>,
    /// What the user calls it.
    pub name: Option<String>,
    /// Whether one only asks to join by it.
    pub needs_approval: bool,
    /// Whether it can be used.
    pub standing: LinkStanding,
    /// How many accounts have come by it, as the server says; `None` if it has not been asked, or does not have the link.
    pub uses: Option<u32>,
    /// How many may; `None` for any number, or if that is not known.
    pub uses_max: Option<u32>,
    /// When it stops to work; `None` for never, or if that is not known.
    pub expires_at: Option<Timestamp>,
}

/// Whether an invite link can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkStanding {
    /// Not yet: the group or the server does not have it.
    Wanted,
    /// Yes, unless it has expired or is used up.
    Ready,
    /// It is being revoked.
    Unwanted,
}

/// Somebody who asks to join a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// Who.
    pub account_id: AccountId,
    /// Their handle, once the directory has told it, and what is known of them.
    pub contact: Option<Contact>,
    /// Their name, as they say; `None` if they do not say, or if this device does not have the link by which they ask.
    pub name: Option<String>,
    /// What they write: untrusted text of several lines. `None` as for the name.
    pub note: Option<String>,
    /// When, by the server's clock.
    pub asked_at: Timestamp,
}

impl JoinRequest {
    /// Their handle, once the directory has told it.
    pub fn handle(&self) -> Option<&Handle> {
        self.contact.as_ref()?.handle.as_ref()
    }
}

/// How far a request to join a group has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskState {
    /// It waits for a connection.
    Waiting,
    /// Those who decide can see it.
    Asked,
}

/// What the server says of an invite link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkUses {
    pub id: LinkId,
    pub uses: u32,
    pub uses_max: Option<u32>,
    pub expires_at: Option<Timestamp>,
}

impl LinkUses {
    /// Reads one; `None` if its id is not one.
    pub(crate) fn of_frame(link: &frames::Link) -> Option<Self> {
        let expires_at = link.expires_at_ms;
        Some(Self {
            id: LinkId::try_from(&link.link_id[..]).ok()?,
            uses: link.uses,
            uses_max: (link.uses_max > 0).then_some(link.uses_max),
            expires_at: (expires_at > 0).then(|| Timestamp::from_millis(expires_at)),
        })
    }
}

/// A conversation as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its name on this device, which never changes.
    pub id: ChatId,
    /// Its id on the wire. It can change while the conversation is [`ConversationState::Starting`].
    pub conversation_id: ConversationId,
    /// What kind of conversation it is.
    pub kind: ConversationKind,
    /// What its members call it; `None` where the person does who it is with.
    pub title: Option<String>,
    /// What a group is about: untrusted text of several lines.
    pub description: Option<String>,
    /// For how long messages are kept that are written in it; `None` for good. See [`Command::SetTimer`].
    pub timer: Option<Lifetime>,
    /// Tells the pictures of a group apart; `None` if it has none. See [`crate::Engine::group_picture`].
    pub picture: Option<u64>,
    /// The other person of a direct conversation.
    pub with: Option<Contact>,
    /// Whether that person is there.
    pub presence: Presence,
    /// Who is typing there, in the order of their account ids.
    pub typing: Vec<AccountId>,
    /// Received messages that the user has not seen.
    pub unread: u64,
    /// The position of the first of them.
    pub first_unread: Option<i64>,
    /// When something was last said, or when it was opened here.
    pub active_at: Timestamp,
    /// The newest message.
    pub last_message: Option<Message>,
    /// Whether it can be used.
    pub state: ConversationState,
    /// Why it is quarantined, for a bug report; `None` unless it is.
    pub quarantine: Option<String>,
    /// Whether lists leave it out; see [`Command::Hide`] and [`Command::DeleteHere`].
    pub is_hidden: bool,
    /// Whether the user wants it.
    pub standing: Standing,
    /// Who has added this device to it, if it was added: whoever begins a conversation, or adds people to a group.
    pub added_by: Option<AccountId>,
    /// What the user has chosen for it.
    pub settings: ChatSettings,
    /// How far the request of this account to join it has come; `None` if it does not ask.
    pub ask: Option<AskState>,
    /// How many people ask to join it, as far as this account decides about that.
    pub join_requests: usize,
    /// What was typed on a device of this account and not sent.
    pub draft: Option<String>,
}

/// Whether the user wants a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// Yes: it was begun here, by somebody who is known, or accepted.
    #[default]
    Accepted,
    /// Somebody else has begun it, and the user has not decided: see [`Command::Accept`] and [`Command::Decline`]. Until then
    /// nobody learns what this device has received and read, nor that the user is there.
    Request,
    /// No. Lists leave it out.
    Declined,
}

/// Whose conversations need no decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audience {
    /// Those of people with whom there is a direct conversation that the user wants, or who have a nickname.
    #[default]
    Known,
    /// Those of everybody.
    Everybody,
    /// Those of nobody.
    Nobody,
}

/// What the user has chosen for a conversation, on all devices of the account; see [`Command::SetChat`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChatSettings {
    /// Whether new messages are announced.
    pub mute: Mute,
    /// It stands above the others in lists.
    pub is_pinned: bool,
    /// Lists keep it apart. It comes back when something is said in it, unless it is muted.
    pub is_archived: bool,
    /// It is shown as unread until it is opened.
    pub is_marked_unread: bool,
}

/// One of [`ChatSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatSetting {
    /// Mute it, or not.
    Mute(Mute),
    /// Pin it, or not.
    Pinned(bool),
    /// Archive it, or bring it back.
    Archived(bool),
    /// Mark it as unread, or not.
    MarkedUnread(bool),
}

/// For how long new messages of a conversation are not announced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mute {
    /// They are announced.
    #[default]
    Off,
    /// Until this instant.
    Until(Timestamp),
    /// For good.
    ForEver,
}

impl Mute {
    /// Whether new messages are not announced now.
    pub fn is_on(self, now: Timestamp) -> bool {
        match self {
            Self::Off => false,
            Self::Until(end) => now < end,
            Self::ForEver => true,
        }
    }
}

/// A member of a conversation: an account with all its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account_id: AccountId,
    /// What is known of the person; `None` for this account itself.
    pub contact: Option<Contact>,
    /// What it may do.
    pub role: Role,
    /// It has reported to have every message up to this seq.
    pub delivered_up_to: u64,
    /// It has reported to have read every message up to this seq.
    pub read_up_to: u64,
}

/// Whether a conversation can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConversationState {
    /// Known to this device only, until the first message leaves.
    Starting,
    /// This device is joining, or joining again.
    Joining,
    /// In use.
    Joined,
    /// Refused: a certificate or key did not verify.
    Blocked,
    /// This device can come back only to a state of which it cannot check where it comes from: the user decides.
    CutOff,
    /// The user was removed from it. What was said before stays.
    Removed,
    /// Set aside, because something in it cannot be processed. What is written waits; [`Command::TryAgain`] and
    /// [`Command::Hide`] lead out.
    Quarantined,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The account.
    pub account_id: AccountId,
    /// The handle, once the directory has told it.
    pub handle: Option<Handle>,
    /// The handle that the person had until the user accepted another account for it.
    pub former_handle: Option<Handle>,
    /// The name that the person has sent: untrusted text.
    pub name: Option<String>,
    /// The version of their profile that has a picture; `None` if it has none.
    pub picture: Option<u64>,
    /// What the user calls them in place of their name; see [`Command::SetNickname`].
    pub nickname: Option<String>,
    /// Whether the user has blocked them; see [`Command::Block`].
    pub is_blocked: bool,
}

/// Who this engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The own account.
    pub account_id: AccountId,
    /// Its handle.
    pub handle: Handle,
    /// This device.
    pub device_id: DeviceId,
    /// The own display name.
    pub name: Option<String>,
    /// When its picture was changed last, in milliseconds since 1970 UTC; `None` if it has none.
    pub picture: Option<u64>,
    /// What others see of this account, the same on all its devices.
    pub privacy: Privacy,
}

/// Whether a person is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing is known, or it is not shown.
    Unknown,
    /// They are looking at the app.
    Here,
    /// They were, and this device saw it last at this time.
    LastSeen(Timestamp),
}

/// What others see of this account, and what they may do without a question. Of the switches, what is off is not shown of
/// others either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privacy {
    /// Whether they see that their messages were read.
    pub read_receipts: bool,
    /// Whether they see that somebody is typing.
    pub typing: bool,
    /// Whether they see that somebody is there, and when they were last.
    pub last_seen: bool,
    /// Who may write to this account: what others write is a request.
    pub writers: Audience,
    /// Who may add this account to groups: what others do is a request.
    pub adders: Audience,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            read_receipts: true,
            typing: true,
            last_seen: true,
            writers: Audience::Known,
            adders: Audience::Known,
        }
    }
}

/// How often each step of the way back was needed since the engine was opened: nothing of it is shown to the
/// user, and all of it stays near zero where network and server are well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoveryCounts {
    /// The log was asked for what lies after the cursor, other than to see a commit of this device in it.
    pub log_fetches: u64,
    /// Entries came before those that they follow, and were held.
    pub entries_held: u64,
    /// The device could not follow a log any more, and set out to join again from outside.
    pub rejoins: u64,
    /// Entries did not verify, and were refused.
    pub entries_refused: u64,
    /// Entries that this device never had were gone from the server.
    pub history_gaps: u64,
    /// The way back was left to the user.
    pub cut_offs: u64,
    /// What a member said about the log was not what this device has.
    pub logs_disagree: u64,
    /// Messages that a member had sent and this device never saw.
    pub messages_missing: u64,
    /// A conversation was set aside because something in it could not be processed.
    pub quarantines: u64,
    /// Messages that were sent again for a server or a device that had lost them.
    pub messages_resent: u64,
    /// Entries that a server had lost, and that it has again since.
    pub entries_put_back: u64,
    /// Profiles of others did not open, and were not used.
    pub profiles_refused: u64,
    /// Receipts of other devices did not open, and were not used.
    pub receipts_refused: u64,
}

impl std::ops::AddAssign for RecoveryCounts {
    fn add_assign(&mut self, more: Self) {
        self.log_fetches += more.log_fetches;
        self.entries_held += more.entries_held;
        self.rejoins += more.rejoins;
        self.entries_refused += more.entries_refused;
        self.history_gaps += more.history_gaps;
        self.cut_offs += more.cut_offs;
        self.logs_disagree += more.logs_disagree;
        self.messages_missing = self.messages_missing.saturating_add(more.messages_missing);
        self.quarantines += more.quarantines;
        self.messages_resent = self.messages_resent.saturating_add(more.messages_resent);
        self.entries_put_back = self.entries_put_back.saturating_add(more.entries_put_back);
        self.receipts_refused += more.receipts_refused;
        self.profiles_refused += more.profiles_refused;
    }
}

/// Why a command was not accepted. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// No conversation with this id.
    #[error("there is no such conversation")]
    UnknownConversation,
    /// No message with this id, or not one that failed.
    #[error("there is no such failed message")]
    UnknownMessage,
    /// Nobody with this account is known here.
    #[error("this person is not known here")]
    UnknownContact,
    /// There are as many nicknames as there can be.
    #[error("there is no room for another nickname: remove one first")]
    TooManyNicknames,
    /// As many people are blocked as can be.
    #[error("there is no room to block another person: unblock one first")]
    TooManyBlocked,
    /// The user has blocked the person.
    #[error("you have blocked this person: unblock them first")]
    PersonBlocked,
    /// The conversation does not wait for the user's decision.
    #[error("this conversation is not a request")]
    NotARequest,
    /// No device of this account with this id, or one that was signed out.
    #[error("there is no such device in this account")]
    UnknownDevice,
    /// The text cannot be sent.
    #[error(transparent)]
    Text(#[from] InvalidMessageText),
    /// The display name is not acceptable.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The description of a group cannot be used.
    #[error(transparent)]
    Description(#[from] InvalidDescription),
    /// The picture is not acceptable.
    #[error(transparent)]
    Picture(#[from] InvalidPicture),
    /// A conversation with oneself.
    #[error("this is your own account")]
    OwnAccount,
    /// The directory shows another account under a handle that is pinned.
    #[error("the server shows another account under this handle than the one known; nothing was sent")]
    HandleReassigned,
    /// What the directory says of a person contradicts itself: the keys are not those that the id names.
    #[error("what the server says of this person is not valid; nothing was sent")]
    InvalidPerson,
    /// Something in the conversation, or stored about the person, cannot be processed.
    #[error("something in this conversation cannot be processed")]
    NotProcessed,
    /// The conversation is blocked because something did not verify.
    #[error("this conversation is blocked because a key did not verify")]
    Blocked,
    /// The user is not a member of the conversation any more.
    #[error("you are no longer a member of this conversation")]
    NotAMember,
    /// The conversation is not a group.
    #[error("this conversation is not a group")]
    NotAGroup,
    /// This device is not in the group yet.
    #[error("this device is not in the group yet")]
    NotYet,
    /// The person is not a member of the group.
    #[error("this person is not a member of the group")]
    UnknownMember,
    /// The policy of the group does not permit it.
    #[error("the rights of this group do not permit that")]
    NotPermitted,
    /// Somebody who is to be added is banned from the group.
    #[error("this person is banned from the group")]
    Banned,
    /// The group would have no owner any more.
    #[error("a group needs an owner: make somebody else an owner first")]
    LastOwner,
    /// The group would have too many members.
    #[error("a group has at most {GROUP_MEMBERS_MAX} members")]
    GroupFull,
    /// The group would have too many invite links.
    #[error("a group has at most {LINKS_MAX} invite links: revoke one first")]
    TooManyLinks,
    /// The group has no such invite link.
    #[error("the group has no such invite link")]
    UnknownLink,
    /// The note that goes along with a request to join is too long.
    #[error("a note has at most {JOIN_NOTE_TEXT_MAX} bytes")]
    NoteTooLong,
    /// Nobody with this account asks to join the group.
    #[error("this person does not ask to join the group")]
    UnknownJoinRequest,
    /// It takes a connection.
    #[error("there is no connection to the server")]
    NotConnected,
    /// The account is in as many conversations as it can be.
    #[error("you are in as many conversations as an account can be: leave one first")]
    TooManyConversations,
}

/// Why a step failed. Its transaction was rolled back; the engine behaves as if the connection was lost,
/// and goes on with the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The command was not accepted.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The local database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The group's state failed: the local database, or a defect.
    #[error(transparent)]
    Mls(#[from] MlsError),
    /// The vault that the server holds does not open.
    #[error("the vault at the server does not open: {0}")]
    Vault(String),
    /// The local state contradicts itself: a defect.
    #[error("the local state is not consistent: {0}")]
    Inconsistent(String),
}

impl EngineError {
    /// Whether there is no space left where the database is. Nothing is lost: it works again when there is.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, Self::Database(DatabaseError::Full))
    }

    /// Whether the failure lies in the conversation that was worked on, so that the work on others may go on: its
    /// rows contradict themselves, or MLS fails on it. A refused command and a failing database concern the whole step.
    pub(crate) fn is_in_conversation(&self) -> bool {
        match self {
            Self::Mls(MlsError::Corrupt(_) | MlsError::Internal(_)) | Self::Inconsistent(_) => true,
            Self::Database(error) => error.is_in_rows(),
            Self::Mls(MlsError::Store(_)) | Self::Command(_) | Self::Vault(_) => false,
        }
    }
}

impl From<CommitError> for EngineError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Mls(error) => error.into(),
            error => Self::Inconsistent(error.to_string()),
        }
    }
}

impl From<KeyPackageError> for EngineError {
    fn from(error: KeyPackageError) -> Self {
        Self::Inconsistent(format!("a key package of this device: {error}"))
    }
}

impl From<EncryptError> for EngineError {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::Mls(error) => error.into(),
            error => Self::Inconsistent(error.to_string()),
        }
    }
}

impl From<JoinError> for EngineError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Mls(error) => error.into(),
            error => Self::Inconsistent(error.to_string()),
        }
    }
}

impl From<ContentError> for EngineError {
    fn from(error: ContentError) -> Self {
        Self::Inconsistent(format!("an own content: {error}"))
    }
}
