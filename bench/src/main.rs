//! `cargo xtask bench`: measures a server on this machine and prints a table.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use subrosa_bench::{Part, Plan, Report, measure_here, measure_server, relay, serve};

/// Measures a Subrosa server beside the raw limits of the machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Ends within a minute; the figures are coarser
    #[arg(long)]
    quick: bool,
    /// Prints one JSON document in place of the table
    #[arg(long)]
    json: bool,
    /// Measures the server at this address in place of one of its own; makes accounts there, which stay
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Measures only this; can be given several times
    #[arg(long, value_name = "PART")]
    only: Vec<Only>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Only {
    Raw,
    Idle,
    FanOut,
    Receipts,
    Messages,
    Turns,
    Groups,
}

impl From<Only> for Part {
    fn from(only: Only) -> Self {
        match only {
            Only::Raw => Self::Raw,
            Only::Idle => Self::Idle,
            Only::FanOut => Self::FanOut,
            Only::Receipts => Self::Receipts,
            Only::Messages => Self::Messages,
            Only::Turns => Self::Turns,
            Only::Groups => Self::Groups,
        }
    }
}

/// What this program is when it starts itself.
#[derive(Subcommand)]
enum Role {
    /// The server under test
    #[command(hide = true)]
    Serve {
        /// Its data folder
        data: PathBuf,
    },
    /// The relay without storage
    #[command(hide = true)]
    Relay,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.role {
        Some(Role::Serve { data }) => return serve(data, print),
        Some(Role::Relay) => return relay(print),
        None => {}
    }
    let mut plan = if arguments.quick {
        Plan::quick()
    } else {
        Plan::thorough()
    };
    if !arguments.only.is_empty() {
        plan.parts = arguments.only.iter().copied().map(Part::from).collect();
    }
    let report: Report = match &arguments.server {
        Some(server) => measure_server(server, &plan, &progress)?,
        None => measure_here(&plan, &progress)?,
    };
    if arguments.json {
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        print(&report.to_string());
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program prints its result")]
fn print(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "standard output is for the result")]
fn progress(line: &str) {
    eprintln!("{line}");
}
