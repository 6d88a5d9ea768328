//! `subrosa name`: the name that others see.

use clap::{Args, value_parser};

use super::{finish_with_warnings, send_change};
use crate::{global::Global, output::Output, people::one_line, profile, shapes::NameShape};

/// Show or change the name that others see beside your handle.
///
/// Others get it with your next message to them.
///
/// Exit code 6 means that the server could not be reached in time: the change is stored, and the next command
/// that connects sends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa name
  subrosa name 'Ada Lovelace'
  subrosa name --remove")]
pub(crate) struct Arguments {
    /// The new name.
    name: Option<String>,
    /// Remove the name; others see your handle.
    #[arg(long, conflicts_with = "name")]
    remove: bool,
    /// How long to wait for the server after a change.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(0..=86_400))]
    timeout: u64,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let show = async |client: &subrosa_client::Client, output: &mut Output| {
        let name = client.me().await?.name;
        let text = name.as_deref().map_or_else(|| "no name".to_owned(), one_line);
        Ok(output.result(
            &NameShape {
                name: name.as_deref(),
            },
            &text,
        )?)
    };
    let ending = if arguments.name.is_some() || arguments.remove {
        match client.set_name(arguments.name).await {
            Ok(()) => send_change(&client, arguments.timeout, output, show).await,
            Err(error) => Err(error.into()),
        }
    } else {
        show(&client, output).await
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}
