//! `subrosa chats`: the conversations, newest first, and what the user chooses for each.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Span;
use subrosa_client::{
    AccountId, ChatId, ChatSetting, Client, ClientError, Conversation, ConversationState, MemberDevice,
    Message, Mute,
};
use subrosa_server::clock::{Clock as _, SystemClock};

use super::{Patience, finish_with_warnings, send_change, sync_with_choices};
use crate::{
    chat_name::ChatName,
    exit::usage,
    global::Global,
    instant::{day_and_minute, lifetime_words},
    output::{Output, can_ask, is_confirmed},
    people::{Names, listed, message_start},
    profile,
    shapes::{ChatShape, DoneShape, is_request, state},
};

/// List your conversations, or choose how they are listed and announced.
///
/// Pinned ones come first, then the others from the newest to the oldest, then those that are archived. What you choose
/// holds on all your devices, and nobody else learns of it.
///
/// Exit code 6 means that the server could not be reached in time: the change is stored, and the next command
/// that connects sends it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  subrosa chats
  subrosa chats --members
  subrosa chats --offline --json
  subrosa chats pin Harvest
  subrosa chats mute @ada --for 8h
  subrosa chats archive @ben
  subrosa chats delete @ben --yes"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Do not connect; show what is stored here.
    #[arg(long)]
    offline: bool,
    /// Also list the members of each conversation with their devices.
    #[arg(long)]
    members: bool,
}

/// What is changed.
#[derive(Debug, Subcommand)]
enum Action {
    /// Keep a conversation above the others
    Pin(Which),
    /// List it by its age again
    Unpin(Which),
    /// Don't announce new messages of a conversation
    Mute {
        #[command(flatten)]
        which: Which,
        /// For how long, such as `8h`, `1d` or `1w`; for good without it.
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        duration: Option<Duration>,
    },
    /// Announce them again
    Unmute(Which),
    /// Keep a conversation apart, until something is said in it; a muted one for good
    Archive(Which),
    /// Bring it back
    Unarchive(Which),
    /// Mark a conversation as unread
    Unread(Which),
    /// Delete a conversation on this device
    ///
    /// Its messages are deleted here and stay everywhere else, also on your other devices. What is not sent yet is dropped. You
    /// stay a member, and it is listed again as soon as something is written; `subrosa group leave` leaves a group.
    Delete {
        /// The conversation: a @handle, the name of a group, or an id.
        #[arg(value_name = "CHAT")]
        chat: ChatName,
        /// Do not ask for confirmation. Required without a terminal.
        #[arg(long)]
        yes: bool,
    },
}

/// A conversation, and how long to wait.
#[derive(Debug, Args)]
struct Which {
    /// The conversation: a @handle, the name of a group, or an id.
    #[arg(value_name = "CHAT")]
    chat: ChatName,
    #[command(flatten)]
    patience: Patience,
}

/// A duration of a minute at least, in hours, days or weeks.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = any_duration(text)?;
    if duration < Duration::from_mins(1) {
        return Err("it is at least a minute".to_owned());
    }
    Ok(duration)
}

/// A duration that is not negative.
pub(super) fn any_duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "a duration is a number and a unit, such as 30m, 8h, 1d or 1w";
    let span: Span = text.parse().map_err(|_| EXPECTED)?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| EXPECTED)?;
    Ok(Duration::try_from(duration).map_err(|_| EXPECTED)?)
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let ending = match arguments.action {
        Some(action) => change(&client, action, output).await,
        None => list(&client, &arguments, output).await,
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

async fn change(client: &Client, action: Action, output: &mut Output) -> anyhow::Result<()> {
    let (which, setting) = match action {
        Action::Pin(which) => (which, ChatSetting::Pinned(true)),
        Action::Unpin(which) => (which, ChatSetting::Pinned(false)),
        Action::Mute { which, duration } => {
            let until = |duration| Mute::Until(SystemClock.now().plus(duration));
            (which, ChatSetting::Mute(duration.map_or(Mute::ForEver, until)))
        }
        Action::Unmute(which) => (which, ChatSetting::Mute(Mute::Off)),
        Action::Archive(which) => (which, ChatSetting::Archived(true)),
        Action::Unarchive(which) => (which, ChatSetting::Archived(false)),
        Action::Unread(which) => (which, ChatSetting::MarkedUnread(true)),
        Action::Delete { chat, yes } => return delete(client, &chat, yes, output).await,
    };
    let chat = which.chat.find(client).await?;
    let chat = chat.ok_or_else(|| usage(which.chat.no_conversation()))?;
    chat.set(setting).await?;
    send_change(client, which.patience.timeout, output, async |client, output| {
        let names = Names::load(client).await?;
        let Some(conversation) = chat.conversation().await? else {
            return Ok(());
        };
        let text = line(&conversation, &names, output);
        Ok(output.result(&ChatShape::new(&conversation, &names), &text)?)
    })
    .await
}

async fn delete(client: &Client, name: &ChatName, yes: bool, output: &mut Output) -> anyhow::Result<()> {
    let chat = name.find(client).await?;
    let chat = chat.ok_or_else(|| usage(name.no_conversation()))?;
    if !yes {
        if !can_ask() {
            return Err(usage("there is no terminal to confirm on: use --yes"));
        }
        let names = Names::load(client).await?;
        let conversation = chat.conversation().await?;
        let title = conversation.map(|conversation| names.title(&conversation));
        output.note(&format!(
            "this deletes the messages of {} on this device. Type yes to continue:",
            title.unwrap_or_default()
        ));
        if !is_confirmed()? {
            return Err(usage("nothing was done"));
        }
    }
    chat.delete_here().await?;
    let done = DoneShape { done: "deleted here" };
    Ok(output.result(&done, "The conversation is deleted on this device.")?)
}

async fn list(client: &Client, arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    if !arguments.offline {
        sync_with_choices(client, output).await?;
    }
    let names = Names::load(client).await?;
    for conversation in listed(client).await? {
        let mut text = line(&conversation, &names, output);
        let mut shape = ChatShape::new(&conversation, &names);
        if arguments.members {
            let members = members(client, conversation.id).await?;
            for (account, devices) in &members {
                text.push_str(&member_lines(*account, devices, &names));
            }
            shape = shape.with_members(&members, &names);
        }
        output.result(&shape, &text)?;
    }
    Ok(())
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

pub(super) fn line(conversation: &Conversation, names: &Names, output: &Output) -> String {
    let who = names.title(conversation);
    let new = match conversation.unread {
        0 => String::new(),
        unread => format!("  [{unread} new]"),
    };
    let state = match conversation.state {
        ConversationState::Joined => String::new(),
        _ => format!("  [{}]", state(conversation)),
    };
    let last = conversation
        .last_message
        .as_ref()
        .map(|message| preview(message, output))
        .unwrap_or_default();
    let request = if is_request(conversation) {
        "  [request]"
    } else {
        ""
    };
    let is_blocked = conversation.with.as_ref().is_some_and(|with| with.is_blocked);
    let blocked = if is_blocked { "  [blocked]" } else { "" };
    let settings = settings(conversation, output);
    format!("{who}{new}{request}{blocked}{state}{settings}{last}")
}

/// What the user has chosen for it.
fn settings(conversation: &Conversation, output: &Output) -> String {
    let settings = conversation.settings;
    let mute = match settings.mute {
        Mute::ForEver => Some("muted".to_owned()),
        Mute::Until(end) if settings.mute.is_on(SystemClock.now()) => {
            Some(format!("muted until {}", day_and_minute(end, output.zone())))
        }
        Mute::Until(_) | Mute::Off => None,
    };
    let words = [
        settings.is_marked_unread.then(|| "marked unread".to_owned()),
        settings.is_pinned.then(|| "pinned".to_owned()),
        mute,
        settings.is_archived.then(|| "archived".to_owned()),
        conversation
            .timer
            .map(|timer| format!("disappearing after {}", lifetime_words(timer))),
    ];
    let words = words.into_iter().flatten();
    words
        .flat_map(|word| ["  [".to_owned(), word, "]".to_owned()])
        .collect()
}

/// The newest message, on a line of its own.
fn preview(message: &Message, output: &Output) -> String {
    let start = message_start(&message.text);
    let who = if message.outgoing { "you: " } else { "" };
    let at = day_and_minute(message.sent_at, output.zone());
    format!("\n    {at}  {who}{start}")
}
