//! The server under test: the real binary, with a folder of its own and a proxy in front of it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    TcpProxy,
    http::{self, Answer},
    process::{Exit, Process, clean_command, subrosa},
    until,
};

/// A server and its folder. The folder lives as long as this value, however often the server dies.
pub struct Server {
    process: Option<Process>,
    address: Option<SocketAddr>,
    proxy: TcpProxy,
    /// What earlier runs wrote.
    past_logs: Vec<u8>,
    folder: TempDir,
}

impl Server {
    /// A server that is ready.
    pub async fn start() -> Self {
        Self::start_configured("").await
    }

    /// A server with a configuration file, ready.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_configured(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let written = std::fs::write(folder.path().join("config.toml"), toml);
        written.unwrap_or_else(|error| panic!("no configuration: {error}"));
        let mut server = Self {
            process: None,
            address: None,
            proxy: TcpProxy::new().await,
            past_logs: Vec::new(),
            folder,
        };
        server.restart().await;
        server
    }

    /// The command that starts a server on this folder.
    pub fn command(&self, listen: &str) -> tokio::process::Command {
        let mut command = clean_command(subrosa(), self.folder.path());
        command.args(["serve", "--listen", listen, "--config"]);
        command
            .arg(self.folder.path().join("config.toml"))
            .arg("--data")
            .arg(self.data());
        command
    }

    /// Starts the server again on its folder, behind the same proxy.
    ///
    /// # Panics
    /// If it runs already, or does not become ready.
    pub async fn restart(&mut self) {
        self.restart_on("127.0.0.1:0").await;
    }

    /// The same on a certain address.
    ///
    /// # Panics
    /// If it runs already, or does not become ready.
    pub async fn restart_on(&mut self, listen: &str) {
        assert!(self.process.is_none(), "the server runs already");
        let process = Process::start(self.command(listen));
        let address = process
            .wait_for_output("the line with its address", listening_on)
            .await;
        until("the server is ready", async || {
            http::get(address, "/readyz").await.status == 200
        })
        .await;
        self.proxy.open_to(address);
        self.address = Some(address);
        self.process = Some(process);
    }

    /// Ends the server as a power cut would.
    ///
    /// # Panics
    /// If it does not run.
    pub async fn kill(&mut self) {
        let process = self.take();
        let exit = process.kill().await;
        self.ended(&exit);
        assert_eq!(
            exit.signal,
            Some(Signal::KILL.as_raw()),
            "the server had ended before: {}",
            self.log()
        );
    }

    /// Ends the server as an operator would: SIGTERM, and the time to finish.
    ///
    /// # Panics
    /// If it does not run, or does not end.
    pub async fn stop(&mut self) -> Exit {
        self.stop_with(Signal::TERM).await
    }

    /// The same with another signal.
    ///
    /// # Panics
    /// If it does not run, or does not end.
    pub async fn stop_with(&mut self, signal: Signal) -> Exit {
        let process = self.take();
        process.signal(signal);
        let exit = process.exit().await;
        self.ended(&exit);
        exit
    }

    fn take(&mut self) -> Process {
        self.address = None;
        self.process
            .take()
            .unwrap_or_else(|| panic!("the server does not run"))
    }

    fn ended(&mut self, exit: &Exit) {
        self.proxy.shut();
        self.past_logs.extend_from_slice(&exit.stdout);
        self.past_logs.extend_from_slice(&exit.stderr);
    }

    /// Its address for clients, which is that of its proxy.
    pub fn url(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    /// Its own address.
    ///
    /// # Panics
    /// If it does not run.
    pub fn address(&self) -> SocketAddr {
        self.address.unwrap_or_else(|| panic!("the server does not run"))
    }

    /// Its process id.
    ///
    /// # Panics
    /// If it does not run.
    pub fn id(&self) -> u32 {
        self.process
            .as_ref()
            .and_then(Process::id)
            .unwrap_or_else(|| panic!("the server does not run"))
    }

    /// The proxy in front of it.
    pub fn proxy(&self) -> &TcpProxy {
        &self.proxy
    }

    /// Opens the proxy again after it was shut or stalled.
    pub fn open_proxy(&self) {
        self.proxy.open_to(self.address());
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its database.
    ///
    /// # Panics
    /// If there is none.
    pub fn database(&self) -> PathBuf {
        let entries =
            std::fs::read_dir(self.data()).unwrap_or_else(|error| panic!("no data folder: {error}"));
        let mut files = entries.flatten().map(|entry| entry.path());
        files
            .find(|path| path.extension().is_some_and(|extension| extension == "db"))
            .unwrap_or_else(|| panic!("no database in the data folder"))
    }

    /// A folder for what belongs to nobody else.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that it has written, in all its runs.
    pub fn log(&self) -> String {
        let mut log = String::from_utf8_lossy(&self.past_logs).into_owned();
        if let Some(process) = &self.process {
            log.push_str(&process.stdout());
            log.push_str(&process.stderr());
        }
        log
    }

    /// A GET that bypasses the proxy.
    pub async fn get(&self, path: &str) -> Answer {
        http::get(self.address(), path).await
    }
}

/// The address in the line `listening on http://ADDRESS`.
fn listening_on(output: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(output).ok()?;
    let (_, rest) = text.split_once("listening on http://")?;
    // Without its line end the line is not complete.
    let (address, _) = rest.split_once('\n')?;
    address.trim().trim_end_matches('/').parse().ok()
}
