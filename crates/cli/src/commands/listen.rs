//! `subrosa listen`: stays connected and prints what arrives.

use std::time::Duration;

use clap::{Args, value_parser};
use subrosa_client::{
    Client, ClientError, Connection, Event, LocalMessageId, Message, MessageStatus, Status, Update,
};
use tokio::time::{Instant, sleep_until};

use super::finish;
use crate::{
    exit::{incompatible, timed_out},
    global::Global,
    output::Output,
    people::Names,
    profile,
    shapes::{ListenShape, MessageShape, NoticeShape},
    signals, warnings,
};

/// How long a message waits for the handle of a sender who is not known yet.
const HANDLE_PATIENCE: Duration = Duration::from_secs(5);
/// The most messages that wait for it.
const NAMELESS_MAX: usize = 1_000;

/// Stay connected, and print messages and status changes as they arrive.
///
/// Messages that were waiting on the server come first. Their senders see them as delivered; `subrosa history` and
/// `subrosa chat` mark them as read. Connection changes are reported on standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa listen
  subrosa listen --json --count 1 --timeout 60")]
pub(crate) struct Arguments {
    /// Exit after this many received messages.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Exit after this time: with code 6 if fewer than --count messages have arrived, otherwise with 0.
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..=31_536_000))]
    timeout: Option<u64>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let ending = listen(&client, &arguments, output).await;
    let closed = finish(client).await;
    ending.and(closed)
}

async fn listen(client: &Client, arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    let mut events = client.events();
    let mut status = client.status();
    let mut printer = Printer {
        client,
        names: Names::load(client).await?,
        nameless: Vec::new(),
        patience_ends: None,
        count: arguments.count,
        received: 0,
    };
    let mut shown = Connection::Off;
    let deadline = arguments
        .timeout
        .and_then(|seconds| after(Duration::from_secs(seconds)));
    let asked_to_end = signals::asked_to_end();
    tokio::pin!(asked_to_end);
    client.connect();
    while !printer.is_done() {
        tokio::select! {
            update = events.next() => match update.ok_or(ClientError::Closed)? {
                Update::Event(event) => printer.take(event, output).await?,
                Update::Missed(count) => output.note(&format!("{count} changes came too fast to be shown")),
                _ => {}
            },
            changed = status.changed() => {
                changed.map_err(|_| ClientError::Closed)?;
                let now = status.borrow_and_update().clone();
                tell(&now, &mut shown, client, output)?;
            }
            () = at(printer.patience_ends) => printer.show_nameless(output)?,
            () = at(deadline) => {
                printer.show_nameless(output)?;
                return match (printer.received, arguments.count) {
                    (received, Some(count)) if !printer.is_done() => {
                        Err(timed_out(format!("only {received} of {count} messages arrived in time")))
                    }
                    _ => Ok(()),
                };
            }
            () = &mut asked_to_end => return printer.show_nameless(output),
        }
    }
    Ok(())
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

/// Prints events as they come.
struct Printer<'a> {
    client: &'a Client,
    names: Names,
    /// Messages whose sender is not known yet: the first of a conversation may arrive before its sender's handle.
    nameless: Vec<Message>,
    /// How long these wait.
    patience_ends: Option<Instant>,
    /// The number of messages after which to exit, if there is one.
    count: Option<u64>,
    received: u64,
}

impl Printer<'_> {
    fn is_done(&self) -> bool {
        self.count.is_some_and(|count| self.received >= count)
    }

    async fn take(&mut self, event: Event, output: &mut Output) -> anyhow::Result<()> {
        match event {
            Event::MessageReceived(message) => {
                if !self.names.knows(message.sender) {
                    self.learn_names(output).await?;
                }
                if self.names.knows(message.sender) {
                    return self.show(&message, output);
                }
                self.nameless.push(*message);
                if self.nameless.len() >= NAMELESS_MAX {
                    self.show_nameless(output)?;
                } else if self.patience_ends.is_none() {
                    self.patience_ends = after(HANDLE_PATIENCE);
                }
            }
            Event::MessageStatusChanged { message, status, .. } => {
                self.show_status(message, status, output).await?;
            }
            Event::NoticeAdded(notice) => {
                if !notice
                    .who
                    .iter()
                    .chain(&notice.by)
                    .all(|account| self.names.knows(*account))
                {
                    self.learn_names(output).await?;
                }
                let text = output.notice_text(&notice, &self.names);
                output.result(&NoticeShape::new(&notice, &self.names), &text)?;
            }
            Event::ContactChanged(_) => self.learn_names(output).await?,
            Event::Warning(warning) => {
                let conversation = warnings::conversation(self.client, &warning).await?;
                let warning = warnings::say(&warning, conversation.as_ref(), &self.names);
                if output.is_json() {
                    output.result(&ListenShape::Warning(warning), "")?;
                } else {
                    output.warning(&warning);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Shows the new status of a message under its id on the wire, unless it was deleted meanwhile.
    async fn show_status(
        &self,
        message: LocalMessageId,
        status: MessageStatus,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let Some(message) = self.client.message(message).await? else {
            return Ok(());
        };
        let shape = ListenShape::status(&message, status);
        let text = format!("message {} is {}", message.message_id, status.as_str());
        output.result(&shape, &text)?;
        Ok(())
    }

    /// Loads the known names, and shows the messages that waited for them.
    async fn learn_names(&mut self, output: &mut Output) -> anyhow::Result<()> {
        self.names = Names::load(self.client).await?;
        let (known, unknown): (Vec<_>, Vec<_>) = std::mem::take(&mut self.nameless)
            .into_iter()
            .partition(|message| self.names.knows(message.sender));
        self.nameless = unknown;
        if self.nameless.is_empty() {
            self.patience_ends = None;
        }
        known.iter().try_for_each(|message| self.show(message, output))
    }

    /// Shows the messages that have waited long enough, under their sender's account id.
    fn show_nameless(&mut self, output: &mut Output) -> anyhow::Result<()> {
        self.patience_ends = None;
        std::mem::take(&mut self.nameless)
            .iter()
            .try_for_each(|message| self.show(message, output))
    }

    /// Shows a message, unless enough have been shown.
    fn show(&mut self, message: &Message, output: &mut Output) -> anyhow::Result<()> {
        if self.is_done() {
            return Ok(());
        }
        self.received += 1;
        let text = output.message_text(message, &self.names);
        let shape = ListenShape::Message(MessageShape::new(message, &self.names));
        output.result(&shape, &text)?;
        Ok(())
    }
}

/// Reports when the connection comes and goes, each problem only once.
fn tell(status: &Status, shown: &mut Connection, client: &Client, output: &mut Output) -> anyhow::Result<()> {
    match &status.connection {
        now @ Connection::Online if *shown != *now => {
            output.note(&format!("connected to {}", client.server()));
        }
        Connection::Waiting { reason, .. } if !matches!(shown, Connection::Waiting { .. }) => {
            output.note(&format!("no connection, retrying: {reason}"));
        }
        Connection::SignedOut { reason } => return Err(ClientError::SignedOut(reason.clone()).into()),
        Connection::Incompatible { reason, .. } => return Err(incompatible(reason)),
        _ => {}
    }
    if status.connection != Connection::Connecting {
        *shown = status.connection.clone();
    }
    Ok(())
}
