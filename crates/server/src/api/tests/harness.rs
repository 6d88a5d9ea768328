//! A server without a socket, on a store of its own, with a clock that stands still.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use subrosa_wire::Timestamp;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::documented;
use crate::{
    api::AppState,
    clock::{Clock, ManualClock},
    config::Config,
    lifecycle::Lifecycle,
    observe::Metrics,
    serve::Parts,
    store::{SqliteStore, Store},
    web::{EmbeddedFile, WebApp},
};

/// The instant at which every test begins.
pub(super) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(super) struct Server {
    pub(super) clock: Arc<ManualClock>,
    pub(super) state: AppState,
    pub(super) store: Arc<SqliteStore>,
    router: Router,
    folder: TempDir,
    stop_delivery: CancellationToken,
}

/// What a request got.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A request under construction.
pub(super) struct Call<'a> {
    server: &'a Server,
    request: axum::http::request::Builder,
    peer: SocketAddr,
    body: Vec<u8>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(super) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_with_app(&[], change).await
    }

    /// A server whose binary carries these files.
    pub(super) async fn start_with_app(
        app: &'static [EmbeddedFile],
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::open(folder, Arc::new(ManualClock::new(START)), app, change).await
    }

    /// A copy of the data folder, as an operator might make it while nothing happens.
    pub(super) fn copy_of_folder(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        copy
    }

    /// Stops the server and starts it again on the same data folder.
    pub(super) async fn restart(self) -> Self {
        let (folder, clock) = self.stop().await;
        Self::open(folder, clock, &[], |_| {}).await
    }

    /// Stops the server and starts it again on another data folder.
    pub(super) async fn restart_on(self, folder: TempDir) -> Self {
        let (_, clock) = self.stop().await;
        Self::open(folder, clock, &[], |_| {}).await
    }

    async fn stop(self) -> (TempDir, Arc<ManualClock>) {
        let Self {
            clock,
            state,
            store,
            router,
            folder,
            stop_delivery,
        } = self;
        stop_delivery.cancel();
        state.lifecycle.stop_softly();
        state
            .lifecycle
            .drain(std::time::Duration::from_mins(1))
            .await
            .unwrap();
        drop((router, state, store));
        (folder, clock)
    }

    async fn open(
        folder: TempDir,
        clock: Arc<ManualClock>,
        app: &'static [EmbeddedFile],
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let web = WebApp::open(app, &config).unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let shared_clock: Arc<dyn Clock> = clock.clone();
        let stop_delivery = CancellationToken::new();
        let parts = Parts::assemble(
            config,
            web,
            shared_clock,
            Arc::clone(&store) as Arc<dyn Store>,
            Lifecycle::new(),
            Metrics::default(),
            &stop_delivery,
        )
        .await
        .unwrap();
        Self {
            clock,
            state: parts.state,
            store,
            router: parts.router,
            folder,
            stop_delivery,
        }
    }

    pub(super) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(super) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(super) fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    pub(super) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub(super) fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            server: self,
            request: Request::builder().method(method).uri(path),
            peer: SocketAddr::from(([192, 0, 2, 1], 40_000)),
            body: Vec::new(),
        }
    }

    /// Everything in the data folder, as bytes.
    pub(super) fn data(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }
}

impl Call<'_> {
    pub(super) fn token(mut self, token: &str) -> Self {
        self.request = self
            .request
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(super) fn from(mut self, peer: [u8; 4]) -> Self {
        self.peer = SocketAddr::from((peer, 40_000));
        self
    }

    pub(super) fn json(self, body: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap();
        self.bytes(body).header("content-type", "application/json")
    }

    pub(super) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(super) async fn send(self) -> Answer {
        let mut request = self.request.body(Body::from(self.body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let (method, url) = (request.method().clone(), request.uri().to_string());
        let response = self.server.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        };
        documented::check(&method, &url, &answer);
        answer
    }
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(super) fn ok<T: serde::de::DeserializeOwned>(&self) -> T {
        assert!(self.status.is_success(), "{}", self.shown());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A success without a body.
    #[track_caller]
    pub(super) fn done(&self) {
        assert_eq!(self.status, StatusCode::NO_CONTENT, "{}", self.shown());
        assert!(self.body.is_empty());
    }

    /// The code of a refusal.
    #[track_caller]
    pub(super) fn code(&self) -> String {
        assert!(!self.status.is_success(), "{}", self.shown());
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let document: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(document["status"], self.status.as_u16());
        document["code"].as_str().unwrap().to_owned()
    }

    /// Status and body, without what differs from run to run.
    pub(super) fn shown(&self) -> String {
        let mut body: Value = serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.body).into_owned()));
        redact("", &mut body);
        format!("{}\n{body:#}", self.status)
    }
}

/// Random values and their like are replaced by their names, byte strings by their lengths.
fn redact(name: &str, value: &mut Value) {
    match value {
        Value::Object(entries) => entries.iter_mut().for_each(|(name, value)| redact(name, value)),
        Value::Array(entries) => entries.iter_mut().for_each(|value| redact(name, value)),
        Value::String(text) => {
            let is_plain = matches!(
                name,
                "handle" | "type" | "title" | "code" | "detail" | "version" | ""
            );
            if !is_plain {
                *text = format!("[{name}: {} characters]", text.len());
            }
        }
        _ => {}
    }
}
