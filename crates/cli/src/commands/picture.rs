//! `subrosa picture`: the picture that others see.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, value_parser};

use super::{finish_with_warnings, send_change};
use crate::{global::Global, output::Output, profile, shapes::PictureShape};

/// Show whether you have a picture, or change it.
///
/// A picture is a JPEG, PNG or WebP file of at most 60 KiB and 1,024 pixels on each side. What else is in the file, such
/// as the place where it was taken, goes with it. Others get it with your next message to them.
///
/// Exit code 6 means that the server could not be reached in time: the change is stored, and the next command
/// that connects sends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa picture portrait.jpg
  subrosa picture --remove
  convert photo.jpg -strip -resize 256x256^ -gravity center -extent 256x256 portrait.jpg")]
pub(crate) struct Arguments {
    /// The file with the new picture.
    file: Option<PathBuf>,
    /// Remove the picture.
    #[arg(long, conflicts_with = "file")]
    remove: bool,
    /// How long to wait for the server after a change.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(0..=86_400))]
    timeout: u64,
}

/// More than any picture that is taken: a larger file is not read.
const FILE_MAX: u64 = 20 * 1024 * 1024;

/// Reads the file with a picture.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let in_file = || format!("reading {}", file.display());
    let len = std::fs::metadata(file).with_context(in_file)?.len();
    anyhow::ensure!(
        len <= FILE_MAX,
        "{} is larger than any picture that can be used",
        file.display()
    );
    std::fs::read(file).with_context(in_file)
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let picture = arguments.file.as_deref().map(read).transpose()?;
    let client = profile::open(global).await?;
    let events = client.events();
    let show = async |client: &subrosa_client::Client, output: &mut Output| {
        let picture = client.me().await?.picture.is_some();
        let text = if picture { "a picture" } else { "no picture" };
        Ok(output.result(&PictureShape { picture }, text)?)
    };
    let ending = if picture.is_some() || arguments.remove {
        match client.set_picture(picture).await {
            Ok(()) => send_change(&client, arguments.timeout, output, show).await,
            Err(error) => Err(error.into()),
        }
    } else {
        show(&client, output).await
    };
    let closed = finish_with_warnings(client, events, output).await;
    ending.and(closed)
}
