//! `subrosa history`: the messages of one conversation.

use clap::{Args, value_parser};
use subrosa_client::{Chat, ClientError, Message, Notice, Standing};

use super::{finish_with_warnings, sync};
use crate::{
    chat_name::ChatName,
    global::Global,
    output::Output,
    people::Names,
    profile,
    shapes::{MessageShape, NoticeShape},
};

/// Show the newest messages of a conversation and mark it as read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa history @bob
  subrosa history @bob --limit 500 --json")]
pub(crate) struct Arguments {
    /// Which: the other person's @handle, or the name or the id of the conversation.
    #[arg(value_name = "CHAT")]
    chat: ChatName,
    /// How many messages to show.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Do not connect; show what is stored here. The read receipt is sent later.
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let events = client.events();
    if !arguments.offline {
        sync(&client, output).await?;
    }
    let Some(chat) = arguments.chat.find_with_requests(&client).await? else {
        output.note(&arguments.chat.no_conversation());
        return finish_with_warnings(client, events, output).await;
    };
    let names = Names::load(&client).await?;
    let standing = chat.standing().await?;
    if standing == Standing::Request && !output.is_json() {
        output.note(
            "this is a request: nobody sees that you read it until you accept (`subrosa accept`) or reply",
        );
    }
    let messages = chat.messages(None, arguments.limit).await?;
    let notices = notices_beside(&chat, &messages, arguments.limit).await?;
    let mut notices = notices.into_iter().peekable();
    for message in messages {
        while let Some(notice) = notices.next_if(|notice| notice.position <= message.position) {
            show_notice(&notice, &names, output)?;
        }
        let text = output.message_text(&message, &names);
        let shape = MessageShape::new(&message, &names).with_standing(standing);
        output.result(&shape, &text)?;
    }
    for notice in notices {
        show_notice(&notice, &names, output)?;
    }
    chat.mark_read().await?;
    finish_with_warnings(client, events, output).await
}

/// The lines that are shown with the newest messages of a conversation, of which `limit` were asked for. What happened
/// before the first that is shown belongs to the part that is not.
pub(crate) async fn notices_beside(
    chat: &Chat,
    messages: &[Message],
    limit: u32,
) -> Result<Vec<Notice>, ClientError> {
    let is_all = u32::try_from(messages.len()).is_ok_and(|shown| shown < limit);
    let first = messages.first().filter(|_| !is_all);
    let from = first.map_or(i64::MIN, |first| first.position);
    chat.notices(from..=i64::MAX).await
}

fn show_notice(notice: &Notice, names: &Names, output: &mut Output) -> anyhow::Result<()> {
    let text = output.notice_text(notice, names);
    output.result(&NoticeShape::new(notice, names), &text)?;
    Ok(())
}
