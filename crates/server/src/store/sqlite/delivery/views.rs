//! The public state of groups: a whole one, and what has changed it since.

use bytes::Bytes;
use rusqlite::Connection;
use subrosa_mls::EntryKind;

use super::{entries::NewEntry, rows::position};
use crate::store::{
    StoreError,
    delivery::{ConversationRowId, ViewChange, ViewWrite},
};

/// The last place that a log can have.
const LAST_SEQ: u64 = u32::MAX as u64;

/// Stores the state of a group after the entry in this place.
pub(super) fn write(
    connection: &Connection,
    (row_id, seq): (ConversationRowId, u64),
    entry: &NewEntry<'_>,
    view: &ViewWrite,
) -> Result<(), StoreError> {
    match view {
        ViewWrite::Whole(view) => replace(connection, row_id, view),
        ViewWrite::Change => {
            let changed = connection
                .prepare_cached("INSERT INTO view_changes (position, is_leave, payload) VALUES (?1, ?2, ?3)")?
                .execute((
                    position(row_id, seq),
                    entry.kind == EntryKind::Leave,
                    entry.payload.as_ref(),
                ))?;
            StoreError::check_affected("keep a change of a group", changed, 1)
        }
    }
}

/// Stores the state of a group as a whole.
pub(super) fn replace(
    connection: &Connection,
    row_id: ConversationRowId,
    view: &Bytes,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM view_changes WHERE position BETWEEN ?1 AND ?2")?
        .execute((position(row_id, 0), position(row_id, LAST_SEQ)))?;
    let changed = connection
        .prepare_cached(
            "INSERT INTO group_views (conversation, public_view) VALUES (?1, ?2)
             ON CONFLICT (conversation) DO UPDATE SET public_view = excluded.public_view",
        )?
        .execute((row_id, view.as_ref()))?;
    StoreError::check_affected("store the view of a group", changed, 1)
}

/// What has changed a group since its state was stored as a whole.
pub(super) fn changes(
    connection: &Connection,
    row_id: ConversationRowId,
) -> Result<Vec<ViewChange>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT is_leave, payload FROM view_changes WHERE position BETWEEN ?1 AND ?2 ORDER BY position",
    )?;
    let rows = statement.query_map((position(row_id, 0), position(row_id, LAST_SEQ)), |row| {
        let payload = Bytes::from(row.get::<_, Vec<u8>>(1)?);
        Ok(if row.get(0)? {
            ViewChange::Leave(payload)
        } else {
            ViewChange::Commit(payload)
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
