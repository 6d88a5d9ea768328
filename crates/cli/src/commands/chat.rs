//! `subrosa chat`: the terminal interface.

use std::io::{self, IsTerminal as _};

use clap::Args;

use crate::{chat, exit::usage, global::Global, output::can_ask, profile};

/// Open the full-screen terminal app: chats, messages and people.
///
/// '?' shows the keys. Nothing depends on colour alone, and the cursor is always where the focus is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa chat
  subrosa --profile ./second chat --log-file chat.log")]
pub(crate) struct Arguments {}

pub(crate) async fn run(global: &Global, _: Arguments) -> anyhow::Result<()> {
    if !can_ask() || !io::stdout().is_terminal() {
        return Err(usage(
            "subrosa chat needs a terminal; scripts use send, listen and history",
        ));
    }
    let client = profile::open(global).await?;
    let ending = chat::run(&client).await;
    let closed = super::finish(client).await;
    ending.and(closed)
}
