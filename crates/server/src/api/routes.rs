//! The routes: one list, from which the router, the OpenAPI document and the paths that the web app cannot have
//! follow. Each handler names its path and method itself.

use std::{collections::BTreeSet, sync::LazyLock};

use utoipa::openapi::OpenApi as Document;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    devices, docs, health, links, live, log, openapi, password, people, recovery, registration, server,
    sessions, sign_in, state::AppState, vault,
};

/// What anybody may ask for, as often as the limits allow.
pub(super) fn visitors() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(docs::reference))
        .routes(routes!(docs::openapi))
        .routes(routes!(server::show))
        .routes(routes!(registration::start))
        .routes(routes!(registration::finish))
        .routes(routes!(sign_in::start))
        .routes(routes!(sign_in::finish))
        .routes(routes!(recovery::start))
        .routes(routes!(recovery::finish))
        .routes(routes!(password::start))
        .routes(routes!(password::finish))
        .routes(routes!(sessions::challenge))
        .routes(routes!(sessions::refresh))
        .routes(routes!(devices::list, devices::enrol))
        .routes(routes!(devices::sign_out))
        .routes(routes!(devices::renew_certificate))
        .routes(routes!(vault::show, vault::replace))
        .routes(routes!(people::search))
        .routes(routes!(people::show))
        .routes(routes!(log::show))
        .routes(routes!(links::show))
        .routes(routes!(live::upgrade))
}

/// What the operator's machines ask for. It is not limited.
pub(super) fn operators() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::local_metrics))
}

/// The OpenAPI document of all routes.
pub fn document() -> Document {
    let visitors = openapi::completed(visitors().into_openapi(), openapi::Limited::Yes);
    let operators = openapi::completed(operators().into_openapi(), openapi::Limited::No);
    let mut document = openapi::frame();
    document.merge(visitors);
    document.merge(operators);
    document
}

/// The first segment of every route.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let first = |path: &String| first_segment(path).to_owned();
    document().paths.paths.keys().map(first).collect()
});

/// Whether a path is the API's, be there a route or not: the web app has nothing at it.
pub(super) fn is_of_api(path: &str) -> bool {
    NAMES.contains(first_segment(path))
}

fn first_segment(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').next().unwrap_or_default()
}
