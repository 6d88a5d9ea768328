//! `subrosa chats`: the conversations, newest first.

use clap::Args;
use subrosa_client::{Conversation, ConversationState};

use super::{farewell, sync};
use crate::{
    arguments::Global,
    instant::day_and_minute,
    output::Output,
    people::{Names, one_line},
    profile,
    shapes::{ChatShape, state},
};

/// Characters of the newest message in the list.
const PREVIEW_CHARS: usize = 60;

/// List your conversations, the newest first.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Do not connect: show what is here.
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global)?;
    if !arguments.offline {
        sync(&client, output).await?;
    }
    let names = Names::load(&client).await?;
    for conversation in client.conversations().await? {
        let text = line(&conversation, &names, output);
        output.result(&ChatShape::new(&conversation, &names), &text)?;
    }
    farewell(client).await
}

fn line(conversation: &Conversation, names: &Names, output: &Output) -> String {
    let mut line = names.display(conversation.peer.account_id);
    if conversation.unread > 0 {
        line.push_str(&format!("  [{} new]", conversation.unread));
    }
    if conversation.state != ConversationState::Joined {
        line.push_str(&format!("  [{}]", state(conversation.state)));
    }
    if let Some(message) = &conversation.last_message {
        let text = one_line(&message.text);
        let preview: String = text.chars().take(PREVIEW_CHARS).collect();
        let more = if preview.len() < text.len() { "…" } else { "" };
        let who = if message.outgoing { "you: " } else { "" };
        let at = day_and_minute(message.sent_at, output.zone());
        line.push_str(&format!("\n    {at}  {who}{preview}{more}"));
    }
    line
}
