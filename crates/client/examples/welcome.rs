//! A bot that welcomes whoever comes into a room. It takes a profile that `subrosa --profile FOLDER signup` has made, and an
//! invite link of the room.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use subrosa_client::{AccountId, Chat, Client, Event, InviteLink, NoticeKind, Update};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, link] = arguments.as_slice() else {
        bail!("usage: welcome FOLDER LINK");
    };
    let client = Client::open(Path::new(folder)).await?;
    let me = client.me().await?.account_id;
    let mut events = client.events();
    client.connect();
    let page = client.look_at_link(&link.parse::<InviteLink>()?).await?;
    let room = client.join(&page, Duration::from_mins(1)).await?;
    println!(
        "@{} welcomes people in {}; Ctrl+C ends it",
        client.handle().as_str(),
        page.preview.name
    );
    loop {
        tokio::select! {
            update = events.next() => match update.context("the client is closed")? {
                Update::Event(Event::NoticeAdded(notice)) if notice.chat == room.id() => {
                    let comes = matches!(notice.kind, NoticeKind::JoinedByLink | NoticeKind::Added);
                    for account in notice.who {
                        if comes && account != me {
                            let who = name(&room, account).await?;
                            room.send_text(format!("Welcome, {who}!")).await?;
                        }
                    }
                }
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

/// What a member calls themselves, or their handle; both may come a moment after the member.
async fn name(room: &Chat, account: AccountId) -> anyhow::Result<String> {
    for _ in 0..20 {
        let members = room.members().await?;
        let member = members.into_iter().find(|member| member.account_id == account);
        let contact = member.and_then(|member| member.contact);
        if let Some(contact) = contact
            && let Some(name) = contact.name.or(contact.handle.map(|handle| format!("@{handle}")))
        {
            return Ok(name);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Ok("newcomer".to_owned())
}
