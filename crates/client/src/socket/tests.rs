//! How a server may accept, use and break a connection.

#![expect(clippy::unwrap_used, reason = "a test that cannot have its server has failed")]

use futures_util::{SinkExt as _, StreamExt as _};
use subrosa_wire::frames::{Append, Draining, FetchLog, Pong, SignedOut, SyncState};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use super::*;
use subrosa_wire::limits::FRAME_MAX;

use crate::fake::{FakeDevice, listen, network};

type ServerSide = WebSocketStream<TcpStream>;

fn push(kind: notice::Kind) -> ServerFrame {
    ServerFrame {
        request_id: 0,
        body: Some(Body::Notice(Notice { kind: Some(kind) })),
    }
}

fn ready(protocol_version: u32) -> Body {
    Body::Ready(Ready {
        protocol_version,
        heartbeat_interval_ms: 1,
        ..Ready::default()
    })
}

async fn receive(stream: &mut ServerSide) -> ClientFrame {
    let message = stream.next().await.unwrap().unwrap();
    ClientFrame::decode(message.into_data()).unwrap()
}

async fn send(stream: &mut ServerSide, frame: ServerFrame) {
    stream.send(Message::binary(frame.encode_to_vec())).await.unwrap();
}

/// Accepts a connection and answers its Hello.
async fn accept(listener: &TcpListener, answer: Body) -> ServerSide {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = accept_async(stream).await.unwrap();
    let hello = receive(&mut stream).await;
    assert!(matches!(&hello.request, Some(Request::Hello(hello)) if hello.access_token == "token"));
    send(
        &mut stream,
        ServerFrame {
            request_id: hello.request_id,
            body: Some(answer),
        },
    )
    .await;
    stream
}

async fn opened_with(answer: Body) -> Result<Socket, ClientError> {
    let (listener, server) = listen().await;
    let network = network(&server);
    let (_kept, opened) = tokio::join!(
        accept(&listener, answer),
        Socket::open(&server, &network, "token".into())
    );
    opened
}

#[tokio::test]
async fn a_server_that_is_full_says_when_to_come_back() {
    use tokio::io::AsyncWriteExt as _;

    let (listener, server) = listen().await;
    let network = network(&server);
    let refuse = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let full = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(full.as_bytes()).await.unwrap();
        stream
    };
    let (_kept, opened) = tokio::join!(refuse, Socket::open(&server, &network, "token".into()));
    let error = opened.err().unwrap();
    assert_eq!(
        error.refusal().and_then(|refusal| refusal.retry_after_ms),
        Some(9000),
        "{error}"
    );
}

#[tokio::test]
async fn a_clock_that_differs_from_the_server_s_is_noticed() {
    let at = |server_time: Timestamp| {
        Body::Ready(Ready {
            protocol_version: PROTOCOL_VERSION,
            server_time_ms: server_time.as_millis(),
            ..Ready::default()
        })
    };
    let now = ambient::now();
    let right = opened_with(at(now)).await.unwrap();
    assert_eq!(right.clock(), None);
    let wrong = opened_with(at(now.plus(Duration::from_hours(72)))).await.unwrap();
    assert!(wrong.clock().is_some_and(|clock| clock.is_behind));
}

/// Runs a connection on which the server does what `serve` says.
async fn ending<F: Future<Output = ServerSide>>(serve: impl FnOnce(ServerSide) -> F) -> (Ending, FakeDevice) {
    let device = FakeDevice::new();
    let (listener, server) = listen().await;
    let network = network(&server);
    let (outgoing, queue) = mpsc::channel(16);
    let client = async {
        let socket = Socket::open(&server, &network, "token".into()).await.unwrap();
        device
            .host
            .run(|host| host.connected(outgoing))
            .await
            .unwrap()
            .unwrap();
        socket.run(&device.host, queue).await
    };
    let other_side = async { serve(accept(&listener, ready(PROTOCOL_VERSION)).await).await };
    let (ending, _kept) = tokio::join!(client, other_side);
    (ending, device)
}

#[tokio::test]
async fn ready_opens_the_connection() {
    let socket = opened_with(ready(PROTOCOL_VERSION)).await.unwrap();
    assert_eq!(
        socket.ping_interval, PING_INTERVAL_MIN,
        "the server cannot make the client ping faster"
    );
}

#[tokio::test]
async fn another_version_is_told_with_its_number() {
    let error = opened_with(ready(PROTOCOL_VERSION + 1)).await.map(drop);
    assert!(
        matches!(error, Err(ClientError::VersionMismatch { server, .. }) if server == Some(PROTOCOL_VERSION + 1))
    );
}

#[tokio::test]
async fn a_ready_without_a_version_names_none() {
    let error = opened_with(ready(0)).await.map(drop);
    assert!(matches!(
        error,
        Err(ClientError::VersionMismatch { server: None, .. })
    ));
}

#[tokio::test]
async fn a_problem_instead_of_ready_is_a_refusal() {
    let problem = Problem::new(ProblemCode::Unauthenticated, "expired");
    let error = opened_with(Body::Problem(problem)).await.map(drop);
    assert!(error.is_err_and(|error| error.is_refusal(ProblemCode::Unauthenticated)));
}

#[tokio::test]
async fn a_server_without_a_websocket_is_told_as_such() {
    use tokio::io::AsyncWriteExt as _;
    let (listener, server) = listen().await;
    let network = network(&server);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        stream
    };
    let (_kept, error) = tokio::join!(serve, Socket::open(&server, &network, "token".into()));
    let error = error.map(drop).unwrap_err().to_string();
    assert!(error.contains("404"), "{error}");
}

#[tokio::test]
async fn frames_reach_the_engine_and_its_frames_the_server() {
    let (ending, device) = ending(async |mut stream| {
        let sync = receive(&mut stream).await;
        assert!(matches!(sync.request, Some(Request::Sync(_))));
        let state = SyncState {
            key_packages_left: 100,
            has_last_resort_key_package: true,
            ..SyncState::default()
        };
        send(
            &mut stream,
            ServerFrame {
                request_id: sync.request_id,
                body: Some(Body::SyncState(state)),
            },
        )
        .await;
        stream.close(None).await.unwrap();
        stream
    })
    .await;
    assert!(matches!(ending, Ending::Lost(_)), "{ending:?}");
    assert!(device.host.status().borrow().caught_up);
}

#[tokio::test]
async fn an_idle_connection_is_pinged_and_the_answer_is_not_the_engine_s() {
    let (ending, _) = ending(async |mut stream| {
        let sync = receive(&mut stream).await;
        assert!(sync.request_id < FIRST_OWN_REQUEST);
        let ping = receive(&mut stream).await;
        assert!(matches!(ping.request, Some(Request::Ping(_))));
        assert!(ping.request_id > FIRST_OWN_REQUEST);
        send(
            &mut stream,
            ServerFrame {
                request_id: ping.request_id,
                body: Some(Body::Pong(Pong::default())),
            },
        )
        .await;
        stream.close(None).await.unwrap();
        stream
    })
    .await;
    assert!(matches!(ending, Ending::Lost(_)), "{ending:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_what_is_sent_ends_the_connection() {
    let (listener, server) = listen().await;
    let network = network(&server);
    let (_silent, opened) = tokio::join!(
        accept(&listener, ready(PROTOCOL_VERSION)),
        Socket::open(&server, &network, "token".into())
    );
    let mut receiver = opened.unwrap().receiver;
    let debt = watch::Sender::new(Debt::default());
    let send = async {
        tokio::task::yield_now().await;
        debt.send_modify(|debt| debt.patience = Some(Duration::from_millis(20)));
        std::future::pending::<()>().await;
    };
    let frame = tokio::select! {
        frame = next_in_time(&mut receiver, &debt) => frame,
        () = send => unreachable!("it never ends"),
    };
    assert_eq!(frame.map(drop), Err("the server did not answer".to_owned()));
}

fn requested(request_id: u64, request: Request) -> ClientFrame {
    ClientFrame {
        request_id,
        request: Some(request),
    }
}

#[test]
fn a_dead_connection_is_noticed_within_fifteen_seconds_of_a_message() {
    let mut debt = Debt::default();
    let message = requested(1, Request::Append(Append::default()));
    assert!(debt.owe(std::slice::from_ref(&message), 8 * 1024));
    let patience = debt.patience;
    assert!(patience.is_some_and(|patience| patience <= Duration::from_secs(15)));
    // What is sent after it does not give the server more time.
    assert!(!debt.owe(&[message], 1024 * 1024));
    assert_eq!(debt.patience, patience);
}

// A page of the log that took longer than ten seconds was never received.
#[test]
fn a_long_answer_on_a_slow_line_is_no_dead_connection() {
    let mut debt = Debt::default();
    debt.owe(&[requested(1, Request::FetchLog(FetchLog::default()))], 100);
    assert_eq!(debt.patience, Some(LONG_ANSWER_TIMEOUT));
    // A push was on its way before the page, and then the client pings.
    debt.heard(&ServerFrame::default());
    debt.owe(&[requested(2, Request::Ping(Ping {}))], 10);
    assert_eq!(debt.patience, Some(LONG_ANSWER_TIMEOUT));
    let answer = |request_id| ServerFrame {
        request_id,
        ..ServerFrame::default()
    };
    debt.heard(&answer(1));
    debt.heard(&answer(2));
    debt.owe(&[requested(3, Request::Ping(Ping {}))], 10);
    assert_eq!(debt.patience, Some(ANSWER_TIMEOUT));
}

#[tokio::test]
async fn a_frame_that_cannot_be_read_ends_the_connection() {
    let (ending, _) = ending(async |mut stream| {
        stream.send(Message::binary(&b"\xff\xff\xff"[..])).await.unwrap();
        stream
    })
    .await;
    assert!(
        matches!(&ending, Ending::Lost(why) if why.contains("cannot be read")),
        "{ending:?}"
    );
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_connection() {
    let (ending, _) = ending(async |mut stream| {
        // The client may hang up while it is still coming.
        let _ = stream.send(Message::binary(vec![0; FRAME_MAX + 1])).await;
        stream
    })
    .await;
    assert!(matches!(ending, Ending::Lost(_)), "{ending:?}");
}

#[tokio::test]
async fn a_server_that_drains_says_when_to_come_back() {
    let (ending, _) = ending(async |mut stream| {
        send(
            &mut stream,
            push(notice::Kind::Draining(Draining {
                reconnect_after_ms: 700,
            })),
        )
        .await;
        stream.close(None).await.unwrap();
        stream
    })
    .await;
    assert!(
        matches!(ending, Ending::Draining(after) if after.as_millis() == 700),
        "{ending:?}"
    );
}

#[tokio::test]
async fn being_signed_out_ends_the_connection_for_good() {
    let (ending, _) = ending(async |mut stream| {
        send(&mut stream, push(notice::Kind::SignedOut(SignedOut {}))).await;
        stream
    })
    .await;
    assert!(matches!(ending, Ending::SignedOut), "{ending:?}");
}
