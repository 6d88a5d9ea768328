//! `subrosa serve`: runs the server until it is asked to stop.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum, ValueHint};
use subrosa_server::{
    clock::SystemClock,
    config::{Config, LogFormat, LogOverrides, Overrides},
    lifecycle::Lifecycle,
    observe, serve,
};

use crate::{output::Output, shapes::ListeningShape, web_app};

/// Run a server.
///
/// Options come from the defaults, the configuration file, the environment (`SUBROSA_DATA`,
/// `SUBROSA_LISTEN`, `SUBROSA_LOG__FILTER` …) and the command line; each overrides those before it. The log
/// goes to standard error; once the server accepts connections, standard output has one line with its address.
/// SIGTERM or Ctrl+C stops the server gracefully; a second one stops it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  subrosa serve
  subrosa serve --data /var/lib/subrosa --listen 0.0.0.0:8080
  subrosa serve --config /etc/subrosa.toml
  subrosa serve --listen 127.0.0.1:0 --json        picks a free port and reports {\"listening\": …}")]
pub(crate) struct Arguments {
    /// The configuration file (TOML); docs/config.example.toml documents every key.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// The folder for everything that the server stores [default: subrosa-data].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// The address and port to listen on; port 0 picks a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The address at which people reach the server [default: `http://localhost:8080`].
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    public_url: Option<String>,
    /// Whether anyone may sign up [default: true].
    #[arg(long, value_name = "BOOL")]
    registration_open: Option<bool>,
    /// A separate address that serves /metrics to Prometheus.
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<SocketAddr>,
    /// A folder with the web app, to use instead of the one in this binary.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    web_dir: Option<PathBuf>,
    /// The format of the log [default: text].
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<Format>,
    /// What to log, for example `info` or `warn,subrosa_server=debug` [default: info].
    #[arg(long, value_name = "FILTER")]
    log_filter: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Lines of text for people.
    Text,
    /// One JSON object per line.
    Json,
}

pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> anyhow::Result<()> {
    let config = Config::load(&overrides(arguments))?;
    observe::start_logging(&config.log)?;
    let lifecycle = Lifecycle::new();
    let _signals = lifecycle.watch_signals()?;
    serve(
        config,
        web_app::FILES,
        Arc::new(SystemClock),
        lifecycle,
        |address| {
            announce(address, output);
        },
    )
    .await
}

fn overrides(arguments: Arguments) -> Overrides {
    let format = arguments.log_format.map(|format| match format {
        Format::Text => LogFormat::Text,
        Format::Json => LogFormat::Json,
    });
    Overrides {
        file: arguments.config,
        listen: arguments.listen,
        data: arguments.data,
        public_url: arguments.public_url,
        registration_open: arguments.registration_open,
        metrics_listen: arguments.metrics_listen,
        web_dir: arguments.web_dir,
        log: LogOverrides {
            format,
            filter: arguments.log_filter,
        },
    }
}

/// Prints a line for people and scripts that wait for the server, unless standard output is closed.
fn announce(address: SocketAddr, output: &mut Output) {
    let listening = format!("http://{address}");
    let text = format!("listening on {listening}");
    if output.result(&ListeningShape { listening }, &text).is_err() {
        tracing::debug!("nobody reads standard output");
    }
}
