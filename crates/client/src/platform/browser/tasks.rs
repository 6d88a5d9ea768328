//! Tasks on the only thread. SQLite and the cryptography block it, which is why it is a worker's.

use tokio::sync::oneshot;
use wasm_bindgen_futures::spawn_local;

use super::Profile;
use crate::ClientError;

/// The tasks of one client.
#[derive(Debug, Default)]
pub(crate) struct Tasks(());

impl Tasks {
    /// Runs a task to its end.
    #[expect(clippy::unused_self, reason = "natively the tasks are counted")]
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        spawn_local(task);
    }
}

/// Argon2id takes long, but does not block the page, which runs in another thread.
pub(crate) async fn compute<T>(work: impl FnOnce() -> Result<T, ClientError>) -> Result<T, ClientError> {
    work()
}

/// The owner of a profile's engine: a task, where there are no threads.
#[derive(Debug)]
pub(crate) struct EngineThread(oneshot::Receiver<Profile>);

impl EngineThread {
    /// Starts it. It ends with its work, and returns the profile.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "natively there may be no thread to be had"
    )]
    pub(crate) fn start(work: impl Future<Output = ()> + 'static, profile: Profile) -> std::io::Result<Self> {
        let (done, wait) = oneshot::channel();
        spawn_local(async move {
            work.await;
            // If nobody waits for the profile, it is dropped.
            let _ = done.send(profile);
        });
        Ok(Self(wait))
    }

    /// Waits for its end. The engine is closed then.
    pub(crate) async fn join(self) -> Result<Profile, ClientError> {
        self.0.await.map_err(|_| ClientError::Closed)
    }
}
