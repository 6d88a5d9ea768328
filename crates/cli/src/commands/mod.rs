//! One file for each command, and how they begin and end a conversation with the server.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod chats;
pub(crate) mod completions;
pub(crate) mod devices;
pub(crate) mod history;
pub(crate) mod listen;
pub(crate) mod passwd;
pub(crate) mod recover;
pub(crate) mod search;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod signin;
pub(crate) mod signout;
pub(crate) mod signup;
pub(crate) mod whoami;

use std::time::Duration;

use futures_util::FutureExt as _;
use subrosa_client::{Client, ClientError, Connection, Event, Events, Status, Update};
use tokio::time::timeout;

use crate::{exit::incompatible, output::Output};

/// How long a command that can do without the server waits for it.
const SYNC_PATIENCE: Duration = Duration::from_secs(5);
/// How long a command waits for what is to leave before it ends: delivery and read reports, key packages.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(5);

/// Fetches what waits at the server, if it can be reached at once; otherwise says so and goes on with what
/// is here. A device that was signed out is an error, and so is a server of another version: waiting does not
/// help then.
async fn sync(client: &Client, output: &mut Output) -> anyhow::Result<()> {
    client.connect();
    let mut status = client.status();
    let is_decided = |status: &Status| {
        status.caught_up || status.is_final() || matches!(status.connection, Connection::Waiting { .. })
    };
    // In time or not, the status says how it stands.
    let _ = timeout(SYNC_PATIENCE, status.wait_for(is_decided)).await;
    let status = status.borrow().clone();
    match status.connection {
        _ if status.caught_up => Ok(()),
        Connection::SignedOut { reason } => Err(ClientError::SignedOut(reason).into()),
        Connection::Incompatible { reason } => {
            Err(incompatible(format!("{reason} (--offline shows what is here)")))
        }
        Connection::Waiting { reason, .. } => {
            output.note(&format!(
                "showing what is here; {} cannot be reached: {reason}",
                client.server()
            ));
            Ok(())
        }
        _ => {
            output.note(&format!(
                "showing what is here; {} is slow to answer",
                client.server()
            ));
            Ok(())
        }
    }
}

/// Lets leave what is to leave, if there is a connection, and closes the profile.
async fn farewell(client: Client) -> anyhow::Result<()> {
    if client.status().borrow().caught_up {
        // What does not leave now leaves with the next command.
        let _ = client.settle(FAREWELL_PATIENCE).await;
    }
    Ok(client.close().await?)
}

/// The same, and tells what the user has to know of what came since `events` was subscribed to: what the
/// server handed out and was refused, keys that have changed.
async fn farewell_with_warnings(
    client: Client,
    mut events: Events,
    output: &mut Output,
) -> anyhow::Result<()> {
    let closed = farewell(client).await;
    while let Some(Some(update)) = events.next().now_or_never() {
        if let Update::Event(Event::Warning(warning)) = update {
            output.warning(&warning.to_string());
        }
    }
    closed
}
