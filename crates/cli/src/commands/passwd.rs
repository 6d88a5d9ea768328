//! `subrosa passwd`: changes the password of the account.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::{global::Global, output::Output, profile, secrets, shapes::DoneShape};

/// Change your password.
///
/// The old password stops working at once. Devices that are signed in stay signed in, and the recovery code
/// stays valid.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa passwd
  subrosa passwd --password-file old.txt --new-password-file new.txt")]
pub(crate) struct Arguments {
    /// Read the new password from the first line of this file instead of asking. The current one is
    /// read from --password-file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    new_password_file: Option<PathBuf>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let old = secrets::existing(
        global.password_file.as_deref(),
        "Current password",
        "--password-file",
    )?;
    let new = secrets::new(arguments.new_password_file.as_deref(), "--new-password-file")?;
    client.change_password(&old, &new).await?;
    output.result(
        &DoneShape {
            done: "password changed",
        },
        "Your password has been changed.",
    )?;
    Ok(client.close().await?)
}
