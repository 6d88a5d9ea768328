//! HTTP by `fetch`, and the browser's WebSockets. Certificates, proxies and redirects are up to the browser; the page's
//! content security policy allows requests to the page's own origin only.

use std::{cell::Cell, rc::Rc, time::Duration};

use js_sys::{ArrayBuffer, Uint8Array};
use prost::bytes::Bytes;
use subrosa_wire::limits::FRAME_MAX;
use tokio::sync::mpsc;
use wasm_bindgen::{JsCast as _, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, BinaryType, CloseEvent, DedicatedWorkerGlobalScope, Event, Headers, MessageEvent,
    RequestCredentials, RequestInit, RequestRedirect, Response, Url, WebSocket,
};

use super::{reason, sleep};
use crate::{
    ClientError, ServerUrl,
    limits::{INCOMING_FRAMES_MAX, WRITE_BUFFER_MAX},
    platform::{Address, HttpAnswer, HttpFailure, HttpRequest, WebSocketFailure, retry_after},
    rest::JSON_MEDIA_TYPE,
};

/// How often a full buffer is checked: a browser does not report when it has drained.
const DRAIN_INTERVAL: Duration = Duration::from_millis(50);

/// Connects to the server of this origin.
#[derive(Debug, Clone)]
pub(crate) struct Network;

/// The events of a WebSocket.
enum Incoming {
    Opened,
    Message(Bytes),
    Ended(String),
}

impl Network {
    /// Connects to this server.
    #[expect(clippy::unnecessary_wraps, reason = "natively certificates may be missing")]
    pub(crate) fn to(_: &ServerUrl) -> Result<Self, ClientError> {
        Ok(Self)
    }

    /// The HTTP client.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "natively it holds the certificates"
    )]
    pub(crate) fn http(&self) -> Result<Http, String> {
        Ok(Http)
    }

    /// Opens the server's WebSocket. A browser does not tell what a server answers in place of one.
    pub(crate) async fn open_web_socket(
        &self,
        server: &ServerUrl,
    ) -> Result<(Sender, Receiver), WebSocketFailure> {
        let socket = WebSocket::new(server.live().as_str()).map_err(|error| reason(&error))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (connection, mut receiver) = Connection::watch(socket);
        match receiver.incoming.recv().await {
            Some(Incoming::Opened) => Ok((Sender(connection), receiver)),
            Some(Incoming::Ended(reason)) => Err(reason.into()),
            Some(Incoming::Message(_)) | None => Err("it did not open a connection".to_owned().into()),
        }
    }
}

/// A WebSocket and its listeners; closed when both halves are dropped.
struct Connection {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut(Event)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Connection {
    fn watch(socket: WebSocket) -> (Rc<Self>, Receiver) {
        let (queue, incoming) = mpsc::channel(INCOMING_FRAMES_MAX);
        let overrun = Rc::new(Cell::new(false));

        let opened = queue.clone();
        let on_open = Closure::<dyn FnMut(Event)>::new(move |_| {
            let _ = opened.try_send(Incoming::Opened);
        });
        let (messages, is_overrun, closing) = (queue.clone(), Rc::clone(&overrun), socket.clone());
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            // Text messages are ignored.
            let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() else {
                return;
            };
            let incoming = if buffer.byte_length() as usize > FRAME_MAX {
                Incoming::Ended(format!("the server sent a frame of more than {FRAME_MAX} bytes"))
            } else {
                Incoming::Message(Uint8Array::new(&buffer).to_vec().into())
            };
            if messages.try_send(incoming).is_err() {
                // A browser cannot be told to wait: what is missed is fetched on the next connection.
                is_overrun.set(true);
                let _ = closing.close();
            }
        });
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            let said = event.reason();
            let reason = if said.is_empty() {
                "the connection was closed".to_owned()
            } else {
                format!("the server closed the connection: {said}")
            };
            let _ = queue.try_send(Incoming::Ended(reason));
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        let connection = Rc::new(Self {
            socket,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        });
        let receiver = Receiver {
            incoming,
            overrun,
            _connection: Rc::clone(&connection),
        };
        (connection, receiver)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // It may be closed already.
        let _ = self.socket.close();
    }
}

/// The sending half of a WebSocket.
pub(crate) struct Sender(Rc<Connection>);

impl Sender {
    /// Passes binary messages to the browser, and waits while its buffer is full.
    pub(crate) async fn send(&mut self, messages: Vec<Vec<u8>>) -> Result<(), String> {
        for message in messages {
            while self.0.socket.buffered_amount() > WRITE_BUFFER_MAX {
                sleep(DRAIN_INTERVAL).await;
            }
            if self.0.socket.ready_state() != WebSocket::OPEN {
                return Err("the connection was closed".to_owned());
            }
            let sent = self.0.socket.send_with_u8_array(&message);
            sent.map_err(|error| reason(&error))?;
        }
        Ok(())
    }
}

/// The receiving half of a WebSocket.
pub(crate) struct Receiver {
    incoming: mpsc::Receiver<Incoming>,
    overrun: Rc<Cell<bool>>,
    _connection: Rc<Connection>,
}

impl Receiver {
    /// The next binary message. The error is the reason why there are no more.
    pub(crate) async fn next(&mut self) -> Result<Bytes, String> {
        loop {
            if self.overrun.get() {
                return Err("the server sends faster than this device can read".to_owned());
            }
            match self.incoming.recv().await {
                Some(Incoming::Opened) => {}
                Some(Incoming::Message(bytes)) => return Ok(bytes),
                Some(Incoming::Ended(reason)) => return Err(reason),
                None => return Err("the connection was closed".to_owned()),
            }
        }
    }
}

/// Parses a URL.
pub(crate) fn read_address(text: &str) -> Option<Address> {
    let url = Url::new(text).ok()?;
    let whole = url.href();
    Some(Address {
        scheme: url.protocol().trim_end_matches(':').to_owned(),
        host: url.hostname(),
        has_surplus: !url.username().is_empty() || !url.password().is_empty() || whole.contains(['?', '#']),
        text: whole,
    })
}

/// Makes HTTP requests.
#[derive(Debug, Clone)]
pub(crate) struct Http;

impl Http {
    /// Sends a request and reads an answer of at most `max` bytes. It carries no cookies, and a redirect is a failure.
    pub(crate) async fn exchange(&self, request: HttpRequest, max: usize) -> Result<HttpAnswer, HttpFailure> {
        let failure = |error: JsValue| HttpFailure::Unreachable(reason(&error));
        let headers = Headers::new().map_err(failure)?;
        if let Some(token) = request.bearer_token {
            headers
                .set("authorization", &format!("Bearer {token}"))
                .map_err(failure)?;
        }
        let options = RequestInit::new();
        if let Some(json) = request.json {
            headers.set("content-type", JSON_MEDIA_TYPE).map_err(failure)?;
            options.set_body(&Uint8Array::from(json.as_slice()));
        }
        let given_up = GiveUp(AbortController::new().map_err(failure)?);
        options.set_method(request.method);
        options.set_headers(&headers);
        options.set_signal(Some(&given_up.0.signal()));
        options.set_credentials(RequestCredentials::Omit);
        options.set_redirect(RequestRedirect::Error);

        let worker: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
        let response = worker.fetch_with_str_and_init(&request.address, &options);
        let response = JsFuture::from(response).await.map_err(failure)?;
        let response: Response = response.unchecked_into();
        let header = |name| response.headers().get(name).ok().flatten();
        let len = header("content-length").and_then(|len| len.parse::<u64>().ok());
        if len.is_some_and(|len| len > max as u64) {
            return Err(HttpFailure::TooLong);
        }
        let body = response.array_buffer().map_err(failure)?;
        let body = Uint8Array::new(&JsFuture::from(body).await.map_err(failure)?);
        if body.length() as usize > max {
            return Err(HttpFailure::TooLong);
        }
        Ok(HttpAnswer {
            status: response.status(),
            media_type: header("content-type").unwrap_or_default(),
            retry_after: retry_after(header("retry-after").as_deref()),
            body: body.to_vec(),
        })
    }
}

/// Aborts a request that nobody waits for any more. If it has already ended, nothing happens.
struct GiveUp(AbortController);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.abort();
    }
}
