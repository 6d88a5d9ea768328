//! A device leaves: the entry, the group's view, the member and its account change together. The epoch goes on.

use rusqlite::Connection;
use subrosa_mls::{EntryKind, payload_hash};
use subrosa_wire::Timestamp;

use super::{
    accounts::{self, End},
    commits::advance,
    conversation_cache::ConversationCache,
    entries::{NewEntry, next_seq},
    members, views,
};
use crate::store::{
    StoreError,
    delivery::{
        Acceptance, Accepted, AccountChanges, Committer, ConversationRowId, LeaveWrite, LogOutcome,
        LogRefusal,
    },
};

pub(super) fn leave(
    connection: &Connection,
    cache: &mut ConversationCache,
    accepted_at: Timestamp,
    write: &LeaveWrite,
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
    let (row_id, head_seq, hash_before, recipients) = (
        conversation.row_id,
        conversation.head_seq,
        conversation.chain.head(),
        conversation.recipients.clone(),
    );
    let seq = match next_seq(head_seq) {
        Ok(seq) => seq,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // As with a commit: it is read anew when it is next needed.
    cache.release(connection, id)?;
    let epoch = write.epoch;
    let chained = write
        .key
        .chained(seq, EntryKind::Leave, accepted_at, payload_hash(&write.proposal));
    let hash = hash_before.after(&chained);
    let entry = NewEntry {
        key: &write.key,
        accepted_at,
        epoch,
        kind: EntryKind::Leave,
        payload: &write.proposal,
        hash,
    };
    advance(connection, row_id, head_seq, hash, (epoch, epoch))?;
    views::write(connection, (row_id, seq), &entry, &write.view)?;
    entry.insert(connection, row_id, seq)?;
    take_out(connection, row_id, write, End { seq, hash, epoch })?;
    Ok(Ok(Accepted {
        seq,
        epoch,
        accepted_at,
        hash: Some(hash),
        acceptance: Acceptance::Stored {
            recipients,
            welcomed: Vec::new(),
            hash_before,
        },
    }))
}

fn take_out(
    connection: &Connection,
    row_id: ConversationRowId,
    write: &LeaveWrite,
    end: End,
) -> Result<(), StoreError> {
    members::remove(connection, row_id, write.key.device_id)?;
    let gone = AccountChanges {
        added: Vec::new(),
        removed: vec![write.account_id],
    };
    accounts::change(connection, row_id, &gone, end)
}
