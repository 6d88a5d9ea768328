use insta::assert_snapshot;

use super::{client::Owner, harness::Server};

#[tokio::test]
async fn every_answer_carries_headers_that_tie_a_browser_down() {
    let server = Server::start_with(|config| config.public_url = "https://chat.example.org".to_owned()).await;
    let answer = server.get("/v1/server").send().await;
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id" && *name != "content-length")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    assert_snapshot!(headers.join("\n"), @r"
    cache-control: no-store
    content-security-policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'
    content-type: application/json
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    permissions-policy: accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-create=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), sync-xhr=(), usb=(), xr-spatial-tracking=()
    referrer-policy: no-referrer
    strict-transport-security: max-age=31536000
    x-content-type-options: nosniff
    x-frame-options: DENY
    ");
    for path in ["/nowhere", "/docs", "/healthz", "/v1/vault"] {
        let answer = server.get(path).send().await;
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "x-request-id",
        ] {
            assert!(answer.headers.contains_key(name), "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn a_request_keeps_a_tame_id_and_loses_a_wild_one() {
    let server = Server::start().await;
    let answer = server
        .get("/v1/server")
        .header("x-request-id", "abc-123_X")
        .send()
        .await;
    assert_eq!(answer.headers["x-request-id"], "abc-123_X");
    for wild in ["a b", "<script>", "", &"x".repeat(65)] {
        let answer = server.get("/v1/server").header("x-request-id", wild).send().await;
        let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        assert!(id != *wild && id.len() == 16, "{wild:?} became {id:?}");
    }
}

#[tokio::test]
async fn a_visitor_that_asks_too_often_is_refused_and_others_are_not() {
    let server = Server::start_with(|config| config.limits.requests_per_visitor = 3).await;
    for _ in 0..3 {
        assert!(server.get("/v1/server").send().await.status.is_success());
    }
    assert_snapshot!(server.get("/v1/server").send().await.shown(), @r#"
    429 Too Many Requests
    {
      "code": "rate_limited",
      "detail": "too many requests",
      "retry_after_ms": 3333,
      "status": 429,
      "title": "too many requests, try again later",
      "type": "urn:subrosa:problem:rate_limited"
    }
    "#);
    assert!(
        server
            .get("/v1/server")
            .from([192, 0, 2, 7])
            .send()
            .await
            .status
            .is_success()
    );
    assert!(
        server.get("/healthz").send().await.status.is_success(),
        "probes are not counted"
    );
    // A header that no trusted proxy wrote changes nothing.
    let answer = server
        .get("/v1/server")
        .header("x-forwarded-for", "203.0.113.5")
        .send()
        .await;
    assert_eq!(answer.code(), "rate_limited");
}

#[tokio::test]
async fn behind_a_trusted_proxy_visitors_are_told_apart() {
    let server = Server::start_with(|config| {
        config.limits.requests_per_visitor = 1;
        config.trusted_proxies = vec!["192.0.2.1".parse().unwrap()];
    })
    .await;
    let from = async |address: &str| {
        server
            .get("/v1/server")
            .header("x-forwarded-for", address)
            .send()
            .await
            .status
            .is_success()
    };
    assert!(from("203.0.113.5").await);
    assert!(from("203.0.113.6").await);
    assert!(!from("203.0.113.5").await);
}

#[tokio::test]
async fn an_account_that_asks_too_often_is_refused_wherever_it_is() {
    let server = Server::start_with(|config| config.limits.requests_per_account = 2).await;
    let (_, alice) = Owner::sign_up(&server, "alice").await;
    let (_, bob) = Owner::sign_up(&server, "bob").await;
    for _ in 0..2 {
        assert!(alice.whoami(&server).await.status.is_success());
    }
    let answer = server
        .get("/v1/vault")
        .token(alice.access())
        .from([192, 0, 2, 200])
        .send()
        .await;
    assert_eq!(answer.code(), "rate_limited");
    assert!(bob.whoami(&server).await.status.is_success());
}
