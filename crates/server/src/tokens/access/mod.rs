//! Access tokens: JWTs (RFC 7519, RFC 9068) that a device shows with each request.
//!
//! They are signed with `EdDSA` and nothing else: the algorithm and the key are the verifier's choice by `kid`,
//! never the token's. Times are checked against the clock that is passed in.

use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use subrosa_wire::{AccountId, DeviceId, Timestamp, limits::ACCESS_TOKEN_LIFETIME};
use tokio::sync::Mutex;

use super::signing_key::{self, TokenSigningKey};
use crate::{
    limits::{ACCESS_TOKEN_LEEWAY, ACCESS_TOKEN_LEN_MAX, SIGNING_KEY_LIFETIME},
    random,
    session::Session,
    store::{Store, StoreError},
};

/// For whom the tokens are: this API.
const AUDIENCE: &str = "subrosa";
/// The type of the tokens (RFC 9068, section 2.1).
const TOKEN_TYPE: &str = "at+jwt";

/// A token that was issued.
#[derive(Clone)]
pub struct AccessToken {
    /// As the device shows it.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why a token is not accepted. Clients are told no more than that they are not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// Not a JWT of ours by its form, type or algorithm.
    #[error("the access token is malformed")]
    Malformed,
    /// Signed by a key that this server does not have, or no longer has.
    #[error("the access token was signed by an unknown key")]
    UnknownKey,
    /// The signature or a claim does not hold.
    #[error("the access token does not verify")]
    Invalid,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The account.
    sub: AccountId,
    /// The device.
    dev: DeviceId,
    /// Seconds since 1970.
    iat: u64,
    /// Seconds since 1970.
    exp: u64,
    jti: String,
}

/// Issues and verifies access tokens. A new signing key is made when the newest one is
/// [`SIGNING_KEY_LIFETIME`] old; older ones verify for as long again.
pub struct AccessTokens {
    store: Arc<dyn Store>,
    validation: Validation,
    issuer: String,
    /// Oldest first, never empty.
    keys: RwLock<Vec<Arc<TokenSigningKey>>>,
    rotation: Mutex<()>,
}

impl AccessTokens {
    /// Loads the signing keys, and makes the first one if there is none.
    pub async fn open(store: Arc<dyn Store>, issuer: String, now: Timestamp) -> Result<Self, StoreError> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library would ask the machine's clock: `verify` compares with the one it is given.
        validation.validate_exp = false;
        let records = store.signing_keys().await?;
        let tokens = Self {
            store,
            validation,
            issuer,
            keys: RwLock::new(
                records
                    .into_iter()
                    .map(|record| Arc::new(record.into()))
                    .collect(),
            ),
            rotation: Mutex::new(()),
        };
        tokens.current_key(now).await?;
        Ok(tokens)
    }

    /// A token for a device that has just proved who it is.
    pub async fn issue(&self, session: Session, now: Timestamp) -> Result<AccessToken, StoreError> {
        let key = self.current_key(now).await?;
        let expires_at = now.plus(ACCESS_TOKEN_LIFETIME);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: session.account_id,
            dev: session.device_id,
            iat: now.as_secs(),
            exp: expires_at.as_secs(),
            jti: URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
        };
        let token = jsonwebtoken::encode(&header, &claims, &key.signing)
            .map_err(|error| StoreError::Failed(format!("an access token cannot be signed: {error}")))?;
        Ok(AccessToken { token, expires_at })
    }

    /// Whose token it is. Whether the device is still signed in is not said here.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Session, TokenRefused> {
        if token.len() > ACCESS_TOKEN_LEN_MAX {
            return Err(TokenRefused::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefused::Malformed)?;
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TOKEN_TYPE) {
            return Err(TokenRefused::Malformed);
        }
        let kid = header.kid.ok_or(TokenRefused::Malformed)?;
        let key = self.key(&kid).ok_or(TokenRefused::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifying, &self.validation)
            .map_err(|_| TokenRefused::Invalid)?
            .claims;
        if claims.exp.saturating_add(ACCESS_TOKEN_LEEWAY.as_secs()) <= now.as_secs() {
            return Err(TokenRefused::Expired);
        }
        Ok(Session {
            account_id: claims.sub,
            device_id: claims.dev,
        })
    }

    fn key(&self, kid: &str) -> Option<Arc<TokenSigningKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find(|key| key.kid == kid).cloned()
    }

    fn newest_key(&self, now: Timestamp) -> Option<Arc<TokenSigningKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let newest = keys.last()?;
        (now.since(newest.created_at) < SIGNING_KEY_LIFETIME).then(|| Arc::clone(newest))
    }

    async fn current_key(&self, now: Timestamp) -> Result<Arc<TokenSigningKey>, StoreError> {
        if let Some(key) = self.newest_key(now) {
            return Ok(key);
        }
        let _one_at_a_time = self.rotation.lock().await;
        if let Some(key) = self.newest_key(now) {
            return Ok(key);
        }
        let record = signing_key::generate(now);
        let forget_before = now.minus(SIGNING_KEY_LIFETIME * 2);
        // Stored before it signs: no token outlives its key by a crash.
        self.store.add_signing_key(record.clone(), forget_before).await?;
        let key = Arc::new(TokenSigningKey::from(record));
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|key| key.created_at >= forget_before);
        keys.push(Arc::clone(&key));
        Ok(key)
    }
}

#[cfg(test)]
mod tests;
