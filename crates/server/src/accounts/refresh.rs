//! Renewing a session: a refresh token is good once, and only with a signature of its device over a nonce.
//!
//! The server keeps the newest token and the one that was used to get it. The newest renews the session. The
//! one before it renews it again, because then the newest was never used: its answer was lost on the way. Any
//! other token that the device has signed for is older: somebody has a copy of the device, keys and all, and
//! nobody can tell which of the two is the owner, so the session ends for both. A token without the device's
//! signature changes nothing: whoever stole it alone can neither use it nor end the session.
//!
//! A token of this server that counts as far as the newest, or further, was given out after this state of the
//! database, which was put back from an older copy. It renews the session, and the count goes on from there.

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
    tokens::{self, RefreshClaims},
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
        let claims = self.refresh_tokens.recognise(device_id, &request.refresh_token);
        for _ in 0..=REFRESH_RETRIES_MAX {
            let Some(record) = self.store.session(device_id).await? else {
                return Err(AccountError::RefreshRefused.into());
            };
            let (counter, expires_at) = match judge(&record, presented, claims) {
                Presented::Renews => (record.counter, record.expires_at),
                Presented::IsAhead(claims) => {
                    tracing::warn!(
                        device = %device_id,
                        "a device has a newer session than the database, which was put back from an older copy"
                    );
                    (claims.counter, claims.expires_at)
                }
                Presented::IsOld => {
                    self.end_session(device_id).await?;
                    return Err(RefreshRefused {
                        error: AccountError::TokenReused,
                        ended: Some(session),
                    });
                }
            };
            if expires_at <= self.clock.now() {
                return Err(AccountError::RefreshRefused.into());
            }
            let fresh = self.fresh_tokens(device_id, counter.saturating_add(1));
            let next = SessionRecord {
                newest: fresh.refresh.hash(),
                counter: fresh.refresh_counter,
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
    /// The newest token, or the one before it.
    Renews,
    /// One that the database does not know yet.
    IsAhead(RefreshClaims),
    IsOld,
}

fn judge(record: &SessionRecord, presented: TokenHash, claims: Option<RefreshClaims>) -> Presented {
    let is_newest = record.newest.0.ct_eq(&presented.0);
    let is_previous = record
        .previous
        .map_or(0.into(), |previous| previous.0.ct_eq(&presented.0));
    if (is_newest | is_previous).into() {
        return Presented::Renews;
    }
    match claims {
        // No counter is given out twice: the same one with another end is from another life of the database.
        Some(claims) if claims.counter >= record.counter => Presented::IsAhead(claims),
        _ => Presented::IsOld,
    }
}

/// Stands in for the key of a device that does not exist, so that the same work is done.
fn nobodys_key() -> DevicePublicKey {
    DeviceSigningKey::generate(&mut random::rng()).public()
}
