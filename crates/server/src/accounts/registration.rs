//! Signing up: account, vault, first device and session in one transaction.
//!
//! If the answer to the last step is lost, the handle is taken by the very person: they sign in with the
//! password, and their device enrols again.

use std::net::IpAddr;

use subrosa_wire::rest::{RegistrationChallenge, RegistrationFinish, RegistrationStart, Tokens};

use super::{AccountError, Accounts, certificate::verify_enrolment, fields, password};
use crate::{
    session::Session,
    store::accounts::{AccountRecord, Credentials, NewAccount, NewDevice, Registered},
};

impl Accounts {
    /// The first step: is the handle free, and the server's part of the password record.
    pub async fn start_registration(
        &self,
        request: RegistrationStart,
        address: IpAddr,
    ) -> Result<RegistrationChallenge, AccountError> {
        if !self.registration_open {
            return Err(AccountError::RegistrationClosed);
        }
        self.guesses.check_registration(address)?;
        if self
            .store
            .account_by_handle(request.handle.clone())
            .await?
            .is_some()
        {
            return Err(AccountError::HandleTaken(request.handle.to_string()));
        }
        let registration_response = self
            .passwords
            .start_registration(&request.handle, &request.registration_request)?;
        Ok(RegistrationChallenge {
            registration_response,
        })
    }

    /// The second step: all of it, or nothing.
    pub async fn finish_registration(
        &self,
        request: RegistrationFinish,
        address: IpAddr,
    ) -> Result<Tokens, AccountError> {
        if !self.registration_open {
            return Err(AccountError::RegistrationClosed);
        }
        self.guesses.check_registration(address)?;
        let now = self.clock.now();
        let account_key = fields::public_key("account_key", &request.account_key)?;
        let certificate = verify_enrolment(&request.device, request.account_id, &account_key, now)?;
        if request.vault.revision != 1 {
            return Err(AccountError::Malformed(format!(
                "vault.revision is {} and must be 1",
                request.vault.revision
            )));
        }
        let (recovery_key, recovery_wrap) = fields::recovery(request.recovery)?;
        let tokens = self.fresh_tokens();
        let session = Session {
            account_id: request.account_id,
            device_id: certificate.device_id(),
        };
        let account = NewAccount {
            account: AccountRecord {
                account_id: request.account_id,
                handle: request.handle.clone(),
                account_key,
            },
            credentials: Credentials {
                password_record: password::checked_record(&request.registration_record)?,
                password_wrap: fields::wrap("password_wrap", request.password_wrap)?,
                recovery_key,
                recovery_wrap,
            },
            vault: fields::vault("vault.ciphertext", request.vault.ciphertext)?,
            device: NewDevice {
                device_id: session.device_id,
                account_id: session.account_id,
                device_key: certificate.device_key(),
                certificate: request.device.certificate.0,
                token: tokens.refresh.hash(),
                token_expires_at: tokens.refresh_expires_at,
                created_at: now,
            },
        };
        match self.store.register(account).await? {
            Registered::Done => {
                tracing::info!(account = %session.account_id, device = %session.device_id, "an account signed up");
                self.give_tokens(session, tokens).await
            }
            Registered::HandleTaken => Err(AccountError::HandleTaken(request.handle.to_string())),
            Registered::AccountIdTaken => Err(AccountError::Malformed(
                "account_id is in use: make a random one".to_owned(),
            )),
            Registered::DeviceIdTaken => Err(AccountError::BadCertificate(
                "the device id is in use: make a random one".to_owned(),
            )),
        }
    }
}
