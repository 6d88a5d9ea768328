//! Drafts: of two that were made from each other the later one is kept, of two that were typed at once both.

use std::collections::BTreeMap;

use prost::Message as _;
use subrosa_wire::{
    AccountId, DeviceId, Timestamp,
    limits::{DEVICES_PER_ACCOUNT_MAX, MESSAGE_TEXT_MAX},
};

use super::RecordError;

/// The devices whose newest draft is noted in a draft: more than an account has at once.
pub(super) const SEEN_MAX: usize = 2 * DEVICES_PER_ACCOUNT_MAX;

/// The length of such a note: an id, an order and the heads of the fields.
pub(super) const SEEN_LEN_MAX: usize = 2 + 2 + 16 + 11;

/// What was typed and not sent. An empty one was sent or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Of two drafts, the one of the higher order is the later: milliseconds since 1970 UTC by the clock of the device,
    /// and always more than in the draft that it was made from.
    pub order: u64,
    /// The device that wrote it, because somebody typed there or because it merged two drafts.
    pub device: DeviceId,
    /// Whom it was written to, in a direct conversation: it is shown in a conversation with nobody else.
    pub to: Option<AccountId>,
    /// The order of the newest draft of each other device that is contained in this one, or was replaced by it.
    seen: BTreeMap<DeviceId, u64>,
    /// The text.
    pub text: String,
}

/// Text that somebody has typed.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    /// The text.
    pub text: &'a str,
    /// On which device.
    pub device: DeviceId,
    /// To whom, in a direct conversation.
    pub to: Option<AccountId>,
    /// When, by the clock of the device.
    pub at: Timestamp,
}

mod encoded {
    //! The protobuf messages inside.

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Draft {
        #[prost(message, repeated, tag = "1")]
        pub seen: Vec<Seen>,
        #[prost(bytes = "vec", tag = "2")]
        pub device: Vec<u8>,
        #[prost(string, tag = "3")]
        pub text: String,
        #[prost(bytes = "vec", tag = "4")]
        pub to: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Seen {
        #[prost(bytes = "vec", tag = "1")]
        pub device: Vec<u8>,
        #[prost(uint64, tag = "2")]
        pub order: u64,
    }
}

impl Draft {
    /// The draft that a device makes from the one that it knows, by what was typed there.
    pub(super) fn after(known: Option<&Self>, typed: &Typed<'_>, text: String) -> Self {
        let (order, seen) = match known {
            Some(known) => (known.order.saturating_add(1), known.seen_by(typed.device)),
            None => (0, BTreeMap::new()),
        };
        Self {
            order: order.max(typed.at.as_millis()),
            device: typed.device,
            to: typed.to,
            seen,
            text,
        }
    }

    /// The value of the field, without the order.
    pub(super) fn encode(&self) -> Vec<u8> {
        let seen = self.seen.iter().map(|(device, order)| encoded::Seen {
            device: device.to_vec(),
            order: *order,
        });
        encoded::Draft {
            seen: seen.collect(),
            device: self.device.to_vec(),
            text: self.text.clone(),
            to: self.to.map(AccountId::to_vec).unwrap_or_default(),
        }
        .encode_to_vec()
    }

    /// Reads what [`encode`](Self::encode) gave.
    pub(super) fn decode(order: u64, value: &[u8]) -> Result<Self, RecordError> {
        let invalid = RecordError::Contents("draft");
        let draft = encoded::Draft::decode(value).map_err(|_| invalid)?;
        if draft.text.len() > MESSAGE_TEXT_MAX || draft.seen.len() > SEEN_MAX {
            return Err(invalid);
        }
        let mut seen = BTreeMap::new();
        for entry in draft.seen {
            let device = DeviceId::try_from(&entry.device).map_err(|_| invalid)?;
            seen.insert(device, entry.order);
        }
        let to = match &draft.to[..] {
            [] => None,
            to => Some(AccountId::try_from(to).map_err(|_| invalid)?),
        };
        Ok(Self {
            order,
            device: DeviceId::try_from(&draft.device).map_err(|_| invalid)?,
            to,
            seen,
            text: draft.text,
        })
    }

    /// Whether the other draft is contained in this one, or was replaced by it.
    fn has_seen(&self, other: &Self) -> bool {
        let seen = self.seen.get(&other.device).copied();
        other.device == self.device && other.order <= self.order
            || seen.is_some_and(|order| other.order <= order)
    }

    /// What a draft that this device makes from this one has seen.
    fn seen_by(&self, device: DeviceId) -> BTreeMap<DeviceId, u64> {
        let mut seen = self.seen.clone();
        seen.insert(self.device, self.order);
        seen.remove(&device);
        newest(seen)
    }

    /// Of two drafts the later one, if it was made from the other; otherwise both texts, unless together they are longer
    /// than a message can be.
    pub(super) fn merged(self, other: Self, device: DeviceId) -> Self {
        if self.has_seen(&other) {
            return self;
        }
        if other.has_seen(&self) {
            return other;
        }
        let age = |draft: &Self| (draft.order, draft.device);
        let (old, new) = if age(&self) <= age(&other) {
            (self, other)
        } else {
            (other, self)
        };
        if old.to != new.to {
            return new;
        }
        let mut seen = new.seen_by(device);
        for (of, order) in old.seen_by(device) {
            let known = seen.entry(of).or_default();
            *known = order.max(*known);
        }
        Self {
            order: new.order.saturating_add(1),
            device,
            to: new.to,
            text: both_texts(&old.text, &new.text).unwrap_or(new.text),
            seen: newest(seen),
        }
    }
}

/// The newest of what was seen, as much as a draft notes.
fn newest(mut seen: BTreeMap<DeviceId, u64>) -> BTreeMap<DeviceId, u64> {
    while seen.len() > SEEN_MAX {
        let oldest = seen.iter().min_by_key(|(_, order)| **order);
        let Some(oldest) = oldest.map(|(device, _)| *device) else {
            break;
        };
        seen.remove(&oldest);
    }
    seen
}

/// A stored draft with a text in the place of the one that was shown. If that is not what is stored, both are kept, unless
/// together they are longer than a message can be.
pub(super) fn replaced(stored: &str, shown: &str, text: &str) -> String {
    if stored == shown {
        return text.to_owned();
    }
    let before = stored
        .strip_suffix(shown)
        .and_then(|before| before.strip_suffix(BETWEEN))
        .filter(|_| !shown.is_empty());
    let both = match before {
        // Both were kept before, and what is typed goes on from the second one.
        Some(before) if text.is_empty() => Some(before.to_owned()),
        Some(before) => both_texts(before, text),
        None => both_texts(stored, text),
    };
    both.unwrap_or_else(|| text.to_owned())
}

/// What stands between two drafts that are both kept.
const BETWEEN: &str = "\n\n";

/// Two texts one after the other, unless one contains the other. `None` if that is longer than a message can be.
fn both_texts(old: &str, new: &str) -> Option<String> {
    let both = if new.contains(old) {
        new.to_owned()
    } else if old.contains(new) {
        old.to_owned()
    } else {
        [old, BETWEEN, new].concat()
    };
    (both.len() <= MESSAGE_TEXT_MAX).then_some(both)
}
