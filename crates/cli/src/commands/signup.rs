//! `subrosa signup`: creates an account and its first device, and shows the recovery code once.

use std::time::Duration;

use clap::Args;
use subrosa_client::{Client, Credentials, Handle, NewAccount};

use crate::{
    global::Global,
    output::{Output, can_ask},
    profile, secrets,
    shapes::AccountShape,
};

/// How long it may take until others can reach a new device.
pub(super) const ANNOUNCE_PATIENCE: Duration = Duration::from_secs(20);

/// Create an account.
///
/// Prints a recovery code, only once, that lets you replace a forgotten password. No one else has it:
/// if you lose both the password and the recovery code, you lose the account.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa signup alice --name 'Alice A.'
  subrosa signup bob --server https://chat.example.org --password-file secret.txt --json")]
pub(crate) struct Arguments {
    /// The handle that others find you by: 3 to 32 characters from a-z, 0-9, '_' and '.'.
    handle: Handle,
    /// The name to show to the people you write to.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let folder = profile::folder(global)?;
    let server = profile::server(global, output)?;
    let password = secrets::new(global.password_file.as_deref(), "--password-file")?;
    let account = NewAccount {
        credentials: Credentials {
            server,
            handle: arguments.handle,
            password: password.to_string().into(),
            device_name: Some(profile::device_name()),
        },
        name: arguments.name,
    };
    let (client, recovery_code) = Client::sign_up(&folder, account).await?;
    let me = client.me().await?;
    let code = recovery_code.expose();
    let text = format!(
        "You are @{}.\n\nYour recovery code, which is shown only once:\n\n    {}\n\nWrite it down on paper. It is the \
         only way back if you forget your password.",
        me.handle.as_str(),
        code.as_str()
    );
    output.result(
        &AccountShape::new(&me, client.server()).with_recovery_code(&code),
        &text,
    )?;
    announce(client, output).await?;
    if !output.is_json() && can_ask() {
        output.note("now: subrosa chat");
    }
    Ok(())
}

/// Waits until others can reach this device: its key packages are at the server, and it has joined its account's
/// conversations.
pub(super) async fn announce(client: Client, output: &mut Output) -> anyhow::Result<()> {
    client.connect();
    if let Err(error) = client.settle(ANNOUNCE_PATIENCE).await {
        output.note(&format!(
            "others can reach this device after its next connection: {error}"
        ));
    }
    Ok(client.close().await?)
}
