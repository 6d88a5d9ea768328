//! The policy of a group: the kind of the conversation, and its accounts.
//!
//! It is an extension of the group context (RFC 9420, section 8.1), so all members agree on it in
//! every epoch. It names accounts by their ids, and an id commits to its keys (see
//! [`AccountIdentity`](crate::AccountIdentity)), so a server cannot add a device of another account to
//! a group.
//!
//! Layout, at most [`POLICY_MAX`] bytes: version (1), then fields in strictly ascending order of
//! their numbers. A field is its number (2, the highest bit set if the field is critical), the
//! length of its value (2), the value; numbers are big endian. The fields:
//!
//! | number | critical | value |
//! |---|---|---|
//! | 1 | yes | kind (1): 1 direct, 2 notes to self; 3 and 4 are for groups and rooms |
//! | 2 | yes | founding (8): how often the conversation was founded again; 0 so far |
//! | 4 | yes | account ids (16 each) in ascending order: of direct conversations and notes to self, never changed |
//!
//! The numbers 3 and 5 to 9 are reserved for features that are designed but not built: the base of a later
//! founding, roles, rights, retention, invite links, banned accounts. A field with a number that
//! this build does not know is kept as it is if it is not critical; if it is critical the policy is
//! refused, because obeying the rest of it would not be enough.

use subrosa_wire::{AccountId, ids::ID_LEN};

use crate::limits::POLICY_MAX;

const VERSION: u8 = 2;

/// The highest bit of a field's number.
const CRITICAL: u16 = 0x8000;

const KIND: u16 = 1;
const FOUNDING: u16 = 2;
const ACCOUNTS: u16 = 4;

/// The only founding that there is so far.
pub const FIRST_FOUNDING: u64 = 0;

/// What a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationKind {
    /// Two accounts, any number of devices.
    Direct,
    /// The devices of one account among themselves.
    NotesToSelf,
}

impl ConversationKind {
    const fn code(self) -> u8 {
        match self {
            Self::Direct => 1,
            Self::NotesToSelf => 2,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Direct),
            2 => Some(Self::NotesToSelf),
            _ => None,
        }
    }

    const fn accounts(self) -> usize {
        match self {
            Self::Direct => 2,
            Self::NotesToSelf => 1,
        }
    }
}

/// Why bytes or accounts do not make a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// The encoding is longer than a policy may be.
    #[error("the policy has {0} bytes, more than {POLICY_MAX}")]
    TooLong(usize),
    /// The encoding ends inside a field.
    #[error("the policy ends too early")]
    Truncated,
    /// This build does not know the version.
    #[error("policy version {0} is not known")]
    Version(u8),
    /// A field follows one with the same or a higher number.
    #[error("field {0} of the policy is out of order")]
    FieldOrder(u16),
    /// A field that every policy has is missing.
    #[error("field {0} of the policy is missing")]
    FieldMissing(u16),
    /// A field has an invalid value, or is wrongly marked as critical or not.
    #[error("field {0} of the policy is not valid")]
    Field(u16),
    /// An unknown field is critical, so it must not be ignored.
    #[error("field {0} of the policy is critical and not known")]
    UnknownCriticalField(u16),
    /// This build does not know the kind of conversation.
    #[error("conversation kind {0} is not known")]
    Kind(u8),
    /// The conversation was founded again, which this build does not support.
    #[error("founding {0} is not known")]
    Founding(u64),
    /// The number of accounts does not fit the kind.
    #[error("a {kind:?} conversation cannot have {accounts} accounts")]
    Accounts {
        /// The kind of the conversation.
        kind: ConversationKind,
        /// How many accounts were named.
        accounts: usize,
    },
    /// The accounts are not in strictly ascending order, so one appears twice or the encoding is
    /// not the canonical one.
    #[error("the accounts of the policy are not in order")]
    AccountOrder,
}

/// The policy of a group. The accounts always fit the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPolicy {
    kind: ConversationKind,
    accounts: Vec<AccountId>,
    /// Unknown fields that are not critical: number and value, ascending.
    unknown: Vec<(u16, Vec<u8>)>,
}

impl GroupPolicy {
    /// The policy of a direct conversation. The order of the two does not matter; they must be
    /// different accounts.
    pub fn direct(one: AccountId, other: AccountId) -> Result<Self, InvalidPolicy> {
        let mut accounts = vec![one, other];
        accounts.sort();
        Self::new(ConversationKind::Direct, accounts, Vec::new())
    }

    /// The policy of an account's notes to self.
    pub fn notes_to_self(account_id: AccountId) -> Self {
        Self {
            kind: ConversationKind::NotesToSelf,
            accounts: vec![account_id],
            unknown: Vec::new(),
        }
    }

    fn new(
        kind: ConversationKind,
        accounts: Vec<AccountId>,
        unknown: Vec<(u16, Vec<u8>)>,
    ) -> Result<Self, InvalidPolicy> {
        if accounts.len() != kind.accounts() {
            return Err(InvalidPolicy::Accounts {
                kind,
                accounts: accounts.len(),
            });
        }
        if !accounts.is_sorted_by(|one, next| one < next) {
            return Err(InvalidPolicy::AccountOrder);
        }
        Ok(Self {
            kind,
            accounts,
            unknown,
        })
    }

    /// The kind of the conversation.
    pub fn kind(&self) -> ConversationKind {
        self.kind
    }

    /// How often the conversation was founded again.
    pub fn founding(&self) -> u64 {
        FIRST_FOUNDING
    }

    /// The accounts, in ascending order of ids.
    pub fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    /// Whether devices of this account may be in the conversation.
    pub fn admits(&self, account_id: AccountId) -> bool {
        self.accounts.contains(&account_id)
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let accounts: Vec<u8> = self
            .accounts
            .iter()
            .flat_map(|id| id.as_bytes().iter().copied())
            .collect();
        let mut fields = vec![
            (KIND | CRITICAL, vec![self.kind.code()]),
            (FOUNDING | CRITICAL, self.founding().to_be_bytes().to_vec()),
            (ACCOUNTS | CRITICAL, accounts),
        ];
        fields.extend(self.unknown.iter().cloned());
        fields.sort_by_key(|(tag, _)| tag & !CRITICAL);

        let mut bytes = vec![VERSION];
        for (tag, value) in fields {
            bytes.extend_from_slice(&tag.to_be_bytes());
            // Unknown fields were decoded from a length of two bytes, and the others are short.
            let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(&value);
        }
        bytes
    }

    /// Decodes a policy strictly: only the canonical encoding is accepted.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidPolicy> {
        if bytes.len() > POLICY_MAX {
            return Err(InvalidPolicy::TooLong(bytes.len()));
        }
        let (&[version], mut rest) = bytes.split_first_chunk().ok_or(InvalidPolicy::Truncated)?;
        if version != VERSION {
            return Err(InvalidPolicy::Version(version));
        }
        let (mut kind, mut founding, mut accounts, mut unknown) = (None, None, None, Vec::new());
        let mut last = 0;
        while !rest.is_empty() {
            let Field {
                number,
                critical,
                value,
            } = take_field(&mut rest)?;
            if number <= last {
                return Err(InvalidPolicy::FieldOrder(number));
            }
            last = number;
            match number {
                KIND | FOUNDING | ACCOUNTS if !critical => return Err(InvalidPolicy::Field(number)),
                KIND => kind = Some(decode_kind(value)?),
                FOUNDING => founding = Some(decode_founding(value)?),
                ACCOUNTS => accounts = Some(decode_accounts(value)?),
                _ if critical => return Err(InvalidPolicy::UnknownCriticalField(number)),
                _ => unknown.push((number, value.to_vec())),
            }
        }
        let kind = kind.ok_or(InvalidPolicy::FieldMissing(KIND))?;
        founding.ok_or(InvalidPolicy::FieldMissing(FOUNDING))?;
        let accounts = accounts.ok_or(InvalidPolicy::FieldMissing(ACCOUNTS))?;
        Self::new(kind, accounts, unknown)
    }
}

struct Field<'a> {
    number: u16,
    critical: bool,
    value: &'a [u8],
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, InvalidPolicy> {
    let (tag, after) = rest.split_first_chunk().ok_or(InvalidPolicy::Truncated)?;
    let (len, after) = after.split_first_chunk().ok_or(InvalidPolicy::Truncated)?;
    let len = usize::from(u16::from_be_bytes(*len));
    let (value, after) = after.split_at_checked(len).ok_or(InvalidPolicy::Truncated)?;
    *rest = after;
    let tag = u16::from_be_bytes(*tag);
    Ok(Field {
        number: tag & !CRITICAL,
        critical: tag & CRITICAL != 0,
        value,
    })
}

fn decode_kind(value: &[u8]) -> Result<ConversationKind, InvalidPolicy> {
    let &[code] = value else {
        return Err(InvalidPolicy::Field(KIND));
    };
    ConversationKind::from_code(code).ok_or(InvalidPolicy::Kind(code))
}

fn decode_founding(value: &[u8]) -> Result<u64, InvalidPolicy> {
    let bytes = value.try_into().map_err(|_| InvalidPolicy::Field(FOUNDING))?;
    match u64::from_be_bytes(bytes) {
        FIRST_FOUNDING => Ok(FIRST_FOUNDING),
        other => Err(InvalidPolicy::Founding(other)),
    }
}

fn decode_accounts(value: &[u8]) -> Result<Vec<AccountId>, InvalidPolicy> {
    let (ids, rest) = value.as_chunks::<ID_LEN>();
    if !rest.is_empty() {
        return Err(InvalidPolicy::Field(ACCOUNTS));
    }
    Ok(ids.iter().copied().map(AccountId::from_bytes).collect())
}
