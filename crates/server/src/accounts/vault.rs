//! The vault: sealed bytes and a count of their changes.

use subrosa_wire::{
    Base64,
    rest::{SealedVault, Vault},
};

use super::{AccountError, Accounts, fields};
use crate::{session::Session, store::accounts::VaultRecord};

impl Accounts {
    /// The account's vault.
    pub async fn vault(&self, session: Session) -> Result<Vault, AccountError> {
        let vault = self
            .store
            .vault(session.account_id)
            .await?
            .ok_or(AccountError::UnknownAccount)?;
        Ok(Vault {
            vault: SealedVault {
                revision: vault.revision,
                ciphertext: Base64(vault.ciphertext),
            },
        })
    }

    /// Replaces the vault by its next revision. The same request again is no change.
    pub async fn replace_vault(&self, session: Session, request: Vault) -> Result<(), AccountError> {
        let revision = request.vault.revision;
        if revision < 2 || i64::try_from(revision).is_err() {
            return Err(AccountError::Malformed(format!(
                "vault.revision {revision} is not possible"
            )));
        }
        let vault = VaultRecord {
            revision,
            ciphertext: fields::vault("vault.ciphertext", request.vault.ciphertext)?,
        };
        if self.store.replace_vault(session.account_id, vault).await? {
            Ok(())
        } else {
            Err(AccountError::VaultChanged)
        }
    }
}
