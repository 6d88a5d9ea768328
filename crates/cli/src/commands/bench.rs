//! `subrosa bench`: puts load on a server and measures it.

use std::io::{self, Write as _};

use clap::Args;
use subrosa_bench::{Plan, measure_server};

use crate::{global::Global, output::Output, profile};

/// Benchmark a server: put load on it, and print how much it can handle.
///
/// Creates accounts and conversations that stay on the server, so use a server that is not in production, and run
/// this on another machine, or the two compete for the processors. It measures sign-ups, messages at several rates,
/// and turns with commits. It does not measure memory per connection, for which it would have to look into the
/// server's process, or fan-out to many, for which it would need a conversation of many accounts.
/// `cargo xtask bench` measures both on a server of its own.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa bench --server https://chat.example.org
  subrosa bench --server http://10.0.0.7:8080 --quick --json")]
pub(crate) struct Arguments {
    /// Finish within a minute, with coarser figures.
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
    // The load generator has its own runtime, on its own thread.
    let report = tokio::task::spawn_blocking(move || measure_server(&server, &plan, &progress)).await??;
    let table = report.to_string();
    output.result(&report, &table)?;
    Ok(())
}

/// Says what is being done. It is no failure if standard error is closed.
fn progress(line: &str) {
    let _ = writeln!(io::stderr(), "subrosa: {line}");
}
