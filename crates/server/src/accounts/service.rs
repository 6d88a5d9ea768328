//! What the operations share.

use std::sync::Arc;

use subrosa_wire::{
    DeviceId, Timestamp,
    limits::{CHALLENGE_LIFETIME, REFRESH_TOKEN_LIFETIME},
};

use super::{
    AccountError,
    attempt_limits::{AttemptLimits, AttemptRates},
    password::PasswordServer,
    recovery::RecoveryAttempt,
    sign_in::SignInAttempt,
};
use crate::{
    clock::Clock,
    expiring::ExpiringMap,
    limits::{ATTEMPTS_UNDER_WAY_MAX, LAST_SEEN_PRECISION},
    session::Session,
    store::{Store, StoreError},
    tokens::{AccessTokens, Proofs, RefreshClaims, RefreshNonces, RefreshToken, RefreshTokens},
};

/// What the operator decides.
#[derive(Debug, Clone)]
pub struct AccountsConfig {
    /// Whether anyone may sign up.
    pub registration_open: bool,
    /// Names this server in its access tokens.
    pub token_issuer: String,
    /// How often sign-up and sign-in may be tried.
    pub rates: AttemptRates,
}

/// The directory service.
pub struct Accounts {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registration_open: bool,
    pub(super) passwords: PasswordServer,
    pub(super) attempt_limits: AttemptLimits,
    pub(super) sign_ins: ExpiringMap<SignInAttempt>,
    pub(super) recoveries: ExpiringMap<RecoveryAttempt>,
    pub(super) refreshes: RefreshNonces,
    pub(super) proofs: Proofs,
    pub(super) refresh_tokens: RefreshTokens,
    access_tokens: AccessTokens,
}

/// The tokens of a device, in the clear: they are given out and forgotten.
pub(super) struct FreshTokens {
    pub(super) refresh: RefreshToken,
    pub(super) refresh_counter: u64,
    pub(super) refresh_expires_at: Timestamp,
}

impl Accounts {
    /// Loads the server's keys, and makes them the first time.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        config: AccountsConfig,
    ) -> Result<Self, StoreError> {
        let passwords = PasswordServer::open(store.as_ref()).await?;
        let refresh_tokens = RefreshTokens::open(store.as_ref()).await?;
        let access_tokens = AccessTokens::open(Arc::clone(&store), config.token_issuer, clock.now()).await?;
        Ok(Self {
            registration_open: config.registration_open,
            passwords,
            attempt_limits: AttemptLimits::new(&config.rates, &clock),
            sign_ins: ExpiringMap::new(ATTEMPTS_UNDER_WAY_MAX, CHALLENGE_LIFETIME),
            recoveries: ExpiringMap::new(ATTEMPTS_UNDER_WAY_MAX, CHALLENGE_LIFETIME),
            refreshes: RefreshNonces::default(),
            proofs: Proofs::default(),
            refresh_tokens,
            access_tokens,
            store,
            clock,
        })
    }

    /// Whether anyone may sign up.
    pub fn registration_open(&self) -> bool {
        self.registration_open
    }

    /// The server's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Fails if nothing can be stored.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        self.store.probe_write(self.clock.now()).await
    }

    /// Whose access token it is. A device that was signed out is refused at once, whatever its token says.
    pub async fn authenticate(&self, access_token: &str) -> Result<Session, AccountError> {
        let now = self.clock.now();
        let session = self.access_tokens.verify(access_token, now).map_err(|refused| {
            tracing::debug!(%refused, "an access token was refused");
            AccountError::Unauthenticated
        })?;
        match self.store.device(session.device_id).await? {
            Some(device) if device.account_id != session.account_id => Err(AccountError::Unauthenticated),
            Some(device) if device.signed_out_at.is_some() => Err(AccountError::DeviceSignedOut),
            Some(device) => {
                if now.since(device.last_seen_at) >= LAST_SEEN_PRECISION {
                    self.note_seen(session.device_id, now).await;
                }
                Ok(session)
            }
            None => Err(AccountError::Unauthenticated),
        }
    }

    /// Not being able to note it, with a full disk, keeps nobody from reading.
    async fn note_seen(&self, device_id: DeviceId, now: Timestamp) {
        if let Err(error) = self.store.note_seen(device_id, now).await {
            tracing::warn!(%error, device = %device_id, "it was not noted that a device was seen");
        }
    }

    /// The refresh token of a device that signs up, which is not stored yet.
    pub(super) fn first_tokens(&self, device_id: DeviceId) -> FreshTokens {
        FreshTokens {
            refresh: self.refresh_tokens.first(device_id),
            refresh_counter: 0,
            refresh_expires_at: self.refresh_expires_at(),
        }
    }

    /// The refresh token of a device that had so many before; it is not stored yet.
    pub(super) fn fresh_tokens(&self, device_id: DeviceId, counter: u64) -> FreshTokens {
        let expires_at = self.refresh_expires_at();
        let claims = RefreshClaims { counter, expires_at };
        FreshTokens {
            refresh: self.refresh_tokens.issue(device_id, claims),
            refresh_counter: counter,
            refresh_expires_at: expires_at,
        }
    }

    fn refresh_expires_at(&self) -> Timestamp {
        self.clock.now().plus(REFRESH_TOKEN_LIFETIME)
    }

    /// The answer to a device whose refresh token is stored.
    pub(super) async fn give_tokens(
        &self,
        session: Session,
        fresh: FreshTokens,
    ) -> Result<subrosa_wire::rest::Tokens, AccountError> {
        let access = self.access_tokens.issue(session, self.clock.now()).await?;
        Ok(subrosa_wire::rest::Tokens {
            access_token: access.token,
            access_expires_at: access.expires_at,
            refresh_token: fresh.refresh.reveal().to_owned(),
            refresh_expires_at: fresh.refresh_expires_at,
        })
    }
}
