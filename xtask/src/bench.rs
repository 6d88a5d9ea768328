//! `cargo xtask bench`: the load generator against a server that it starts on a free port.

use std::ffi::OsString;

use anyhow::Result;
use xshell::cmd;

use crate::progress::Steps;
use crate::tools;
use crate::workspace::{self, Profile};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Ends within a minute
    #[arg(long)]
    quick: bool,
    /// Prints one JSON document in place of a table
    #[arg(long)]
    json: bool,
    /// Further arguments of the benchmark
    #[arg(last = true, value_name = "ARGS")]
    rest: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let mut steps = Steps::new(2);
    steps.next("building the benchmark and subrosa for release (minutes the first time)");
    tools::ensure_native(&sh)?;
    cmd!(
        sh,
        "cargo build --release --package subrosa --package subrosa-bench"
    )
    .quiet()
    .run()?;

    steps.next("measuring");
    let flags = [(args.quick, "--quick"), (args.json, "--json")];
    let flags = flags.iter().filter(|(given, _)| *given).map(|(_, flag)| flag);
    let rest = &args.rest;
    let binary = workspace::subrosa_binary(Profile::Release)?;
    let benchmark = binary.with_file_name(format!("subrosa-bench{}", std::env::consts::EXE_SUFFIX));
    cmd!(sh, "{benchmark}")
        .args(flags)
        .args(rest)
        .env("SUBROSA_BIN", binary)
        .quiet()
        .run()?;
    Ok(())
}
