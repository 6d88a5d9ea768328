//! Invite links and requests to join on SQLite.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row};
use subrosa_wire::{AccountId, ConversationId, LinkId, Timestamp};

use super::{
    pages::is_conversation_of,
    rows::{self, from_sql, to_sql},
};
use crate::{
    limits::REVOKED_LINKS_MAX,
    store::{
        StoreError,
        delivery::{ConversationRowId, LogRefusal},
        links::{
            AskRefusal, JoinRequestRecord, JoinRequestWrite, KeptLink, LinkClosed, LinkRecord, LinkStore,
            LinkWrite,
        },
        sqlite::SqliteStore,
    },
};

#[async_trait]
impl LinkStore for SqliteStore {
    async fn put_link(&self, write: LinkWrite) -> Result<Result<(), LogRefusal>, StoreError> {
        self.write("put_link", move |context| put(&context.connection, &write))
            .await
    }

    async fn link(&self, link_id: LinkId) -> Result<Option<LinkRecord>, StoreError> {
        self.read("link", move |connection| find(connection, link_id))
            .await
    }

    async fn links(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<Option<Vec<LinkRecord>>, StoreError> {
        self.read("links", move |connection| {
            if is_conversation_of(connection, conversation_id, account_id)? {
                Ok(Some(links_of(connection, conversation_id)?))
            } else {
                Ok(None)
            }
        })
        .await
    }

    async fn ask_to_join(&self, write: JoinRequestWrite) -> Result<Result<(), AskRefusal>, StoreError> {
        self.write("ask_to_join", move |context| ask(&context.connection, &write))
            .await
    }

    async fn join_requests(
        &self,
        conversation_id: ConversationId,
    ) -> Result<Vec<JoinRequestRecord>, StoreError> {
        self.read("join_requests", move |connection| {
            requests_of(connection, conversation_id)
        })
        .await
    }

    async fn drop_join_request(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
    ) -> Result<(), StoreError> {
        self.write("drop_join_request", move |context| {
            context
                .connection
                .prepare_cached(
                    "DELETE FROM join_requests WHERE account = ?2
                     AND conversation = (SELECT number FROM conversations WHERE id = ?1)",
                )?
                .execute((conversation_id.as_bytes(), account_id.as_bytes()))?;
            Ok(())
        })
        .await
    }

    async fn forget_links(
        &self,
        revoked_before: Timestamp,
        asked_before: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("forget_links", move |context| {
            context
                .connection
                .prepare_cached("DELETE FROM links WHERE revoked_at < ?1")?
                .execute([to_sql(revoked_before.as_millis())])?;
            context
                .connection
                .prepare_cached("DELETE FROM join_requests WHERE asked_at < ?1")?
                .execute([to_sql(asked_before.as_millis())])?;
            Ok(())
        })
        .await
    }
}

impl TryFrom<&Row<'_>> for LinkRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        let instant = |millis| Timestamp::from_millis(from_sql(millis));
        Ok(Self {
            link_id: LinkId::from_bytes(row.get("id")?),
            conversation_id: ConversationId::from_bytes(row.get("conversation_id")?),
            members: from_sql(row.get("members")?),
            needs_approval: row.get("needs_approval")?,
            uses: from_sql(row.get("uses")?),
            uses_max: row.get("uses_max")?,
            expires_at: row.get::<_, Option<i64>>("expires_at")?.map(instant),
            preview: Bytes::from(row.get::<_, Vec<u8>>("preview")?),
            created_at: instant(row.get("created_at")?),
            revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(instant),
        })
    }
}

impl TryFrom<&Row<'_>> for JoinRequestRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            account_id: AccountId::from_bytes(row.get("account")?),
            signature: row.get("signature")?,
            note: Bytes::from(row.get::<_, Vec<u8>>("note")?),
            asked_at: Timestamp::from_millis(from_sql(row.get("asked_at")?)),
        })
    }
}

fn put(connection: &Connection, write: &LinkWrite) -> Result<Result<(), LogRefusal>, StoreError> {
    if !is_conversation_of(connection, write.conversation_id, write.account_id)? {
        return Ok(Err(LogRefusal::NotAMember));
    }
    let Some(conversation) = rows::conversation(connection, write.conversation_id)? else {
        return Ok(Err(LogRefusal::NotAMember));
    };
    // A commit in between may have revoked it.
    if conversation.epoch != write.epoch {
        return Ok(Err(LogRefusal::StaleEpoch {
            head_seq: conversation.head_seq,
            epoch: conversation.epoch,
        }));
    }
    let changed = connection
        .prepare_cached(
            "INSERT INTO links (id, conversation, needs_approval, uses, uses_max, expires_at, preview, created_at)
             VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET needs_approval = excluded.needs_approval,
                 uses_max = excluded.uses_max, expires_at = excluded.expires_at, preview = excluded.preview,
                 revoked_at = NULL
             WHERE conversation = excluded.conversation",
        )?
        .execute((
            write.link_id.as_bytes(),
            conversation.row_id,
            write.needs_approval,
            write.uses_max,
            write.expires_at.map(|at| to_sql(at.as_millis())),
            write.preview.as_ref(),
            to_sql(write.now.as_millis()),
        ))?;
    Ok(match changed {
        0 => Err(LogRefusal::Link(LinkClosed::Unknown)),
        _ => Ok(()),
    })
}

const SELECT_LINK: &str =
    "SELECT l.id, c.id AS conversation_id, l.needs_approval, l.uses, l.uses_max, l.expires_at,
        l.preview, l.created_at, l.revoked_at,
        (SELECT count(*) FROM conversation_accounts a WHERE a.conversation = l.conversation) AS members
    FROM links l JOIN conversations c ON c.number = l.conversation";

fn find(connection: &Connection, link_id: LinkId) -> Result<Option<LinkRecord>, StoreError> {
    Ok(connection
        .prepare_cached(&format!("{SELECT_LINK} WHERE l.id = ?1"))?
        .query_row([link_id.as_bytes()], |row| LinkRecord::try_from(row))
        .optional()?)
}

fn links_of(connection: &Connection, id: ConversationId) -> Result<Vec<LinkRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{SELECT_LINK} WHERE c.id = ?1 AND l.revoked_at IS NULL ORDER BY l.created_at, l.id"
    ))?;
    let rows = statement.query_map([id.as_bytes()], |row| LinkRecord::try_from(row))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether somebody may come to a conversation by a link, or ask to.
pub(super) fn check(
    connection: &Connection,
    conversation_id: ConversationId,
    link_id: LinkId,
    now: Timestamp,
) -> Result<Result<(), LinkClosed>, StoreError> {
    let link = find(connection, link_id)?.filter(|link| link.conversation_id == conversation_id);
    Ok(link.ok_or(LinkClosed::Unknown).and_then(|link| link.check(now)))
}

/// Counts that an account has come by a link.
pub(super) fn count_use(connection: &Connection, link_id: LinkId) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE links SET uses = uses + 1 WHERE id = ?1")?
        .execute([link_id.as_bytes()])?;
    Ok(())
}

/// Notes that an account has come in: it asks no longer, and whoever asked by a link has come by it.
pub(super) fn came_in(
    connection: &Connection,
    row_id: ConversationRowId,
    account_id: AccountId,
) -> Result<(), StoreError> {
    let asked_by: Option<[u8; 16]> = connection
        .prepare_cached("DELETE FROM join_requests WHERE conversation = ?1 AND account = ?2 RETURNING link")?
        .query_row((row_id, account_id.as_bytes()), |row| row.get(0))
        .optional()?;
    match asked_by {
        Some(link_id) => count_use(connection, LinkId::from_bytes(link_id)),
        None => Ok(()),
    }
}

/// Makes the links of a conversation those that its policy has now. Requests go with the link by which they came.
pub(super) fn follow_policy(
    connection: &Connection,
    row_id: ConversationRowId,
    kept: &[KeptLink],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM links WHERE conversation = ?1 AND revoked_at IS NULL")?;
    let ids = statement.query_map([row_id], |row| Ok(LinkId::from_bytes(row.get(0)?)))?;
    for link_id in ids.collect::<Result<Vec<_>, _>>()? {
        match kept.iter().find(|link| link.link_id == link_id) {
            Some(link) => {
                let changed = connection
                    .prepare_cached("UPDATE links SET needs_approval = ?2 WHERE id = ?1")?
                    .execute((link_id.as_bytes(), link.needs_approval))?;
                StoreError::check_affected("change a link", changed, 1)?;
            }
            None => revoke(connection, link_id, now)?,
        }
    }
    connection
        .prepare_cached(
            "DELETE FROM links WHERE id IN (SELECT id FROM links WHERE conversation = ?1 AND revoked_at IS NOT NULL
                 ORDER BY revoked_at DESC LIMIT -1 OFFSET ?2)",
        )?
        .execute((row_id, REVOKED_LINKS_MAX))?;
    Ok(())
}

fn revoke(connection: &Connection, link_id: LinkId, now: Timestamp) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("UPDATE links SET revoked_at = ?2, preview = x'' WHERE id = ?1")?
        .execute((link_id.as_bytes(), to_sql(now.as_millis())))?;
    StoreError::check_affected("revoke a link", changed, 1)?;
    connection
        .prepare_cached("DELETE FROM join_requests WHERE link = ?1")?
        .execute([link_id.as_bytes()])?;
    Ok(())
}

fn ask(connection: &Connection, write: &JoinRequestWrite) -> Result<Result<(), AskRefusal>, StoreError> {
    let JoinRequestWrite {
        conversation_id,
        link_id,
        ref request,
        requests_max,
    } = *write;
    let Some(conversation) = rows::conversation(connection, conversation_id)? else {
        return Ok(Err(AskRefusal::Link(LinkClosed::Unknown)));
    };
    if let Err(closed) = check(connection, conversation_id, link_id, request.asked_at)? {
        return Ok(Err(AskRefusal::Link(closed)));
    }
    if is_conversation_of(connection, conversation_id, request.account_id)? {
        return Ok(Err(AskRefusal::IsMember));
    }
    let others: i64 = connection
        .prepare_cached("SELECT count(*) FROM join_requests WHERE conversation = ?1 AND account <> ?2")?
        .query_row((conversation.row_id, request.account_id.as_bytes()), |row| {
            row.get(0)
        })?;
    if from_sql(others) >= requests_max as u64 {
        return Ok(Err(AskRefusal::TooMany));
    }
    let changed = connection
        .prepare_cached(
            "INSERT OR REPLACE INTO join_requests (conversation, account, link, signature, note, asked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            conversation.row_id,
            request.account_id.as_bytes(),
            link_id.as_bytes(),
            request.signature,
            request.note.as_ref(),
            to_sql(request.asked_at.as_millis()),
        ))?;
    StoreError::check_affected("keep a request to join", changed, 1)?;
    Ok(Ok(()))
}

fn requests_of(connection: &Connection, id: ConversationId) -> Result<Vec<JoinRequestRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT r.account, r.signature, r.note, r.asked_at FROM join_requests r
         JOIN conversations c ON c.number = r.conversation
         WHERE c.id = ?1 ORDER BY r.asked_at, r.account",
    )?;
    let rows = statement.query_map([id.as_bytes()], |row| JoinRequestRecord::try_from(row))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use crate::store::{SqliteStore, conformance::links::link_store_conformance};

    link_store_conformance!({
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path()).unwrap(), folder)
    });
}
