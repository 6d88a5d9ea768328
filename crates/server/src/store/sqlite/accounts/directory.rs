//! Table `accounts`: who there is, and their vaults.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, types::FromSqlError};
use subrosa_mls::AccountIdentity;
use subrosa_wire::{AccountId, Handle};

use super::rows::{column, instant, integer, revision_column};
use crate::store::{
    StoreError,
    accounts::{AccountRecord, Availability, NewAccount, VaultRecord},
};

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<AccountRecord> {
    let (account_key, succession_key_hash) =
        (row.get_ref("account_key")?, row.get_ref("succession_key_hash")?);
    Ok(AccountRecord {
        handle: column(row, "handle")?,
        identity: AccountIdentity::named_by(
            column(row, "account_id")?,
            account_key.as_blob()?,
            succession_key_hash.as_blob()?,
        )
        .map_err(FromSqlError::other)?,
    })
}

pub(super) fn insert(connection: &Connection, new: &NewAccount) -> Result<(), StoreError> {
    let changed = connection
        .prepare_cached(
            "INSERT INTO accounts (account_id, handle, handle_skeleton, account_key, succession_key_hash,
                 credential_revision, password_record, password_wrap, recovery_key, recovery_wrap, succession_wrap, vault_revision, vault, created_at)
             VALUES (:account_id, :handle, :handle_skeleton, :account_key, :succession_key_hash, 1, :password_record,
                 :password_wrap, :recovery_key, :recovery_wrap, :succession_wrap, 1, :vault, :created_at)",
        )?
        .execute(named_params! {
            ":account_id": new.account.account_id().as_bytes(),
            ":handle": new.account.handle.as_str(),
            ":handle_skeleton": new.account.handle.skeleton(),
            ":account_key": new.account.identity.account_key.as_bytes(),
            ":succession_key_hash": new.account.identity.succession_key_hash.as_bytes(),
            ":password_record": new.credentials.password_record,
            ":password_wrap": new.credentials.password_wrap,
            ":recovery_key": new.credentials.recovery.key.as_bytes(),
            ":recovery_wrap": new.credentials.recovery.wrap,
            ":succession_wrap": new.credentials.recovery.succession_wrap,
            ":vault": new.vault,
            ":created_at": instant(new.device.created_at)?,
        })?;
    StoreError::check_affected("inserting an account", changed, 1)
}

pub(super) fn by_id(
    connection: &Connection,
    account_id: AccountId,
) -> Result<Option<AccountRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT account_id, handle, account_key, succession_key_hash FROM accounts WHERE account_id = ?1",
        )?
        .query_row([account_id.as_bytes()], record)
        .optional()?)
}

pub(super) fn availability(connection: &Connection, handle: &Handle) -> Result<Availability, StoreError> {
    if by_handle(connection, handle)?.is_some() {
        return Ok(Availability::Taken);
    }
    let looks_taken = connection
        .prepare_cached("SELECT 1 FROM accounts WHERE handle_skeleton = ?1")?
        .exists([handle.skeleton()])?;
    Ok(if looks_taken {
        Availability::LookAlikeTaken
    } else {
        Availability::Free
    })
}

pub(super) fn by_handle(
    connection: &Connection,
    handle: &Handle,
) -> Result<Option<AccountRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT account_id, handle, account_key, succession_key_hash FROM accounts WHERE handle = ?1",
        )?
        .query_row([handle.as_str()], record)
        .optional()?)
}

pub(super) fn by_prefix(
    connection: &Connection,
    prefix: &str,
    limit: usize,
) -> Result<Vec<AccountRecord>, StoreError> {
    // Handles are ASCII, so everything that starts with the prefix sorts below prefix + DEL.
    let mut statement = connection.prepare_cached(
        "SELECT account_id, handle, account_key, succession_key_hash FROM accounts
         WHERE handle >= :prefix AND handle < :prefix || char(127) ORDER BY handle LIMIT :limit",
    )?;
    let rows = statement.query_map(
        named_params! { ":prefix": prefix, ":limit": integer(limit as u64)? },
        record,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn vault(
    connection: &Connection,
    account_id: AccountId,
) -> Result<Option<VaultRecord>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT vault_revision, vault FROM accounts WHERE account_id = ?1")?
        .query_row([account_id.as_bytes()], |row| {
            Ok(VaultRecord {
                revision: revision_column(row, "vault_revision")?,
                ciphertext: row.get("vault")?,
            })
        })
        .optional()?)
}

pub(super) fn replace_vault(
    connection: &Connection,
    account_id: AccountId,
    vault: &VaultRecord,
) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached(
            "UPDATE accounts SET vault = :vault, vault_revision = :revision
             WHERE account_id = :account_id AND vault_revision = :revision - 1",
        )?
        .execute(named_params! {
            ":account_id": account_id.as_bytes(),
            ":revision": integer(vault.revision)?,
            ":vault": vault.ciphertext,
        })?;
    Ok(changed == 1)
}
