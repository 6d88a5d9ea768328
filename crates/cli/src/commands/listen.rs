//! `subrosa listen`: stays connected and prints what arrives.

use std::time::Duration;

use clap::{Args, value_parser};
use subrosa_client::{
    ChatId, Client, ClientError, Connection, Event, LocalMessageId, Message, MessageStatus, Status, Update,
};
use tokio::time::{Instant, sleep_until};

use super::{arrival, finish, note_clock};
use crate::{
    chat_name::ChatName,
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
/// How many messages are read from the database at once.
const PAGE: u32 = 100;

/// Stay connected, and print messages and status changes as they arrive.
///
/// The messages that no earlier `subrosa listen` of this profile has printed come first, in the order in which they
/// arrived, read or not. A message counts as printed once its line has been written, even if the reader of a pipe ends
/// before it reads the line: use --count to get a certain number. Senders see their messages as
/// delivered; `subrosa history` and `subrosa chat` mark them as read. Connection changes are reported on standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa listen
  subrosa listen @bob --from-now
  subrosa listen --json --count 1 --timeout 60")]
pub(crate) struct Arguments {
    /// Print only what is said in this conversation: the other person's @handle, or its name or id.
    #[arg(value_name = "CHAT")]
    chat: Option<ChatName>,
    /// Skip the messages that have already arrived at this device or at the server.
    #[arg(long)]
    from_now: bool,
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
        name: arguments.chat.as_ref(),
        chat: None,
        names: Names::load(client).await?,
        fetched: None,
        has_more: true,
        nameless: Vec::new(),
        patience_ends: None,
        count: arguments.count,
        received: 0,
    };
    printer.find_chat().await?;
    client.connect();
    if arguments.from_now {
        // With what waited at the server, if that can be reached.
        arrival(client).await;
        printer.find_chat().await?;
        printer.skip().await?;
    }
    if let (Some(name), None) = (printer.name, printer.chat) {
        output.note(&name.no_conversation());
    }
    let mut shown = Connection::Off;
    let deadline = arguments
        .timeout
        .and_then(|seconds| after(Duration::from_secs(seconds)));
    let asked_to_end = signals::asked_to_end();
    tokio::pin!(asked_to_end);
    while !printer.is_done() {
        tokio::select! {
            update = events.next() => match update.ok_or(ClientError::Closed)? {
                Update::Event(event) => printer.take(event, output).await?,
                Update::Missed(count) => {
                    output.note(&format!("{count} changes came too fast to be shown"));
                    printer.has_more = true;
                }
                _ => {}
            },
            () = std::future::ready(()), if printer.has_more => printer.take_messages(output).await?,
            changed = status.changed() => {
                changed.map_err(|_| ClientError::Closed)?;
                let now = status.borrow_and_update().clone();
                tell(&now, &mut shown, client, output)?;
            }
            () = at(printer.patience_ends) => printer.show_nameless(output).await?,
            () = at(deadline) => {
                printer.show_nameless(output).await?;
                return match (printer.received, arguments.count) {
                    (received, Some(count)) if !printer.is_done() => {
                        Err(timed_out(format!("only {received} of {count} messages arrived in time")))
                    }
                    _ => Ok(()),
                };
            }
            () = &mut asked_to_end => return printer.show_nameless(output).await,
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

/// Prints what arrives.
struct Printer<'a> {
    client: &'a Client,
    /// The conversation whose messages are printed; all of them if there is none.
    name: Option<&'a ChatName>,
    /// That conversation, as soon as there is one.
    chat: Option<ChatId>,
    names: Names,
    /// The last message that was read from the database.
    fetched: Option<LocalMessageId>,
    /// Whether there may be more to read.
    has_more: bool,
    /// Messages whose sender is not known yet, and what follows them in their conversations: the first of a
    /// conversation may arrive before its sender's handle.
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

    /// Whether what happens in this conversation is printed.
    fn wants(&self, chat: ChatId) -> bool {
        self.name.is_none() || self.chat == Some(chat)
    }

    async fn find_chat(&mut self) -> anyhow::Result<()> {
        if let (Some(name), None) = (self.name, self.chat) {
            self.chat = name.find(self.client).await?.map(|chat| chat.id());
        }
        Ok(())
    }

    /// Skips what is here already.
    async fn skip(&self) -> anyhow::Result<()> {
        if self.name.is_none() || self.chat.is_some() {
            self.client.mark_all_processed(self.chat).await?;
        }
        Ok(())
    }

    async fn take(&mut self, event: Event, output: &mut Output) -> anyhow::Result<()> {
        match event {
            Event::MessageReceived(_) => self.has_more = true,
            Event::MessageStatusChanged {
                chat,
                message,
                status,
            } if self.wants(chat) => {
                self.show_status(message, status, output).await?;
            }
            Event::NoticeAdded(notice) if self.wants(notice.chat) => {
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
            // The person may have written before the handle was known.
            Event::ContactChanged(_) => {
                self.learn_names(output).await?;
                self.has_more = true;
            }
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

    /// Prints some of the messages that no earlier `listen` has printed.
    async fn take_messages(&mut self, output: &mut Output) -> anyhow::Result<()> {
        self.find_chat().await?;
        let page = match (self.name, self.chat) {
            (Some(_), None) => Vec::new(),
            (_, chat) => self.client.unprocessed(chat, self.fetched, PAGE).await?,
        };
        let Some(last) = page.last() else {
            self.has_more = false;
            return Ok(());
        };
        self.fetched = Some(last.id);
        for message in page {
            if !self.names.knows(message.sender) {
                self.learn_names(output).await?;
            }
            if self.has_to_wait(&message) {
                self.nameless.push(message);
            } else {
                self.show(&message, output).await?;
            }
        }
        if self.nameless.len() >= NAMELESS_MAX {
            self.show_nameless(output).await?;
        }
        if !self.nameless.is_empty() && self.patience_ends.is_none() {
            self.patience_ends = after(HANDLE_PATIENCE);
        }
        Ok(())
    }

    fn has_to_wait(&self, message: &Message) -> bool {
        let follows_nameless = || self.nameless.iter().any(|waiting| waiting.chat == message.chat);
        !self.names.knows(message.sender) || follows_nameless()
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
        for message in std::mem::take(&mut self.nameless) {
            if self.has_to_wait(&message) {
                self.nameless.push(message);
            } else {
                self.show(&message, output).await?;
            }
        }
        if self.nameless.is_empty() {
            self.patience_ends = None;
        }
        Ok(())
    }

    /// Shows the messages that have waited long enough, under their sender's account id.
    async fn show_nameless(&mut self, output: &mut Output) -> anyhow::Result<()> {
        self.patience_ends = None;
        for message in std::mem::take(&mut self.nameless) {
            self.show(&message, output).await?;
        }
        Ok(())
    }

    /// Shows a message, unless enough have been shown, and marks it so that no other `listen` prints it.
    async fn show(&mut self, message: &Message, output: &mut Output) -> anyhow::Result<()> {
        if self.is_done() {
            return Ok(());
        }
        self.received += 1;
        let text = output.message_text(message, &self.names);
        let standing = self.client.chat(message.chat).standing().await?;
        let shape = MessageShape::new(message, &self.names).with_standing(standing);
        let shape = ListenShape::Message(shape);
        output.result(&shape, &text)?;
        Ok(self.client.mark_processed(message.id).await?)
    }
}

/// Reports when the connection comes and goes, each problem only once.
fn tell(status: &Status, shown: &mut Connection, client: &Client, output: &mut Output) -> anyhow::Result<()> {
    match &status.connection {
        now @ Connection::Online if *shown != *now => {
            output.note(&format!("connected to {}", client.server()));
            note_clock(status, output);
        }
        Connection::Waiting { .. } if matches!(shown, Connection::Waiting { .. }) => {}
        Connection::Waiting { .. } if status.storage_full => {
            output.note("the disk is full, and nothing new can be stored until there is room; retrying");
        }
        Connection::Waiting { reason, .. } => {
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
