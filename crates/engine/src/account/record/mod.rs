//! Account records: what the devices of an account keep in step about one conversation, sealed so that the server only
//! keeps it.
//!
//! A record is a list of fields. Each is merged by itself, so that two devices that change it at once, or a server that
//! shows an old value, cost nothing. A field that this build does not know is kept, and its highest order wins.
//!
//! The contents are a protobuf message behind their length, padded with zeros to one of few sizes. The seal binds them to
//! the account, the conversation and the revision.

mod chat_settings;
mod draft;
mod links;
mod people;
mod standing;

use std::collections::BTreeMap;

use prost::Message as _;
use rand_core::CryptoRngCore;
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, Timestamp,
    limits::{ACCOUNT_RECORD_MAX, MESSAGE_TEXT_MAX, SEQ_MAX},
};
use zeroize::Zeroizing;

pub use draft::{Draft, Typed};
use draft::{SEEN_LEN_MAX, SEEN_MAX};
pub use links::KeptLink;
pub use people::{Blocked, IsBlocked, Nicknames, Note, People, TooManyPeople};
pub use standing::Decision;

use super::{
    secret::{BackupKey, SECRET_LEN, derive},
    wrap::{self, PADDED_OVERHEAD, PaddedError, SealError},
};
use crate::content::{DisplayName, MessageId};

const KEY_LABEL: &str = "subrosa account records v1";
const AAD: &[u8] = b"subrosa account record v1";
/// The smallest sealed size, in bytes; each larger one has twice as many, up to [`ACCOUNT_RECORD_MAX`].
const SIZE_MIN: usize = 256;
/// The bytes that fields of newer builds may take together.
const OTHERS_MAX: usize = 8 * 1024;

const READ_MARK: u32 = 1;
const DRAFT: u32 = 2;
/// Settings of the account, in the record of the account itself: one byte, 0 for off.
const SWITCHES: [(u32, Switch); 3] = [
    (3, Switch::ReadReceipts),
    (4, Switch::Typing),
    (5, Switch::LastSeen),
];

/// Seals the records of an account. Every device derives it from the vault.
pub struct RecordKey(Zeroizing<[u8; SECRET_LEN]>);

impl From<&BackupKey> for RecordKey {
    fn from(backup_key: &BackupKey) -> Self {
        Self(derive(backup_key.as_bytes(), KEY_LABEL))
    }
}

/// What a record holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountRecord {
    /// The newest message of others that the user has read.
    pub read: Option<ReadMark>,
    /// What was typed and not sent.
    pub draft: Option<Draft>,
    /// What the user calls people, in the record of the account itself.
    pub nicknames: Nicknames,
    /// Whom the user has blocked, in the record of the account itself.
    pub blocked: Blocked,
    /// Switches, and fields of newer builds, by their number.
    others: BTreeMap<u32, Other>,
}

/// How far the user has read. The highest one is the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadMark {
    /// How often the log has begun again at an earlier place, as far as the devices have noticed.
    pub generation: u32,
    /// The message's place in the log.
    pub seq: u64,
    /// The message.
    pub message: MessageId,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Other {
    order: u64,
    value: Vec<u8>,
}

/// The profile object of the other account: its id and key.
const PROFILE: u32 = 6;
/// The version of this account's own profile object at the server, in the record of the account itself.
const OWN_PROFILE: u32 = 7;
/// What the user calls people, in the record of the account itself.
const NICKNAMES: u32 = 16;
/// Whom the user has blocked, in the record of the account itself.
const BLOCKED: u32 = 17;

/// What was heard about a group: its value is an encoded profile.
const GROUP_PROFILE: u32 = 8;

/// Something that is on or off for the whole account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Others see that their messages were read.
    ReadReceipts,
    /// Others see that somebody is typing.
    Typing,
    /// Others see that somebody is there.
    LastSeen,
}

impl Switch {
    fn number(self) -> u32 {
        let found = SWITCHES.iter().find(|(_, switch)| *switch == self);
        found.map_or(0, |(number, _)| *number)
    }
}

/// Why a record does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The seal does not hold.
    #[error("the record does not open: {0}")]
    Seal(#[from] SealError),
    /// The seal holds, but the contents are not what a device writes.
    #[error("the contents of the record are not valid: {0}")]
    Contents(&'static str),
}

impl From<PaddedError> for RecordError {
    fn from(error: PaddedError) -> Self {
        match error {
            PaddedError::Seal(error) => Self::Seal(error),
            PaddedError::Padding(what) => Self::Contents(what),
        }
    }
}

mod encoded {
    //! The protobuf messages inside.

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Record {
        #[prost(message, repeated, tag = "1")]
        pub fields: Vec<Field>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Field {
        #[prost(uint32, tag = "1")]
        pub number: u32,
        #[prost(uint64, tag = "2")]
        pub order: u64,
        #[prost(bytes = "vec", tag = "3")]
        pub value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct ReadMark {
        #[prost(bytes = "vec", tag = "1")]
        pub message: Vec<u8>,
        #[prost(uint32, tag = "2")]
        pub generation: u32,
    }
}

impl AccountRecord {
    /// Moves the read mark forward, never back.
    pub fn mark_read(&mut self, mark: ReadMark) {
        if self.read.is_none_or(|known| known < mark) {
            self.read = Some(mark);
        }
    }

    /// The text of the draft in a conversation with this account; empty if there is none.
    pub fn draft_text(&self, to: Option<AccountId>) -> &str {
        let draft = self.draft.as_ref().filter(|draft| draft.to == to);
        draft.map_or("", |draft| &draft.text)
    }

    /// Replaces the draft by what was typed, where `shown` was to be read before. If that is not the draft, another device
    /// has changed it meanwhile, and both are kept. An empty text deletes the draft that was shown.
    pub fn set_draft(&mut self, typed: &Typed<'_>, shown: &str) {
        let text = draft::replaced(self.draft_text(typed.to), shown, typed.text);
        if text != self.draft_text(typed.to) {
            self.draft = Some(Draft::after(self.draft.as_ref(), typed, text));
        }
    }

    /// Whether something is on; `None` if nobody has chosen.
    pub fn switch(&self, switch: Switch) -> Option<bool> {
        let field = self.others.get(&switch.number())?;
        Some(field.value != [0])
    }

    /// Turns something on or off, now. Of two devices at once, the later wish wins.
    pub fn set_switch(&mut self, switch: Switch, is_on: bool, now: Timestamp) {
        self.set_other(switch.number(), vec![u8::from(is_on)], now);
    }

    /// The id and key of the other account's profile object.
    pub fn profile(&self) -> Option<&[u8]> {
        self.others.get(&PROFILE).map(|field| &field.value[..])
    }

    /// Keeps the id and key of the other account's profile object, known since now.
    pub fn set_profile(&mut self, object: &[u8], now: Timestamp) {
        self.set_other(PROFILE, object.to_vec(), now);
    }

    /// Replaces a field, unless it has this value.
    fn set_other(&mut self, number: u32, value: Vec<u8>, now: Timestamp) {
        let known = self.others.get(&number);
        if known.is_some_and(|known| known.value == value) {
            return;
        }
        let next = known.map_or(0, |known| known.order.saturating_add(1));
        let order = now.as_millis().max(next);
        self.others.insert(number, Other { order, value });
    }

    /// What was heard about the group, encoded.
    pub fn group_profile(&self) -> Option<&[u8]> {
        self.others.get(&GROUP_PROFILE).map(|field| &field.value[..])
    }

    /// Keeps what was heard about the group, known since now.
    pub fn set_group_profile(&mut self, encoded: Vec<u8>, now: Timestamp) {
        self.set_other(GROUP_PROFILE, encoded, now);
    }

    /// The version of this account's profile object that a device has put last, and how many objects there were before it.
    pub fn own_profile(&self) -> (u64, u32) {
        let Some(field) = self.others.get(&OWN_PROFILE) else {
            return (0, 0);
        };
        let generation = field.value[..].try_into().map_or(0, u32::from_be_bytes);
        (field.order, generation)
    }

    /// Notes that this version was put.
    pub fn set_own_profile(&mut self, (version, generation): (u64, u32)) {
        let (known, known_generation) = self.own_profile();
        if version > known {
            let field = Other {
                order: version,
                value: generation.max(known_generation).to_be_bytes().to_vec(),
            };
            self.others.insert(OWN_PROFILE, field);
        }
    }

    /// Takes over what another device has written. `device` is the one that merges.
    pub fn merge(&mut self, theirs: &Self, device: DeviceId) {
        if let Some(mark) = theirs.read {
            self.mark_read(mark);
        }
        self.draft = match (self.draft.take(), &theirs.draft) {
            (Some(ours), Some(theirs)) => Some(ours.merged(theirs.clone(), device)),
            (ours, theirs) => ours.or_else(|| theirs.clone()),
        };
        self.nicknames.merge(&theirs.nicknames);
        self.blocked.merge(&theirs.blocked);
        for (number, other) in &theirs.others {
            let known = self.others.get(number);
            if known.is_none_or(|known| other > known) {
                let replaced = self.others.insert(*number, other.clone());
                if self.others.values().map(Other::len).sum::<usize>() > OTHERS_MAX {
                    // No device writes as much.
                    self.others.remove(number);
                    self.others.extend(replaced.map(|replaced| (*number, replaced)));
                }
            }
        }
    }

    /// The contents as bytes, not yet sealed: to be kept in an encrypted database.
    pub fn encode(&self) -> Vec<u8> {
        let read = self.read.map(|mark| encoded::Field {
            number: READ_MARK,
            order: mark.seq,
            value: encoded::ReadMark {
                message: mark.message.as_bytes().to_vec(),
                generation: mark.generation,
            }
            .encode_to_vec(),
        });
        let draft = self.draft.as_ref().map(|draft| encoded::Field {
            number: DRAFT,
            order: draft.order,
            value: draft.encode(),
        });
        let nicknames = (!self.nicknames.is_empty()).then(|| encoded::Field {
            number: NICKNAMES,
            order: self.nicknames.order(),
            value: self.nicknames.encode(),
        });
        let blocked = (!self.blocked.is_empty()).then(|| encoded::Field {
            number: BLOCKED,
            order: self.blocked.order(),
            value: self.blocked.encode(),
        });
        let others = self.others.iter().map(|(number, other)| encoded::Field {
            number: *number,
            order: other.order,
            value: other.value.clone(),
        });
        let fields = read
            .into_iter()
            .chain(draft)
            .chain(nicknames)
            .chain(blocked)
            .chain(others)
            .collect();
        encoded::Record { fields }.encode_to_vec()
    }

    /// Reads what [`encode`](Self::encode) gave.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let encoded =
            encoded::Record::decode(bytes).map_err(|_| RecordError::Contents("not a protobuf message"))?;
        let mut record = Self::default();
        let mut others_len = 0;
        for field in encoded.fields {
            match field.number {
                READ_MARK if record.read.is_none() => record.read = Some(ReadMark::decode(&field)?),
                DRAFT if record.draft.is_none() => {
                    record.draft = Some(Draft::decode(field.order, &field.value)?);
                }
                NICKNAMES if record.nicknames.is_empty() => {
                    record.nicknames = Nicknames::decode(&field.value)?;
                }
                BLOCKED if record.blocked.is_empty() => record.blocked = Blocked::decode(&field.value)?,
                READ_MARK | DRAFT | NICKNAMES | BLOCKED => {
                    return Err(RecordError::Contents("a field occurs twice"));
                }
                number => {
                    let (order, value) = (field.order, field.value);
                    let other = Other { order, value };
                    others_len += other.len();
                    if record.others.insert(number, other).is_some() {
                        return Err(RecordError::Contents("a field occurs twice"));
                    }
                }
            }
        }
        if others_len > OTHERS_MAX {
            return Err(RecordError::Contents("fields that are too long"));
        }
        Ok(record)
    }

    /// Seals the record of a conversation for a revision.
    pub fn seal(
        &self,
        key: &RecordKey,
        (account, conversation): (AccountId, ConversationId),
        revision: u64,
        rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Vec<u8> {
        let aad = aad(account, conversation, revision);
        wrap::seal_padded(&key.0, &self.encode(), sealed_len, &aad, rng)
    }

    /// Opens a record as the server gave it.
    pub fn open(
        sealed: &[u8],
        key: &RecordKey,
        (account, conversation): (AccountId, ConversationId),
        revision: u64,
    ) -> Result<Self, RecordError> {
        let aad = aad(account, conversation, revision);
        Self::decode(&wrap::open_padded(&key.0, sealed, sealed_len, &aad)?)
    }
}

/// The heads of a field: its number, its order, the length of its value, and its own length.
const FIELD_HEAD_MAX: usize = 6 + 11 + 6 + 6;

// The longest text, the longest fields of newer builds, and what else there is fit into the largest size.
const _: () = assert!(
    MESSAGE_TEXT_MAX + OTHERS_MAX + SEEN_MAX * SEEN_LEN_MAX + 1024 + PADDED_OVERHEAD <= ACCOUNT_RECORD_MAX,
    "a record is longer than the server takes"
);
// The record of the account has lists of people in place of a draft.
const _: () = assert!(
    DisplayName::LIST_LEN_MAX + IsBlocked::LIST_LEN_MAX <= MESSAGE_TEXT_MAX,
    "a record is longer than the server takes"
);

/// The sealed length of contents that would have at least this length when sealed: one of few.
fn sealed_len(len_min: usize) -> usize {
    wrap::doubled_size(len_min, SIZE_MIN, ACCOUNT_RECORD_MAX)
}

fn aad(account: AccountId, conversation: ConversationId, revision: u64) -> Vec<u8> {
    [
        AAD,
        account.as_bytes(),
        conversation.as_bytes(),
        &revision.to_be_bytes(),
    ]
    .concat()
}

impl ReadMark {
    fn decode(field: &encoded::Field) -> Result<Self, RecordError> {
        let invalid = RecordError::Contents("read mark");
        let mark = encoded::ReadMark::decode(&field.value[..]).map_err(|_| invalid)?;
        let message = <[u8; _]>::try_from(&mark.message[..]).map_err(|_| invalid)?;
        if field.order > SEQ_MAX {
            return Err(invalid);
        }
        Ok(Self {
            generation: mark.generation,
            seq: field.order,
            message: MessageId::from_bytes(message),
        })
    }
}

impl Other {
    /// Its encoded length, at most.
    fn len(&self) -> usize {
        self.value.len() + FIELD_HEAD_MAX
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test may stop at the first surprise")]
mod tests;
