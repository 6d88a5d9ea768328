//! A whole server on a real socket: how it starts, what it says when it cannot, and how it stops.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{net::SocketAddr, path::Path, sync::Arc};

use subrosa_server::{clock::SystemClock, config::Config, lifecycle::Lifecycle, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

struct Running {
    address: SocketAddr,
    lifecycle: Lifecycle,
    outcome: JoinHandle<anyhow::Result<()>>,
}

fn config(data: &Path) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data: data.to_owned(),
        ..Config::default()
    }
}

async fn start(config: Config) -> Running {
    let lifecycle = Lifecycle::new();
    let (sender, listening) = oneshot::channel();
    let serving = serve(config, &[], Arc::new(SystemClock), lifecycle.clone(), |address| {
        sender.send(address).unwrap();
    });
    #[expect(clippy::disallowed_methods, reason = "joined by every test")]
    let outcome = tokio::spawn(serving);
    let address = listening.await.unwrap();
    Running {
        address,
        lifecycle,
        outcome,
    }
}

async fn failure(config: Config) -> String {
    let serving = serve(config, &[], Arc::new(SystemClock), Lifecycle::new(), |_| {
        panic!("it listens")
    });
    format!("{:#}", serving.await.unwrap_err())
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_server_listens_on_a_free_port_and_leaves_its_folder_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let server = start(config(folder.path())).await;
        assert_ne!(server.address.port(), 0);
        assert!(
            get(server.address, "/v1/server")
                .await
                .starts_with("HTTP/1.1 200 OK\r\n")
        );
        assert!(get(server.address, "/readyz").await.ends_with("\r\n\r\nready\n"));
        server.lifecycle.stop_softly();
        server.outcome.await.unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_does_not_hold_the_server_up() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 15];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    server.lifecycle.stop_softly();
    server.outcome.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_hard_stop_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"POST /v1/recovery/start HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
        .await
        .unwrap();
    assert!(
        get(server.address, "/healthz")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
    server.lifecycle.stop_hard();
    server.outcome.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = busy.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let message = failure(Config {
        listen: address,
        ..config(folder.path())
    })
    .await;
    assert!(
        message.starts_with(&format!("cannot listen on {address}: Address already in use")),
        "{message}"
    );
    // Nothing of it is left: the same folder serves elsewhere.
    let server = start(config(folder.path())).await;
    server.lifecycle.stop_softly();
    server.outcome.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    let message = failure(config(folder.path())).await;
    let expected = format!(
        "the data folder {} is in use by another server",
        folder.path().display()
    );
    assert_eq!(message, expected);
    assert!(
        get(server.address, "/readyz")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
    server.lifecycle.stop_softly();
    server.outcome.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_failure_of_a_part_ends_the_server_with_failure() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    server.lifecycle.fail(anyhow::anyhow!("a part has died"));
    assert_eq!(
        server.outcome.await.unwrap().unwrap_err().to_string(),
        "a part has died"
    );
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_hold_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(config(folder.path())).await;
    get(server.address, "/v1/people/somebody-s-handle").await;
    let metrics = get(server.address, "/metrics").await;
    assert!(
        metrics.contains(
            "subrosa_http_requests_total{route=\"/v1/people/{handle}\",method=\"GET\",status=\"401\",code=\"unauthenticated\"} 1"
        ),
        "{metrics}"
    );
    assert!(
        metrics.contains("subrosa_store_commit_seconds_bucket"),
        "{metrics}"
    );
    assert!(!metrics.contains("somebody"));
    server.lifecycle.stop_softly();
    server.outcome.await.unwrap().unwrap();
}

#[tokio::test]
async fn metrics_can_have_an_address_of_their_own() {
    // The port is free at this moment, and nobody else asks for this address of the loopback network.
    let listener = TcpListener::bind("127.0.0.83:0").await.unwrap();
    let metrics_address = listener.local_addr().unwrap();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let server = start(Config {
        metrics_listen: Some(metrics_address),
        ..config(folder.path())
    })
    .await;
    assert!(
        get(metrics_address, "/metrics")
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
    assert!(
        get(metrics_address, "/v1/server")
            .await
            .starts_with("HTTP/1.1 404")
    );
    assert!(get(server.address, "/metrics").await.starts_with("HTTP/1.1 404"));
    server.lifecycle.stop_softly();
    server.outcome.await.unwrap().unwrap();
}
