//! Reading: pages of a log, and the heads of an account's conversations.

use bytes::Bytes;
use rusqlite::{Connection, Row};
use subrosa_mls::{EntryKind, LogHash};
use subrosa_wire::{AccountId, ConversationId, DeviceId, SendId, Timestamp};

use super::{
    accounts,
    rows::{self, from_sql, position, seq_of},
};
use crate::store::{
    StoreError,
    delivery::{ConversationHead, LogPage, LogRecord, PageBounds, ReadRefusal},
};

impl TryFrom<&Row<'_>> for LogRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            seq: seq_of(row.get("position")?),
            send_id: SendId::from_bytes(row.get("send_id")?),
            sender: row.get::<_, Option<_>>("sender")?.map(DeviceId::from_bytes),
            accepted_at: Timestamp::from_millis(from_sql(row.get("accepted_at")?)),
            hash: row.get::<_, Option<_>>("hash")?.map(LogHash::from_bytes),
            kind: match (row.get("is_commit")?, row.get("is_leave")?) {
                (true, _) => EntryKind::Commit,
                (false, true) => EntryKind::Leave,
                (false, false) => EntryKind::Message,
            },
            payload: Bytes::from(row.get::<_, Vec<u8>>("payload")?),
        })
    }
}

/// A page begins after `after_seq`. If the entry there exists but is no longer kept, the page is refused as pruned: a
/// page never has a gap that it does not tell.
pub(super) fn log_page(
    connection: &Connection,
    conversation_id: ConversationId,
    account_id: AccountId,
    after_seq: u64,
    bounds: PageBounds,
) -> Result<Result<LogPage, ReadRefusal>, StoreError> {
    let Some(conversation) = rows::conversation(connection, conversation_id)? else {
        return Ok(Err(ReadRefusal::NotAMember));
    };
    let (head_seq, head_hash) = if is_conversation_of(connection, conversation_id, account_id)? {
        (conversation.head_seq, conversation.head_hash)
    } else if let Some(end) = accounts::end_for(connection, conversation_id, account_id)? {
        (end.seq, end.hash)
    } else {
        return Ok(Err(ReadRefusal::NotAMember));
    };
    if after_seq >= head_seq {
        return Ok(Ok(LogPage {
            entries: Vec::new(),
            head_seq,
            head_hash,
        }));
    }
    if after_seq + 1 < conversation.first_seq {
        let (first_seq, epoch) = (conversation.first_seq, conversation.epoch);
        return Ok(Err(ReadRefusal::Pruned {
            first_seq,
            head_seq,
            epoch,
        }));
    }
    let mut statement = connection.prepare_cached(
        "SELECT position, send_id, sender, accepted_at, is_commit, is_leave, payload, hash FROM log
         WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3",
    )?;
    let oldest = position(conversation.row_id, after_seq + 1);
    let newest = position(conversation.row_id, head_seq);
    let mut found = statement.query((oldest, newest, bounds.entries_max))?;
    let mut entries = Vec::new();
    let mut bytes_left = bounds.bytes_max;
    while let Some(row) = found.next()? {
        let entry = LogRecord::try_from(row)?;
        let expected = after_seq + 1 + entries.len() as u64;
        if entry.seq != expected {
            return Err(StoreError::InvalidRow {
                table: "log",
                reason: format!("seq {expected} is missing"),
            });
        }
        let len = entry.payload.len();
        if !entries.is_empty() && len > bytes_left {
            break;
        }
        bytes_left = bytes_left.saturating_sub(len);
        entries.push(entry);
    }
    Ok(Ok(LogPage {
        entries,
        head_seq,
        head_hash,
    }))
}

pub(super) fn conversation_heads(
    connection: &Connection,
    account_id: AccountId,
    device_id: DeviceId,
) -> Result<Vec<ConversationHead>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT c.number, c.id, c.head_seq, c.head_hash, c.epoch, m.device IS NOT NULL AS member, FALSE AS former,
                COALESCE(m.acked_seq, 0) AS acked_seq, COALESCE(m.last_send_number, 0) AS send_number,
                CASE WHEN m.device IS NULL THEN 0 ELSE c.receipts_change END AS receipts_change
         FROM conversation_accounts a
         JOIN conversations c ON c.number = a.conversation
         LEFT JOIN members m ON m.conversation = c.number AND m.device = ?2
         WHERE a.account = ?1
         UNION ALL
         SELECT c.number, c.id, f.left_seq, f.left_hash, f.epoch, FALSE, TRUE, 0, 0, 0
         FROM former_accounts f
         JOIN conversations c ON c.number = f.conversation
         WHERE f.account = ?1
         ORDER BY 1",
    )?;
    let heads = statement.query_map((account_id.as_bytes(), device_id.as_bytes()), |row| {
        Ok(ConversationHead {
            conversation_id: ConversationId::from_bytes(row.get("id")?),
            head_seq: from_sql(row.get("head_seq")?),
            epoch: from_sql(row.get("epoch")?),
            member: row.get("member")?,
            former: row.get("former")?,
            acked_seq: from_sql(row.get("acked_seq")?),
            send_number: from_sql(row.get("send_number")?),
            head_hash: LogHash::from_bytes(row.get("head_hash")?),
            receipts_change: from_sql(row.get("receipts_change")?),
        })
    })?;
    Ok(heads.collect::<Result<_, _>>()?)
}

pub(super) fn is_conversation_of(
    connection: &Connection,
    conversation_id: ConversationId,
    account_id: AccountId,
) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) > 0 FROM conversations c
             JOIN conversation_accounts a ON a.conversation = c.number AND a.account = ?2
             WHERE c.id = ?1",
        )?
        .query_row((conversation_id.as_bytes(), account_id.as_bytes()), |row| {
            row.get(0)
        })?)
}
