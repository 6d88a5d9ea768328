//! The policy of a group: the kind of the conversation, and its accounts.
//!
//! It is an extension of the group context (RFC 9420, section 8.1), so all members agree on it in
//! every epoch. It names accounts by their ids, and an id commits to its keys (see
//! [`AccountIdentity`](crate::AccountIdentity)).
//!
//! Direct conversations and notes to self name their accounts, so a server cannot add a device of
//! another account. Of a group, whoever has a leaf in the tree is a member; its policy says who may
//! change that, see [`change`].
//!
//! Layout, at most [`POLICY_MAX`] bytes: version (1), then fields in strictly ascending order of
//! their numbers. A field is its number (2, the highest bit set if the field is critical), the
//! length of its value (2), the value; numbers are big endian. The fields:
//!
//! | number | critical | value |
//! |---|---|---|
//! | 1 | yes | kind (1): 1 direct, 2 notes to self, 3 group; 4 is for rooms |
//! | 2 | yes | founding (8): how often the conversation was founded again; 0 so far |
//! | 4 | yes | account ids (16 each) in ascending order: of direct conversations and notes to self only, never changed |
//! | 5 | yes | of groups only: account id (16) and role (1: 1 admin, 2 owner) in ascending order of ids, at most 128 |
//! | 6 | yes | of groups only: the lowest role (0 member, 1 admin, 2 owner) that adds, removes, changes the profile, posts, pins |
//! | 8 | yes | of groups only: public key (32) and flags (1: 1 if one only asks to join, otherwise 0) of each invite link in ascending order of keys, at most 16; left out if there are none |
//! | 9 | yes | of groups only: ids of banned accounts (16 each) in ascending order, at most 256; left out if there are none |
//!
//! The numbers 3 and 7 are reserved for features that are designed but not built: the base of a later
//! founding, retention. A field with a number that this build does not know is kept as it is if it is not critical; if it is
//! critical the policy is refused, because obeying the rest of it would not be enough.

pub(crate) mod change;
mod links;
mod rights;

use std::collections::{BTreeMap, BTreeSet};

use subrosa_wire::{AccountId, ids::ID_LEN};

pub use self::{
    links::InviteLink,
    rights::{Rights, Role},
};
use crate::{
    keys::LinkPublicKey,
    limits::{BANNED_MAX, LINKS_MAX, POLICY_MAX, ROLES_MAX},
};

const VERSION: u8 = 2;

/// The highest bit of a field's number.
const CRITICAL: u16 = 0x8000;

const KIND: u16 = 1;
const FOUNDING: u16 = 2;
const ACCOUNTS: u16 = 4;
const ROLES: u16 = 5;
const RIGHTS: u16 = 6;
const LINKS: u16 = 8;
const BANNED: u16 = 9;

/// The only founding that there is so far.
pub const FIRST_FOUNDING: u64 = 0;

/// What a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationKind {
    /// Two accounts, any number of devices.
    Direct,
    /// The devices of one account among themselves.
    NotesToSelf,
    /// Any number of accounts that come and go.
    Group,
}

impl ConversationKind {
    const fn code(self) -> u8 {
        match self {
            Self::Direct => 1,
            Self::NotesToSelf => 2,
            Self::Group => 3,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Direct),
            2 => Some(Self::NotesToSelf),
            3 => Some(Self::Group),
            _ => None,
        }
    }

    /// How many accounts the policy names; `None` if it names none, and the tree does.
    const fn named_accounts(self) -> Option<usize> {
        match self {
            Self::Direct => Some(2),
            Self::NotesToSelf => Some(1),
            Self::Group => None,
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
    /// A group would have too many owners and admins.
    #[error("{0} accounts have a role, more than {ROLES_MAX}")]
    TooManyRoles(usize),
    /// Too many accounts would be banned.
    #[error("{0} accounts are banned, more than {BANNED_MAX}")]
    TooManyBanned(usize),
    /// A group would have too many invite links.
    #[error("a group has {0} invite links, more than {LINKS_MAX}")]
    TooManyLinks(usize),
    /// The keys of the links are not in strictly ascending order.
    #[error("the invite links of the policy are not in order")]
    LinkOrder,
    /// Members without a role would remove each other.
    #[error("only admins and owners can have the right to remove")]
    RemovedByMembers,
}

/// The policy of a group. The accounts always fit the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPolicy {
    kind: ConversationKind,
    /// None for groups.
    accounts: Vec<AccountId>,
    /// Without members that have no other role. Empty for all but groups, as what follows.
    roles: BTreeMap<AccountId, Role>,
    rights: Rights,
    /// In ascending order of keys.
    links: Vec<InviteLink>,
    banned: BTreeSet<AccountId>,
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
            roles: BTreeMap::new(),
            rights: Rights::DEFAULT,
            links: Vec::new(),
            banned: BTreeSet::new(),
            unknown: Vec::new(),
        }
    }

    /// The policy of a new group with its owner.
    pub fn group(owner: AccountId) -> Self {
        Self {
            kind: ConversationKind::Group,
            accounts: Vec::new(),
            roles: BTreeMap::from([(owner, Role::Owner)]),
            rights: Rights::DEFAULT,
            links: Vec::new(),
            banned: BTreeSet::new(),
            unknown: Vec::new(),
        }
    }

    /// The policy with another role for an account. Only policies of groups have roles.
    pub fn with_role(mut self, account_id: AccountId, role: Role) -> Result<Self, InvalidPolicy> {
        if role == Role::Member {
            self.roles.remove(&account_id);
        } else {
            self.roles.insert(account_id, role);
        }
        self.checked()
    }

    /// The policy with other rights. Only policies of groups have rights.
    pub fn with_rights(self, rights: Rights) -> Result<Self, InvalidPolicy> {
        Self { rights, ..self }.checked()
    }

    /// The policy with an account banned, or no longer. A banned account loses its role. Only policies of groups ban.
    pub fn with_ban(mut self, account_id: AccountId, is_banned: bool) -> Result<Self, InvalidPolicy> {
        if is_banned {
            self.banned.insert(account_id);
            self.roles.remove(&account_id);
        } else {
            self.banned.remove(&account_id);
        }
        self.checked()
    }

    /// The policy with an invite link, or with other flags for it. Only policies of groups have links.
    pub fn with_link(self, link: InviteLink) -> Result<Self, InvalidPolicy> {
        let mut policy = self.without_link(&link.key);
        let key = |link: &InviteLink| *link.key.as_bytes();
        let place = policy.links.partition_point(|other| key(other) < key(&link));
        policy.links.insert(place, link);
        policy.checked()
    }

    /// The policy without an invite link: nobody comes by it any more.
    #[must_use]
    pub fn without_link(mut self, key: &LinkPublicKey) -> Self {
        self.links.retain(|link| link.key != *key);
        self
    }

    /// The policy without any invite link.
    #[must_use]
    pub fn without_links(self) -> Self {
        Self {
            links: Vec::new(),
            ..self
        }
    }

    fn new(
        kind: ConversationKind,
        accounts: Vec<AccountId>,
        unknown: Vec<(u16, Vec<u8>)>,
    ) -> Result<Self, InvalidPolicy> {
        Self {
            kind,
            accounts,
            roles: BTreeMap::new(),
            rights: Rights::DEFAULT,
            links: Vec::new(),
            banned: BTreeSet::new(),
            unknown,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, InvalidPolicy> {
        let (kind, accounts) = (self.kind, &self.accounts);
        if accounts.len() != kind.named_accounts().unwrap_or_default() {
            return Err(InvalidPolicy::Accounts {
                kind,
                accounts: accounts.len(),
            });
        }
        if !accounts.is_sorted_by(|one, next| one < next) {
            return Err(InvalidPolicy::AccountOrder);
        }
        if self.roles.len() > ROLES_MAX {
            return Err(InvalidPolicy::TooManyRoles(self.roles.len()));
        }
        if self.links.len() > LINKS_MAX {
            return Err(InvalidPolicy::TooManyLinks(self.links.len()));
        }
        let is_ascending = |one: &InviteLink, next: &InviteLink| one.key.as_bytes() < next.key.as_bytes();
        if !self.links.is_sorted_by(is_ascending) {
            return Err(InvalidPolicy::LinkOrder);
        }
        if self.banned.len() > BANNED_MAX {
            return Err(InvalidPolicy::TooManyBanned(self.banned.len()));
        }
        self.rights.check()?;
        let len = self.encode().len();
        if len > POLICY_MAX {
            return Err(InvalidPolicy::TooLong(len));
        }
        if kind != ConversationKind::Group {
            for (number, is_set) in [
                (ROLES, !self.roles.is_empty()),
                (RIGHTS, self.rights != Rights::DEFAULT),
                (LINKS, !self.links.is_empty()),
                (BANNED, !self.banned.is_empty()),
            ] {
                if is_set {
                    return Err(InvalidPolicy::Field(number));
                }
            }
        }
        Ok(self)
    }

    /// The kind of the conversation.
    pub fn kind(&self) -> ConversationKind {
        self.kind
    }

    /// How often the conversation was founded again.
    pub fn founding(&self) -> u64 {
        FIRST_FOUNDING
    }

    /// The accounts that the policy names, in ascending order of ids; none for a group, whose members are those that have
    /// leaves.
    pub fn named_accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    /// Whether devices of this account may be in the conversation.
    pub fn admits(&self, account_id: AccountId) -> bool {
        match self.kind {
            ConversationKind::Direct | ConversationKind::NotesToSelf => self.accounts.contains(&account_id),
            ConversationKind::Group => !self.banned.contains(&account_id),
        }
    }

    /// The role of a member.
    pub fn role_of(&self, account_id: AccountId) -> Role {
        self.roles.get(&account_id).copied().unwrap_or_default()
    }

    /// The owners and admins.
    pub fn roles(&self) -> impl Iterator<Item = (AccountId, Role)> {
        self.roles.iter().map(|(account_id, role)| (*account_id, *role))
    }

    /// Who may do what.
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The invite links, in ascending order of keys.
    pub fn links(&self) -> &[InviteLink] {
        &self.links
    }

    /// The invite link with this key.
    pub fn link(&self, key: &LinkPublicKey) -> Option<&InviteLink> {
        self.links.iter().find(|link| link.key == *key)
    }

    /// The accounts that must not be members.
    pub fn banned(&self) -> &BTreeSet<AccountId> {
        &self.banned
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = vec![
            (KIND | CRITICAL, vec![self.kind.code()]),
            (FOUNDING | CRITICAL, self.founding().to_be_bytes().to_vec()),
        ];
        if self.kind == ConversationKind::Group {
            let roles = self.roles.iter();
            let roles = roles.flat_map(|(id, role)| id.as_bytes().iter().copied().chain([role.code()]));
            fields.push((ROLES | CRITICAL, roles.collect()));
            fields.push((RIGHTS | CRITICAL, self.rights.encode()));
            if !self.links.is_empty() {
                fields.push((LINKS | CRITICAL, links::encode(&self.links)));
            }
            if !self.banned.is_empty() {
                fields.push((BANNED | CRITICAL, encode_accounts(&self.banned)));
            }
        } else {
            fields.push((ACCOUNTS | CRITICAL, encode_accounts(&self.accounts)));
        }
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
        let (mut roles, mut rights, mut links, mut banned) = (None, None, None, None);
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
                KIND | FOUNDING | ACCOUNTS | ROLES | RIGHTS | LINKS | BANNED if !critical => {
                    return Err(InvalidPolicy::Field(number));
                }
                KIND => kind = Some(decode_kind(value)?),
                FOUNDING => founding = Some(decode_founding(value)?),
                ACCOUNTS => accounts = Some(decode_accounts(ACCOUNTS, value)?),
                ROLES => roles = Some(decode_roles(value)?),
                RIGHTS => rights = Some(Rights::decode(value).ok_or(InvalidPolicy::Field(RIGHTS))?),
                LINKS => links = Some(links::decode(value)?),
                BANNED => banned = Some(decode_banned(value)?),
                _ if critical => return Err(InvalidPolicy::UnknownCriticalField(number)),
                _ => unknown.push((number, value.to_vec())),
            }
        }
        let kind = kind.ok_or(InvalidPolicy::FieldMissing(KIND))?;
        founding.ok_or(InvalidPolicy::FieldMissing(FOUNDING))?;
        if kind != ConversationKind::Group {
            let given = [
                (ROLES, roles.is_some()),
                (RIGHTS, rights.is_some()),
                (LINKS, links.is_some()),
                (BANNED, banned.is_some()),
            ];
            if let Some((number, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                return Err(InvalidPolicy::Field(number));
            }
            let accounts = accounts.ok_or(InvalidPolicy::FieldMissing(ACCOUNTS))?;
            return Self::new(kind, accounts, unknown);
        }
        if accounts.is_some() {
            return Err(InvalidPolicy::Field(ACCOUNTS));
        }
        Self {
            kind,
            accounts: Vec::new(),
            roles: roles.ok_or(InvalidPolicy::FieldMissing(ROLES))?,
            rights: rights.ok_or(InvalidPolicy::FieldMissing(RIGHTS))?,
            links: links.unwrap_or_default(),
            banned: banned.unwrap_or_default(),
            unknown,
        }
        .checked()
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

fn encode_accounts<'a>(accounts: impl IntoIterator<Item = &'a AccountId>) -> Vec<u8> {
    let ids = accounts.into_iter();
    ids.flat_map(|id| id.as_bytes().iter().copied()).collect()
}

fn decode_accounts(number: u16, value: &[u8]) -> Result<Vec<AccountId>, InvalidPolicy> {
    let (ids, rest) = value.as_chunks::<ID_LEN>();
    if !rest.is_empty() {
        return Err(InvalidPolicy::Field(number));
    }
    Ok(ids.iter().copied().map(AccountId::from_bytes).collect())
}

fn decode_banned(value: &[u8]) -> Result<BTreeSet<AccountId>, InvalidPolicy> {
    let accounts = decode_accounts(BANNED, value)?;
    if accounts.is_empty() {
        return Err(InvalidPolicy::Field(BANNED));
    }
    if !accounts.is_sorted_by(|one, next| one < next) {
        return Err(InvalidPolicy::AccountOrder);
    }
    Ok(accounts.into_iter().collect())
}

fn decode_roles(value: &[u8]) -> Result<BTreeMap<AccountId, Role>, InvalidPolicy> {
    const ENTRY_LEN: usize = ID_LEN + 1;
    let (entries, rest) = value.as_chunks::<ENTRY_LEN>();
    if !rest.is_empty() {
        return Err(InvalidPolicy::Field(ROLES));
    }
    let mut roles = BTreeMap::new();
    for [id @ .., code] in entries {
        let account_id = AccountId::from_bytes(*id);
        let role = Role::from_code(*code).filter(|role| *role > Role::Member);
        let role = role.ok_or(InvalidPolicy::Field(ROLES))?;
        if roles
            .last_key_value()
            .is_some_and(|(last, _)| *last >= account_id)
        {
            return Err(InvalidPolicy::AccountOrder);
        }
        roles.insert(account_id, role);
    }
    Ok(roles)
}
