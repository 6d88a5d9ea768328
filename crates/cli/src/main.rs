//! The `subrosa` binary: the server, and a full terminal client.

mod arguments;
mod commands;
mod exit;
mod output;
mod shapes;
mod json;
mod instant;
mod people;
mod secrets;
mod profile;
mod logging;
mod signals;
mod chat;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{arguments::Arguments, output::Output};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::to_terminal(arguments.global.json);
    let result = run(arguments, &mut output);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough: `subrosa history @bob | head`.
        Err(error) if exit::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error);
            exit::code(&error).into()
        }
    }
}

fn run(arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(commands::run(arguments, output));
    // A thread that still reads from the terminal must not keep the process.
    runtime.shutdown_background();
    result
}
