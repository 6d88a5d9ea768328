//! `subrosa chats`: the conversations, newest first.

use clap::Args;
use subrosa_client::{
    AccountId, ChatId, Client, ClientError, Conversation, ConversationState, MemberDevice, Message,
};

use super::{finish_with_warnings, sync};
use crate::{
    global::Global,
    instant::day_and_minute,
    output::Output,
    people::{Names, message_line},
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
  subrosa chats --members
  subrosa chats --offline --json")]
pub(crate) struct Arguments {
    /// Do not connect; show what is stored here.
    #[arg(long)]
    offline: bool,
    /// Also list the members of each conversation with their devices.
    #[arg(long)]
    members: bool,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    if !arguments.offline {
        sync(&client, output).await?;
    }
    let names = Names::load(&client).await?;
    for conversation in client.conversations().await? {
        let mut text = line(&conversation, &names, output);
        let mut shape = ChatShape::new(&conversation, &names);
        if arguments.members {
            let members = members(&client, conversation.id).await?;
            for (account, devices) in &members {
                text.push_str(&member_lines(*account, devices, &names));
            }
            shape = shape.with_members(&members, &names);
        }
        output.result(&shape, &text)?;
    }
    finish_with_warnings(client, events, output).await
}

/// The members with their devices.
async fn members(client: &Client, chat: ChatId) -> Result<Vec<(AccountId, Vec<MemberDevice>)>, ClientError> {
    let chat = client.chat(chat);
    let devices = chat.devices().await?;
    let members = chat.members().await?.into_iter().map(|member| {
        let of_member = devices
            .iter()
            .filter(|device| device.account_id == member.account_id);
        (member.account_id, of_member.copied().collect())
    });
    Ok(members.collect())
}

fn member_lines(account: AccountId, devices: &[MemberDevice], names: &Names) -> String {
    let devices = devices.iter().map(|device| {
        let note = if device.is_this_device {
            "  (this device)"
        } else {
            ""
        };
        format!("\n        device {}{note}", device.device_id)
    });
    format!("\n    {}{}", names.display(account), devices.collect::<String>())
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
    let text = message_line(&message.text);
    let preview: String = text.chars().take(PREVIEW_CHARS).collect();
    let more = if preview.len() < text.len() { "…" } else { "" };
    let who = if message.outgoing { "you: " } else { "" };
    let at = day_and_minute(message.sent_at, output.zone());
    format!("\n    {at}  {who}{preview}{more}")
}
