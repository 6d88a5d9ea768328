//! What an application can watch: whether there is a connection, and whether everything has left.

use std::time::Duration;

/// How the client stands to the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Connection {
    /// Nobody has asked for a connection, or the client was closed.
    #[default]
    Off,
    /// A connection is being made.
    Connecting,
    /// There is a connection.
    Online,
    /// There is none; the next attempt is made by itself.
    Waiting {
        /// Why the last one failed.
        reason: String,
        /// How long until the next attempt, from the moment this was set.
        retry_in: Duration,
    },
    /// This device is signed out. No further attempt is made.
    SignedOut {
        /// Why.
        reason: String,
    },
    /// Client and server do not fit together. No further attempt is made.
    Incompatible {
        /// Why.
        reason: String,
    },
}

/// State of a client at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// How the client stands to the server.
    pub connection: Connection,
    /// Everything that waited at the server when the connection was made has come.
    pub caught_up: bool,
    /// Requests of this connection that have no answer yet.
    pub requests_under_way: usize,
    /// What is stored here and not yet accepted by the server: messages, reports, handshakes.
    pub unsent: u64,
    /// Something could not be stored for want of room. It is tried again with each connection, until there is
    /// room.
    pub storage_full: bool,
}

impl Status {
    /// Whether there is nothing left to do: everything has come, and everything has left.
    pub fn is_settled(&self) -> bool {
        self.connection == Connection::Online
            && self.caught_up
            && self.requests_under_way == 0
            && self.unsent == 0
    }

    /// Whether the client has given up on the server.
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
            requests_under_way: 0,
            unsent: 0,
            storage_full: false,
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
