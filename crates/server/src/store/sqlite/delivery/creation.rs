//! A new conversation, with its first commit as seq 1.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _};
use subrosa_mls::{EntryKind, LogHash, payload_hash};
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::{
    accounts, conversation_cache::ConversationCache, entries::NewEntry, members::NewMember, rows::to_sql,
    views, welcomes,
};
use crate::store::{
    StoreError,
    delivery::{
        Acceptance, Accepted, Claim, Committer, ConversationRowId, CreateWrite, LogOutcome, LogRefusal,
        SendCheck,
    },
};

/// The place of the first entry.
const FIRST_SEQ: u64 = 1;

pub(super) fn create(
    connection: &Connection,
    cache: &mut ConversationCache,
    accepted_at: Timestamp,
    write: &CreateWrite,
) -> Result<LogOutcome, StoreError> {
    let first = &write.first;
    let id = first.key.conversation_id;
    if let Some(conversation) = cache.load(connection, id)? {
        return Ok(
            match conversation.check(connection, &first.key, Committer::Member)? {
                SendCheck::Duplicate(accepted) => Ok(accepted),
                _ => Err(LogRefusal::ConversationExists(id)),
            },
        );
    }
    let pair = pair(write.claim, &write.accounts);
    if let Some(existing) = conversation_of_pair(connection, pair)? {
        return Ok(Err(LogRefusal::ConversationExists(existing)));
    }
    // Nobody is kept from talking to one other person by the groups that strangers have added them to.
    let counted = match write.claim {
        Claim::Pair => std::slice::from_ref(&first.account_id),
        Claim::Nothing => &write.accounts[..],
    };
    for account_id in counted {
        if accounts::conversations_of(connection, *account_id)? >= write.conversations_max as u64 {
            return Ok(Err(LogRefusal::TooManyConversations));
        }
    }
    let epoch = first.epoch + 1;
    let chained = first.key.chained(
        FIRST_SEQ,
        EntryKind::Commit,
        accepted_at,
        payload_hash(&first.commit),
    );
    let hash = LogHash::START.after(&chained);
    let entry = NewEntry {
        key: &first.key,
        accepted_at,
        epoch,
        kind: EntryKind::Commit,
        payload: &first.commit,
        hash,
    };
    let new = NewConversation {
        id,
        head: (FIRST_SEQ, hash),
        epoch,
        first_seq: FIRST_SEQ,
        created_at: accepted_at,
        accounts: &write.accounts,
        pair,
    };
    let row_id = new.insert(connection)?;
    insert_group(connection, row_id, epoch, &first.group_info)?;
    views::write(connection, (row_id, FIRST_SEQ), &entry, &first.view)?;
    entry.insert(connection, row_id, FIRST_SEQ)?;
    NewMember {
        device_id: first.key.device_id,
        account_id: first.account_id,
        joined_seq: 0,
        last_send: (first.key.send_number, FIRST_SEQ),
    }
    .insert(connection, row_id)?;
    for (device_id, account_id) in &first.added {
        NewMember {
            device_id: *device_id,
            account_id: *account_id,
            joined_seq: 0,
            last_send: (0, 0),
        }
        .insert(connection, row_id)?;
    }
    let welcomed = welcomes::insert(connection, row_id, FIRST_SEQ, LogHash::START, first)?;
    let recipients = [first.key.device_id].into();
    Ok(Ok(Accepted {
        seq: FIRST_SEQ,
        epoch,
        accepted_at,
        hash: Some(hash),
        acceptance: Acceptance::Stored {
            recipients,
            welcomed,
            hash_before: LogHash::START,
        },
    }))
}

/// The conversation that a pair of accounts has.
pub(super) fn conversation_of_pair(
    connection: &Connection,
    pair: Option<Pair>,
) -> Result<Option<ConversationId>, StoreError> {
    let Some((lower, higher)) = pair else {
        return Ok(None);
    };
    Ok(connection
        .prepare_cached(
            "SELECT c.id FROM direct_pairs p JOIN conversations c ON c.number = p.conversation
             WHERE p.lower = ?1 AND p.higher = ?2",
        )?
        .query_row((lower.as_bytes(), higher.as_bytes()), |row| {
            Ok(ConversationId::from_bytes(row.get(0)?))
        })
        .optional()?)
}

/// A pair of accounts, the lower id first.
pub(super) type Pair = (AccountId, AccountId);

/// The pair that a conversation claims.
pub(super) fn pair(claim: Claim, accounts: &[AccountId]) -> Option<Pair> {
    if claim == Claim::Nothing {
        return None;
    }
    Some((*accounts.iter().min()?, *accounts.iter().max()?))
}

/// A row for a conversation, with all that names its accounts.
pub(super) struct NewConversation<'a> {
    pub(super) id: ConversationId,
    pub(super) head: (u64, LogHash),
    pub(super) epoch: u64,
    /// The oldest entry that is kept.
    pub(super) first_seq: u64,
    pub(super) created_at: Timestamp,
    pub(super) accounts: &'a [AccountId],
    pub(super) pair: Option<Pair>,
}

impl NewConversation<'_> {
    pub(super) fn insert(&self, connection: &Connection) -> Result<ConversationRowId, StoreError> {
        let changed = connection
            .prepare_cached(
                "INSERT INTO conversations (id, head_seq, head_hash, epoch, first_seq, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                self.id.as_bytes(),
                to_sql(self.head.0),
                self.head.1.as_bytes(),
                to_sql(self.epoch),
                to_sql(self.first_seq),
                to_sql(self.created_at.as_millis()),
            ))?;
        StoreError::check_affected("create a conversation", changed, 1)?;
        let row_id = ConversationRowId::new(connection.last_insert_rowid());
        for account_id in self.accounts {
            accounts::add(connection, row_id, *account_id)?;
        }
        if let Some((lower, higher)) = self.pair {
            let changed = connection
                .prepare_cached("INSERT INTO direct_pairs (lower, higher, conversation) VALUES (?1, ?2, ?3)")?
                .execute((lower.as_bytes(), higher.as_bytes(), row_id))?;
            StoreError::check_affected("note a pair", changed, 1)?;
        }
        Ok(row_id)
    }
}

/// Keeps the group of a conversation that is new here; its view is stored apart.
pub(super) fn insert_group(
    connection: &Connection,
    row_id: ConversationRowId,
    epoch: u64,
    group_info: &Bytes,
) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("INSERT INTO groups (conversation, epoch, group_info) VALUES (?1, ?2, ?3)")?
        .execute((row_id, to_sql(epoch), group_info.as_ref()))?;
    StoreError::check_affected("keep a group", changed, 1)
}
