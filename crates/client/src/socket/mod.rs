//! One WebSocket connection: from the TCP handshake to Ready, and then frames in both directions until it ends. It
//! keeps no state; the engine requests everything again on the next one.

use std::{collections::HashSet, time::Duration};

use prost::Message as _;
use subrosa_wire::{
    ProblemCode, Timestamp,
    frames::{
        ClientFrame, Hello, Notice, Ping, Problem, Ready, ServerFrame, client_frame::Request, notice,
        server_frame::Body,
    },
    limits::PROTOCOL_VERSION,
};
use tokio::sync::{mpsc, watch};

use crate::{
    ClientError, ClockDifference, Refusal, ServerUrl, ambient,
    error::named_version,
    host::HostHandle,
    limits::{
        ANSWER_TIMEOUT, CONNECT_TIMEOUT, LONG_ANSWER_TIMEOUT, PING_INTERVAL_MAX, PING_INTERVAL_MIN,
        READY_TIMEOUT, SLOWEST_LINE, WRITE_TIMEOUT,
    },
    platform::{Network, Receiver, Sender, timeout},
    rest::USER_AGENT,
};

/// The connection's own request ids (Hello, pings) start here; the engine counts from 1.
const FIRST_OWN_REQUEST: u64 = 1 << 63;

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The network, the server, or the engine ended it.
    Lost(String),
    /// The server is stopping and asked the client to reconnect after this time.
    Draining(Duration),
    /// The server signed this device out.
    SignedOut,
}

/// A connection on which the server has said Ready.
pub(crate) struct Socket {
    sender: Sender,
    receiver: Receiver,
    ping_interval: Duration,
    clock: Option<ClockDifference>,
}

impl Socket {
    /// Connects and says Hello.
    pub(crate) async fn open(
        server: &ServerUrl,
        network: &Network,
        access_token: String,
    ) -> Result<Self, ClientError> {
        let unreachable = |reason: String| ClientError::Unreachable {
            server: server.to_string(),
            reason,
        };
        let (mut sender, mut receiver) = timeout(CONNECT_TIMEOUT, network.open_web_socket(server))
            .await
            .map_err(|_| unreachable("it did not answer in time".to_owned()))?
            .map_err(|failure| match failure.retry_after {
                Some(wait) => Refusal::of_overload(failure.reason, Some(wait)).into(),
                None => unreachable(failure.reason),
            })?;
        let ready = timeout(READY_TIMEOUT, say_hello(&mut sender, &mut receiver, access_token))
            .await
            .map_err(|_| unreachable("it did not say Ready in time".to_owned()))??;
        let asked = Duration::from_millis(ready.heartbeat_interval_ms.into());
        let ping_interval = asked.clamp(PING_INTERVAL_MIN, PING_INTERVAL_MAX);
        tracing::debug!(
            ping_interval_ms = ping_interval.as_millis(),
            "the server is ready"
        );
        let clock = ClockDifference::between(ambient::now(), Timestamp::from_millis(ready.server_time_ms));
        if let Some(clock) = clock {
            tracing::warn!(%clock, "this device's clock differs from the server's");
        }
        Ok(Self {
            sender,
            receiver,
            ping_interval,
            clock,
        })
    }

    /// How far this device's clock is from the server's, if it is wrong.
    pub(crate) fn clock(&self) -> Option<ClockDifference> {
        self.clock
    }

    /// Carries frames until the connection ends.
    pub(crate) async fn run(self, host: &HostHandle, outgoing: mpsc::Receiver<ClientFrame>) -> Ending {
        let debt = watch::Sender::new(Debt::default());
        tokio::select! {
            ending = read(self.receiver, host, &debt) => ending,
            ending = write(self.sender, outgoing, self.ping_interval, &debt) => ending,
        }
    }
}

async fn say_hello(
    sender: &mut Sender,
    receiver: &mut Receiver,
    access_token: String,
) -> Result<Ready, ClientError> {
    let hello = Hello {
        protocol_version: PROTOCOL_VERSION,
        access_token,
        client: USER_AGENT.to_owned(),
    };
    let hello = ClientFrame {
        request_id: FIRST_OWN_REQUEST,
        request: Some(Request::Hello(hello)),
    };
    let lost = |reason: String| ClientError::ServerMisbehaved(reason);
    let said = sender.send(vec![hello.encode_to_vec()]).await;
    said.map_err(|reason| lost(format!("it closed the connection before Hello: {reason}")))?;
    loop {
        match next_frame(receiver).await {
            Ok(ServerFrame {
                body: Some(Body::Ready(ready)),
                ..
            }) if ready.protocol_version == PROTOCOL_VERSION => {
                return Ok(ready);
            }
            Ok(ServerFrame {
                body: Some(Body::Ready(ready)),
                ..
            }) => {
                return Err(ClientError::VersionMismatch {
                    server: named_version(ready.protocol_version),
                    client: PROTOCOL_VERSION,
                });
            }
            Ok(ServerFrame {
                body: Some(Body::Problem(problem)),
                ..
            }) => return Err(refused(problem)),
            // A push that overtook Ready is ignored: everything that is pushed can also be fetched.
            Ok(_) => {}
            Err(reason) => return Err(lost(reason)),
        }
    }
}

fn refused(problem: Problem) -> ClientError {
    match problem.known_code() {
        Some(ProblemCode::UnsupportedVersion) => ClientError::VersionMismatch {
            server: None,
            client: PROTOCOL_VERSION,
        },
        _ => ClientError::Refused(problem.into()),
    }
}

/// What the server owes. By this a user who sends something learns that a connection is dead.
#[derive(Debug, Default)]
struct Debt {
    /// The time within which it must say something; `None` while nothing was requested after its last frame.
    patience: Option<Duration>,
    /// Requests whose answer may be long: on a slow line nothing else arrives until it has.
    long: HashSet<u64>,
}

impl Debt {
    /// Notes requests, which together are this long.
    fn owe(&mut self, frames: &[ClientFrame], bytes: usize) -> bool {
        let long = frames.iter().filter(|frame| has_long_answer(frame));
        self.long.extend(long.map(|frame| frame.request_id));
        if self.patience.is_some() {
            return false;
        }
        let seconds = u32::try_from(bytes / SLOWEST_LINE).unwrap_or(u32::MAX);
        let answer = if self.long.is_empty() {
            ANSWER_TIMEOUT
        } else {
            LONG_ANSWER_TIMEOUT
        };
        self.patience = Some(answer + Duration::from_secs(seconds.into()));
        true
    }

    /// Notes a frame.
    fn heard(&mut self, frame: &ServerFrame) {
        self.patience = None;
        self.long.remove(&frame.request_id);
    }
}

fn has_long_answer(frame: &ClientFrame) -> bool {
    matches!(
        frame.request,
        Some(Request::Sync(_) | Request::FetchLog(_) | Request::FetchGroup(_) | Request::FetchRecords(_))
    )
}

/// The next frame; an error also if the server lets the time pass that it has.
async fn next_in_time(receiver: &mut Receiver, debt: &watch::Sender<Debt>) -> Result<ServerFrame, String> {
    let mut changes = debt.subscribe();
    loop {
        let patience = changes.borrow_and_update().patience;
        let next = async {
            match patience {
                Some(patience) => timeout(patience, next_frame(receiver))
                    .await
                    .unwrap_or_else(|_| Err("the server did not answer".to_owned())),
                None => next_frame(receiver).await,
            }
        };
        tokio::select! {
            frame = next => {
                let frame = frame?;
                debt.send_modify(|debt| debt.heard(&frame));
                return Ok(frame);
            }
            Ok(()) = changes.changed() => {}
        }
    }
}

/// Passes every frame to the engine.
async fn read(mut receiver: Receiver, host: &HostHandle, debt: &watch::Sender<Debt>) -> Ending {
    let mut draining = None;
    loop {
        let frame = match next_in_time(&mut receiver, debt).await {
            Err(reason) => return draining.map_or(Ending::Lost(reason), Ending::Draining),
            Ok(frame) => frame,
        };
        if frame.request_id >= FIRST_OWN_REQUEST {
            continue;
        }
        tracing::trace!(request_id = frame.request_id, "received");
        let mut signed_out = false;
        if let Some(Body::Notice(Notice { kind: Some(kind) })) = &frame.body {
            match kind {
                notice::Kind::Draining(notice) => {
                    tracing::info!(
                        reconnect_after_ms = notice.reconnect_after_ms,
                        "the server is stopping"
                    );
                    draining = Some(Duration::from_millis(notice.reconnect_after_ms.into()));
                }
                notice::Kind::SignedOut(_) => signed_out = true,
                notice::Kind::KeyPackagesLow(_) | notice::Kind::StateChanged(_) => {}
            }
        }
        match host.run(move |host| host.received(frame)).await {
            Err(closed) => return Ending::Lost(closed.to_string()),
            Ok(Err(error)) => return Ending::Lost(error.to_string()),
            Ok(Ok(())) if signed_out => return Ending::SignedOut,
            Ok(Ok(())) => {}
        }
    }
}

async fn next_frame(receiver: &mut Receiver) -> Result<ServerFrame, String> {
    let bytes = receiver.next().await?;
    ServerFrame::decode(bytes)
        .map_err(|error| format!("the server sent a frame that cannot be read: {error}"))
}

/// Writes frames as they come, all that are queued at once, and pings when there are none.
async fn write(
    mut sender: Sender,
    mut outgoing: mpsc::Receiver<ClientFrame>,
    ping_interval: Duration,
    debt: &watch::Sender<Debt>,
) -> Ending {
    let mut own_request = FIRST_OWN_REQUEST;
    loop {
        let frame = match timeout(ping_interval, outgoing.recv()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ending::Lost("the local state could not be kept".to_owned()),
            Err(_) => {
                own_request += 1;
                ClientFrame {
                    request_id: own_request,
                    request: Some(Request::Ping(Ping {})),
                }
            }
        };
        let mut frames = vec![frame];
        while let Ok(frame) = outgoing.try_recv() {
            frames.push(frame);
        }
        let messages: Vec<_> = frames.iter().map(prost::Message::encode_to_vec).collect();
        tracing::trace!(frames = messages.len(), "sending");
        debt.send_if_modified(|debt| debt.owe(&frames, messages.iter().map(Vec::len).sum()));
        match timeout(WRITE_TIMEOUT, sender.send(messages)).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Ending::Lost(reason),
            Err(_) => return Ending::Lost("the network does not take any data".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
