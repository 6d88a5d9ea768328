//! The objects that `--json` prints. Their field names are part of the interface: they are added, never
//! renamed, and never change their meaning. Ids are 32 (messages: 64) lower-case hexadecimal digits,
//! instants ISO 8601 in UTC.

use serde::Serialize;
use subrosa_client::{
    AccountId, Audience, ChatLink, Contact, Conversation, ConversationKind, ConversationState, Device,
    Handle, InviteLink, JoinRequest, Lifetime, LinkId, LinkStanding, Me, Member, MemberDevice, Message,
    MessageStatus, Mute, Notice, NoticeKind, Person, Privacy, Rights, Role, ServerUrl, Standing,
};

use subrosa_server::{
    clock::{Clock as _, SystemClock},
    store::sqlite::Contents,
};

use crate::{instant::iso, people::Names};

/// For the help text.
pub(crate) const HELP: &str = "\
JSON (one object per line; fields may be added, but are never renamed):
  message   id, conversation, from (handle), text, sent_at (ISO 8601, UTC), status, outgoing
            request (true in what waits for you to accept it, else absent); expires (for how many seconds it is kept) and
            expires_at (when it disappears here, once its time has begun), absent if it is kept for good;
            status of messages you sent: pending, failed, sent, delivered, read; received: unread, read
  chat      conversation, kind (direct, group, notes), with (handle of the other person; null for groups), name, unread,
            marked_unread, muted, muted_until (absent if for good), pinned, archived, request (whether it waits for
            you to accept or decline it), by (then the handle of whoever asks), state, last_message; blocked (true if you
            have blocked the person); formerly
            (the handle that the person had until you accepted another account for it), nickname (if you have given
            one); expires (for how many seconds messages are kept that are written in it; absent if for good); with --members also members: handle, devices (device_id, current)
  group     conversation, kind, name, epoch, members: handle, role (owner, admin, member), devices (how many);
            rights: add, remove, edit, post, pin (everyone, admins, owners; null outside of the group); state
  room      the fields of a chat, link (whoever has it can join), link_id
  link      link (null if somebody else has made it), link_id, name (what you call it), state (ready, wanted until the
            server has it, unwanted while it is being revoked, revoked), uses (null if the server has not said), uses_max,
            expires_at (null for no limit, or if it is not known), needs_approval
  asking    handle (null until the server has said it), account_id, name and note (what they say; null if they do not, or if
            you have not made the link by which they ask), asked_at (group requests)
  join      the chat, with state joined, or asked if somebody in it has to decide; or code link_invalid, link_revoked, link_expired, link_used_up,
            banned, group_full
  account   account_id, handle, name, device_id, server; signup only: recovery_code
            (signup, signin, whoami, recover)
  device    device_id, name, created_at, last_seen_at, current, certified (by the account key)
  name      name (null if there is none)
  nickname  handle, nickname (what you call them; null if there is none), name (what they call themselves)
  picture   picture (true or false)
  privacy   read_receipts, typing, last_seen (true or false); messages and groups (whom you want to hear from without being
            asked: everybody, known or nobody)
  blocked   handle, blocked (true or false)
  person    account_id, handle
  accept    of a request the chat, as decline; of another account: handle, known and shown (account ids), accepted
  history   messages, and events without id and text: \"event\": \"device_added\", \"created\", \"added\", \"joined\" (by a link), \"removed\",
            \"left\", \"role\" (with role), \"rights\", \"renamed\" or \"expires\" (with expires: for how many seconds messages are kept
            from then on, 0 for good), with conversation, at (ISO 8601, UTC), by (handle; null if this device
            did not see it), who (a list of handles)
  listen    a message with \"event\": \"message\"; \"event\": \"status\" with id, conversation, status;
            the events of history; \"event\": \"warning\" with the fields of a warning
  done      done (text): passwd, signout, chats delete, devices --sign-out, recover in a profile of the account
  serve     listening (the address), once the server accepts connections
  backup    backup (the folder), schema_version, accounts, devices, conversations, entries, bytes
  restore   restored (the data folder), kept (where what was there before is; null if there was nothing), and the
            fields of backup from schema_version on
  bench     the report as one object; bench/src/report.rs documents its fields
Standard output has only results. Everything else goes to standard error, also one object per line:
  error     error (text), exit_code, and code (stable) if the server refused or could not be used
  warning   warning (text): something that affects your security; kind (stable): handle_reassigned,
            new_device, unknown_device, device_unlisted, server_misbehaved, member_misbehaved, history_gap, server_went_back, profile_went_back,
            certificates_expired, change_given_up, join_refused, refused, more, not_encrypted, other; device: which one, for the three about devices;
            how (stable): what the server or the member did; conversation, if it is about one;
            code, if the server refused something
  note      note (text): other information
The server's log is JSON only with --log-format json.";

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
    /// Whether it stands in a conversation that waits for the user to accept it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    request: bool,
    /// For how many seconds it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u32>,
    /// When it disappears here, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl<'a> MessageShape<'a> {
    pub(crate) fn new(message: &'a Message, names: &Names) -> Self {
        Self {
            id: message.message_id.to_string(),
            conversation: message.conversation_id.to_string(),
            from: names.handle_of(message.sender),
            text: &message.text,
            sent_at: iso(message.sent_at),
            status: message.status.as_str(),
            outgoing: message.outgoing,
            request: false,
            expires: message.lifetime.map(Lifetime::as_secs),
            expires_at: message.expires_at.map(iso),
        }
    }

    /// The same, of a conversation with this standing.
    pub(crate) fn with_standing(self, standing: Standing) -> Self {
        Self {
            request: standing == Standing::Request,
            ..self
        }
    }
}

/// A line of a conversation that is no message.
#[derive(Debug, Serialize)]
pub(crate) struct NoticeShape {
    event: &'static str,
    conversation: String,
    at: String,
    by: Option<String>,
    who: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// For how many seconds messages are kept from then on, 0 for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u32>,
}

impl NoticeShape {
    pub(crate) fn new(notice: &Notice, names: &Names) -> Self {
        Self {
            event: notice.kind.as_str(),
            conversation: notice.conversation_id.to_string(),
            at: iso(notice.at),
            by: notice.by.map(|by| names.handle_of(by)),
            who: notice
                .who
                .iter()
                .map(|account| names.handle_of(*account))
                .collect(),
            role: match notice.kind {
                NoticeKind::RoleGiven(role) => Some(role_word(role)),
                _ => None,
            },
            expires: match notice.kind {
                NoticeKind::TimerChanged(timer) => Some(timer.map_or(0, Lifetime::as_secs)),
                _ => None,
            },
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
    Warning(WarningShape),
}

impl ListenShape<'_> {
    pub(crate) fn status(message: &Message, status: MessageStatus) -> Self {
        Self::Status {
            id: message.message_id.to_string(),
            conversation: message.conversation_id.to_string(),
            status: status.as_str(),
        }
    }
}

/// A conversation in `chats`.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "that is what scripts read")]
pub(crate) struct ChatShape<'a> {
    conversation: String,
    kind: &'static str,
    with: Option<String>,
    name: Option<&'a str>,
    /// What the user calls the other person.
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<&'a str>,
    unread: u64,
    marked_unread: bool,
    muted: bool,
    /// Absent if it is muted for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    muted_until: Option<String>,
    pinned: bool,
    archived: bool,
    /// For how many seconds messages are kept that are written in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u32>,
    request: bool,
    /// Who asks, of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
    state: &'static str,
    /// Why it is quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<&'a str>,
    last_message: Option<MessageShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    formerly: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<MemberShape>>,
}

/// Somebody who asks to join a group.
#[derive(Debug, Serialize)]
pub(crate) struct JoinRequestShape<'a> {
    handle: Option<String>,
    account_id: String,
    name: Option<&'a str>,
    note: Option<&'a str>,
    asked_at: String,
}

impl<'a> JoinRequestShape<'a> {
    pub(crate) fn new(request: &'a JoinRequest) -> Self {
        Self {
            handle: request.handle().map(Handle::to_string),
            account_id: request.account_id.to_string(),
            name: request.name.as_deref(),
            note: request.note.as_deref(),
            asked_at: iso(request.asked_at),
        }
    }
}

/// A member of a conversation with its devices.
#[derive(Debug, Serialize)]
struct MemberShape {
    handle: String,
    devices: Vec<MemberDeviceShape>,
}

/// A device of a member.
#[derive(Debug, Serialize)]
struct MemberDeviceShape {
    device_id: String,
    current: bool,
}

impl<'a> ChatShape<'a> {
    pub(crate) fn new(conversation: &'a Conversation, names: &'a Names) -> Self {
        let with = conversation.with.as_ref();
        let settings = conversation.settings;
        let is_muted = settings.mute.is_on(SystemClock.now());
        Self {
            conversation: conversation.conversation_id.to_string(),
            kind: kind(conversation.kind),
            with: with.map(|person| names.handle_of(person.account_id)),
            name: name(conversation),
            nickname: with.and_then(|person| person.nickname.as_deref()),
            unread: conversation.unread,
            marked_unread: settings.is_marked_unread,
            muted: is_muted,
            muted_until: match settings.mute {
                Mute::Until(end) if is_muted => Some(iso(end)),
                _ => None,
            },
            pinned: settings.is_pinned,
            archived: settings.is_archived,
            expires: conversation.timer.map(Lifetime::as_secs),
            request: is_request(conversation),
            by: asker(conversation).map(|by| names.handle_of(by)),
            blocked: with.is_some_and(|person| person.is_blocked),
            state: state(conversation),
            quarantine: conversation.quarantine.as_deref(),
            last_message: conversation
                .last_message
                .as_ref()
                .map(|message| MessageShape::new(message, names).with_standing(conversation.standing)),
            formerly: with.and_then(|person| names.former_handle_of(person.account_id)),
            members: None,
        }
    }

    pub(crate) fn with_members(self, members: &[(AccountId, Vec<MemberDevice>)], names: &Names) -> Self {
        let members = members.iter().map(|(account, devices)| MemberShape {
            handle: names.handle_of(*account),
            devices: devices
                .iter()
                .map(|device| MemberDeviceShape {
                    device_id: device.device_id.to_string(),
                    current: device.is_this_device,
                })
                .collect(),
        });
        Self {
            members: Some(members.collect()),
            ..self
        }
    }
}

/// A group.
#[derive(Debug, Serialize)]
pub(crate) struct GroupShape<'a> {
    conversation: String,
    kind: &'static str,
    name: Option<&'a str>,
    description: Option<&'a str>,
    /// Whether it has a picture.
    picture: bool,
    epoch: Option<u64>,
    members: Vec<GroupMemberShape>,
    rights: Option<RightsShape>,
    /// For how many seconds messages are kept that are written in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u32>,
    state: &'static str,
}

/// A member of a group.
#[derive(Debug, Serialize)]
struct GroupMemberShape {
    handle: String,
    role: &'static str,
    devices: usize,
}

impl<'a> GroupShape<'a> {
    pub(crate) fn new(
        conversation: &'a Conversation,
        epoch: Option<u64>,
        (members, devices): (&[Member], &[MemberDevice]),
        rights: Option<Rights>,
        names: &Names,
    ) -> Self {
        let members = members.iter().map(|member| {
            let is_of_member = |device: &&MemberDevice| device.account_id == member.account_id;
            GroupMemberShape {
                handle: names.handle_of(member.account_id),
                role: role_word(member.role),
                devices: devices.iter().filter(is_of_member).count(),
            }
        });
        Self {
            conversation: conversation.conversation_id.to_string(),
            kind: kind(conversation.kind),
            name: name(conversation),
            description: conversation.description.as_deref(),
            picture: conversation.picture.is_some(),
            epoch,
            members: members.collect(),
            rights: rights.map(RightsShape::new),
            expires: conversation.timer.map(Lifetime::as_secs),
            state: state(conversation),
        }
    }
}

/// A group with a link to it.
#[derive(Debug, Serialize)]
pub(crate) struct RoomShape<'a> {
    #[serde(flatten)]
    pub(crate) chat: ChatShape<'a>,
    pub(crate) link: String,
    pub(crate) link_id: String,
}

/// An invite link.
#[derive(Debug, Serialize)]
pub(crate) struct LinkShape<'a> {
    link: Option<String>,
    link_id: String,
    name: Option<&'a str>,
    state: &'static str,
    uses: Option<u32>,
    uses_max: Option<u32>,
    expires_at: Option<String>,
    needs_approval: bool,
}

impl<'a> LinkShape<'a> {
    pub(crate) fn new(link: &'a ChatLink) -> Self {
        Self {
            link: link.link.as_ref().map(InviteLink::to_text),
            link_id: link.id.to_string(),
            name: link.name.as_deref(),
            state: match link.standing {
                LinkStanding::Ready => "ready",
                LinkStanding::Unwanted => "unwanted",
                _ => "wanted",
            },
            uses: link.uses,
            uses_max: link.uses_max,
            expires_at: link.expires_at.map(iso),
            needs_approval: link.needs_approval,
        }
    }

    /// One that lets nobody in any more.
    pub(crate) fn revoked(link_id: LinkId) -> Self {
        Self {
            link: None,
            link_id: link_id.to_string(),
            name: None,
            state: "revoked",
            uses: None,
            uses_max: None,
            expires_at: None,
            needs_approval: false,
        }
    }
}

/// The lowest role for each right.
#[derive(Debug, Serialize)]
struct RightsShape {
    add: &'static str,
    remove: &'static str,
    edit: &'static str,
    post: &'static str,
    pin: &'static str,
}

impl RightsShape {
    const fn new(rights: Rights) -> Self {
        Self {
            add: level_word(rights.add),
            remove: level_word(rights.remove),
            edit: level_word(rights.profile),
            post: level_word(rights.post),
            pin: level_word(rights.pin),
        }
    }
}

/// The word for those who have at least a role.
pub(crate) const fn level_word(role: Role) -> &'static str {
    match role {
        Role::Member => "everyone",
        Role::Admin => "admins",
        Role::Owner => "owners",
    }
}

/// Whether a conversation waits for the user to accept it.
pub(crate) fn is_request(conversation: &Conversation) -> bool {
    conversation.standing == Standing::Request
}

/// Who asks the user for a conversation, if somebody does.
pub(crate) fn asker(conversation: &Conversation) -> Option<AccountId> {
    let with = conversation.with.as_ref().map(|person| person.account_id);
    with.or(conversation.added_by)
        .filter(|_| is_request(conversation))
}

/// What a conversation is called, or the person whom it is with.
fn name(conversation: &Conversation) -> Option<&str> {
    let person = conversation
        .with
        .as_ref()
        .and_then(|person| person.name.as_deref());
    conversation.title.as_deref().or(person)
}

/// The word for a kind.
const fn kind(kind: ConversationKind) -> &'static str {
    match kind {
        ConversationKind::Direct => "direct",
        ConversationKind::NotesToSelf => "notes",
        ConversationKind::Group => "group",
    }
}

/// The word for a role.
pub(crate) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

/// The word for a state.
pub(crate) const fn state(conversation: &Conversation) -> &'static str {
    if conversation.ask.is_some() {
        return "asked";
    }
    match conversation.state {
        ConversationState::Starting => "starting",
        ConversationState::Joining => "joining",
        ConversationState::Joined => "joined",
        ConversationState::Blocked => "blocked",
        ConversationState::CutOff => "cut_off",
        ConversationState::Removed => "removed",
        ConversationState::Quarantined => "quarantined",
        _ => "unknown",
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
    name: Option<String>,
    created_at: String,
    last_seen_at: String,
    current: bool,
    certified: bool,
}

impl DeviceShape {
    pub(crate) fn new(device: &Device) -> Self {
        Self {
            device_id: device.device_id.to_string(),
            name: device.name.clone(),
            created_at: iso(device.created_at),
            last_seen_at: iso(device.last_seen_at),
            current: device.current,
            certified: device.certified,
        }
    }
}

/// What others see of the account.
#[derive(Debug, Serialize)]
pub(crate) struct PrivacyShape {
    read_receipts: bool,
    typing: bool,
    last_seen: bool,
    messages: &'static str,
    groups: &'static str,
}

impl From<Privacy> for PrivacyShape {
    fn from(privacy: Privacy) -> Self {
        let Privacy {
            read_receipts,
            typing,
            last_seen,
            writers,
            adders,
        } = privacy;
        Self {
            read_receipts,
            typing,
            last_seen,
            messages: audience_word(writers),
            groups: audience_word(adders),
        }
    }
}

/// The word for those whom the user wants to hear from without being asked.
pub(crate) const fn audience_word(audience: Audience) -> &'static str {
    match audience {
        Audience::Everybody => "everybody",
        Audience::Known => "known",
        Audience::Nobody => "nobody",
    }
}

/// Whether somebody is blocked.
#[derive(Debug, Serialize)]
pub(crate) struct BlockedShape {
    pub(crate) handle: String,
    pub(crate) blocked: bool,
}

/// The name that others see.
#[derive(Debug, Serialize)]
pub(crate) struct NameShape<'a> {
    pub(crate) name: Option<&'a str>,
}

/// What the user calls somebody.
#[derive(Debug, Serialize)]
pub(crate) struct NicknameShape<'a> {
    handle: &'a str,
    nickname: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> NicknameShape<'a> {
    pub(crate) fn new(handle: &'a Handle, person: &'a Contact) -> Self {
        Self {
            handle: handle.as_str(),
            nickname: person.nickname.as_deref(),
            name: person.name.as_deref(),
        }
    }
}

/// Whether there is a picture that others see.
#[derive(Debug, Serialize)]
pub(crate) struct PictureShape {
    pub(crate) picture: bool,
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

/// Who has a handle: as known here, and by the word of the server.
#[derive(Debug, Serialize)]
pub(crate) struct AcceptShape<'a> {
    pub(crate) handle: &'a str,
    pub(crate) known: Option<String>,
    pub(crate) shown: Option<String>,
    pub(crate) accepted: bool,
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

/// What a copy of a server's database holds.
#[derive(Debug, Serialize)]
pub(crate) struct ContentsShape {
    schema_version: i64,
    accounts: u64,
    devices: u64,
    conversations: u64,
    entries: u64,
    bytes: u64,
}

impl From<Contents> for ContentsShape {
    fn from(contents: Contents) -> Self {
        Self {
            schema_version: contents.schema_version,
            accounts: contents.accounts,
            devices: contents.devices,
            conversations: contents.conversations,
            entries: contents.entries,
            bytes: contents.bytes,
        }
    }
}

/// A backup that was made.
#[derive(Debug, Serialize)]
pub(crate) struct BackupShape {
    pub(crate) backup: String,
    #[serde(flatten)]
    pub(crate) contents: ContentsShape,
}

/// A backup that was restored.
#[derive(Debug, Serialize)]
pub(crate) struct RestoreShape {
    pub(crate) restored: String,
    pub(crate) kept: Option<String>,
    #[serde(flatten)]
    pub(crate) contents: ContentsShape,
}

/// A note, on standard error.
#[derive(Debug, Serialize)]
pub(crate) struct NoteShape<'a> {
    pub(crate) note: &'a str,
}

/// A warning, on standard error or as a line of `listen`.
#[derive(Debug, Serialize)]
pub(crate) struct WarningShape {
    /// On one line.
    pub(crate) warning: String,
    /// What it is about, in snake case.
    pub(crate) kind: &'static str,
    /// What the server or the member did, in snake case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) how: Option<&'static str>,
    /// The device of this account that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<String>,
    /// The conversation that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conversation: Option<String>,
    /// The problem code, if the server refused something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "strings and numbers are always JSON")]
    use subrosa_client::{AccountId, ChatId, ConversationId, LocalMessageId, MessageId, Timestamp};

    use super::*;

    #[test]
    fn an_event_of_a_conversation_has_neither_id_nor_text() {
        let notice = Notice {
            chat: ChatId::new(1),
            conversation_id: ConversationId::from_bytes([4; 16]),
            position: 6,
            at: Timestamp::from_millis(0),
            kind: subrosa_client::NoticeKind::DeviceAdded,
            by: Some(AccountId::from_bytes([5; 16])),
            who: vec![AccountId::from_bytes([5; 16])],
        };
        let line = serde_json::to_string(&NoticeShape::new(&notice, &Names::default())).unwrap();
        insta::assert_snapshot!(line, @r#"{"event":"device_added","conversation":"04040404040404040404040404040404","at":"1970-01-01T00:00:00.000Z","by":"05050505050505050505050505050505","who":["05050505050505050505050505050505"]}"#);
    }

    #[test]
    fn a_message_has_its_ids_on_the_wire() {
        let message = Message {
            id: LocalMessageId::new(1),
            chat: ChatId::new(2),
            message_id: MessageId::from_bytes([3; 32]),
            conversation_id: ConversationId::from_bytes([4; 16]),
            sender: AccountId::from_bytes([5; 16]),
            outgoing: false,
            text: "hi".into(),
            sent_at: Timestamp::from_millis(0),
            status: MessageStatus::Read,
            seq: Some(6),
            position: 7,
            lifetime: None,
            expires_at: None,
        };
        let shapes = [
            serde_json::to_value(MessageShape::new(&message, &Names::default())).unwrap(),
            serde_json::to_value(ListenShape::status(&message, MessageStatus::Read)).unwrap(),
        ];
        for shape in shapes {
            assert_eq!(shape["id"], "03".repeat(32));
            assert_eq!(shape["conversation"], "04".repeat(16));
        }
    }
}
