//! `cargo xtask run`: a server on this machine, with its data in the git-ignored folder `data/`. It serves the
//! web app from its folder, so that after `cargo xtask web` a reload shows what has changed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::build;
use crate::progress::{Steps, say};
use crate::web::{self, Flavour};
use crate::workspace::{self, Profile};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The folder that holds the server's database and keys, relative to the checkout
    #[arg(long, value_name = "DIR", default_value = "data/dev")]
    data: PathBuf,
    /// Further arguments of `subrosa serve`
    #[arg(last = true, value_name = "ARGS")]
    rest: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let sh = workspace::shell()?;
    let mut steps = Steps::new(3);
    steps.next("building the web app (minutes the first time, seconds after a change)");
    let app = web::build(&sh, Flavour::Dev)?;
    steps.next("building subrosa (minutes the first time, seconds after a change)");
    let binary = build::subrosa(&sh, Profile::Dev)?;

    let data = workspace::root().join(&args.data);
    sh.create_dir(&data)?;
    steps.next(&format!("starting the server, data in {}", data.display()));
    say(&format!(
        "      {}  (Ctrl-C stops it)",
        address_for_people(&args.listen)
    ));

    let mut serve = Command::new(binary);
    serve.current_dir(workspace::root());
    serve
        .args(["serve", "--listen", &args.listen, "--data"])
        .arg(data)
        .arg("--web-dir")
        .arg(app)
        .args(&args.rest);
    become_the_server(serve)
}

/// Replaces this process, so that the server itself gets Ctrl-C, SIGTERM and the terminal, and its exit
/// status is ours. (`cargo run` replaces itself in the same way.)
#[cfg(unix)]
fn become_the_server(mut serve: Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(serve.exec()).with_context(|| format!("cannot start {}", serve.get_program().display()))
}

#[cfg(not(unix))]
fn become_the_server(mut serve: Command) -> Result<()> {
    let status = serve
        .status()
        .with_context(|| format!("cannot start {}", serve.get_program().display()))?;
    anyhow::ensure!(status.success(), "the server ended with {status}");
    Ok(())
}

/// The address to type into a browser or to give to `--server`.
fn address_for_people(listen: &str) -> String {
    let local = ["127.0.0.1:", "0.0.0.0:", "[::1]:", "[::]:"];
    let port = local.iter().find_map(|prefix| listen.strip_prefix(prefix));
    port.map_or_else(
        || format!("http://{listen}"),
        |port| format!("http://localhost:{port}"),
    )
}

#[cfg(test)]
mod tests {
    use super::address_for_people;

    #[test]
    fn local_addresses_are_shown_as_localhost() {
        for listen in ["127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080", "[::]:8080"] {
            assert_eq!(address_for_people(listen), "http://localhost:8080");
        }
        assert_eq!(address_for_people("192.0.2.7:80"), "http://192.0.2.7:80");
    }
}
