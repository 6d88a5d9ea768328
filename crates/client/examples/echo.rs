//! A bot that answers every text with the same text: the program of the book's chapter "Write a bot", which shows what
//! stands between the anchors.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

// ANCHOR: bot
use std::path::Path;

use anyhow::{Context as _, bail};
use subrosa_client::{Client, Credentials, Event, NewAccount, Update, profile_exists};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, server, handle] = arguments.as_slice() else {
        bail!("usage: echobot FOLDER SERVER HANDLE");
    };
    let folder = Path::new(folder);
    let client = if profile_exists(folder) {
        Client::open(folder).await?
    } else {
        sign_up(folder, server, handle).await?
    };

    // Subscribe before connecting, so that nothing is missed.
    let mut events = client.events();
    client.connect();
    println!("@{} listens; Ctrl+C ends it", client.handle().as_str());
    loop {
        tokio::select! {
            update = events.next() => match update.context("the client is closed")? {
                Update::Event(Event::MessageReceived(message)) => {
                    let chat = client.chat(message.chat);
                    chat.mark_read().await?;
                    chat.send_text(message.text).await?;
                }
                Update::Event(Event::Warning(warning)) => println!("warning: {warning}"),
                Update::Event(Event::SignedOut) => bail!("this device was signed out"),
                _ => {}
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    // What could not be sent yet is sent the next time.
    client.close().await?;
    Ok(())
}

/// Creates the bot's account, with the first line of standard input as its password.
async fn sign_up(folder: &Path, server: &str, handle: &str) -> anyhow::Result<Client> {
    println!("choose a password for @{handle}:");
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    let account = NewAccount {
        credentials: Credentials {
            server: server.parse()?,
            handle: handle.parse()?,
            password: password.trim_end().to_owned().into(),
            device_name: None,
        },
        name: Some("Echo".to_owned()),
    };
    let (client, recovery_code) = Client::sign_up(folder, account).await?;
    println!(
        "recovery code, shown only once: {}",
        recovery_code.expose().as_str()
    );
    Ok(client)
}
// ANCHOR_END: bot
