//! What the user has noted about people: lists in the record of the account itself, of which each entry is merged by itself.
//!
//! They do not stand in the records of conversations, since there may be none with a person: members of a group are called
//! by nicknames, too. Nor do they stand in the vault, which an older build would store again without them.

use std::collections::BTreeMap;

use prost::Message as _;
use subrosa_wire::{AccountId, Timestamp};

use super::RecordError;
use crate::content::DisplayName;

/// What the user calls people.
pub type Nicknames = People<DisplayName>;

/// Whom the user has blocked.
pub type Blocked = People<IsBlocked>;

/// What can be noted about a person.
pub trait Note: Clone + Ord {
    /// The longest list, in bytes.
    const LIST_LEN_MAX: usize;

    /// Never empty.
    fn encode(&self) -> String;

    /// Reads what [`encode`](Self::encode) gave.
    fn decode(text: &str) -> Option<Self>;
}

impl Note for DisplayName {
    /// Some hundred to a thousand people.
    const LIST_LEN_MAX: usize = 44 * 1024;

    fn encode(&self) -> String {
        self.to_string()
    }

    fn decode(text: &str) -> Option<Self> {
        Self::try_from(text).ok()
    }
}

/// That somebody is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IsBlocked;

impl Note for IsBlocked {
    /// Some five hundred people.
    const LIST_LEN_MAX: usize = 16 * 1024;

    fn encode(&self) -> String {
        "1".to_owned()
    }

    fn decode(text: &str) -> Option<Self> {
        (text == "1").then_some(Self)
    }
}

/// What is noted about people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People<N>(BTreeMap<AccountId, Entry<N>>);

impl<N> Default for People<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

/// What is noted about one person, or that it was removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<N> {
    /// Of two, the one of the higher order is the later: milliseconds since 1970 UTC by the clock of the device, and
    /// always more than in the one that it replaced.
    order: u64,
    note: Option<N>,
}

/// There is no room for another person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyPeople;

mod encoded {
    //! The protobuf messages inside.

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct People {
        #[prost(message, repeated, tag = "1")]
        pub people: Vec<Person>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Person {
        #[prost(bytes = "vec", tag = "1")]
        pub account: Vec<u8>,
        #[prost(uint64, tag = "2")]
        pub order: u64,
        /// Empty if it was removed.
        #[prost(string, tag = "3")]
        pub note: String,
    }
}

impl<N: Note> People<N> {
    /// Whether nothing was ever given.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The order of the newest entry.
    pub(super) fn order(&self) -> u64 {
        self.0.values().map(|known| known.order).max().unwrap_or_default()
    }

    /// What is noted about a person.
    pub fn of(&self, account: AccountId) -> Option<&N> {
        self.0.get(&account)?.note.as_ref()
    }

    /// The people about whom two lists say different things.
    pub fn differences(&self, other: &Self) -> Vec<AccountId> {
        let accounts = self.0.keys().chain(other.0.keys());
        let mut different: Vec<_> = accounts
            .copied()
            .filter(|account| self.of(*account) != other.of(*account))
            .collect();
        different.sort_unstable();
        different.dedup();
        different
    }

    /// Notes something about a person, now, or removes it.
    pub fn set(&mut self, account: AccountId, note: Option<N>, now: Timestamp) -> Result<(), TooManyPeople> {
        if self.of(account) == note.as_ref() {
            return Ok(());
        }
        let known = self.0.get(&account);
        let order = known.map_or(0, |known| known.order.saturating_add(1));
        let order = order.max(now.as_millis());
        let mut changed = self.clone();
        changed.0.insert(account, Entry { order, note });
        changed.forget_removed();
        if changed.len() > N::LIST_LEN_MAX {
            return Err(TooManyPeople);
        }
        *self = changed;
        Ok(())
    }

    /// Takes over what another device has written: of each person the later one.
    pub(super) fn merge(&mut self, theirs: &Self) {
        for (account, entry) in &theirs.0 {
            let known = self.0.entry(*account).or_insert_with(|| entry.clone());
            if entry > known {
                known.clone_from(entry);
            }
        }
        self.forget_removed();
        // Two devices can fill it at once. Both drop the same ones.
        while self.len() > N::LIST_LEN_MAX && self.drop_oldest(|_| true) {}
    }

    /// Drops what only says that something was removed, the oldest first, while the list is too long.
    fn forget_removed(&mut self) {
        while self.len() > N::LIST_LEN_MAX && self.drop_oldest(|known| known.note.is_none()) {}
    }

    /// Drops the oldest entry that fits. Returns whether there was one.
    fn drop_oldest(&mut self, fits: impl Fn(&Entry<N>) -> bool) -> bool {
        let oldest = self
            .0
            .iter()
            .filter(|(_, known)| fits(known))
            .min_by_key(|(account, known)| (known.order, **account));
        let oldest = oldest.map(|(account, _)| *account);
        oldest.is_some_and(|oldest| self.0.remove(&oldest).is_some())
    }

    /// The encoded length.
    fn len(&self) -> usize {
        self.encoded().encoded_len()
    }

    fn encoded(&self) -> encoded::People {
        let people = self.0.iter().map(|(account, known)| encoded::Person {
            account: account.to_vec(),
            order: known.order,
            note: known.note.as_ref().map(N::encode).unwrap_or_default(),
        });
        encoded::People {
            people: people.collect(),
        }
    }

    /// The value of the field.
    pub(super) fn encode(&self) -> Vec<u8> {
        self.encoded().encode_to_vec()
    }

    /// Reads what [`encode`](Self::encode) gave.
    pub(super) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let invalid = RecordError::Contents("a list of people");
        if value.len() > N::LIST_LEN_MAX {
            return Err(invalid);
        }
        let list = encoded::People::decode(value).map_err(|_| invalid)?;
        let mut people = BTreeMap::new();
        for entry in list.people {
            let account = AccountId::try_from(&entry.account).map_err(|_| invalid)?;
            let note = match entry.note.as_str() {
                "" => None,
                note => Some(N::decode(note).ok_or(invalid)?),
            };
            let order = entry.order;
            if people.insert(account, Entry { order, note }).is_some() {
                return Err(invalid);
            }
        }
        Ok(Self(people))
    }
}
