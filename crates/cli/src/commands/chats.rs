//! `subrosa chats`: the conversations, newest first.

use clap::Args;
use subrosa_client::{Conversation, ConversationState, Message};

use super::{finish_with_warnings, sync};
use crate::{
    global::Global,
    instant::day_and_minute,
    output::Output,
    people::{Names, one_line},
    profile,
    shapes::{ChatShape, state},
};

/// The most characters of the newest message in the list.
const PREVIEW_CHARS: usize = 60;

/// List your conversations, newest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa chats
  subrosa chats --offline --json")]
pub(crate) struct Arguments {
    /// Do not connect; show what is stored here.
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    if !arguments.offline {
        sync(&client, output).await?;
    }
    let names = Names::load(&client).await?;
    for conversation in client.conversations().await? {
        let text = line(&conversation, &names, output);
        output.result(&ChatShape::new(&conversation, &names), &text)?;
    }
    finish_with_warnings(client, events, output).await
}

fn line(conversation: &Conversation, names: &Names, output: &Output) -> String {
    let who = names.title(conversation);
    let new = match conversation.unread {
        0 => String::new(),
        unread => format!("  [{unread} new]"),
    };
    let state = match conversation.state {
        ConversationState::Joined => String::new(),
        other => format!("  [{}]", state(other)),
    };
    let last = conversation
        .last_message
        .as_ref()
        .map(|message| preview(message, output))
        .unwrap_or_default();
    format!("{who}{new}{state}{last}")
}

/// The newest message, on a line of its own.
fn preview(message: &Message, output: &Output) -> String {
    let text = one_line(&message.text);
    let preview: String = text.chars().take(PREVIEW_CHARS).collect();
    let more = if preview.len() < text.len() { "…" } else { "" };
    let who = if message.outgoing { "you: " } else { "" };
    let at = day_and_minute(message.sent_at, output.zone());
    format!("\n    {at}  {who}{preview}{more}")
}
