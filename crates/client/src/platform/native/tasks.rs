//! Tasks of the tokio runtime that the application runs in, and the thread of the engine. SQLite and the
//! cryptography block, so they have a thread of their own.

use std::{io, thread};

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::Profile;
use crate::ClientError;

/// The tasks of one client.
#[derive(Debug, Default)]
pub(crate) struct Tasks(TaskTracker);

impl Tasks {
    /// Runs a task to its end.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }
}

/// Argon2id takes long, so it runs where it blocks nothing else.
pub(crate) async fn compute<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ClientError::Closed)?
}

/// The thread that owns the engine of a profile. Dropping it ends the thread and waits until the database is closed: a
/// process that ended before would run the exit handlers of the cryptography library while the thread still uses it.
#[derive(Debug)]
pub(crate) struct EngineThread {
    thread: Option<thread::JoinHandle<Profile>>,
    /// Dropping it ends the work.
    stop: Option<oneshot::Sender<()>>,
}

impl EngineThread {
    /// Starts it. It ends with its work, and returns the profile.
    pub(crate) fn start(
        work: impl Future<Output = ()> + Send + 'static,
        profile: Profile,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("subrosa-engine".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = work => {}
                        _ = stopped => {}
                    }
                });
                profile
            })?;
        Ok(Self {
            thread: Some(thread),
            stop: Some(stop),
        })
    }

    /// Waits for its end. The engine is closed then.
    pub(crate) async fn join(mut self) -> Result<Profile, ClientError> {
        let thread = self.thread.take().ok_or(ClientError::Closed)?;
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        joined
            .map_err(|_| ClientError::Closed)?
            .map_err(|_| ClientError::Closed)
    }
}

impl Drop for EngineThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Whether it panicked is in its log.
            let _ = thread.join();
        }
    }
}
