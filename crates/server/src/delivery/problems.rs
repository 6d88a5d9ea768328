//! The one place that turns refusals and failures of delivery into problems.

use std::time::Duration;

use subrosa_mls::{KeyPackageError, NotPermitted, PeekError, PolicyError, ViewError};
use subrosa_wire::{ProblemCode, frames::Problem};

use super::requests::{id_bytes, malformed};
use crate::{
    limits::UNAVAILABLE_RETRY_AFTER,
    rate::RateLimited,
    store::{
        StoreError,
        delivery::{LogRefusal, ReadRefusal, TooManyKeyPackages},
        links::{AskRefusal, LinkClosed},
        objects::ObjectRefusal,
        records::TooManyRecords,
    },
};

impl From<LogRefusal> for Problem {
    fn from(refusal: LogRefusal) -> Self {
        match refusal {
            LogRefusal::NotAMember => Self::new(ProblemCode::NotAMember, ""),
            LogRefusal::SignedOut => Self::new(ProblemCode::DeviceSignedOut, ""),
            LogRefusal::StaleEpoch { head_seq, epoch } => Self {
                head_seq,
                epoch,
                ..Self::new(
                    ProblemCode::StaleEpoch,
                    format!("the conversation is in epoch {epoch}"),
                )
            },
            LogRefusal::SendOutOfOrder { expected } => Self {
                expected_send_number: expected,
                ..Self::new(
                    ProblemCode::SendOutOfOrder,
                    format!("send number {expected} is expected"),
                )
            },
            LogRefusal::LogDisagrees => Self::new(ProblemCode::LogDisagrees, ""),
            LogRefusal::ConversationExists(conversation_id) => Self {
                conversation_id: id_bytes(conversation_id.as_bytes()),
                ..Self::new(ProblemCode::ConversationExists, "")
            },
            LogRefusal::TooManyConversations => Self::new(
                ProblemCode::Forbidden,
                "the account has as many conversations as it may have",
            ),
            LogRefusal::LogIsFull => Self::new(
                ProblemCode::Forbidden,
                "the conversation has as many entries as it can have",
            ),
            LogRefusal::Link(closed) => closed.into(),
        }
    }
}

impl From<LinkClosed> for Problem {
    fn from(closed: LinkClosed) -> Self {
        let code = match closed {
            LinkClosed::Unknown => ProblemCode::LinkInvalid,
            LinkClosed::Revoked => ProblemCode::LinkRevoked,
            LinkClosed::Expired => ProblemCode::LinkExpired,
            LinkClosed::UsedUp => ProblemCode::LinkUsedUp,
        };
        Self::new(code, "")
    }
}

impl From<AskRefusal> for Problem {
    fn from(refusal: AskRefusal) -> Self {
        match refusal {
            AskRefusal::Link(closed) => closed.into(),
            AskRefusal::IsMember => Self::new(ProblemCode::Forbidden, "the account is in the conversation"),
            AskRefusal::TooMany => Self::new(ProblemCode::Forbidden, "too many people ask to join"),
        }
    }
}

impl From<ReadRefusal> for Problem {
    fn from(refusal: ReadRefusal) -> Self {
        match refusal {
            ReadRefusal::NotAMember => Self::new(ProblemCode::NotAMember, ""),
            ReadRefusal::Pruned {
                first_seq,
                head_seq,
                epoch,
            } => Self {
                head_seq,
                epoch,
                first_seq,
                ..Self::new(
                    ProblemCode::LogPruned,
                    format!("entries before seq {first_seq} are no longer kept"),
                )
            },
        }
    }
}

impl From<TooManyKeyPackages> for Problem {
    fn from(TooManyKeyPackages { kept }: TooManyKeyPackages) -> Self {
        Self::new(
            ProblemCode::TooLarge,
            format!("{kept} key packages of this device are kept already"),
        )
    }
}

impl From<TooManyRecords> for Problem {
    fn from(_: TooManyRecords) -> Self {
        Self::new(
            ProblemCode::Forbidden,
            "the account keeps as much in records as it may",
        )
    }
}

impl From<ObjectRefusal> for Problem {
    fn from(refusal: ObjectRefusal) -> Self {
        match refusal {
            ObjectRefusal::NotAllowed => Self::new(
                ProblemCode::Forbidden,
                "the object is not one that this account may change",
            ),
            ObjectRefusal::NotAMember => Self::new(ProblemCode::NotAMember, ""),
            ObjectRefusal::TooManyObjects => Self::new(
                ProblemCode::Forbidden,
                "the account that has made the object keeps as much in objects as it may",
            ),
        }
    }
}

impl From<RateLimited> for Problem {
    fn from(limited: RateLimited) -> Self {
        Self {
            retry_after_ms: millis(limited.retry_after).max(1),
            ..Self::new(ProblemCode::RateLimited, "")
        }
    }
}

/// The client learns that we failed and when to come back; the log learns why.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let retry_after_ms = millis(UNAVAILABLE_RETRY_AFTER);
        match error {
            StoreError::Full => Self {
                retry_after_ms,
                ..Self::new(ProblemCode::StorageFull, "")
            },
            StoreError::Stopped | StoreError::RolledBack => Self {
                retry_after_ms,
                ..Self::new(ProblemCode::Unavailable, "")
            },
            error => {
                tracing::error!(%error, "the storage failed");
                Self::new(ProblemCode::Internal, "")
            }
        }
    }
}

/// What is asked for will be there later.
pub(super) fn unavailable(detail: &str) -> Problem {
    Problem {
        retry_after_ms: millis(UNAVAILABLE_RETRY_AFTER),
        ..Problem::new(ProblemCode::Unavailable, detail)
    }
}

/// An MLS message cannot be read.
pub(super) fn unreadable(error: PeekError) -> Problem {
    malformed(error.to_string())
}

/// A commit or a group is refused.
pub(super) fn invalid_mls(error: &ViewError) -> Problem {
    if let ViewError::Corrupt(reason) = error {
        tracing::error!(%reason, "the stored view of a group is damaged");
        return Problem::new(ProblemCode::Internal, "");
    }
    Problem::new(ProblemCode::InvalidMlsMessage, error.to_string())
}

/// Somebody cannot come by an invite link.
pub(super) fn cannot_join(error: &ViewError) -> Problem {
    let ViewError::Policy(PolicyError::NotPermitted(reason)) = error else {
        return invalid_mls(error);
    };
    let code = match reason {
        NotPermitted::Full => ProblemCode::GroupFull,
        NotPermitted::Banned(_) => ProblemCode::Banned,
        NotPermitted::JoinByUnknownLink(_) => ProblemCode::LinkInvalid,
        NotPermitted::JoinUnasked(_) => ProblemCode::LinkNeedsApproval,
        _ => return invalid_mls(error),
    };
    Problem::new(code, "")
}

pub(super) fn invalid_key_package(error: &KeyPackageError) -> Problem {
    Problem::new(ProblemCode::InvalidKeyPackage, error.to_string())
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
