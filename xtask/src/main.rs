//! `cargo xtask`: builds, runs, tests and checks Subrosa; the only build tool beside cargo itself.
//!
//! Each command owns one file. A command installs what it lacks where it may (a rustup target; Debian
//! packages when root) and otherwise fails with the one line to run. Nothing here ever reads standard input.

mod bench;
mod book;
mod build;
mod check;
mod dist;
mod evidence;
mod fmt;
mod fuzz;
mod layers;
mod progress;
mod python;
mod run;
mod test;
mod tools;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs, tests and checks Subrosa.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds and starts a server on this machine
    Run(run::Args),
    /// Builds the `subrosa` binary, with the web app in it
    Build(build::Args),
    /// Builds the archive of a release, the same bytes wherever it is built
    Dist(dist::Args),
    /// Builds the web app alone, for the server of `cargo xtask run`: reload the page to see a change
    Web(web::Args),
    /// Runs the tests of the whole workspace
    Test(test::Args),
    /// Checks format, spelling, links, lints, documentation, layers, what is promised, the wasm32 build and the supply chain
    Check(check::Args),
    /// Measures a server on this machine, beside the raw limits of the machine
    Bench(bench::Args),
    /// Runs the fuzz targets and fails on a finding
    Fuzz(fuzz::Args),
    /// Builds the book in docs/book
    Book,
    /// Formats all code
    Fmt,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Dist(args) => dist::run(&args),
        Command::Web(args) => web::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Book => book::run(),
        Command::Fmt => fmt::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: the failed tool has said the rest, and a backtrace through xtask helps nobody.
            progress::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
