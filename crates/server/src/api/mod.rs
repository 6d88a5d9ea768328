//! The HTTP surface: one file per resource, one place for problems, and the layers around all of it.

mod client_address;
mod devices;
mod docs;
mod extract;
mod health;
mod layers;
mod live;
mod log;
mod openapi;
mod password;
mod people;
mod recovery;
mod registration;
mod server;
mod sessions;
mod sign_in;
mod state;
mod vault;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{delete, get, post},
};
use subrosa_wire::limits::REST_BODY_MAX;
use tower_http::catch_panic::CatchPanicLayer;

pub use live::{Authenticate, Live};
pub use openapi::document as openapi_document;
pub use state::{AppState, RequestLimits};

use crate::{problem, web};

/// Everything that the server answers over HTTP, the WebSocket and the web app among it.
pub fn router(state: AppState, live: Live) -> Router {
    let visitors = Router::new()
        .route("/docs", get(docs::reference))
        .route("/openapi.json", get(docs::openapi))
        .route("/v1/server", get(server::show))
        .route("/v1/registration/start", post(registration::start))
        .route("/v1/registration/finish", post(registration::finish))
        .route("/v1/sign-in/start", post(sign_in::start))
        .route("/v1/sign-in/finish", post(sign_in::finish))
        .route("/v1/recovery/start", post(recovery::start))
        .route("/v1/recovery/finish", post(recovery::finish))
        .route("/v1/password/start", post(password::start))
        .route("/v1/password/finish", post(password::finish))
        .route("/v1/sessions/challenge", post(sessions::challenge))
        .route("/v1/sessions/refresh", post(sessions::refresh))
        .route("/v1/devices", get(devices::list).post(devices::enrol))
        .route("/v1/devices/{device_id}", delete(devices::sign_out))
        .route("/v1/vault", get(vault::show).put(vault::replace))
        .route("/v1/people", get(people::search))
        .route("/v1/people/{handle}", get(people::show))
        .route("/v1/conversations/{conversation_id}/log", get(log::show))
        .merge(live::routes(live).with_state(()))
        // Looked at only after every route: whatever the app holds, it cannot hide a part of the API.
        .fallback(web::answer)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(REST_BODY_MAX))
        .layer(from_fn_with_state(state.clone(), layers::limit_visitors));
    let operators = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::local_metrics))
        .method_not_allowed_fallback(problem::method_not_allowed);
    visitors
        .merge(operators)
        .layer(from_fn(layers::limit_time))
        .layer(from_fn_with_state(state.clone(), client_address::find))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(state.clone(), layers::secure))
        .layer(from_fn(layers::observe))
        .with_state(state)
}

/// What the separate address for Prometheus answers.
pub fn metrics_router(state: AppState) -> Router {
    Router::new()
        .route("/metrics", get(health::metrics))
        .fallback(problem::not_found)
        .with_state(state)
}

#[cfg(test)]
mod tests;
