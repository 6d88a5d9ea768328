//! Somebody who does not stop talking: load for the tests that kill servers and clients.
//!
//! `talker PROFILE SERVER HANDLE WORD` sends `WORD 0`, `WORD 1`, … and goes on, after a restart, where its
//! profile says that it was. It prints `stored N` when a message is stored on this device, `sent N` when
//! the server has acknowledged it. SIGTERM tells it to stop talking; it ends when everything has left.

use std::{io::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use subrosa_client::{Chat, Client, Connection, Event, MessageStatus, Update, Warning};
use subrosa_e2e::PATIENCE;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::interval,
};

/// Between two messages: fast enough that every crash falls into some that are under way.
const PAUSE: Duration = Duration::from_millis(4);
/// Messages that may be on their way: without a connection the talker waits.
const UNSENT_MAX: u64 = 40;
/// How often a talker without a connection tries again. People wait longer; a test has many crashes to do.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [profile, server, handle, word] = arguments.as_slice() else {
        bail!("usage: talker PROFILE SERVER HANDLE WORD")
    };
    let client = Client::open_at(Path::new(profile), server.parse()?).await?;
    let chat = client
        .chat_with(&handle.parse()?)
        .await?
        .context("no conversation yet")?;
    talk(&client, &chat, word).await?;
    finish(&client).await?;
    Ok(client.close().await?)
}

/// Talks until SIGTERM.
async fn talk(client: &Client, chat: &Chat, word: &str) -> anyhow::Result<()> {
    let earlier = chat.messages(None, u32::MAX).await?;
    let mut next = earlier
        .iter()
        .filter(|message| message.outgoing && is_of(&message.text, word))
        .count();
    let mut events = client.events();
    let mut enough = signal(SignalKind::terminate())?;
    let (mut pause, mut retry) = (interval(PAUSE), interval(RETRY_PAUSE));
    client.connect();
    loop {
        tokio::select! {
            _ = enough.recv() => return Ok(()),
            update = events.next() => if let Update::Event(event) = update.context("the client has ended")? {
                // The test reads every line: one that is missing here is not an acknowledgement.
                tell(client, &event).await?;
            },
            _ = retry.tick() => try_again(client),
            _ = pause.tick(), if client.status().borrow().unsent < UNSENT_MAX => {
                let message = chat.send_text(format!("{word} {next}")).await?;
                say(&format!("stored {}", message.text))?;
                next += 1;
            }
        }
    }
}

fn is_of(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| rest.starts_with(' '))
}

async fn tell(client: &Client, event: &Event) -> anyhow::Result<()> {
    match event {
        Event::MessageStatusChanged {
            message,
            status: MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read,
            ..
        } => {
            let message = client
                .message(*message)
                .await?
                .context("an unknown message was sent")?;
            say(&format!("sent {}", message.text))
        }
        Event::MessageStatusChanged {
            status: MessageStatus::Failed,
            ..
        } => bail!("a message failed"),
        // Of the second device of one account.
        Event::Warning(Warning::NewDevice(_)) => Ok(()),
        Event::Warning(warning) => bail!("warning: {warning}"),
        _ => Ok(()),
    }
}

fn try_again(client: &Client) {
    if matches!(client.status().borrow().connection, Connection::Waiting { .. }) {
        client.retry_now();
    }
}

/// Waits until everything has left and everything has come.
async fn finish(client: &Client) -> anyhow::Result<()> {
    let mut retry = interval(RETRY_PAUSE);
    let settled = client.settle(PATIENCE);
    tokio::pin!(settled);
    loop {
        tokio::select! {
            settled = &mut settled => return Ok(settled?),
            _ = retry.tick() => try_again(client),
        }
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
