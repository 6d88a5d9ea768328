//! The pages for people that are no part of the web app: the reference of the API, and what stands in for an
//! app that is not there. Plain HTML, no scripts, nothing from anywhere else.

mod html;
mod reference;

use std::sync::LazyLock;

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use self::html::escape;
use super::openapi;
use crate::state::AppState;

const STYLE: &str = include_str!("pages/style.css");

/// Allows the one style sheet, by its hash, and nothing else.
static CONTENT_POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    // Base64 and the words around it are visible ASCII; a policy that allows nothing is the safe other case.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(|| {
    // A document that cannot be written is an empty one; a test reads the real one.
    serde_json::to_value(openapi::document()).unwrap_or_default()
});

static REFERENCE: LazyLock<String> = LazyLock::new(|| page("Subrosa API", &reference::render(&DOCUMENT)));

/// `/` of a build without the web app: what this is, and how to get the app.
pub(crate) fn no_web_app(state: &AppState) -> Response {
    let url = escape(&state.config.public_url);
    let registration = if state.accounts.registration_open() {
        "Anyone may sign up here."
    } else {
        "New accounts are made by its operator."
    };
    html(page(
        "Subrosa",
        &format!(
            "<h1>Subrosa</h1>\
             <p>This is a server for private messages. It carries them from device to device and cannot read \
             them: the keys stay with the people who write. {registration}</p>\
             <p>This build has no web app. <code>cargo xtask build</code> makes one that has, and \
             <code>subrosa serve --web-dir DIR</code> serves one from a folder.</p>\
             <p>In a terminal:</p>\
             <pre>subrosa signup YOUR_HANDLE --server {url}\nsubrosa chat --server {url}</pre>\
             <p><a href=\"/docs\">The API</a></p>"
        ),
    ))
}

/// `/docs`: the reference of the API.
pub(super) async fn reference() -> Response {
    html(REFERENCE.clone())
}

/// `/openapi.json`: the same for machines.
pub(super) async fn openapi() -> Response {
    axum::Json(&*DOCUMENT).into_response()
}

fn html(page: String) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY.clone()),
    ];
    (headers, page).into_response()
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )
}
