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
    steps.next("building the benchmark for release (minutes the first time)");
    tools::ensure_native(&sh)?;
    let _shipped = tools::with_own_openssl(&sh);
    cmd!(sh, "cargo build --release --package subrosa-bench")
        .quiet()
        .run()?;

    steps.next("measuring");
    let flags = [(args.quick, "--quick"), (args.json, "--json")];
    let flags = flags.iter().filter(|(given, _)| *given).map(|(_, flag)| flag);
    let rest = &args.rest;
    let benchmark = workspace::binary("subrosa-bench", Profile::Release)?;
    cmd!(sh, "{benchmark}").args(flags).args(rest).quiet().run()?;
    Ok(())
}
