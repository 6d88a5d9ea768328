//! The connections that read: a few, each used by one query at a time on the blocking threads.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use crate::{clock::Stopwatch, limits, store::StoreError};

/// A pool of connections; a read waits while all are in use.
#[derive(Debug)]
pub(super) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connections = (0..limits::READERS)
            .map(|_| connection::open_reader(path))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Self {
            free: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(limits::READERS)),
        })
    }

    pub(super) async fn read<T, E>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let watch = Stopwatch::start();
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Stopped)?;
        let free = Arc::clone(&self.free);
        let result = tokio::task::spawn_blocking(move || {
            // The permit travels along: the connection is back before the next one is let in, even if the
            // caller is gone.
            let _permit = permit;
            let connection = free
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
                .ok_or(StoreError::Stopped)?;
            let result = in_snapshot(&connection, work);
            free.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            result
        })
        .await
        .map_err(|error| StoreError::Failed(format!("the query {name} panicked: {error}")))?;
        metrics::histogram!("subrosa_store_read_seconds", "name" => name).record(watch.elapsed());
        result
    }

    pub(super) fn close(&self) {
        self.permits.close();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Runs `work` in one read transaction, so that several statements see one state.
fn in_snapshot<T, E: From<StoreError>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.unchecked_transaction().map_err(StoreError::from)?;
    let result = work(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    Ok(result)
}
