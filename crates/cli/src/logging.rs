//! The client's log: only with `--log-file`, and never on the terminal, which shows messages.

use std::{fs::OpenOptions, path::Path, sync::Mutex};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// What is logged unless `SUBROSA_CLIENT_LOG` says otherwise.
const DEFAULT_FILTER: &str = "warn,subrosa=debug,subrosa_client=debug,subrosa_engine=debug";

/// Appends the log to a file.
pub(crate) fn to_file(path: &Path) -> anyhow::Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("the log file {} cannot be opened", path.display()))?;
    let filter =
        EnvFilter::try_from_env("SUBROSA_CLIENT_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .init();
    Ok(())
}
