//! The `subrosa` binary: the server, and a full terminal client.

mod arguments;
mod global;

mod commands;

mod chat;
mod chat_name;

mod exit;
mod output;

mod instant;
mod json;
mod people;
mod shapes;
mod warnings;

mod web_app;

mod profile;
mod secrets;

mod logging;
mod signals;

use std::{process::ExitCode, time::Duration};

use clap::{CommandFactory as _, Parser as _};

use crate::{
    arguments::{Arguments, Command},
    commands::{
        accept, backup, bench, block, chat as chat_command, chats, completions, devices, group, history,
        link, listen, name, nickname, passwd, picture, privacy, recover, requests, restore, search, send,
        serve, signin, signout, signup, try_again, whoami,
    },
    output::Output,
};

/// How long the threads of a command may take to end after it.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error, wants_json()),
    };
    let mut output = Output::to_terminal(arguments.global.json);
    let result = run(arguments, &mut output);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has seen enough: `subrosa history @bob | head`.
        Err(error) if exit::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error);
            exit::code(&error).into()
        }
    }
}

/// Prints clap's output: help, or what is wrong with the command line. That quotes what was typed, which may contain
/// control characters.
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
    let result = runtime.block_on(carry_out(arguments, output));
    // A thread that still runs while the process ends may meet the exit handlers of the cryptography library; one that
    // still reads from the terminal must not keep the process alive.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    result
}

async fn carry_out(arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let Arguments { global, command } = arguments;
    if let Some(file) = &global.log_file {
        logging::to_file(file)?;
    }
    let result = match command {
        Command::Serve(arguments) => serve::run(arguments, output).await,
        Command::Backup(arguments) => backup::run(arguments, output),
        Command::Restore(arguments) => restore::run(arguments, output),
        Command::Signup(arguments) => signup::run(&global, arguments, output).await,
        Command::Signin(arguments) => signin::run(&global, arguments, output).await,
        Command::Recover(arguments) => recover::run(&global, arguments, output).await,
        Command::Passwd(arguments) => passwd::run(&global, arguments, output).await,
        Command::Signout(arguments) => signout::run(&global, arguments, output).await,
        Command::Whoami(arguments) => whoami::run(&global, arguments, output).await,
        Command::Devices(arguments) => devices::run(&global, arguments, output).await,
        Command::Name(arguments) => name::run(&global, arguments, output).await,
        Command::Nickname(arguments) => nickname::run(&global, arguments, output).await,
        Command::Picture(arguments) => picture::run(&global, arguments, output).await,
        Command::Privacy(arguments) => privacy::run(&global, arguments, output).await,
        Command::Search(arguments) => search::run(&global, arguments, output).await,
        Command::Requests(arguments) => requests::run(&global, arguments, output).await,
        Command::Accept(arguments) => accept::run(&global, arguments, output).await,
        Command::Decline(arguments) => requests::decline(&global, arguments, output).await,
        Command::Block(arguments) => block::block(&global, arguments, output).await,
        Command::Unblock(arguments) => block::unblock(&global, arguments, output).await,
        Command::TryAgain(arguments) => try_again::run(&global, arguments, output).await,
        Command::Send(arguments) => send::run(&global, arguments, output).await,
        Command::Group(arguments) => group::run(&global, arguments, output).await,
        Command::Room(arguments) => link::run_room(&global, arguments, output).await,
        Command::Link(arguments) => link::run(&global, arguments, output).await,
        Command::Join(arguments) => link::run_join(&global, arguments, output).await,
        Command::Chats(arguments) => chats::run(&global, arguments, output).await,
        Command::History(arguments) => history::run(&global, arguments, output).await,
        Command::Listen(arguments) => listen::run(&global, arguments, output).await,
        Command::Chat(arguments) => chat_command::run(&global, arguments).await,
        Command::Bench(arguments) => bench::run(&global, arguments, output).await,
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command(), output),
    };
    if global.log_file.is_some() {
        logging::ended(&result);
    }
    result
}
