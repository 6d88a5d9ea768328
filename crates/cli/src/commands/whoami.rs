//! `subrosa whoami`: who is signed in to this profile.

use clap::Args;

use crate::{
    global::Global,
    output::Output,
    people::{grouped, one_line},
    profile,
    shapes::AccountShape,
};

/// Show who is signed in.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa whoami
  subrosa --profile ./second whoami --json")]
pub(crate) struct Arguments {}

pub(crate) async fn run(global: &Global, _: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    let me = client.me().await?;
    let name = me
        .name
        .as_deref()
        .map(|name| format!(" ({})", one_line(name)))
        .unwrap_or_default();
    let text = format!(
        "@{}{name} on {}\naccount {}\ndevice {}",
        me.handle.as_str(),
        client.server(),
        grouped(me.account_id),
        me.device_id
    );
    output.result(&AccountShape::new(&me, client.server()), &text)?;
    Ok(client.close().await?)
}
