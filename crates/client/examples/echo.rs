//! A bot that answers every text with the same text.
//!
//! ```text
//! subrosa --profile ./bot signup echobot --password-file secret.txt
//! cargo run --package subrosa-client --example echo -- ./bot
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::path::PathBuf;

use anyhow::Context as _;
use subrosa_client::{Client, Event, Update};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder: PathBuf = std::env::args_os()
        .nth(1)
        .context("name the bot's profile folder")?
        .into();
    let client = Client::open(&folder).await?;
    // Before connecting, so that nothing is missed.
    let mut events = client.events();
    client.connect();
    println!("@{} listens; Ctrl+C ends it", client.handle().as_str());
    loop {
        tokio::select! {
            update = events.next() => match update.context("the client is closed")? {
                Update::Event(Event::MessageReceived(message)) => {
                    client.mark_read(message.conversation).await?;
                    client.send_text(message.conversation, message.text).await?;
                }
                Update::Event(Event::SignedOut) => anyhow::bail!("this device was signed out"),
                Update::Event(_) | Update::Missed(_) => {}
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    // What has not left leaves the next time.
    Ok(client.close().await?)
}
