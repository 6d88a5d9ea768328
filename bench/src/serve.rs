//! The server under test: `subrosa_server::serve` as `subrosa serve` runs it, without rate limits, because
//! one machine plays all devices here.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Result;
use subrosa_server::{
    clock::SystemClock,
    config::{Config, LimitsConfig},
    lifecycle::Lifecycle,
};

use crate::child::parent_is_done;

/// Serves on a free port of this machine until standard input ends; `listening` is told the base address.
pub(crate) async fn run(data: &Path, listening: impl Fn(&str) + Send) -> Result<()> {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: data.to_owned(),
        limits: LimitsConfig {
            connections_per_visitor: 0,
            requests_per_visitor: 0,
            requests_per_account: 0,
            frames_per_device: 0,
            commits_per_device: 0,
            key_package_claims_per_account: 0,
            one_time_key_packages_per_account: 0,
            record_changes_per_device: 0,
            receipts_per_device: 0,
            signals_per_device: 0,
            object_changes_per_device: 0,
            link_uses_per_device: 0,
            join_requests_per_account: 0,
            registrations_per_visitor: 0,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let lifecycle = Lifecycle::new();
    let serving = subrosa_server::serve(
        config,
        &[],
        Arc::new(SystemClock),
        lifecycle.clone(),
        move |address| {
            listening(&format!("http://{address}"));
        },
    );
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        done = parent_is_done() => done?,
    }
    lifecycle.stop_softly();
    serving.await
}
