//! `subrosa send`: sends one message and waits until the server has it.

use std::io::{self, Read as _};

use clap::Args;
use subrosa_client::{Client, ClientError, Message, MessageStatus};
use subrosa_wire::limits::MESSAGE_TEXT_MAX;

use super::{Patience, finish_with_warnings, note_clock};
use crate::{
    chat_name::ChatName,
    exit::{refused, timed_out, usage},
    global::Global,
    output::{Output, can_ask},
    people::Names,
    profile,
    shapes::MessageShape,
};

/// Send a message and wait until the server has stored it.
///
/// Exit code 6 means that the server could not be reached in time: the message is stored, and the next command
/// that connects sends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa send @bob 'See you at six.'
  subrosa send Harvest 'Who brings the ladder?'
  uptime | subrosa send @bob -
  subrosa send @bob --timeout 5 --json hello")]
pub(crate) struct Arguments {
    /// To whom: a @handle, or the name or the id of a conversation.
    #[arg(value_name = "CHAT")]
    chat: ChatName,
    /// The text, at most 64 KiB; '-' reads it from standard input. If it is missing, you are asked for it.
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    #[command(flatten)]
    patience: Patience,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let text = text(arguments.text.as_deref(), output)?;
    let chat = arguments.chat.open(&client).await?;
    let message = chat.send_text(text).await?;
    let events = client.events();
    client.connect();
    let sent = client
        .wait_until_sent(&message, arguments.patience.duration())
        .await;
    note_clock(&client.status().borrow(), output);
    let ending = match sent {
        Ok(message) => {
            show(&client, &message, output).await?;
            match message.status {
                MessageStatus::Failed => Err(refused("the server refused the message; it is kept as failed")),
                _ => Ok(()),
            }
        }
        Err(
            error @ (ClientError::TimedOut { .. }
            | ClientError::Unreachable { .. }
            | ClientError::StorageFull),
        ) => {
            show(&client, &message, output).await?;
            Err(timed_out(format!(
                "the message is stored here and will be sent later: {error}"
            )))
        }
        Err(error) => Err(error.into()),
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}

async fn show(client: &Client, message: &Message, output: &mut Output) -> anyhow::Result<()> {
    let names = Names::load(client).await?;
    let text = output.message_text(message, &names);
    output.result(&MessageShape::new(message, &names), &text)?;
    Ok(())
}

/// The text: from the command line, from a pipe, or from the keyboard.
fn text(argument: Option<&str>, output: &mut Output) -> anyhow::Result<String> {
    match argument {
        Some("-") => {}
        Some(text) => return Ok(text.to_owned()),
        None if can_ask() => output.note("type the message, then press Ctrl+D on an empty line"),
        None => {
            return Err(usage(
                "there is no text: pass it as an argument, or '-' to read it from standard input",
            ));
        }
    }
    from_reader(io::stdin().lock())
}

/// Reads no more than a message can hold, and drops the line end that `echo` adds.
fn from_reader(source: impl io::Read) -> anyhow::Result<String> {
    let bound = u64::try_from(MESSAGE_TEXT_MAX + 2).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    source.take(bound).read_to_end(&mut bytes)?;
    let mut text = String::from_utf8(bytes).map_err(|_| usage("the text is not UTF-8"))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot read its own input has failed"
    )]
    use super::*;
    use crate::exit;

    #[test]
    fn the_line_end_of_echo_is_not_part_of_the_message() {
        assert_eq!(from_reader("hi\n".as_bytes()).unwrap(), "hi");
        assert_eq!(from_reader("hi\n\n".as_bytes()).unwrap(), "hi\n");
        assert_eq!(from_reader("".as_bytes()).unwrap(), "");
    }

    #[test]
    fn a_text_that_is_too_long_stays_too_long() {
        let endless = io::repeat(b'x');
        assert!(from_reader(endless).unwrap().len() > MESSAGE_TEXT_MAX);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        let error = from_reader(&b"\xff"[..]).unwrap_err();
        assert_eq!(exit::code(&error), exit::Code::Usage);
    }
}
