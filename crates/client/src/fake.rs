//! A server that answers what a test tells it to, and an engine without an account at any server.

#![expect(clippy::unwrap_used, reason = "a test that cannot have its server has failed")]

use futures_util::FutureExt as _;
use subrosa_engine::{
    Engine, NewProfile,
    account::{OpenVault, VaultContents, VaultKey, enrol_device},
    database::Database,
};
use subrosa_mls::SuccessionKeyHash;
use subrosa_wire::{DeviceId, Timestamp, problem::ProblemDocument};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    ServerUrl,
    ambient::{SystemRandom, now},
    host::HostHandle,
    platform::{Draft, EngineThread, Network},
    rest::Rest,
};

/// A listener on a free port of this machine.
pub(crate) async fn listen() -> (TcpListener, ServerUrl) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    (listener, server)
}

/// An HTTP answer.
pub(crate) fn answer(status: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// A problem document as an HTTP answer.
pub(crate) fn problem(document: &ProblemDocument) -> String {
    let status = format!("{} x", document.status);
    answer(
        &status,
        "application/problem+json",
        &serde_json::to_string(document).unwrap(),
    )
}

/// A server that gives these answers, one for each request, and returns the requests at the end.
pub(crate) struct FakeRest {
    pub rest: Rest,
    work: JoinSet<Vec<String>>,
}

impl FakeRest {
    pub(crate) async fn answering(answers: Vec<String>) -> Self {
        let (listener, server) = listen().await;
        let rest = Rest::new(server.clone(), &network(&server)).unwrap();
        let mut work = JoinSet::new();
        work.spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                requests.push(read_request(&mut stream).await);
                // A client that has read enough may hang up.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            requests
        });
        Self { rest, work }
    }

    /// The requests, once all answers have been given.
    pub(crate) async fn requests(mut self) -> Vec<String> {
        self.work.join_next().await.unwrap().unwrap()
    }
}

/// Head and body of a request.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")
                        .map(str::to_owned)
                })
                .map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert_ne!(read, 0, "the request ended early");
    }
}

/// A device that no server knows.
pub(crate) struct FakeDevice {
    pub host: HostHandle,
    pub device_id: DeviceId,
    _thread: EngineThread,
    _folder: tempfile::TempDir,
}

impl FakeDevice {
    pub(crate) fn new() -> Self {
        Self::certified_at(now())
    }

    /// A device whose certificate is from this instant.
    pub(crate) fn certified_at(certified_at: Timestamp) -> Self {
        let vault = OpenVault {
            key: VaultKey::generate(&mut SystemRandom),
            revision: 1,
            contents: VaultContents::generate(
                SuccessionKeyHash::from_bytes([1; 32]),
                None,
                &mut SystemRandom,
            ),
        };
        let (_, identity) = enrol_device(&vault, certified_at, &mut SystemRandom);
        let device_id = identity.certificate.device_id();
        let new = NewProfile {
            handle: "alice".parse().unwrap(),
            identity,
            vault: vault.contents,
            vault_key: vault.key,
            vault_revision: vault.revision,
        };
        let engine = Engine::create(Database::in_memory().unwrap(), &new, Box::new(SystemRandom)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        // On an operating system none of this waits for anything.
        let profile = async {
            Draft::begin(&folder.path().join("profile"))
                .await?
                .complete()
                .await
        };
        let profile = profile.now_or_never().unwrap().unwrap();
        let (host, thread) = HostHandle::start(engine, profile).unwrap();
        Self {
            host,
            _thread: thread,
            device_id,
            _folder: folder,
        }
    }
}

/// A connection to a server.
pub(crate) fn network(server: &ServerUrl) -> Network {
    Network::to(server).unwrap()
}
