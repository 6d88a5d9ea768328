//! The WebSocket, as a client on the network sees it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use axum::{Router, routing::get};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use subrosa_wire::{
    ProblemCode,
    frames::{
        ClientFrame, Hello, Notice, Ping, Problem, ServerFrame, client_frame::Request, notice,
        server_frame::Body,
    },
    limits::{FRAME_MAX, PROTOCOL_VERSION},
};
use tokio::net::TcpListener;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::CloseFrame},
};
use tokio_util::task::TaskTracker;

use super::{Authenticate, Live, upgrade};
use crate::{
    delivery::tests::world::{Device, START, World, entries},
    session::Session,
    store::AccountStore as _,
};

/// Tokens that are the hexadecimal ids of devices.
struct Tokens(HashMap<String, Session>);

#[async_trait]
impl Authenticate for Tokens {
    async fn authenticate(&self, access_token: &str) -> Result<Session, Problem> {
        let session = self.0.get(access_token).copied();
        session.ok_or_else(|| Problem::new(ProblemCode::Unauthenticated, ""))
    }
}

/// A server on the network for the devices of a world.
struct Network {
    live: Live,
    url: String,
    _tasks: TaskTracker,
}

impl Network {
    async fn open(world: &World, devices: &[&Device]) -> Self {
        let tokens = devices
            .iter()
            .map(|device| (device.session.device_id.to_string(), device.session));
        let live = Live::new(
            world.service.clone(),
            Arc::new(Tokens(tokens.collect())),
            world.clock.clone(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/v1/live", listener.local_addr().unwrap());
        let tasks = TaskTracker::new();
        let router = Router::new()
            .route("/v1/live", get(upgrade))
            .with_state(live.clone());
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            live,
            url,
            _tasks: tasks,
        }
    }

    async fn connect(&self) -> Client {
        Client(connect_async(&self.url).await.unwrap().0)
    }

    /// A connection that has said Hello and was told that the server is ready.
    async fn sign_in(&self, device: &Device) -> Client {
        let mut client = self.connect().await;
        client.ask(1, hello(&device.session.device_id.to_string())).await;
        let frame = client.frame().await;
        assert!(matches!(frame.body, Some(Body::Ready(_))), "{frame:?}");
        client
    }
}

struct Client(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Client {
    async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    async fn ask(&mut self, request_id: u64, request: Request) {
        let frame = ClientFrame {
            request_id,
            request: Some(request),
        };
        self.send(Message::Binary(frame.encode_to_vec().into())).await;
    }

    async fn frame(&mut self) -> ServerFrame {
        match self.0.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => ServerFrame::decode(bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn problem(&mut self) -> (u64, String) {
        let frame = self.frame().await;
        match frame.body {
            Some(Body::Problem(problem)) => (frame.request_id, problem.code),
            other => panic!("{other:?}"),
        }
    }

    /// The code and reason with which the server closes, after any frames that come before.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Close(Some(CloseFrame { code, reason })) => {
                    return (code.into(), reason.to_string());
                }
                Message::Binary(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn hello(token: &str) -> Request {
    Request::Hello(Hello {
        protocol_version: PROTOCOL_VERSION,
        access_token: token.to_owned(),
        client: "test".to_owned(),
    })
}

#[tokio::test]
async fn after_hello_the_server_is_ready_and_answers() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.connect().await;
    client.ask(7, hello(&alice.session.device_id.to_string())).await;
    let frame = client.frame().await;
    let Some(Body::Ready(ready)) = frame.body else {
        panic!("{frame:?}")
    };
    assert_eq!((frame.request_id, ready.protocol_version), (7, PROTOCOL_VERSION));
    assert_eq!(ready.heartbeat_interval_ms, 30_000);
    client.ask(8, Request::Ping(Ping {})).await;
    let frame = client.frame().await;
    assert!(
        matches!(
            frame,
            ServerFrame {
                request_id: 8,
                body: Some(Body::Pong(_))
            }
        ),
        "{frame:?}"
    );
}

#[tokio::test]
async fn a_message_goes_from_one_connection_to_the_other() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let network = Network::open(&world, &[&alice, &bob]).await;
    let (mut at_alice, mut at_bob) = (network.sign_in(&alice).await, network.sign_in(&bob).await);
    for (request_id, text) in [(2, "one"), (3, "two")] {
        at_alice
            .ask(request_id, Request::Append(alice.message(id, text)))
            .await;
    }
    for request_id in [2, 3] {
        let frame = at_alice.frame().await;
        assert!(matches!(frame.body, Some(Body::Appended(_))), "{frame:?}");
        assert_eq!(frame.request_id, request_id);
    }
    let mut delivered = Vec::new();
    while delivered.len() < 2 {
        delivered.extend(entries(&[at_bob.frame().await]));
    }
    assert_eq!(
        delivered.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [2, 3]
    );
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.connect().await;
    client.ask(1, hello("somebody")).await;
    assert_eq!(client.problem().await, (1, "unauthenticated".into()));
    assert_eq!(client.closed().await, (1008, "hello_refused".into()));
    assert_eq!(world.service.hub().connected_devices(), 0);
}

#[tokio::test]
async fn a_token_that_outlives_its_device_is_refused() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    world
        .store
        .sign_out(alice.session.device_id, START)
        .await
        .unwrap();
    let mut client = network.connect().await;
    client.ask(1, hello(&alice.session.device_id.to_string())).await;
    assert_eq!(client.problem().await, (1, "device_signed_out".into()));
    assert_eq!(client.closed().await, (1008, "hello_refused".into()));
    assert_eq!(world.service.hub().connected_devices(), 0);
}

#[tokio::test]
async fn another_version_is_refused() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.connect().await;
    let Request::Hello(mut hello) = hello(&alice.session.device_id.to_string()) else {
        unreachable!()
    };
    hello.protocol_version += 1;
    client.ask(1, Request::Hello(hello)).await;
    assert_eq!(client.problem().await, (1, "unsupported_version".into()));
    assert_eq!(client.closed().await, (1008, "hello_refused".into()));
}

#[tokio::test]
async fn nothing_is_answered_before_hello() {
    let world = World::new();
    let network = Network::open(&world, &[]).await;
    let mut client = network.connect().await;
    client.ask(1, Request::Ping(Ping {})).await;
    assert_eq!(client.problem().await, (0, "malformed_request".into()));
    assert_eq!(client.closed().await, (1002, "protocol".into()));
}

#[tokio::test]
async fn a_second_hello_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let network = Network::open(&world, &[&alice, &bob]).await;
    let mut client = network.sign_in(&alice).await;
    for (request_id, device) in [(2, &alice), (3, &bob)] {
        client
            .ask(request_id, hello(&device.session.device_id.to_string()))
            .await;
        assert_eq!(client.problem().await, (request_id, "malformed_request".into()));
    }
    assert_eq!(world.service.hub().connected_devices(), 1, "it is still Alice's");
    client.ask(4, Request::Ping(Ping {})).await;
    assert!(matches!(client.frame().await.body, Some(Body::Pong(_))));
}

/// The number is the client's, and means nothing to the server: whoever uses one twice gets two answers with it.
#[tokio::test]
async fn a_request_id_that_is_used_again_gets_an_answer_for_each() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let id = world.converse(&alice, &bob).await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.sign_in(&alice).await;
    client.ask(7, Request::Append(alice.message(id, "one"))).await;
    client.ask(7, Request::Append(alice.message(id, "two"))).await;
    client.ask(7, Request::Ping(Ping {})).await;
    let (mut appended, mut pongs) = (Vec::new(), 0);
    for _ in 0..3 {
        let frame = client.frame().await;
        assert_eq!(frame.request_id, 7);
        match frame.body {
            Some(Body::Appended(answer)) => appended.push(answer.seq),
            Some(Body::Pong(_)) => pongs += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((appended, pongs), (vec![2, 3], 1));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_closed() {
    let world = World::new();
    let network = Network::open(&world, &[]).await;
    let mut client = network.connect().await;
    assert_eq!(client.closed().await, (1008, "hello_timeout".into()));
}

#[tokio::test]
async fn who_falls_silent_is_closed() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.sign_in(&alice).await;
    tokio::time::pause();
    assert_eq!(client.closed().await, (1008, "heartbeat_timeout".into()));
}

#[tokio::test]
async fn what_is_not_a_frame_ends_the_connection() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let no_id = ClientFrame {
        request_id: 0,
        request: Some(Request::Ping(Ping {})),
    }
    .encode_to_vec();
    for (message, code) in [
        (Message::Binary(Bytes::from_static(b"\xff\xff\xff")), 1002),
        (Message::Binary(no_id.into()), 1002),
        (Message::Text("hello".into()), 1003),
    ] {
        let mut client = network.sign_in(&alice).await;
        client.send(message).await;
        assert_eq!(client.problem().await, (0, "malformed_request".into()));
        assert_eq!(client.closed().await.0, code);
    }
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_connection() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let client = network.sign_in(&alice).await;
    let (mut sink, stream) = client.0.split();
    // The server does not read it to the end, so sending it can fail.
    let sending = sink.send(Message::Binary(vec![0; FRAME_MAX + 1].into()));
    let receiving = async {
        let received: Vec<_> = stream.collect().await;
        received.into_iter().filter_map(Result::ok).collect::<Vec<_>>()
    };
    let (_, received) = tokio::join!(sending, receiving);
    let Some(Message::Binary(problem)) = received.first() else {
        panic!("{received:?}")
    };
    let Some(Body::Problem(problem)) = ServerFrame::decode(problem.clone()).unwrap().body else {
        panic!("no problem")
    };
    assert_eq!(problem.code, "too_large");
    // The close frame follows; it is lost if the rest of the client's frame crosses it.
    if let Some(Message::Close(Some(frame))) = received.get(1) {
        assert_eq!(u16::from(frame.code), 1009);
    }
}

#[tokio::test]
async fn an_unknown_request_is_named_and_the_connection_goes_on() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.sign_in(&alice).await;
    // request_id 5, and a request with the field number 500.
    client
        .send(Message::Binary(Bytes::from_static(&[0x08, 5, 0xa2, 0x1f, 0])))
        .await;
    assert_eq!(client.problem().await, (5, "unknown_request".into()));
    // A ping that has a field of the future is a ping.
    client
        .send(Message::Binary(Bytes::from_static(&[
            0x08, 6, 0x6a, 3, 0xa0, 0x1f, 1,
        ])))
        .await;
    let frame = client.frame().await;
    assert!(
        matches!(
            frame,
            ServerFrame {
                request_id: 6,
                body: Some(Body::Pong(_))
            }
        ),
        "{frame:?}"
    );
}

#[tokio::test]
async fn a_stopping_server_says_so_and_when_to_come_back() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.sign_in(&alice).await;
    let seen = async {
        let frame = client.frame().await;
        let Some(Body::Notice(Notice {
            kind: Some(notice::Kind::Draining(draining)),
        })) = frame.body
        else {
            panic!("{frame:?}")
        };
        assert!(draining.reconnect_after_ms > 0);
        assert_eq!(client.closed().await, (1012, "draining".into()));
        assert!(client.0.next().await.is_none());
    };
    tokio::join!(network.live.drain(), seen);
    assert_eq!(world.service.hub().connected_devices(), 0);
}

#[tokio::test]
async fn a_device_that_was_signed_out_is_told_and_closed() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    let mut client = network.sign_in(&alice).await;
    world
        .service
        .device_signed_out(alice.session.account_id, alice.session.device_id)
        .await
        .unwrap();
    let frame = client.frame().await;
    let kind = notice::Kind::SignedOut(subrosa_wire::frames::SignedOut {});
    assert_eq!(frame.body, Some(Body::Notice(Notice { kind: Some(kind) })));
    assert_eq!(client.closed().await, (4001, "signed_out".into()));
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_forgotten() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let network = Network::open(&world, &[&alice]).await;
    drop(network.sign_in(&alice).await);
    network.live.drain().await;
    assert_eq!(world.service.hub().connected_devices(), 0);
}
