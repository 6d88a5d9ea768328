use axum::http::Method;
use insta::assert_snapshot;
use subrosa_wire::limits::REST_BODY_MAX;

use super::{client::Owner, harness::Server};

#[tokio::test]
async fn whatever_goes_wrong_is_a_problem_document() {
    let server = Server::start().await;
    assert_snapshot!(server.get("/nowhere").send().await.shown(), @"");
    assert_snapshot!(server.delete("/v1/server").send().await.shown(), @"");
    let post = || server.post("/v1/sign-in/start").header("content-type", "application/json");
    assert_snapshot!(post().bytes(b"{".to_vec()).send().await.shown(), @"");
    assert_snapshot!(post().bytes(b"{}".to_vec()).send().await.shown(), @"");
    assert_snapshot!(server.post("/v1/sign-in/start").bytes(b"{}".to_vec()).send().await.shown(), @"");
    assert_snapshot!(post().bytes(vec![b' '; REST_BODY_MAX + 1]).send().await.shown(), @"");
    let body = br#"{"handle":"alice","credential_request":"***"}"#.to_vec();
    assert_snapshot!(post().bytes(body).send().await.shown(), @"");
    let body = br#"{"handle":"alice","credential_request":"AAAA"}"#.to_vec();
    assert_snapshot!(post().bytes(body).send().await.shown(), @"");
}

#[tokio::test]
async fn fields_of_newer_clients_are_ignored() {
    let server = Server::start().await;
    let (owner, _) = Owner::sign_up(&server, "alice").await;
    let body = serde_json::json!({ "handle": owner.handle, "added_in_version_9": true });
    assert!(server.post("/v1/recovery/start").json(&body).send().await.status.is_success());
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
    let basic = server.get("/v1/vault").header("authorization", "Basic abc").send().await;
    assert_eq!(basic.code(), "unauthenticated");
    assert_snapshot!(server.get("/v1/vault").send().await.shown(), @"");
}

#[tokio::test]
async fn a_head_or_options_request_harms_nobody() {
    let server = Server::start().await;
    let answer = server.call(Method::HEAD, "/v1/server").send().await;
    assert!(answer.status.is_success() && answer.body.is_empty());
    assert_eq!(server.call(Method::OPTIONS, "/v1/server").send().await.code(), "method_not_allowed");
}
