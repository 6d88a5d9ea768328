//! Appending to logs: the hot path.

use bytes::Bytes;
use rusqlite::Connection;
use subrosa_wire::{SendId, Timestamp};

use super::{
    commits, creation,
    hot::HotConversations,
    rows::{self, MemberRow, SEQ_MAX, from_sql, position, to_sql},
};
use crate::{
    limits,
    store::{
        StoreError,
        delivery::{
            Accepted, ApplicationWrite, Committer, LogBatch, LogOutcome, LogRefusal, LogWrite, Novelty,
            SendCheck, SendKey,
        },
        sqlite::Desk,
    },
};

/// Makes the writes of a batch, in order.
pub(super) fn write(desk: &mut Desk, batch: LogBatch) -> Result<Vec<LogOutcome>, StoreError> {
    let Desk { connection, hot } = desk;
    let outcomes = write_all(connection, hot, batch);
    if outcomes.is_err() {
        hot.clear();
    }
    outcomes
}

fn write_all(
    connection: &Connection,
    hot: &mut HotConversations,
    batch: LogBatch,
) -> Result<Vec<LogOutcome>, StoreError> {
    hot.trim();
    let mut outcomes = Vec::with_capacity(batch.writes.len());
    for write in batch.writes {
        // Refusals come before anything is written; an error undoes the whole batch.
        outcomes.push(match write {
            LogWrite::Application(write) => append(connection, hot, batch.accepted_at, &write)?,
            LogWrite::Commit(write) => commits::commit(connection, hot, batch.accepted_at, &write)?,
            LogWrite::Create(write) => creation::create(connection, hot, batch.accepted_at, &write)?,
        });
    }
    for cursor in batch.cursors {
        if let Some(conversation) = hot.load(connection, cursor.conversation_id)?
            && conversation.acknowledge(cursor.device_id, cursor.seq)
        {
            hot.touch(cursor.conversation_id);
        }
    }
    hot.flush(connection)?;
    Ok(outcomes)
}

fn append(
    connection: &Connection,
    hot: &mut HotConversations,
    accepted_at: Timestamp,
    write: &ApplicationWrite,
) -> Result<LogOutcome, StoreError> {
    let id = write.key.conversation_id;
    let Some(conversation) = hot.load(connection, id)? else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    match conversation.check(connection, &write.key, Committer::Member)? {
        SendCheck::Repeated(accepted) => return Ok(Ok(accepted)),
        SendCheck::Refused(refusal) => return Ok(Err(refusal)),
        SendCheck::Possible { head_seq, epoch } if epoch != write.epoch => {
            return Ok(Err(LogRefusal::StaleEpoch { head_seq, epoch }));
        }
        SendCheck::Possible { .. } => {}
    }
    let seq = match conversation.advance(&write.key) {
        Ok(seq) => seq,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let epoch = conversation.epoch;
    let entry = NewEntry {
        send_id: write.key.send_id,
        accepted_at,
        epoch,
        is_commit: false,
        payload: &write.message,
    };
    entry.insert(connection, conversation.number, seq)?;
    let novelty = Novelty::New {
        recipients: conversation.recipients.clone(),
        welcomed: Vec::new(),
    };
    hot.touch(id);
    Ok(Ok(Accepted {
        seq,
        epoch,
        accepted_at,
        novelty,
    }))
}

/// A row of the log.
pub(super) struct NewEntry<'a> {
    pub(super) send_id: SendId,
    pub(super) accepted_at: Timestamp,
    /// The epoch after it.
    pub(super) epoch: u64,
    pub(super) is_commit: bool,
    pub(super) payload: &'a Bytes,
}

impl NewEntry<'_> {
    pub(super) fn insert(&self, connection: &Connection, number: i64, seq: u64) -> Result<(), StoreError> {
        let changed = connection
            .prepare_cached(
                "INSERT INTO log (position, send_id, accepted_at, epoch, is_commit, payload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                position(number, seq),
                self.send_id.as_bytes(),
                to_sql(self.accepted_at.as_millis()),
                to_sql(self.epoch),
                self.is_commit,
                self.payload.as_ref(),
            ))?;
        StoreError::check_affected("append to a log", changed, 1)
    }
}

/// The same check as in a write, for those who want to know beforehand.
pub(super) fn check_send(
    connection: &Connection,
    key: &SendKey,
    committer: Committer,
) -> Result<SendCheck, StoreError> {
    let Some(row) = rows::conversation(connection, key.conversation_id)? else {
        return Ok(SendCheck::Refused(LogRefusal::NotAMember));
    };
    let member = rows::member(connection, row.number, key.device_id)?;
    check_against(
        connection,
        row.number,
        row.head_seq,
        row.epoch,
        member.as_ref(),
        key,
        committer,
    )
}

/// The rules of sending.
///
/// A number up to the last one is a retry: it gets the first answer, if the entry with its id is still
/// there. The next number is a new send. Others are out of order: an earlier send is missing. An external
/// committer that is not retrying begins a new count.
pub(super) fn check_against(
    connection: &Connection,
    number: i64,
    head_seq: u64,
    epoch: u64,
    member: Option<&MemberRow>,
    key: &SendKey,
    committer: Committer,
) -> Result<SendCheck, StoreError> {
    let Some(member) = member else {
        return Ok(match committer {
            Committer::Member => SendCheck::Refused(LogRefusal::NotAMember),
            Committer::External => SendCheck::Possible { head_seq, epoch },
        });
    };
    if member.signed_out {
        return Ok(SendCheck::Refused(LogRefusal::SignedOut));
    }
    if key.send_number <= member.last_send_number
        && let Some(accepted) = find_send(connection, number, member, key.send_id)?
    {
        return Ok(SendCheck::Repeated(accepted));
    }
    let expected = member.last_send_number + 1;
    if committer == Committer::Member && key.send_number != expected {
        return Ok(SendCheck::Refused(LogRefusal::SendOutOfOrder { expected }));
    }
    Ok(SendCheck::Possible { head_seq, epoch })
}

/// The entry with this id, looked for backwards from the member's newest one. A retry is of something
/// recent, so the search has an end, and the log needs no index by send id.
fn find_send(
    connection: &Connection,
    number: i64,
    member: &MemberRow,
    send_id: SendId,
) -> Result<Option<Accepted>, StoreError> {
    if member.last_send_seq == 0 {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT position, send_id, accepted_at, epoch FROM log
         WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT ?3",
    )?;
    let oldest = position(number, member.joined_seq);
    let newest = position(number, member.last_send_seq);
    let mut found = statement.query((oldest, newest, limits::SEND_RETRY_WINDOW))?;
    while let Some(row) = found.next()? {
        let (stored_id, accepted) = rows::stored_send(row)?;
        if stored_id == send_id {
            return Ok(Some(accepted));
        }
    }
    Ok(None)
}

/// The next place after a head, for a commit.
pub(super) fn next_seq(head_seq: u64) -> Result<u64, LogRefusal> {
    if head_seq >= SEQ_MAX {
        Err(LogRefusal::LogIsFull)
    } else {
        Ok(head_seq + 1)
    }
}

/// The number of conversations of an account.
pub(super) fn conversations_of(connection: &Connection, account: &[u8; 16]) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM conversation_accounts WHERE account = ?1")?
        .query_row([account], |row| row.get(0))?;
    Ok(from_sql(count))
}
