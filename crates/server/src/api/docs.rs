//! `/docs` and `/openapi.json`: the API described, for people and for machines.

mod reference;

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};

use super::openapi;
use crate::pages;

static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(|| {
    // A document that cannot be written is an empty one; a test reads the real one.
    serde_json::to_value(openapi::document()).unwrap_or_default()
});

static REFERENCE: LazyLock<String> =
    LazyLock::new(|| pages::page("Subrosa API", &reference::render(&DOCUMENT)));

/// `/docs`: the reference of the API.
pub(super) async fn reference() -> Response {
    pages::answer(REFERENCE.clone())
}

/// `/openapi.json`: the same for machines.
pub(super) async fn openapi() -> Response {
    axum::Json(&*DOCUMENT).into_response()
}
