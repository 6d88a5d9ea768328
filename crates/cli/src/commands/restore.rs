//! `subrosa restore`: puts a backup in the place of what a server has stored.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use subrosa_server::{
    clock::{Clock as _, SystemClock},
    store::sqlite::restore,
};

use super::backup::{DataArguments, in_words, told};
use crate::{instant, output::Output, shapes::RestoreShape};

/// Restore a server's data from a backup. The server must not be running.
///
/// The backup is checked before anything is changed, and stays as it is. What the data folder held before is kept in
/// a folder inside it, from which it can be restored again. Everything that happened after the backup was made is
/// undone at the server: accounts and devices, passwords and sign-outs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa restore /mnt/backups/subrosa-backup-20270101T030000Z --data /var/lib/subrosa
  subrosa restore before-the-upgrade --config /etc/subrosa.toml")]
pub(crate) struct Arguments {
    /// The backup, or a data folder that was copied while its server was stopped.
    #[arg(value_name = "FROM", value_hint = ValueHint::AnyPath)]
    from: PathBuf,
    #[command(flatten)]
    data: DataArguments,
}

pub(crate) fn run(arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let data = arguments.data.folder()?;
    let stamp = instant::in_file_name(SystemClock.now());
    let restored = restore(&arguments.from, &data, &stamp, told(output)).context("nothing was restored")?;
    let kept = restored.kept.map(|kept| kept.display().to_string());
    let text = format!(
        "Restored {} from {}: {}.{}",
        data.display(),
        arguments.from.display(),
        in_words(&restored.contents),
        kept.as_ref().map_or_else(String::new, |kept| format!(
            "\nWhat was there before is in {kept}."
        ))
    );
    let shape = RestoreShape {
        restored: data.display().to_string(),
        kept,
        contents: restored.contents.into(),
    };
    Ok(output.result(&shape, &text)?)
}
