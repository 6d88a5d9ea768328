//! Bare inserts: one connection that writes rows of messages into the server's own table, with the server's
//! pragmas, so many to a commit, and does nothing else. No checkpoint runs meanwhile, so the server, which
//! has to copy its write-ahead log back, is held against a little more than is possible for long.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use rusqlite::Connection;
use subrosa_server::store::SqliteStore;

use crate::{clock, probe, report::RawInserts};

/// Inserts rows with payloads of `bytes` for so long, into a fresh database in `folder`.
pub(crate) fn run(
    folder: &Path,
    rows_per_commit: usize,
    bytes: usize,
    measured: Duration,
) -> Result<RawInserts> {
    let folder = tempfile::tempdir_in(folder)?;
    // The server's migrations make the table; the store is closed again when it is dropped.
    drop(SqliteStore::open(folder.path())?);
    let mut database = open(&folder.path().join("subrosa.db"))?;
    let (send_id, payload) = ([0x11; 16], vec![0x5a; bytes]);

    let cpu = probe::thread_cpu()?;
    let begun = clock::now();
    let mut rows = 0_i64;
    while begun.elapsed() < measured {
        let transaction = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO log (position, send_id, accepted_at, epoch, is_commit, payload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for _ in 0..rows_per_commit {
                rows += 1;
                insert.execute((
                    position(rows),
                    &send_id,
                    1_800_000_000_000_i64 + rows,
                    1,
                    0,
                    &payload,
                ))?;
            }
        }
        transaction.commit()?;
    }
    let elapsed = begun.elapsed();
    let cpu = probe::thread_cpu()?.saturating_sub(cpu);
    #[expect(clippy::cast_precision_loss, reason = "far fewer rows than 2^52")]
    let rows = rows as f64;
    Ok(RawInserts {
        rows_per_commit,
        rows_per_s: rows / elapsed.as_secs_f64(),
        cpu_us_per_row: cpu.as_secs_f64() * 1e6 / rows,
    })
}

/// As in the server: a few hundred logs, each growing at its end.
fn position(row: i64) -> i64 {
    const LOGS: i64 = 256;
    ((row % LOGS + 1) << 32) + row / LOGS + 1
}

fn open(path: &Path) -> Result<Connection> {
    let database = Connection::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mode: String = database.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    anyhow::ensure!(
        mode == "wal",
        "the write-ahead log cannot be used in {}",
        path.display()
    );
    database.pragma_update(None, "synchronous", "full")?;
    database.pragma_update(None, "wal_autocheckpoint", 0)?;
    database.pragma_update(None, "cache_size", -32 * 1024)?;
    Ok(database)
}
