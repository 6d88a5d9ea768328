//! `subrosa recover`: a new password with the recovery code, and this profile as a device of the account.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use subrosa_client::{Client, Credentials, Handle, RecoveryCode, profile_exists};

use super::signup::announce;
use crate::{
    exit::usage,
    global::Global,
    output::Output,
    profile, secrets,
    shapes::{AccountShape, DoneShape},
};

/// Replace a forgotten password with the recovery code.
///
/// The account and its conversations are kept. The profile becomes a device of the account, if it is not one
/// already. The recovery code stays valid.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa recover alice
  subrosa recover alice --recovery-code-file code.txt --password-file new-password.txt")]
pub(crate) struct Arguments {
    /// The account's handle.
    handle: Handle,
    /// Read the recovery code from the first line of this file instead of asking. The new password
    /// is read from --password-file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    recovery_code_file: Option<PathBuf>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let code = secrets::existing(
        arguments.recovery_code_file.as_deref(),
        "Recovery code",
        "--recovery-code-file",
    )?;
    let code = RecoveryCode::parse(&code).map_err(|error| usage(error.to_string()))?;
    let password = secrets::new(global.password_file.as_deref(), "--password-file")?;
    let folder = profile::folder(global)?;

    if profile_exists(&folder) {
        let client = profile::open(global).await?;
        if *client.handle() != arguments.handle {
            return Err(usage(format!(
                "this profile is @{}'s: use another --profile",
                client.handle().as_str()
            )));
        }
        client.reset_password(&code, &password).await?;
        output.result(
            &DoneShape {
                done: "password replaced",
            },
            "Your password has been replaced.",
        )?;
        return Ok(client.close().await?);
    }

    let server = profile::server(global, output)?;
    let credentials = Credentials {
        server,
        handle: arguments.handle,
        password: password.to_string().into(),
        device_name: Some(profile::device_name()),
    };
    let client = Client::recover(&folder, credentials, &code).await?;
    let me = client.me().await?;
    let text = format!(
        "Your password has been replaced. You are now signed in as @{} on this device.",
        me.handle.as_str()
    );
    output.result(&AccountShape::new(&me, client.server()), &text)?;
    announce(client, output).await
}
