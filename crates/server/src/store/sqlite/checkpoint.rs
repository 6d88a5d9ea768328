//! Copies the write-ahead log back into the database, off the commit path.
//!
//! A thread of its own copies passively while commits go on. That alone never ends under a steady load,
//! because the log grows while it is copied; so once the log is large, the writer copies the small rest
//! itself, and the log starts anew.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use rusqlite::Connection;

use super::connection;
use crate::{limits, store::StoreError};

/// The thread that copies, as the writer sees it.
#[derive(Debug)]
pub(super) struct Checkpointer {
    // `None` once it is asked to end.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    rest_is_due: Arc<AtomicBool>,
    transactions: u32,
}

impl Checkpointer {
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = connection::open_checkpointer(path)?;
        let (wake, woken) = sync_channel(1);
        let rest_is_due = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn({
                let rest_is_due = Arc::clone(&rest_is_due);
                move || run(&connection, &woken, &rest_is_due)
            })
            .map_err(|error| StoreError::Failed(format!("the checkpoint thread cannot start: {error}")))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            rest_is_due,
            transactions: 0,
        })
    }

    /// Called by the writer after each commit, outside any transaction.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        if self.rest_is_due.swap(false, Ordering::AcqRel)
            && let Err(error) = passive(writer)
        {
            tracing::warn!(%error, "the rest of the write-ahead log was not copied back");
        }
        self.transactions += 1;
        if self.transactions >= limits::CHECKPOINT_EVERY_TRANSACTIONS {
            self.transactions = 0;
            if let Some(wake) = &self.wake {
                // A full channel means that it is awake already.
                let _ = wake.try_send(());
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

fn run(connection: &Connection, woken: &Receiver<()>, rest_is_due: &AtomicBool) {
    while woken.recv().is_ok() {
        match passive(connection) {
            Ok(pages) => {
                metrics::gauge!("subrosa_store_wal_pages").set(u32::try_from(pages).unwrap_or(u32::MAX));
                if pages > limits::WAL_PAGES_SOFT_MAX {
                    rest_is_due.store(true, Ordering::Release);
                }
            }
            Err(error) => tracing::warn!(%error, "the write-ahead log was not copied back"),
        }
    }
}

/// Copies what no reader holds back; returns the pages in the log.
fn passive(connection: &Connection) -> Result<u64, StoreError> {
    let pages: i64 = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
    Ok(u64::try_from(pages).unwrap_or(0))
}
