//! `/healthz`, `/readyz` and `/metrics`: for the operator's machines.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use subrosa_wire::{ProblemCode, problem::ProblemDocument};

use super::{client_address::FORWARDED_FOR, extract::ClientAddress, state::AppState};
use crate::problem::Problem;

/// The media type of the text format of Prometheus.
const METRICS_MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Alive: this process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operators",
    responses((status = 200, description = "It does.", body = String, content_type = "text/plain")),
)]
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Ready: the storage can be written, and the server is not about to stop.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operators",
    responses(
        (status = 200, description = "It is.", body = String, content_type = "text/plain"),
        (status = 507, description = "`storage_full`", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn ready(State(state): State<AppState>) -> Result<&'static str, Problem> {
    if state.lifecycle.is_stopping() {
        return Err(Problem::new(ProblemCode::Unavailable, "the server is stopping"));
    }
    state.accounts.probe_write().await?;
    Ok("ready\n")
}

/// Metrics in the text format of Prometheus, for this machine, where no other address is configured for them.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operators",
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
        (status = 404, description = "`not_found`: not from here.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn local_metrics(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let is_local = address.is_loopback() && !headers.contains_key(FORWARDED_FOR);
    if state.config.metrics_listen.is_some() || !is_local {
        return Err(Problem::new(ProblemCode::NotFound, ""));
    }
    Ok(metrics(State(state)).await)
}

/// Metrics on a listener of their own, for every address that can reach it.
pub(super) async fn metrics(State(state): State<AppState>) -> Response {
    let media_type = HeaderValue::from_static(METRICS_MEDIA_TYPE);
    ([(header::CONTENT_TYPE, media_type)], state.metrics.render()).into_response()
}
