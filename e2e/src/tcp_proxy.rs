//! A TCP proxy in front of a server. Clients keep its address while the server behind it dies and comes back elsewhere.
//! It can be shut and stalled, and can record what passes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

use crate::recording::Recording;

/// What the proxy does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    mode: Mode,
    /// How often it was shut. A connection from before ends, also if it is open again by the time that anybody looks.
    cuts: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Forwards them to this server.
    Open(SocketAddr),
    /// Refuses new ones and ends open ones.
    Shut,
    /// Accepts them and moves no bytes, like a network that drops everything.
    Stalled(SocketAddr),
}

/// A TCP proxy whose address never changes.
pub struct TcpProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    recordings: Arc<Mutex<Option<Vec<Recording>>>>,
    /// Ends every connection when the proxy is dropped.
    _tasks: JoinSet<()>,
}

impl TcpProxy {
    /// A proxy that forwards nothing yet.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("no address: {error}"));
        let (state, watched) = watch::channel(State {
            mode: Mode::Shut,
            cuts: 0,
        });
        let recordings = Arc::new(Mutex::new(None));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, watched, Arc::clone(&recordings)));
        Self {
            address,
            state,
            recordings,
            _tasks: tasks,
        }
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards to this server from now on. Connections to another are ended.
    pub fn open_to(&self, server: SocketAddr) {
        self.state.send_modify(|state| state.mode = Mode::Open(server));
    }

    /// Ends all connections, and refuses new ones.
    pub fn shut(&self) {
        self.state.send_modify(|state| {
            state.mode = Mode::Shut;
            state.cuts += 1;
        });
    }

    /// Moves no bytes until [`TcpProxy::open_to`], and keeps the connections open.
    pub fn stall(&self) {
        self.state.send_modify(|state| {
            if let Mode::Open(server) = state.mode {
                state.mode = Mode::Stalled(server);
            }
        });
    }

    /// Records every connection made from now on.
    pub fn record(&self) {
        *self.recordings.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// What has been recorded.
    pub fn recordings(&self) -> Vec<Recording> {
        self.recordings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .unwrap_or_default()
    }
}

async fn accept(
    listener: TcpListener,
    mut state: watch::Receiver<State>,
    recordings: Arc<Mutex<Option<Vec<Recording>>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        // Out of file descriptors, say: this client sees a dead connection, the next one may not.
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        let State { mode, cuts } = *state.borrow_and_update();
        let (Mode::Open(server) | Mode::Stalled(server)) = mode else {
            continue;
        };
        let place = recordings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
            .map(|all| {
                all.push(Recording::default());
                all.len() - 1
            });
        let tape = place.map(|place| Tape {
            recordings: Arc::clone(&recordings),
            place,
        });
        connections.spawn(forward(client, (server, cuts), state.clone(), tape));
    }
}

/// Where a connection is recorded.
#[derive(Clone)]
struct Tape {
    recordings: Arc<Mutex<Option<Vec<Recording>>>>,
    place: usize,
}

impl Tape {
    fn write(&self, direction: Direction, bytes: &[u8]) {
        let mut recordings = self.recordings.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(recording) = recordings.as_mut().and_then(|all| all.get_mut(self.place)) else {
            return;
        };
        match direction {
            Direction::ToServer => recording.to_server.extend_from_slice(bytes),
            Direction::ToClient => recording.to_client.extend_from_slice(bytes),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    ToServer,
    ToClient,
}

async fn forward(
    client: TcpStream,
    (server, cuts): (SocketAddr, u64),
    mut state: watch::Receiver<State>,
    tape: Option<Tape>,
) {
    let Ok(upstream) = TcpStream::connect(server).await else {
        return;
    };
    // Small frames are sent at once, as they would be without a proxy.
    let _ = (client.set_nodelay(true), upstream.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = upstream.into_split();
    let there = pass(
        from_client,
        to_server,
        Direction::ToServer,
        state.clone(),
        tape.clone(),
    );
    let back = pass(from_server, to_client, Direction::ToClient, state.clone(), tape);
    let both = async { tokio::join!(there, back) };
    tokio::select! {
        _ = both => {}
        // The proxy was shut, or forwards elsewhere.
        _ = state.wait_for(|state| {
            state.cuts != cuts || !matches!(state.mode, Mode::Open(to) | Mode::Stalled(to) if to == server)
        }) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    mut state: watch::Receiver<State>,
    tape: Option<Tape>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if state
            .wait_for(|state| !matches!(state.mode, Mode::Stalled(_)))
            .await
            .is_err()
        {
            return;
        }
        if let Some(tape) = &tape {
            tape.write(direction, &buffer[..count]);
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
