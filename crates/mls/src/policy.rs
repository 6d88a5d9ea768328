//! The policy of a group: what kind of conversation it is, whose it is, and the account keys
//! under which every certificate in it must verify.
//!
//! It travels as an extension of the group context (RFC 9420, section 8.1), so every member has
//! agreed to it with every epoch. Because the account keys are part of it, a server that makes up
//! a key for an account cannot slip a device into a group that already exists.
//!
//! Layout: version (1), kind (1), number of accounts (1), then for each account, in ascending
//! order of ids, id (16) and key (32).

use subrosa_wire::AccountId;

use crate::keys::{AccountPublicKey, KEY_LEN};

const VERSION: u8 = 1;
const HEADER_LEN: usize = 3;
const ACCOUNT_LEN: usize = 16 + KEY_LEN;

/// What a conversation is. Groups and rooms will be 3 and 4 in the encoding.
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

    const fn accounts(self) -> usize {
        match self {
            Self::Direct => 2,
            Self::NotesToSelf => 1,
        }
    }
}

/// Bytes or accounts do not make a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// The encoding ends early or goes on after its end.
    #[error("the policy has a wrong length of {0} bytes")]
    Length(usize),
    /// The version is not one that this build knows.
    #[error("policy version {0} is not known")]
    Version(u8),
    /// The kind of conversation is not one that this build knows.
    #[error("conversation kind {0} is not known")]
    Kind(u8),
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
    Order,
    /// An account key is not an Ed25519 public key.
    #[error("an account key of the policy is not a key")]
    AccountKey,
}

/// The policy of a group. Always one that fits its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPolicy {
    kind: ConversationKind,
    accounts: Vec<(AccountId, AccountPublicKey)>,
}

impl GroupPolicy {
    /// The policy of a direct conversation. The order of the two does not matter; they must be
    /// different accounts.
    pub fn direct(
        one: (AccountId, AccountPublicKey),
        other: (AccountId, AccountPublicKey),
    ) -> Result<Self, InvalidPolicy> {
        let mut accounts = vec![one, other];
        accounts.sort_by_key(|(id, _)| *id);
        Self::new(ConversationKind::Direct, accounts)
    }

    /// The policy of an account's notes to self.
    pub fn notes_to_self(id: AccountId, key: AccountPublicKey) -> Self {
        Self {
            kind: ConversationKind::NotesToSelf,
            accounts: vec![(id, key)],
        }
    }

    fn new(
        kind: ConversationKind,
        accounts: Vec<(AccountId, AccountPublicKey)>,
    ) -> Result<Self, InvalidPolicy> {
        if accounts.len() != kind.accounts() {
            return Err(InvalidPolicy::Accounts {
                kind,
                accounts: accounts.len(),
            });
        }
        if !accounts.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err(InvalidPolicy::Order);
        }
        Ok(Self { kind, accounts })
    }

    /// The kind of the conversation.
    pub fn kind(&self) -> ConversationKind {
        self.kind
    }

    /// The accounts and their keys, in ascending order of ids.
    pub fn accounts(&self) -> &[(AccountId, AccountPublicKey)] {
        &self.accounts
    }

    /// The key of an account; `None` if the conversation is not the account's.
    pub fn account_key(&self, account_id: AccountId) -> Option<&AccountPublicKey> {
        self.accounts
            .iter()
            .find(|(id, _)| *id == account_id)
            .map(|(_, key)| key)
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.accounts.len() * ACCOUNT_LEN);
        bytes.extend_from_slice(&[VERSION, self.kind.code()]);
        // One or two accounts, as `new` makes sure.
        bytes.push(u8::try_from(self.accounts.len()).unwrap_or(u8::MAX));
        for (id, key) in &self.accounts {
            bytes.extend_from_slice(id.as_bytes());
            bytes.extend_from_slice(key.as_bytes());
        }
        bytes
    }

    /// Decodes a policy, strictly: only the canonical encoding is one.
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidPolicy> {
        let (&[version, kind, count], entries) = bytes
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(InvalidPolicy::Length(bytes.len()))?;
        if version != VERSION {
            return Err(InvalidPolicy::Version(version));
        }
        let kind = match kind {
            1 => ConversationKind::Direct,
            2 => ConversationKind::NotesToSelf,
            other => return Err(InvalidPolicy::Kind(other)),
        };
        if entries.len() != usize::from(count) * ACCOUNT_LEN {
            return Err(InvalidPolicy::Length(bytes.len()));
        }
        let accounts = entries
            .chunks_exact(ACCOUNT_LEN)
            .map(|entry| {
                let (id, key) = entry.split_at(16);
                let id = AccountId::try_from(id).map_err(|_| InvalidPolicy::Length(bytes.len()))?;
                let key = AccountPublicKey::try_from(key).map_err(|_| InvalidPolicy::AccountKey)?;
                Ok((id, key))
            })
            .collect::<Result<_, _>>()?;
        Self::new(kind, accounts)
    }
}
