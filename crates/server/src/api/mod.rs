//! The HTTP surface: one file per resource, one place for problems, and the layers around all of it.

mod client_address;
mod devices;
mod docs;
mod extract;
mod health;
mod layers;
mod links;
mod live;
mod log;
mod openapi;
mod password;
mod people;
mod recovery;
mod registration;
mod routes;
mod server;
mod sessions;
mod sign_in;
mod state;
mod vault;

use std::sync::LazyLock;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use subrosa_wire::limits::REST_BODY_MAX;
use tower_http::catch_panic::CatchPanicLayer;

pub use live::{Authenticate, Live};
pub use routes::document as openapi_document;
pub use state::{AppState, RequestLimits};

use crate::{problem, web};

/// The description of all routes, the same for every server. Made when it is first asked for, since it takes a
/// while that no start should wait for.
static DOCS: docs::LazyDocs = LazyLock::new(|| docs::Docs::of(&routes::document()));

/// Everything that the server answers over HTTP, the WebSocket and the web app among it.
pub fn router(state: AppState) -> Router {
    let visitors = Router::from(routes::visitors())
        // Looked at only after every route: whatever the app holds, it cannot hide a part of the API.
        .fallback(not_routed)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(REST_BODY_MAX))
        .layer(Extension(&DOCS))
        .layer(from_fn_with_state(state.clone(), layers::limit_visitors));
    let operators =
        Router::from(routes::operators()).method_not_allowed_fallback(problem::method_not_allowed);
    visitors
        .merge(operators)
        .layer(from_fn(layers::limit_time))
        .layer(from_fn_with_state(state.clone(), client_address::find))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(state.clone(), layers::secure))
        .layer(from_fn(layers::observe))
        .with_state(state)
}

/// What no route takes is the web app's, unless it has the name of a part of the API.
async fn not_routed(State(state): State<AppState>, request: Request) -> Response {
    if routes::is_of_api(request.uri().path()) {
        problem::not_found().await.into_response()
    } else {
        web::answer(&state.web, request).await
    }
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
