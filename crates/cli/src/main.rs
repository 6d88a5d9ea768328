//! The `subrosa` binary: the server, and a full terminal client.

mod arguments;

mod commands;

mod chat;

mod exit;
mod output;

mod instant;
mod json;
mod people;
mod shapes;

mod web_app;

mod profile;
mod secrets;

mod logging;
mod signals;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{arguments::Arguments, output::Output};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error, wants_json()),
    };
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

/// Prints what clap has to say: help, or what is wrong with the command line. That quotes what was typed,
/// which may hold what a terminal obeys.
fn refuse(error: &clap::Error, json: bool) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(exit::Code::Failure as u8);
    if error.use_stderr() {
        Output::to_terminal(json).misunderstood(error, code);
    } else {
        let _ = error.print();
    }
    code.into()
}

/// Whether a command line that was not understood asks for JSON.
fn wants_json() -> bool {
    std::env::args_os()
        .take_while(|word| word != "--")
        .any(|word| word == "--json")
}

fn run(arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(commands::run(arguments, output));
    // A thread that still reads from the terminal must not keep the process.
    runtime.shutdown_background();
    result
}
