//! Anybody sends the server an HTTP request, with an access token that is honest or spoilt, or without one: it
//! answers, and a refusal is a problem document.
#![no_main]

use axum::http::Request;
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use subrosa_fuzz::{Server, edited};

const PATHS: [&str; 21] = [
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
    "/v1/people?handle_prefix=",
    "/v1/conversations/",
    "/v1/conversations/74686520636f6e766572736174696f6e/log?",
    "/v1/live",
    "/",
];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    method: u8,
    path: u8,
    rest: &'a str,
    /// How Alice's access token is spoilt.
    bearer: Option<&'a [u8]>,
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
    if let Some(edits) = input.bearer {
        let mut bearer = b"Bearer ".to_vec();
        Server::with(|server| bearer.extend(edited(server.alice_token.as_bytes(), edits)));
        request = request.header("authorization", bearer);
    }
    if let Some(forwarded_for) = input.forwarded_for {
        request = request.header("x-forwarded-for", forwarded_for);
    }
    if input.is_json {
        request = request.header("content-type", "application/json");
    }
    // What is no HTTP is refused before it gets here.
    if let Ok(request) = request.body(input.body.to_vec()) {
        Server::with(|server| drop(server.answer_http(request)));
    }
});
