//! Keeps the server's copy of the vault up to date. The engine reports when its contents change; the copy is sealed
//! before it gets here.

use std::time::Duration;

use subrosa_engine::Event;
use subrosa_wire::ProblemCode;
use tokio::sync::{broadcast, watch};

use crate::{
    ClientError, ambient,
    host::{Host, HostHandle},
    limits::VAULT_ATTEMPTS_MAX,
    platform,
    rest::Rest,
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
        let mut work = Work::Store;
        loop {
            let Ok(begun) = self.host.run(Host::vault_work_begins).await else {
                return;
            };
            let done = match work {
                Work::Store => self.store().await,
                Work::Fetch => self.fetch().await,
            };
            let retry = match done {
                Ok(()) => None,
                Err(ClientError::Closed) => return,
                Err(error) => {
                    tracing::info!(%error, "the vault is not up to date yet");
                    Some(RETRY_AFTER)
                }
            };
            let _ = self.host.run(move |host| host.vault_work_ends(begun)).await;
            work = tokio::select! {
                wanted = wanted(&mut events) => wanted,
                () = platform::sleep(retry.unwrap_or(Duration::MAX)), if retry.is_some() => work,
            };
        }
    }

    /// Merges the server's copy, and stores the result if the server's lacks something.
    pub(crate) async fn fetch(&self) -> Result<(), ClientError> {
        self.merge().await?;
        self.store().await
    }

    async fn merge(&self) -> Result<(), ClientError> {
        let theirs = self.session.with_token(|token| self.rest.vault(token)).await?;
        Ok(self
            .host
            .run(move |host| host.merge_vault(ambient::now(), &theirs))
            .await??)
    }

    /// Stores the vault if the server's copy is out of date. If another device was faster, the contents are
    /// merged.
    pub(crate) async fn store(&self) -> Result<(), ClientError> {
        for _ in 0..VAULT_ATTEMPTS_MAX {
            // A change made while another is being stored is stored next.
            let Some(put) = self.host.run(|host| host.engine().vault_to_put()).await?? else {
                return Ok(());
            };
            let stored = self
                .session
                .with_token(|token| self.rest.put_vault(token, put.sealed.clone()))
                .await;
            match stored {
                Ok(()) => self.host.run(move |host| host.engine().vault_put(&put)).await??,
                Err(error) if error.is_refusal(ProblemCode::VaultChanged) => self.merge().await?,
                Err(error) => return Err(error),
            }
        }
        Err(ClientError::ServerMisbehaved(
            "the vault changes faster than it can be stored".to_owned(),
        ))
    }
}

/// What there is to do.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// The contents may have changed here.
    Store,
    /// They may have changed at the server.
    Fetch,
}

/// Waits for an event after which there is work. A subscriber that lags assumes that it missed one.
async fn wanted(events: &mut broadcast::Receiver<Event>) -> Work {
    loop {
        match events.recv().await {
            Ok(Event::VaultChanged | Event::CaughtUp) => return Work::Store,
            Ok(Event::VaultWanted) | Err(broadcast::error::RecvError::Lagged(_)) => return Work::Fetch,
            Ok(_) => {}
            // The client is closing, and this task is about to be stopped.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
