//! Tasks of the tokio runtime that the application runs in, and the thread of the engine. SQLite and the
//! cryptography block, so they have a thread of their own.

use std::{io, thread};

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

/// The thread that owns the engine of a profile.
#[derive(Debug)]
pub(crate) struct EngineThread(thread::JoinHandle<Profile>);

impl EngineThread {
    /// Starts it. It ends with its work, and returns the profile.
    pub(crate) fn start(
        work: impl Future<Output = ()> + Send + 'static,
        profile: Profile,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = thread::Builder::new()
            .name("subrosa-engine".to_owned())
            .spawn(move || {
                runtime.block_on(work);
                profile
            })?;
        Ok(Self(thread))
    }

    /// Waits for its end. The engine is closed then.
    pub(crate) async fn join(self) -> Result<Profile, ClientError> {
        let joined = tokio::task::spawn_blocking(move || self.0.join()).await;
        joined
            .map_err(|_| ClientError::Closed)?
            .map_err(|_| ClientError::Closed)
    }
}
