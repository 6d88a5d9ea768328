//! The options that every command takes.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use subrosa_client::ServerUrl;

/// The options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The server's address. The profile stores it; when you sign up or sign in, it defaults to
    /// `http://localhost:8080`.
    #[arg(long, global = true, value_name = "URL", env = "SUBROSA_SERVER", value_hint = ValueHint::Url)]
    pub(crate) server: Option<ServerUrl>,
    /// The profile folder, which holds the account's keys and messages [default: subrosa/default in the user's
    /// data folder].
    #[arg(long, global = true, value_name = "DIR", env = "SUBROSA_PROFILE", value_hint = ValueHint::DirPath)]
    pub(crate) profile: Option<PathBuf>,
    /// Print one JSON object per line. The fields are listed in `subrosa --help`.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Read the password from the first line of this file ('-' for standard input) instead of asking.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) password_file: Option<PathBuf>,
    /// Append the client's log to this file: connections, requests, failures and how long they took, but no message
    /// content.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) log_file: Option<PathBuf>,
}
