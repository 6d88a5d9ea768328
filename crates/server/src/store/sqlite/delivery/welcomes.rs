//! The inbox of a device: Welcomes that wait for it.

use bytes::Bytes;
use rusqlite::{Connection, Row};
use subrosa_mls::LogHash;
use subrosa_wire::{ConversationId, DeviceId, limits::WELCOME_TREE_MAX};

use super::{
    rows::{from_sql, position, seq_of, to_sql},
    trees,
};
use crate::store::{
    StoreError,
    delivery::{CommitWrite, ConversationRowId, PageBounds, WelcomeRecord, WelcomeTree},
};

impl TryFrom<&Row<'_>> for WelcomeRecord {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            item_id: from_sql(row.get("item_id")?),
            conversation_id: ConversationId::from_bytes(row.get("id")?),
            seq: seq_of(row.get("position")?),
            hash_before: row.get::<_, Option<_>>("hash_before")?.map(LogHash::from_bytes),
            shared: Bytes::from(row.get::<_, Vec<u8>>("welcome")?),
            secrets: row.get::<_, Option<Vec<u8>>>("secrets")?.map(Bytes::from),
            tree: match (row.get::<_, Option<Vec<u8>>>("tree")?, row.get("tree_hash")?) {
                (Some(tree), _) => WelcomeTree::Here(tree.into()),
                (None, Some(hash)) => WelcomeTree::Fetchable(hash),
                (None, None) => WelcomeTree::Gone,
            },
        })
    }
}

impl WelcomeRecord {
    fn size(&self) -> usize {
        let tree = match &self.tree {
            WelcomeTree::Here(tree) => tree.len(),
            WelcomeTree::Fetchable(_) | WelcomeTree::Gone => 0,
        };
        self.shared.len() + self.secrets.as_ref().map_or(0, Bytes::len) + tree
    }
}

/// Keeps once what the Welcomes have in common, and the tree, and puts an item into the inbox of each added device.
pub(super) fn insert(
    connection: &Connection,
    row_id: ConversationRowId,
    seq: u64,
    hash_before: LogHash,
    write: &CommitWrite,
) -> Result<Vec<(DeviceId, u64)>, StoreError> {
    let Some(welcome) = &write.welcome else {
        return Ok(Vec::new());
    };
    let place = position(row_id, seq);
    let changed = connection
        .prepare_cached("INSERT INTO welcomes (position, welcome, hash_before) VALUES (?1, ?2, ?3)")?
        .execute((place, welcome.shared.as_ref(), hash_before.as_bytes()))?;
    StoreError::check_affected("keep a welcome", changed, 1)?;
    trees::insert(connection, (row_id, seq), welcome)?;
    let mut insert =
        connection.prepare_cached("INSERT INTO inbox (device, position, secrets) VALUES (?1, ?2, ?3)")?;
    let mut welcomed = Vec::with_capacity(write.added.len());
    for ((device_id, _), secrets) in write.added.iter().zip(&welcome.secrets) {
        StoreError::check_affected(
            "put into an inbox",
            insert.execute((device_id.as_bytes(), place, secrets.as_ref()))?,
            1,
        )?;
        welcomed.push((*device_id, from_sql(connection.last_insert_rowid())));
    }
    Ok(welcomed)
}

pub(super) fn waiting(
    connection: &Connection,
    device_id: DeviceId,
    bounds: PageBounds,
) -> Result<Vec<WelcomeRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT i.item_id, c.id, i.position, i.secrets, w.welcome, w.hash_before, t.hash AS tree_hash,
             CASE WHEN t.hash IS NULL OR length(t.tree) <= ?3 THEN t.tree END AS tree
         FROM inbox i
         JOIN welcomes w ON w.position = i.position
         LEFT JOIN ratchet_trees t ON t.position = i.position
         JOIN conversations c ON c.number = i.position >> 32
         WHERE i.device = ?1 ORDER BY i.item_id LIMIT ?2",
    )?;
    let mut found = statement.query((
        device_id.as_bytes(),
        bounds.entries_max,
        to_sql(WELCOME_TREE_MAX as u64),
    ))?;
    let mut welcomes = Vec::new();
    let mut bytes_left = bounds.bytes_max;
    while let Some(row) = found.next()? {
        let welcome = WelcomeRecord::try_from(row)?;
        let size = welcome.size();
        if !welcomes.is_empty() && size > bytes_left {
            break;
        }
        bytes_left = bytes_left.saturating_sub(size);
        welcomes.push(welcome);
    }
    Ok(welcomes)
}

pub(super) fn acknowledge(
    connection: &Connection,
    device_id: DeviceId,
    item_ids: &[u64],
) -> Result<(), StoreError> {
    let mut take = connection
        .prepare_cached("DELETE FROM inbox WHERE item_id = ?1 AND device = ?2 RETURNING position")?;
    for item_id in item_ids {
        let places: Vec<i64> = take
            .query_map((to_sql(*item_id), device_id.as_bytes()), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for place in places {
            drop_unwanted(connection, place)?;
        }
    }
    Ok(())
}

/// Empties the inbox of a device.
pub(super) fn clear(connection: &Connection, device_id: DeviceId) -> Result<(), StoreError> {
    let places: Vec<i64> = connection
        .prepare_cached("DELETE FROM inbox WHERE device = ?1 RETURNING position")?
        .query_map([device_id.as_bytes()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    places
        .into_iter()
        .try_for_each(|place| drop_unwanted(connection, place))
}

/// Deletes a Welcome that no inbox refers to any more, and its tree; others may still wait for them.
fn drop_unwanted(connection: &Connection, place: i64) -> Result<(), StoreError> {
    let dropped = connection
        .prepare_cached(
            "DELETE FROM welcomes WHERE position = ?1 AND NOT EXISTS (SELECT 1 FROM inbox WHERE position = ?1)",
        )?
        .execute([place])?;
    if dropped > 0 {
        trees::drop_one(connection, place)?;
    }
    Ok(())
}
