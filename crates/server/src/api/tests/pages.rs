use insta::assert_snapshot;
use serde_json::Value;

use super::harness::Server;

async fn document(server: &Server) -> Value {
    server.get("/openapi.json").send().await.ok()
}

#[tokio::test]
async fn every_documented_request_exists_and_every_body_is_described() {
    let server = Server::start_with(|config| config.limits.requests_per_visitor = 0).await;
    let document = document(&server).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut lines = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let url = path
                .replace("{handle}", "alice")
                .replace("{device_id}", &"0".repeat(32));
            let url = url.replace("{conversation_id}", &"0".repeat(32));
            let call = server.call(method.parse().unwrap(), &url);
            // Metrics are for the machine itself.
            let answer = call.from([127, 0, 0, 1]).send().await;
            assert!(!matches!(answer.status.as_u16(), 404 | 405), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            lines.push(format!("{method} {path}"));
        }
    }
    assert_snapshot!(lines.join("\n"), @r"
    GET /docs
    GET /healthz
    GET /metrics
    GET /openapi.json
    GET /readyz
    GET /v1/conversations/{conversation_id}/log
    GET /v1/devices
    POST /v1/devices
    DELETE /v1/devices/{device_id}
    PUT /v1/devices/{device_id}/certificate
    GET /v1/links/{link_id}
    GET /v1/live
    POST /v1/password/finish
    POST /v1/password/start
    GET /v1/people
    GET /v1/people/{handle}
    POST /v1/recovery/finish
    POST /v1/recovery/start
    POST /v1/registration/finish
    POST /v1/registration/start
    GET /v1/server
    POST /v1/sessions/challenge
    POST /v1/sessions/refresh
    POST /v1/sign-in/finish
    POST /v1/sign-in/start
    GET /v1/vault
    PUT /v1/vault
    ");
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}

#[tokio::test]
async fn the_reference_page_asks_nobody_else_and_runs_nothing() {
    let server = Server::start().await;
    let answer = server.get("/docs").send().await;
    assert!(answer.status.is_success());
    let page = String::from_utf8(answer.body).unwrap();
    for forbidden in [
        "<script",
        "http://",
        "https://",
        "src=",
        "javascript:",
        "@import",
        "url(",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    for expected in [
        "POST /v1/registration/start",
        "id=\"RegistrationFinish\"",
        "href=\"#SealedVault\"",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
}

#[tokio::test]
async fn the_style_of_the_pages_is_the_one_that_the_policy_allows() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use sha2::{Digest as _, Sha256};

    let server = Server::start().await;
    let answer = server.get("/").send().await;
    let page = String::from_utf8(answer.body).unwrap();
    let style = page
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let hash = STANDARD.encode(Sha256::digest(style));
    assert!(
        answer.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains(&hash)
    );
}

#[tokio::test]
async fn the_first_page_of_a_build_without_the_app_says_what_this_is() {
    let server = Server::start_with(|config| {
        config.public_url = "https://chat.example.org/\"><b>".to_owned();
        config.registration_open = false;
    })
    .await;
    let answer = server.get("/").send().await;
    assert!(answer.status.is_success());
    let page = String::from_utf8(answer.body).unwrap();
    assert!(
        page.contains("subrosa signup YOUR_HANDLE --server https://chat.example.org/&quot;&gt;&lt;b&gt;")
    );
    assert!(page.contains("New accounts are made by its operator."));
    assert!(page.contains("This build has no web app."));
}
