//! Renewing a session: a refresh token is good once, and only with a signature of its device over a nonce.
//!
//! The server keeps the newest token and the one that was used to get it. The newest renews the session. The
//! one before it renews it again, because then the newest was never used: its answer was lost on the way. Any
//! other token that the device has signed for is older: somebody has a copy of the device, keys and all, and
//! nobody can tell which of the two is the owner, so the session ends for both. A token without the device's
//! signature changes nothing: whoever stole it alone can neither use it nor end the session.

use subrosa_mls::{DevicePublicKey, DeviceSigningKey};
use subrosa_wire::{
    Base64,
    rest::{RefreshChallenge, RefreshFinish, RefreshStart, Tokens, signing_labels},
};
use subtle::ConstantTimeEq as _;

use super::{AccountError, Accounts, fields};
use crate::{
    limits::REFRESH_RETRIES_MAX,
    random,
    session::Session,
    store::accounts::{SessionRecord, TokenHash},
    tokens,
};

/// The device that a refresh ended the session of, and why.
#[derive(Debug)]
pub struct RefreshRefused {
    /// What the client is told.
    pub error: AccountError,
    /// Set if the session ended by this very request: delivery has to hear of it.
    pub ended: Option<Session>,
}

impl<E: Into<AccountError>> From<E> for RefreshRefused {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            ended: None,
        }
    }
}

impl Accounts {
    /// The first step: a nonce, whether the device exists or not.
    pub fn start_refresh(&self, request: &RefreshStart) -> RefreshChallenge {
        let nonce = self.refreshes.give(request.device_id, self.clock.now());
        RefreshChallenge {
            nonce: Base64(nonce.to_vec()),
        }
    }

    /// The second step: new tokens for the device that holds the newest one and its key.
    pub async fn finish_refresh(&self, request: RefreshFinish) -> Result<Tokens, RefreshRefused> {
        let signature = fields::signature("signature", &request.signature)?;
        let (device_id, now) = (request.device_id, self.clock.now());
        let nonce = self
            .refreshes
            .recognise(&request.nonce.0, device_id, now)
            .ok_or(AccountError::ChallengeExpired)?;
        let presented = tokens::hash(&request.refresh_token);
        let device = self.store.device(device_id).await?;
        let nobodys_key = nobodys_key();
        let device_key = device.as_ref().map_or(nobodys_key, |device| device.device_key);
        let signed = [request.nonce.0.as_slice(), &presented.0].concat();
        let verified = device_key.verify(signing_labels::REFRESH, &signed, &signature);
        let Some(device) = device.filter(|_| verified.is_ok()) else {
            return Err(AccountError::RefreshRefused.into());
        };
        if !self.refreshes.use_up(nonce, now)? {
            return Err(AccountError::ChallengeExpired.into());
        }
        if device.signed_out_at.is_some() {
            return Err(AccountError::DeviceSignedOut.into());
        }
        let session = Session {
            account_id: device.account_id,
            device_id,
        };
        for _ in 0..=REFRESH_RETRIES_MAX {
            let Some(record) = self.store.session(device_id).await? else {
                return Err(AccountError::RefreshRefused.into());
            };
            match judge(&record, presented) {
                Presented::Renews if record.expires_at <= self.clock.now() => {
                    return Err(AccountError::RefreshRefused.into());
                }
                Presented::Renews => {}
                Presented::IsOld => {
                    self.end_session(device_id).await?;
                    return Err(RefreshRefused {
                        error: AccountError::TokenReused,
                        ended: Some(session),
                    });
                }
            }
            let fresh = self.fresh_tokens();
            let next = SessionRecord {
                newest: fresh.refresh.hash(),
                previous: Some(presented),
                expires_at: fresh.refresh_expires_at,
            };
            // Another refresh of the same device may have come in between: then look again.
            if self
                .store
                .rotate_session(device_id, record.newest, next, self.clock.now())
                .await?
            {
                return Ok(self.give_tokens(session, fresh).await?);
            }
        }
        Err(AccountError::Busy.into())
    }
}

enum Presented {
    Renews,
    IsOld,
}

fn judge(record: &SessionRecord, presented: TokenHash) -> Presented {
    let is_newest = record.newest.0.ct_eq(&presented.0);
    let is_previous = record
        .previous
        .map_or(0.into(), |previous| previous.0.ct_eq(&presented.0));
    if (is_newest | is_previous).into() {
        Presented::Renews
    } else {
        Presented::IsOld
    }
}

/// Stands in for the key of a device that does not exist, so that the same work is done.
fn nobodys_key() -> DevicePublicKey {
    DeviceSigningKey::generate(&mut random::rng()).public()
}
