use axum::http::Method;
use insta::assert_snapshot;
use subrosa_wire::limits::REST_BODY_MAX;

use super::{client::Owner, harness::Server};

/// Fuzzing found a 405 without a body, as the route had been added after the fallback, and a 400 with a line
/// of text.
#[tokio::test]
async fn the_live_route_refuses_what_is_no_websocket_as_every_route_refuses() {
    let server = Server::start().await;
    assert_eq!(server.post("/v1/live").send().await.code(), "method_not_allowed");
    assert_eq!(server.get("/v1/live").send().await.code(), "malformed_request");
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_document() {
    let server = Server::start().await;
    assert_snapshot!(server.get("/nowhere").send().await.shown(), @r#"
    404 Not Found
    {
      "code": "not_found",
      "status": 404,
      "title": "there is nothing here",
      "type": "urn:subrosa:problem:not_found"
    }
    "#);
    assert_snapshot!(server.delete("/v1/server").send().await.shown(), @r#"
    405 Method Not Allowed
    {
      "code": "method_not_allowed",
      "status": 405,
      "title": "this method is not possible here",
      "type": "urn:subrosa:problem:method_not_allowed"
    }
    "#);
    let post = || {
        server
            .post("/v1/sign-in/start")
            .header("content-type", "application/json")
    };
    assert_snapshot!(post().bytes(b"{".to_vec()).send().await.shown(), @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "Failed to parse the request body as JSON: EOF while parsing an object at line 1 column 1",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);
    assert_snapshot!(post().bytes(b"{}".to_vec()).send().await.shown(), @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "Failed to deserialize the JSON body into the target type: missing field `handle` at line 1 column 2",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);
    assert_snapshot!(server.post("/v1/sign-in/start").bytes(b"{}".to_vec()).send().await.shown(), @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "Expected request with `Content-Type: application/json`",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);
    assert_snapshot!(post().bytes(vec![b' '; REST_BODY_MAX + 1]).send().await.shown(), @r#"
    413 Payload Too Large
    {
      "code": "too_large",
      "detail": "the body of a request has at most 262144 bytes",
      "status": 413,
      "title": "the request is too large",
      "type": "urn:subrosa:problem:too_large"
    }
    "#);
    let body = br#"{"handle":"alice","credential_request":"***"}"#.to_vec();
    assert_snapshot!(post().bytes(body).send().await.shown(), @r#"
    400 Bad Request
    {
      "code": "malformed_request",
      "detail": "Failed to deserialize the JSON body into the target type: credential_request: Invalid symbol 42, offset 0. at line 1 column 45",
      "status": 400,
      "title": "the request is malformed",
      "type": "urn:subrosa:problem:malformed_request"
    }
    "#);
    let body = br#"{"handle":"alice","credential_request":"AAAA"}"#.to_vec();
    assert_snapshot!(post().bytes(body).send().await.shown(), @r#"
    422 Unprocessable Entity
    {
      "code": "invalid_key_material",
      "detail": "credential_request is not an OPAQUE KE1",
      "status": 422,
      "title": "a key, signature or password message is not valid",
      "type": "urn:subrosa:problem:invalid_key_material"
    }
    "#);
}

#[tokio::test]
async fn fields_of_newer_clients_are_ignored() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let body = serde_json::json!({ "handle": owner.handle, "added_in_version_9": true });
    assert!(
        server
            .post("/v1/recovery/start")
            .json(&body)
            .send()
            .await
            .status
            .is_success()
    );
}

#[tokio::test]
async fn tokens_that_are_none_open_nothing() {
    let server = Server::start().await;
    let (_, device) = Owner::sign_up(&server, "alice").await;
    let tampered = device.access().replace('.', ".A");
    for token in ["", "x", "a.b.c", tampered.as_str()] {
        let answer = server.get("/v1/vault").token(token).send().await;
        assert_eq!(answer.code(), "unauthenticated", "{token:?}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let basic = server
        .get("/v1/vault")
        .header("authorization", "Basic abc")
        .send()
        .await;
    assert_eq!(basic.code(), "unauthenticated");
    assert_snapshot!(server.get("/v1/vault").send().await.shown(), @r#"
    401 Unauthorized
    {
      "code": "unauthenticated",
      "detail": "the access token is missing or not valid",
      "status": 401,
      "title": "sign in first",
      "type": "urn:subrosa:problem:unauthenticated"
    }
    "#);
}

#[tokio::test]
async fn a_head_or_options_request_harms_nobody() {
    let server = Server::start().await;
    let answer = server.call(Method::HEAD, "/v1/server").send().await;
    assert!(answer.status.is_success() && answer.body.is_empty());
    assert_eq!(
        server.call(Method::OPTIONS, "/v1/server").send().await.code(),
        "method_not_allowed"
    );
}
