//! `subrosa try-again`: a conversation that is blocked, cut off or set aside.

use clap::Args;
use subrosa_client::{ConversationState, Handle};

use super::{finish_after_sync, sync};
use crate::{exit::refused, global::Global, output::Output, profile, shapes::DoneShape};

/// Try a conversation again that is blocked, cut off or set aside.
///
/// A conversation is blocked when what the server gave this device for it was refused. If the server tells the truth this
/// time, the conversation goes on; otherwise it is blocked again. A conversation is cut off when the server no longer has
/// what shows how it went on since this device was there: trying again enters it as the server shows it, and messages
/// from that time may be missing. One that is set aside, because something in it cannot be processed, goes on where it
/// was left.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  subrosa try-again @bob")]
pub(crate) struct Arguments {
    /// The other person's handle.
    #[arg(value_name = "@HANDLE")]
    handle: Handle,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let Some(chat) = client.chat_with(&arguments.handle).await? else {
        let handle = arguments.handle.as_str();
        return Err(refused(format!("there is no conversation with @{handle}")));
    };
    let state = chat.conversation().await?.map(|conversation| conversation.state);
    if !matches!(
        state,
        Some(ConversationState::Blocked | ConversationState::CutOff | ConversationState::Quarantined)
    ) {
        return Err(refused(
            "the conversation is neither blocked, nor cut off, nor set aside",
        ));
    }
    chat.try_again().await?;
    sync(&client, output).await?;
    output.result(
        &DoneShape {
            done: "conversation tried again",
        },
        "The conversation is being tried again.",
    )?;
    finish_after_sync(client, output).await
}
