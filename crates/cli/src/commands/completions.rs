//! `subrosa completions`: completions for the shell.

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::output::Output;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa completions bash > ~/.local/share/bash-completion/completions/subrosa
  subrosa completions fish > ~/.config/fish/completions/subrosa.fish")]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

/// `command_line` is the definition of the whole command line.
pub(crate) fn run(
    arguments: &Arguments,
    mut command_line: Command,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command_line, "subrosa", &mut script);
    Ok(output.raw(&script)?)
}
