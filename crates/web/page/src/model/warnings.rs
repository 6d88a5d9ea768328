//! What warnings mean to the user. Many kinds of misbehaviour mean the same, and are shown once.

use subrosa_web_rpc::{Contact, GivenUp, MemberMisbehaviour, Misbehaviour, Warning};
use subrosa_wire::{AccountId, DeviceId, Handle};

use crate::limits::WARNINGS_MAX;

/// What a warning means to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// A handle belongs to another account than before.
    OtherAccount(AccountId, Option<&'a Handle>),
    /// A device was signed in to the account.
    NewDevice(DeviceId),
    /// The account's devices do not know one that is there.
    UnknownDevice(DeviceId),
    /// The server no longer lists a device of the account.
    DeviceUnlisted(DeviceId),
    /// The server went back to an earlier vault.
    OldVault,
    /// The server withheld, invented, repeated, reordered or changed messages.
    ChangedLog,
    /// Something that the server handed out is forged.
    Forged,
    /// The server showed a false account or false keys.
    FalseAccount,
    /// A device that is signed out keeps coming back.
    DeviceReturns,
    /// The server's list of this account's devices is wrong.
    FalseDevices,
    /// The server sent something that cannot be understood.
    Unreadable,
    /// A member sent a message that cannot be shown.
    InvalidMessage(&'a Contact),
    /// A member tried to change the conversation in a way that is not allowed.
    InvalidChange(&'a Contact),
    /// A member has other messages than this device, or says so.
    LogsDisagree(&'a Contact),
    /// Messages of a member never arrived.
    MessagesMissing(&'a Contact),
    /// A message could not be read.
    UnreadableMessage,
    /// Messages never reached this device.
    HistoryGap,
    /// The server had lost messages, and has them again.
    ServerWentBack,
    /// What was sent from this device is missing here.
    ProfileWentBack,
    /// Something cannot be processed, and is left out.
    NotProcessed,
    /// The other person's devices cannot be added yet.
    CertificatesExpired,
    /// A change of a group that is about this person cannot be made any more.
    ChangeGivenUp(&'a Contact, GivenUp),
    /// The server refused something.
    Refused,
    /// There is more than is shown.
    More,
}

impl<'a> Meaning<'a> {
    /// What this warning means.
    pub(crate) const fn of(warning: &'a Warning) -> Self {
        match warning {
            Warning::HandleReassigned { account, handle, .. } => {
                Self::OtherAccount(*account, handle.as_ref())
            }
            Warning::NewDevice(device) => Self::NewDevice(*device),
            Warning::UnknownDevice(device) => Self::UnknownDevice(*device),
            Warning::DeviceUnlisted(device) => Self::DeviceUnlisted(*device),
            Warning::ServerMisbehaved { how, .. } => Self::of_server(*how),
            Warning::MemberMisbehaved { member, how, .. } => match how {
                MemberMisbehaviour::InvalidContent
                | MemberMisbehaviour::InvalidPadding
                | MemberMisbehaviour::InvalidClaim
                | MemberMisbehaviour::Other => Self::InvalidMessage(member),
                MemberMisbehaviour::InvalidCommit | MemberMisbehaviour::BrokenRule => {
                    Self::InvalidChange(member)
                }
            },
            Warning::LogsDisagree { member, .. } => Self::LogsDisagree(member),
            Warning::MessagesMissing { member, .. } => Self::MessagesMissing(member),
            Warning::UnreadableMessage { .. } => Self::UnreadableMessage,
            Warning::HistoryGap { .. } => Self::HistoryGap,
            Warning::ServerWentBack => Self::ServerWentBack,
            Warning::ProfileWentBack => Self::ProfileWentBack,
            Warning::NotProcessed { .. } => Self::NotProcessed,
            Warning::CertificatesExpired { .. } => Self::CertificatesExpired,
            Warning::ChangeGivenUp { member, why, .. } => Self::ChangeGivenUp(member, *why),
            Warning::Refused { .. } => Self::Refused,
            Warning::More => Self::More,
        }
    }

    const fn of_server(how: Misbehaviour) -> Self {
        match how {
            Misbehaviour::EntriesWithheld
            | Misbehaviour::EntriesInvented
            | Misbehaviour::ImpossibleSeq
            | Misbehaviour::EntryAltered
            | Misbehaviour::EntryWithoutPayload
            | Misbehaviour::EntryWithoutSender
            | Misbehaviour::TwoEntries
            | Misbehaviour::SendIdOfAnother
            | Misbehaviour::AcceptedElsewhere
            | Misbehaviour::LogDiffers
            | Misbehaviour::FalseRefusal
            | Misbehaviour::WelcomeMisplaced
            | Misbehaviour::EntryOfFutureEpoch
            | Misbehaviour::LogShortened
            | Misbehaviour::ConversationGone
            | Misbehaviour::SecondConversation => Self::ChangedLog,
            Misbehaviour::EntryForged
            | Misbehaviour::AnotherPast
            | Misbehaviour::KeyPackageForged
            | Misbehaviour::KeyPackagesClash
            | Misbehaviour::WelcomeForged
            | Misbehaviour::GroupForged
            | Misbehaviour::GroupOfUnknownKind
            | Misbehaviour::GroupOfOtherPerson
            | Misbehaviour::AnotherConversation
            | Misbehaviour::NoSuchConversation => Self::Forged,
            Misbehaviour::MalformedAccount
            | Misbehaviour::HandleChanged
            | Misbehaviour::FalseKeys
            | Misbehaviour::WrongAccount
            | Misbehaviour::HandleShared => Self::FalseAccount,
            Misbehaviour::VaultRolledBack => Self::OldVault,
            Misbehaviour::SignedOutDeviceReturns => Self::DeviceReturns,
            Misbehaviour::OwnDeviceUnlisted | Misbehaviour::DevicesContradict => Self::FalseDevices,
            Misbehaviour::NoConversation
            | Misbehaviour::TooMuch
            | Misbehaviour::ImpossibleNumber
            | Misbehaviour::RecordForged
            | Misbehaviour::WrongAnswer
            | Misbehaviour::Other => Self::Unreadable,
        }
    }
}

/// Adds a warning with a number. An older one that means the same gives way to it.
pub(crate) fn add(warnings: &mut Vec<(u64, Warning)>, number: u64, warning: Warning) {
    warnings
        .retain(|(_, other)| other.chat() != warning.chat() || Meaning::of(other) != Meaning::of(&warning));
    warnings.push((number, warning));
    if warnings.len() > WARNINGS_MAX {
        warnings.remove(0);
    }
}

/// English for a report, if there is more to report than the meaning.
pub(crate) fn report(warning: &Warning) -> Option<String> {
    match warning {
        Warning::ServerMisbehaved { detail, .. }
        | Warning::MemberMisbehaved { detail, .. }
        | Warning::NotProcessed { detail, .. }
        | Warning::UnreadableMessage { detail, .. } => Some(detail.clone()),
        Warning::Refused { code, detail } => Some(match code {
            Some(code) => format!("{code}: {detail}"),
            None => detail.clone(),
        }),
        Warning::HandleReassigned { .. }
        | Warning::LogsDisagree { .. }
        | Warning::MessagesMissing { .. }
        | Warning::NewDevice(_)
        | Warning::UnknownDevice(_)
        | Warning::DeviceUnlisted(_)
        | Warning::HistoryGap { .. }
        | Warning::ServerWentBack
        | Warning::ProfileWentBack
        | Warning::CertificatesExpired { .. }
        | Warning::ChangeGivenUp { .. }
        | Warning::More => None,
    }
}

#[cfg(test)]
mod tests {
    use subrosa_web_rpc::ChatId;

    use super::*;
    use crate::model::samples::{CHAT, contact};

    fn by_server(chat: Option<ChatId>, how: Misbehaviour, detail: &str) -> Warning {
        Warning::ServerMisbehaved {
            chat,
            how,
            detail: detail.to_owned(),
        }
    }

    fn by_member(member: Contact, how: MemberMisbehaviour) -> Warning {
        Warning::MemberMisbehaved {
            chat: CHAT,
            member,
            how,
            detail: String::new(),
        }
    }

    fn numbers(all: impl IntoIterator<Item = Warning>) -> Vec<u64> {
        let mut warnings = Vec::new();
        for (number, warning) in (0..).zip(all) {
            add(&mut warnings, number, warning);
        }
        warnings.into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn warnings_that_mean_the_same_in_one_conversation_are_shown_once() {
        let repeated = by_server(Some(CHAT), Misbehaviour::TwoEntries, "entry 3");
        let withheld = by_server(Some(CHAT), Misbehaviour::EntriesWithheld, "entry 9");
        let elsewhere = by_server(Some(ChatId::new(2)), Misbehaviour::TwoEntries, "entry 3");
        let forged = by_server(Some(CHAT), Misbehaviour::EntryForged, "entry 3");
        assert_eq!(numbers([repeated, elsewhere, forged, withheld]), [1, 2, 3]);
    }

    #[test]
    fn warnings_of_two_people_are_both_shown() {
        let broken = |number| by_member(contact(number, "", None), MemberMisbehaviour::BrokenRule);
        assert_eq!(numbers([broken(1), broken(2), broken(1)]), [1, 2]);
    }

    #[test]
    fn no_more_warnings_are_kept_than_are_shown() {
        let gap = |number| Warning::HistoryGap {
            chat: ChatId::new(number),
        };
        assert_eq!(numbers((0..9).map(gap)).len(), WARNINGS_MAX);
    }

    #[test]
    fn a_report_names_the_code_of_a_refusal() {
        let refused = |code| Warning::Refused {
            code,
            detail: "no".to_owned(),
        };
        assert_eq!(
            report(&refused(Some("too_large".to_owned()))).as_deref(),
            Some("too_large: no")
        );
        assert_eq!(report(&refused(None)).as_deref(), Some("no"));
    }
}
