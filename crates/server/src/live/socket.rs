//! `GET /v1/live`: the WebSocket. It opens with a Hello; after that each binary message is one frame.
//!
//! One task serves a connection, and an idle one owns little more than its socket.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::Response,
    routing::get,
};
use bytes::Bytes;
use futures_util::SinkExt as _;
use prost::Message as _;
use subrosa_wire::{
    ProblemCode,
    frames::{ClientFrame, Hello, Problem, Ready, ServerFrame, client_frame::Request, server_frame::Body},
    limits::{FRAME_MAX, HEARTBEAT_INTERVAL, HELLO_TIMEOUT, PROTOCOL_VERSION},
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::hub::Connection;
use crate::{
    clock::Clock,
    delivery::Service,
    limits::{CLOSE_TIMEOUT, SOCKET_READ_BUFFER, SOCKET_WRITE_BUFFER, WRITE_TIMEOUT},
    session::Session,
};

/// Intervals of the heartbeat that may pass without a frame.
const SILENT_INTERVALS_MAX: u32 = 2;

/// Who may connect.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The signed-in device that an access token is for.
    async fn authenticate(&self, access_token: &str) -> Result<Session, Problem>;
}

/// What connections need.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    service: Arc<Service>,
    authenticate: Arc<dyn Authenticate>,
    clock: Arc<dyn Clock>,
    connections: TaskTracker,
}

impl Live {
    /// Connections to a service.
    pub fn new(service: Arc<Service>, authenticate: Arc<dyn Authenticate>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            service,
            authenticate,
            clock,
            connections: TaskTracker::new(),
        }))
    }

    /// Asks all devices to reconnect later and waits until they are gone.
    pub async fn drain(&self) {
        self.0.service.hub().drain();
        self.0.connections.close();
        self.0.connections.wait().await;
    }
}

/// The route of the WebSocket.
pub fn routes(live: Live) -> Router {
    Router::new().route("/v1/live", get(upgrade)).with_state(live)
}

async fn upgrade(State(Live(shared)): State<Live>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .read_buffer_size(SOCKET_READ_BUFFER)
        .write_buffer_size(SOCKET_WRITE_BUFFER)
        .max_message_size(FRAME_MAX)
        .max_frame_size(FRAME_MAX)
        .on_upgrade(move |socket| {
            let token = shared.connections.token();
            async move {
                serve(socket, &shared).await;
                drop(token);
            }
        })
}

/// Why a connection ends.
enum End {
    /// The other side is gone, or does not read.
    Gone,
    /// We close it, for this reason.
    Close(u16, &'static str),
}

impl End {
    /// The client broke the protocol.
    const PROTOCOL: Self = Self::Close(close_code::PROTOCOL, "protocol");
}

async fn serve(mut socket: WebSocket, shared: &Shared) {
    let end = match open(&mut socket, shared).await {
        Ok(connection) => converse(&mut socket, shared, &connection)
            .await
            .unwrap_or_else(|end| end),
        Err(end) => end,
    };
    if let End::Close(code, reason) = end {
        close(&mut socket, code, reason).await;
    }
}

/// Waits for the Hello and connects whoever it is from.
async fn open(socket: &mut WebSocket, shared: &Shared) -> Result<Connection, End> {
    let first = timeout(HELLO_TIMEOUT, next_frame(socket)).await;
    let Ok(first) = first else {
        return Err(End::Close(close_code::POLICY, "hello_timeout"));
    };
    let ClientFrame {
        request_id,
        request: Some(Request::Hello(hello)),
    } = first?
    else {
        let problem = Problem::new(ProblemCode::MalformedRequest, "the first frame is a Hello");
        return Err(refuse(socket, 0, problem, End::PROTOCOL).await);
    };
    match authenticate(shared, &hello).await {
        Ok(session) => {
            let connection = shared.service.hub().connect(session);
            let ready = Ready {
                protocol_version: PROTOCOL_VERSION,
                server_version: env!("CARGO_PKG_VERSION").to_owned(),
                server_time_ms: shared.clock.now().as_millis(),
                heartbeat_interval_ms: millis(HEARTBEAT_INTERVAL),
            };
            connection.outbox().queue_answer(request_id, Body::Ready(ready));
            Ok(connection)
        }
        Err(problem) => {
            let end = End::Close(close_code::POLICY, "hello_refused");
            Err(refuse(socket, request_id, problem, end).await)
        }
    }
}

async fn authenticate(shared: &Shared, hello: &Hello) -> Result<Session, Problem> {
    if hello.protocol_version != PROTOCOL_VERSION {
        let detail = format!("this server speaks version {PROTOCOL_VERSION}");
        return Err(Problem::new(ProblemCode::UnsupportedVersion, detail));
    }
    shared.authenticate.authenticate(&hello.access_token).await
}

/// Serves requests and writes what is pushed, until one side ends it.
async fn converse(socket: &mut WebSocket, shared: &Shared, connection: &Connection) -> Result<End, End> {
    let heartbeat = sleep(HEARTBEAT_INTERVAL);
    tokio::pin!(heartbeat);
    let mut silent_intervals = 0;
    loop {
        let has_room = connection.has_room();
        tokio::select! {
            biased;
            drained = connection.drained() => {
                write(socket, drained.frames).await?;
                if let Some(closing) = drained.closing {
                    let (code, reason) = closing.code();
                    return Ok(End::Close(code, reason));
                }
            }
            frame = next_frame(socket), if has_room => {
                silent_intervals = 0;
                serve_frame(socket, shared, connection, frame?).await?;
            }
            () = &mut heartbeat => {
                // While we do not read, silence says nothing.
                silent_intervals = if has_room { silent_intervals + 1 } else { 0 };
                if silent_intervals >= SILENT_INTERVALS_MAX {
                    return Ok(End::Close(close_code::POLICY, "heartbeat_timeout"));
                }
                heartbeat.as_mut().reset(Instant::now() + HEARTBEAT_INTERVAL);
            }
        }
    }
}

async fn serve_frame(
    socket: &mut WebSocket,
    shared: &Shared,
    connection: &Connection,
    frame: ClientFrame,
) -> Result<(), End> {
    if frame.request_id == 0 {
        let problem = Problem::new(ProblemCode::MalformedRequest, "request_id is 0");
        return Err(refuse(socket, 0, problem, End::PROTOCOL).await);
    }
    match frame.request {
        Some(request) => {
            shared
                .service
                .dispatch(connection, frame.request_id, request)
                .await
        }
        None => {
            let problem = Problem::new(ProblemCode::UnknownRequest, "");
            connection
                .outbox()
                .push_answer(frame.request_id, Body::Problem(problem));
        }
    }
    Ok(())
}

/// The next frame. What is not one gets a problem, and the connection ends.
async fn next_frame(socket: &mut WebSocket) -> Result<ClientFrame, End> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Binary(bytes))) => match ClientFrame::decode(bytes) {
                Ok(frame) => return Ok(frame),
                Err(error) => {
                    let problem = Problem::new(ProblemCode::MalformedRequest, error.to_string());
                    return Err(refuse(socket, 0, problem, End::PROTOCOL).await);
                }
            },
            Some(Ok(Message::Text(_))) => {
                let problem = Problem::new(ProblemCode::MalformedRequest, "frames are binary");
                let end = End::Close(close_code::UNSUPPORTED, "text");
                return Err(refuse(socket, 0, problem, end).await);
            }
            // Pings are answered by the library.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Err(error)) if is_too_large(&error) => {
                let problem = Problem::new(
                    ProblemCode::TooLarge,
                    format!("a frame has at most {FRAME_MAX} bytes"),
                );
                let end = End::Close(close_code::SIZE, "too_large");
                return Err(refuse(socket, 0, problem, end).await);
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Gone),
        }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}

/// Sends a problem before the connection ends.
async fn refuse(socket: &mut WebSocket, request_id: u64, problem: Problem, end: End) -> End {
    let frame = ServerFrame {
        request_id,
        body: Some(Body::Problem(problem)),
    };
    match write(socket, vec![Bytes::from(frame.encode_to_vec())]).await {
        Ok(()) => end,
        Err(gone) => gone,
    }
}

/// Writes frames with as few system calls as their size allows.
async fn write(socket: &mut WebSocket, frames: Vec<Bytes>) -> Result<(), End> {
    let written = timeout(WRITE_TIMEOUT, async {
        for frame in frames {
            socket.feed(Message::Binary(frame)).await?;
        }
        socket.flush().await
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::Gone),
    }
}

/// Closes with a handshake, so that what was sent before arrives.
async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let handshake = async {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        socket.send(Message::Close(Some(frame))).await?;
        while let Some(message) = socket.recv().await {
            message?;
        }
        Ok::<_, axum::Error>(())
    };
    // Whether the other side plays along makes no difference any more.
    let _ = timeout(CLOSE_TIMEOUT, handshake).await;
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
