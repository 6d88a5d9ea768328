#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its own input has failed"
)]
use subrosa_wire::{AccountId, DeviceId, Timestamp};

use super::*;
use crate::{
    Answer, Audience, Call, ChatId, ChatSetting, ChatSettings, Connection, Contact, Conversation,
    ConversationKind, ConversationState, Event, Failure, FailureKind, GivenUp, GroupRights, LocalMessageId,
    Me, Member, MemberChange, MemberMisbehaviour, Message, MessageStatus, Misbehaviour, Mute, NewGroup,
    Notice, NoticeKind, Page, Phase, Presence, Privacy, Request, Role, Secret, State, ToPage, Warning, Wish,
};

const CHAT: ChatId = ChatId::new(7);

fn contact() -> Contact {
    Contact {
        account_id: AccountId::from_bytes([4; 16]),
        handle: "bob".parse().ok(),
        former_handle: "ben".parse().ok(),
        name: None,
        picture: Some(1_764_000_000_000),
        nickname: Some("Uncle Bob".to_owned()),
        is_blocked: true,
    }
}

fn message() -> Message {
    Message {
        id: LocalMessageId::new(i64::MAX),
        chat: CHAT,
        sender: AccountId::from_bytes([1; 16]),
        outgoing: true,
        text: "under the rose 🌹".to_owned(),
        sent_at: Timestamp::from_millis(1_764_000_000_000),
        status: MessageStatus::Pending,
        position: i64::MAX,
        lifetime: Some(5),
    }
}

fn notice() -> Notice {
    Notice {
        chat: CHAT,
        position: 7,
        at: Timestamp::from_millis(1_764_000_000_000),
        kind: NoticeKind::DeviceAdded,
        by: None,
        by_user: false,
        about_user: true,
        who: vec![contact()],
    }
}

fn round_trip<T: serde::Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: &T) {
    let bytes = encode(message);
    assert!(!bytes.is_empty(), "{message:?} was not written");
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(message));
    for len in 0..bytes.len() {
        assert!(
            decode::<T>(&bytes[..len]).is_err(),
            "{message:?} cut to {len} bytes is read"
        );
    }
    assert!(
        decode::<T>(&[&bytes[..], &[0]].concat()).is_err(),
        "{message:?} with more is read"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a list of examples")]
fn what_is_written_is_read_and_nothing_else() {
    let handle: subrosa_wire::Handle = "alice".parse().unwrap();
    let secret = || Secret::new("correct horse".to_owned());
    let privacy = Privacy {
        read_receipts: false,
        typing: true,
        last_seen: false,
        writers: Audience::Everybody,
        adders: Audience::Nobody,
    };
    for request in [
        Request::SignUp {
            handle: handle.clone(),
            name: "Alice".to_owned(),
            password: secret(),
        },
        Request::Messages {
            chat: CHAT,
            page: Page::From(-3),
            limit: 60,
        },
        Request::SendText {
            chat: CHAT,
            text: "hi".to_owned(),
            token: [3; 16],
        },
        Request::Retry(LocalMessageId::new(1)),
        Request::TryAgain(CHAT),
        Request::Hide(CHAT),
        Request::DeleteHere(CHAT),
        Request::SetTimer {
            chat: CHAT,
            seconds: Some(604_800),
        },
        Request::SetTimer {
            chat: CHAT,
            seconds: None,
        },
        Request::SetChat {
            chat: CHAT,
            setting: ChatSetting::Mute(Mute::Until(Timestamp::from_millis(1_764_000_000_000))),
        },
        Request::SetChat {
            chat: CHAT,
            setting: ChatSetting::Mute(Mute::ForEver),
        },
        Request::SetChat {
            chat: CHAT,
            setting: ChatSetting::Pinned(true),
        },
        Request::SetChat {
            chat: CHAT,
            setting: ChatSetting::Archived(false),
        },
        Request::SetChat {
            chat: CHAT,
            setting: ChatSetting::MarkedUnread(true),
        },
        Request::SetTyping {
            chat: CHAT,
            is_typing: true,
        },
        Request::SetHere(false),
        Request::SetPrivacy(privacy),
        Request::SignOutDevice(DeviceId::from_bytes([2; 16])),
        Request::NameDevice {
            device: DeviceId::from_bytes([2; 16]),
            name: "old laptop".to_owned(),
        },
        Request::Picture {
            account: AccountId::from_bytes([4; 16]),
        },
        Request::SetPicture(Some(vec![0xff, 0xd8, 0xff])),
        Request::SetPicture(None),
        Request::SetNickname {
            account: AccountId::from_bytes([4; 16]),
            nickname: "Uncle Bob".to_owned(),
        },
        Request::CreateGroup {
            group: NewGroup {
                name: "Harvest".to_owned(),
                description: "Ladders, crates, and who brings soup.".to_owned(),
                picture: Some(vec![0xff, 0xd8, 0xff]),
                add: Role::Member,
                post: Role::Admin,
            },
            people: vec![handle.clone()],
            token: [5; 16],
        },
        Request::OpenNotes,
        Request::GroupRights(CHAT),
        Request::GroupPicture(CHAT),
        Request::DescribeGroup {
            chat: CHAT,
            description: "Ladders\nand crates".to_owned(),
        },
        Request::SetGroupPicture {
            chat: CHAT,
            picture: None,
        },
        Request::AddMembers {
            chat: CHAT,
            people: vec![handle.clone()],
        },
        Request::ChangeMember {
            chat: CHAT,
            account: AccountId::from_bytes([4; 16]),
            change: MemberChange::GiveRole(Role::Owner),
        },
        Request::RenameGroup {
            chat: CHAT,
            name: "Winter".to_owned(),
        },
    ] {
        round_trip(&Call { id: 300, request });
    }
    let me = Me {
        account_id: AccountId::from_bytes([1; 16]),
        handle,
        name: None,
        picture: None,
        device_id: DeviceId::from_bytes([2; 16]),
        privacy,
    };
    let state = State {
        phase: Phase::SignedIn(me),
        connection: Connection::Waiting { retry_in_ms: 1500 },
        caught_up: false,
        refusal: Some("unavailable: the server is busy".to_owned()),
        unsent: 3,
        storage_full: false,
        clock_difference_ms: Some(-86_400_000),
    };
    let conversation = Conversation {
        id: CHAT,
        kind: ConversationKind::Direct,
        title: None,
        description: None,
        picture: None,
        with: Some(contact()),
        role: Role::Admin,
        members: vec![Member {
            contact: contact(),
            role: Role::Member,
        }],
        former_members: vec![contact()],
        wishes: vec![Wish {
            who: contact(),
            change: Some(MemberChange::Ban),
        }],
        presence: Presence::LastSeen(Timestamp::from_millis(1_764_000_000_000)),
        typing: vec![contact().account_id],
        unread: 1,
        first_unread: Some(5),
        last_message: Some(message()),
        active_at: Timestamp::from_millis(1),
        state: ConversationState::Quarantined,
        quarantine: Some("a conversation without its group".to_owned()),
        hidden: true,
        is_request: true,
        added_by: Some(contact()),
        settings: ChatSettings {
            mute: Mute::Until(Timestamp::from_millis(1_764_000_000_000)),
            is_pinned: true,
            is_archived: false,
            is_marked_unread: true,
        },
        draft: None,
        timer: Some(604_800),
    };
    round_trip(&ToPage::Event(Event::State(Box::new(state))));
    round_trip(&ToPage::Event(Event::Conversation(Box::new(conversation))));
    for warning in [
        Warning::HistoryGap { chat: CHAT },
        Warning::ServerWentBack,
        Warning::ProfileWentBack,
        Warning::CertificatesExpired { chat: CHAT },
        Warning::ChangeGivenUp {
            chat: CHAT,
            member: contact(),
            why: GivenUp::TooOld,
        },
        Warning::ServerMisbehaved {
            chat: None,
            how: Misbehaviour::WrongAnswer,
            detail: "it answered a request with something else".to_owned(),
        },
        Warning::MemberMisbehaved {
            chat: CHAT,
            member: contact(),
            how: MemberMisbehaviour::BrokenRule,
            detail: String::new(),
        },
        Warning::Refused {
            code: Some("too_large".to_owned()),
            detail: String::new(),
        },
        Warning::NotProcessed {
            chat: Some(CHAT),
            detail: "a conversation without its group".to_owned(),
        },
        Warning::More,
    ] {
        round_trip(&ToPage::Event(Event::Warning(warning)));
    }
    let answer = Answer::Messages {
        notices: vec![notice()],
        messages: vec![message()],
        has_older: true,
        has_newer: false,
    };
    round_trip(&ToPage::Answer {
        id: 1,
        result: Ok(answer),
    });
    let rights = GroupRights {
        may_add: true,
        may_rename: false,
        may_post: true,
        may_change_rights: false,
        add: Role::Member,
        post: Role::Admin,
        is_last_owner: false,
        is_leaving: true,
        changes: vec![(AccountId::from_bytes([4; 16]), vec![MemberChange::Remove])],
        banned: vec![contact()],
    };
    round_trip(&Answer::GroupRights(Some(Box::new(rights))));
    for picture in [None, Some(vec![0x89; 300])] {
        round_trip(&Answer::Picture(picture));
    }
    let failure = Failure::new(FailureKind::RateLimited, "too many requests");
    round_trip(&ToPage::Answer {
        id: u64::MAX,
        result: Err(failure),
    });
}

#[test]
fn a_secret_is_not_shown() {
    assert_eq!(format!("{:?}", Secret::new("hunter2".to_owned())), "Secret");
}
