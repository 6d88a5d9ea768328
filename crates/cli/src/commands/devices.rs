//! `subrosa devices`: the devices of the account.

use clap::Args;
use subrosa_client::DeviceId;

use crate::{
    global::Global,
    instant::day_and_minute,
    output::Output,
    profile,
    shapes::{DeviceShape, DoneShape},
};

/// List the devices of your account, or sign one out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa devices
  subrosa devices --sign-out 0123456789abcdef0123456789abcdef")]
pub(crate) struct Arguments {
    /// Sign out this device, for example because you have lost it.
    #[arg(long, value_name = "DEVICE")]
    sign_out: Option<DeviceId>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let client = profile::open(global).await?;
    if let Some(device) = arguments.sign_out {
        client.sign_out_device(device).await?;
        output.result(
            &DoneShape {
                done: "device signed out",
            },
            "The device has been signed out.",
        )?;
        return Ok(client.close().await?);
    }
    for device in client.devices().await? {
        let text = format!(
            "{}  signed in {}, last seen {}{}{}",
            device.device_id,
            day_and_minute(device.created_at, output.zone()),
            day_and_minute(device.last_seen_at, output.zone()),
            if device.current { "  (this device)" } else { "" },
            if device.certified {
                ""
            } else {
                "  WARNING: not certified by your account key"
            },
        );
        output.result(&DeviceShape::new(&device), &text)?;
    }
    Ok(client.close().await?)
}
