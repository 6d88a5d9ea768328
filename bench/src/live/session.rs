//! A connection that many tasks share: each asks and awaits its own answer.

use std::{cell::RefCell, collections::HashMap, future::Future, rc::Rc};

use anyhow::{Context as _, Result};
use subrosa_wire::frames::{ClientFrame, client_frame::Request, server_frame::Body};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinSet,
};

use super::connection::{Connection, Reader, Writer, refusal};

/// Requests of a session count from here, those of its connection's preparation from 1.
const FIRST_REQUEST: u64 = 1 << 32;

/// The way to a shared connection.
#[derive(Default)]
pub(crate) struct Session {
    queue: RefCell<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    requests: u64,
    outgoing: Vec<ClientFrame>,
    waiting: HashMap<u64, oneshot::Sender<Body>>,
}

impl Session {
    /// Shares a connection. Its two tasks run in `tasks` on a `LocalSet`; one that ends is an error.
    pub(crate) fn start(connection: Connection, tasks: &mut JoinSet<Result<()>>) -> Rc<Self> {
        let Connection { reader, writer, .. } = connection;
        let session = Rc::new(Self::default());
        tasks.spawn_local(Rc::clone(&session).read(reader));
        tasks.spawn_local(Rc::clone(&session).write(writer));
        session
    }

    /// Queues a request at once; the future is its answer. Requests leave in the order of the calls.
    pub(crate) fn call(&self, request: Request) -> impl Future<Output = Result<Body>> + use<> {
        let (sender, answer) = oneshot::channel();
        let mut queue = self.queue.borrow_mut();
        let request_id = FIRST_REQUEST + queue.requests;
        queue.requests += 1;
        queue.outgoing.push(ClientFrame {
            request_id,
            request: Some(request),
        });
        queue.waiting.insert(request_id, sender);
        drop(queue);
        self.wake.notify_one();
        async move {
            match answer
                .await
                .context("the connection ended before the answer came")?
            {
                Body::Problem(problem) => Err(refusal(&problem)),
                body => Ok(body),
            }
        }
    }

    async fn read(self: Rc<Self>, mut reader: Reader) -> Result<()> {
        loop {
            let frame = reader.next().await?;
            let waiting = self.queue.borrow_mut().waiting.remove(&frame.request_id);
            if let (Some(sender), Some(body)) = (waiting, frame.body) {
                // Whoever asked may have given up.
                let _ = sender.send(body);
            }
        }
    }

    async fn write(self: Rc<Self>, mut writer: Writer) -> Result<()> {
        loop {
            self.wake.notified().await;
            let outgoing = std::mem::take(&mut self.queue.borrow_mut().outgoing);
            for frame in &outgoing {
                writer.put(frame);
            }
            writer.flush().await?;
        }
    }
}
