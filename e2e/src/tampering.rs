//! A server that lies: sits between an honest server and a client, and changes the frames that pass.
//!
//! [`Tampering`] says what is changed and knows no transport; the simulation calls it between its engines and its
//! service. [`TamperingProxy`] puts it in front of a real server.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use subrosa_wire::{
    frames::{ClientFrame, LogEntry, ServerFrame, server_frame::Body},
    limits::FRAME_MAX,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    accept_async_with_config, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// What a lying server does with the frames that pass.
pub trait Tampering: Send {
    /// What the server gets in place of a client's frame.
    fn to_server(&mut self, frame: ClientFrame) -> Vec<ClientFrame> {
        vec![frame]
    }

    /// What the client gets in place of a server's frame.
    fn to_client(&mut self, frame: ServerFrame) -> Vec<ServerFrame> {
        vec![frame]
    }

    /// What the client gets in place of bytes of a REST answer; of the same length.
    fn to_client_over_rest(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }
}

/// Changes each log entry that a client gets, pushed or fetched.
pub struct EachEntry<F>(pub F);

impl<F: FnMut(LogEntry) -> Vec<LogEntry> + Send> Tampering for EachEntry<F> {
    fn to_client(&mut self, mut frame: ServerFrame) -> Vec<ServerFrame> {
        let entries = match &mut frame.body {
            Some(Body::Deliver(deliver)) => Some(&mut deliver.entries),
            Some(Body::LogPage(page)) => Some(&mut page.entries),
            _ => None,
        };
        if let Some(entries) = entries {
            *entries = std::mem::take(entries)
                .into_iter()
                .flat_map(&mut self.0)
                .collect();
        }
        vec![frame]
    }
}

/// Changes each frame that a client gets.
pub struct EachFrame<F>(pub F);

impl<F: FnMut(ServerFrame) -> Vec<ServerFrame> + Send> Tampering for EachFrame<F> {
    fn to_client(&mut self, frame: ServerFrame) -> Vec<ServerFrame> {
        (self.0)(frame)
    }
}

/// An honest server.
pub struct Honest;

impl Tampering for Honest {}

/// A proxy in front of a real server that tampers with what passes.
pub struct TamperingProxy {
    address: SocketAddr,
    tampering: Shared,
    _tasks: JoinSet<()>,
}

type Shared = Arc<Mutex<Box<dyn Tampering>>>;

impl TamperingProxy {
    /// A proxy for this server, honest at first.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("no address: {error}"));
        let tampering: Shared = Arc::new(Mutex::new(Box::new(Honest)));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, Arc::clone(&tampering)));
        Self {
            address,
            tampering,
            _tasks: tasks,
        }
    }

    /// The server's address for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tampers in this way from now on, on open connections, too.
    pub fn tamper(&self, tampering: impl Tampering + 'static) {
        *self.tampering.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(tampering);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, tampering: Shared) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        let tampering = Arc::clone(&tampering);
        connections.spawn(async move {
            // When it fails, both sides see a lost connection.
            let _ = forward(client, server, tampering).await;
        });
    }
}

async fn forward(client: TcpStream, server: SocketAddr, tampering: Shared) -> anyhow::Result<()> {
    client.set_nodelay(true)?;
    let mut start = [0; 13];
    // Both kinds of request are longer than this, and come in one piece.
    let count = client.peek(&mut start).await?;
    if start[..count] == *b"GET /v1/live " {
        frames(client, server, tampering).await
    } else {
        rest(client, server, tampering).await
    }
}

async fn frames(client: TcpStream, server: SocketAddr, tampering: Shared) -> anyhow::Result<()> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX));
    let client = accept_async_with_config(client, Some(config)).await?;
    let (server, _) = connect_async_with_config(format!("ws://{server}/v1/live"), Some(config), true).await?;
    let (mut to_client, mut from_client) = client.split();
    let (mut to_server, mut from_server) = server.split();
    loop {
        tokio::select! {
            message = from_client.next() => match message.transpose()? {
                None => break,
                Some(Message::Binary(bytes)) => {
                    let frame = ClientFrame::decode(bytes)?;
                    for frame in with(&tampering, |it| it.to_server(frame)) {
                        to_server.send(Message::binary(frame.encode_to_vec())).await?;
                    }
                }
                Some(other) => to_server.send(other).await?,
            },
            message = from_server.next() => match message.transpose()? {
                None => break,
                Some(Message::Binary(bytes)) => {
                    let frame = ServerFrame::decode(bytes)?;
                    for frame in with(&tampering, |it| it.to_client(frame)) {
                        to_client.send(Message::binary(frame.encode_to_vec())).await?;
                    }
                }
                Some(other) => to_client.send(other).await?,
            },
        }
    }
    Ok(())
}

async fn rest(client: TcpStream, server: SocketAddr, tampering: Shared) -> anyhow::Result<()> {
    let server = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async move { tokio::io::copy(&mut from_client, &mut to_server).await.map(drop) };
    let back = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let count @ 1.. = from_server.read(&mut buffer).await? {
            let bytes = buffer[..count].to_vec();
            let bytes = with(&tampering, |it| it.to_client_over_rest(bytes));
            to_client.write_all(&bytes).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::select! {
        ended = there => ended?,
        ended = back => ended?,
    }
    Ok(())
}

/// Never held across an await.
fn with<T>(tampering: &Shared, act: impl FnOnce(&mut dyn Tampering) -> T) -> T {
    act(tampering.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
}
