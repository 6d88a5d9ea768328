//! `subrosa devices`: the devices of the account.

use clap::{ArgAction, Args};
use subrosa_client::{DeviceId, printable_line};

use super::finish_with_warnings;
use crate::{
    exit::usage,
    global::Global,
    instant::day_and_minute,
    output::Output,
    profile,
    shapes::{DeviceShape, DoneShape},
};

/// List the devices of your account, name one, or sign one out.
///
/// Names are for your own devices: the server and other people do not learn them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa devices
  subrosa devices --rename 0123456789abcdef0123456789abcdef 'old laptop'
  subrosa devices --sign-out 0123456789abcdef0123456789abcdef")]
pub(crate) struct Arguments {
    /// Sign out this device, for example because you have lost it.
    #[arg(long, value_name = "DEVICE")]
    sign_out: Option<DeviceId>,
    /// Give this device a name; an empty one removes it.
    #[arg(long, num_args = 2, value_names = ["DEVICE", "NAME"], action = ArgAction::Set, conflicts_with = "sign_out")]
    rename: Option<Vec<String>>,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let rename = match arguments.rename.as_deref() {
        Some([device, name]) => {
            let device: DeviceId = device
                .parse()
                .map_err(|_| usage(format!("{device} is not the id of a device")))?;
            // An empty name removes it.
            Some((device, Some(name.clone()).filter(|name| !name.trim().is_empty())))
        }
        _ => None,
    };
    let client = profile::open(global).await?;
    let events = client.events();
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
    if let Some((device, name)) = rename {
        client.name_device(device, name).await?;
        output.result(&DoneShape { done: "device named" }, "The device has been named.")?;
        return finish_with_warnings(client, events, output).await;
    }
    for device in client.devices().await? {
        let text = format!(
            "{}  {}signed in {}, last seen {}{}{}",
            device.device_id,
            device
                .name
                .as_ref()
                .map(|name| format!("{}, ", printable_line(name)))
                .unwrap_or_default(),
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
    finish_with_warnings(client, events, output).await
}
