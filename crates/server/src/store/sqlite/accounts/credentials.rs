//! Table `accounts`: how they sign in.

use rusqlite::{Connection, OptionalExtension as _, named_params};
use subrosa_wire::{AccountId, Handle};

use super::{
    directory,
    rows::{column, integer, revision_column},
};
use crate::store::{
    StoreError,
    accounts::{CredentialRecord, Credentials, PasswordChange, RecoveryRecord},
};

pub(super) fn by_handle(
    connection: &Connection,
    handle: &Handle,
) -> Result<Option<CredentialRecord>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT account_id, handle, account_key, succession_key_hash, credential_revision, password_record,
                 password_wrap, recovery_key, recovery_wrap, succession_wrap
             FROM accounts WHERE handle = ?1",
        )?
        .query_row([handle.as_str()], |row| {
            Ok(CredentialRecord {
                account: directory::record(row)?,
                revision: revision_column(row, "credential_revision")?,
                credentials: Credentials {
                    password_record: row.get("password_record")?,
                    password_wrap: row.get("password_wrap")?,
                    recovery: RecoveryRecord {
                        key: column(row, "recovery_key")?,
                        wrap: row.get("recovery_wrap")?,
                        succession_wrap: row.get("succession_wrap")?,
                    },
                },
            })
        })
        .optional()?)
}

pub(super) fn revision(connection: &Connection, account_id: AccountId) -> Result<Option<u64>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT credential_revision FROM accounts WHERE account_id = ?1")?
        .query_row([account_id.as_bytes()], |row| {
            revision_column(row, "credential_revision")
        })
        .optional()?)
}

pub(super) fn change_password(
    connection: &Connection,
    account_id: AccountId,
    revision: u64,
    change: &PasswordChange,
) -> Result<bool, StoreError> {
    let recovery = change.recovery.as_ref();
    let changed = connection
        .prepare_cached(
            "UPDATE accounts SET credential_revision = credential_revision + 1,
                 password_record = :password_record, password_wrap = :password_wrap,
                 recovery_key = coalesce(:recovery_key, recovery_key),
                 recovery_wrap = coalesce(:recovery_wrap, recovery_wrap),
                 succession_wrap = coalesce(:succession_wrap, succession_wrap)
             WHERE account_id = :account_id AND credential_revision = :revision",
        )?
        .execute(named_params! {
            ":account_id": account_id.as_bytes(),
            ":revision": integer(revision)?,
            ":password_record": change.password_record,
            ":password_wrap": change.password_wrap,
            ":recovery_key": recovery.map(|recovery| recovery.key.as_bytes()),
            ":recovery_wrap": recovery.map(|recovery| &recovery.wrap),
            ":succession_wrap": recovery.map(|recovery| &recovery.succession_wrap),
        })?;
    Ok(changed == 1)
}
