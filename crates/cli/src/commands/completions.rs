//! `subrosa completions`: completions for the shell.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::{arguments, output::Output};

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa completions bash > ~/.local/share/bash-completion/completions/subrosa
  subrosa completions fish > ~/.config/fish/completions/subrosa.fish")]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(
        arguments.shell,
        &mut arguments::Arguments::command(),
        "subrosa",
        &mut script,
    );
    Ok(output.raw(&script)?)
}
