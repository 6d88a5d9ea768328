//! The session of this device: a short-lived access token, and a refresh token to get the next one.
//!
//! One task owns the tokens, so that two requests never refresh at the same time. New tokens are stored in the engine's
//! database as soon as they arrive. If an answer is lost, the old refresh token is used once more: the server allows
//! that as long as its successor was never used.
//!
//! The server's times are not compared with the local clock, which may be wrong: the age of a token counts from its
//! arrival.

use serde::{Deserialize, Serialize};
use subrosa_engine::Engine;
use subrosa_wire::{
    Base64, DeviceId, ProblemCode, Timestamp,
    limits::ACCESS_TOKEN_LIFETIME,
    rest::{RefreshFinish, Tokens},
};
use tokio::sync::{mpsc, oneshot};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    ClientError, ambient,
    host::HostHandle,
    limits::{TOKEN_MARGIN, TOKEN_REQUESTS_MAX},
    platform::{Tasks, from_json, to_json},
    rest::Rest,
};

/// The name of the setting that holds the tokens.
const SETTING: &str = "session";

/// The tokens as they are stored.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct StoredTokens {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    /// By the local clock.
    #[zeroize(skip)]
    received_at: Timestamp,
}

impl StoredTokens {
    pub(crate) fn new(tokens: Tokens, now: Timestamp) -> Self {
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            received_at: now,
        }
    }

    /// Loads the tokens of a profile. `None` if there are none, or they are of another version: then this device has
    /// to sign in again.
    pub(crate) fn load(engine: &Engine) -> Result<Option<Self>, ClientError> {
        let stored = engine.setting(SETTING)?;
        Ok(stored.and_then(|bytes| from_json(&bytes).ok()))
    }

    /// Stores the tokens durably.
    pub(crate) fn store(&self, engine: &mut Engine) -> Result<(), ClientError> {
        let mut bytes = to_json(self).map_err(ClientError::ServerMisbehaved)?;
        let stored = engine.set_setting(SETTING, Some(&bytes));
        bytes.zeroize();
        Ok(stored?)
    }

    /// Whether the access token is young enough to be used. It counts as old if the clock was set back; a repeated
    /// sign-up returns none (docs/adr/0007).
    fn is_fresh(&self, now: Timestamp) -> bool {
        !self.access_token.is_empty()
            && self.received_at <= now
            && now.since(self.received_at) + TOKEN_MARGIN < ACCESS_TOKEN_LIFETIME
    }
}

/// A request for an access token.
struct TokenRequest {
    /// A token that the server has rejected: another one is wanted.
    rejected: Option<String>,
    answer: oneshot::Sender<Result<String, ClientError>>,
}

/// A handle to the task that owns the tokens.
#[derive(Clone)]
pub(crate) struct Session {
    requests: mpsc::Sender<TokenRequest>,
}

impl Session {
    /// Starts the task. It ends when every handle is dropped.
    pub(crate) fn start(
        tasks: &Tasks,
        rest: Rest,
        host: HostHandle,
        device_id: DeviceId,
        tokens: Option<StoredTokens>,
    ) -> Self {
        let (requests, queue) = mpsc::channel(TOKEN_REQUESTS_MAX);
        let task = TokenTask {
            rest,
            host,
            device_id,
            tokens,
        };
        tasks.spawn(task.run(queue));
        Self { requests }
    }

    /// A token that is valid for a while.
    pub(crate) async fn access_token(&self) -> Result<String, ClientError> {
        self.request(None).await
    }

    /// A token in place of one that the server has rejected.
    pub(crate) async fn replace(&self, rejected: String) -> Result<String, ClientError> {
        self.request(Some(rejected)).await
    }

    /// Makes a request with a token, and repeats it with a new one if the server rejects the first.
    pub(crate) async fn with_token<T, F: Future<Output = Result<T, ClientError>>>(
        &self,
        request: impl Fn(String) -> F,
    ) -> Result<T, ClientError> {
        let token = self.access_token().await?;
        match request(token.clone()).await {
            Err(error) if error.is_refusal(ProblemCode::Unauthenticated) => {
                tracing::debug!("the server does not take the access token");
                request(self.replace(token).await?).await
            }
            Err(error) if ends_session(&error) => Err(ClientError::SignedOut(error.to_string())),
            answer => answer,
        }
    }

    async fn request(&self, rejected: Option<String>) -> Result<String, ClientError> {
        let (answer, answered) = oneshot::channel();
        self.requests
            .send(TokenRequest { rejected, answer })
            .await
            .map_err(|_| ClientError::Closed)?;
        answered.await.map_err(|_| ClientError::Closed)?
    }
}

/// The task that owns the tokens.
struct TokenTask {
    rest: Rest,
    host: HostHandle,
    device_id: DeviceId,
    tokens: Option<StoredTokens>,
}

impl TokenTask {
    async fn run(mut self, mut requests: mpsc::Receiver<TokenRequest>) {
        while let Some(TokenRequest { rejected, answer }) = requests.recv().await {
            let token = self.token(rejected).await;
            // The caller may have stopped waiting.
            let _ = answer.send(token);
        }
    }

    async fn token(&mut self, rejected: Option<String>) -> Result<String, ClientError> {
        let Some(tokens) = &self.tokens else {
            return Err(ClientError::SignedOut(
                "there are no tokens in this profile".to_owned(),
            ));
        };
        let is_rejected = rejected.is_some_and(|rejected| rejected == tokens.access_token);
        if !is_rejected && tokens.is_fresh(ambient::now()) {
            return Ok(tokens.access_token.clone());
        }
        tracing::debug!(is_rejected, "renewing the access token");
        let fresh = self
            .refresh(tokens.refresh_token.clone())
            .await
            .inspect_err(|error| tracing::warn!(%error, "the access token is not renewed"))?;
        tracing::info!("the access token is renewed");
        let token = fresh.access_token.clone();
        self.tokens = Some(fresh);
        Ok(token)
    }

    /// Exchanges the refresh token. The device signs the server's nonce, so that a stolen token alone is useless.
    async fn refresh(&self, refresh_token: String) -> Result<StoredTokens, ClientError> {
        let device_id = self.device_id;
        let nonce = self.rest.start_refresh(device_id).await?.nonce;
        let body = self
            .host
            .run(move |host| refresh_body(host.engine(), device_id, refresh_token, nonce))
            .await??;
        let tokens = match self.rest.finish_refresh(&body).await {
            Err(error) if ends_session(&error) => return Err(ClientError::SignedOut(error.to_string())),
            answer => StoredTokens::new(answer?, ambient::now()),
        };
        let stored = tokens.clone();
        self.host.run(move |host| stored.store(host.engine())).await??;
        Ok(tokens)
    }
}

/// The body of a refresh, made where the device key is.
fn refresh_body(
    engine: &Engine,
    device_id: DeviceId,
    refresh_token: String,
    nonce: Base64,
) -> Result<RefreshFinish, ClientError> {
    let signature = engine
        .refresh_signature(&nonce.0, &refresh_token)
        .map_err(|error| ClientError::ServerMisbehaved(error.to_string()))?;
    Ok(RefreshFinish {
        device_id,
        refresh_token,
        nonce,
        signature,
    })
}

/// Whether this refusal means that the session is over.
pub(crate) fn ends_session(error: &ClientError) -> bool {
    let Some(code) = error.refusal().and_then(crate::Refusal::known_code) else {
        return false;
    };
    matches!(
        code,
        ProblemCode::Unauthenticated
            | ProblemCode::TokenReused
            | ProblemCode::DeviceSignedOut
            | ProblemCode::UnknownDevice
    )
}

#[cfg(test)]
mod tests;
