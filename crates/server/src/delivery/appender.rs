//! The appender: takes all that waits to go into logs, as one transaction after the other.
//!
//! There is no artificial delay: while one batch is made durable, the next one gathers.

use std::{
    collections::HashMap,
    future::Future,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use subrosa_wire::{ConversationId, DeviceId};
use tokio::sync::{
    Notify,
    mpsc::{self, error::TrySendError},
};
use tokio_util::sync::CancellationToken;

use super::{
    answers::AnswerTo,
    publisher::{Publication, Publisher},
};
use crate::{
    clock::{Clock, Stopwatch},
    limits::{
        APPEND_BATCH_BYTES_MAX, APPEND_BATCH_MAX, APPEND_QUEUE_MAX, CURSOR_FLUSH_INTERVAL,
        CURSORS_PENDING_MAX,
    },
    store::{
        Store, StoreError,
        delivery::{CursorMove, LogBatch, LogOutcome, LogWrite},
    },
};

/// A write and who waits for its answer.
pub(super) struct Submission {
    pub(super) write: LogWrite,
    pub(super) answer: AnswerTo,
}

/// The way into the queue.
#[derive(Clone)]
pub(super) struct Appender {
    queue: mpsc::Sender<Submission>,
    cursors: Arc<Cursors>,
}

/// Cursors that moved since the last transaction: the newest place of each.
#[derive(Default)]
struct Cursors {
    moved: Mutex<HashMap<(ConversationId, DeviceId), u64>>,
    noted: Notify,
}

impl Appender {
    /// The way into the queue, and the task that empties it. The task ends once `stop` is cancelled and all
    /// that was queued is answered.
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        publisher: Publisher,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, queue) = mpsc::channel(APPEND_QUEUE_MAX);
        let cursors = Arc::new(Cursors::default());
        let run = Run {
            store,
            clock,
            publisher,
            queue,
            cursors: Arc::clone(&cursors),
        };
        (
            Self {
                queue: sender,
                cursors,
            },
            run.until(stop),
        )
    }

    /// Queues a write. If a future comes back, the queue is full, and the write is queued once that has ended.
    /// If the server is stopping, the answer says so.
    pub(super) fn submit(&self, submission: Submission) -> Option<BoxFuture<'static, ()>> {
        match self.queue.try_send(submission) {
            Ok(()) => None,
            Err(TrySendError::Closed(refused)) => {
                refused.answer.give(Err(StoreError::Stopped.into()));
                None
            }
            Err(TrySendError::Full(submission)) => {
                let queue = self.queue.clone();
                Some(Box::pin(async move {
                    if let Err(refused) = queue.send(submission).await {
                        refused.0.answer.give(Err(StoreError::Stopped.into()));
                    }
                }))
            }
        }
    }

    /// Notes cursors for the next transaction.
    pub(super) fn acknowledge(&self, moves: Vec<CursorMove>) {
        let mut newest_of = self.cursors.moved.lock().unwrap_or_else(PoisonError::into_inner);
        for CursorMove {
            conversation_id,
            device_id,
            seq,
        } in moves
        {
            let newest = newest_of.entry((conversation_id, device_id)).or_default();
            *newest = seq.max(*newest);
        }
        drop(newest_of);
        self.cursors.noted.notify_one();
    }
}

impl Cursors {
    fn take(&self) -> Vec<CursorMove> {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = if moved.len() <= CURSORS_PENDING_MAX {
            mem::take(&mut *moved)
        } else {
            let keys: Vec<_> = moved.keys().take(CURSORS_PENDING_MAX).copied().collect();
            keys.into_iter()
                .filter_map(|key| moved.remove_entry(&key))
                .collect()
        };
        taken
            .into_iter()
            .map(|((conversation_id, device_id), seq)| CursorMove {
                conversation_id,
                device_id,
                seq,
            })
            .collect()
    }

    fn len(&self) -> usize {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Ends when cursors have waited long enough for a message to travel with, or when they are many.
    async fn due(&self) {
        while self.len() == 0 {
            self.noted.notified().await;
        }
        let patience = tokio::time::sleep(CURSOR_FLUSH_INTERVAL);
        tokio::pin!(patience);
        while self.len() < CURSORS_PENDING_MAX {
            tokio::select! {
                () = &mut patience => return,
                () = self.noted.notified() => {}
            }
        }
    }
}

struct Run {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    publisher: Publisher,
    queue: mpsc::Receiver<Submission>,
    cursors: Arc<Cursors>,
}

impl Run {
    async fn until(mut self, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                first = self.queue.recv() => match first {
                    Some(first) => Some(first),
                    // Closed and empty.
                    None => break,
                },
                () = self.cursors.due() => None,
                () = stop.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
            };
            let batch = self.gather(first);
            self.write(batch).await;
        }
        self.write(Vec::new()).await;
    }

    /// Takes what waits, up to the bounds of a batch.
    fn gather(&mut self, first: Option<Submission>) -> Vec<Submission> {
        let Some(first) = first else { return Vec::new() };
        let mut bytes = size(&first.write);
        let mut batch = Vec::with_capacity((self.queue.len() + 1).min(APPEND_BATCH_MAX));
        batch.push(first);
        while batch.len() < APPEND_BATCH_MAX
            && bytes < APPEND_BATCH_BYTES_MAX
            && let Ok(next) = self.queue.try_recv()
        {
            bytes += size(&next.write);
            batch.push(next);
        }
        batch
    }

    async fn write(&self, batch: Vec<Submission>) {
        let watch = Stopwatch::start();
        let cursors = self.cursors.take();
        if batch.is_empty() && cursors.is_empty() {
            return;
        }
        let count = batch.len();
        let writes = batch.iter().map(|submission| submission.write.clone()).collect();
        let outcomes = match self.write_log(writes, cursors).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error) if count > 1 && is_of_one_write(&error) => {
                tracing::error!(%error, count, "a batch failed: its writes are tried one by one");
                self.write_one_by_one(&batch).await
            }
            Err(error) => vec![Err(error); count],
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a batch has at most some hundred writes"
        )]
        metrics::histogram!("subrosa_append_batch_writes").record(count as f64);
        metrics::histogram!("subrosa_append_batch_seconds").record(watch.elapsed());
        let publication = batch
            .into_iter()
            .zip(outcomes)
            .map(|(Submission { write, answer }, outcome)| Publication {
                write,
                answer,
                outcome,
            });
        self.publisher.publish(publication.collect()).await;
    }

    /// So that one write that cannot be made does not take the others down.
    async fn write_one_by_one(&self, batch: &[Submission]) -> Vec<Result<LogOutcome, StoreError>> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for submission in batch {
            let written = self.write_log(vec![submission.write.clone()], Vec::new()).await;
            outcomes.push(written.and_then(|mut outcome| {
                outcome
                    .pop()
                    .ok_or_else(|| StoreError::Failed("a write has no outcome".into()))
            }));
        }
        outcomes
    }

    async fn write_log(
        &self,
        writes: Vec<LogWrite>,
        cursors: Vec<CursorMove>,
    ) -> Result<Vec<LogOutcome>, StoreError> {
        let count = writes.len();
        let outcomes = self
            .store
            .write_log(LogBatch {
                accepted_at: self.clock.now(),
                writes,
                cursors,
            })
            .await?;
        if outcomes.len() != count {
            return Err(StoreError::Failed(format!(
                "{count} writes have {} outcomes",
                outcomes.len()
            )));
        }
        Ok(outcomes)
    }
}

/// Whether a failure can be the fault of a single write, rather than of the disk or of a stop.
fn is_of_one_write(error: &StoreError) -> bool {
    !matches!(
        error,
        StoreError::Full | StoreError::Stopped | StoreError::Corrupt(_)
    )
}

fn size(write: &LogWrite) -> usize {
    let commit_size = |commit: &crate::store::delivery::CommitWrite| {
        let welcome = commit.welcome.as_ref().map_or(0, |welcome| {
            let secrets: usize = welcome.secrets.iter().map(Bytes::len).sum();
            welcome.shared.len() + secrets + welcome.ratchet_tree.len()
        });
        commit.commit.len() + commit.group_info.len() + commit.view.size() + welcome
    };
    match write {
        LogWrite::Application(write) => write.message.len(),
        LogWrite::Commit(write) => commit_size(write),
        LogWrite::Leave(write) => write.proposal.len() + write.view.size(),
        LogWrite::Create(write) => commit_size(&write.first),
    }
}
