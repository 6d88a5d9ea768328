//! The devices of an account: enrolling one, listing them, signing one out.

use subrosa_wire::{
    Base64, DeviceId,
    limits::DEVICES_PER_ACCOUNT_MAX,
    rest::{Device, Devices, Enrolment, Tokens},
};

use super::{AccountError, Accounts, certificate::verify_enrolment};
use crate::{
    session::Session,
    store::{
        StoreError,
        accounts::{Enrolled, NewDevice},
    },
};

impl Accounts {
    /// Signs a device in, with the proof of a sign-in or recovery. A device that is signed in already gets a
    /// new session: so a lost answer is harmless, and a session that ended is begun again. Delivery has to hear
    /// of it: the caller tells it.
    pub async fn enrol_device(
        &self,
        proof: &str,
        request: Enrolment,
    ) -> Result<(Session, Tokens), AccountError> {
        let now = self.clock.now();
        let found = self.proofs.find(proof, now).ok_or(AccountError::SignInFailed)?;
        let account = found.account;
        // A certificate that is refused does not use the proof up.
        let certificate = verify_enrolment(&request, account.account_id(), now)?;
        let session = Session {
            account_id: certificate.account_id(),
            device_id: certificate.device_id(),
        };
        // The tokens of a session before this one are older than all of this one.
        let before = self.store.session(session.device_id).await?;
        let counter = before.map_or(0, |before| before.counter.saturating_add(1));
        let tokens = self.fresh_tokens(session.device_id, counter);
        let revision = self
            .proofs
            .use_to_enrol(proof, now)
            .ok_or(AccountError::SignInFailed)?
            .revision;
        let device = NewDevice {
            device_id: session.device_id,
            account_id: session.account_id,
            device_key: certificate.device_key(),
            certificate: request.certificate.0,
            token: tokens.refresh.hash(),
            token_counter: tokens.refresh_counter,
            token_expires_at: tokens.refresh_expires_at,
            created_at: now,
        };
        let enrolled = self.store.enrol(device, revision, DEVICES_PER_ACCOUNT_MAX).await;
        if !matches!(enrolled, Ok(Enrolled::Done | Enrolled::CredentialsChanged)) {
            self.proofs.unuse_to_enrol(proof, now);
        }
        match enrolled? {
            Enrolled::Done => {
                tracing::info!(account = %session.account_id, device = %session.device_id, "a device signed in");
                Ok((session, self.give_tokens(session, tokens).await?))
            }
            Enrolled::CredentialsChanged => Err(AccountError::SignInFailed),
            Enrolled::DeviceIdTaken => Err(AccountError::BadCertificate(
                "the device id is in use or was signed out: make a new device".to_owned(),
            )),
            Enrolled::TooManyDevices => Err(AccountError::TooManyDevices),
        }
    }

    /// Replaces the certificate of the asking device, which must hold the same key as before.
    pub async fn renew_certificate(
        &self,
        session: Session,
        device_id: DeviceId,
        request: Enrolment,
    ) -> Result<(), AccountError> {
        if device_id != session.device_id {
            return Err(AccountError::UnknownDevice);
        }
        let certificate = verify_enrolment(&request, session.account_id, self.clock.now())?;
        let device = self.store.device(device_id).await?;
        let device = device.ok_or(AccountError::UnknownDevice)?;
        if (certificate.device_id(), certificate.device_key()) != (device_id, device.device_key) {
            return Err(AccountError::BadCertificate(
                "the certificate is for another device or another key".to_owned(),
            ));
        }
        if !self
            .store
            .renew_certificate(device_id, request.certificate.0)
            .await?
        {
            return Err(AccountError::DeviceSignedOut);
        }
        tracing::info!(device = %device_id, "a device certificate was renewed");
        Ok(())
    }

    /// The signed-in devices of the account.
    pub async fn devices(&self, session: Session) -> Result<Devices, AccountError> {
        let devices = self.store.devices(session.account_id).await?;
        Ok(Devices {
            devices: devices
                .into_iter()
                .map(|device| Device {
                    device_id: device.device_id,
                    certificate: Base64(device.certificate),
                    created_at: device.created_at,
                    last_seen_at: device.last_seen_at,
                    current: device.device_id == session.device_id,
                })
                .collect(),
        })
    }

    /// Signs a device of the account out: its tokens end at once. Delivery has
    /// to hear of it: the caller tells it.
    pub async fn sign_out(&self, session: Session, device_id: DeviceId) -> Result<(), AccountError> {
        let device = self.store.device(device_id).await?;
        if device.is_none_or(|device| device.account_id != session.account_id) {
            return Err(AccountError::UnknownDevice);
        }
        self.end_session(device_id).await?;
        Ok(())
    }

    /// Ends the session of a device, for whatever reason.
    pub(super) async fn end_session(&self, device_id: DeviceId) -> Result<(), StoreError> {
        if self.store.sign_out(device_id, self.clock.now()).await? {
            tracing::info!(device = %device_id, "a device was signed out");
        }
        Ok(())
    }
}
