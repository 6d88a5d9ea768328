//! The directory on SQLite: one file per table, and here the trait, one transaction per function.

mod credentials;
mod devices;
mod directory;
mod rows;
pub(super) mod server_keys;

use async_trait::async_trait;
use subrosa_wire::{AccountId, DeviceId, Handle, IncarnationId, Timestamp};
use zeroize::Zeroizing;

use super::{SqliteStore, delivery};
use crate::store::{
    StoreError,
    accounts::{
        AccountRecord, AccountStore, Availability, CredentialRecord, DeviceRecord, Enrolled, NewAccount,
        NewDevice, PasswordChange, Registered, SessionRecord, SigningKeyRecord, TokenHash, VaultRecord,
    },
};

#[async_trait]
impl AccountStore for SqliteStore {
    async fn server_secret(
        &self,
        name: &'static str,
        fresh: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.write("server_secret", move |context| {
            server_keys::find_or_insert_secret(&context.connection, name, &fresh)
        })
        .await
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.read("signing_keys", server_keys::signing_keys).await
    }

    async fn add_signing_key(
        &self,
        key: SigningKeyRecord,
        forget_before: Timestamp,
    ) -> Result<(), StoreError> {
        self.write("add_signing_key", move |context| {
            server_keys::insert_signing_key(&context.connection, &key, forget_before)
        })
        .await
    }

    async fn incarnation(&self) -> Result<IncarnationId, StoreError> {
        self.read("incarnation", server_keys::incarnation).await
    }

    async fn renew_incarnation(&self, fresh: IncarnationId) -> Result<(), StoreError> {
        self.write("renew_incarnation", move |context| {
            server_keys::renew_incarnation(&context.connection, fresh)
        })
        .await
    }

    async fn register(&self, account: NewAccount) -> Result<Registered, StoreError> {
        self.write("register", move |context| {
            let connection = &context.connection;
            match directory::availability(connection, &account.account.handle)? {
                Availability::Free => {}
                Availability::Taken => return Ok(Registered::HandleTaken),
                Availability::LookAlikeTaken => return Ok(Registered::LookAlikeTaken),
            }
            if directory::by_id(connection, account.account.account_id())?.is_some() {
                return Ok(Registered::AccountIdTaken);
            }
            if devices::by_id(connection, account.device.device_id)?.is_some() {
                return Ok(Registered::DeviceIdTaken);
            }
            directory::insert(connection, &account)?;
            devices::insert(connection, &account.device)?;
            devices::start_session(connection, &account.device)?;
            Ok(Registered::Done)
        })
        .await
    }

    async fn account(&self, account_id: AccountId) -> Result<Option<AccountRecord>, StoreError> {
        self.read("account", move |connection| {
            directory::by_id(connection, account_id)
        })
        .await
    }

    async fn availability(&self, handle: Handle) -> Result<Availability, StoreError> {
        self.read("availability", move |connection| {
            directory::availability(connection, &handle)
        })
        .await
    }

    async fn account_by_handle(&self, handle: Handle) -> Result<Option<AccountRecord>, StoreError> {
        self.read("account_by_handle", move |connection| {
            directory::by_handle(connection, &handle)
        })
        .await
    }

    async fn accounts_by_prefix(
        &self,
        prefix: String,
        limit: usize,
    ) -> Result<Vec<AccountRecord>, StoreError> {
        self.read("accounts_by_prefix", move |connection| {
            directory::by_prefix(connection, &prefix, limit)
        })
        .await
    }

    async fn credentials(&self, handle: Handle) -> Result<Option<CredentialRecord>, StoreError> {
        self.read("credentials", move |connection| {
            credentials::by_handle(connection, &handle)
        })
        .await
    }

    async fn change_password(
        &self,
        account_id: AccountId,
        revision: u64,
        change: PasswordChange,
    ) -> Result<bool, StoreError> {
        self.write("change_password", move |context| {
            credentials::change_password(&context.connection, account_id, revision, &change)
        })
        .await
    }

    async fn vault(&self, account_id: AccountId) -> Result<Option<VaultRecord>, StoreError> {
        self.read("vault", move |connection| {
            directory::vault(connection, account_id)
        })
        .await
    }

    async fn replace_vault(&self, account_id: AccountId, vault: VaultRecord) -> Result<bool, StoreError> {
        self.write("replace_vault", move |context| {
            if directory::replace_vault(&context.connection, account_id, &vault)? {
                return Ok(true);
            }
            Ok(directory::vault(&context.connection, account_id)?.is_some_and(|stored| stored == vault))
        })
        .await
    }

    async fn enrol(
        &self,
        device: NewDevice,
        revision: u64,
        devices_max: usize,
    ) -> Result<Enrolled, StoreError> {
        self.write("enrol", move |context| {
            let connection = &context.connection;
            if credentials::revision(connection, device.account_id)? != Some(revision) {
                return Ok(Enrolled::CredentialsChanged);
            }
            match devices::by_id(connection, device.device_id)? {
                Some(known)
                    if known.signed_out_at.is_none()
                        && known.account_id == device.account_id
                        && known.device_key == device.device_key =>
                {
                    devices::enrol_again(connection, &device)?;
                }
                Some(_) => return Ok(Enrolled::DeviceIdTaken),
                None if devices::signed_in(connection, device.account_id)?.len() >= devices_max => {
                    return Ok(Enrolled::TooManyDevices);
                }
                None => devices::insert(connection, &device)?,
            }
            devices::start_session(connection, &device)?;
            Ok(Enrolled::Done)
        })
        .await
    }

    async fn renew_certificate(&self, device_id: DeviceId, certificate: Vec<u8>) -> Result<bool, StoreError> {
        self.write("renew_certificate", move |context| {
            devices::renew_certificate(&context.connection, device_id, &certificate)
        })
        .await
    }

    async fn device(&self, device_id: DeviceId) -> Result<Option<DeviceRecord>, StoreError> {
        self.read("device", move |connection| devices::by_id(connection, device_id))
            .await
    }

    async fn note_seen(&self, device_id: DeviceId, seen_at: Timestamp) -> Result<(), StoreError> {
        self.write("note_seen", move |context| {
            devices::note_seen(&context.connection, device_id, seen_at)
        })
        .await
    }

    async fn devices(&self, account_id: AccountId) -> Result<Vec<DeviceRecord>, StoreError> {
        self.read("devices", move |connection| {
            devices::signed_in(connection, account_id)
        })
        .await
    }

    async fn sign_out(&self, device_id: DeviceId, now: Timestamp) -> Result<bool, StoreError> {
        self.write("sign_out", move |context| {
            if !devices::sign_out(&context.connection, device_id, now)? {
                return Ok(false);
            }
            delivery::sign_out::run(context, device_id)?;
            Ok(true)
        })
        .await
    }

    async fn session(&self, device_id: DeviceId) -> Result<Option<SessionRecord>, StoreError> {
        self.read("session", move |connection| {
            devices::session(connection, device_id)
        })
        .await
    }

    async fn rotate_session(
        &self,
        device_id: DeviceId,
        seen_newest: TokenHash,
        next: SessionRecord,
        seen_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write("rotate_session", move |context| {
            devices::rotate_session(&context.connection, device_id, seen_newest, &next, seen_at)
        })
        .await
    }

    async fn probe_write(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write("probe_write", move |context| {
            server_keys::probe_write(&context.connection, now)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

    use crate::store::{SqliteStore, conformance::accounts::account_store_conformance};

    account_store_conformance!({
        let folder = tempfile::tempdir().expect("a folder for a test");
        let store = SqliteStore::open(folder.path()).expect("a store for a test");
        (store, folder)
    });
}
