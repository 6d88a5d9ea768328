//! The client's data in the shapes that a page shows. Untrusted text is made printable here.

use subrosa_client::{self as client, Status, printable, printable_line};
use subrosa_web_rpc::{
    Audience, ChatId, ChatSetting, ChatSettings, Connection, Contact, Conversation, ConversationKind,
    ConversationState, Device, LocalMessageId, Me, Member, MemberChange, Message, MessageStatus, Mute,
    NewGroup, NoticeKind, Person, Phase, Presence, Privacy, Role, State, Wish,
};

use crate::warnings;

/// The state of everything but messages.
pub(crate) fn state(phase: Phase, status: &Status) -> State {
    State {
        phase,
        connection: match &status.connection {
            client::Connection::Connecting => Connection::Connecting,
            client::Connection::Online => Connection::Online,
            client::Connection::Waiting { retry_in, .. } => Connection::Waiting {
                retry_in_ms: u32::try_from(retry_in.as_millis()).unwrap_or(u32::MAX),
            },
            client::Connection::Incompatible { .. } => Connection::Incompatible,
            _ => Connection::Off,
        },
        caught_up: status.caught_up,
        refusal: status.refusal.as_ref().map(warnings::refusal),
        unsent: status.unsent,
        storage_full: status.storage_full,
        clock_difference_ms: status.clock.map(|clock| {
            let by = i64::try_from(clock.by.as_millis()).unwrap_or(i64::MAX);
            if clock.is_behind { by } else { -by }
        }),
    }
}

/// Who is signed in.
pub(crate) fn me(me: client::Me) -> Me {
    Me {
        account_id: me.account_id,
        handle: me.handle,
        name: me.name.map(|name| printable_line(&name).into_owned()),
        picture: me.picture,
        device_id: me.device_id,
        privacy: Privacy {
            read_receipts: me.privacy.read_receipts,
            typing: me.privacy.typing,
            last_seen: me.privacy.last_seen,
            writers: shown_audience(me.privacy.writers),
            adders: shown_audience(me.privacy.adders),
        },
    }
}

/// What others are to see, as the client takes it.
pub(crate) const fn privacy(privacy: Privacy) -> client::Privacy {
    client::Privacy {
        read_receipts: privacy.read_receipts,
        typing: privacy.typing,
        last_seen: privacy.last_seen,
        writers: audience(privacy.writers),
        adders: audience(privacy.adders),
    }
}

const fn audience(audience: Audience) -> client::Audience {
    match audience {
        Audience::Known => client::Audience::Known,
        Audience::Everybody => client::Audience::Everybody,
        Audience::Nobody => client::Audience::Nobody,
    }
}

const fn shown_audience(audience: client::Audience) -> Audience {
    match audience {
        client::Audience::Known => Audience::Known,
        client::Audience::Everybody => Audience::Everybody,
        client::Audience::Nobody => Audience::Nobody,
    }
}

/// The id of a conversation.
pub(crate) const fn chat_id(id: client::ChatId) -> ChatId {
    ChatId::new(id.get())
}

/// The id of a message.
pub(crate) const fn message_id(id: client::LocalMessageId) -> LocalMessageId {
    LocalMessageId::new(id.get())
}

/// A person whom the user has a conversation with.
pub(crate) fn contact(contact: client::Contact) -> Contact {
    Contact {
        account_id: contact.account_id,
        handle: contact.handle,
        former_handle: contact.former_handle,
        name: contact.name.map(|name| printable_line(&name).into_owned()),
        picture: contact.picture,
        nickname: contact
            .nickname
            .map(|nickname| printable_line(&nickname).into_owned()),
        is_blocked: contact.is_blocked,
    }
}

/// Who is in a group, and what the user wants changed.
pub(crate) struct InGroup {
    /// What the user is in it.
    pub(crate) role: Role,
    /// The other members.
    pub(crate) members: Vec<Member>,
    /// Who was one.
    pub(crate) former_members: Vec<Contact>,
    /// What the user wants changed and is not changed yet.
    pub(crate) wishes: Vec<Wish>,
}

/// A conversation, with its members and what the user wants changed if it is a group.
pub(crate) fn conversation(
    conversation: client::Conversation,
    added_by: Option<Contact>,
    in_group: InGroup,
) -> Conversation {
    Conversation {
        id: chat_id(conversation.id),
        kind: match conversation.kind {
            client::ConversationKind::Direct => ConversationKind::Direct,
            client::ConversationKind::NotesToSelf => ConversationKind::NotesToSelf,
            client::ConversationKind::Group => ConversationKind::Group,
        },
        title: conversation
            .title
            .map(|title| printable_line(&title).into_owned()),
        description: conversation
            .description
            .map(|description| printable(&description).into_owned()),
        picture: conversation.picture,
        with: conversation.with.map(contact),
        role: in_group.role,
        members: in_group.members,
        former_members: in_group.former_members,
        wishes: in_group.wishes,
        presence: match conversation.presence {
            client::Presence::Unknown => Presence::Unknown,
            client::Presence::Here => Presence::Online,
            client::Presence::LastSeen(at) => Presence::LastSeen(at),
        },
        typing: conversation.typing,
        unread: conversation.unread,
        first_unread: conversation.first_unread,
        last_message: conversation.last_message.as_ref().map(message),
        active_at: conversation.active_at,
        state: match conversation.state {
            client::ConversationState::Starting => ConversationState::Starting,
            client::ConversationState::Joined => ConversationState::Joined,
            client::ConversationState::Blocked => ConversationState::Blocked,
            client::ConversationState::CutOff => ConversationState::CutOff,
            client::ConversationState::Removed => ConversationState::Removed,
            client::ConversationState::Quarantined => ConversationState::Quarantined,
            // Joining, or something that this version does not know and cannot use.
            _ => ConversationState::Joining,
        },
        quarantine: conversation.quarantine,
        hidden: conversation.is_hidden,
        is_request: conversation.standing == client::Standing::Request,
        added_by,
        settings: ChatSettings {
            mute: match conversation.settings.mute {
                client::Mute::Off => Mute::Off,
                client::Mute::Until(end) => Mute::Until(end),
                client::Mute::ForEver => Mute::ForEver,
            },
            is_pinned: conversation.settings.is_pinned,
            is_archived: conversation.settings.is_archived,
            is_marked_unread: conversation.settings.is_marked_unread,
        },
        draft: conversation.draft,
        timer: conversation.timer.map(client::Lifetime::as_secs),
    }
}

/// What is chosen for a conversation, as the client takes it.
pub(crate) const fn chat_setting(setting: ChatSetting) -> client::ChatSetting {
    match setting {
        ChatSetting::Mute(Mute::Off) => client::ChatSetting::Mute(client::Mute::Off),
        ChatSetting::Mute(Mute::Until(end)) => client::ChatSetting::Mute(client::Mute::Until(end)),
        ChatSetting::Mute(Mute::ForEver) => client::ChatSetting::Mute(client::Mute::ForEver),
        ChatSetting::Pinned(is_pinned) => client::ChatSetting::Pinned(is_pinned),
        ChatSetting::Archived(is_archived) => client::ChatSetting::Archived(is_archived),
        ChatSetting::MarkedUnread(is_marked) => client::ChatSetting::MarkedUnread(is_marked),
    }
}

/// A message.
pub(crate) fn message(message: &client::Message) -> Message {
    Message {
        id: message_id(message.id),
        chat: chat_id(message.chat),
        sender: message.sender,
        outgoing: message.outgoing,
        text: printable(&message.text).into_owned(),
        sent_at: message.sent_at,
        status: match message.status {
            client::MessageStatus::Failed => MessageStatus::Failed,
            client::MessageStatus::Sent => MessageStatus::Sent,
            client::MessageStatus::Delivered => MessageStatus::Delivered,
            client::MessageStatus::Read => MessageStatus::Read,
            client::MessageStatus::Unread => MessageStatus::Unread,
            // Pending, or something that this version does not know.
            _ => MessageStatus::Pending,
        },
        position: message.position,
        lifetime: message.lifetime.map(client::Lifetime::as_secs),
    }
}

/// What a notice tells.
pub(crate) fn notice_kind(kind: client::NoticeKind) -> NoticeKind {
    match kind {
        client::NoticeKind::DeviceAdded => NoticeKind::DeviceAdded,
        client::NoticeKind::Created => NoticeKind::Created,
        client::NoticeKind::Added => NoticeKind::Added,
        client::NoticeKind::Left => NoticeKind::Left,
        client::NoticeKind::RightsChanged => NoticeKind::RightsChanged,
        client::NoticeKind::Removed => NoticeKind::Removed,
        client::NoticeKind::RoleGiven(given) => NoticeKind::RoleGiven(role(given)),
        client::NoticeKind::Renamed => NoticeKind::Renamed,
        client::NoticeKind::PictureChanged => NoticeKind::PictureChanged,
        client::NoticeKind::DescriptionChanged => NoticeKind::DescriptionChanged,
        client::NoticeKind::TimerChanged(timer) => {
            NoticeKind::TimerChanged(timer.map(client::Lifetime::as_secs))
        }
        // Something that this version does not know.
        _ => NoticeKind::Other,
    }
}

/// What a member of a group may do.
pub(crate) const fn role(role: client::Role) -> Role {
    match role {
        client::Role::Member => Role::Member,
        client::Role::Admin => Role::Admin,
        client::Role::Owner => Role::Owner,
    }
}

/// A role, as the client takes it.
pub(crate) const fn role_of(role: Role) -> client::Role {
    match role {
        Role::Member => client::Role::Member,
        Role::Admin => client::Role::Admin,
        Role::Owner => client::Role::Owner,
    }
}

/// A change of a group that concerns one person, as the client takes it.
pub(crate) const fn member_change(change: MemberChange) -> client::MemberChange {
    match change {
        MemberChange::Remove => client::MemberChange::Remove,
        MemberChange::Ban => client::MemberChange::Ban,
        MemberChange::Readmit => client::MemberChange::Readmit,
        MemberChange::GiveRole(role) => client::MemberChange::GiveRole(role_of(role)),
    }
}

/// What a new group is like, as the client takes it.
pub(crate) fn new_group(group: NewGroup) -> client::NewGroup {
    client::NewGroup {
        name: group.name,
        description: group.description,
        picture: group.picture,
        rights: client::Rights {
            add: role_of(group.add),
            post: role_of(group.post),
            ..client::Rights::DEFAULT
        },
    }
}

/// A person in the directory.
pub(crate) fn person(person: client::Person) -> Person {
    Person {
        account_id: person.account_id,
        handle: person.handle,
    }
}

/// A device of the account.
pub(crate) fn device(device: &client::Device) -> Device {
    Device {
        id: device.device_id,
        name: device
            .name
            .as_deref()
            .map(|name| printable_line(name).into_owned()),
        created_at: device.created_at,
        last_seen_at: device.last_seen_at,
        current: device.current,
        certified: device.certified,
    }
}
