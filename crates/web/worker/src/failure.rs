//! Why something failed, in terms that a page can act on.

use subrosa_client::{ClientError, CommandError, ProblemCode};
use subrosa_web_rpc::{Failure, FailureKind, Phase};

/// The failure that is reported to a page.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn failure(error: ClientError) -> Failure {
    let retry_after_ms = error.refusal().and_then(|refusal| refusal.retry_after_ms);
    Failure {
        kind: kind(&error),
        detail: error.to_string(),
        retry_after_ms,
    }
}

/// The phase of an app whose profile did not open.
pub(crate) fn phase(error: &ClientError) -> Phase {
    match error {
        ClientError::Unsupported(feature) => Phase::Unsupported {
            feature: (*feature).to_owned(),
        },
        ClientError::Evicted => Phase::Evicted,
        error => Phase::Broken {
            detail: error.to_string(),
        },
    }
}

fn kind(error: &ClientError) -> FailureKind {
    match error {
        ClientError::WrongPassword => FailureKind::WrongPassword,
        ClientError::Password(_) => FailureKind::WeakPassword,
        ClientError::Name(_) | ClientError::Command(CommandError::Name(_)) => FailureKind::InvalidName,
        ClientError::Command(CommandError::TooManyNicknames) => FailureKind::TooManyNicknames,
        ClientError::Command(CommandError::TooManyBlocked) => FailureKind::TooManyBlocked,
        ClientError::Command(CommandError::PersonBlocked) => FailureKind::PersonBlocked,
        ClientError::Command(CommandError::Picture(_)) => FailureKind::InvalidPicture,
        ClientError::Command(CommandError::Text(_)) => FailureKind::InvalidText,
        ClientError::Command(CommandError::Description(_)) => FailureKind::InvalidDescription,
        ClientError::Command(CommandError::OwnAccount) => FailureKind::OwnAccount,
        ClientError::Command(
            CommandError::HandleReassigned | CommandError::InvalidPerson | CommandError::Blocked,
        ) => FailureKind::HandleReassigned,
        ClientError::Command(CommandError::NotPermitted) => FailureKind::NotPermitted,
        ClientError::Command(CommandError::LastOwner) => FailureKind::LastOwner,
        ClientError::Command(CommandError::GroupFull) => FailureKind::GroupFull,
        ClientError::Command(CommandError::Banned) => FailureKind::Banned,
        ClientError::Command(CommandError::UnknownMember) => FailureKind::NotInGroup,
        ClientError::Command(CommandError::NotAMember) => FailureKind::NotAMember,
        ClientError::Command(CommandError::NotYet) => FailureKind::NotYet,
        ClientError::Command(
            CommandError::UnknownConversation
            | CommandError::UnknownMessage
            | CommandError::UnknownContact
            | CommandError::UnknownDevice,
        ) => FailureKind::NotFound,
        ClientError::UnknownPerson(_) => FailureKind::UnknownPerson,
        ClientError::Unreachable { .. } | ClientError::TimedOut { .. } => FailureKind::Unreachable,
        ClientError::WrongClock(_) => FailureKind::WrongClock,
        ClientError::VersionMismatch { .. } => FailureKind::VersionMismatch,
        ClientError::ServerMisbehaved(_) => FailureKind::ServerMisbehaved,
        ClientError::SignedOut(_) | ClientError::NoProfile(_) => FailureKind::SignedOut,
        ClientError::Refused(refusal) => refusal.known_code().map_or(FailureKind::Internal, refused),
        _ if error.is_storage_full() => FailureKind::StorageFull,
        ClientError::Engine(_)
        | ClientError::Profile { .. }
        | ClientError::Evicted
        | ClientError::Unsupported(_) => FailureKind::Storage,
        _ => FailureKind::Internal,
    }
}

fn refused(code: ProblemCode) -> FailureKind {
    match code {
        ProblemCode::HandleTaken => FailureKind::HandleTaken,
        ProblemCode::SignInFailed => FailureKind::WrongPassword,
        ProblemCode::RateLimited => FailureKind::RateLimited,
        ProblemCode::RegistrationClosed => FailureKind::RegistrationClosed,
        ProblemCode::Unavailable => FailureKind::Unreachable,
        ProblemCode::UnsupportedVersion => FailureKind::VersionMismatch,
        ProblemCode::UnknownDevice => FailureKind::NotFound,
        _ => FailureKind::Internal,
    }
}
