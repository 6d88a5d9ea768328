//! Signing up: account, vault, first device and session in one transaction.
//!
//! If the answer to the last step is lost, the client sends the same request again and gets the same refresh
//! token, but no access token: whoever has a copy of the request is not yet its device, and a refresh token
//! opens nothing without a signature of the device over a nonce. Nothing is stored by a repetition, so a copy
//! does no harm either. The token is derived, not random, because only its hash is kept
//! (docs/adr/0007-a-repeated-sign-up.md).

use std::net::IpAddr;

use subrosa_mls::AccountIdentity;
use subrosa_wire::{
    Handle, Timestamp,
    rest::{RegistrationChallenge, RegistrationFinish, RegistrationStart, Tokens},
};
use subtle::ConstantTimeEq as _;

use super::{AccountError, Accounts, certificate::verify_enrolment, fields, password};
use crate::{
    session::Session,
    store::{
        StoreError,
        accounts::{
            AccountRecord, Availability, Credentials, NewAccount, NewDevice, Registered, VaultRecord,
        },
    },
    tokens::RefreshToken,
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
        self.attempt_limits.check_registration(address)?;
        check_not_reserved(&request.handle)?;
        match self.store.availability(request.handle.clone()).await? {
            Availability::Free => {}
            Availability::Taken => return Err(AccountError::HandleTaken(request.handle.to_string())),
            Availability::LookAlikeTaken => {
                return Err(AccountError::LookAlikeTaken(request.handle.to_string()));
            }
        }
        let registration_response = self
            .passwords
            .start_registration(&request.handle, &request.registration_request)?;
        Ok(RegistrationChallenge {
            registration_response,
        })
    }

    /// The second step: all of it, or nothing. The same again gets the first refresh token again.
    pub async fn finish_registration(
        &self,
        request: RegistrationFinish,
        address: IpAddr,
    ) -> Result<Tokens, AccountError> {
        if !self.registration_open {
            return Err(AccountError::RegistrationClosed);
        }
        self.attempt_limits.check_registration(address)?;
        check_not_reserved(&request.handle)?;
        let now = self.clock.now();
        let identity = AccountIdentity {
            account_key: fields::public_key("account_key", &request.account_key)?,
            succession_key_hash: fields::succession_key_hash(
                "succession_key_hash",
                &request.succession_key_hash,
            )?,
        };
        let certificate = verify_enrolment(&request.device, identity.account_id(), now)?;
        if request.vault.revision != 1 {
            return Err(AccountError::Malformed(format!(
                "vault.revision is {} and must be 1",
                request.vault.revision
            )));
        }
        let recovery = fields::recovery(request.recovery)?;
        let session = Session {
            account_id: certificate.account_id(),
            device_id: certificate.device_id(),
        };
        let tokens = self.first_tokens(session.device_id);
        let account = NewAccount {
            account: AccountRecord {
                handle: request.handle.clone(),
                identity,
            },
            credentials: Credentials {
                password_record: password::checked_record(&request.registration_record)?,
                password_wrap: fields::wrap("password_wrap", request.password_wrap)?,
                recovery,
            },
            vault: fields::vault("vault.ciphertext", request.vault.ciphertext)?,
            device: NewDevice {
                device_id: session.device_id,
                account_id: session.account_id,
                device_key: certificate.device_key(),
                certificate: request.device.certificate.0,
                token: tokens.refresh.hash(),
                token_counter: tokens.refresh_counter,
                token_expires_at: tokens.refresh_expires_at,
                created_at: now,
            },
        };
        match self.store.register(account.clone()).await? {
            Registered::Done => {
                tracing::info!(account = %session.account_id, device = %session.device_id, "an account signed up");
                self.give_tokens(session, tokens).await
            }
            Registered::HandleTaken if let Some(ends_at) = self.repeats(&account).await? => {
                tracing::info!(account = %session.account_id, device = %session.device_id, "a sign-up was repeated");
                Ok(without_access(&tokens.refresh, ends_at))
            }
            Registered::LookAlikeTaken => Err(AccountError::LookAlikeTaken(request.handle.to_string())),
            Registered::HandleTaken => Err(AccountError::HandleTaken(request.handle.to_string())),
            Registered::AccountIdTaken => Err(AccountError::Malformed(
                "an account has these keys already: make new ones".to_owned(),
            )),
            Registered::DeviceIdTaken => Err(AccountError::BadCertificate(
                "the device id is in use: make a random one".to_owned(),
            )),
        }
    }

    /// Whether everything in a request is what an earlier one has stored and nothing has happened since: then,
    /// when the refresh token ends.
    async fn repeats(&self, new: &NewAccount) -> Result<Option<Timestamp>, StoreError> {
        let Some(stored) = self.store.credentials(new.account.handle.clone()).await? else {
            return Ok(None);
        };
        if stored.account != new.account || stored.revision != 1 || stored.credentials != new.credentials {
            return Ok(None);
        }
        let vault = VaultRecord {
            revision: 1,
            ciphertext: new.vault.clone(),
        };
        if self.store.vault(new.account.account_id()).await? != Some(vault) {
            return Ok(None);
        }
        let device = self.store.device(new.device.device_id).await?;
        let is_the_device = device.is_some_and(|device| {
            device.account_id == new.device.account_id
                && device.certificate == new.device.certificate
                && device.signed_out_at.is_none()
        });
        if !is_the_device {
            return Ok(None);
        }
        // A session that was renewed belongs to a device that had its answer.
        let session = self.store.session(new.device.device_id).await?;
        Ok(session
            .filter(|session| session.newest.0.ct_eq(&new.device.token.0).into())
            .map(|session| session.expires_at))
    }
}

/// Refuses a handle that looks like a name of the service.
fn check_not_reserved(handle: &Handle) -> Result<(), AccountError> {
    if handle.looks_reserved() {
        Err(AccountError::LooksReserved(handle.to_string()))
    } else {
        Ok(())
    }
}

/// The answer to a repetition: its access token is none, and has ended by every clock.
fn without_access(refresh: &RefreshToken, refresh_expires_at: Timestamp) -> Tokens {
    Tokens {
        access_token: String::new(),
        access_expires_at: Timestamp::from_millis(0),
        refresh_token: refresh.reveal().to_owned(),
        refresh_expires_at,
    }
}
