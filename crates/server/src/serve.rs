//! A whole server: opened, served until it must stop, and closed in order.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::{Accounts, AccountsConfig},
    api::{self, AppState, Authenticate, Live, RequestLimits},
    clock::Clock,
    config::Config,
    connection_limits::ConnectionLimits,
    delivery::{BackgroundTask, DeliveryConfig, EntryTags, Service},
    http,
    lifecycle::Lifecycle,
    limits::DRAIN_TIMEOUT,
    observe::Metrics,
    store::{SqliteStore, Store, StoreError},
    web::{EmbeddedFile, WebApp},
};

/// Serves the API and the web app until `lifecycle` stops, then drains: answers what is under way, asks connected devices to come back
/// later, and closes the database. `listening` is called with the address once connections are accepted.
///
/// Fails with a message for the operator if the data folder, the address or the configuration cannot be used,
/// and if a part that the server cannot do without dies.
pub async fn serve(
    config: Config,
    web_app: &'static [EmbeddedFile],
    clock: Arc<dyn Clock>,
    lifecycle: Lifecycle,
    listening: impl FnOnce(SocketAddr) + Send,
) -> anyhow::Result<()> {
    let web = WebApp::open(web_app, &config)?;
    let metrics = Metrics::start()?;
    let folder = config.data.clone();
    let store = tokio::task::spawn_blocking(move || SqliteStore::open(&folder)).await??;
    let store = Arc::new(store);
    // After the folder is ours, so that a second server on it reports that, and not that the port is in use.
    let listener = bind(config.listen).await?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let address = listener.local_addr()?;
    let stop_delivery = CancellationToken::new();
    let parts = Parts::assemble(
        config,
        web,
        clock,
        Arc::clone(&store) as Arc<dyn Store>,
        lifecycle.clone(),
        metrics.clone(),
        &stop_delivery,
    )
    .await?;

    lifecycle.spawn("metrics upkeep", metrics.keep_up(lifecycle.soft_token()));
    lifecycle.spawn("storage", watch(lifecycle.clone(), store.stopped()));
    let config = &parts.state.config;
    let connection_limits = ConnectionLimits::new(
        config.limits.connections_per_visitor,
        config.trusted_proxies.clone(),
    );
    http::spawn(
        &lifecycle,
        "http",
        listener,
        parts.router,
        Arc::clone(&connection_limits),
    );
    if let Some(listener) = metrics_listener {
        http::spawn(
            &lifecycle,
            "metrics",
            listener,
            api::metrics_router(parts.state.clone()),
            connection_limits,
        );
    }
    tracing::info!(%address, "listening");
    listening(address);

    lifecycle.stopping().await;
    tokio::select! {
        // Connected devices first: what they have sent is answered before the parts behind them stop.
        () = async {
            parts.state.live.drain().await;
            parts.state.delivery.finish().await;
        } => {}
        () = tokio::time::sleep(DRAIN_TIMEOUT) => {}
        () = lifecycle.stopping_hard() => {}
    }
    stop_delivery.cancel();
    let outcome = lifecycle.drain(DRAIN_TIMEOUT).await;
    store.close().await;
    tracing::info!("stopped");
    outcome
}

/// The parts of a server, put together.
pub(crate) struct Parts {
    pub(crate) router: Router,
    pub(crate) state: AppState,
}

impl Parts {
    /// Opens the services on a store and starts their tasks, which end once `stop_delivery` is cancelled.
    pub(crate) async fn assemble(
        config: Config,
        web: WebApp,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        lifecycle: Lifecycle,
        metrics: Metrics,
        stop_delivery: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let accounts_config = AccountsConfig {
            registration_open: config.registration_open,
            token_issuer: config.public_url.clone(),
            rates: config.limits.attempts(),
        };
        let accounts = Accounts::open(Arc::clone(&store), Arc::clone(&clock), accounts_config).await?;
        let accounts = Arc::new(accounts);
        let delivery_config = DeliveryConfig {
            retention: config.retention(),
            requests: config.limits.frames_per_device(),
            commits: config.limits.commits_per_device(),
            claims: config.limits.key_package_claims_per_account(),
            one_time_claims: config.limits.one_time_key_packages_per_account(),
            records: config.limits.record_changes_per_device(),
            receipts: config.limits.receipts_per_device(),
            signals: config.limits.signals_per_device(),
            objects: config.limits.object_changes_per_device(),
            links: config.limits.link_uses_per_device(),
            join_requests: config.limits.join_requests_per_account(),
            ..DeliveryConfig::default()
        };
        let tags = EntryTags::open(store.as_ref()).await?;
        let (delivery, tasks) =
            Service::open(store, Arc::clone(&clock), &delivery_config, tags, stop_delivery);
        for BackgroundTask { name, work } in tasks {
            lifecycle.spawn(name, async move {
                work.await;
                Ok(())
            });
        }
        let authenticate: Arc<dyn Authenticate> = Arc::clone(&accounts) as _;
        let live = Live::new(Arc::clone(&delivery), authenticate, Arc::clone(&clock));
        let state = AppState {
            accounts,
            delivery,
            live,
            lifecycle,
            metrics,
            request_limits: Arc::new(RequestLimits::new(&config, &clock)),
            web: Arc::new(web),
            config: Arc::new(config),
        };
        Ok(Self {
            router: api::router(state.clone()),
            state,
        })
    }
}

/// The storage is watched, because without it nothing can be acknowledged.
async fn watch(lifecycle: Lifecycle, stopped: CancellationToken) -> anyhow::Result<()> {
    tokio::select! {
        biased;
        () = lifecycle.stopping() => Ok(()),
        () = stopped.cancelled() => Err(anyhow::anyhow!("the writer of the database has died")),
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}
