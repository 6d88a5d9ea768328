//! What the operator decides. Later sources override earlier ones: defaults, the file, environment variables,
//! the command line. A key or variable that does not exist is an error, never ignored.

mod environment;
mod example;
mod refusal;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use figment::{
    Figment,
    providers::{Format as _, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

use self::environment::Environment;
use crate::{accounts::AttemptRates, rate::Rate};

pub use example::EXAMPLE;

/// The whole configuration. Each field stands, with its default, in `docs/config.example.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port for HTTP and WebSocket; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder with everything the server keeps. It is made if it does not exist.
    pub data: PathBuf,
    /// Under which URL people reach the server, for example `https://chat.example.org`. Tokens carry it: when
    /// it changes, devices renew theirs by themselves.
    pub public_url: String,
    /// Whether anyone may sign up.
    pub registration_open: bool,
    /// Days after which a message is deleted, even if not every device has fetched it.
    pub retention_days: u32,
    /// Addresses of reverse proxies whose X-Forwarded-For is believed; from others it is ignored.
    pub trusted_proxies: Vec<IpAddr>,
    /// A further address for Prometheus at `/metrics`. Without it `/metrics` is served where the API is, to
    /// this machine only; with it, only there, to whoever can reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// A folder with the web app, in place of the one in the binary. It is read anew at each request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_dir: Option<PathBuf>,
    /// The log.
    pub log: LogConfig,
    /// How often somebody may do something.
    pub limits: LimitsConfig,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Lines for people, or one JSON object a line.
    pub format: LogFormat,
    /// Levels by module, in the syntax of `RUST_LOG`: `info`, or `warn,subrosa_server=debug`.
    pub filter: String,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Rates; 0 is no limit. A visitor is an IPv4 address or an IPv6 /64 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections that one visitor may have open.
    pub connections_per_visitor: u32,
    /// HTTP requests of one visitor in ten seconds.
    pub requests_per_visitor: u32,
    /// HTTP requests of one account in ten seconds.
    pub requests_per_account: u32,
    /// Frames with a request of one device in ten seconds.
    pub frames_per_device: u32,
    /// Commits of one device in a minute.
    pub commits_per_device: u32,
    /// Accounts whose key packages one account claims in an hour.
    pub key_package_claims_per_account: u32,
    /// Claims of one account's key packages by others in a day that are answered with ones that nobody else gets.
    pub one_time_key_packages_per_account: u32,
    /// Changes of account records by one device in a minute.
    pub record_changes_per_device: u32,
    /// Receipts of one device in a minute.
    pub receipts_per_device: u32,
    /// Signals of one device in two minutes.
    pub signals_per_device: u32,
    /// Changes of sealed objects by one device in a minute.
    pub object_changes_per_device: u32,
    /// Uses of invite links by one device in a minute, and changes of them.
    pub link_uses_per_device: u32,
    /// Requests to join of one account in an hour.
    pub join_requests_per_account: u32,
    /// Searches for people by one account in a minute.
    pub searches_per_account: u32,
    /// Password and recovery attempts of one visitor on one handle in five minutes.
    pub sign_ins_per_handle_and_visitor: u32,
    /// Password and recovery attempts of everybody on one handle in an hour.
    pub sign_ins_per_handle: u32,
    /// Password and recovery attempts of one visitor on any handle in five minutes.
    pub sign_ins_per_visitor: u32,
    /// Sign-up requests of one visitor in an hour; a sign-up takes two.
    pub registrations_per_visitor: u32,
}

/// What the command line says; `None` where it says nothing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Overrides {
    /// The TOML file to read.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// As [`Config::listen`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// As [`Config::data`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// As [`Config::public_url`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// As [`Config::registration_open`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_open: Option<bool>,
    /// As [`Config::metrics_listen`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// As [`Config::web_dir`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_dir: Option<PathBuf>,
    /// As [`Config::log`].
    #[serde(skip_serializing_if = "LogOverrides::is_empty")]
    pub log: LogOverrides,
}

/// What the command line says of the log.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogOverrides {
    /// As [`LogConfig::format`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
    /// As [`LogConfig::filter`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
}

impl LogOverrides {
    fn is_empty(&self) -> bool {
        self.format.is_none() && self.filter.is_none()
    }
}

/// The configuration cannot be used. The message names the key, and the file or variable it is from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for is not there.
    #[error("the configuration file {} does not exist", .0.display())]
    NoFile(PathBuf),
    /// A key that does not exist, a value of the wrong kind, or a file that is no TOML.
    #[error("{key}: {reason} ({place})")]
    Invalid {
        /// The key, or what else is wrong.
        key: String,
        /// What is wrong.
        reason: String,
        /// The file or the kind of source.
        place: String,
    },
    /// An environment variable with our prefix that nothing of ours reads.
    #[error("there is no environment variable {name}{}", .nearest.as_ref().map(|nearest| format!(", did you mean {nearest}?")).unwrap_or_default())]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The one that was meant, most likely.
        nearest: Option<String>,
    },
    /// A value that is of the right kind and makes no sense.
    #[error("{key}: {reason}")]
    Senseless {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data: PathBuf::from("subrosa-data"),
            public_url: "http://localhost:8080".to_owned(),
            registration_open: true,
            retention_days: 90,
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            web_dir: None,
            log: LogConfig::default(),
            limits: LimitsConfig::default(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections_per_visitor: 2_000,
            requests_per_visitor: 600,
            requests_per_account: 300,
            frames_per_device: 1_000,
            commits_per_device: 600,
            key_package_claims_per_account: 1_200,
            one_time_key_packages_per_account: 40,
            record_changes_per_device: 300,
            receipts_per_device: 1_200,
            signals_per_device: 120,
            object_changes_per_device: 120,
            link_uses_per_device: 60,
            join_requests_per_account: 20,
            searches_per_account: 60,
            sign_ins_per_handle_and_visitor: 10,
            sign_ins_per_handle: 100,
            sign_ins_per_visitor: 50,
            registrations_per_visitor: 200,
        }
    }
}

impl Config {
    /// Reads the configuration of this process.
    pub fn load(overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::load_with(overrides, std::env::vars())
    }

    /// The same with these environment variables.
    pub fn load_with(
        overrides: &Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut sources = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = &overrides.file {
            if !file.is_file() {
                return Err(ConfigError::NoFile(file.clone()));
            }
            sources = sources.merge(Toml::file_exact(file));
        }
        let config: Self = sources
            .merge(Environment::of(environment)?)
            .merge(Serialized::defaults(overrides))
            .extract()
            .map_err(refusal::of)?;
        config.check()?;
        Ok(config)
    }

    /// How long messages are kept at most.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_days) * 24 * 3600)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let senseless = |key, reason: &str| {
            Err(ConfigError::Senseless {
                key,
                reason: reason.to_owned(),
            })
        };
        if self.retention_days == 0 {
            return senseless("retention_days", "messages must be kept for at least a day");
        }
        if !(self.public_url.starts_with("https://") || self.public_url.starts_with("http://")) {
            return senseless("public_url", "a URL starts with https:// or http://");
        }
        if let Err(error) = self.log.filter.parse::<tracing_subscriber::EnvFilter>() {
            return senseless("log.filter", &error.to_string());
        }
        Ok(())
    }
}

impl LimitsConfig {
    /// HTTP requests of one visitor.
    pub fn requests_per_visitor(&self) -> Option<Rate> {
        Rate::per(self.requests_per_visitor, Duration::from_secs(10))
    }

    /// HTTP requests of one account.
    pub fn requests_per_account(&self) -> Option<Rate> {
        Rate::per(self.requests_per_account, Duration::from_secs(10))
    }

    /// Frames with a request of one device.
    pub fn frames_per_device(&self) -> Option<Rate> {
        Rate::per(self.frames_per_device, Duration::from_secs(10))
    }

    /// Commits of one device.
    pub fn commits_per_device(&self) -> Option<Rate> {
        Rate::per(self.commits_per_device, Duration::from_mins(1))
    }

    /// Accounts whose key packages one account claims.
    pub fn key_package_claims_per_account(&self) -> Option<Rate> {
        Rate::per(self.key_package_claims_per_account, Duration::from_hours(1))
    }

    /// Claims by others of the one-time key packages of one account.
    pub fn one_time_key_packages_per_account(&self) -> Option<Rate> {
        Rate::per(self.one_time_key_packages_per_account, Duration::from_hours(24))
    }

    /// Changes of account records by one device.
    pub fn record_changes_per_device(&self) -> Option<Rate> {
        Rate::per(self.record_changes_per_device, Duration::from_mins(1))
    }

    /// Receipts of one device.
    pub fn receipts_per_device(&self) -> Option<Rate> {
        Rate::per(self.receipts_per_device, Duration::from_mins(1))
    }

    /// Signals of one device.
    pub fn signals_per_device(&self) -> Option<Rate> {
        Rate::per(self.signals_per_device, Duration::from_mins(2))
    }

    /// Changes of sealed objects by one device.
    pub fn object_changes_per_device(&self) -> Option<Rate> {
        Rate::per(self.object_changes_per_device, Duration::from_mins(1))
    }

    /// Uses of invite links by one device, and changes of them.
    pub fn link_uses_per_device(&self) -> Option<Rate> {
        Rate::per(self.link_uses_per_device, Duration::from_mins(1))
    }

    /// Requests to join of one account.
    pub fn join_requests_per_account(&self) -> Option<Rate> {
        Rate::per(self.join_requests_per_account, Duration::from_hours(1))
    }

    /// Searches for people by one account.
    pub fn searches_per_account(&self) -> Option<Rate> {
        Rate::per(self.searches_per_account, Duration::from_mins(1))
    }

    /// Ways into an account.
    pub fn attempts(&self) -> AttemptRates {
        let five_minutes = Duration::from_mins(5);
        let hour = Duration::from_hours(1);
        AttemptRates {
            per_handle_and_visitor: Rate::per(self.sign_ins_per_handle_and_visitor, five_minutes),
            per_handle: Rate::per(self.sign_ins_per_handle, hour),
            per_visitor: Rate::per(self.sign_ins_per_visitor, five_minutes),
            registrations_per_visitor: Rate::per(self.registrations_per_visitor, hour),
        }
    }
}

#[cfg(test)]
mod tests;
