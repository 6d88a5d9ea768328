//! `subrosa signout`: ends this device and removes its profile.

use clap::Args;

use crate::{
    exit::usage,
    global::Global,
    output::{Output, can_ask, is_confirmed},
    profile,
    shapes::DoneShape,
};

/// Sign out this device and delete its profile with all messages.
///
/// The account stays; sign in again with the password. Messages that only this device has are lost.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa signout
  subrosa --profile ./second signout --yes")]
pub(crate) struct Arguments {
    /// Do not ask for confirmation. Required without a terminal.
    #[arg(long)]
    yes: bool,
    /// Delete the profile without contacting the server, for a server that is gone for good. Until another
    /// device signs this one out, others still encrypt for it.
    #[arg(long)]
    forget: bool,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    if !arguments.yes {
        confirm(client.handle().as_str(), output)?;
    }
    if arguments.forget {
        client.forget().await?;
    } else {
        client.sign_out().await?;
    }
    output.result(
        &DoneShape { done: "signed out" },
        "You are signed out. The profile has been deleted.",
    )?;
    Ok(())
}

fn confirm(handle: &str, output: &mut Output) -> anyhow::Result<()> {
    if !can_ask() {
        return Err(usage("there is no terminal to confirm on: use --yes"));
    }
    output.note(&format!(
        "this deletes @{handle}'s messages from this machine. Type yes to continue:"
    ));
    if is_confirmed()? {
        Ok(())
    } else {
        Err(usage("nothing was done"))
    }
}
