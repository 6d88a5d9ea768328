//! `subrosa history`: the messages of one conversation.

use clap::{Args, value_parser};
use subrosa_client::Handle;

use super::{finish_with_warnings, sync};
use crate::{global::Global, output::Output, people::Names, profile, shapes::MessageShape};

/// Show the newest messages of a conversation and mark it as read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa history @bob
  subrosa history @bob --limit 500 --json")]
pub(crate) struct Arguments {
    /// The other person's handle.
    #[arg(value_name = "@HANDLE")]
    handle: Handle,
    /// How many messages to show.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Do not connect; show what is stored here. The read report is sent later.
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    if !arguments.offline {
        sync(&client, output).await?;
    }
    let Some(chat) = client.chat_with(&arguments.handle).await? else {
        output.note(&format!(
            "there is no conversation with @{} yet",
            arguments.handle.as_str()
        ));
        return finish_with_warnings(client, events, output).await;
    };
    let names = Names::load(&client).await?;
    for message in chat.messages(None, arguments.limit).await? {
        let text = output.message_text(&message, &names);
        output.result(&MessageShape::new(&message, &names), &text)?;
    }
    chat.mark_read().await?;
    finish_with_warnings(client, events, output).await
}
