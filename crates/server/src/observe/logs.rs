//! The log, on standard error: lines for people or one JSON object a line.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{LogConfig, LogFormat};

/// What other crates tell at the level of traces is every frame, with the tokens in it: never a log's business,
/// whatever the operator asks for.
fn is_ours_or_no_trace(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::TRACE || metadata.target().starts_with("subrosa")
}

/// Starts the log of this process; only the first call can.
pub fn start_logging(config: &LogConfig) -> anyhow::Result<()> {
    let filter: EnvFilter = config.filter.parse().context("log.filter cannot be used")?;
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(is_ours_or_no_trace));
    let started = match config.format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    // Colours are for people: a file or a journal keeps the text alone.
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(std::io::stderr),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(std::io::stderr),
            )
            .try_init(),
    };
    started.context("the log was started before")
}
