//! Appending to logs: the hot path.

use rusqlite::Connection;
use subrosa_mls::EntryKind;
use subrosa_wire::Timestamp;

use super::{commits, conversation_cache::ConversationCache, creation, entries::NewEntry, leaves};
use crate::store::{
    StoreError,
    delivery::{
        Acceptance, Accepted, ApplicationWrite, Committer, LogBatch, LogOutcome, LogRefusal, LogWrite,
    },
    sqlite::WriteContext,
};

/// Makes the writes of a batch, in order.
pub(super) fn write(context: &mut WriteContext, batch: LogBatch) -> Result<Vec<LogOutcome>, StoreError> {
    let WriteContext { connection, cache } = context;
    let outcomes = write_all(connection, cache, batch);
    if outcomes.is_err() {
        cache.clear();
    }
    outcomes
}

fn write_all(
    connection: &Connection,
    cache: &mut ConversationCache,
    batch: LogBatch,
) -> Result<Vec<LogOutcome>, StoreError> {
    cache.trim();
    let mut outcomes = Vec::with_capacity(batch.writes.len());
    for write in batch.writes {
        // Refusals come before anything is written; an error undoes the whole batch.
        outcomes.push(match write {
            LogWrite::Application(write) => append(connection, cache, batch.accepted_at, &write)?,
            LogWrite::Commit(write) => commits::commit(connection, cache, batch.accepted_at, &write)?,
            LogWrite::Leave(write) => leaves::leave(connection, cache, batch.accepted_at, &write)?,
            LogWrite::Create(write) => creation::create(connection, cache, batch.accepted_at, &write)?,
        });
    }
    for cursor in batch.cursors {
        if let Some(conversation) = cache.load(connection, cursor.conversation_id)?
            && conversation.acknowledge(cursor.device_id, cursor.seq)
        {
            cache.touch(cursor.conversation_id);
        }
    }
    cache.flush(connection)?;
    Ok(outcomes)
}

fn append(
    connection: &Connection,
    cache: &mut ConversationCache,
    accepted_at: Timestamp,
    write: &ApplicationWrite,
) -> Result<LogOutcome, StoreError> {
    let id = write.key.conversation_id;
    let Some(conversation) = cache.load(connection, id)? else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    let outcome = conversation.outcome_unless_possible(
        connection,
        &write.key,
        Committer::Member,
        write.epoch,
        &write.claim,
    )?;
    if let Some(outcome) = outcome {
        return Ok(outcome);
    }
    let seq = match conversation.advance(&write.key) {
        Ok(seq) => seq,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let epoch = conversation.epoch;
    let hash_before = conversation.chain.head();
    let hash = hash_before.after(&write.key.chained(
        seq,
        EntryKind::Message,
        accepted_at,
        write.message_hash,
    ));
    conversation.chain.push(hash);
    let entry = NewEntry {
        key: &write.key,
        accepted_at,
        epoch,
        kind: EntryKind::Message,
        payload: &write.message,
        hash,
    };
    entry.insert(connection, conversation.row_id, seq)?;
    let acceptance = Acceptance::Stored {
        recipients: conversation.recipients.clone(),
        welcomed: Vec::new(),
        hash_before,
    };
    cache.touch(id);
    Ok(Ok(Accepted {
        seq,
        epoch,
        accepted_at,
        hash: Some(hash),
        acceptance,
    }))
}
