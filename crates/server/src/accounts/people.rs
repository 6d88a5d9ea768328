//! Finding people by their handles. Only who is signed in may ask; e-mail addresses and the like are not here.

use subrosa_wire::{
    Handle,
    handle::HANDLE_LEN_MAX,
    limits::SEARCH_RESULTS_MAX,
    rest::{People, Person},
};

use super::{AccountError, Accounts};
use crate::{limits::SEARCH_PREFIX_CHARS_MIN, store::accounts::AccountRecord};

impl Accounts {
    /// People whose handle starts with a text; a leading `@` and upper case do not matter.
    pub async fn search_people(&self, text: &str) -> Result<People, AccountError> {
        let prefix = text.strip_prefix('@').unwrap_or(text).to_ascii_lowercase();
        if !(SEARCH_PREFIX_CHARS_MIN..=HANDLE_LEN_MAX).contains(&prefix.chars().count()) {
            return Err(AccountError::Malformed(format!(
                "handle_prefix has {SEARCH_PREFIX_CHARS_MIN} to {HANDLE_LEN_MAX} characters"
            )));
        }
        if !prefix
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        {
            // No handle has such a character, so nobody is found.
            return Ok(People { people: Vec::new() });
        }
        let people = self.store.accounts_by_prefix(prefix, SEARCH_RESULTS_MAX).await?;
        Ok(People {
            people: people.into_iter().map(person).collect(),
        })
    }

    /// The person with this handle.
    pub async fn person(&self, handle: Handle) -> Result<Person, AccountError> {
        let account = self.store.account_by_handle(handle).await?;
        account.map(person).ok_or(AccountError::UnknownAccount)
    }
}

fn person(account: AccountRecord) -> Person {
    Person {
        account_id: account.account_id(),
        handle: account.handle,
        account_key: account.identity.account_key.as_bytes().as_slice().into(),
        succession_key_hash: account.identity.succession_key_hash.as_bytes().as_slice().into(),
    }
}
