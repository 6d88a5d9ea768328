//! What the user calls people: one list in the record of the account itself, of which each entry is merged by itself.
//!
//! It does not stand in the records of conversations, since there may be none with a person: members of a group are called
//! by nicknames, too. Nor does it stand in the vault, which an older build would store again without it.

use std::collections::BTreeMap;

use prost::Message as _;
use subrosa_wire::{AccountId, Timestamp};

use super::RecordError;
use crate::content::DisplayName;

/// The longest list, in bytes: some hundred to a thousand people. It has the room that a draft has in the record of a
/// conversation.
pub(super) const NICKNAMES_LEN_MAX: usize = 60 * 1024;

/// The nicknames that an account's user has given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nicknames(BTreeMap<AccountId, Nickname>);

/// A nickname, or that it was removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Nickname {
    /// Of two, the one of the higher order is the later: milliseconds since 1970 UTC by the clock of the device, and
    /// always more than in the one that it replaced.
    order: u64,
    name: Option<DisplayName>,
}

/// There is no room for another nickname.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyNicknames;

mod encoded {
    //! The protobuf messages inside.

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Nicknames {
        #[prost(message, repeated, tag = "1")]
        pub nicknames: Vec<Nickname>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Nickname {
        #[prost(bytes = "vec", tag = "1")]
        pub account: Vec<u8>,
        #[prost(uint64, tag = "2")]
        pub order: u64,
        /// Empty if it was removed.
        #[prost(string, tag = "3")]
        pub name: String,
    }
}

impl Nicknames {
    /// Whether nothing was ever given.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The order of the newest entry.
    pub(super) fn order(&self) -> u64 {
        self.0.values().map(|known| known.order).max().unwrap_or_default()
    }

    /// The nickname of a person.
    pub fn of(&self, account: AccountId) -> Option<&DisplayName> {
        self.0.get(&account)?.name.as_ref()
    }

    /// The people whom two lists call by different names.
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

    /// Gives a person a nickname, now, or takes it away.
    pub fn set(
        &mut self,
        account: AccountId,
        name: Option<DisplayName>,
        now: Timestamp,
    ) -> Result<(), TooManyNicknames> {
        if self.of(account) == name.as_ref() {
            return Ok(());
        }
        let known = self.0.get(&account);
        let order = known.map_or(0, |known| known.order.saturating_add(1));
        let order = order.max(now.as_millis());
        let mut changed = self.clone();
        changed.0.insert(account, Nickname { order, name });
        changed.forget_removed();
        if changed.len() > NICKNAMES_LEN_MAX {
            return Err(TooManyNicknames);
        }
        *self = changed;
        Ok(())
    }

    /// Takes over what another device has written: of each person the later one.
    pub(super) fn merge(&mut self, theirs: &Self) {
        for (account, nickname) in &theirs.0 {
            let known = self.0.entry(*account).or_insert_with(|| nickname.clone());
            if nickname > known {
                known.clone_from(nickname);
            }
        }
        self.forget_removed();
        // Two devices can fill it at once. Both drop the same ones.
        while self.len() > NICKNAMES_LEN_MAX && self.drop_oldest(|_| true) {}
    }

    /// Drops what only says that a nickname was removed, the oldest first, while the list is too long.
    fn forget_removed(&mut self) {
        while self.len() > NICKNAMES_LEN_MAX && self.drop_oldest(|known| known.name.is_none()) {}
    }

    /// Drops the oldest entry that fits. Returns whether there was one.
    fn drop_oldest(&mut self, fits: impl Fn(&Nickname) -> bool) -> bool {
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

    fn encoded(&self) -> encoded::Nicknames {
        let nicknames = self.0.iter().map(|(account, known)| encoded::Nickname {
            account: account.to_vec(),
            order: known.order,
            name: known
                .name
                .as_ref()
                .map(DisplayName::to_string)
                .unwrap_or_default(),
        });
        encoded::Nicknames {
            nicknames: nicknames.collect(),
        }
    }

    /// The value of the field.
    pub(super) fn encode(&self) -> Vec<u8> {
        self.encoded().encode_to_vec()
    }

    /// Reads what [`encode`](Self::encode) gave.
    pub(super) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let invalid = RecordError::Contents("nicknames");
        if value.len() > NICKNAMES_LEN_MAX {
            return Err(invalid);
        }
        let list = encoded::Nicknames::decode(value).map_err(|_| invalid)?;
        let mut nicknames = BTreeMap::new();
        for entry in list.nicknames {
            let account = AccountId::try_from(&entry.account).map_err(|_| invalid)?;
            let name = match entry.name.as_str() {
                "" => None,
                name => Some(DisplayName::try_from(name).map_err(|_| invalid)?),
            };
            let order = entry.order;
            if nicknames.insert(account, Nickname { order, name }).is_some() {
                return Err(invalid);
            }
        }
        Ok(Self(nicknames))
    }
}
