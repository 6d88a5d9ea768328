//! `subrosa signin`: makes this profile another device of an account.

use clap::Args;
use subrosa_client::{Client, Credentials, Handle};

use super::signup::announce;
use crate::{global::Global, output::Output, profile, secrets, shapes::AccountShape};

/// Sign in to an account, and make this profile one of its devices.
///
/// The device joins the account's conversations at once, even while the other devices are off. Earlier
/// messages are not copied to it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa signin alice
  subrosa --profile ./second signin alice --password-file secret.txt")]
pub(crate) struct Arguments {
    /// The account's handle.
    handle: Handle,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let folder = profile::folder(global)?;
    let server = profile::server(global, output)?;
    let password = secrets::existing(global.password_file.as_deref(), "Password", "--password-file")?;
    let credentials = Credentials {
        server,
        handle: arguments.handle,
        password: password.to_string().into(),
        device_name: Some(profile::device_name()),
    };
    let client = Client::sign_in(&folder, credentials).await?;
    let me = client.me().await?;
    let text = format!("You are now signed in as @{} on this device.", me.handle.as_str());
    output.result(&AccountShape::new(&me, client.server()), &text)?;
    announce(client, output).await
}
