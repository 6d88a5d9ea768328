//! Changing the password, with the proof of a sign-in or recovery.
//!
//! The old password is locked out at once: every attempt and every proof that began with it is void, but for
//! the one used here, which can still enrol a device. Devices that are signed in stay so: the password guards
//! the door, and `DELETE /v1/devices/{device_id}` shows somebody out.

use subrosa_wire::rest::{PasswordFinish, PasswordStart, RegistrationChallenge};

use super::{AccountError, Accounts, fields, password};
use crate::{store::accounts::PasswordChange, tokens::Entry};

impl Accounts {
    /// The first step: the server's part of the new password record. It uses nothing up.
    pub fn start_password_change(
        &self,
        proof: &str,
        request: &PasswordStart,
    ) -> Result<RegistrationChallenge, AccountError> {
        let proof = self
            .proofs
            .find(proof, self.clock.now())
            .filter(|proof| proof.changes_password)
            .ok_or(AccountError::SignInFailed)?;
        let registration_response = self
            .passwords
            .start_registration(&proof.account.handle, &request.registration_request)?;
        Ok(RegistrationChallenge {
            registration_response,
        })
    }

    /// The second step: the new password, and with it, if wanted, a new recovery code. That takes the proof of
    /// the old one: whoever has guessed a password cannot take the way back from the owner.
    pub async fn finish_password_change(
        &self,
        token: &str,
        request: PasswordFinish,
    ) -> Result<(), AccountError> {
        let change = PasswordChange {
            password_record: password::checked_record(&request.registration_record)?,
            password_wrap: fields::wrap("password_wrap", request.password_wrap)?,
            recovery: request.recovery.map(fields::recovery).transpose()?,
        };
        // What is refused here does not use the proof up.
        let found = self.proofs.find(token, self.clock.now());
        if change.recovery.is_some() && found.is_some_and(|proof| proof.entry != Entry::RecoveryCode) {
            return Err(AccountError::RecoveryCodeNeeded);
        }
        let proof = self
            .proofs
            .use_to_change_password(token, self.clock.now())
            .ok_or(AccountError::SignInFailed)?;
        let account_id = proof.account.account_id();
        match self
            .store
            .change_password(account_id, proof.revision, change)
            .await
        {
            Ok(true) => {
                self.proofs
                    .carry_over(token, proof.revision + 1, self.clock.now());
                tracing::info!(account = %account_id, "a password was changed");
                Ok(())
            }
            Ok(false) => Err(AccountError::SignInFailed),
            Err(error) => {
                self.proofs.unuse_to_change_password(token, self.clock.now());
                Err(error.into())
            }
        }
    }
}
