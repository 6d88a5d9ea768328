//! The engine's warnings in the shapes that a page shows. The kinds stay apart; what else the engine says is one line
//! of English for a report.

use subrosa_client::{self as client, ForeignGroup, printable_line};
use subrosa_web_rpc::{GivenUp, MemberMisbehaviour, Misbehaviour, Warning};

use crate::shapes;

/// The most characters of a report: part of it can be the server's own words.
const REPORT_MAX: usize = 1_000;

/// The server shows another account under the handle of this person.
pub(crate) fn handle_reassigned(chat: Option<client::ChatId>, person: client::Contact) -> Warning {
    Warning::HandleReassigned {
        chat: chat.map(shapes::chat_id),
        account: person.account_id,
        handle: person.handle,
    }
}

/// This person did what an honest member never does.
pub(crate) fn member_misbehaved(
    chat: client::ChatId,
    member: client::Contact,
    how: &client::MemberMisbehaviour,
    warning: &client::Warning,
) -> Warning {
    Warning::MemberMisbehaved {
        chat: shapes::chat_id(chat),
        member: shapes::contact(member),
        how: member_misbehaviour(how),
        detail: report(warning),
    }
}

/// Any other warning.
pub(crate) fn without_person(warning: &client::Warning) -> Warning {
    match warning {
        client::Warning::ServerMisbehaved { chat, how } => Warning::ServerMisbehaved {
            chat: chat.map(shapes::chat_id),
            how: misbehaviour(how),
            detail: report(warning),
        },
        client::Warning::Unreadable { chat, .. } => Warning::UnreadableMessage {
            chat: shapes::chat_id(*chat),
            detail: report(warning),
        },
        client::Warning::NewDevice(device) => Warning::NewDevice(*device),
        client::Warning::UnknownDevice(device) => Warning::UnknownDevice(*device),
        client::Warning::DeviceUnlisted(device) => Warning::DeviceUnlisted(*device),
        client::Warning::HistoryGap { chat } => Warning::HistoryGap {
            chat: shapes::chat_id(*chat),
        },
        client::Warning::ServerWentBack => Warning::ServerWentBack,
        client::Warning::ProfileWentBack => Warning::ProfileWentBack,
        client::Warning::NotProcessed { chat, .. } => Warning::NotProcessed {
            chat: chat.map(shapes::chat_id),
            detail: report(warning),
        },
        client::Warning::CertificatesExpired { chat } => Warning::CertificatesExpired {
            chat: shapes::chat_id(*chat),
        },
        client::Warning::Refused { code, .. } => Warning::Refused {
            code: code.map(|code| code.as_str().to_owned()),
            detail: report(warning),
        },
        // What has no words here is more than can be shown.
        _ => Warning::More,
    }
}

/// Why a change of a group is given up.
pub(crate) const fn given_up(why: client::GivenUp) -> GivenUp {
    match why {
        client::GivenUp::NotPermitted => GivenUp::NotPermitted,
        client::GivenUp::NotInGroup => GivenUp::NotInGroup,
        client::GivenUp::LastOwner => GivenUp::LastOwner,
        client::GivenUp::GroupFull => GivenUp::GroupFull,
        client::GivenUp::Unsuitable => GivenUp::Unsuitable,
        client::GivenUp::TooOld => GivenUp::TooOld,
        _ => GivenUp::Other,
    }
}

fn misbehaviour(how: &client::Misbehaviour) -> Misbehaviour {
    match how {
        client::Misbehaviour::NoConversation => Misbehaviour::NoConversation,
        client::Misbehaviour::TooMuch => Misbehaviour::TooMuch,
        client::Misbehaviour::ImpossibleNumber => Misbehaviour::ImpossibleNumber,
        client::Misbehaviour::RecordForged => Misbehaviour::RecordForged,
        client::Misbehaviour::WrongAnswer => Misbehaviour::WrongAnswer,
        client::Misbehaviour::EntriesWithheld => Misbehaviour::EntriesWithheld,
        client::Misbehaviour::EntriesInvented => Misbehaviour::EntriesInvented,
        client::Misbehaviour::ImpossibleSeq => Misbehaviour::ImpossibleSeq,
        client::Misbehaviour::EntryAltered { .. } => Misbehaviour::EntryAltered,
        client::Misbehaviour::EntryForged { .. } => Misbehaviour::EntryForged,
        client::Misbehaviour::EntryWithoutPayload { .. } => Misbehaviour::EntryWithoutPayload,
        client::Misbehaviour::EntryWithoutSender { .. } => Misbehaviour::EntryWithoutSender,
        client::Misbehaviour::TwoEntries { .. } => Misbehaviour::TwoEntries,
        client::Misbehaviour::SendIdOfAnother { .. } => Misbehaviour::SendIdOfAnother,
        client::Misbehaviour::AcceptedElsewhere => Misbehaviour::AcceptedElsewhere,
        client::Misbehaviour::LogDiffers => Misbehaviour::LogDiffers,
        client::Misbehaviour::FalseRefusal => Misbehaviour::FalseRefusal,
        client::Misbehaviour::WelcomeMisplaced => Misbehaviour::WelcomeMisplaced,
        client::Misbehaviour::AnotherPast => Misbehaviour::AnotherPast,
        client::Misbehaviour::OwnDeviceUnlisted => Misbehaviour::OwnDeviceUnlisted,
        client::Misbehaviour::DevicesContradict => Misbehaviour::DevicesContradict,
        client::Misbehaviour::EntryOfFutureEpoch { .. } => Misbehaviour::EntryOfFutureEpoch,
        client::Misbehaviour::LogShortened => Misbehaviour::LogShortened,
        client::Misbehaviour::KeyPackageForged { .. } => Misbehaviour::KeyPackageForged,
        client::Misbehaviour::KeyPackagesClash(_) => Misbehaviour::KeyPackagesClash,
        client::Misbehaviour::WelcomeForged(_) => Misbehaviour::WelcomeForged,
        client::Misbehaviour::GroupForged(_) => Misbehaviour::GroupForged,
        client::Misbehaviour::ForeignGroup(ForeignGroup::UnknownKind) => Misbehaviour::GroupOfUnknownKind,
        client::Misbehaviour::ForeignGroup(ForeignGroup::OtherPerson) => Misbehaviour::GroupOfOtherPerson,
        client::Misbehaviour::AnotherConversation => Misbehaviour::AnotherConversation,
        client::Misbehaviour::NoSuchConversation => Misbehaviour::NoSuchConversation,
        client::Misbehaviour::ConversationGone => Misbehaviour::ConversationGone,
        client::Misbehaviour::SecondConversation => Misbehaviour::SecondConversation,
        client::Misbehaviour::SignedOutDeviceReturns(_) => Misbehaviour::SignedOutDeviceReturns,
        client::Misbehaviour::MalformedAccount => Misbehaviour::MalformedAccount,
        client::Misbehaviour::HandleChanged(_) => Misbehaviour::HandleChanged,
        client::Misbehaviour::FalseKeys(_) => Misbehaviour::FalseKeys,
        client::Misbehaviour::WrongAccount => Misbehaviour::WrongAccount,
        client::Misbehaviour::HandleShared => Misbehaviour::HandleShared,
        client::Misbehaviour::VaultRolledBack { .. } => Misbehaviour::VaultRolledBack,
        _ => Misbehaviour::Other,
    }
}

fn member_misbehaviour(how: &client::MemberMisbehaviour) -> MemberMisbehaviour {
    match how {
        client::MemberMisbehaviour::InvalidContent { .. } => MemberMisbehaviour::InvalidContent,
        client::MemberMisbehaviour::InvalidPadding { .. } => MemberMisbehaviour::InvalidPadding,
        client::MemberMisbehaviour::InvalidClaim { .. } => MemberMisbehaviour::InvalidClaim,
        client::MemberMisbehaviour::InvalidCommit { .. } => MemberMisbehaviour::InvalidCommit,
        client::MemberMisbehaviour::BrokenRule { .. } => MemberMisbehaviour::BrokenRule,
        _ => MemberMisbehaviour::Other,
    }
}

/// One line of English for a report.
fn report(warning: &client::Warning) -> String {
    one_line(&warning.to_string())
}

/// Why the server refused, in one line of English for a report.
pub(crate) fn refusal(refusal: &client::Refusal) -> String {
    one_line(&format!("{}: {refusal}", refusal.code))
}

fn one_line(text: &str) -> String {
    let end = text
        .char_indices()
        .nth(REPORT_MAX)
        .map_or(text.len(), |(at, _)| at);
    printable_line(&text[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: client::ChatId = client::ChatId::new(3);

    #[test]
    fn a_warning_keeps_its_kind_and_the_words_for_a_report() {
        let warning = client::Warning::ServerMisbehaved {
            chat: Some(CHAT),
            how: client::Misbehaviour::EntryAltered { seq: 12 },
        };
        assert_eq!(
            without_person(&warning),
            Warning::ServerMisbehaved {
                chat: Some(shapes::chat_id(CHAT)),
                how: Misbehaviour::EntryAltered,
                detail: "the server misbehaved: it pushed entry 12 in another form than the log has"
                    .to_owned(),
            }
        );
    }

    #[test]
    fn the_words_of_a_server_fit_one_line_of_bounded_length() {
        let warning = client::Warning::Refused {
            message: None,
            code: Some(client::ProblemCode::TooLarge),
            detail: format!("{}\n\u{202e}", "x".repeat(REPORT_MAX * 2)),
        };
        let Warning::Refused { code, detail } = without_person(&warning) else {
            panic!("not a refusal");
        };
        assert_eq!(code.as_deref(), Some("too_large"));
        assert_eq!(detail.chars().count(), REPORT_MAX);

        let warning = client::Warning::Refused {
            message: None,
            code: None,
            detail: "two\nlines \u{202e}".to_owned(),
        };
        let Warning::Refused { detail, .. } = without_person(&warning) else {
            panic!("not a refusal");
        };
        assert!(!detail.contains(['\n', '\u{202e}']), "{detail:?}");
    }

    #[test]
    fn why_the_server_refuses_to_hand_over_what_waits_is_part_of_the_state() {
        let mut status = client::Status {
            connection: client::Connection::Online,
            refusal: Some(client::Refusal {
                code: "unavailable".to_owned(),
                title: "the server cannot do this now".to_owned(),
                detail: "two\nlines \u{202e}".to_owned(),
                retry_after_ms: None,
            }),
            ..client::Status::default()
        };
        let refusal_of =
            |status: &client::Status| shapes::state(subrosa_web_rpc::Phase::SignedOut, status).refusal;
        let refusal = refusal_of(&status).unwrap_or_default();
        assert!(
            refusal.starts_with("unavailable: the server cannot do this now (two"),
            "{refusal:?}"
        );
        assert!(!refusal.contains(['\n', '\u{202e}']), "{refusal:?}");
        status.refusal = None;
        assert_eq!(refusal_of(&status), None);
    }
}
