//! Why the directory refuses, each with its stable code.

use std::time::Duration;

use subrosa_wire::ProblemCode;

use crate::{expiring::Full, limits::FULL_RETRY_AFTER, rate::RateLimited, store::StoreError};

/// A refusal, or a failure of the storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The request breaks a rule, which the text names.
    #[error("{0}")]
    Malformed(String),
    /// A field is longer than it may be.
    #[error("{field} has {len} bytes, at most {max} are possible")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The most that is possible.
        max: usize,
    },
    /// A key, a signature or an OPAQUE message is no such thing; the text names the field.
    #[error("{0}")]
    InvalidKeyMaterial(String),
    /// Handle, password, recovery code, attempt or proof is wrong; which of them is not said.
    #[error("handle, password or recovery code is wrong, or the sign-in took too long")]
    SignInFailed,
    /// The account was entered by the password, and what is asked for takes the recovery code.
    #[error("a new recovery code takes a recovery by the one until now")]
    RecoveryCodeNeeded,
    /// No device has proved who it is.
    #[error("the access token is missing or not valid")]
    Unauthenticated,
    /// The refresh token, its signature or its device is not valid, or its time is over.
    #[error("the refresh token is not valid for this device")]
    RefreshRefused,
    /// An older refresh token came back: somebody has a copy of the device. Its session was ended.
    #[error("an older refresh token was used, the session was ended")]
    TokenReused,
    /// The nonce of a refresh is unknown, used or too old.
    #[error("ask for a new challenge")]
    ChallengeExpired,
    /// The device was signed out.
    #[error("this device was signed out")]
    DeviceSignedOut,
    /// The handle is in use.
    #[error("@{0} is taken")]
    HandleTaken(String),
    /// A handle that looks like it is in use.
    #[error("@{0} looks like a handle that is taken")]
    LookAlikeTaken(String),
    /// The handle looks like a name of the service.
    #[error("@{0} looks like a handle that is reserved")]
    LooksReserved(String),
    /// The server takes no new accounts.
    #[error("ask the operator of this server for an account")]
    RegistrationClosed,
    /// The device certificate does not verify, or names something else.
    #[error("{0}")]
    BadCertificate(String),
    /// The account has as many devices as it may.
    #[error("sign out one of the other devices first")]
    TooManyDevices,
    /// There is no such account.
    #[error("there is no such account")]
    UnknownAccount,
    /// There is no such device in this account.
    #[error("there is no such device in this account")]
    UnknownDevice,
    /// Another device has changed the vault.
    #[error("the vault is not at the revision before this one: fetch it and merge")]
    VaultChanged,
    /// Too often.
    #[error("too many requests")]
    RateLimited {
        /// When to come back.
        retry_after: Duration,
    },
    /// Too many others are under way.
    #[error("too many requests of this kind are under way")]
    Busy,
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccountError {
    /// The stable code.
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Malformed(_) => ProblemCode::MalformedRequest,
            Self::TooLarge { .. } => ProblemCode::TooLarge,
            Self::InvalidKeyMaterial(_) => ProblemCode::InvalidKeyMaterial,
            Self::SignInFailed => ProblemCode::SignInFailed,
            Self::RecoveryCodeNeeded => ProblemCode::Forbidden,
            Self::Unauthenticated | Self::RefreshRefused => ProblemCode::Unauthenticated,
            Self::TokenReused => ProblemCode::TokenReused,
            Self::ChallengeExpired => ProblemCode::ChallengeExpired,
            Self::DeviceSignedOut => ProblemCode::DeviceSignedOut,
            Self::HandleTaken(_) | Self::LookAlikeTaken(_) | Self::LooksReserved(_) => {
                ProblemCode::HandleTaken
            }
            Self::RegistrationClosed => ProblemCode::RegistrationClosed,
            Self::BadCertificate(_) => ProblemCode::BadCertificate,
            Self::TooManyDevices => ProblemCode::TooManyDevices,
            Self::UnknownAccount => ProblemCode::UnknownAccount,
            Self::UnknownDevice => ProblemCode::UnknownDevice,
            Self::VaultChanged => ProblemCode::VaultChanged,
            Self::RateLimited { .. } => ProblemCode::RateLimited,
            Self::Store(StoreError::Full) => ProblemCode::StorageFull,
            Self::Busy | Self::Store(StoreError::Stopped | StoreError::RolledBack) => {
                ProblemCode::Unavailable
            }
            Self::Store(_) => ProblemCode::Internal,
        }
    }

    /// When to come back, if that helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::Busy | Self::Store(StoreError::Stopped | StoreError::RolledBack) => Some(FULL_RETRY_AFTER),
            _ => None,
        }
    }
}

impl From<RateLimited> for AccountError {
    fn from(limited: RateLimited) -> Self {
        Self::RateLimited {
            retry_after: limited.retry_after,
        }
    }
}

impl From<Full> for AccountError {
    fn from(_: Full) -> Self {
        Self::Busy
    }
}
