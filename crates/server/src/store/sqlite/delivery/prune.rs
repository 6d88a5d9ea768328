//! Pruning: entries that everybody has stored, or that are too old, go; in bounded steps.

use rusqlite::Connection;

use super::rows::{from_sql, position, to_sql};
use crate::store::{
    StoreError,
    delivery::{ConversationRowId, PruneStep},
};

/// What one step found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    pub(super) resume_after: Option<ConversationRowId>,
}

/// Entries of one conversation that can go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    row_id: ConversationRowId,
    first_seq: u64,
    /// The last one that goes.
    last_seq: u64,
}

/// Looks for entries that can go. What it finds stays true until it is deleted: cursors only move forward, and
/// a member that joins meanwhile needs nothing from before.
pub(super) fn candidates(connection: &Connection, step: PruneStep) -> Result<Found, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT c.number, c.first_seq, c.head_seq,
                coalesce((SELECT min(m.acked_seq) FROM members m
                          WHERE m.conversation = c.number AND m.signed_out = 0), 0) AS stored_by_all
         FROM conversations c WHERE c.number > coalesce(?1, 0) ORDER BY c.number LIMIT ?2",
    )?;
    let mut found = statement.query((step.resume_after, step.conversations_max))?;
    let mut candidates = Vec::new();
    let mut looked_at = 0;
    let mut last_row_id = None;
    while let Some(row) = found.next()? {
        looked_at += 1;
        let row_id = row.get("number")?;
        last_row_id = Some(row_id);
        let first_seq = from_sql(row.get("first_seq")?);
        let head_seq = from_sql(row.get("head_seq")?);
        let stored_by_all = from_sql(row.get("stored_by_all")?);
        let too_old = last_too_old(connection, row_id, first_seq, head_seq, step)?;
        let step_end = first_seq + u64::from(step.entries_max) - 1;
        let last_seq = stored_by_all.max(too_old).min(head_seq).min(step_end);
        if last_seq >= first_seq {
            candidates.push(Candidate {
                row_id,
                first_seq,
                last_seq,
            });
        }
    }
    let resume_after = last_row_id.filter(|_| looked_at >= step.conversations_max);
    Ok(Found {
        candidates,
        resume_after,
    })
}

/// The last of the oldest entries that are too old, 0 if there is none. Looks no further than a step reaches.
fn last_too_old(
    connection: &Connection,
    row_id: ConversationRowId,
    first_seq: u64,
    head_seq: u64,
    step: PruneStep,
) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT accepted_at < ?3 FROM log WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?4",
    )?;
    let mut entries = statement.query((
        position(row_id, first_seq),
        position(row_id, head_seq),
        to_sql(step.accepted_before.as_millis()),
        step.entries_max,
    ))?;
    let mut last = 0;
    let mut seq = first_seq;
    while let Some(row) = entries.next()? {
        if !row.get::<_, bool>(0)? {
            break;
        }
        last = seq;
        seq += 1;
    }
    Ok(last)
}

/// Deletes what was found; returns the number of entries.
pub(super) fn delete(connection: &Connection, candidates: &[Candidate]) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for Candidate {
        row_id,
        first_seq,
        last_seq,
    } in candidates
    {
        let changed = connection
            .prepare_cached("UPDATE conversations SET first_seq = ?3 WHERE number = ?1 AND first_seq = ?2")?
            .execute((row_id, to_sql(*first_seq), to_sql(last_seq + 1)))?;
        if changed == 0 {
            // Somebody else has pruned it meanwhile.
            continue;
        }
        let changed = connection
            .prepare_cached("DELETE FROM log WHERE position BETWEEN ?1 AND ?2")?
            .execute((position(*row_id, *first_seq), position(*row_id, *last_seq)))?;
        let expected = last_seq - first_seq + 1;
        StoreError::check_affected(
            "prune a log",
            changed,
            usize::try_from(expected).unwrap_or(usize::MAX),
        )?;
        deleted += expected;
    }
    Ok(deleted)
}
