//! What warnings say: what happened, what the user can do about it, and in parentheses what helps a report. Scripts
//! match [`WarningShape`]'s `kind` and `how`, which never change their meaning; the words may.

mod misbehaviour;

use subrosa_client::{
    AccountId, ChatId, Client, ClientError, Conversation, LocalMessageId, ProblemCode, Warning,
};

use crate::{
    people::{Names, one_line},
    shapes::WarningShape,
};

/// What to do about a server that misbehaves, where nothing better helps.
const TELL_THE_OPERATOR: &str = "if this happens again, tell whoever runs the server";

/// A warning on one line. `conversation` is the one that it is about.
pub(crate) fn say(warning: &Warning, conversation: Option<&Conversation>, names: &Names) -> WarningShape {
    let Said {
        kind,
        how,
        about,
        words,
    } = said(warning, conversation, names);
    let words = match about {
        Some(about) => format!("{about}: {words}"),
        None => words,
    };
    WarningShape {
        warning: one_line(&words),
        kind,
        how,
        device: match warning {
            Warning::NewDevice(device) | Warning::UnknownDevice(device) | Warning::DeviceUnlisted(device) => {
                Some(device.to_string())
            }
            _ => None,
        },
        conversation: conversation.map(|conversation| conversation.conversation_id.to_string()),
        code: match warning {
            Warning::Refused { code, .. } | Warning::JoinRefused { code, .. } => {
                code.map(ProblemCode::as_str)
            }
            _ => None,
        },
    }
}

/// The connection to the server is not encrypted.
pub(crate) fn not_encrypted() -> WarningShape {
    WarningShape {
        warning:
            "the connection is not encrypted (http://): messages are, but anyone on the network can see who \
                  talks to whom and when"
                .to_owned(),
        kind: "not_encrypted",
        how: None,
        device: None,
        conversation: None,
        code: None,
    }
}

/// The conversation that a warning names, if it names one.
pub(crate) const fn chat(warning: &Warning) -> Option<ChatId> {
    match warning {
        Warning::ServerMisbehaved { chat, .. } | Warning::NotProcessed { chat, .. } => *chat,
        Warning::MemberMisbehaved { chat, .. }
        | Warning::LogsDisagree { chat, .. }
        | Warning::MessagesMissing { chat, .. }
        | Warning::Unreadable { chat, .. }
        | Warning::HistoryGap { chat }
        | Warning::ChangeGivenUp { chat, .. }
        | Warning::JoinRefused { chat, .. }
        | Warning::CertificatesExpired { chat } => Some(*chat),
        _ => None,
    }
}

/// The message that a warning names, if it names one.
pub(crate) const fn message(warning: &Warning) -> Option<LocalMessageId> {
    match warning {
        Warning::Refused { message, .. } => *message,
        _ => None,
    }
}

/// Looks up the conversation that a warning is about.
pub(crate) async fn conversation(
    client: &Client,
    warning: &Warning,
) -> Result<Option<Conversation>, ClientError> {
    let chat = match (chat(warning), message(warning)) {
        (None, Some(message)) => client.message(message).await?.map(|message| message.chat),
        (chat, _) => chat,
    };
    match chat {
        Some(chat) => client.chat(chat).conversation().await,
        None => Ok(None),
    }
}

struct Said {
    kind: &'static str,
    how: Option<&'static str>,
    /// The conversation or person that the words are about, unless they say it themselves.
    about: Option<String>,
    words: String,
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind")]
fn said(warning: &Warning, conversation: Option<&Conversation>, names: &Names) -> Said {
    let title = conversation.map(|conversation| names.title(conversation));
    let said = |kind, about, words: String| Said {
        kind,
        how: None,
        about,
        words,
    };
    match warning {
        Warning::HandleReassigned(account) => said(
            "handle_reassigned",
            Some(names.display(*account)),
            "the server now shows a different account for this handle: a new account, or an attack. \
             Nothing is sent to it; ask the person some other way, then compare with `subrosa accept`"
                .to_owned(),
        ),
        Warning::NewDevice(device) => said(
            "new_device",
            None,
            format!(
                "a new device was signed in to your account: {device}. If this was not you, sign it out with \
                 `subrosa devices --sign-out {device}` and change your password"
            ),
        ),
        Warning::UnknownDevice(device) => said(
            "unknown_device",
            None,
            format!(
                "there is a device of your account that your other devices do not know: {device}. It may not have \
                 finished signing in; if you do not recognise it in `subrosa devices`, sign it out with \
                 `subrosa devices --sign-out {device}` and change your password"
            ),
        ),
        Warning::DeviceUnlisted(device) => said(
            "device_unlisted",
            None,
            format!(
                "the server no longer lists your device {device}: it was signed out, or was not used for so long that \
                 its session has ended. If you still use it, look there"
            ),
        ),
        Warning::ServerMisbehaved { how, .. } => {
            let (how, words) = misbehaviour::of_server(how, names);
            Said {
                how: Some(how),
                ..said("server_misbehaved", title, words)
            }
        }
        Warning::MemberMisbehaved { member, how, .. } => {
            let (how, words) = misbehaviour::of_member(how, &names.display(*member));
            Said {
                how: Some(how),
                ..said(
                    "member_misbehaved",
                    title.filter(|_| !is_with(conversation, *member)),
                    words,
                )
            }
        }
        Warning::LogsDisagree { member, .. } => said(
            "logs_disagree",
            title,
            format!(
                "{} has other messages here than you, or says so: the server may show each of you something else. \
                 Compare your last messages some other way",
                names.display(*member)
            ),
        ),
        Warning::MessagesMissing { member, before_seq, .. } => said(
            "messages_missing",
            title,
            format!(
                "messages from {} never arrived: ask for them again (before message {before_seq})",
                names.display(*member)
            ),
        ),
        Warning::Unreadable { seq, error, .. } => said(
            "unreadable",
            title,
            format!(
                "a message could not be read, and was skipped: it was broken by its sender or by the server. If you miss \
                 one, ask for it again (entry {seq}: {error})"
            ),
        ),
        Warning::HistoryGap { .. } => said(
            "history_gap",
            title,
            "messages are missing, because this device was offline for longer than the server keeps them; look on \
             another device, or ask for them again"
                .to_owned(),
        ),
        Warning::ServerWentBack => said(
            "server_went_back",
            None,
            "the server went back to an earlier state, as after a restore from a backup, and had lost messages; this \
             device has put back all that it had"
                .to_owned(),
        ),
        Warning::ProfileWentBack => said(
            "profile_went_back",
            None,
            "this profile went back to an earlier state, as a folder does that is put back from a copy; messages that \
             were sent from it since then are missing here, but whoever received them has them"
                .to_owned(),
        ),
        Warning::NotProcessed { chat: None, reason } => said(
            "not_processed",
            None,
            format!(
                "an invitation to a conversation cannot be processed and was dropped; nothing else is affected ({reason})"
            ),
        ),
        Warning::NotProcessed { reason, .. } => said(
            "not_processed",
            title,
            format!(
                "something in this conversation cannot be processed, and it is set aside; messages that you write in \
                 it wait, and `subrosa chat` can try again or hide it ({reason})"
            ),
        ),
        Warning::CertificatesExpired { .. } => said(
            "certificates_expired",
            title,
            "the message waits, because no device of the other person has a certificate that is valid now; check the \
             date and time of this device, or ask the person to open Subrosa"
                .to_owned(),
        ),
        Warning::ChangeGivenUp { account, why, .. } => said(
            "change_given_up",
            title,
            format!("a change of the group that concerns {} was given up: {why}", names.display(*account)),
        ),
        Warning::Refused {
            message,
            code,
            detail,
        } => said("refused", title, refused(*message, *code, detail)),
        Warning::JoinRefused { code, .. } => said(
            "join_refused",
            title,
            match code {
                Some(code) => format!("you cannot join: {}", code.title()),
                None => "you cannot join, for a reason that this version does not know".to_owned(),
            },
        ),
        Warning::More => said(
            "more",
            None,
            "there were more warnings, which are not shown until the next connection".to_owned(),
        ),
        // This version does not know it.
        warning => said("other", title, warning.to_string()),
    }
}

/// Whether the title of a conversation names this person.
fn is_with(conversation: Option<&Conversation>, account: AccountId) -> bool {
    conversation.is_some_and(|conversation| {
        conversation.title.is_none()
            && conversation
                .with
                .as_ref()
                .is_some_and(|with| with.account_id == account)
    })
}

fn refused(message: Option<LocalMessageId>, code: Option<ProblemCode>, detail: &str) -> String {
    let (what, advice) = match (message, code) {
        (Some(_), _) => (
            "a message, which is kept as failed",
            "`subrosa chat` can try again or delete it",
        ),
        (None, Some(_)) => ("a request", TELL_THE_OPERATOR),
        (None, None) => ("a request", "a newer version of Subrosa may know why"),
    };
    let why = match (code.map(ProblemCode::title), detail) {
        (None, "") => "it does not say why".to_owned(),
        (None, detail) => detail.to_owned(),
        (Some(title), "") => title.to_owned(),
        (Some(title), detail) => format!("{title}: {detail}"),
    };
    format!("the server refused {what}; {advice} ({why})")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use subrosa_client::{
        Contact, ConversationId, ConversationKind, ConversationState, DeviceId, ForeignGroup, Me,
        MemberMisbehaviour, Misbehaviour, Presence, Privacy, Timestamp,
    };

    use super::*;

    const BOB: AccountId = AccountId::from_bytes([1; 16]);
    const CAROL: AccountId = AccountId::from_bytes([2; 16]);
    const CHAT: ChatId = ChatId::new(1);
    const DEVICE: DeviceId = DeviceId::from_bytes([5; 16]);

    fn contact(account_id: AccountId, handle: &str) -> Contact {
        Contact {
            account_id,
            handle: handle.parse().ok(),
            former_handle: None,
            name: None,
            picture: None,
            nickname: None,
            is_blocked: false,
        }
    }

    #[expect(clippy::unwrap_used, reason = "a fixture that cannot be made fails its test")]
    fn names() -> Names {
        let me = Me {
            account_id: AccountId::from_bytes([9; 16]),
            handle: "alice".parse().unwrap(),
            device_id: DeviceId::from_bytes([8; 16]),
            name: None,
            picture: None,
            privacy: Privacy::default(),
        };
        Names::new(&me, &[contact(BOB, "bob"), contact(CAROL, "carol")])
    }

    fn conversation(title: Option<&str>, with: Option<Contact>) -> Conversation {
        Conversation {
            id: CHAT,
            conversation_id: ConversationId::from_bytes([3; 16]),
            kind: ConversationKind::Direct,
            title: title.map(Into::into),
            description: None,
            picture: None,
            with,
            presence: Presence::Unknown,
            typing: Vec::new(),
            unread: 0,
            first_unread: None,
            active_at: Timestamp::from_millis(0),
            last_message: None,
            state: ConversationState::Joined,
            quarantine: None,
            is_hidden: false,
            standing: subrosa_client::Standing::Accepted,
            added_by: None,
            settings: subrosa_client::ChatSettings::default(),
            ask: None,
            join_requests: 0,
            draft: None,
            timer: None,
        }
    }

    fn with_bob() -> Conversation {
        conversation(None, Some(contact(BOB, "bob")))
    }

    fn json(warning: &Warning, conversation: Option<&Conversation>) -> String {
        #[expect(clippy::unwrap_used, reason = "strings are always JSON")]
        serde_json::to_string(&say(warning, conversation, &names())).unwrap()
    }

    fn by_server(how: Misbehaviour) -> Warning {
        Warning::ServerMisbehaved {
            chat: Some(CHAT),
            how,
        }
    }

    fn by_member(member: AccountId) -> Warning {
        Warning::MemberMisbehaved {
            chat: CHAT,
            member,
            how: MemberMisbehaviour::InvalidCommit {
                seq: 4,
                detail: "no path".into(),
            },
        }
    }

    #[test]
    fn scripts_find_what_happened_and_where() {
        let refused = |message, code| Warning::Refused {
            message,
            code,
            detail: "71680 bytes".into(),
        };
        let not_processed = |chat| Warning::NotProcessed {
            chat,
            reason: "a conversation without its group".into(),
        };
        let bob = with_bob();
        let lines = [
            json(
                &by_server(Misbehaviour::EntryWithoutSender { seq: 12 }),
                Some(&bob),
            ),
            json(&by_member(BOB), Some(&bob)),
            json(&Warning::HandleReassigned(BOB), None),
            json(&Warning::NewDevice(DEVICE), None),
            json(&Warning::UnknownDevice(DEVICE), None),
            json(&Warning::DeviceUnlisted(DEVICE), None),
            json(&Warning::HistoryGap { chat: CHAT }, Some(&bob)),
            json(&not_processed(Some(CHAT)), Some(&bob)),
            json(&not_processed(None), None),
            json(&Warning::CertificatesExpired { chat: CHAT }, Some(&bob)),
            json(
                &refused(Some(LocalMessageId::new(1)), Some(ProblemCode::TooLarge)),
                Some(&bob),
            ),
            json(&refused(None, None), None),
            json(&Warning::More, None),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"warning":"@bob: the server left out who sent a message; if this happens again, tell whoever runs the server (entry 12 does not say who sent it)","kind":"server_misbehaved","how":"entry_without_sender","conversation":"03030303030303030303030303030303"}
        {"warning":"a device of @bob made a change to the conversation that is not valid, and this device joins again; its Subrosa may be out of date, or someone else may control the device (commit 4 is not valid: no path)","kind":"member_misbehaved","how":"invalid_commit","conversation":"03030303030303030303030303030303"}
        {"warning":"@bob: the server now shows a different account for this handle: a new account, or an attack. Nothing is sent to it; ask the person some other way, then compare with `subrosa accept`","kind":"handle_reassigned"}
        {"warning":"a new device was signed in to your account: 05050505050505050505050505050505. If this was not you, sign it out with `subrosa devices --sign-out 05050505050505050505050505050505` and change your password","kind":"new_device","device":"05050505050505050505050505050505"}
        {"warning":"there is a device of your account that your other devices do not know: 05050505050505050505050505050505. It may not have finished signing in; if you do not recognise it in `subrosa devices`, sign it out with `subrosa devices --sign-out 05050505050505050505050505050505` and change your password","kind":"unknown_device","device":"05050505050505050505050505050505"}
        {"warning":"the server no longer lists your device 05050505050505050505050505050505: it was signed out, or was not used for so long that its session has ended. If you still use it, look there","kind":"device_unlisted","device":"05050505050505050505050505050505"}
        {"warning":"@bob: messages are missing, because this device was offline for longer than the server keeps them; look on another device, or ask for them again","kind":"history_gap","conversation":"03030303030303030303030303030303"}
        {"warning":"@bob: something in this conversation cannot be processed, and it is set aside; messages that you write in it wait, and `subrosa chat` can try again or hide it (a conversation without its group)","kind":"not_processed","conversation":"03030303030303030303030303030303"}
        {"warning":"an invitation to a conversation cannot be processed and was dropped; nothing else is affected (a conversation without its group)","kind":"not_processed"}
        {"warning":"@bob: the message waits, because no device of the other person has a certificate that is valid now; check the date and time of this device, or ask the person to open Subrosa","kind":"certificates_expired","conversation":"03030303030303030303030303030303"}
        {"warning":"@bob: the server refused a message, which is kept as failed; `subrosa chat` can try again or delete it (the request is too large: 71680 bytes)","kind":"refused","conversation":"03030303030303030303030303030303","code":"too_large"}
        {"warning":"the server refused a request; a newer version of Subrosa may know why (71680 bytes)","kind":"refused"}
        {"warning":"there were more warnings, which are not shown until the next connection","kind":"more"}
        "#);
    }

    #[test]
    fn the_words_name_whom_they_are_about_once() {
        let group = conversation(Some("Hiking"), None);
        let words = |warning: &Warning, conversation: &Conversation| {
            say(warning, Some(conversation), &names()).warning
        };
        assert!(words(&by_member(BOB), &with_bob()).starts_with("a device of @bob "));
        assert!(words(&by_member(CAROL), &group).starts_with("Hiking: a device of @carol "));
        let shortened = by_server(Misbehaviour::LogShortened);
        assert!(words(&shortened, &with_bob()).starts_with("@bob: the server "));
        let reassigned = Warning::HandleReassigned(CAROL);
        assert!(say(&reassigned, None, &names()).warning.starts_with("@carol: "));
    }

    #[test]
    fn no_way_to_misbehave_shares_its_name_with_another() {
        let ways = [
            Misbehaviour::NoConversation,
            Misbehaviour::TooMuch,
            Misbehaviour::ImpossibleNumber,
            Misbehaviour::RecordForged,
            Misbehaviour::WrongAnswer,
            Misbehaviour::EntriesWithheld,
            Misbehaviour::EntriesInvented,
            Misbehaviour::ImpossibleSeq,
            Misbehaviour::EntryAltered { seq: 1 },
            Misbehaviour::EntryWithoutPayload { seq: 1 },
            Misbehaviour::EntryWithoutSender { seq: 1 },
            Misbehaviour::TwoEntries { seq: 1 },
            Misbehaviour::SendIdOfAnother { seq: 1 },
            Misbehaviour::AcceptedElsewhere,
            Misbehaviour::LogDiffers,
            Misbehaviour::FalseRefusal,
            Misbehaviour::AnotherPast,
            Misbehaviour::WelcomeMisplaced,
            Misbehaviour::NoSuchConversation,
            Misbehaviour::ConversationGone,
            Misbehaviour::SecondConversation,
            Misbehaviour::OwnDeviceUnlisted,
            Misbehaviour::DevicesContradict,
            Misbehaviour::EntryOfFutureEpoch {
                seq: 1,
                epoch: 3,
                log_epoch: 1,
            },
            Misbehaviour::LogShortened,
            Misbehaviour::ForeignGroup(ForeignGroup::OtherPerson),
            Misbehaviour::AnotherConversation,
            Misbehaviour::SignedOutDeviceReturns(DeviceId::from_bytes([5; 16])),
            Misbehaviour::MalformedAccount,
            Misbehaviour::FalseKeys(BOB),
            Misbehaviour::WrongAccount,
            Misbehaviour::HandleShared,
            Misbehaviour::VaultRolledBack {
                revision: 3,
                newest: 5,
            },
        ];
        let said = ways.map(|how| say(&by_server(how), None, &names()));
        let unique: HashSet<_> = said.iter().map(|said| (said.how, &said.warning)).collect();
        assert_eq!(unique.len(), said.len());
        assert!(said.iter().all(|said| said.how != Some("other")), "{said:?}");
    }

    #[test]
    fn a_server_cannot_steer_the_terminal_with_what_it_says() {
        let warning = Warning::Refused {
            message: None,
            code: None,
            detail: "\u{1b}[2J\nsubrosa: all is well".into(),
        };
        let words = say(&warning, None, &names()).warning;
        assert!(!words.chars().any(char::is_control), "{words:?}");
    }
}
