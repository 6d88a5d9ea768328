//! One WebSocket to a browser: numbered calls, their answers, and events. The DevTools protocol and WebDriver
//! BiDi share this shape.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use crate::PATIENCE;

/// Calls that wait to be written, and events that wait to be looked at.
const QUEUE_MAX: usize = 4096;

/// A connection to a browser.
pub(super) struct Connection {
    outgoing: mpsc::Sender<Message>,
    waiting: Arc<Mutex<Waiting>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Waiting {
    last_id: u64,
    calls: HashMap<u64, oneshot::Sender<Result<Value, Refusal>>>,
    has_ended: bool,
}

/// Something that the browser tells by itself.
#[derive(Debug)]
pub(super) struct Event {
    /// Which part of the browser it concerns: only in the DevTools protocol.
    pub(super) session: Option<String>,
    /// What happened.
    pub(super) method: String,
    /// The rest.
    pub(super) params: Value,
}

/// Why a call was not done.
#[derive(Debug, Clone)]
pub(super) struct Refusal(pub(super) String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Connection {
    /// Connects to a browser.
    ///
    /// # Panics
    /// If there is none.
    pub(super) async fn open(url: &str) -> (Self, mpsc::Receiver<Event>) {
        // A screenshot is one message.
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let opened = timeout(PATIENCE, connect_async_with_config(url, Some(config), true)).await;
        let Ok(Ok((socket, _))) = opened else {
            panic!("{url} cannot be reached: {opened:?}")
        };
        let (outgoing, to_write) = mpsc::channel(QUEUE_MAX);
        let (events, incoming) = mpsc::channel(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(run(socket, to_write, events, Arc::clone(&waiting)));
        let connection = Self {
            outgoing,
            waiting,
            _tasks: tasks,
        };
        (connection, incoming)
    }

    /// Makes a call and waits for the answer.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, Refusal> {
        let (answer, answered) = oneshot::channel();
        let message = self.number(session, method, &params, Some(answer))?;
        let exchange = async {
            self.outgoing.send(message).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        };
        // What waits inside of a page has an end of its own, before this one.
        match timeout(2 * PATIENCE, exchange).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(Refusal(format!("{method} was not answered: {elapsed}"))),
        }
    }

    /// Makes a call whose answer nobody needs.
    pub(super) async fn post(&self, session: Option<&str>, method: &str, params: Value) {
        if let Ok(message) = self.number(session, method, &params, None) {
            // A browser that is gone has nothing to do any more.
            let _ = self.outgoing.send(message).await;
        }
    }

    fn number(
        &self,
        session: Option<&str>,
        method: &str,
        params: &Value,
        answer: Option<oneshot::Sender<Result<Value, Refusal>>>,
    ) -> Result<Message, Refusal> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.has_ended {
            return Err(gone());
        }
        waiting.last_id += 1;
        let id = waiting.last_id;
        if let Some(answer) = answer {
            waiting.calls.insert(id, answer);
        }
        let mut call = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        Ok(Message::text(call.to_string()))
    }
}

fn gone() -> Refusal {
    Refusal("the browser is gone".to_owned())
}

async fn run(
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    mut to_write: mpsc::Receiver<Message>,
    events: mpsc::Sender<Event>,
    waiting: Arc<Mutex<Waiting>>,
) {
    let (mut sink, mut stream) = socket.split();
    let write = async {
        while let Some(message) = to_write.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        while let Some(Ok(message)) = stream.next().await {
            let Message::Text(text) = message else { continue };
            let Ok(value) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            if let Some(event) = take_in(value, &waiting)
                && events.send(event).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.has_ended = true;
    waiting.calls.clear();
}

/// Hands an answer to its call; returns what is an event.
fn take_in(mut value: Value, waiting: &Mutex<Waiting>) -> Option<Event> {
    if let Some(id) = value["id"].as_u64() {
        let call = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .calls
            .remove(&id)?;
        // BiDi: `error` is a word and `message` says more; the DevTools protocol puts both into `error`.
        let answer = match (&value["error"], &value["message"]) {
            (Value::Null, _) => Ok(value["result"].take()),
            (error, Value::String(message)) => Err(Refusal(format!("{error}: {message}"))),
            (error, _) => Err(Refusal(error.to_string())),
        };
        // Who made the call may have given up.
        let _ = call.send(answer);
        return None;
    }
    Some(Event {
        session: value["sessionId"].as_str().map(str::to_owned),
        method: value["method"].as_str()?.to_owned(),
        params: value["params"].take(),
    })
}
