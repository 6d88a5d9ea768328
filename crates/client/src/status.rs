//! What an application can watch: whether there is a connection, and whether everything has been sent.

use std::time::Duration;

use crate::{ClockDifference, Refusal};

/// The connection to the server.
///
/// ```no_run
/// use subrosa_client::Connection;
///
/// # fn example(connection: subrosa_client::Connection) {
/// let shown = match connection {
///     Connection::Online => "connected".to_owned(),
///     Connection::Waiting { reason, .. } => format!("offline: {reason}"),
///     Connection::SignedOut { reason } => format!("signed out: {reason}"),
///     _ => "not connected".to_owned(),
/// };
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Connection {
    /// No connection was requested, or the client was closed.
    #[default]
    Off,
    /// Connecting.
    Connecting,
    /// Connected.
    Online,
    /// Not connected; the next attempt follows automatically.
    Waiting {
        /// Why the last attempt failed.
        reason: String,
        /// The time until the next attempt, counted from when this was set.
        retry_in: Duration,
    },
    /// This device is signed out. There are no further attempts.
    SignedOut {
        /// The reason.
        reason: String,
    },
    /// Client and server are incompatible. There are no further attempts.
    Incompatible {
        /// The server's version of the protocol, if it said which.
        server: Option<u32>,
        /// The reason.
        reason: String,
    },
}

/// State of a client at one moment.
///
/// See [`Client::status`](crate::Client::status) for an example.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The connection to the server.
    pub connection: Connection,
    /// Whether everything that waited at the server at the time of the connection has arrived.
    pub caught_up: bool,
    /// What the server last refused while this device was coming up to date. It is tried again.
    pub refusal: Option<Refusal>,
    /// How many requests of this connection have no answer yet. The vault, if it is to be stored or fetched, counts as one,
    /// and so do drafts and read marks that are to be stored.
    pub requests_under_way: usize,
    /// How many messages, receipts and handshakes are stored here and not yet accepted by the server.
    pub unsent: u64,
    /// Whether something could not be stored because the disk is full. It is tried again with each connection until
    /// there is space.
    pub storage_full: bool,
    /// How far this device's clock was from the server's at the last connection, if it is wrong. Then devices of others
    /// may look expired here, and new ones of this account not yet valid there.
    pub clock: Option<ClockDifference>,
}

impl Status {
    /// Whether there is nothing left to do: everything has arrived, and everything has been sent.
    ///
    /// ```no_run
    /// # fn example(client: subrosa_client::Client) {
    /// if !client.status().borrow().is_settled() {
    ///     println!("some messages are not sent yet");
    /// }
    /// # }
    /// ```
    pub fn is_settled(&self) -> bool {
        self.connection == Connection::Online
            && self.caught_up
            && self.requests_under_way == 0
            && self.unsent == 0
    }

    /// Whether the client has given up on the server.
    ///
    /// ```no_run
    /// # fn example(client: subrosa_client::Client) {
    /// if client.status().borrow().is_final() {
    ///     println!("sign in again, or update this program");
    /// }
    /// # }
    /// ```
    pub fn is_final(&self) -> bool {
        matches!(
            self.connection,
            Connection::SignedOut { .. } | Connection::Incompatible { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_means_that_nothing_is_left_in_either_direction() {
        let settled = Status {
            connection: Connection::Online,
            caught_up: true,
            refusal: None,
            requests_under_way: 0,
            unsent: 0,
            storage_full: false,
            clock: None,
        };
        assert!(settled.is_settled());
        assert!(
            !Status {
                connection: Connection::Connecting,
                ..settled.clone()
            }
            .is_settled()
        );
        assert!(
            !Status {
                caught_up: false,
                ..settled.clone()
            }
            .is_settled()
        );
        assert!(
            !Status {
                requests_under_way: 1,
                ..settled.clone()
            }
            .is_settled()
        );
        assert!(!Status { unsent: 1, ..settled }.is_settled());
    }
}
