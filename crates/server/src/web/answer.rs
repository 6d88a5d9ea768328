//! Every path that is no route of the API: a file, the app for a navigation, or a problem.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use subrosa_wire::ProblemCode;

use super::{
    ASSETS, Found, INDEX, WebApp, media_type,
    negotiation::{Encodings, has_already, wants_page},
};
use crate::{
    pages,
    problem::{self, Problem},
};

/// What the app may do: run the scripts and WebAssembly of this server, and talk to this server. Nothing from
/// elsewhere, no script or style within a document, and no text that becomes a script.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types subrosa";

/// What can be done with a file.
const METHODS: &str = "GET, HEAD";

/// Answers what no route has answered.
pub(crate) async fn answer(app: &WebApp, request: Request) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix('/').unwrap_or(path);
    let headers = request.headers();
    let is_page = path.is_empty() || (!path.starts_with(ASSETS) && wants_page(headers));
    let encodings = Encodings::of(headers);
    let (name, found) = match app.find(path, encodings).await {
        Some(found) => (path, Some(found)),
        None if is_page => (INDEX, app.find(INDEX, encodings).await),
        None => (path, None),
    };
    let stand_in = match app {
        WebApp::Absent(page) if path.is_empty() => Some(page),
        _ => None,
    };
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match (found, stand_in) {
        (Some(found), _) if is_read => file(name, found, headers),
        (None, Some(page)) if is_read => pages::answer(page.clone()),
        (None, None) => problem::not_found().await.into_response(),
        _ => method_not_allowed(),
    }
}

/// Axum leaves out the body for a HEAD request.
fn file(path: &str, found: Found, asked: &HeaderMap) -> Response {
    let is_known = has_already(asked, &found.etag);
    let body = if is_known {
        // Of no known length: a 304 that says 0 would speak of the file (RFC 9110, section 8.6).
        Body::from_stream(stream::empty::<Result<Bytes, Infallible>>())
    } else {
        Body::from(found.content)
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    // Hexadecimal digits in quotes can stand in a header.
    if let Ok(etag) = HeaderValue::from_str(&found.etag) {
        headers.insert(header::ETAG, etag);
    }
    let cache = if found.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if found.varies {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_POLICY),
    );
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    if let Some(encoding) = found.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

fn method_not_allowed() -> Response {
    let mut response = Problem::new(ProblemCode::MethodNotAllowed, "").into_response();
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(METHODS));
    response
}
