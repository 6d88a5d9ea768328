//! Keeps the server's copy of the vault up to date. The engine reports when its contents change; the copy is sealed
//! before it gets here.

use std::time::Duration;

use subrosa_engine::Event;
use subrosa_wire::ProblemCode;
use tokio::sync::{broadcast, watch};

use crate::{
    ClientError, ambient, host::HostHandle, limits::VAULT_ATTEMPTS_MAX, platform, rest::Rest,
    session::Session,
};

/// How long after a failure the vault is stored again, unless something happens earlier.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// The server's copy of the vault.
pub(crate) struct VaultCopy {
    pub rest: Rest,
    pub session: Session,
    pub host: HostHandle,
}

impl VaultCopy {
    /// Keeps the copy up to date until `stop`.
    pub(crate) async fn work(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.keep_up_to_date() => {}
        }
    }

    async fn keep_up_to_date(&self) {
        let mut events = self.host.events();
        loop {
            let retry = match self.store().await {
                Ok(()) => None,
                Err(ClientError::Closed) => return,
                Err(error) => {
                    tracing::info!(%error, "the vault is not stored yet");
                    Some(RETRY_AFTER)
                }
            };
            tokio::select! {
                () = changed(&mut events) => {}
                () = platform::sleep(retry.unwrap_or(Duration::MAX)), if retry.is_some() => {}
            }
        }
    }

    /// Stores the vault if the server's copy is out of date. If another device was faster, the contents are
    /// merged.
    async fn store(&self) -> Result<(), ClientError> {
        for _ in 0..VAULT_ATTEMPTS_MAX {
            let Some(sealed) = self.host.run(|host| host.engine().vault_to_put()).await?? else {
                return Ok(());
            };
            let revision = sealed.revision;
            let put = self
                .session
                .with_token(|token| self.rest.put_vault(token, sealed.clone()))
                .await;
            match put {
                Ok(()) => {
                    return Ok(self
                        .host
                        .run(move |host| host.engine().vault_put(revision))
                        .await??);
                }
                Err(error) if error.is_refusal(ProblemCode::VaultChanged) => {
                    let theirs = self.session.with_token(|token| self.rest.vault(token)).await?;
                    self.host
                        .run(move |host| host.merge_vault(ambient::now(), &theirs))
                        .await??;
                }
                Err(error) => return Err(error),
            }
        }
        Err(ClientError::ServerMisbehaved(
            "the vault changes faster than it can be stored".to_owned(),
        ))
    }
}

/// Waits for an event after which the vault may have to be stored. A subscriber that lags assumes that it missed one.
async fn changed(events: &mut broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(Event::VaultChanged | Event::CaughtUp) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The client is closing, and this task is about to be stopped.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
