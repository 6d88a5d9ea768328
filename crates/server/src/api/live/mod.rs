//! `GET /v1/live`: the WebSocket. It opens with a Hello; after that each binary message is one frame.
//!
//! One task serves a connection, and an idle one owns little more than its socket.

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Extension,
    extract::{
        State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    response::Response,
};
use bytes::Bytes;
use futures_util::{
    SinkExt as _,
    future::{self, BoxFuture},
};
use prost::Message as _;
use subrosa_wire::{
    ProblemCode,
    frames::{ClientFrame, Hello, Problem, Ready, ServerFrame, client_frame::Request, server_frame::Body},
    limits::{FRAME_MAX, HEARTBEAT_INTERVAL, HELLO_TIMEOUT, PROTOCOL_VERSION},
    problem::ProblemDocument,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::{
    accounts::Accounts,
    clock::Clock,
    connection_limits::Allowance,
    delivery::Service,
    limits::{BYTES_BEFORE_HELLO_MAX, CLOSE_TIMEOUT, SOCKET_READ_BUFFER, SOCKET_WRITE_BUFFER, WRITE_TIMEOUT},
    problem,
    push::Connection,
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

#[async_trait]
impl Authenticate for Accounts {
    async fn authenticate(&self, access_token: &str) -> Result<Session, Problem> {
        self.authenticate(access_token)
            .await
            .map_err(|error| problem::Problem::from(error).into())
    }
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

/// Open a WebSocket. It begins with a `Hello`; each binary message is a frame of `frames.proto`.
#[utoipa::path(
    get,
    path = "/v1/live",
    tag = "conversations",
    responses(
        (status = 101, description = "The connection is a WebSocket (RFC 6455)."),
        (status = 400, description = "`malformed_request`: this is not the opening of a WebSocket.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn upgrade(
    State(Live(shared)): State<Live>,
    allowance: Option<Extension<Allowance>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, problem::Problem> {
    let upgrade = upgrade
        .map_err(|refused| problem::Problem::new(ProblemCode::MalformedRequest, refused.body_text()))?;
    // Without a listener of ours, as in tests, there is none.
    let allowance = allowance.map(|Extension(allowance)| allowance);
    if let Some(allowance) = &allowance {
        allowance.restrict(BYTES_BEFORE_HELLO_MAX);
    }
    Ok(upgrade
        .read_buffer_size(SOCKET_READ_BUFFER)
        .write_buffer_size(SOCKET_WRITE_BUFFER)
        .max_message_size(FRAME_MAX)
        .max_frame_size(FRAME_MAX)
        .on_upgrade(move |socket| {
            // A task of its own, and the socket in a box: the future of the upgrade has room for things that
            // are needed once, and would keep it as long as the connection lives.
            let task = serve(Box::new(socket), Arc::clone(&shared), allowance.clone());
            shared.connections.spawn(task);
            future::ready(())
        }))
}

/// How a connection ends.
enum Ending {
    /// The other side is gone, or does not read.
    Gone,
    /// We close it, with this code and reason.
    Close(u16, &'static str),
    /// We say why and then close it.
    Refuse(Box<Refusal>),
}

/// The problem that the client gets before the connection closes.
struct Refusal {
    request_id: u64,
    problem: Problem,
    code: u16,
    reason: &'static str,
}

impl Ending {
    fn refuse(request_id: u64, problem: Problem, code: u16, reason: &'static str) -> Self {
        Self::Refuse(Box::new(Refusal {
            request_id,
            problem,
            code,
            reason,
        }))
    }

    /// The client broke the protocol.
    fn malformed(detail: impl Into<String>) -> Self {
        Self::refuse(
            0,
            Problem::new(ProblemCode::MalformedRequest, detail),
            close_code::PROTOCOL,
            "protocol",
        )
    }
}

/// Serves a connection from its first byte to its last. What happens once in its life is boxed, so that the
/// task of an idle one is small.
async fn serve(mut socket: Box<WebSocket>, shared: Arc<Shared>, allowance: Option<Allowance>) {
    let ending = match Box::pin(open(&mut socket, &shared)).await {
        Ok(connection) => {
            // The device is known: from here on the limits of a device apply.
            if let Some(allowance) = allowance {
                allowance.lift();
            }
            converse(&mut socket, &shared, &connection).await
        }
        Err(ending) => ending,
    };
    Box::pin(end(&mut socket, ending)).await;
}

/// Waits for the Hello and connects the device that it is from.
async fn open(socket: &mut WebSocket, shared: &Shared) -> Result<Connection, Ending> {
    let Ok(first) = timeout(HELLO_TIMEOUT, first_frame(socket)).await else {
        return Err(Ending::Close(close_code::POLICY, "hello_timeout"));
    };
    let ClientFrame {
        request_id,
        request: Some(Request::Hello(hello)),
    } = first?
    else {
        return Err(Ending::malformed("the first frame is a Hello"));
    };
    let session = match authenticate(shared, &hello).await {
        Ok(session) => session,
        Err(problem) => {
            return Err(Ending::refuse(
                request_id,
                problem,
                close_code::POLICY,
                "hello_refused",
            ));
        }
    };
    let connection = shared.service.hub().connect(session);
    let ready = Ready {
        protocol_version: PROTOCOL_VERSION,
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        server_time_ms: shared.clock.now().as_millis(),
        heartbeat_interval_ms: millis(HEARTBEAT_INTERVAL),
    };
    // Looked up once the hub knows the connection, so that no sign-out falls between the two.
    match shared.service.is_signed_in(session.device_id).await {
        Ok(true) => {}
        Ok(false) => {
            let problem = Problem::new(ProblemCode::DeviceSignedOut, "");
            return Err(Ending::refuse(
                request_id,
                problem,
                close_code::POLICY,
                "hello_refused",
            ));
        }
        Err(problem) => {
            return Err(Ending::refuse(
                request_id,
                problem,
                close_code::AGAIN,
                "hello_refused",
            ));
        }
    }
    connection.outbox().queue_answer(request_id, Body::Ready(ready));
    Ok(connection)
}

async fn first_frame(socket: &mut WebSocket) -> Result<ClientFrame, Ending> {
    loop {
        if let Some(frame) = read(socket.recv().await)? {
            return Ok(frame);
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
async fn converse(socket: &mut WebSocket, shared: &Shared, connection: &Connection) -> Ending {
    let mut heartbeat = pin!(sleep(HEARTBEAT_INTERVAL));
    let mut silent_intervals = 0;
    loop {
        let has_room = connection.has_room();
        tokio::select! {
            biased;
            drained = connection.drained() => {
                if Box::pin(write(socket, drained.frames)).await.is_err() {
                    return Ending::Gone;
                }
                if let Some(closing) = drained.closing {
                    let (code, reason) = closing.code();
                    return Ending::Close(code, reason);
                }
            }
            message = socket.recv(), if has_room => {
                silent_intervals = 0;
                match read(message).and_then(|frame| serve_frame(shared, connection, frame)) {
                    Ok(None) => {}
                    Ok(Some(admitted)) => admitted.await,
                    Err(ending) => return ending,
                }
            }
            () = &mut heartbeat => {
                // While we do not read, silence says nothing.
                silent_intervals = if has_room { silent_intervals + 1 } else { 0 };
                if silent_intervals >= SILENT_INTERVALS_MAX {
                    return Ending::Close(close_code::POLICY, "heartbeat_timeout");
                }
                heartbeat.as_mut().reset(Instant::now() + HEARTBEAT_INTERVAL);
            }
        }
    }
}

/// Hands a frame to the service. If a future comes back, the server is busy, and nothing more may be read
/// until it has ended.
fn serve_frame(
    shared: &Shared,
    connection: &Connection,
    frame: Option<ClientFrame>,
) -> Result<Option<BoxFuture<'static, ()>>, Ending> {
    let Some(ClientFrame { request_id, request }) = frame else {
        return Ok(None);
    };
    if request_id == 0 {
        return Err(Ending::malformed("request_id is 0"));
    }
    if let Some(request) = request {
        return Ok(shared.service.dispatch(connection, request_id, request));
    }
    let problem = Problem::new(ProblemCode::UnknownRequest, "");
    connection
        .outbox()
        .push_answer(request_id, Body::Problem(problem));
    Ok(None)
}

/// Reads a message of the WebSocket; `None` if it carries no frame.
fn read(message: Option<Result<Message, axum::Error>>) -> Result<Option<ClientFrame>, Ending> {
    match message {
        Some(Ok(Message::Binary(bytes))) => match ClientFrame::decode(bytes) {
            Ok(frame) => Ok(Some(frame)),
            Err(error) => Err(Ending::malformed(error.to_string())),
        },
        Some(Ok(Message::Text(_))) => {
            let problem = Problem::new(ProblemCode::MalformedRequest, "frames are binary");
            Err(Ending::refuse(0, problem, close_code::UNSUPPORTED, "text"))
        }
        // Pings are answered by the library.
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Err(error)) if is_too_large(&error) => {
            let problem = Problem::new(
                ProblemCode::TooLarge,
                format!("a frame has at most {FRAME_MAX} bytes"),
            );
            Err(Ending::refuse(0, problem, close_code::SIZE, "too_large"))
        }
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Ending::Gone),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}

/// Writes frames with as few system calls as their size allows.
async fn write(socket: &mut WebSocket, frames: Vec<Bytes>) -> Result<(), axum::Error> {
    let written = timeout(WRITE_TIMEOUT, async {
        for frame in frames {
            socket.feed(Message::Binary(frame)).await?;
        }
        socket.flush().await
    });
    written
        .await
        .unwrap_or_else(|too_late| Err(axum::Error::new(too_late)))
}

/// Sends the last frame, if there is one, and closes with a handshake, so that what was sent before arrives.
async fn end(socket: &mut WebSocket, ending: Ending) {
    let (code, reason) = match ending {
        Ending::Gone => return,
        Ending::Close(code, reason) => (code, reason),
        Ending::Refuse(refusal) => {
            let Refusal {
                request_id,
                problem,
                code,
                reason,
            } = *refusal;
            let frame = ServerFrame {
                request_id,
                body: Some(Body::Problem(problem)),
            };
            if write(socket, vec![Bytes::from(frame.encode_to_vec())])
                .await
                .is_err()
            {
                return;
            }
            (code, reason)
        }
    };
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
    // Whether the other side completes the handshake makes no difference any more.
    let _ = timeout(CLOSE_TIMEOUT, handshake).await;
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod size {
    use super::*;

    fn of_future<A, B, C, F: Future>(_: impl FnOnce(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand idle devices fit in tens of megabytes only if the task of each is small.
    #[test]
    fn the_task_of_a_connection_is_small() {
        let size = of_future(serve);
        assert!(size + size_of::<WebSocket>() <= 1_024, "{size} bytes");
    }
}
