//! The audiences of conversations in which something was passed on lately.
//!
//! Readers fill this memory, and the writer forgets what a commit of its transaction has changed, before anybody is
//! answered. What a reader has read before that is not taken in.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OptionalExtension as _};
use subrosa_wire::{AccountId, ConversationId, DeviceId, limits::SIGNAL_ACCOUNTS_MAX};

use super::rows::to_sql;
use crate::{
    limits::{AUDIENCE_DEVICES_CACHED_MAX, AUDIENCES_CACHED_MAX},
    store::{
        StoreError,
        delivery::{Audience, ConversationRowId},
        sqlite::SqliteStore,
    },
};

/// A bounded map of audiences.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Audiences {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<ConversationId, Audience>,
    devices: usize,
    /// How often something was forgotten.
    generation: u64,
}

/// Conversations whose members a transaction may have changed.
#[derive(Debug, Default)]
pub(in crate::store::sqlite) struct Changed {
    pub(super) ids: Vec<ConversationId>,
    pub(super) all: bool,
}

impl Audiences {
    /// Forgets what a transaction may have changed, once it is committed or rolled back.
    pub(in crate::store::sqlite) fn forget(&self, changed: &Changed) {
        if changed.ids.is_empty() && !changed.all {
            return;
        }
        let mut known = self.lock();
        known.generation += 1;
        if changed.all {
            known.clear();
        }
        for id in &changed.ids {
            if let Some(audience) = known.by_id.remove(id) {
                known.devices -= audience.len();
            }
        }
    }

    /// Those that are known, and the generation to [`Self::keep`] the others with.
    fn find(&self, ids: &[ConversationId]) -> (HashMap<ConversationId, Audience>, u64) {
        let known = self.lock();
        let found = ids
            .iter()
            .filter_map(|id| Some((*id, known.by_id.get(id)?.clone())))
            .collect();
        (found, known.generation)
    }

    /// Keeps what was read, unless something was forgotten since it was looked for.
    fn keep(&self, generation: u64, id: ConversationId, audience: &Audience) {
        let mut known = self.lock();
        if known.generation != generation {
            return;
        }
        if known.by_id.len() >= AUDIENCES_CACHED_MAX || known.devices >= AUDIENCE_DEVICES_CACHED_MAX {
            // All at once: an audience comes back with one read, and no order of use has to be kept.
            known.clear();
        }
        if known.by_id.insert(id, audience.clone()).is_none() {
            known.devices += audience.len();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn clear(&mut self) {
        self.by_id = HashMap::new();
        self.devices = 0;
    }
}

impl SqliteStore {
    /// The audiences of conversations, in this order: from memory, or else by one read.
    pub(super) async fn audiences_of(&self, ids: Vec<ConversationId>) -> Result<Vec<Audience>, StoreError> {
        let (mut found, generation) = self.audiences.find(&ids);
        let missing: Vec<_> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
        if !missing.is_empty() {
            let read = self.read("audiences", move |connection| {
                let read = missing.into_iter().map(|id| Ok((id, read(connection, id)?)));
                read.collect::<Result<Vec<_>, StoreError>>()
            });
            for (id, audience) in read.await? {
                // Ids of nothing are not kept: anybody can name as many as they like.
                if let Some(audience) = audience {
                    self.audiences.keep(generation, id, &audience);
                    found.insert(id, audience);
                }
            }
        }
        Ok(ids
            .iter()
            .map(|id| found.get(id).cloned().unwrap_or_default())
            .collect())
    }
}

/// The audience of a conversation, if there is such a conversation.
fn read(connection: &Connection, id: ConversationId) -> Result<Option<Audience>, StoreError> {
    let row_id: Option<ConversationRowId> = connection
        .prepare_cached("SELECT number FROM conversations WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(row_id) = row_id else {
        return Ok(None);
    };
    let is_too_large: bool = connection
        .prepare_cached(
            "SELECT count(*) > ?2 FROM (SELECT 1 FROM conversation_accounts WHERE conversation = ?1 LIMIT ?2 + 1)",
        )?
        .query_row((row_id, to_sql(SIGNAL_ACCOUNTS_MAX as u64)), |row| row.get(0))?;
    if is_too_large {
        return Ok(Some(Audience::default()));
    }
    let mut statement = connection.prepare_cached(
        "SELECT device, account FROM members WHERE conversation = ?1 AND signed_out = 0 ORDER BY device",
    )?;
    let members = statement.query_map([row_id], |row| {
        Ok((
            DeviceId::from_bytes(row.get(0)?),
            AccountId::from_bytes(row.get(1)?),
        ))
    })?;
    Ok(Some(members.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> ConversationId {
        ConversationId::from_bytes([number; 16])
    }

    fn audience(number: u8) -> Audience {
        [(
            DeviceId::from_bytes([number; 16]),
            AccountId::from_bytes([number; 16]),
        )]
        .into()
    }

    fn changed(ids: &[ConversationId]) -> Changed {
        Changed {
            ids: ids.to_vec(),
            all: false,
        }
    }

    fn is_known(audiences: &Audiences, number: u8) -> bool {
        audiences.find(&[id(number)]).0.contains_key(&id(number))
    }

    #[test]
    fn what_has_changed_is_forgotten_and_the_rest_is_not() {
        let audiences = Audiences::default();
        let (_, generation) = audiences.find(&[]);
        for number in 1..=2 {
            audiences.keep(generation, id(number), &audience(number));
        }
        audiences.forget(&changed(&[]));
        assert!(is_known(&audiences, 1) && is_known(&audiences, 2));
        audiences.forget(&changed(&[id(1), id(3)]));
        assert!(!is_known(&audiences, 1) && is_known(&audiences, 2));
        audiences.forget(&Changed {
            ids: Vec::new(),
            all: true,
        });
        assert!(!is_known(&audiences, 2));
    }

    /// The members were read before the commit, and would have been kept after it.
    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let audiences = Audiences::default();
        let (_, generation) = audiences.find(&[id(1)]);
        audiences.forget(&changed(&[id(1)]));
        audiences.keep(generation, id(1), &audience(1));
        assert!(!is_known(&audiences, 1));
    }

    #[test]
    fn the_memory_is_bounded() {
        let audiences = Audiences::default();
        let (_, generation) = audiences.find(&[]);
        let many: Audience = vec![audience(1)[0]; AUDIENCE_DEVICES_CACHED_MAX].into();
        audiences.keep(generation, id(1), &many);
        assert!(is_known(&audiences, 1));
        audiences.keep(generation, id(2), &audience(2));
        assert!(!is_known(&audiences, 1) && is_known(&audiences, 2));
        assert_eq!(audiences.lock().devices, 1);
    }
}
