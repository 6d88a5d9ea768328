//! `subrosa listen`: stays connected and prints what arrives.

use std::time::Duration;

use clap::{Args, value_parser};
use subrosa_client::{Client, ClientError, Connection, Event, Status, Update};
use tokio::time::{Instant, sleep_until};

use super::farewell;
use crate::{
    arguments::Global,
    exit::{incompatible, timed_out},
    output::Output,
    people::Names,
    profile,
    shapes::{ListenShape, MessageShape},
    signals,
};

/// Stay connected, and print messages and changes of status as they come.
///
/// Messages that waited at the server come first. The senders learn that their messages were delivered;
/// they count as read after `subrosa history` or in `subrosa chat`. Standard error tells when the
/// connection comes and goes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa listen
  subrosa listen --json --count 1 --timeout 60")]
pub(crate) struct Arguments {
    /// End after so many received messages.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time: with exit code 6 if --count messages have not come, otherwise with 0.
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..=31_536_000))]
    timeout: Option<u64>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let ending = listen(&client, &arguments, output).await;
    let closed = farewell(client).await;
    ending.and(closed)
}

async fn listen(client: &Client, arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    let mut events = client.events();
    let mut status = client.status();
    let mut names = Names::load(client).await?;
    let mut received = 0;
    let mut shown = Connection::Off;
    let deadline = arguments
        .timeout
        .and_then(|seconds| after(Duration::from_secs(seconds)));
    let asked_to_end = signals::asked_to_end();
    tokio::pin!(asked_to_end);
    client.connect();
    loop {
        tokio::select! {
            update = events.next() => match update.ok_or(ClientError::Closed)? {
                Update::Event(event) => {
                    received += u64::from(show(client, event, &mut names, output).await?);
                    if arguments.count.is_some_and(|count| received >= count) {
                        return Ok(());
                    }
                }
                Update::Missed(count) => output.note(&format!("{count} changes came too fast and are not shown")),
            },
            changed = status.changed() => {
                changed.map_err(|_| ClientError::Closed)?;
                let now = status.borrow_and_update().clone();
                tell(&now, &mut shown, client, output)?;
            }
            () = at(deadline) => return match arguments.count {
                Some(count) => Err(timed_out(format!("{received} of {count} messages came in time"))),
                None => Ok(()),
            },
            () = &mut asked_to_end => return Ok(()),
        }
    }
}

fn after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Prints an event. Returns whether it was a received message.
async fn show(client: &Client, event: Event, names: &mut Names, output: &mut Output) -> anyhow::Result<bool> {
    match event {
        Event::MessageReceived(message) => {
            if !names.knows(message.sender) {
                *names = Names::load(client).await?;
            }
            let text = output.message_text(&message, names);
            output.result(&ListenShape::Message(MessageShape::new(&message, names)), &text)?;
            return Ok(true);
        }
        Event::MessageStatusChanged {
            conversation,
            message,
            status,
        } => {
            let shape = ListenShape::Status {
                id: message.to_string(),
                conversation: conversation.to_string(),
                status: status.as_str(),
            };
            output.result(&shape, &format!("message {message} is {}", status.as_str()))?;
        }
        Event::ContactChanged(_) => *names = Names::load(client).await?,
        Event::Warning(warning) => {
            let warning = warning.to_string();
            if output.is_json() {
                output.result(&ListenShape::Warning { warning }, "")?;
            } else {
                output.warning(&warning);
            }
        }
        Event::CaughtUp
        | Event::ConversationChanged(_)
        | Event::ConversationMoved { .. }
        | Event::MessageSent(_)
        | Event::MessageRemoved { .. }
        | Event::VaultChanged
        | Event::SignedOut => {}
    }
    Ok(false)
}

/// Tells when the connection comes and goes; the same trouble only once.
fn tell(status: &Status, shown: &mut Connection, client: &Client, output: &mut Output) -> anyhow::Result<()> {
    match &status.connection {
        now @ Connection::Online if *shown != *now => {
            output.note(&format!("connected to {}", client.server()));
        }
        Connection::Waiting { reason, .. } if !matches!(shown, Connection::Waiting { .. }) => {
            output.note(&format!("no connection, trying again: {reason}"));
        }
        Connection::SignedOut { reason } => return Err(ClientError::SignedOut(reason.clone()).into()),
        Connection::Incompatible { reason } => return Err(incompatible(reason)),
        _ => {}
    }
    if status.connection != Connection::Connecting {
        *shown = status.connection.clone();
    }
    Ok(())
}
