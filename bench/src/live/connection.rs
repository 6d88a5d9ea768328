//! One authenticated connection: connect, Hello, Ready; then single requests, or both halves for a load.

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::BytesMut;
use prost::Message as _;
use subrosa_wire::{
    ProblemCode,
    frames::{ClientFrame, Hello, Problem, ServerFrame, client_frame::Request, server_frame::Body},
    limits::PROTOCOL_VERSION,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, connect_async_with_config, tungstenite::protocol::WebSocketConfig};

use super::websocket::{Opcode, put_client_frame, take_frame};
use crate::limits::{CALL_TIMEOUT, CONNECT_TIMEOUT, READ_BYTES};

type Stream = MaybeTlsStream<TcpStream>;

/// The address of a WebSocket.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// The endpoint of a server with this base address.
    pub(crate) fn of(server: &str) -> Result<Self> {
        let (scheme, rest) = server
            .split_once("://")
            .with_context(|| format!("{server:?} is not an address such as http://localhost:8080"))?;
        let scheme = match scheme {
            "http" => "ws",
            "https" => "wss",
            other => bail!("a server is at http:// or https://, not at {other}://"),
        };
        Ok(Self(format!("{scheme}://{}/v1/live", rest.trim_end_matches('/'))))
    }
}

/// A connection on which the server has said Ready.
pub(crate) struct Connection {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    requests: u64,
}

/// What arrives.
pub(crate) struct Reader {
    stream: ReadHalf<Stream>,
    arrived: BytesMut,
}

/// What is sent.
pub(crate) struct Writer {
    stream: WriteHalf<Stream>,
    waiting: BytesMut,
}

impl Connection {
    /// Connects and authenticates.
    pub(crate) async fn open(endpoint: &Endpoint, access_token: &str) -> Result<Self> {
        timeout(CONNECT_TIMEOUT, Self::open_patiently(endpoint, access_token))
            .await
            .map_err(|_| anyhow!("no Ready within {CONNECT_TIMEOUT:?}"))?
            .with_context(|| format!("connecting to {}", endpoint.0))
    }

    async fn open_patiently(endpoint: &Endpoint, access_token: &str) -> Result<Self> {
        // The server speaks only after Hello, so nothing is lost in the library's buffer.
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let (stream, _) = connect_async_with_config(endpoint.0.as_str(), Some(config), true).await?;
        let (read, write) = tokio::io::split(stream.into_inner());
        let mut connection = Self {
            reader: Reader {
                stream: read,
                arrived: BytesMut::new(),
            },
            writer: Writer {
                stream: write,
                waiting: BytesMut::new(),
            },
            requests: 0,
        };
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            access_token: access_token.to_owned(),
            client: concat!("subrosa-bench/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        match connection.call(Request::Hello(hello)).await? {
            Body::Ready(_) => Ok(connection),
            other => bail!("the server answered Hello with {other:?}"),
        }
    }

    /// Sends one request and waits for its answer; pushes that come before it are dropped. A refusal is an error.
    pub(crate) async fn call(&mut self, request: Request) -> Result<Body> {
        match self.ask(request).await? {
            Body::Problem(problem) => Err(refusal(&problem)),
            body => Ok(body),
        }
    }

    /// Like `call`, but returns a refusal like any other answer.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Body> {
        self.requests += 1;
        let request_id = self.requests;
        self.writer.put(&ClientFrame {
            request_id,
            request: Some(request),
        });
        self.writer.flush().await?;
        let answer = async {
            loop {
                let frame = self.reader.next().await?;
                if frame.request_id == request_id {
                    return anyhow::Ok(frame.body);
                }
            }
        };
        let body = timeout(CALL_TIMEOUT, answer)
            .await
            .map_err(|_| anyhow!("the server did not answer within {CALL_TIMEOUT:?}"))??;
        body.context("the server sent an empty answer")
    }
}

impl Reader {
    /// The next frame. Pings are left unanswered: the load is sign of life enough.
    pub(crate) async fn next(&mut self) -> Result<ServerFrame> {
        loop {
            while let Some(frame) = take_frame(&mut self.arrived)? {
                match frame.opcode {
                    Opcode::Binary => return Ok(ServerFrame::decode(frame.payload)?),
                    Opcode::Ping | Opcode::Pong => {}
                    Opcode::Close => bail!(
                        "the server closed the connection: {}",
                        close_reason(&frame.payload)
                    ),
                }
            }
            self.arrived.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.arrived).await? == 0 {
                bail!("the server cut the connection");
            }
        }
    }
}

impl Writer {
    /// Adds a frame to what goes out with the next flush.
    pub(crate) fn put(&mut self, frame: &ClientFrame) {
        put_client_frame(&mut self.waiting, frame);
    }

    /// Sends what waits, in one write if the socket takes it.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        self.stream.write_all_buf(&mut self.waiting).await?;
        Ok(self.stream.flush().await?)
    }
}

/// A problem as an error that names its code, and what an operator can do about it.
pub(crate) fn refusal(problem: &Problem) -> anyhow::Error {
    let advice = match problem.known_code() {
        Some(ProblemCode::RateLimited) => ": set limits.frames_per_device to 0 while you measure",
        _ => "",
    };
    anyhow!(
        "the server refused: {} ({}){advice}",
        problem.code,
        problem.detail
    )
}

fn close_reason(payload: &[u8]) -> String {
    match payload.split_first_chunk() {
        Some((code, reason)) => format!(
            "{} {}",
            u16::from_be_bytes(*code),
            String::from_utf8_lossy(reason)
        ),
        None => "without a reason".to_owned(),
    }
}
