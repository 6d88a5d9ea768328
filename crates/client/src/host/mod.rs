//! The thread that owns the engine. SQLite and the cryptography block, so they have a thread of their own, to which
//! everything else sends jobs.

use std::{collections::HashSet, time::Duration};

use subrosa_engine::{Command, Engine, EngineError, Event, Input, Output};
use subrosa_wire::{
    Timestamp,
    frames::{ClientFrame, ServerFrame, server_frame::Body},
    rest::{Person, SealedVault},
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{
    ClientError, ClockDifference, Connection, Refusal, Status, ambient,
    limits::{ENGINE_JOBS_MAX, EVENTS_MAX},
    platform::{self, EngineThread, Profile},
};

enum Job {
    Run(Box<dyn FnOnce(&mut Host) + Send>),
    Stop,
}

/// The engine and what it is connected to. It lives on the engine's thread.
pub(crate) struct Host {
    engine: Engine,
    events: broadcast::Sender<Event>,
    status: watch::Sender<Status>,
    /// The current connection's queue.
    outgoing: Option<mpsc::Sender<ClientFrame>>,
    /// Requests of the current connection that have no answer yet.
    under_way: HashSet<u64>,
    wake_at: Option<Timestamp>,
    /// How often the engine has wanted the vault to be stored or fetched, and how much of it was done.
    vault_wishes: u64,
    vault_wishes_done: u64,
}

impl Host {
    pub(crate) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Carries out a command, and returns the events that it caused.
    pub(crate) fn command(&mut self, command: Command) -> Result<Vec<Event>, EngineError> {
        self.step(Input::Command(command))
    }

    /// A connection has shown how far this device's clock is from the server's.
    pub(crate) fn clock_is(&self, clock: Option<ClockDifference>) {
        self.status.send_modify(|status| status.clock = clock);
    }

    /// Starts a connection whose frames are sent through `outgoing`.
    pub(crate) fn connected(&mut self, outgoing: mpsc::Sender<ClientFrame>) -> Result<(), EngineError> {
        self.under_way.clear();
        self.outgoing = Some(outgoing);
        self.status.send_modify(|status| {
            status.connection = Connection::Online;
            status.caught_up = false;
            status.refusal = None;
        });
        self.step(Input::Connected).map(drop)
    }

    pub(crate) fn received(&mut self, frame: ServerFrame) -> Result<(), EngineError> {
        self.under_way.remove(&frame.request_id);
        if let Some(Body::Problem(problem)) = &frame.body {
            let refusal = Refusal::from(problem.clone());
            self.status.send_if_modified(|status| {
                // Afterwards the engine reports what it does not recover from.
                let is_waited_for = !status.caught_up;
                if is_waited_for {
                    status.refusal = Some(refusal);
                }
                is_waited_for
            });
        }
        self.step(Input::Received(Box::new(frame))).map(drop)
    }

    /// Ends a connection. The caller says which status follows it.
    pub(crate) fn disconnected(&mut self, connection: Connection) -> Result<(), EngineError> {
        self.hang_up();
        self.status.send_modify(|status| {
            status.connection = connection;
            status.caught_up = false;
        });
        self.step(Input::Disconnected).map(drop)
    }

    /// Merges what another device has put into the vault.
    pub(crate) fn merge_vault(&mut self, now: Timestamp, theirs: &SealedVault) -> Result<(), EngineError> {
        let output = self.engine.merge_vault(now, theirs)?;
        self.carry_out(output);
        Ok(())
    }

    /// Leaves out of a list of people those that do not fit to what is known.
    pub(crate) fn leave_out_unfit(&mut self, people: Vec<Person>) -> Result<Vec<Person>, EngineError> {
        let (fit, output) = self.engine.leave_out_unfit(ambient::now(), people)?;
        self.carry_out(output);
        Ok(fit)
    }

    /// Work on the vault begins. What is wanted from then on is not yet done when it ends.
    pub(crate) fn vault_work_begins(&mut self) -> u64 {
        self.vault_wishes
    }

    /// Work on the vault has ended, whether it succeeded or is tried again later.
    pub(crate) fn vault_work_ends(&mut self, begun: u64) {
        self.vault_wishes_done = begun;
        self.publish(false);
    }

    fn step(&mut self, input: Input) -> Result<Vec<Event>, EngineError> {
        match self.engine.step(ambient::now(), input) {
            Ok(output) => Ok(self.carry_out(output)),
            Err(error @ EngineError::Command(_)) => Err(error),
            Err(error) => {
                tracing::error!(%error, "a step of the engine failed");
                // The engine has forgotten its requests, and would not recognise answers to them.
                self.hang_up();
                if error.is_storage_full() {
                    self.status.send_modify(|status| status.storage_full = true);
                }
                Err(error)
            }
        }
    }

    fn carry_out(&mut self, output: Output) -> Vec<Event> {
        self.wake_at = output.wake_at;
        for frame in output.frames {
            self.under_way.insert(frame.request_id);
            let is_lost = self
                .outgoing
                .as_ref()
                .is_none_or(|outgoing| outgoing.try_send(frame).is_err());
            if is_lost {
                // Full or closed: the connection is lost, and everything is sent again on the next one.
                tracing::debug!(
                    requests_under_way = self.under_way.len(),
                    "a frame cannot be passed to the connection"
                );
                self.hang_up();
            }
        }
        let caught_up = output.events.contains(&Event::CaughtUp);
        let wishes = output
            .events
            .iter()
            .filter(|event| matches!(event, Event::VaultChanged | Event::VaultWanted));
        self.vault_wishes += u64::try_from(wishes.count()).unwrap_or_default();
        for event in &output.events {
            // It is no error if nobody is subscribed.
            let _ = self.events.send(event.clone());
        }
        self.publish(caught_up);
        output.events
    }

    /// Drops the connection's queue; its task notices and ends.
    fn hang_up(&mut self) {
        self.outgoing = None;
        self.under_way.clear();
    }

    /// Publishes the status after a step. Whoever sees the new status has already been sent the step's events.
    pub(crate) fn publish(&mut self, caught_up: bool) {
        let unsent = match self.engine.outbox_len() {
            Ok(unsent) => unsent,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be counted");
                return;
            }
        };
        let is_vault_due = self.vault_wishes_done < self.vault_wishes;
        let has_records = self.engine.has_records_to_put();
        let requests_under_way = self.under_way.len() + usize::from(is_vault_due) + usize::from(has_records);
        self.status.send_if_modified(|status| {
            let before = status.clone();
            status.unsent = unsent;
            status.requests_under_way = requests_under_way;
            status.caught_up |= caught_up;
            if caught_up {
                status.refusal = None;
            }
            // What did not fit has been delivered again.
            status.storage_full &= !caught_up;
            *status != before
        });
    }

    /// Runs jobs until it is stopped or the last handle is dropped.
    async fn work(mut self, mut jobs: mpsc::Receiver<Job>) {
        // What was due while it did not run, such as messages that disappear, is done before anybody asks for anything.
        let _ = self.step(Input::Tick);
        loop {
            let wake = self.wake_at.map(|at| at.since(ambient::now()));
            tokio::select! {
                job = jobs.recv() => match job {
                    Some(Job::Run(job)) => job(&mut self),
                    Some(Job::Stop) | None => return,
                },
                () = platform::sleep(wake.unwrap_or(Duration::MAX)), if wake.is_some() => {
                    self.wake_at = None;
                    // A failure is logged by then; the next connection brings what is missing.
                    let _ = self.step(Input::Tick);
                }
            }
        }
    }
}

/// A handle to the engine's thread.
#[derive(Clone)]
pub(crate) struct HostHandle {
    jobs: mpsc::Sender<Job>,
    events: broadcast::Sender<Event>,
    status: watch::Receiver<Status>,
}

impl HostHandle {
    /// Starts a thread for the engine of a profile. When it is stopped, or dropped, or every handle is dropped, it closes
    /// the engine and returns the profile.
    pub(crate) fn start(engine: Engine, profile: Profile) -> std::io::Result<(Self, EngineThread)> {
        let (jobs, queue) = mpsc::channel(ENGINE_JOBS_MAX);
        let events = broadcast::Sender::new(EVENTS_MAX);
        let status = watch::Sender::new(Status::default());
        let handle = Self {
            jobs,
            events: events.clone(),
            status: status.subscribe(),
        };
        let mut host = Host {
            engine,
            events,
            status,
            outgoing: None,
            under_way: HashSet::new(),
            wake_at: None,
            vault_wishes: 0,
            vault_wishes_done: 0,
        };
        host.publish(false);
        let thread = EngineThread::start(host.work(queue), profile)?;
        Ok((handle, thread))
    }

    /// Runs a job on the engine's thread.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Host) -> T + Send + 'static,
    ) -> Result<T, ClientError> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Run(Box::new(move |host| {
            // The caller may have stopped waiting.
            let _ = answer.send(job(host));
        }));
        self.jobs.send(job).await.map_err(|_| ClientError::Closed)?;
        answered.await.map_err(|_| ClientError::Closed)
    }

    /// Ends the thread after the jobs that are already queued.
    pub(crate) async fn stop(&self) {
        // It may have ended already.
        let _ = self.jobs.send(Job::Stop).await;
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

#[cfg(test)]
mod tests;
