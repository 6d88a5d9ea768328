//! `subrosa backup`: copies what a server has stored, while it runs.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, ValueHint};
use subrosa_server::{
    clock::{Clock as _, Stopwatch, SystemClock},
    config::{Config, Overrides},
    store::sqlite::{Contents, Progress, back_up, holds_database},
};

use crate::{instant, output::Output, shapes::BackupShape};

/// Back up a server's data. The server may be running.
///
/// The backup is a folder with the state of the instant at which it was begun. It is checked, and has its name only
/// once it is complete; until then the name ends with `.incomplete`. Nothing is ever overwritten. Run this as the
/// user that the server runs as, on the same machine. A backup holds what the server holds: keep it as safe.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa backup --data /var/lib/subrosa
  subrosa backup --data /var/lib/subrosa --to /mnt/backups
  subrosa backup --config /etc/subrosa.toml --to before-the-upgrade --json")]
pub(crate) struct Arguments {
    /// The folder to make, or an existing one to put it into [default: one beside the data folder].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    to: Option<PathBuf>,
    #[command(flatten)]
    data: DataArguments,
}

/// Where the server's data is.
#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    /// The server's configuration file (TOML).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// The server's data folder [default: subrosa-data].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
}

impl DataArguments {
    /// The data folder, by the same rules as for `serve`.
    pub(crate) fn folder(self) -> anyhow::Result<PathBuf> {
        let overrides = Overrides {
            file: self.config,
            data: self.data,
            ..Overrides::default()
        };
        Ok(Config::load(&overrides)?.data)
    }
}

pub(crate) fn run(arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let data = arguments.data.folder()?;
    let to = name(arguments.to, &data)?;
    let contents = back_up(&data, &to, told(output)).context("no backup was made")?;
    let shape = BackupShape {
        backup: to.display().to_string(),
        contents: contents.into(),
    };
    let text = format!("Backed up to {}: {}.", to.display(), in_words(&contents));
    Ok(output.result(&shape, &text)?)
}

/// How the folder of the backup is called.
fn name(to: Option<PathBuf>, data: &Path) -> anyhow::Result<PathBuf> {
    let stamp = instant::in_file_name(SystemClock.now());
    match to {
        // Not into a backup, nor into a data folder: those are in the way, and that is told.
        Some(to) if to.is_dir() && !holds_database(&to) => Ok(to.join(format!("subrosa-backup-{stamp}"))),
        Some(to) => Ok(to),
        None => {
            // `.` has a name, too.
            let data = data
                .canonicalize()
                .with_context(|| format!("the data folder {} cannot be used", data.display()))?;
            let mut name = data.file_name().unwrap_or_default().to_owned();
            name.push(format!("-backup-{stamp}"));
            Ok(data.with_file_name(name))
        }
    }
}

/// Says how far it is: after a second, and then every few.
pub(crate) fn told(output: &mut Output) -> impl FnMut(Progress) {
    const FIRST: Duration = Duration::from_secs(1);
    const EVERY: Duration = Duration::from_secs(5);
    let watch = Stopwatch::start();
    let mut due = FIRST;
    move |progress| {
        if watch.elapsed() < due {
            return;
        }
        due = watch.elapsed() + EVERY;
        output.note(&match progress {
            Progress::Copying(percent) => format!("copying: {percent} %"),
            Progress::Checking => "checking the copy".to_owned(),
        });
    }
}

/// What a copy holds, for people.
pub(crate) fn in_words(contents: &Contents) -> String {
    format!(
        "accounts: {}, devices: {}, conversations: {}, messages and changes in them: {}, bytes: {}",
        contents.accounts, contents.devices, contents.conversations, contents.entries, contents.bytes
    )
}
