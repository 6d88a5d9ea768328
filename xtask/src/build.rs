//! `cargo xtask build`: the `subrosa` binary.

use std::path::PathBuf;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::progress::{Steps, say};
use crate::tools;
use crate::workspace::{self, Profile};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Builds what is shipped: slower to build, faster to run
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let profile = if args.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let mut steps = Steps::new(1);
    steps.next("building subrosa");
    let binary = subrosa(&sh, profile)?;
    say(&format!("built {}", binary.display()));
    Ok(())
}

/// Builds the `subrosa` binary and returns its path.
pub(crate) fn subrosa(sh: &Shell, profile: Profile) -> Result<PathBuf> {
    tools::ensure_native(sh)?;
    let flags = profile.flags();
    cmd!(sh, "cargo build --package subrosa {flags...}")
        .quiet()
        .run()?;
    workspace::binary("subrosa", profile)
}
