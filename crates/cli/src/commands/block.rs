//! `subrosa block` and `subrosa unblock`.

use clap::Args;
use subrosa_client::{Client, ClientError, Handle};

use super::{Patience, finish_with_warnings, send_change, sync_with_choices};
use crate::{global::Global, output::Output, people::Names, profile, shapes::BlockedShape};

/// Block somebody, or list whom you have blocked.
///
/// What somebody blocked writes to you alone is dropped, groups to which they add you are left, and they don't see whether
/// you are online. They are not told. In groups that you share you still see what they write. It holds on all your devices.
///
/// Exit code 6 means that the server could not be reached in time: the change is stored, and the next command
/// that connects sends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa block @jonas
  subrosa block")]
pub(crate) struct BlockArguments {
    /// Whom; without it, those who are blocked are listed.
    #[arg(value_name = "@HANDLE")]
    handle: Option<Handle>,
    #[command(flatten)]
    patience: Patience,
}

/// No longer block somebody.
///
/// What they wrote while they were blocked does not come back.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  subrosa unblock @jonas")]
pub(crate) struct UnblockArguments {
    /// Whom.
    #[arg(value_name = "@HANDLE")]
    handle: Handle,
    #[command(flatten)]
    patience: Patience,
}

pub(crate) async fn block(
    global: &Global,
    arguments: BlockArguments,
    output: &mut Output,
) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let ending = match &arguments.handle {
        Some(handle) => change(&client, handle, true, arguments.patience.timeout, output).await,
        None => list(&client, output).await,
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

pub(crate) async fn unblock(
    global: &Global,
    arguments: UnblockArguments,
    output: &mut Output,
) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let ending = change(
        &client,
        &arguments.handle,
        false,
        arguments.patience.timeout,
        output,
    )
    .await;
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

async fn change(
    client: &Client,
    handle: &Handle,
    is_blocked: bool,
    timeout: u64,
    output: &mut Output,
) -> anyhow::Result<()> {
    let person = client.contact_by_handle(handle).await?;
    let person = person.ok_or_else(|| ClientError::UnknownPerson(handle.as_str().to_owned()))?;
    client.block(person.account_id, is_blocked).await?;
    send_change(client, timeout, output, async |client, output| {
        let names = Names::load(client).await?;
        let word = if is_blocked { "blocked" } else { "not blocked" };
        let text = format!("{}: {word}", names.display(person.account_id));
        let shape = BlockedShape {
            handle: handle.as_str().to_owned(),
            blocked: is_blocked,
        };
        Ok(output.result(&shape, &text)?)
    })
    .await
}

async fn list(client: &Client, output: &mut Output) -> anyhow::Result<()> {
    sync_with_choices(client, output).await?;
    let names = Names::load(client).await?;
    let mut blocked = client.contacts().await?;
    blocked.retain(|person| person.is_blocked);
    if blocked.is_empty() {
        output.note("nobody is blocked");
    }
    for person in &blocked {
        let shape = BlockedShape {
            handle: names.handle_of(person.account_id),
            blocked: true,
        };
        output.result(&shape, &names.display(person.account_id))?;
    }
    Ok(())
}
