//! Anybody sends the server an HTTP request: it answers, and a refusal is a problem document.
#![no_main]

use axum::http::Request;
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use subrosa_fuzz::Server;

const PATHS: [&str; 19] = [
    "/v1/server",
    "/v1/registration/start",
    "/v1/registration/finish",
    "/v1/sign-in/start",
    "/v1/sign-in/finish",
    "/v1/recovery/start",
    "/v1/recovery/finish",
    "/v1/password/start",
    "/v1/password/finish",
    "/v1/sessions/challenge",
    "/v1/sessions/refresh",
    "/v1/devices",
    "/v1/devices/",
    "/v1/vault",
    "/v1/people",
    "/v1/people/",
    "/v1/conversations/",
    "/v1/live",
    "/",
];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    method: u8,
    path: u8,
    rest: &'a str,
    bearer: Option<&'a str>,
    forwarded_for: Option<&'a str>,
    is_json: bool,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let method = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"][usize::from(input.method) % 6];
    let path = PATHS[usize::from(input.path) % PATHS.len()];
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{path}{}", input.rest));
    if let Some(bearer) = input.bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    if let Some(forwarded_for) = input.forwarded_for {
        request = request.header("x-forwarded-for", forwarded_for);
    }
    if input.is_json {
        request = request.header("content-type", "application/json");
    }
    // What is no HTTP is refused before it gets here.
    if let Ok(request) = request.body(input.body.to_vec()) {
        Server::with(|server| server.answer_http(request));
    }
});
