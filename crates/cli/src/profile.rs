//! Which profile and which server a command works with.

use std::{env, path::PathBuf};

use subrosa_client::{Client, ServerUrl};

use crate::{exit::usage, global::Global, output::Output, warnings};

/// The server if none is named: that of `cargo xtask run` and `subrosa serve`.
const DEFAULT_SERVER: &str = "http://localhost:8080";

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
pub(crate) async fn open(global: &Global) -> anyhow::Result<Client> {
    let folder = folder(global)?;
    let client = match &global.server {
        Some(server) => Client::open_at(&folder, server.clone()).await?,
        None => Client::open(&folder).await?,
    };
    Ok(client)
}
