//! The store for MLS state: a table of byte strings, which the engine implements on its transaction.
//!
//! Keys are readable ASCII with binary parts. Rows of one conversation start with
//! [`group_prefix`]; key packages start with `k/`.

use std::{cell::RefCell, collections::BTreeMap};

use subrosa_wire::ConversationId;
use zeroize::Zeroizing;

/// The store failed, for example because the disk is full or the database is corrupt. The transaction
/// must be rolled back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct KeyValueError(pub String);

/// A table of byte strings. All calls of one step must belong to one transaction: MLS writes several
/// rows for one commit, and a group with only some of them is permanently broken.
pub trait KeyValue {
    /// The value under a key, `None` if there is none.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError>;
    /// Writes or overwrites a value.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError>;
    /// Deletes a value, if there is one.
    fn delete(&self, key: &[u8]) -> Result<(), KeyValueError>;
}

/// The prefix of the keys of all rows of a conversation: `g/`, the 16 bytes of its id, `/`.
pub fn group_prefix(conversation_id: ConversationId) -> Vec<u8> {
    let mut prefix = b"g/".to_vec();
    prefix.extend_from_slice(conversation_id.as_bytes());
    prefix.push(b'/');
    prefix
}

/// A store in memory, for the public view, for a group that is not to be stored yet, and for tests.
#[derive(Clone, Default)]
pub struct MemoryStore {
    rows: RefCell<BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store with these rows.
    pub fn from_rows(rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self {
            rows: RefCell::new(
                rows.into_iter()
                    .map(|(key, value)| (key, Zeroizing::new(value)))
                    .collect(),
            ),
        }
    }

    /// A copy of all rows, ordered by key.
    pub fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.rows
            .borrow()
            .iter()
            .map(|(key, value)| (key.clone(), value.to_vec()))
            .collect()
    }

    /// Bytes in the keys and values, and how many rows there are.
    pub(crate) fn size(&self) -> (usize, usize) {
        let rows = self.rows.borrow();
        let bytes = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
        (bytes, rows.len())
    }

    /// Writes all rows into another store.
    pub(crate) fn copy_to(&self, other: &dyn KeyValue) -> Result<(), KeyValueError> {
        for (key, value) in &*self.rows.borrow() {
            other.put(key, value)?;
        }
        Ok(())
    }
}

impl KeyValue for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(self.rows.borrow().get(key).map(|value| value.to_vec()))
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        self.rows
            .borrow_mut()
            .insert(key.to_vec(), Zeroizing::new(value.to_vec()));
        Ok(())
    }

    fn delete(&self, key: &[u8]) -> Result<(), KeyValueError> {
        self.rows.borrow_mut().remove(key);
        Ok(())
    }
}
