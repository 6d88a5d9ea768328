//! `subrosa nickname`: what you call somebody.

use clap::{Args, value_parser};
use subrosa_client::{Client, ClientError, Contact, Handle};

use super::{finish_with_warnings, send_change};
use crate::{global::Global, output::Output, people::one_line, profile, shapes::NicknameShape};

/// Show or change what you call somebody.
///
/// You see it in place of the name that they have chosen, on all your devices. Nobody else sees it. The person must be
/// known here: from a conversation with them, or from a group.
///
/// Exit code 6 means that the server could not be reached in time: the change is stored, and the next command
/// that connects sends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa nickname @ada
  subrosa nickname @ada 'Aunt Ada'
  subrosa nickname @ada --remove")]
pub(crate) struct Arguments {
    /// Whom.
    #[arg(value_name = "@HANDLE")]
    handle: Handle,
    /// What you call them.
    nickname: Option<String>,
    /// Remove it; you see the name that they have chosen.
    #[arg(long, conflicts_with = "nickname")]
    remove: bool,
    /// How long to wait for the server after a change.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(0..=86_400))]
    timeout: u64,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let ending = show_or_change(&client, arguments, output).await;
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

async fn show_or_change(
    client: &Client,
    Arguments {
        handle,
        nickname,
        remove,
        timeout,
    }: Arguments,
    output: &mut Output,
) -> anyhow::Result<()> {
    let account_id = known(client, &handle).await?.account_id;
    let show = async |client: &Client, output: &mut Output| {
        let person = known(client, &handle).await?;
        let text = person
            .nickname
            .as_deref()
            .map_or_else(|| "no nickname".to_owned(), one_line);
        Ok(output.result(&NicknameShape::new(&handle, &person), &text)?)
    };
    if nickname.is_none() && !remove {
        return show(client, output).await;
    }
    client.set_nickname(account_id, nickname).await?;
    send_change(client, timeout, output, show).await
}

/// The person who is known to have a handle.
async fn known(client: &Client, handle: &Handle) -> Result<Contact, ClientError> {
    let contact = client.contact_by_handle(handle).await?;
    contact.ok_or_else(|| ClientError::UnknownPerson(handle.as_str().to_owned()))
}
