//! `cargo xtask fmt`: one format for all code, the fuzz targets included.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{tools, workspace};

/// The fuzz targets are a workspace of their own (cargo-fuzz wants that), so `--all` does not reach them.
const FUZZ_MANIFEST: &str = "fuzz/Cargo.toml";

pub(crate) fn run() -> Result<()> {
    format(&workspace::shell()?, &[])
}

/// Fails when a file is not formatted, and shows the difference.
pub(crate) fn check(sh: &Shell) -> Result<()> {
    format(sh, &["--check"])
}

fn format(sh: &Shell, flags: &[&str]) -> Result<()> {
    tools::ensure_component(sh, "fmt", "rustfmt")?;
    cmd!(sh, "cargo fmt --all {flags...}").quiet().run()?;
    if sh.path_exists(FUZZ_MANIFEST) {
        cmd!(sh, "cargo fmt --manifest-path {FUZZ_MANIFEST} {flags...}")
            .quiet()
            .run()?;
    }
    Ok(())
}
