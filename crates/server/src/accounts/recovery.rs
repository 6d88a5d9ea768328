//! Entering an account with its recovery code: the code's key signs a nonce. The server has the public half
//! only, from which the code cannot be found.

use std::net::IpAddr;

use subrosa_mls::AccountSigningKey;
use subrosa_wire::{
    Base64, Handle,
    rest::{RecoveryChallenge, RecoveryFinish, RecoveryStart, SignedIn, signing_labels},
};

use super::{AccountError, Accounts, fields};
use crate::{
    random,
    store::accounts::{RecoveryPublicKey, RecoveryRecord},
    tokens::Entry,
};

/// What waits for the signature.
#[derive(Clone)]
pub(super) struct RecoveryAttempt {
    handle: Handle,
    nonce: [u8; 32],
    /// Nobody's key if there is no such account.
    key: RecoveryPublicKey,
    /// Of the credentials it began with; `None` if there is no such account.
    revision: Option<u64>,
}

impl Accounts {
    /// The first step: a nonce, whether the handle exists or not.
    pub async fn start_recovery(
        &self,
        request: RecoveryStart,
        address: IpAddr,
    ) -> Result<RecoveryChallenge, AccountError> {
        self.attempt_limits.check_entry(&request.handle, address)?;
        let record = self.store.credentials(request.handle.clone()).await?;
        let nobodys_key = AccountSigningKey::generate(&mut random::rng()).public();
        let (attempt, nonce) = (random::bytes(), random::bytes());
        let state = RecoveryAttempt {
            handle: request.handle,
            nonce,
            key: record
                .as_ref()
                .map_or(nobodys_key, |record| record.credentials.recovery.key),
            revision: record.map(|record| record.revision),
        };
        self.recoveries.insert(attempt, state, self.clock.now())?;
        Ok(RecoveryChallenge {
            attempt: Base64(attempt.to_vec()),
            nonce: Base64(nonce.to_vec()),
        })
    }

    /// The second step: the vault and a proof for a client that has the recovery code.
    pub async fn finish_recovery(&self, request: RecoveryFinish) -> Result<SignedIn, AccountError> {
        let signature = fields::signature("signature", &request.signature)?;
        let attempt = fields::attempt(&request.attempt)
            .and_then(|key| self.recoveries.take(&key, self.clock.now()))
            .ok_or(AccountError::SignInFailed)?;
        attempt
            .key
            .verify(signing_labels::RECOVERY, &attempt.nonce, &signature)
            .map_err(|_| AccountError::SignInFailed)?;
        let record = self.store.credentials(attempt.handle).await?;
        let record = record
            .filter(|record| Some(record.revision) == attempt.revision)
            .ok_or(AccountError::SignInFailed)?;
        let RecoveryRecord {
            wrap,
            succession_wrap,
            ..
        } = record.credentials.recovery.clone();
        let signed_in = self.signed_in(record, wrap, Entry::RecoveryCode).await?;
        Ok(SignedIn {
            succession_wrap: Some(Base64(succession_wrap)),
            ..signed_in
        })
    }
}
