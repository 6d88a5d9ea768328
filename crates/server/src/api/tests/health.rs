use insta::assert_snapshot;

use super::harness::Server;

#[tokio::test]
async fn a_server_says_what_it_is() {
    let server = Server::start().await;
    assert_snapshot!(server.get("/v1/server").send().await.shown(), @r#"
    200 OK
    {
      "protocol_version": 2,
      "registration_open": true,
      "server_time": 1800000000000,
      "version": "0.1.0"
    }
    "#);
}

#[tokio::test]
async fn a_server_that_can_store_is_ready_until_it_stops() {
    let server = Server::start().await;
    assert_snapshot!(server.get("/healthz").send().await.shown(), @r#"
    200 OK
    "alive\n"
    "#);
    assert_snapshot!(server.get("/readyz").send().await.shown(), @r#"
    200 OK
    "ready\n"
    "#);
    server.state.lifecycle.stop_softly();
    assert_snapshot!(server.get("/readyz").send().await.shown(), @r#"
    503 Service Unavailable
    {
      "code": "unavailable",
      "detail": "the server is stopping",
      "status": 503,
      "title": "the server is not available, try again later",
      "type": "urn:subrosa:problem:unavailable"
    }
    "#);
    assert!(server.get("/healthz").send().await.status.is_success());
}

#[tokio::test]
async fn metrics_are_for_this_machine_only() {
    let server = Server::start().await;
    let local = [127, 0, 0, 1];
    assert!(
        server
            .get("/metrics")
            .from(local)
            .send()
            .await
            .status
            .is_success()
    );
    assert_eq!(server.get("/metrics").send().await.code(), "not_found");
    let answer = server
        .get("/metrics")
        .from(local)
        .header("x-forwarded-for", "192.0.2.1")
        .send()
        .await;
    assert_eq!(answer.code(), "not_found");

    let elsewhere =
        Server::start_with(|config| config.metrics_listen = Some("127.0.0.1:9".parse().unwrap())).await;
    assert_eq!(
        elsewhere.get("/metrics").from(local).send().await.code(),
        "not_found"
    );
}
