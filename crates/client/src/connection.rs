//! Stays connected to the server: opens a connection, carries frames until it ends, waits, and opens the next one. The
//! engine fetches what was missed.

use std::{sync::Arc, time::Duration};

use subrosa_wire::ProblemCode;
use tokio::sync::{Notify, mpsc, watch};

use crate::{
    ClientError, Connection, ServerUrl,
    ambient::{self, SystemRandom},
    backoff::Backoff,
    host::HostHandle,
    limits::{BACKOFF_MAX, OUTGOING_FRAMES_MAX},
    platform::{Network, timeout},
    session::{Session, ends_session},
    socket::{Ending, Socket},
};

/// The task that stays connected.
pub(crate) struct Connector {
    pub server: ServerUrl,
    pub network: Network,
    pub session: Session,
    pub host: HostHandle,
    /// Ends the wait between two attempts.
    pub retry_now: Arc<Notify>,
}

impl Connector {
    /// Stays connected until `stop`, or until no further attempt can help.
    pub(crate) async fn work(self, mut stop: watch::Receiver<bool>) {
        let last = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => Connection::Off,
            last = Box::pin(self.stay_connected()) => last,
        };
        // The engine's thread only ends with the whole client.
        let _ = self.host.run(move |host| host.disconnected(last)).await;
    }

    /// Returns why it gave up.
    async fn stay_connected(&self) -> Connection {
        let mut backoff = Backoff::default();
        loop {
            tracing::debug!(server = %self.server, "connecting");
            let _ = self
                .host
                .run(|host| host.disconnected(Connection::Connecting))
                .await;
            let wait = |backoff: &mut Backoff| backoff.next(&mut SystemRandom);
            let (reason, retry_in) = match self.open().await {
                Err(error) => match given_up(&error) {
                    Some(connection) => {
                        tracing::warn!(%error, "no further attempt to connect");
                        return connection;
                    }
                    None => (
                        short_reason(&error),
                        wait(&mut backoff).max(asked_to_wait(&error)),
                    ),
                },
                Ok(socket) => {
                    let since = ambient::now();
                    let ending = self.carry(socket).await;
                    let lasted = ambient::now().since(since);
                    tracing::info!(
                        ?ending,
                        lasted_ms = lasted.as_millis(),
                        "the connection has ended"
                    );
                    backoff.connection_ended(lasted);
                    match ending {
                        Ending::SignedOut => {
                            return Connection::SignedOut {
                                reason: ProblemCode::DeviceSignedOut.title().to_owned(),
                            };
                        }
                        Ending::Draining(asked) => (
                            "the server is restarting".to_owned(),
                            asked.min(BACKOFF_MAX) + wait(&mut backoff),
                        ),
                        Ending::Lost(reason) => (reason, wait(&mut backoff)),
                    }
                }
            };
            tracing::info!(%reason, retry_in_ms = retry_in.as_millis(), "no connection, waiting");
            let _ = self
                .host
                .run(move |host| host.disconnected(Connection::Waiting { reason, retry_in }))
                .await;
            // Either the wait is over or the application does not want to wait.
            let _ = timeout(retry_in, self.retry_now.notified()).await;
        }
    }

    /// Opens a connection, with a new token if the server rejects the current one.
    async fn open(&self) -> Result<Socket, ClientError> {
        let token = self.session.access_token().await?;
        match Socket::open(&self.server, &self.network, token.clone()).await {
            Err(error) if error.is_refusal(ProblemCode::Unauthenticated) => {
                tracing::debug!("the server does not take the access token");
                let token = self.session.replace(token).await?;
                Socket::open(&self.server, &self.network, token).await
            }
            opened => opened,
        }
    }

    async fn carry(&self, socket: Socket) -> Ending {
        let (outgoing, queue) = mpsc::channel(OUTGOING_FRAMES_MAX);
        tracing::info!(server = %self.server, "connected");
        let clock = socket.clock();
        let connected = self.host.run(move |host| {
            host.clock_is(clock);
            host.connected(outgoing)
        });
        match connected.await {
            Ok(Ok(())) => socket.run(&self.host, queue).await,
            Ok(Err(error)) => Ending::Lost(error.to_string()),
            Err(closed) => Ending::Lost(closed.to_string()),
        }
    }
}

/// The final status, if no further attempt can help.
fn given_up(error: &ClientError) -> Option<Connection> {
    match error {
        ClientError::SignedOut(reason) => Some(Connection::SignedOut {
            reason: reason.clone(),
        }),
        ClientError::Refused(_) if ends_session(error) => Some(Connection::SignedOut {
            reason: error.to_string(),
        }),
        ClientError::VersionMismatch { server, .. } => Some(Connection::Incompatible {
            server: *server,
            reason: error.to_string(),
        }),
        _ => None,
    }
}

/// The reason without the server's address, which is shown beside it anyway.
fn short_reason(error: &ClientError) -> String {
    match error {
        ClientError::Unreachable { reason, .. } => reason.clone(),
        error => error.to_string(),
    }
}

/// The wait that the server asked for, up to a limit.
fn asked_to_wait(error: &ClientError) -> Duration {
    let asked = error
        .refusal()
        .and_then(|refusal| refusal.retry_after_ms)
        .unwrap_or_default();
    Duration::from_millis(asked.into()).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use subrosa_wire::problem::ProblemDocument;

    use super::*;

    fn refused(code: ProblemCode) -> ClientError {
        ClientError::Refused(ProblemDocument::new(code, "").into())
    }

    #[test]
    fn only_what_cannot_get_better_ends_the_attempts() {
        assert!(matches!(
            given_up(&refused(ProblemCode::DeviceSignedOut)),
            Some(Connection::SignedOut { .. })
        ));
        assert!(matches!(
            given_up(&refused(ProblemCode::TokenReused)),
            Some(Connection::SignedOut { .. })
        ));
        let mismatch = ClientError::VersionMismatch {
            server: Some(2),
            client: 1,
        };
        assert!(matches!(
            given_up(&mismatch),
            Some(Connection::Incompatible { .. })
        ));
        for passing in [
            ProblemCode::Unavailable,
            ProblemCode::RateLimited,
            ProblemCode::Internal,
        ] {
            assert!(given_up(&refused(passing)).is_none(), "{passing}");
        }
        let offline = ClientError::Unreachable {
            server: String::new(),
            reason: String::new(),
        };
        assert!(given_up(&offline).is_none());
    }

    #[test]
    fn the_server_s_wish_to_wait_is_bounded() {
        let mut document = ProblemDocument::new(ProblemCode::RateLimited, "");
        document.retry_after_ms = Some(u32::MAX);
        assert_eq!(asked_to_wait(&ClientError::Refused(document.into())), BACKOFF_MAX);
        assert_eq!(asked_to_wait(&refused(ProblemCode::RateLimited)), Duration::ZERO);
    }
}
