//! Connecting, coming up to date, and closing.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::sync::watch;

use super::Client;
use crate::{
    ClientError, Events, Status,
    certificate::CertificateRenewal,
    connection::Connector,
    limits::STOP_TIMEOUT,
    platform::{Profile, timeout},
    vault::VaultCopy,
};

impl Client {
    /// Connects, and stays connected until [`Client::close`]. Further calls do nothing.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let mut events = client.events();
    /// client.connect();
    /// while let Some(update) = events.next().await {
    ///     println!("{update:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self) {
        if self.shared.is_connecting.swap(true, Ordering::AcqRel) {
            return;
        }
        let stop = &self.shared.stop;
        let connector = Connector {
            server: self.shared.server.clone(),
            network: self.shared.network.clone(),
            session: self.shared.session.clone(),
            host: self.shared.host.clone(),
            retry_now: Arc::clone(&self.shared.retry_now),
        };
        self.shared.tasks.spawn(connector.work(stop.subscribe()));
        self.shared.tasks.spawn(self.vault_copy().work(stop.subscribe()));
        let certificate = CertificateRenewal {
            rest: self.shared.rest.clone(),
            session: self.shared.session.clone(),
            host: self.shared.host.clone(),
            device_id: self.shared.me.device_id,
        };
        self.shared.tasks.spawn(certificate.work(stop.subscribe()));
    }

    /// The server's copy of the vault.
    pub(crate) fn vault_copy(&self) -> VaultCopy {
        VaultCopy {
            rest: self.shared.rest.clone(),
            session: self.shared.session.clone(),
            host: self.shared.host.clone(),
        }
    }

    /// Ends the wait between two attempts to connect.
    ///
    /// ```no_run
    /// use subrosa_client::Connection;
    ///
    /// # fn example(client: subrosa_client::Client) {
    /// if matches!(client.status().borrow().connection, Connection::Waiting { .. }) {
    ///     client.retry_now();
    /// }
    /// # }
    /// ```
    pub fn retry_now(&self) {
        self.shared.retry_now.notify_one();
    }

    /// Watches the state of the connection and of the outbox.
    ///
    /// ```no_run
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// let mut status = client.status();
    /// client.connect();
    /// // `changed` fails once the client is closed.
    /// while status.changed().await.is_ok() {
    ///     let status = status.borrow_and_update();
    ///     println!("{:?}, {} to send", status.connection, status.unsent);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.host.status()
    }

    /// Subscribes to changes from now on. To miss none, subscribe before [`Client::connect`].
    ///
    /// See [`Events`] for an example.
    pub fn events(&self) -> Events {
        Events::new(self.shared.host.events())
    }

    /// Waits until everything that waited at the server has arrived and everything stored here has been sent.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// client.connect();
    /// client.settle(Duration::from_secs(30)).await?;
    /// // Nothing is left to send or to fetch.
    /// client.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn settle(&self, patience: Duration) -> Result<(), ClientError> {
        self.wait_for(patience, "coming up to date", Status::is_settled)
            .await
    }

    /// Waits until everything that waited at the server has arrived.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
    /// client.connect();
    /// client.catch_up(Duration::from_secs(30)).await?;
    /// for conversation in client.conversations().await? {
    ///     println!("{} unread", conversation.unread);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn catch_up(&self, patience: Duration) -> Result<(), ClientError> {
        self.wait_for(patience, "coming up to date", |status| status.caught_up)
            .await
    }

    async fn wait_for(
        &self,
        patience: Duration,
        what: &'static str,
        is_so: impl Fn(&Status) -> bool,
    ) -> Result<(), ClientError> {
        let mut status = self.status();
        let arrived = status.wait_for(|status| is_so(status) || status.is_final());
        let status = timeout(patience, arrived).await;
        match status {
            Err(_) => Err(self.late(what)),
            Ok(Err(_)) => Err(ClientError::Closed),
            Ok(Ok(status)) if is_so(&status) => Ok(()),
            Ok(Ok(status)) => Err(final_error(&status)),
        }
    }

    /// The error for something that did not happen in time.
    pub(super) fn late(&self, what: &'static str) -> ClientError {
        let status = self.status().borrow().clone();
        late(status, what, || self.shared.server.to_string())
    }

    /// Ends the connection, closes the database and releases the profile. What was not sent is sent the next time.
    ///
    /// ```no_run
    /// use subrosa_client::Client;
    ///
    /// # async fn example() -> Result<(), subrosa_client::ClientError> {
    /// let client = Client::open("/home/me/bot".as_ref()).await?;
    /// // …
    /// client.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(self) -> Result<(), ClientError> {
        self.into_profile().await.map(drop)
    }

    pub(super) async fn into_profile(self) -> Result<Profile, ClientError> {
        self.shared.stop.send_replace(true);
        let thread = self
            .shared
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let thread = thread.ok_or(ClientError::Closed)?;
        // The engine's thread has to end even if other clones of this client live on.
        self.shared.host.stop().await;
        match timeout(STOP_TIMEOUT, thread.join()).await {
            Ok(profile) => profile,
            Err(_) => Err(ClientError::TimedOut {
                what: "closing the profile",
                refusal: None,
            }),
        }
    }
}

/// Why nothing more will happen.
pub(super) fn final_error(status: &Status) -> ClientError {
    match &status.connection {
        crate::Connection::SignedOut { reason } => ClientError::SignedOut(reason.clone()),
        crate::Connection::Incompatible { server, .. } => ClientError::VersionMismatch {
            server: *server,
            client: subrosa_wire::limits::PROTOCOL_VERSION,
        },
        _ => ClientError::Closed,
    }
}

/// Why something did not happen in time: nothing can be stored, there is no connection, or the reason is unknown.
fn late(status: Status, what: &'static str, server: impl FnOnce() -> String) -> ClientError {
    match status.connection {
        _ if status.storage_full => ClientError::StorageFull,
        crate::Connection::Waiting { reason, .. } => ClientError::Unreachable {
            server: server(),
            reason,
        },
        _ => ClientError::TimedOut {
            what,
            refusal: status.refusal,
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::Connection;

    use super::*;

    #[test]
    fn a_full_disk_is_not_blamed_on_the_server() {
        let waiting = Status {
            connection: Connection::Waiting {
                reason: "the disk is full".to_owned(),
                retry_in: Duration::ZERO,
            },
            storage_full: true,
            ..Status::default()
        };
        let error = |status: &Status| late(status.clone(), "it", || "https://chat.example".to_owned());
        assert!(error(&waiting).is_storage_full());
        let offline = Status {
            storage_full: false,
            ..waiting
        };
        assert!(matches!(error(&offline), ClientError::Unreachable { .. }));
        assert!(matches!(
            error(&Status::default()),
            ClientError::TimedOut { what: "it", .. }
        ));
    }
}
