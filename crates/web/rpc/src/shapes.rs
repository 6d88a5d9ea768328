//! The data that a page shows.

use serde::{Deserialize, Serialize};
use subrosa_wire::{AccountId, DeviceId, Handle, Timestamp};

use crate::ids::{ChatId, LocalMessageId};

/// The state of everything but messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the app can do at all.
    pub phase: Phase,
    /// The connection to the server.
    pub connection: Connection,
    /// Whether everything that waited at the server has arrived.
    pub caught_up: bool,
    /// English, for a report: why the server refuses to hand over what waits there, if it does. It is asked again.
    pub refusal: Option<String>,
    /// How much is stored here and not yet accepted by the server.
    pub unsent: u64,
    /// Whether something could not be stored because the storage is full.
    pub storage_full: bool,
    /// By how many milliseconds the server's clock is ahead of this device's, if one of them is wrong; negative if it is
    /// behind.
    pub clock_difference_ms: Option<i64>,
}

/// What the app can do at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The database is being opened, or the tab that leads is changing.
    Starting,
    /// Nobody is signed in here.
    SignedOut,
    /// Somebody is signed in.
    SignedIn(Me),
    /// The server has ended this device's session: what is stored here can be read until it is removed
    /// ([`crate::Request::Forget`]).
    Revoked(Me),
    /// This browser lacks something that the app needs. Nothing was written.
    Unsupported {
        /// The feature, by its name in the web standards: "origin private file system", …
        feature: String,
    },
    /// The browser has removed this device's data (storage was low, or site data were cleared): the account is safe,
    /// but this device has to sign in again. [`crate::Request::Forget`] leads out of this phase.
    Evicted,
    /// The local database does not open. [`crate::Request::Forget`] leads out of this phase.
    Broken {
        /// English, for a report.
        detail: String,
    },
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The user's account.
    pub account_id: AccountId,
    /// Its handle.
    pub handle: Handle,
    /// The display name: what the user typed.
    pub name: Option<String>,
    /// The version of the picture, another one after each change of it; `None` if there is no picture.
    pub picture: Option<u64>,
    /// This device.
    pub device_id: DeviceId,
    /// What others see of the account, the same on all its devices.
    pub privacy: Privacy,
}

/// What others see of the account, and what they may do without a question. Of the switches, what is off is not shown of
/// others either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privacy {
    /// Whether they see that their messages were read.
    pub read_receipts: bool,
    /// Whether they see that the user is typing.
    pub typing: bool,
    /// Whether they see that the user is here, and when they last were.
    pub last_seen: bool,
    /// Who may write to the user: what others write is a request.
    pub writers: Audience,
    /// Who may add the user to groups: what others do is a request.
    pub adders: Audience,
}

/// Who needs no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// People with whom the user has a conversation that they want, or whom they have given a nickname.
    Known,
    /// Everybody.
    Everybody,
    /// Nobody.
    Nobody,
}

/// The connection to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connection {
    /// No connection is wanted.
    Off,
    /// Connecting.
    Connecting,
    /// Connected.
    Online,
    /// Not connected; the next attempt follows automatically.
    Waiting {
        /// Milliseconds until the next attempt, counted from this report.
        retry_in_ms: u32,
    },
    /// Page and server are of incompatible versions.
    Incompatible,
}

/// A person whom the user has a conversation with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The account, which also determines the avatar's colours.
    pub account_id: AccountId,
    /// The handle, once the directory has returned it.
    pub handle: Option<Handle>,
    /// The handle that the person had until the user accepted another account for it.
    pub former_handle: Option<Handle>,
    /// The name that the person has sent, made printable and reduced to one line. It is still untrusted text.
    pub name: Option<String>,
    /// The version of the person's picture, another one after each change of it; `None` if they have no picture.
    pub picture: Option<u64>,
    /// What the user calls the person, in place of the name.
    pub nickname: Option<String>,
    /// Whether the user has blocked the person.
    pub is_blocked: bool,
}

/// A person in the directory.
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
    /// Its id.
    pub id: ChatId,
    /// What kind of conversation it is.
    pub kind: ConversationKind,
    /// What its members call it, made printable and reduced to one line; `None` where it has the name of the other
    /// person. It is still untrusted text.
    pub title: Option<String>,
    /// What a group is about, made printable, with line breaks. It is still untrusted text.
    pub description: Option<String>,
    /// The version of a group's picture, another one after each change of it; `None` if it has none.
    pub picture: Option<u64>,
    /// The other person of a direct conversation.
    pub with: Option<Contact>,
    /// What the user is in a group; a member in other conversations.
    pub role: Role,
    /// The members of a group besides the user, in the order of their accounts; none of other conversations.
    pub members: Vec<Member>,
    /// Who has left a group or was removed from it, as far as this device knows them: their messages stay.
    pub former_members: Vec<Contact>,
    /// What the user wants changed in a group and is not changed yet, one change for each person.
    pub wishes: Vec<Wish>,
    /// Whether that person is online.
    pub presence: Presence,
    /// Who is typing there.
    pub typing: Vec<AccountId>,
    /// How many messages are unread.
    pub unread: u64,
    /// The position of the first unread message.
    pub first_unread: Option<i64>,
    /// The newest message.
    pub last_message: Option<Message>,
    /// When something was last said. The list is sorted by it, the latest first.
    pub active_at: Timestamp,
    /// Whether it can be used.
    pub state: ConversationState,
    /// Why it is set aside, in English for a report; `None` unless it is.
    pub quarantine: Option<String>,
    /// Whether the list leaves it out.
    pub hidden: bool,
    /// Whether somebody else has begun it and the user has not decided whether they want it.
    pub is_request: bool,
    /// Who has added the user, if somebody has.
    pub added_by: Option<Contact>,
    /// What the user has chosen for it.
    pub settings: ChatSettings,
    /// Text that was typed and not sent.
    pub draft: Option<String>,
    /// After how many seconds messages disappear that are written in it; `None` for never.
    pub timer: Option<u32>,
}

/// What the user has chosen for a conversation, on all devices of the account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatSettings {
    /// Whether new messages are announced.
    pub mute: Mute,
    /// Whether it stands above the others in the list.
    pub is_pinned: bool,
    /// Whether the list keeps it apart.
    pub is_archived: bool,
    /// Whether it is shown as unread until it is opened.
    pub is_marked_unread: bool,
}

/// One of [`ChatSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// What a new group is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGroup {
    /// What its members call it.
    pub name: String,
    /// What it is about; empty to say nothing.
    pub description: String,
    /// Its picture, as [`crate::Request::SetPicture`] takes it.
    pub picture: Option<Vec<u8>>,
    /// The lowest role that adds people.
    pub add: Role,
    /// The lowest role that writes.
    pub post: Role,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The person.
    pub contact: Contact,
    /// What they are in it.
    pub role: Role,
}

/// A change of a group that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Whom it is about.
    pub who: Contact,
    /// What is to change; `None` if they are to be added.
    pub change: Option<MemberChange>,
}

/// What can change about a person in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberChange {
    /// They are given another role.
    GiveRole(Role),
    /// They are removed.
    Remove,
    /// They are removed and kept out.
    Ban,
    /// They can be added again.
    Readmit,
}

/// What the user may change in a group.
#[expect(clippy::struct_excessive_bools, reason = "each is a permission of its own")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRights {
    /// Whether they may add people.
    pub may_add: bool,
    /// Whether they may rename it.
    pub may_rename: bool,
    /// Whether they may write in it.
    pub may_post: bool,
    /// Whether they may change who adds people and who writes.
    pub may_change_rights: bool,
    /// The lowest role that adds people.
    pub add: Role,
    /// The lowest role that writes.
    pub post: Role,
    /// Whether nobody else owns it, and others are in it.
    pub is_last_owner: bool,
    /// Whether they are about to leave.
    pub is_leaving: bool,
    /// What they may change about each member, the user among them; those about whom they may change nothing are left out.
    pub changes: Vec<(AccountId, Vec<MemberChange>)>,
    /// Who is banned, as far as the user may let them back in.
    pub banned: Vec<Contact>,
}

/// Whether a person is online.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// Nothing is known, or it is not shown.
    Unknown,
    /// They are looking at their app.
    Online,
    /// They were online, and this device saw it last at this time.
    LastSeen(Timestamp),
}

/// What kind of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConversationKind {
    /// Between two people.
    Direct,
    /// The user's own notes.
    NotesToSelf,
    /// Between people who come and go.
    Group,
}

/// Whether a conversation can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConversationState {
    /// Known on this device only, until the first message is sent.
    Starting,
    /// This device is joining.
    Joining,
    /// In use.
    Joined,
    /// A certificate or key did not verify: nothing can be sent.
    Blocked,
    /// This device can come back only to a state that it cannot check: the user decides.
    CutOff,
    /// The user was removed from it. What was said before stays.
    Removed,
    /// Set aside, because something in it cannot be processed: what is written waits.
    Quarantined,
}

/// A message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: LocalMessageId,
    /// Its conversation.
    pub chat: ChatId,
    /// Who wrote it.
    pub sender: AccountId,
    /// Whether the user's own account wrote it.
    pub outgoing: bool,
    /// Its text, made printable (no control or direction characters that could deceive), with line breaks.
    pub text: String,
    /// When it was written, if it was written on this device; otherwise when the server accepted it.
    pub sent_at: Timestamp,
    /// Its status.
    pub status: MessageStatus,
    /// Its position, which ascends in the order of display and is unique within the conversation. It changes when a
    /// pending message is sent.
    pub position: i64,
    /// After how many seconds it disappears: for its author after sending, for others after reading; `None` for never.
    pub lifetime: Option<u32>,
}

/// A line of a conversation that is no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its conversation.
    pub chat: ChatId,
    /// Its place among the positions of the messages; several may share one.
    pub position: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: NoticeKind,
    /// Who did it; `None` if this device did not see it.
    pub by: Option<Contact>,
    /// Whom it is about.
    pub who: Vec<Contact>,
    /// Whether the user did it.
    pub by_user: bool,
    /// Whether it is about the user, among others.
    pub about_user: bool,
}

/// What a member of a group may do. Higher roles include the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// What everybody may.
    Member,
    /// Manages members.
    Admin,
    /// Makes admins and owners.
    Owner,
}

/// What a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoticeKind {
    /// Members have devices that were not in the conversation before.
    DeviceAdded,
    /// The group was created.
    Created,
    /// People were added to the group.
    Added,
    /// People were removed from the group.
    Removed,
    /// Somebody has a role in the group from then on.
    RoleGiven(Role),
    /// The group was given another name.
    Renamed,
    /// The group was given another picture, or none.
    PictureChanged,
    /// It was said what the group is about.
    DescriptionChanged,
    /// A member has left.
    Left,
    /// Who may do what in the group has changed.
    RightsChanged,
    /// Messages that are written from then on disappear after this many seconds; `None` for never.
    TimerChanged(Option<u32>),
    /// Something that has no name here yet.
    Other,
}

/// The status of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MessageStatus {
    /// Stored here, not yet accepted by the server.
    Pending,
    /// The server refused it for good: retry or discard.
    Failed,
    /// Stored durably at the server.
    Sent,
    /// On a device of every other member.
    Delivered,
    /// Seen by every other member (sent messages), or by the user (received ones).
    Read,
    /// Received, and not yet seen by the user.
    Unread,
}

/// A device of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What the account's devices call it.
    pub name: Option<String>,
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
    /// Too short to be accepted.
    TooShort,
    /// Among the first guesses: a common password, a pattern, the handle.
    Guessable,
    /// Accepted, but weak against somebody who has the server's disk.
    Fair,
    /// Good.
    Good,
    /// Strong.
    Strong,
}
