//! `LookUpAccount`: who has a handle, whose an account is.

use bytes::Bytes;
use subrosa_wire::{
    Handle, ProblemCode,
    frames::{Account, LookUpAccount, Problem, look_up_account::By},
};

use super::{
    Service,
    requests::{account_id, id_bytes, malformed},
};
use crate::store::accounts::AccountRecord;

impl Service {
    pub(super) async fn look_up_account(&self, look_up: LookUpAccount) -> Result<Account, Problem> {
        let found = match look_up.by {
            Some(By::AccountId(id)) => self.store.account(account_id(&id)?).await?,
            Some(By::Handle(handle)) => {
                let handle = handle
                    .parse::<Handle>()
                    .map_err(|error| malformed(error.to_string()))?;
                self.store.account_by_handle(handle).await?
            }
            None => return Err(malformed("neither account_id nor handle is given")),
        };
        let account = found.ok_or_else(|| Problem::new(ProblemCode::UnknownAccount, ""))?;
        Ok(to_frame(&account))
    }
}

pub(super) fn to_frame(account: &AccountRecord) -> Account {
    Account {
        account_id: id_bytes(account.account_id().as_bytes()),
        handle: account.handle.as_str().to_owned(),
        account_key: Bytes::copy_from_slice(account.identity.account_key.as_bytes()),
        succession_key_hash: Bytes::copy_from_slice(account.identity.succession_key_hash.as_bytes()),
    }
}
