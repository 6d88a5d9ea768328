//! The writer: one thread that runs all writes, as many as wait in one transaction, so that they share its
//! fsync. Nobody is answered before the commit.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    checkpoint::Checkpointer,
    delivery::{Audiences, ConversationCache},
    folder::DataFolder,
};
use crate::{clock::Stopwatch, limits, store::StoreError};

/// What a job works on: the writer's connection, inside a transaction.
#[derive(Debug)]
pub(crate) struct WriteContext {
    /// The connection. Never begin or end a transaction on it.
    pub(crate) connection: Connection,
    /// What the tables hold of conversations that were written to lately.
    pub(super) cache: ConversationCache,
}

/// Runs a job and returns how to answer once it is known whether the commit succeeded.
type Job = Box<dyn FnOnce(&mut WriteContext) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The handle of the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    // `None` once it is closed.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    stopped: CancellationToken,
}

impl Writer {
    /// Starts the thread, which owns the connection and the folder until it ends.
    pub(super) fn start(
        connection: Connection,
        audiences: Arc<Audiences>,
        path: &Path,
        folder: DataFolder,
    ) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel(limits::WRITER_QUEUE_MAX);
        let stopped = CancellationToken::new();
        let ended = stopped.clone().drop_guard();
        let checkpointer = Checkpointer::start(path)?;
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || {
                run(
                    WriteContext {
                        connection,
                        cache: ConversationCache::default(),
                    },
                    &audiences,
                    queue,
                    checkpointer,
                );
                // In this order: the folder is free before anybody hears that the writer has ended.
                drop(folder);
                drop(ended);
            })
            .map_err(|error| StoreError::Failed(format!("the writer thread cannot start: {error}")))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            stopped,
        })
    }

    pub(super) async fn write<T, E>(
        &self,
        name: &'static str,
        work: impl FnOnce(&mut WriteContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, outcome) = oneshot::channel();
        let job: Job = Box::new(move |context| {
            let watch = Stopwatch::start();
            let result = context.in_savepoint(work);
            metrics::histogram!("subrosa_store_write_seconds", "name" => name).record(watch.elapsed());
            // Nobody may wait any more: the caller's task can be cancelled, the write is made all the same.
            Box::new(move |committed| {
                let _ = sender.send(result.and_then(|value| committed.map(|()| value).map_err(E::from)));
            })
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        jobs.ok_or(StoreError::Stopped)?
            .send(job)
            .await
            .map_err(|_| StoreError::Stopped)?;
        outcome.await.map_err(|_| StoreError::Stopped)?
    }

    pub(super) fn stopped(&self) -> CancellationToken {
        self.stopped.clone()
    }

    pub(super) async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.stopped.cancelled().await;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the writer thread panicked");
        }
    }
}

fn run(
    mut context: WriteContext,
    audiences: &Audiences,
    mut queue: mpsc::Receiver<Job>,
    mut checkpointer: Checkpointer,
) {
    let mut batch = Vec::with_capacity(limits::WRITER_JOBS_PER_TRANSACTION_MAX);
    while let Some(first) = queue.blocking_recv() {
        batch.push(first);
        while batch.len() < limits::WRITER_JOBS_PER_TRANSACTION_MAX
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        context.run_batch(&mut batch, audiences);
        checkpointer.after_commit(&context.connection);
    }
    drop(checkpointer);
    if let Err(error) = context
        .connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    {
        tracing::warn!(%error, "the write-ahead log was not folded into the database at the end");
    }
}

impl WriteContext {
    /// Runs the jobs in as few transactions as possible: one, unless the database gives one up on its own.
    fn run_batch(&mut self, batch: &mut Vec<Job>, audiences: &Audiences) {
        #[expect(clippy::cast_precision_loss, reason = "a batch has at most some dozen jobs")]
        metrics::histogram!("subrosa_store_transaction_jobs").record(batch.len() as f64);
        let mut jobs = batch.drain(..).peekable();
        while jobs.peek().is_some() {
            let mut answers = Vec::with_capacity(jobs.size_hint().0);
            let mut outcome = self.begin();
            for job in jobs.by_ref() {
                answers.push(job(self));
                if outcome.is_ok() && self.connection.is_autocommit() {
                    // A full disk or an IO error makes SQLite roll back the whole transaction.
                    outcome = Err(StoreError::RolledBack);
                    break;
                }
            }
            let outcome = outcome.and_then(|()| self.commit());
            if let Err(error) = &outcome {
                tracing::error!(%error, jobs = answers.len(), "a transaction was rolled back");
                self.cache.clear();
            }
            audiences.forget(&self.cache.take_changed());
            for answer in answers {
                answer(outcome.clone());
            }
        }
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        Ok(self
            .connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])
            .map(drop)?)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let watch = Stopwatch::start();
        let committed = self
            .connection
            .prepare_cached("COMMIT")
            .and_then(|mut commit| commit.execute([]));
        metrics::histogram!("subrosa_store_commit_seconds").record(watch.elapsed());
        if committed.is_err() && !self.connection.is_autocommit() {
            // If even this fails, the connection stays inside the transaction and the next BEGIN says so.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        Ok(committed.map(drop)?)
    }

    /// Runs `work` so that an error undoes what it wrote, and nothing else.
    pub(crate) fn in_savepoint<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.connection.is_autocommit() {
            return Err(StoreError::Failed("there is no transaction".into()).into());
        }
        self.statement("SAVEPOINT job")?;
        let result = work(self);
        // After a failure that rolled back the whole transaction there is no savepoint to return to.
        if !self.connection.is_autocommit() {
            if result.is_err() {
                self.statement("ROLLBACK TO job")?;
            }
            self.statement("RELEASE job")?;
        }
        result
    }

    fn statement(&self, sql: &'static str) -> Result<(), StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute([]).map(drop)?)
    }
}
