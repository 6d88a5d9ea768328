//! What an operator meets: busy ports, folders in use, damaged and newer data, drains, stops.

use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::Signal;
use subrosa_e2e::{
    Person, Server,
    http::{self, post_json},
    person::{Finished, finish},
    process::{clean_command, subrosa},
    until,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::{connect_async, tungstenite::Message};

#[tokio::test]
async fn a_busy_port_is_told() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
    let address = server.address().to_string();
    let mut command = clean_command(subrosa(), folder.path());
    command.args(["serve", "--listen", &address, "--data", "data"]);
    let failed = finish(command).await;
    failed.ends_with(1);
    assert!(
        failed.stderr.contains(&address) && failed.stderr.contains("in use"),
        "{}",
        failed.stderr
    );
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn two_servers_never_share_a_folder() {
    let mut server = Server::start().await;
    let second = finish(server.command("127.0.0.1:0")).await;
    second.ends_with(1);
    let folder = server.data().to_string_lossy().into_owned();
    assert!(second.stderr.contains(&folder), "{}", second.stderr);
    assert_eq!(server.get("/readyz").await.status, 200);
    server.kill().await;
    // The lock dies with its holder.
    server.restart().await;
}

#[tokio::test]
async fn a_folder_of_a_newer_version_is_left_as_it_is() {
    let mut server = Server::start().await;
    server.stop().await;
    let sql = "INSERT INTO schema_version VALUES (9999, 'of the future')";
    let changed = rusqlite::Connection::open(server.database()).and_then(|it| it.execute(sql, []));
    assert_eq!(changed.ok(), Some(1));
    let before = std::fs::read(server.database()).unwrap_or_default();
    let refused = finish(server.command("127.0.0.1:0")).await;
    refused.ends_with(1);
    assert!(refused.stderr.contains("newer"), "{}", refused.stderr);
    assert_eq!(std::fs::read(server.database()).unwrap_or_default(), before);
}

#[tokio::test]
async fn a_corrupt_database_is_told_and_not_replaced() {
    let mut server = Server::start().await;
    let _alice = Person::sign_up(&server, "alice").await;
    server.stop().await;
    let path = server.database();
    let intact = std::fs::read(&path).unwrap_or_default();
    let mut noise = intact.clone();
    for byte in &mut noise[..4096] {
        *byte ^= 0x5a;
    }
    for damaged in [&noise[..], b"this is no database"] {
        assert!(std::fs::write(&path, damaged).is_ok());
        let refused = finish(server.command("127.0.0.1:0")).await;
        refused.ends_with(1);
        assert!(
            refused.stderr.contains("subrosa.db") && refused.stderr.contains("damaged"),
            "{}",
            refused.stderr
        );
        assert_eq!(
            std::fs::read(&path).unwrap_or_default(),
            damaged,
            "the damaged file was changed"
        );
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_told_with_key_and_file() {
    let server = Server::start().await;
    for (toml, part) in [
        ("no_such_key = 1\n", "no_such_key"),
        ("retention_days = 0\n", "retention_days"),
        ("registration_open = \"maybe\"\n", "registration_open"),
        ("[limits]\nno_such_limit = 1\n", "no_such_limit"),
        ("this is no toml", "config.toml"),
    ] {
        assert!(std::fs::write(server.folder().join("config.toml"), toml).is_ok());
        let refused = finish(server.command("127.0.0.1:0")).await;
        assert_ne!(refused.code, 0, "{toml}");
        assert!(refused.stderr.contains(part), "{toml}: {}", refused.stderr);
    }
}

#[tokio::test]
async fn a_stop_drains_what_is_under_way_and_ends_well() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start().await;
        let (alice, bob) = (
            Person::sign_up(&server, "alice").await,
            Person::sign_up(&server, "bob").await,
        );
        alice.send(&bob, "one").await;
        let mut bob_listens = bob.listen();
        bob_listens.message().await;
        let exit = server.stop_with(signal).await;
        assert_eq!(exit.code, Some(0), "{}", server.log());
        assert!(server.log().contains("stopped"), "{}", server.log());
        // The database is whole without its write-ahead log.
        let left = std::fs::read_dir(server.data()).map(|entries| entries.flatten().count());
        assert!(
            left.is_ok_and(|left| left <= 2),
            "files are left beside the database"
        );
    }
}

#[tokio::test]
async fn health_and_readiness_and_metrics_are_there() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 200);
    let metrics = server.get("/metrics").await;
    assert!(metrics.body.contains("# TYPE"), "{}", metrics.body);
    let info = server.get("/v1/server").await.json();
    assert_eq!(info["protocol_version"], 2);
    let openapi = server.get("/openapi.json").await.json();
    assert!(
        openapi["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1")),
        "{openapi}"
    );
    let docs = server.get("/docs").await;
    assert!(docs.body.contains("/v1/registration/start"));
    assert!(
        docs.header("content-security-policy").is_some(),
        "{:?}",
        docs.headers
    );
}

#[tokio::test]
async fn whatever_is_asked_wrong_is_answered_with_a_problem_document() {
    let server = Server::start().await;
    let address = server.address();
    for (method, path, body, status, code) in [
        ("GET", "/v1/nothing", "", 404, "not_found"),
        ("DELETE", "/v1/server", "", 405, "method_not_allowed"),
        ("POST", "/v1/sign-in/start", "{", 400, "malformed_request"),
        ("POST", "/v1/sign-in/start", "{}", 400, "malformed_request"),
        (
            "POST",
            "/v1/sign-in/start",
            r#"{"handle":"al ice","credential_request":""}"#,
            400,
            "malformed_request",
        ),
        (
            "POST",
            "/v1/sign-in/finish",
            r#"{"attempt":"AAAA","credential_finalization":"AAAA"}"#,
            401,
            "sign_in_failed",
        ),
        ("GET", "/v1/devices", "", 401, "unauthenticated"),
        ("GET", "/v1/vault", "", 401, "unauthenticated"),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = http::request(address, method, path, &headers, body.as_bytes()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &code.into()),
            "{method} {path} {body}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{method} {path}"
        );
    }
    let large = format!(
        r#"{{"handle":"alice","credential_request":"{}"}}"#,
        "A".repeat(1024 * 1024)
    );
    let answer = post_json(address, "/v1/sign-in/start", &large).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (413, &"too_large".into())
    );
}

#[tokio::test]
async fn noise_on_the_port_hurts_nobody() {
    let server = Server::start().await;
    let address = server.address();
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: close\r\n\r\n",
        b"POST /v1/sign-in/start HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"\x00\x00\x00\x00\r\n\r\n",
    ] {
        let _ = http::raw(address, noise).await;
    }
    alice.send(&bob, "still here").await;
    assert_eq!(bob.texts(&alice).await, ["still here"]);
}

/// A connection that is nobody's yet takes no memory to speak of, whatever it sends.
#[tokio::test]
async fn whoever_has_not_said_hello_sends_no_large_frame() {
    let server = Server::start().await;
    let url = format!("ws://{}/v1/live", server.address());
    for (bytes, is_read) in [(8 * 1024, true), (1024 * 1024, false)] {
        let (mut socket, _) = connect_async(&url)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        // The server may be gone before all of it is sent.
        let _ = socket.send(Message::Binary(vec![0xff; bytes].into())).await;
        let answer = socket.next().await;
        assert_eq!(
            matches!(answer, Some(Ok(Message::Binary(_)))),
            is_read,
            "{bytes} bytes: {answer:?}"
        );
    }
    let (alice, bob) = (
        Person::sign_up(&server, "alice").await,
        Person::sign_up(&server, "bob").await,
    );
    // The longest text, after Hello, is as welcome as ever.
    let long = "x".repeat(subrosa_wire::limits::MESSAGE_TEXT_MAX);
    alice.send(&bob, &long).await;
    assert_eq!(bob.texts(&alice).await, [long]);
}

#[tokio::test]
async fn a_visitor_has_so_many_connections_and_no_more() {
    let server = Server::start_configured("[limits]\nconnections_per_visitor = 3\n").await;
    let connect = async || tokio::net::TcpStream::connect(server.address()).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect().await.unwrap_or_else(|error| panic!("{error}")));
    }
    // It is accepted by the system, and closed by the server.
    let mut refused = connect().await.unwrap_or_else(|error| panic!("{error}"));
    let read = refused.read(&mut [0; 1]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    drop(held);
    until("there is room again", async || {
        let mut stream = connect().await.unwrap_or_else(|error| panic!("{error}"));
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.is_ok() && stream.read(&mut [0; 1]).await.is_ok_and(|read| read == 1)
    })
    .await;
}

#[tokio::test]
async fn the_log_of_a_server_without_terminal_is_plain_text() {
    let mut server = Server::start().await;
    let _alice = Person::sign_up(&server, "alice").await;
    server.stop().await;
    assert!(!server.log().contains('\u{1b}'), "{}", server.log());
}

#[tokio::test]
async fn the_log_can_be_json() {
    let mut server = Server::start_configured("[log]\nformat = \"json\"\n").await;
    let _alice = Person::sign_up(&server, "alice").await;
    let exit = server.stop().await;
    let finished = Finished::new("serve".to_owned(), &exit);
    for line in finished.stderr.lines() {
        let parsed = serde_json::from_str::<serde_json::Value>(line);
        assert!(parsed.is_ok_and(|entry| entry["level"].is_string()), "{line}");
    }
}
