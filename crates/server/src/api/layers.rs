//! What every request passes through, outermost first: id, log and metrics; headers; limits; time.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use subrosa_wire::ProblemCode;
use tracing::Instrument as _;

use super::{extract::ClientAddress, state::AppState};
use crate::{
    clock::Stopwatch,
    limits::{FULL_RETRY_AFTER, REQUEST_ID_LEN_MAX, REQUEST_TIMEOUT},
    problem::{Problem, RefusedWith},
    random,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a browser may do with an answer of the API: nothing.
const NO_CONTENT_POLICY: &str =
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// What a page of this server may use of the device: to copy a text when somebody presses the button for it.
const NO_PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(self), \
    display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), \
    idle-detection=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
    publickey-credentials-create=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), \
    sync-xhr=(), usb=(), xr-spatial-tracking=()";

/// Names the request, and notes how it went: its route, never its path, which holds ids and handles.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let id = request_id(&request);
    let method = method_name(&request);
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let span = tracing::info_span!("request", id = %id.to_str().unwrap_or_default());
    let mut response = next.run(request).instrument(span.clone()).await;
    response.headers_mut().insert(REQUEST_ID, id);
    let code = response
        .extensions()
        .get::<RefusedWith>()
        .map_or("", |refused| refused.0.as_str());
    let status = response.status().as_u16();
    let took = watch.elapsed();
    span.in_scope(|| {
        tracing::debug!(
            method,
            route,
            status,
            code,
            took_us = took.as_micros(),
            "answered"
        );
    });
    metrics::histogram!("subrosa_http_request_seconds", "route" => route.clone()).record(took);
    metrics::counter!(
        "subrosa_http_requests_total", "route" => route, "method" => method,
        "status" => status.to_string(), "code" => code
    )
    .increment(1);
    response
}

/// The method, if it is one of HTTP's own: a client can invent others, and each would be a new counter.
fn method_name(request: &Request) -> &'static str {
    const KNOWN: [&str; 8] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
    ];
    let known = KNOWN.iter().find(|name| **name == request.method().as_str());
    known.copied().unwrap_or("OTHER")
}

/// The id that the client or a proxy gave, if it is a tame one, or a new one.
fn request_id(request: &Request) -> HeaderValue {
    let is_tame = |value: &&HeaderValue| {
        (1..=REQUEST_ID_LEN_MAX).contains(&value.len())
            && value
                .as_bytes()
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let given = request.headers().get(REQUEST_ID).filter(is_tame).cloned();
    given.unwrap_or_else(|| {
        HeaderValue::from_str(&hex::encode(random::bytes::<8>()))
            .unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}

/// Adds the headers that keep a browser from doing more with an answer than it must.
pub(super) async fn secure(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/v1/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::CONTENT_SECURITY_POLICY, NO_CONTENT_POLICY);
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::REFERRER_POLICY, "no-referrer");
    default(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    default(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    default(HeaderName::from_static("permissions-policy"), NO_PERMISSIONS);
    if is_api {
        default(header::CACHE_CONTROL, "no-store");
    }
    if state.config.public_url.starts_with("https://") {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Refuses a visitor that asks too often. Probes of the operator are not counted.
pub(super) async fn limit_visitors(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    match state.request_limits.check_visitor(address) {
        Ok(()) => next.run(request).await,
        Err(limited) => Problem::from(limited).into_response(),
    }
}

/// Gives up on a request that takes too long.
pub(super) async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(ProblemCode::Unavailable, "the request took too long")
            .retry_after(FULL_RETRY_AFTER)
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use axum::{Router, body::Body, http::StatusCode, middleware::from_fn, routing::get};
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::problem;

    async fn answer(router: Router) -> Response {
        router.oneshot(Request::new(Body::empty())).await.unwrap()
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_a_problem_of_its_request_only() {
        async fn panics() {
            panic!("what a test wants");
        }
        let router = Router::new()
            .route("/", get(panics))
            .layer(CatchPanicLayer::custom(problem::panicked));
        let response = answer(router).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_given_up() {
        let router = Router::new()
            .route("/", get(std::future::pending::<()>))
            .layer(from_fn(limit_time));
        let response = answer(router).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "15");
    }

    #[test]
    fn an_invented_method_makes_no_counter_of_its_own() {
        let request = |method: &str| Request::builder().method(method).body(Body::empty()).unwrap();
        assert_eq!(method_name(&request("DELETE")), "DELETE");
        assert_eq!(method_name(&request("INVENTED")), "OTHER");
    }
}
