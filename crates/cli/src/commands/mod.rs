//! The commands, one file each, and how they start and end their time with the server.

pub(crate) mod accept;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod block;
pub(crate) mod chat;
pub(crate) mod chats;
pub(crate) mod completions;
pub(crate) mod devices;
pub(crate) mod group;
pub(crate) mod history;
pub(crate) mod link;
pub(crate) mod listen;
pub(crate) mod name;
pub(crate) mod nickname;
pub(crate) mod passwd;
pub(crate) mod picture;
pub(crate) mod privacy;
pub(crate) mod recover;
pub(crate) mod requests;
pub(crate) mod restore;
pub(crate) mod search;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod signin;
pub(crate) mod signout;
pub(crate) mod signup;
pub(crate) mod try_again;
pub(crate) mod whoami;

use std::time::Duration;

use futures_util::FutureExt as _;
use subrosa_client::{Client, ClientError, Connection, Event, Events, Status, Update, Warning};
use tokio::time::timeout;

use crate::{
    exit::{incompatible, timed_out},
    output::Output,
    people::Names,
    warnings,
};

/// How long a command waits for the server.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Patience {
    /// How long to wait for the server.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    timeout: u64,
}

impl Patience {
    fn duration(self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// How long a command that does not need the server waits for it.
const SYNC_PATIENCE: Duration = Duration::from_secs(5);
/// How long a command waits at its end for what is still arriving.
const ARRIVAL_PATIENCE: Duration = Duration::from_secs(1);
/// How long a command waits at its end for what it still has to send: receipts, key packages.
const FINISH_PATIENCE: Duration = Duration::from_secs(5);

/// Fetches what waits at the server, if it can be reached at once; otherwise says so and continues with what is stored
/// here. A device that was signed out is an error, and so is a server of another version, since waiting would not help.
async fn sync(client: &Client, output: &mut Output) -> anyhow::Result<()> {
    client.connect();
    let status = arrival(client).await;
    note_clock(&status, output);
    match status.connection {
        _ if status.caught_up => Ok(()),
        Connection::SignedOut { reason } => Err(ClientError::SignedOut(reason).into()),
        Connection::Incompatible { reason, .. } => Err(incompatible(format!(
            "{reason} (--offline shows what is stored here)"
        ))),
        _ if status.storage_full => {
            output.note(
                "showing what is stored here; the disk is full, and nothing new can be stored until there is room",
            );
            Ok(())
        }
        Connection::Waiting { reason, .. } => {
            output.note(&format!(
                "showing what is stored here; {} cannot be reached: {reason}",
                client.server()
            ));
            Ok(())
        }
        _ => {
            let why = match status.refusal {
                Some(refusal) => format!("refuses to bring it up to date: {refusal}"),
                None => "is slow to answer".to_owned(),
            };
            output.note(&format!("showing what is stored here; {} {why}", client.server()));
            Ok(())
        }
    }
}

/// Waits until what waited at the server has arrived, or cannot for now. Whether in time or not, the status says what
/// happened.
async fn arrival(client: &Client) -> Status {
    let is_decided = |status: &Status| {
        status.caught_up || status.is_final() || matches!(status.connection, Connection::Waiting { .. })
    };
    let mut status = client.status();
    let _ = timeout(SYNC_PATIENCE, status.wait_for(is_decided)).await;
    status.borrow().clone()
}

/// Waits until what was changed here is at the server, and what other devices have changed is here. Messages that cannot be
/// sent yet are not waited for.
async fn exchanged(client: &Client, patience: Duration) -> Result<(), ClientError> {
    let mut status = client.status();
    let is_exchanged = |status: &Status| status.caught_up && status.requests_under_way == 0;
    tokio::select! {
        biased;
        exchanged = status.wait_for(is_exchanged) => exchanged.map(drop).map_err(|_| ClientError::Closed),
        settled = client.settle(patience) => settled,
    }
}

/// [`sync`], with what the user has chosen on other devices: that arrives a moment after the messages.
async fn sync_with_choices(client: &Client, output: &mut Output) -> anyhow::Result<()> {
    sync(client, output).await?;
    let is_caught_up = client.status().borrow().caught_up;
    if is_caught_up {
        let _ = exchanged(client, SYNC_PATIENCE).await;
    }
    Ok(())
}

/// Whether a change is only stored here after this error.
fn is_kept(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::TimedOut { .. } | ClientError::Unreachable { .. } | ClientError::StorageFull
    )
}

/// Says that a change is stored here and leaves later.
fn sent_later(error: &ClientError) -> anyhow::Error {
    timed_out(format!(
        "the change is stored here and will be sent later: {error}"
    ))
}

/// Connects, and waits until the server has what was changed; shows it in any case, unless it was refused.
async fn send_change(
    client: &Client,
    timeout: u64,
    output: &mut Output,
    show: impl AsyncFnOnce(&Client, &mut Output) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    client.connect();
    let sent = exchanged(client, Duration::from_secs(timeout)).await;
    note_clock(&client.status().borrow(), output);
    match sent {
        Ok(()) => show(client, output).await,
        Err(error) if is_kept(&error) => {
            show(client, output).await?;
            Err(sent_later(&error))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says that the clock is wrong, if it is. Whatever else goes wrong then may have this reason.
fn note_clock(status: &Status, output: &mut Output) {
    if let Some(clock) = status.clock {
        output.note(&format!(
            "this device's clock is {clock}: set it, or this device cannot enter conversations, and those that others \
             begin may leave it out"
        ));
    }
}

/// Sends what is left to send, if there is a connection, and closes the profile.
async fn finish(client: Client) -> anyhow::Result<()> {
    settle(&client).await;
    Ok(client.close().await?)
}

/// Like [`finish_with_warnings`], for a command that has changed what the account's other devices are to learn.
async fn finish_after_sync(client: Client, output: &mut Output) -> anyhow::Result<()> {
    let events = client.events();
    sync(&client, output).await?;
    finish_with_warnings(client, events, output).await
}

async fn settle(client: &Client) {
    let status = client.status().borrow().clone();
    if status.connection != Connection::Online || status.refusal.is_some() {
        return;
    }
    // What is not sent now is sent by the next command. Whoever asks a command to end while much is arriving does not
    // want to wait for all of that.
    let patience = if status.caught_up {
        FINISH_PATIENCE
    } else {
        ARRIVAL_PATIENCE
    };
    let _ = client.settle(patience).await;
}

/// Like [`finish`], and prints the warnings since `events` was subscribed to, such as changed keys, or what the server
/// sent and the client refused.
async fn finish_with_warnings(client: Client, mut events: Events, output: &mut Output) -> anyhow::Result<()> {
    settle(&client).await;
    // A warning is printed even if the names in it cannot be read.
    let names = Names::load(&client).await.unwrap_or_default();
    while let Some(warning) = next_warning(&mut events) {
        let conversation = warnings::conversation(&client, &warning)
            .await
            .unwrap_or_default();
        output.warning(&warnings::say(&warning, conversation.as_ref(), &names));
    }
    let closed = client.close().await;
    // Those that came while it was closed.
    while let Some(warning) = next_warning(&mut events) {
        output.warning(&warnings::say(&warning, None, &names));
    }
    Ok(closed?)
}

/// The next warning among the events that have arrived.
fn next_warning(events: &mut Events) -> Option<Warning> {
    loop {
        if let Update::Event(Event::Warning(warning)) = events.next().now_or_never()?? {
            return Some(warning);
        }
    }
}
