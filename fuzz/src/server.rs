//! A whole server without a socket, on a store of its own, in which Alice and Bob have accounts and the
//! conversation of the [`World`]. It lives as long as the fuzzer: a finding may need what came before it.

use std::{cell::OnceCell, io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body as HttpBody,
    extract::ConnectInfo,
    http::{Method, Request as HttpRequest, StatusCode},
    serve::Listener,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use prost::Message as _;
use subrosa_mls::DeviceIdentity;
use subrosa_server::{
    accounts::{Accounts, AccountsConfig},
    api::{self, AppState, Authenticate, Live, RequestLimits},
    clock::{Clock, ManualClock},
    config::{Config, LimitsConfig},
    delivery::{DeliveryConfig, EntryTags, Service},
    lifecycle::Lifecycle,
    observe::Metrics,
    session::Session,
    store::{
        AccountStore as _, SqliteStore, Store,
        accounts::{
            AccountRecord, Credentials, NewAccount, NewDevice, RecoveryRecord, Registered, TokenHash,
        },
    },
    tokens::AccessTokens,
    web::{EmbeddedFile, WebApp},
};
use subrosa_wire::{
    Handle, ProblemCode,
    frames::{
        Append, Commit, CreateConversation, ServerFrame, append, client_frame::Request, server_frame::Body,
    },
    problem::ProblemDocument,
};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};
use tokio_tungstenite::{client_async, tungstenite::Message};
use tokio_util::sync::CancellationToken;

use crate::world::{self, ALICE, CONVERSATION, NOW, World};

/// A web app of one page.
const APP: &[EmbeddedFile] = &[EmbeddedFile {
    path: "index.html",
    content: b"plain",
    brotli: Some(b"brotli"),
    gzip: Some(b"gzip"),
}];

/// Connections that wait to be accepted.
const BACKLOG: usize = 4;
/// Bytes under way on a connection in either direction.
const PIPE_BYTES: usize = 64 * 1024;

/// The server and what drives it.
pub struct Server {
    runtime: tokio::runtime::Runtime,
    service: Arc<Service>,
    router: Router,
    connections: mpsc::Sender<DuplexStream>,
    signing_key: SigningKey,
    /// What issues and verifies the access tokens of this server.
    pub access_tokens: AccessTokens,
    /// An access token of Alice's phone.
    pub alice_token: String,
    /// Alice's phone.
    pub alice: Session,
    /// Bob's phone.
    pub bob: Session,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Runs `visit` with the one server.
    pub fn with<T>(visit: impl FnOnce(&Self) -> T) -> T {
        thread_local! {
            static SERVER: OnceCell<Server> = const { OnceCell::new() };
        }
        SERVER.with(|server| visit(server.get_or_init(Self::start)))
    }

    /// Answers a request of a device. There is none that it has to be ashamed of.
    pub fn answer(&self, session: &Session, request: Request) -> Body {
        let body = self.runtime.block_on(self.service.handle(session, request));
        if let Body::Problem(problem) = &body {
            assert_ne!(problem.known_code(), Some(ProblemCode::Internal), "{problem:?}");
            assert!(problem.known_code().is_some(), "{problem:?}");
        }
        body
    }

    /// Answers a request over HTTP. A refusal is a problem document.
    pub fn answer_http(&self, mut request: HttpRequest<Vec<u8>>) -> (StatusCode, Vec<u8>) {
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 40_000))));
        let (router, method, uri) = (
            self.router.clone(),
            request.method().clone(),
            request.uri().clone(),
        );
        let (status, body) = self.runtime.block_on(async {
            let Ok(response) = tower::ServiceExt::oneshot(router, request.map(HttpBody::from)).await;
            let status = response.status();
            (
                status,
                response
                    .into_body()
                    .collect()
                    .await
                    .expect("a whole body")
                    .to_bytes(),
            )
        });
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
        if method != Method::HEAD && (status.is_client_error() || status.is_server_error()) {
            let document = serde_json::from_slice::<ProblemDocument>(&body);
            let says = document.as_ref().map(|document| document.status).ok();
            assert_eq!(
                says,
                Some(status.as_u16()),
                "{method} {uri}: {}",
                String::from_utf8_lossy(&body)
            );
        }
        (status, body.to_vec())
    }

    /// Alice's access token with header and claims changed by `spoil`, signed again by the server's own key.
    pub fn signed_again(&self, spoil: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> Vec<u8> {
        let decode = |part: Option<&str>| {
            URL_SAFE_NO_PAD
                .decode(part.expect("a token has three parts"))
                .expect("each is Base64")
        };
        let mut parts = self.alice_token.split('.');
        let (mut header, mut claims) = (decode(parts.next()), decode(parts.next()));
        spoil(&mut header, &mut claims);
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.signing_key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())).into_bytes()
    }

    /// Opens a WebSocket and sends two messages: gives the answer to the first, and waits until the server has
    /// either answered the second or closed.
    pub fn open_live(&self, first: Vec<u8>, second: Vec<u8>) -> ServerFrame {
        self.runtime.block_on(async {
            let (ours, theirs) = duplex(PIPE_BYTES);
            self.connections.send(theirs).await.expect("the server accepts");
            let (mut socket, _) = client_async("ws://localhost/v1/live", ours)
                .await
                .expect("the server opens a WebSocket");
            // A server that has refused the first may be gone before the second.
            socket
                .send(Message::Binary(first.into()))
                .await
                .expect("the server reads");
            let answer = loop {
                match socket.next().await.expect("an answer").expect("an answer") {
                    Message::Binary(bytes) => break ServerFrame::decode(bytes).expect("an honest server"),
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            };
            if matches!(answer.body, Some(Body::Ready(_))) {
                let sent = socket.send(Message::Binary(second.into())).await;
                if sent.is_ok() {
                    drop(socket.next().await);
                }
            }
            answer
        })
    }

    /// Requests that Alice's phone makes, to be spoilt.
    pub fn honest_appends() -> [Append; 2] {
        let world = World::get();
        let append = |payload| Append {
            conversation_id: CONVERSATION.to_vec().into(),
            send_id: vec![2; 16].into(),
            send_number: 2,
            payload: Some(payload),
        };
        [
            append(append::Payload::ApplicationMessage(
                world.application.clone().into(),
            )),
            append(append::Payload::Commit(Commit {
                commit: world.update.commit.clone().into(),
                group_info: world.update.group_info.clone().into(),
                welcome: Vec::new().into(),
            })),
        ]
    }

    /// How Alice's phone began the conversation.
    pub fn honest_creation() -> CreateConversation {
        let world = World::get();
        CreateConversation {
            conversation_id: CONVERSATION.to_vec().into(),
            send_id: vec![1; 16].into(),
            group_info: world.start.0.clone().into(),
            ratchet_tree: world.start.1.clone().into(),
            commit: Some(Commit {
                commit: world.addition.commit.clone().into(),
                group_info: world.addition.group_info.clone().into(),
                welcome: world.welcome.clone().into(),
            }),
        }
    }

    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let folder = crate::scratch_folder();
        let store = Arc::new(SqliteStore::open(folder.path()).expect("a store"));
        let parts = runtime.block_on(async {
            let alice = register(&store, "alice", &world::device(ALICE, 1)).await;
            let bob = register(&store, "bob", &World::bob_identity()).await;
            (assemble(Arc::clone(&store)).await, alice, bob)
        });
        let ((state, router), alice, bob) = parts;
        let service = Arc::clone(&state.delivery);
        let (connections, accepted) = mpsc::channel(BACKLOG);
        let (access_tokens, alice_token, signing_key) = runtime.block_on(async {
            tokio::spawn(axum::serve(Pipes(accepted), router.clone()).into_future());
            let issuer = state.config.public_url.clone();
            let keys = store.signing_keys().await.expect("the store works");
            let tokens = AccessTokens::open(store, issuer, NOW)
                .await
                .expect("the store works");
            let token = tokens.issue(alice, NOW).await.expect("a token").token;
            (tokens, token, SigningKey::from_bytes(&keys[0].seed))
        });
        let server = Self {
            runtime,
            service,
            router,
            connections,
            signing_key,
            access_tokens,
            alice_token,
            alice,
            bob,
            _folder: folder,
        };
        let created = server.answer(
            &server.alice,
            Request::CreateConversation(Self::honest_creation()),
        );
        assert!(matches!(created, Body::Appended(_)), "{created:?}");
        server
    }
}

/// Connections without a network: thousands a second would use up the ports of this machine.
struct Pipes(mpsc::Receiver<DuplexStream>);

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(connection) => (connection, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

async fn register(store: &SqliteStore, handle: &str, device: &DeviceIdentity) -> Session {
    let (account_id, identity) = (device.certificate.account_id(), device.certificate.account());
    let device_id = device.certificate.device_id();
    let account = NewAccount {
        account: AccountRecord {
            handle: handle.parse::<Handle>().expect("a handle"),
            identity,
        },
        credentials: Credentials {
            password_record: vec![1],
            password_wrap: vec![1],
            recovery: RecoveryRecord {
                key: identity.account_key,
                wrap: vec![1],
                succession_wrap: vec![1],
            },
        },
        vault: vec![1],
        device: NewDevice {
            device_id,
            account_id,
            device_key: device.certificate.device_key(),
            certificate: device.certificate.encode(),
            token: TokenHash(*device.certificate.device_key().as_bytes()),
            token_counter: 0,
            token_expires_at: NOW,
            created_at: NOW,
        },
    };
    assert_eq!(
        store.register(account).await.expect("the store works"),
        Registered::Done
    );
    Session {
        account_id,
        device_id,
    }
}

/// A server's parts, as `serve` puts them together.
async fn assemble(store: Arc<SqliteStore>) -> (AppState, Router) {
    let (config, lifecycle) = (
        Config {
            limits: unlimited(),
            ..Config::default()
        },
        Lifecycle::new(),
    );
    let (store, clock): (Arc<dyn Store>, Arc<dyn Clock>) = (store, Arc::new(ManualClock::new(NOW)));
    let accounts_config = AccountsConfig {
        registration_open: true,
        token_issuer: config.public_url.clone(),
        rates: config.limits.attempts(),
    };
    let accounts = Accounts::open(Arc::clone(&store), Arc::clone(&clock), accounts_config).await;
    let accounts = Arc::new(accounts.expect("accounts open"));
    let delivery = DeliveryConfig {
        requests: None,
        commits: None,
        claims: None,
        records: None,
        receipts: None,
        signals: None,
        objects: None,
        ..DeliveryConfig::default()
    };
    let tags = EntryTags::open(store.as_ref()).await.expect("the store answers");
    let (delivery, tasks) = Service::open(
        store,
        Arc::clone(&clock),
        &delivery,
        tags,
        &CancellationToken::new(),
    );
    for task in tasks {
        tokio::spawn(task.work);
    }
    let authenticate: Arc<dyn Authenticate> = Arc::clone(&accounts) as _;
    let live = Live::new(Arc::clone(&delivery), authenticate, Arc::clone(&clock));
    let request_limits = Arc::new(RequestLimits::new(&config, &clock));
    let web = WebApp::open(APP, &config).expect("a folder is all that can be wrong");
    let (metrics, config) = (Metrics::default(), Arc::new(config));
    let state = AppState {
        accounts,
        delivery,
        live,
        lifecycle,
        metrics,
        request_limits,
        web: Arc::new(web),
        config,
    };
    (state.clone(), api::router(state))
}

/// No limit on how often one may ask, those of later versions included: the clock of this server stands still.
fn unlimited() -> LimitsConfig {
    let mut limits = serde_json::to_value(LimitsConfig::default()).expect("a table of numbers");
    for limit in limits.as_object_mut().expect("a table").values_mut() {
        *limit = 0.into();
    }
    serde_json::from_value(limits).expect("the same table")
}
