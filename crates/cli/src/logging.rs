//! The client's log: only with `--log-file`, and never on the terminal, which shows messages. It holds ids, numbers
//! and durations, and nothing of what is said.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Mutex,
};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged, in the syntax of `RUST_LOG`.
const FILTER_VARIABLE: &str = "SUBROSA_CLIENT_LOG";
/// What is logged without it.
const DEFAULT_FILTER: &str = "warn,subrosa=debug,subrosa_client=debug,subrosa_engine=debug";

/// Appends the log to a file, each line with time and level.
pub(crate) fn to_file(path: &Path) -> anyhow::Result<()> {
    let file = open(path).with_context(|| format!("the log file {} cannot be opened", path.display()))?;
    let filter = match std::env::var(FILTER_VARIABLE) {
        Ok(filter) => {
            EnvFilter::try_new(filter).with_context(|| format!("{FILTER_VARIABLE} cannot be read"))?
        }
        Err(_) => EnvFilter::new(DEFAULT_FILTER),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .init();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        "started"
    );
    Ok(())
}

/// Logs how the command ended.
pub(crate) fn ended(result: &anyhow::Result<()>) {
    match result {
        Ok(()) => tracing::info!("done"),
        Err(error) => tracing::error!("failed: {error:#}"),
    }
}

/// It says who talks to whom and when, so nobody but its owner reads it.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}
