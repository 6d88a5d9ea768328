//! Processes of our own: a server, or the relay. A child prints its address and ends when its standard input
//! does, so none outlives the benchmark, however that ends.

use std::{path::Path, process::Stdio, thread};

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child as Process, Command},
    sync::oneshot,
    time::timeout,
};

use crate::{limits::SERVER_TIMEOUT, probe::Probe};

/// What a child is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role<'a> {
    /// The server on this data folder, without rate limits.
    Server(&'a Path),
    /// The relay without storage.
    Relay,
}

/// A running child.
pub(crate) struct Child {
    process: Process,
    /// Its base address.
    pub(crate) address: String,
    pub(crate) probe: Probe,
}

impl Child {
    /// Starts this very program in another role and waits until it listens.
    pub(crate) async fn start(role: Role<'_>) -> Result<Self> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(program);
        match role {
            Role::Server(folder) => command.arg("serve").arg(folder),
            Role::Relay => command.arg("relay"),
        };
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a child")?;
        let stdout = process.stdout.take().context("a child without standard output")?;
        let mut line = String::new();
        timeout(SERVER_TIMEOUT, BufReader::new(stdout).read_line(&mut line))
            .await
            .map_err(|_| anyhow!("the {role:?} did not listen within {SERVER_TIMEOUT:?}"))??;
        let address = line.trim().to_owned();
        if !address.starts_with("http://") {
            bail!("the {role:?} ended before it listened; see its messages above");
        }
        let pid = process.id().context("the child ended at once")?;
        let metrics = match role {
            Role::Server(_) => Some(format!("{address}/metrics").parse()?),
            Role::Relay => None,
        };
        Ok(Self {
            process,
            address,
            probe: Probe::new(pid, metrics)?,
        })
    }

    /// Asks the child to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        let status = timeout(SERVER_TIMEOUT, self.process.wait())
            .await
            .map_err(|_| anyhow!("a child did not end within {SERVER_TIMEOUT:?}"))??;
        if !status.success() {
            bail!("a child ended with {status}");
        }
        Ok(())
    }
}

/// Returns when standard input ends: whoever started this process wants it to end, or has ended itself.
pub(crate) async fn parent_is_done() -> Result<()> {
    let (sender, done) = oneshot::channel();
    // A thread of its own, because one that a runtime knows would keep it from ending.
    thread::Builder::new().name("stdin".into()).spawn(move || {
        // An error is as good as an end.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = sender.send(());
    })?;
    let _ = done.await;
    Ok(())
}
