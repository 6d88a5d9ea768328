//! Failures in the words of the user's language: what happened, and what to do.

use subrosa_web_rpc::{Failure, FailureKind};

use crate::i18n::now;

/// The words for a failure.
pub(crate) fn words(failure: &Failure) -> String {
    match failure.kind {
        FailureKind::WrongPassword => now!("failure-wrong-password"),
        FailureKind::WrongRecoveryCode => now!("failure-wrong-code"),
        FailureKind::MalformedRecoveryCode => now!("failure-malformed-code"),
        FailureKind::HandleTaken => now!("failure-handle-taken"),
        FailureKind::WeakPassword => now!("password-guessable"),
        FailureKind::TooManyNicknames => now!("failure-too-many-nicknames"),
        FailureKind::TooManyBlocked => now!("failure-too-many-blocked"),
        FailureKind::PersonBlocked => now!("failure-person-blocked"),
        FailureKind::InvalidName => now!("failure-name"),
        FailureKind::InvalidDescription => now!("failure-description"),
        FailureKind::InvalidPicture => now!("failure-picture"),
        FailureKind::InvalidText => now!("failure-text"),
        FailureKind::UnknownPerson => now!("failure-unknown-person"),
        FailureKind::OwnAccount => now!("failure-own-account"),
        FailureKind::HandleReassigned => now!("failure-handle-reassigned"),
        FailureKind::NotPermitted => now!("failure-not-permitted"),
        FailureKind::LastOwner => now!("failure-last-owner"),
        FailureKind::GroupFull => now!("failure-group-full"),
        FailureKind::Banned => now!("failure-banned"),
        FailureKind::NotInGroup => now!("failure-not-in-group"),
        FailureKind::NotAMember => now!("failure-not-a-member"),
        FailureKind::NotYet => now!("failure-not-yet"),
        FailureKind::NotFound => now!("failure-not-found"),
        FailureKind::RateLimited => match failure.retry_after_ms {
            Some(ms) => now!(
                "failure-rate-limited-for",
                minutes = u64::from(ms).div_ceil(60_000)
            ),
            None => now!("failure-rate-limited"),
        },
        FailureKind::RegistrationClosed => now!("failure-closed"),
        FailureKind::Unreachable => now!("failure-unreachable"),
        FailureKind::WrongClock => now!("failure-clock"),
        FailureKind::VersionMismatch => now!("failure-version"),
        FailureKind::ServerMisbehaved => now!("failure-server"),
        FailureKind::SignedOut => now!("failure-signed-out"),
        FailureKind::StorageFull => now!("failure-storage-full"),
        FailureKind::Storage => now!("failure-storage"),
        FailureKind::Internal => now!("failure-internal"),
    }
}
