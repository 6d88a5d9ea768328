//! `cargo xtask build`: the `subrosa` binary, with the web app in it.

use std::path::PathBuf;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::progress::{Steps, say};
use crate::tools;
use crate::web::{self, Flavour};
use crate::workspace::{self, Profile};

/// Where the build script of `subrosa` finds the app, when that is not where it looks by itself.
pub(crate) const APP_VARIABLE: &str = "XTASK_WEB_DIST";

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
    let mut steps = Steps::new(2);
    steps.next("building the web app");
    let app = match profile {
        // What cargo embeds by itself.
        Profile::Dev => web::build(&sh, Flavour::Test).map(|_| None)?,
        Profile::Release => Some(web::build(&sh, Flavour::Release)?),
    };
    let _app = app.map(|folder| sh.push_env(APP_VARIABLE, folder));
    steps.next("building subrosa");
    let binary = subrosa(&sh, profile)?;
    say(&format!("built {}", binary.display()));
    Ok(())
}

/// Builds the `subrosa` binary and returns its path.
pub(crate) fn subrosa(sh: &Shell, profile: Profile) -> Result<PathBuf> {
    tools::ensure_native(sh)?;
    let is_shipped = profile == Profile::Release;
    let _shipped = is_shipped.then(|| tools::with_own_openssl(sh));
    let paths = if is_shipped {
        workspace::neutral_paths(sh)?
    } else {
        Vec::new()
    };
    let flags = profile.flags();
    cmd!(sh, "cargo build --package subrosa {flags...} {paths...}")
        .quiet()
        .run()?;
    workspace::binary("subrosa", profile)
}
