//! How the process stops: softly, hard, or because a part of it has died. Every task is spawned here, so that
//! none is forgotten at the end and none dies unseen.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use futures_util::FutureExt as _;
use tokio::task::AbortHandle;
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFuture},
    task::TaskTracker,
};

/// The lifecycle of one server. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
    failure: Mutex<Option<anyhow::Error>>,
}

impl Lifecycle {
    /// A lifecycle that has just begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes no new work and finishes what is under way.
    pub fn stop_softly(&self) {
        self.0.soft.cancel();
    }

    /// Gives up what is under way, too. What was acknowledged is durable nevertheless.
    pub fn stop_hard(&self) {
        self.0.soft.cancel();
        self.0.hard.cancel();
    }

    /// Whether the server is stopping.
    pub fn is_stopping(&self) -> bool {
        self.0.soft.is_cancelled()
    }

    /// Resolves when the server begins to stop.
    pub fn stopping(&self) -> WaitForCancellationFuture<'_> {
        self.0.soft.cancelled()
    }

    /// Resolves when what is under way is given up.
    pub fn stopping_hard(&self) -> WaitForCancellationFuture<'_> {
        self.0.hard.cancelled()
    }

    /// Cancelled when the server begins to stop, for tasks that keep it.
    pub fn soft_token(&self) -> CancellationToken {
        self.0.soft.clone()
    }

    /// Runs a task that the server cannot do without: it ends only when the server stops. If it ends earlier,
    /// fails or panics, the server stops with a failure.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = anyhow::Result<()>> + Send + 'static) {
        let lifecycle = self.clone();
        self.spawn_tracked(async move {
            let outcome = AssertUnwindSafe(task).catch_unwind().await;
            let failure = match outcome {
                Ok(Ok(())) if lifecycle.is_stopping() => return,
                Ok(Ok(())) => anyhow!("the task {name} ended before the server did"),
                Ok(Err(error)) => error.context(format!("the task {name} failed")),
                Err(_) => anyhow!("the task {name} panicked"),
            };
            lifecycle.fail(failure);
        });
    }

    /// Runs a task that serves one connection: if it panics, that is logged and the others go on.
    pub fn spawn_connection(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.0.hard.clone();
        self.spawn_tracked(async move {
            let task = AssertUnwindSafe(hard.run_until_cancelled_owned(task)).catch_unwind();
            if task.await.is_err() {
                tracing::error!(task = name, "a task panicked");
            }
        });
    }

    /// Stops because of a failure. The first one is the one that counts.
    pub fn fail(&self, failure: anyhow::Error) {
        tracing::error!(failure = format!("{failure:#}"), "the server stops");
        self.failure().get_or_insert(failure);
        self.stop_softly();
    }

    /// Waits until every task has ended; after `patience` they are stopped hard. Fails if something had
    /// failed.
    pub async fn drain(&self, patience: Duration) -> anyhow::Result<()> {
        self.0.tasks.close();
        let patient = async {
            tokio::select! {
                () = self.0.tasks.wait() => true,
                () = tokio::time::sleep(patience) => false,
                () = self.stopping_hard() => false,
            }
        };
        if !patient.await {
            tracing::warn!(tasks = self.0.tasks.len(), "what is under way is given up");
            self.stop_hard();
            self.0.tasks.wait().await;
        }
        let failure = self.failure().take();
        failure.map_or(Ok(()), Err)
    }

    /// Stops softly at the first SIGTERM or SIGINT, hard at the second, as long as the guard lives.
    pub fn watch_signals(&self) -> anyhow::Result<SignalWatch> {
        let mut signals = Signals::listen().context("signals cannot be received")?;
        let lifecycle = self.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "not tracked, or the last thing to wait for would be the next signal"
        )]
        let watch = tokio::spawn(async move {
            signals.next().await;
            tracing::info!("stopping: what is under way is finished, a second signal gives it up");
            lifecycle.stop_softly();
            signals.next().await;
            tracing::warn!("a second signal: stopping now");
            lifecycle.stop_hard();
        });
        Ok(SignalWatch(watch.abort_handle()))
    }

    fn spawn_tracked(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<anyhow::Error>> {
        self.0.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the watch when it is dropped.
#[derive(Debug)]
pub struct SignalWatch(AbortHandle);

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "no signal can be received");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_soft_stop_lets_tasks_finish() {
        let lifecycle = Lifecycle::new();
        let stopping = lifecycle.soft_token();
        lifecycle.spawn("patient", async move {
            stopping.cancelled().await;
            Ok(())
        });
        lifecycle.stop_softly();
        lifecycle.drain(PATIENCE).await.unwrap();
    }

    #[tokio::test]
    async fn a_task_that_dies_stops_the_server_with_failure() {
        for (task, reason) in [
            ("ends", "the task job ended before the server did"),
            ("fails", "the task job failed: no luck"),
            ("panics", "the task job panicked"),
        ] {
            let lifecycle = Lifecycle::new();
            lifecycle.spawn("job", async move {
                match task {
                    "ends" => Ok(()),
                    "fails" => Err(anyhow!("no luck")),
                    _ => panic!("what a test wants"),
                }
            });
            lifecycle.stopping().await;
            let failure = lifecycle.drain(PATIENCE).await.unwrap_err();
            assert_eq!(format!("{failure:#}"), reason);
        }
    }

    #[tokio::test]
    async fn a_connection_that_panics_hurts_nobody_else() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_connection("connection", async { panic!("what a test wants") });
        tokio::task::yield_now().await;
        assert!(!lifecycle.is_stopping());
        lifecycle.drain(PATIENCE).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_do_not_end_are_given_up_in_time() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn_connection("connection", std::future::pending());
        lifecycle.stop_softly();
        lifecycle.drain(PATIENCE).await.unwrap();
    }
}
