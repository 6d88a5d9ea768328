//! The rules of sending: which number a device sends next, and what a retry is.

use rusqlite::Connection;
use subrosa_wire::SendId;

use super::rows::{self, MemberRow, position};
use crate::{
    limits,
    store::{
        StoreError,
        delivery::{Accepted, Committer, ConversationRowId, LogRefusal, SendCheck, SendKey},
    },
};

/// The same check as in a write, for those who want to know beforehand.
pub(super) fn check_send(
    connection: &Connection,
    key: &SendKey,
    committer: Committer,
) -> Result<SendCheck, StoreError> {
    let Some(row) = rows::conversation(connection, key.conversation_id)? else {
        return Ok(SendCheck::Refused(LogRefusal::NotAMember));
    };
    let member = rows::member(connection, row.row_id, key.device_id)?;
    check_against(
        connection,
        row.row_id,
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
    row_id: ConversationRowId,
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
        && let Some(accepted) = find_send(connection, row_id, member, key.send_id)?
    {
        return Ok(SendCheck::Duplicate(accepted));
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
    row_id: ConversationRowId,
    member: &MemberRow,
    send_id: SendId,
) -> Result<Option<Accepted>, StoreError> {
    if member.last_send_seq == 0 {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT position, send_id, accepted_at, epoch, hash FROM log
         WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT ?3",
    )?;
    let oldest = position(row_id, member.joined_seq);
    let newest = position(row_id, member.last_send_seq);
    let mut found = statement.query((oldest, newest, limits::SEND_RETRY_WINDOW))?;
    while let Some(row) = found.next()? {
        let (stored_id, accepted) = rows::stored_send(row)?;
        if stored_id == send_id {
            return Ok(Some(accepted));
        }
    }
    Ok(None)
}
