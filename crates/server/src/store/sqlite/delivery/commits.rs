//! A commit: the entry, the epoch, the group, the members and the welcomes change together.

use rusqlite::Connection;
use subrosa_wire::{AccountId, DeviceId, Timestamp};

use super::{
    hot::HotConversations,
    log::{self, NewEntry},
    rows::{position, to_sql},
};
use crate::store::{
    StoreError,
    delivery::{Accepted, CommitWrite, Committer, LogOutcome, LogRefusal, Novelty, SendCheck},
};

pub(super) fn commit(
    connection: &Connection,
    hot: &mut HotConversations,
    accepted_at: Timestamp,
    write: &CommitWrite,
) -> Result<LogOutcome, StoreError> {
    let id = write.key.conversation_id;
    let Some(conversation) = hot.load(connection, id)? else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    match conversation.check(connection, &write.key, write.committer)? {
        SendCheck::Repeated(accepted) => return Ok(Ok(accepted)),
        SendCheck::Refused(refusal) => return Ok(Err(refusal)),
        SendCheck::Possible { head_seq, epoch } if epoch != write.epoch => {
            return Ok(Err(LogRefusal::StaleEpoch { head_seq, epoch }));
        }
        SendCheck::Possible { .. } => {}
    }
    let (number, head_seq, recipients) = (
        conversation.number,
        conversation.head_seq,
        conversation.recipients.clone(),
    );
    let seq = match log::next_seq(head_seq) {
        Ok(seq) => seq,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // From here on rows change that the hot conversation mirrors: it is written out first and read anew
    // when it is next needed.
    hot.release(connection, id)?;
    advance(connection, number, head_seq, write)?;
    replace_group(connection, number, write)?;
    let epoch = write.epoch + 1;
    let entry = NewEntry {
        send_id: write.key.send_id,
        accepted_at,
        epoch,
        is_commit: true,
        payload: &write.commit,
    };
    entry.insert(connection, number, seq)?;
    for device_id in &write.removed {
        remove_member(connection, number, *device_id)?;
    }
    for (device_id, account_id) in &write.added {
        NewMember {
            device_id: *device_id,
            account_id: *account_id,
            joined_seq: seq,
            last_send: (0, 0),
        }
        .insert(connection, number)?;
    }
    match write.committer {
        Committer::Member => count_send(connection, number, seq, write)?,
        Committer::External => NewMember {
            device_id: write.key.device_id,
            account_id: write.account_id,
            joined_seq: seq,
            last_send: (write.key.send_number, seq),
        }
        .insert(connection, number)?,
    }
    let welcomed = insert_welcome(connection, number, seq, write)?;
    Ok(Ok(Accepted {
        seq,
        epoch,
        accepted_at,
        novelty: Novelty::New { recipients, welcomed },
    }))
}

/// Compare-and-set on head and epoch: the commit is the next entry and ends the epoch, or nothing happens.
fn advance(
    connection: &Connection,
    number: i64,
    head_seq: u64,
    write: &CommitWrite,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE conversations SET head_seq = head_seq + 1, epoch = epoch + 1
             WHERE number = ?1 AND head_seq = ?2 AND epoch = ?3",
        )?
        .execute((number, to_sql(head_seq), to_sql(write.epoch)))?;
    StoreError::check_affected("advance the epoch", changed, 1)
}

fn replace_group(connection: &Connection, number: i64, write: &CommitWrite) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE groups SET epoch = epoch + 1, public_view = ?3, group_info = ?4
             WHERE conversation = ?1 AND epoch = ?2",
        )?
        .execute((
            number,
            to_sql(write.epoch),
            write.public_view.as_ref(),
            write.group_info.as_ref(),
        ))?;
    StoreError::check_affected("replace a group", changed, 1)
}

fn remove_member(connection: &Connection, number: i64, device_id: DeviceId) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("DELETE FROM members WHERE conversation = ?1 AND device = ?2")?
        .execute((number, device_id.as_bytes()))?;
    StoreError::check_affected("remove a member", changed, 1)
}

fn count_send(connection: &Connection, number: i64, seq: u64, write: &CommitWrite) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE members SET last_send_number = ?3, last_send_seq = ?4 WHERE conversation = ?1 AND device = ?2",
        )?
        .execute((number, write.key.device_id.as_bytes(), to_sql(write.key.send_number), to_sql(seq)))?;
    StoreError::check_affected("count a send", changed, 1)
}

/// A device that joins.
pub(super) struct NewMember {
    pub(super) device_id: DeviceId,
    pub(super) account_id: AccountId,
    /// What follows this entry is for it.
    pub(super) joined_seq: u64,
    /// Number and seq of its newest entry.
    pub(super) last_send: (u64, u64),
}

impl NewMember {
    pub(super) fn insert(&self, connection: &Connection, number: i64) -> Result<(), StoreError> {
        let changed = connection
            .prepare_cached(
                "INSERT INTO members (conversation, device, account, joined_seq, acked_seq,
                                      last_send_number, last_send_seq, signed_out)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, 0)",
            )?
            .execute((
                number,
                self.device_id.as_bytes(),
                self.account_id.as_bytes(),
                to_sql(self.joined_seq),
                to_sql(self.last_send.0),
                to_sql(self.last_send.1),
            ))?;
        StoreError::check_affected("add a member", changed, 1)
    }
}

/// Keeps the Welcome once and puts an item into the inbox of each added device.
pub(super) fn insert_welcome(
    connection: &Connection,
    number: i64,
    seq: u64,
    write: &CommitWrite,
) -> Result<Vec<(DeviceId, u64)>, StoreError> {
    let Some(welcome) = &write.welcome else {
        return Ok(Vec::new());
    };
    let place = position(number, seq);
    let changed = connection
        .prepare_cached("INSERT INTO welcomes (position, welcome, ratchet_tree) VALUES (?1, ?2, ?3)")?
        .execute((place, welcome.welcome.as_ref(), welcome.ratchet_tree.as_ref()))?;
    StoreError::check_affected("keep a welcome", changed, 1)?;
    let mut insert = connection.prepare_cached("INSERT INTO inbox (device, position) VALUES (?1, ?2)")?;
    let mut welcomed = Vec::with_capacity(write.added.len());
    for (device_id, _) in &write.added {
        StoreError::check_affected(
            "put into an inbox",
            insert.execute((device_id.as_bytes(), place))?,
            1,
        )?;
        welcomed.push((*device_id, super::rows::from_sql(connection.last_insert_rowid())));
    }
    Ok(welcomed)
}
