//! Which profile and which server a command works with.

use std::{env, fs, path::PathBuf, time::Duration};

use subrosa_client::{Client, ClientError, ServerUrl};
use tokio::time::{Instant, sleep};

use crate::{exit::usage, global::Global, output::Output, warnings};

/// The server if none is named: that of `cargo xtask run` and `subrosa serve`.
const DEFAULT_SERVER: &str = "http://localhost:8080";

/// How long a command waits for others that have the profile open.
const IN_USE_PATIENCE: Duration = Duration::from_secs(10);
/// When it says that it waits.
const IN_USE_TOLD_AFTER: Duration = Duration::from_secs(1);
/// How often it looks whether they have ended.
const IN_USE_INTERVAL: Duration = Duration::from_millis(20);

/// The longest name of an operating system that is taken over.
const OS_NAME_MAX: usize = 30;

/// The profile folder: `--profile`, or `default` in the user's data folder (XDG base directories).
pub(crate) fn folder(global: &Global) -> anyhow::Result<PathBuf> {
    if let Some(folder) = &global.profile {
        return Ok(folder.clone());
    }
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .or_else(|| absolute("LOCALAPPDATA"))
        .ok_or_else(|| usage("there is no home folder for the profile: use --profile"))?;
    Ok(data.join("subrosa").join("default"))
}

/// What the account's other devices call this one, until somebody names it: "Terminal on Debian".
pub(crate) fn device_name() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let named = release
        .lines()
        .find_map(|line| line.strip_prefix("NAME="))
        .map(|name| name.trim_matches('"'))
        .and_then(|name| name.split(' ').next())
        .filter(|name| {
            !name.is_empty() && name.len() <= OS_NAME_MAX && name.chars().all(char::is_alphanumeric)
        });
    let system = named.unwrap_or(match env::consts::OS {
        "macos" => "macOS",
        "windows" => "Windows",
        "linux" => "Linux",
        other => other,
    });
    format!("Terminal on {system}")
}

/// The server for a new profile.
pub(crate) fn server(global: &Global, output: &mut Output) -> anyhow::Result<ServerUrl> {
    let server = match &global.server {
        Some(server) => server.clone(),
        None => DEFAULT_SERVER.parse()?,
    };
    if server.is_exposed() {
        output.warning(&warnings::not_encrypted());
    }
    Ok(server)
}

/// The device that is signed in. `--server` only counts for this run: the server may have another address here.
///
/// Commands given at once with one profile wait for each other.
pub(crate) async fn open(global: &Global) -> anyhow::Result<Client> {
    let folder = folder(global)?;
    let gives_up_at = Instant::now() + IN_USE_PATIENCE;
    let mut told_at = Some(Instant::now() + IN_USE_TOLD_AFTER);
    loop {
        let opened = match &global.server {
            Some(server) => Client::open_at(&folder, server.clone()).await,
            None => Client::open(&folder).await,
        };
        match opened {
            Err(ClientError::ProfileInUse(_)) if Instant::now() < gives_up_at => {
                if told_at.take_if(|at| *at <= Instant::now()).is_some() {
                    Output::to_terminal(global.json)
                        .note("waiting for another subrosa command with this profile");
                }
                sleep(IN_USE_INTERVAL).await;
            }
            opened => return Ok(opened?),
        }
    }
}
