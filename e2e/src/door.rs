//! The door: a TCP proxy before a server. Clients keep its address while the server behind it dies and
//! comes back elsewhere; it can be shut and stalled, and records what passes if it is asked to.

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

/// What the door does with what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Lets it through, to this server.
    Open(SocketAddr),
    /// Lets nobody in, and ends what was under way.
    Shut,
    /// Lets everybody in and moves no byte: a network that swallows.
    Stalled(SocketAddr),
}

/// A TCP proxy on an address that stays.
pub struct Door {
    address: SocketAddr,
    state: watch::Sender<State>,
    recordings: Arc<Mutex<Option<Vec<Recording>>>>,
    /// Ends every connection with the door.
    _keeper: JoinSet<()>,
}

impl Door {
    /// A door that is shut.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("no address: {error}"));
        let (state, watched) = watch::channel(State::Shut);
        let recordings = Arc::new(Mutex::new(None));
        let mut keeper = JoinSet::new();
        keeper.spawn(keep(listener, watched, Arc::clone(&recordings)));
        Self {
            address,
            state,
            recordings,
            _keeper: keeper,
        }
    }

    /// Where clients come in.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to this server from now on. What was under way to another is ended.
    pub fn open_to(&self, server: SocketAddr) {
        self.state.send_replace(State::Open(server));
    }

    /// Ends all connections, and refuses new ones.
    pub fn shut(&self) {
        self.state.send_replace(State::Shut);
    }

    /// Moves no byte until [`Door::open_to`], and keeps the connections.
    pub fn stall(&self) {
        self.state.send_modify(|state| {
            if let State::Open(server) = *state {
                *state = State::Stalled(server);
            }
        });
    }

    /// Records every connection that comes from now on.
    pub fn record(&self) {
        *self.recordings.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// What was recorded until now.
    pub fn recordings(&self) -> Vec<Recording> {
        self.recordings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .unwrap_or_default()
    }
}

async fn keep(
    listener: TcpListener,
    mut state: watch::Receiver<State>,
    recordings: Arc<Mutex<Option<Vec<Recording>>>>,
) {
    let mut visits = JoinSet::new();
    loop {
        // Out of file descriptors or so: the visitor sees a dead connection, the next one may not.
        let Ok((visitor, _)) = listener.accept().await else {
            continue;
        };
        while visits.try_join_next().is_some() {}
        let (State::Open(server) | State::Stalled(server)) = *state.borrow_and_update() else {
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
        visits.spawn(visit(visitor, server, state.clone(), tape));
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

async fn visit(
    visitor: TcpStream,
    server: SocketAddr,
    mut state: watch::Receiver<State>,
    tape: Option<Tape>,
) {
    let Ok(upstream) = TcpStream::connect(server).await else {
        return;
    };
    // Small frames go at once, as they would without a door.
    let _ = (visitor.set_nodelay(true), upstream.set_nodelay(true));
    let (from_visitor, to_visitor) = visitor.into_split();
    let (from_server, to_server) = upstream.into_split();
    let there = pass(
        from_visitor,
        to_server,
        Direction::ToServer,
        state.clone(),
        tape.clone(),
    );
    let back = pass(from_server, to_visitor, Direction::ToClient, state.clone(), tape);
    let both = async { tokio::join!(there, back) };
    tokio::select! {
        _ = both => {}
        // The door was shut, or leads elsewhere.
        _ = state.wait_for(|state| !matches!(state, State::Open(to) | State::Stalled(to) if *to == server)) => {}
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
            .wait_for(|state| !matches!(state, State::Stalled(_)))
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
