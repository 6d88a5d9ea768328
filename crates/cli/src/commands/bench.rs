//! `subrosa bench`: puts load on a server and measures it.

use std::io::{self, Write as _};

use clap::Args;
use subrosa_bench::{Plan, measure_server};

use crate::{global::Global, output::Output, profile};

/// Measure a server: put load on it, and print what it bears.
///
/// Makes accounts and conversations at the server, which stay: meant for one that is not in use yet. Use
/// another machine than the server's, or they share its processors. Measured are sign-ups, messages at several
/// rates and turns with commits. Memory per connection and fan-out to many are not: the one needs a look inside
/// the server, the other a conversation of many accounts, which this version can only make in a server of its
/// own. `cargo xtask bench` measures both.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa bench --server https://chat.example.org
  subrosa bench --server http://10.0.0.7:8080 --quick --json")]
pub(crate) struct Arguments {
    /// End within a minute; the figures are coarser.
    #[arg(long)]
    quick: bool,
}

pub(crate) async fn run(global: &Global, arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let server = profile::server(global, output)?.to_string();
    let plan = if arguments.quick {
        Plan::quick()
    } else {
        Plan::thorough()
    };
    // The generator has a runtime of its own, on a thread of its own.
    let report = tokio::task::spawn_blocking(move || measure_server(&server, &plan, &progress)).await??;
    let table = report.to_string();
    output.result(&report, &table)?;
    Ok(())
}

/// What is being done, for whoever waits. A standard error that is gone is no failure.
fn progress(line: &str) {
    let _ = writeln!(io::stderr(), "subrosa: {line}");
}
