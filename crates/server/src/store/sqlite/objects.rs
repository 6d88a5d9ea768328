//! Sealed objects on SQLite.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row};
use subrosa_wire::{AccountId, ConversationId, ObjectId};

use super::{
    SqliteStore,
    delivery::{from_sql, to_sql},
};
use crate::store::{
    StoreError,
    delivery::ConversationRowId,
    objects::{ObjectChange, ObjectOutcome, ObjectRecord, ObjectRefusal, ObjectStore, ObjectWrite},
};

#[async_trait]
impl ObjectStore for SqliteStore {
    async fn put_object(
        &self,
        write: ObjectWrite,
    ) -> Result<Result<ObjectOutcome, ObjectRefusal>, StoreError> {
        self.write("put_object", move |context| put(&context.connection, &write))
            .await
    }

    async fn object(
        &self,
        object_id: ObjectId,
        known_revision: u64,
    ) -> Result<Option<ObjectRecord>, StoreError> {
        self.read("object", move |connection| {
            read(connection, object_id, known_revision)
        })
        .await
    }
}

impl TryFrom<&Row<'_>> for ObjectRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            revision: from_sql(row.get("revision")?),
            sealed: row.get::<_, Option<Vec<u8>>>("sealed")?.map(Bytes::from),
        })
    }
}

/// What a writer has to know of an object.
struct Stored {
    account_id: AccountId,
    conversation: Option<ConversationRowId>,
    revision: u64,
    sealed: Vec<u8>,
}

impl TryFrom<&Row<'_>> for Stored {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            account_id: AccountId::from_bytes(row.get("account")?),
            conversation: row.get("conversation")?,
            revision: from_sql(row.get("revision")?),
            sealed: row.get("sealed")?,
        })
    }
}

impl Stored {
    /// Whether an account may change it now.
    fn is_open_to(&self, connection: &Connection, account_id: AccountId) -> Result<bool, StoreError> {
        match self.conversation {
            None => Ok(self.account_id == account_id),
            Some(conversation) => is_in(connection, conversation, account_id),
        }
    }

    /// Whether an account has made it for this conversation, or for itself alone.
    fn was_made_by(
        &self,
        connection: &Connection,
        account_id: AccountId,
        conversation_id: Option<ConversationId>,
    ) -> Result<bool, StoreError> {
        let conversation = match conversation_id {
            None => None,
            Some(id) => conversation_of(connection, id, account_id)?,
        };
        Ok(self.account_id == account_id
            && self.conversation == conversation
            && conversation.is_some() == conversation_id.is_some())
    }
}

fn put(
    connection: &Connection,
    write: &ObjectWrite,
) -> Result<Result<ObjectOutcome, ObjectRefusal>, StoreError> {
    let Some(stored) = find(connection, write.object_id)? else {
        return match &write.change {
            ObjectChange::Create {
                sealed,
                conversation_id,
            } => create(connection, write, sealed, *conversation_id),
            ObjectChange::Replace { .. } => Ok(Ok(ObjectOutcome::Conflict(0))),
            ObjectChange::Delete { .. } => Ok(Ok(ObjectOutcome::Done(0))),
        };
    };
    let makes_it = matches!(write.change, ObjectChange::Create { .. });
    if !makes_it && !stored.is_open_to(connection, write.account_id)? {
        return Ok(Err(ObjectRefusal::NotAllowed));
    }
    match &write.change {
        ObjectChange::Create {
            sealed,
            conversation_id,
        } if stored.was_made_by(connection, write.account_id, *conversation_id)?
            && stored.revision == 1
            && stored.sealed == *sealed =>
        {
            Ok(Ok(ObjectOutcome::Done(1)))
        }
        ObjectChange::Replace { revision, sealed } if stored.revision == *revision => {
            replace(connection, write, &stored, sealed)
        }
        ObjectChange::Replace { revision, sealed }
            if stored.revision.checked_sub(1) == Some(*revision) && stored.sealed == *sealed =>
        {
            Ok(Ok(ObjectOutcome::Done(stored.revision)))
        }
        ObjectChange::Delete { revision } if stored.revision == *revision => {
            delete(connection, write.object_id, *revision)?;
            Ok(Ok(ObjectOutcome::Done(0)))
        }
        _ => Ok(Ok(ObjectOutcome::Conflict(stored.revision))),
    }
}

fn create(
    connection: &Connection,
    write: &ObjectWrite,
    sealed: &Bytes,
    conversation_id: Option<ConversationId>,
) -> Result<Result<ObjectOutcome, ObjectRefusal>, StoreError> {
    let conversation = match conversation_id {
        None => None,
        Some(id) => {
            let Some(conversation) = conversation_of(connection, id, write.account_id)? else {
                return Ok(Err(ObjectRefusal::NotAMember));
            };
            Some(conversation)
        }
    };
    let (objects, bytes) = made_by(connection, write.account_id)?;
    if objects >= write.objects_max as u64 || bytes + sealed.len() as u64 > write.bytes_max {
        return Ok(Err(ObjectRefusal::TooManyObjects));
    }
    let changed = connection
        .prepare_cached(
            "INSERT INTO objects (id, account, conversation, revision, sealed, size, changed_at)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)",
        )?
        .execute((
            write.object_id.as_bytes(),
            write.account_id.as_bytes(),
            conversation,
            sealed.as_ref(),
            to_sql(sealed.len() as u64),
            to_sql(write.now.as_millis()),
        ))?;
    StoreError::check_affected("make an object", changed, 1)?;
    Ok(Ok(ObjectOutcome::Done(1)))
}

fn replace(
    connection: &Connection,
    write: &ObjectWrite,
    stored: &Stored,
    sealed: &Bytes,
) -> Result<Result<ObjectOutcome, ObjectRefusal>, StoreError> {
    let (_, bytes) = made_by(connection, stored.account_id)?;
    let others = bytes.saturating_sub(stored.sealed.len() as u64);
    if others + sealed.len() as u64 > write.bytes_max {
        return Ok(Err(ObjectRefusal::TooManyObjects));
    }
    let changed = connection
        .prepare_cached(
            "UPDATE objects SET revision = revision + 1, sealed = ?3, size = ?4, changed_at = ?5
             WHERE id = ?1 AND revision = ?2",
        )?
        .execute((
            write.object_id.as_bytes(),
            to_sql(stored.revision),
            sealed.as_ref(),
            to_sql(sealed.len() as u64),
            to_sql(write.now.as_millis()),
        ))?;
    StoreError::check_affected("replace an object", changed, 1)?;
    Ok(Ok(ObjectOutcome::Done(stored.revision + 1)))
}

fn delete(connection: &Connection, object_id: ObjectId, revision: u64) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached("DELETE FROM objects WHERE id = ?1 AND revision = ?2")?
        .execute((object_id.as_bytes(), to_sql(revision)))?;
    StoreError::check_affected("delete an object", changed, 1)
}

fn find(connection: &Connection, object_id: ObjectId) -> Result<Option<Stored>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT account, conversation, revision, sealed FROM objects WHERE id = ?1")?
        .query_row([object_id.as_bytes()], |row| Stored::try_from(row))
        .optional()?)
}

/// The number of objects that an account has made, and the bytes in them.
fn made_by(connection: &Connection, account_id: AccountId) -> Result<(u64, u64), StoreError> {
    let (objects, bytes): (i64, i64) = connection
        .prepare_cached("SELECT count(*), coalesce(sum(size), 0) FROM objects WHERE account = ?1")?
        .query_row([account_id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((from_sql(objects), from_sql(bytes)))
}

/// A conversation, if it is one of the account.
fn conversation_of(
    connection: &Connection,
    conversation_id: ConversationId,
    account_id: AccountId,
) -> Result<Option<ConversationRowId>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT c.number FROM conversations c
             JOIN conversation_accounts a ON a.conversation = c.number AND a.account = ?2
             WHERE c.id = ?1",
        )?
        .query_row((conversation_id.as_bytes(), account_id.as_bytes()), |row| {
            row.get(0)
        })
        .optional()?)
}

fn is_in(
    connection: &Connection,
    conversation: ConversationRowId,
    account_id: AccountId,
) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) > 0 FROM conversation_accounts WHERE account = ?1 AND conversation = ?2",
        )?
        .query_row((account_id.as_bytes(), conversation), |row| row.get(0))?)
}

fn read(
    connection: &Connection,
    object_id: ObjectId,
    known_revision: u64,
) -> Result<Option<ObjectRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT revision, CASE WHEN revision = ?2 THEN NULL ELSE sealed END AS sealed FROM objects WHERE id = ?1",
        )?
        .query_row((object_id.as_bytes(), to_sql(known_revision)), |row| {
            ObjectRecord::try_from(row)
        })
        .optional()?)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use crate::store::{SqliteStore, conformance::objects::object_store_conformance};

    object_store_conformance!({
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path()).unwrap(), folder)
    });
}
