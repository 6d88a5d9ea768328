//! Every bound of the server that is not part of the protocol (those stand in `subrosa_wire::limits`).

use std::time::Duration;

// ---- storage ----

/// Jobs that wait for the writer; whoever brings more waits.
pub const WRITER_QUEUE_MAX: usize = 256;
/// Jobs that share one transaction, and so one fsync.
pub const WRITER_JOBS_PER_TRANSACTION_MAX: usize = 64;
/// Connections that read.
pub const READERS: usize = 4;
/// How long a connection waits for a lock that another one holds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements that a connection keeps.
pub const STATEMENTS_CACHED_MAX: usize = 128;
/// Page cache of the writer's connection, in KiB.
pub const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// Page cache of a reader's connection, in KiB.
pub const READER_CACHE_KIB: i64 = 4 * 1024;
/// After so many transactions the write-ahead log is copied back, off the commit path.
pub const CHECKPOINT_EVERY_TRANSACTIONS: u32 = 64;
/// With more pages in the write-ahead log than these (64 MiB) the writer pauses for what is left to copy, so
/// that the log starts anew.
pub const WAL_PAGES_SOFT_MAX: u64 = 16 * 1024;
