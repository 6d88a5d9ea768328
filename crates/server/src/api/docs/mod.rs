//! `/docs` and `/openapi.json`: the API described, for people and for machines.

mod reference;

use std::sync::LazyLock;

use axum::{
    Extension, Json,
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;

use crate::pages;

/// The description, made when it is first used.
pub(super) type LazyDocs = LazyLock<Docs>;

/// The description of the API in both forms.
pub(super) struct Docs {
    document: Value,
    reference: String,
}

impl Docs {
    pub(super) fn of(document: &Document) -> Self {
        // A document that cannot be written is an empty one; a test reads the real one.
        let document = serde_json::to_value(document).unwrap_or_default();
        let reference = pages::page("Subrosa API", &reference::render(&document));
        Self { document, reference }
    }
}

/// The reference of the API, for people.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "server",
    responses((status = 200, description = "A page.", body = String, content_type = "text/html")),
)]
pub(super) async fn reference(Extension(docs): Extension<&'static LazyDocs>) -> Response {
    pages::answer(docs.reference.clone())
}

/// The same for machines: an OpenAPI 3.1 document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    responses((status = 200, description = "The document.", body = Object)),
)]
pub(super) async fn openapi(Extension(docs): Extension<&'static LazyDocs>) -> Response {
    Json(&docs.document).into_response()
}
