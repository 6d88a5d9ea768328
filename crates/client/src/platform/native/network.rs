//! HTTP by reqwest and WebSockets by tungstenite, over rustls.

use std::sync::Arc;

use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use reqwest::{Method, Response, Url, header, redirect};
use rustls::ClientConfig;
use subrosa_wire::limits::FRAME_MAX;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        self, Bytes, Message, client::IntoClientRequest as _, http::HeaderValue, protocol::WebSocketConfig,
    },
};

use super::tls;
use crate::{
    ClientError, ServerUrl,
    limits::CONNECT_TIMEOUT,
    platform::{Address, HttpAnswer, HttpFailure, HttpRequest, WebSocketFailure, retry_after},
    rest::{JSON_MEDIA_TYPE, USER_AGENT},
};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects to one server.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    tls: Arc<ClientConfig>,
}

impl Network {
    /// Connects to this server.
    pub(crate) fn to(server: &ServerUrl) -> Result<Self, ClientError> {
        Ok(Self {
            tls: tls::config(server)?,
        })
    }

    /// The HTTP client. It ignores the environment's proxies and does not follow redirects. The error is a
    /// human-readable reason.
    pub(crate) fn http(&self) -> Result<Http, String> {
        reqwest::Client::builder()
            .use_preconfigured_tls(ClientConfig::clone(&self.tls))
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map(Http)
            .map_err(|error| innermost(&error))
    }

    /// Opens the server's WebSocket.
    pub(crate) async fn open_web_socket(
        &self,
        server: &ServerUrl,
    ) -> Result<(Sender, Receiver), WebSocketFailure> {
        let mut request = server
            .live()
            .as_str()
            .into_client_request()
            .map_err(|error| innermost(&error))?;
        request
            .headers_mut()
            .insert("user-agent", HeaderValue::from_static(USER_AGENT));
        let config = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .max_message_size(Some(FRAME_MAX))
            .max_frame_size(Some(FRAME_MAX));
        let connector = server
            .is_encrypted()
            .then(|| Connector::Rustls(Arc::clone(&self.tls)));
        // On the heap: the future of a TLS handshake is large.
        let connecting = Box::pin(connect_async_tls_with_config(
            request,
            Some(config),
            true,
            connector,
        ));
        let (stream, _) = connecting.await.map_err(|error| handshake_failure(&error))?;
        let (sink, stream) = stream.split();
        Ok((Sender(sink), Receiver(stream)))
    }
}

/// The sending half of a WebSocket.
pub(crate) struct Sender(SplitSink<Stream, Message>);

impl Sender {
    /// Passes binary messages to the operating system, all at once.
    pub(crate) async fn send(&mut self, messages: Vec<Vec<u8>>) -> Result<(), String> {
        for message in messages {
            let fed = self.0.feed(Message::binary(message)).await;
            fed.map_err(|error| innermost(&error))?;
        }
        self.0.flush().await.map_err(|error| innermost(&error))
    }
}

/// The receiving half of a WebSocket.
pub(crate) struct Receiver(SplitStream<Stream>);

impl Receiver {
    /// The next binary message; text and control messages are skipped. The error is the reason why there are no more.
    pub(crate) async fn next(&mut self) -> Result<Bytes, String> {
        loop {
            match self.0.next().await {
                None => return Err("the connection was closed".to_owned()),
                Some(Err(error)) => return Err(innermost(&error)),
                Some(Ok(Message::Close(Some(close)))) if !close.reason.is_empty() => {
                    return Err(format!("the server closed the connection: {}", close.reason));
                }
                Some(Ok(Message::Close(_))) => return Err("the server closed the connection".to_owned()),
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(_)) => {}
            }
        }
    }
}

fn handshake_failure(error: &tungstenite::Error) -> WebSocketFailure {
    match error {
        tungstenite::Error::Http(answer) => {
            let header = answer.headers().get(header::RETRY_AFTER);
            WebSocketFailure {
                reason: format!("it answered {} instead of a WebSocket", answer.status()),
                retry_after: retry_after(header.and_then(|value| value.to_str().ok())),
            }
        }
        error => innermost(error).into(),
    }
}

/// Parses a URL.
pub(crate) fn read_address(text: &str) -> Option<Address> {
    let url = Url::parse(text).ok()?;
    let has_surplus = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    Some(Address {
        scheme: url.scheme().to_owned(),
        host: url.host_str().unwrap_or_default().to_owned(),
        has_surplus,
        text: url.into(),
    })
}

/// Makes HTTP requests.
#[derive(Debug, Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    /// Sends a request and reads an answer of at most `max` bytes.
    pub(crate) async fn exchange(&self, request: HttpRequest, max: usize) -> Result<HttpAnswer, HttpFailure> {
        let failure = |error: reqwest::Error| {
            if error.is_timeout() {
                HttpFailure::TimedOut
            } else {
                HttpFailure::Unreachable(innermost(&error))
            }
        };
        let method = Method::from_bytes(request.method.as_bytes());
        let mut sent = self.0.request(method.unwrap_or_default(), request.address);
        if let Some(token) = request.bearer_token {
            sent = sent.bearer_auth(token);
        }
        if let Some(json) = request.json {
            sent = sent.header(header::CONTENT_TYPE, JSON_MEDIA_TYPE).body(json);
        }
        let response = sent.send().await.map_err(failure)?;
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok()
        };
        Ok(HttpAnswer {
            status: response.status().as_u16(),
            media_type: header(header::CONTENT_TYPE).unwrap_or_default().to_owned(),
            retry_after: retry_after(header(header::RETRY_AFTER)),
            body: bounded_body(response, max)
                .await
                .map_err(failure)?
                .ok_or(HttpFailure::TooLong)?,
        })
    }
}

/// The body of an answer; `None` if it is longer than `max` bytes.
async fn bounded_body(mut response: Response, max: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The innermost cause, which says the most: "connection refused" instead of "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
