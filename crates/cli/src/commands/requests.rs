//! `subrosa requests`: what people have begun whom the user does not know, and `subrosa decline`.

use clap::Args;
use subrosa_client::{Chat, Client, ClientError, CommandError, Conversation};

use super::{Patience, finish_with_warnings, send_change, sync_with_choices};
use crate::{
    chat_name::ChatName,
    exit::usage,
    global::Global,
    output::Output,
    people::{Names, message_start},
    profile,
    shapes::{ChatShape, asker, is_request},
};

/// List what people have begun whom you don't know.
///
/// A first message of somebody unknown, or a group to which they have added you, waits here until you accept or decline it
/// (`subrosa accept`, `subrosa decline`), or reply. Until then they don't learn that you have received or read anything.
/// `subrosa privacy --messages --groups` chooses who need not wait.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa requests
  subrosa history @jonas
  subrosa accept @jonas
  subrosa decline 'Allotment 12'")]
pub(crate) struct Arguments {
    /// Do not connect; show what is stored here.
    #[arg(long)]
    offline: bool,
}

/// Decline a request.
///
/// A group is left. A conversation is out of your lists until the person writes again; `subrosa block` keeps them from it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa decline @jonas
  subrosa decline 'Allotment 12'")]
pub(crate) struct DeclineArguments {
    /// The request: a @handle, or the name or the id of a group.
    #[arg(value_name = "CHAT")]
    chat: ChatName,
    #[command(flatten)]
    patience: Patience,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let ending = list(&client, &arguments, output).await;
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

async fn list(client: &Client, arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    if !arguments.offline {
        sync_with_choices(client, output).await?;
    }
    let names = Names::load(client).await?;
    let mut requests = client.conversations().await?;
    requests.retain(is_request);
    if requests.is_empty() {
        output.note("there are no requests");
    }
    for request in &requests {
        output.result(&ChatShape::new(request, &names), &line(request, &names))?;
    }
    Ok(())
}

fn line(request: &Conversation, names: &Names) -> String {
    let by = asker(request).map(|by| names.display(by));
    let who = match (&request.title, by) {
        (Some(_), Some(by)) => format!("{by} invites you to {}", names.title(request)),
        _ => names.title(request),
    };
    match &request.last_message {
        Some(message) => format!("{who}\n    {}", message_start(&message.text)),
        None => who,
    }
}

pub(crate) async fn decline(
    global: &Global,
    arguments: DeclineArguments,
    output: &mut Output,
) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    let ending = async {
        let found = arguments.chat.find_with_requests(&client).await?;
        let chat = found.ok_or_else(|| usage(arguments.chat.no_conversation()))?;
        let before = chat.conversation().await?;
        if !before.as_ref().is_some_and(is_request) {
            return Err(ClientError::Command(CommandError::NotARequest).into());
        }
        chat.decline().await?;
        show_changed(&client, &chat, arguments.patience.timeout, output).await
    }
    .await;
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

/// Sends what was decided, and shows the conversation.
pub(super) async fn show_changed(
    client: &Client,
    chat: &Chat,
    timeout: u64,
    output: &mut Output,
) -> anyhow::Result<()> {
    send_change(client, timeout, output, async |client, output| {
        let names = Names::load(client).await?;
        let Some(conversation) = chat.conversation().await? else {
            return Ok(());
        };
        let word = match conversation.standing {
            subrosa_client::Standing::Accepted => "accepted",
            subrosa_client::Standing::Request => "not decided",
            subrosa_client::Standing::Declined => "declined",
        };
        let text = format!("{}: {word}", names.title(&conversation));
        Ok(output.result(&ChatShape::new(&conversation, &names), &text)?)
    })
    .await
}
