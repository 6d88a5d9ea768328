//! Signing in with a password. Whether the handle exists, the attempt is known or the password is right:
//! every wrong answer is the same.

use std::net::IpAddr;

use subrosa_wire::{
    Base64, Handle,
    rest::{SealedVault, SignInChallenge, SignInFinish, SignInStart, SignedIn},
};

use super::{AccountError, Accounts, fields, password::PasswordAttempt};
use crate::{random, store::accounts::CredentialRecord, tokens::Entry};

/// What waits for the client's last message.
pub(super) struct SignInAttempt {
    handle: Handle,
    password: PasswordAttempt,
    /// Of the credentials it began with; `None` if there is no such account.
    revision: Option<u64>,
}

impl Accounts {
    /// The first step: a challenge that only the right password can open.
    pub async fn start_sign_in(
        &self,
        request: SignInStart,
        address: IpAddr,
    ) -> Result<SignInChallenge, AccountError> {
        self.attempt_limits.check_entry(&request.handle, address)?;
        let record = self.store.credentials(request.handle.clone()).await?;
        let (password, credential_response) = self.passwords.start_sign_in(
            &request.handle,
            record
                .as_ref()
                .map(|record| record.credentials.password_record.as_slice()),
            &request.credential_request,
        )?;
        let attempt = random::bytes();
        let state = SignInAttempt {
            handle: request.handle,
            password,
            revision: record.map(|record| record.revision),
        };
        self.sign_ins.insert(attempt, state, self.clock.now())?;
        Ok(SignInChallenge {
            attempt: Base64(attempt.to_vec()),
            credential_response,
        })
    }

    /// The second step: the vault and a proof for a client that knows the password.
    pub async fn finish_sign_in(&self, request: SignInFinish) -> Result<SignedIn, AccountError> {
        let attempt = fields::attempt(&request.attempt)
            .and_then(|key| self.sign_ins.take(&key, self.clock.now()))
            .ok_or(AccountError::SignInFailed)?;
        attempt
            .password
            .finish(&attempt.handle, &request.credential_finalization)?;
        let record = self.store.credentials(attempt.handle).await?;
        let record = record
            .filter(|record| Some(record.revision) == attempt.revision)
            .ok_or(AccountError::SignInFailed)?;
        let wrap = record.credentials.password_wrap.clone();
        self.signed_in(record, wrap, Entry::Password).await
    }

    /// What somebody gets who has proved to own the account.
    pub(super) async fn signed_in(
        &self,
        record: CredentialRecord,
        wrap: Vec<u8>,
        entry: Entry,
    ) -> Result<SignedIn, AccountError> {
        let account = record.account;
        let account_id = account.account_id();
        let vault = self
            .store
            .vault(account_id)
            .await?
            .ok_or(AccountError::SignInFailed)?;
        let proof = self
            .proofs
            .give(account, record.revision, entry, self.clock.now())?;
        tracing::info!(account = %account_id, "somebody signed in to an account");
        Ok(SignedIn {
            proof,
            account_id,
            vault: SealedVault {
                revision: vault.revision,
                ciphertext: Base64(vault.ciphertext),
            },
            wrap: Base64(wrap),
            succession_wrap: None,
        })
    }
}
