//! A bounded map whose entries end after one fixed time: what is begun and not finished yet.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use subrosa_wire::Timestamp;

/// Random bytes, or a hash: nothing that somebody could choose so that entries collide.
pub type Key = [u8; 32];

/// The map holds as much as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many are under way")]
pub struct Full;

/// Entries by key, in the order in which they end.
#[derive(Debug)]
pub struct ExpiringMap<V> {
    capacity: usize,
    lifetime: Duration,
    entries: Mutex<Entries<V>>,
}

#[derive(Debug)]
struct Entries<V> {
    by_key: HashMap<Key, (Timestamp, V)>,
    /// Every key that was inserted, oldest first; those that were taken are skipped when their time comes.
    oldest_first: VecDeque<(Timestamp, Key)>,
}

impl<V> ExpiringMap<V> {
    /// An empty map for at most `capacity` entries that live for `lifetime`.
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self {
            capacity,
            lifetime,
            entries: Mutex::new(Entries {
                by_key: HashMap::new(),
                oldest_first: VecDeque::new(),
            }),
        }
    }

    /// Adds an entry. A full map refuses it, so that what is under way can finish.
    pub fn insert(&self, key: Key, value: V, now: Timestamp) -> Result<(), Full> {
        let mut entries = self.lock();
        entries.forget_ended(now);
        entries.insert(key, value, now.plus(self.lifetime), self.capacity)
    }

    /// Adds an entry, unless there is one with this key; tells whether it was added.
    pub fn insert_new(&self, key: Key, value: V, now: Timestamp) -> Result<bool, Full> {
        let mut entries = self.lock();
        entries.forget_ended(now);
        if entries.by_key.contains_key(&key) {
            return Ok(false);
        }
        entries.insert(key, value, now.plus(self.lifetime), self.capacity)?;
        Ok(true)
    }

    /// Takes an entry out, so that nobody else can.
    pub fn take(&self, key: &Key, now: Timestamp) -> Option<V> {
        let (ends_at, value) = self.lock().by_key.remove(key)?;
        (now < ends_at).then_some(value)
    }

    /// Changes an entry in place, with nobody else looking.
    pub fn change<T>(&self, key: &Key, now: Timestamp, change: impl FnOnce(&mut V) -> T) -> Option<T> {
        let mut entries = self.lock();
        let (ends_at, value) = entries.by_key.get_mut(key)?;
        (now < *ends_at).then(|| change(value))
    }

    fn lock(&self) -> MutexGuard<'_, Entries<V>> {
        // No step under the lock can leave it half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> ExpiringMap<V> {
    /// A copy of an entry.
    pub fn find(&self, key: &Key, now: Timestamp) -> Option<V> {
        self.change(key, now, |value| value.clone())
    }
}

impl<V> Entries<V> {
    fn insert(&mut self, key: Key, value: V, ends_at: Timestamp, capacity: usize) -> Result<(), Full> {
        if self.oldest_first.len() >= capacity {
            return Err(Full);
        }
        self.by_key.insert(key, (ends_at, value));
        self.oldest_first.push_back((ends_at, key));
        Ok(())
    }

    fn forget_ended(&mut self, now: Timestamp) {
        while let Some((ends_at, key)) = self.oldest_first.front().copied()
            && (ends_at <= now || !self.by_key.contains_key(&key))
        {
            self.oldest_first.pop_front();
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LIFETIME: Duration = Duration::from_mins(1);

    #[test]
    fn an_entry_is_taken_once_and_only_in_its_time() {
        let map = ExpiringMap::new(10, LIFETIME);
        map.insert([1; 32], "one", NOW).expect("there is room");
        map.insert([2; 32], "two", NOW).expect("there is room");
        assert_eq!(
            map.take(&[1; 32], NOW.plus(LIFETIME).minus(Duration::from_millis(1))),
            Some("one")
        );
        assert_eq!(map.take(&[1; 32], NOW), None);
        assert_eq!(map.take(&[2; 32], NOW.plus(LIFETIME)), None);
    }

    #[test]
    fn a_full_map_refuses_newcomers_until_the_oldest_end() {
        let map = ExpiringMap::new(2, LIFETIME);
        assert_eq!(map.insert([1; 32], (), NOW), Ok(()));
        assert_eq!(map.insert([2; 32], (), NOW), Ok(()));
        assert_eq!(map.insert([3; 32], (), NOW), Err(Full));
        assert_eq!(map.take(&[1; 32], NOW), Some(()));
        assert_eq!(map.insert([3; 32], (), NOW), Ok(()));
        assert_eq!(map.insert([4; 32], (), NOW.plus(LIFETIME)), Ok(()));
    }
}
