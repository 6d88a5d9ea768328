use axum::http::{Method, StatusCode};
use insta::assert_snapshot;

use super::harness::{Answer, Server};
use crate::web::EmbeddedFile;

const APP: &[EmbeddedFile] = &[
    EmbeddedFile {
        path: "index.html",
        content: b"<!doctype html>plain",
        brotli: Some(b"index in brotli"),
        gzip: Some(b"index in gzip"),
    },
    EmbeddedFile {
        path: "service-worker.js",
        content: b"'worker'",
        brotli: None,
        gzip: Some(b"worker in gzip"),
    },
    EmbeddedFile {
        path: "manifest.webmanifest",
        content: b"{}",
        brotli: None,
        gzip: None,
    },
    EmbeddedFile {
        path: "assets/page-0123456789abcdef.wasm",
        content: b"wasm",
        brotli: Some(b"wasm in brotli"),
        gzip: None,
    },
];

const WASM: &str = "/assets/page-0123456789abcdef.wasm";

/// What a browser sends when somebody follows a link.
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn server() -> Server {
    Server::start_with_app(APP, |_| {}).await
}

/// The status, the headers that are the file's own, and the body.
fn shown(answer: &Answer) -> String {
    let own = [
        "allow",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "etag",
        "vary",
    ];
    let mut lines = vec![answer.status.to_string()];
    for name in own {
        for value in answer.headers.get_all(name) {
            lines.push(format!("{name}: {}", value.to_str().unwrap()));
        }
    }
    lines.push(String::from_utf8_lossy(&answer.body).into_owned());
    lines.join("\n")
}

#[tokio::test]
async fn a_file_comes_with_its_type_and_is_asked_for_again_each_time() {
    let server = server().await;
    assert_snapshot!(shown(&server.get("/").send().await), @r#"
    200 OK
    cache-control: no-cache
    content-length: 20
    content-type: text/html; charset=utf-8
    etag: "193b60dd6aa9a1562d441ff3"
    vary: accept-encoding
    <!doctype html>plain
    "#);
    assert_snapshot!(shown(&server.get("/manifest.webmanifest").send().await), @r#"
    200 OK
    cache-control: no-cache
    content-length: 2
    content-type: application/manifest+json
    etag: "44136fa355b3678a1146ad16"
    {}
    "#);
}

#[tokio::test]
async fn an_asset_is_kept_for_ever_since_its_name_is_its_content() {
    let server = server().await;
    assert_snapshot!(shown(&server.get(WASM).send().await), @r#"
    200 OK
    cache-control: public, max-age=31536000, immutable
    content-length: 4
    content-type: application/wasm
    etag: "336154bf67f765f8f75d16a0"
    vary: accept-encoding
    wasm
    "#);
}

#[tokio::test]
async fn each_client_gets_the_encoding_it_likes_best_of_those_that_exist() {
    let server = server().await;
    let body = async |path: &str, accepted: &str| {
        let answer = server.get(path).header("accept-encoding", accepted).send().await;
        let encoding = answer.headers.get("content-encoding");
        let encoding = encoding.map_or("plain", |value| value.to_str().unwrap());
        assert_eq!(
            answer.headers["content-length"],
            answer.body.len().to_string().as_str()
        );
        assert_eq!(answer.headers["vary"], "accept-encoding");
        format!("{encoding}: {}", String::from_utf8(answer.body).unwrap())
    };
    assert_eq!(body("/", "gzip, deflate, br, zstd").await, "br: index in brotli");
    assert_eq!(body("/", "br;q=0.1, gzip").await, "gzip: index in gzip");
    assert_eq!(body("/", "deflate").await, "plain: <!doctype html>plain");
    assert_eq!(
        body("/service-worker.js", "br, gzip;q=0.1").await,
        "gzip: worker in gzip"
    );
    assert_eq!(body(WASM, "gzip").await, "plain: wasm");
}

#[tokio::test]
async fn a_version_that_the_client_has_is_not_sent_again() {
    let server = server().await;
    let get = || server.get("/").header("accept-encoding", "br");
    let first = get().send().await;
    let etag = first.headers["etag"].to_str().unwrap();
    assert_snapshot!(shown(&get().header("if-none-match", etag).send().await), @r#"
    304 Not Modified
    cache-control: no-cache
    etag: "c7a620d075e8d11ecda40d4b"
    vary: accept-encoding
    "#);
    // Other bytes have another validator, if the page is the same.
    let plain = server.get("/").header("if-none-match", etag).send().await;
    assert_eq!(plain.status, StatusCode::OK);
    let weak = get()
        .header("if-none-match", &format!("\"x\", W/{etag}"))
        .send()
        .await;
    assert_eq!(weak.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_head_request_gets_the_headers_alone() {
    let server = server().await;
    for path in ["/", WASM] {
        let head = server.call(Method::HEAD, path).send().await;
        let get = server.get(path).send().await;
        assert!(head.body.is_empty() && !get.body.is_empty());
        for name in [
            "etag",
            "content-length",
            "content-type",
            "content-security-policy",
        ] {
            assert_eq!(head.headers[name], get.headers[name], "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn a_navigation_gets_the_app_wherever_it_leads() {
    let server = server().await;
    for path in [
        "/chat/bob",
        "/settings",
        "/a/b/c",
        "/service-worker.jss",
        "/%00",
        "//x",
        "/../x",
    ] {
        let answer = server.get(path).header("accept", NAVIGATION).send().await;
        assert_eq!(answer.body, APP[0].content, "{path}");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(answer.headers["cache-control"], "no-cache");
    }
}

#[tokio::test]
async fn what_asks_for_no_page_gets_none_in_its_place() {
    let server = server().await;
    for accepted in ["*/*", "application/json", "image/avif,image/webp,*/*;q=0.8"] {
        let answer = server.get("/chat/bob").header("accept", accepted).send().await;
        assert_eq!(answer.code(), "not_found", "{accepted}");
    }
    assert_eq!(server.get("/favicon.ico").send().await.code(), "not_found");
}

#[tokio::test]
async fn an_asset_that_is_gone_is_a_problem_that_nobody_remembers() {
    let server = server().await;
    let old = "/assets/page-fedcba9876543210.wasm";
    let answer = server.get(old).header("accept", NAVIGATION).send().await;
    assert_eq!(answer.code(), "not_found");
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn what_is_under_the_name_of_a_route_is_never_the_app() {
    let server = server().await;
    for path in [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/docs/x",
        "/healthz/",
        "/readyz/x",
        "/metrics/x",
        "/openapi.json/",
    ] {
        let answer = server.get(path).header("accept", NAVIGATION).send().await;
        assert_eq!(answer.code(), "not_found", "{path}");
    }
    for path in ["/docs", "/healthz", "/v1/server", "/openapi.json"] {
        let answer = server.get(path).header("accept", NAVIGATION).send().await;
        assert!(
            answer.status.is_success() && answer.body != APP[0].content,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_file_can_only_be_read() {
    let server = server().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for path in ["/", "/index.html", WASM] {
            let answer = server.call(method.clone(), path).send().await;
            assert_eq!(answer.code(), "method_not_allowed", "{method} {path}");
            assert_eq!(answer.headers["allow"], "GET, HEAD");
        }
        assert_eq!(server.call(method, "/nowhere").send().await.code(), "not_found");
    }
}

#[tokio::test]
async fn every_answer_of_the_app_ties_the_browser_down() {
    let server = server().await;
    let etag = server.get("/").send().await.headers["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let known = server.get("/").header("if-none-match", &etag).send().await;
    let navigation = server.get("/chat/bob").header("accept", NAVIGATION).send().await;
    let asset = server.get(WASM).send().await;
    let policies = |answer: &Answer| {
        let mut lines: Vec<String> = answer
            .headers
            .iter()
            .filter(|(name, _)| {
                let name = name.as_str();
                (name.contains("-policy") && name != "permissions-policy")
                    || (name.starts_with("x-") && name != "x-request-id")
            })
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines.join("\n")
    };
    assert_snapshot!(policies(&navigation), @r"
    content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types subrosa
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    referrer-policy: no-referrer
    x-content-type-options: nosniff
    x-frame-options: DENY
    ");
    for answer in [known, asset] {
        assert_eq!(policies(&answer), policies(&navigation));
        assert!(answer.headers.contains_key("permissions-policy"));
    }
}

#[tokio::test]
async fn a_folder_is_served_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    write("index.html", "first");
    write("assets/a.js", "1");
    write("assets/a.js.br", "not looked at");
    let root = folder.path().to_owned();
    let server = Server::start_with_app(APP, |config| config.web_dir = Some(root)).await;
    let body = async |path: &str| {
        let answer = server.get(path).header("accept-encoding", "br").send().await;
        assert_eq!(answer.headers["cache-control"], "no-cache", "{path}");
        String::from_utf8(answer.body).unwrap()
    };
    assert_eq!(body("/").await, "first");
    assert_eq!(body("/assets/a.js").await, "1");
    write("index.html", "second");
    write("assets/b.js", "2");
    assert_eq!(body("/").await, "second");
    assert_eq!(body("/assets/b.js").await, "2");
    std::fs::remove_file(folder.path().join("assets/b.js")).unwrap();
    assert_eq!(server.get("/assets/b.js").send().await.code(), "not_found");
    let navigation = server.get("/chat/bob").header("accept", NAVIGATION).send().await;
    assert_eq!(navigation.body, b"second");
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_outside_of_the_folder_is_served() {
    use std::os::unix::fs::symlink;

    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("app");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("index.html"), "app").unwrap();
    std::fs::write(folder.join(".hidden"), "secret").unwrap();
    std::fs::write(above.path().join("secret"), "secret").unwrap();
    symlink(above.path().join("secret"), folder.join("link")).unwrap();
    symlink(above.path(), folder.join("up")).unwrap();
    symlink(folder.join("index.html"), folder.join("inside")).unwrap();
    let server = Server::start_with(|config| config.web_dir = Some(folder)).await;
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/up/secret",
        "/link",
        "/.hidden",
        "/x/../../secret",
        "//etc/passwd",
        "/up/app/../secret",
        "/index.html/",
        "/up",
    ] {
        let answer = server.get(path).send().await;
        assert_eq!(answer.code(), "not_found", "{path}");
    }
    assert_eq!(server.get("/inside").send().await.body, b"app");
}
