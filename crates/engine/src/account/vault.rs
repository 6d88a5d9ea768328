//! The vault: what every device of an account has to know, sealed so that the server only keeps it.
//!
//! The contents are a protobuf message behind their length, padded with zeros to the next KiB, so that the
//! size tells little. The seal binds them to the account and to the revision: the server can neither mix
//! vaults up nor pass an old one off as new.

use std::collections::BTreeMap;

use prost::Message as _;
use rand_core::CryptoRngCore;
use subrosa_mls::{AccountIdentity, AccountSigningKey, SuccessionKeyHash};
use subrosa_wire::{
    AccountId, DeviceId, Handle, Timestamp,
    handle::HANDLE_LEN_MAX,
    limits::{DEVICES_PER_ACCOUNT_MAX, DISPLAY_NAME_MAX, VAULT_MAX},
    rest,
};
use zeroize::{Zeroize as _, Zeroizing};

pub use super::secret::VaultKey;
use super::{
    secret::{BackupKey, ProfileKey},
    wrap::{self, PaddedError, SEAL_OVERHEAD, SealError},
};
use crate::content::DisplayName;

/// The version of the contents that this build writes.
const VERSION: u32 = 3;
/// The oldest version that it reads: without devices, and without the counters that order changes. Version 1 was
/// written during development only.
const OLDEST_VERSION: u32 = 2;
/// The sealed size grows in steps of this, in bytes.
const PADDING_STEP: usize = 1024;
const AAD: &[u8] = b"subrosa vault v1";

/// What the vault holds.
pub struct VaultContents {
    /// The key that certifies the account's devices.
    pub account_key: AccountSigningKey,
    /// The hash of the key that outranks it, which certificates carry. Its seed is not in the vault: whoever
    /// has only a password must not get it.
    pub succession_key_hash: SuccessionKeyHash,
    /// Encrypts the backup of messages.
    pub backup_key: BackupKey,
    /// Encrypts what others may see of the profile.
    pub profile_key: ProfileKey,
    /// The people that this account has met.
    pub contacts: BTreeMap<AccountId, VaultContact>,
    /// The account's devices, as they have entered themselves, and those that were signed out last.
    pub devices: BTreeMap<DeviceId, VaultDevice>,
    /// The own display name.
    pub display_name: Option<DisplayName>,
    /// How often the display name was changed: of two names, the one that was changed more often is the newer.
    pub display_name_changes: u32,
}

/// A person in the vault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VaultContact {
    /// The handle that is pinned to the account; `None` until the directory has told it.
    pub handle: Option<Handle>,
    /// The handle that was pinned to the account until the user accepted another account for it. Only without
    /// `handle`.
    pub former_handle: Option<Handle>,
    /// How often the user has moved a handle to or from this account: of two entries, the one with more moves is the
    /// newer.
    pub moves: u32,
}

/// A device of the account in the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultDevice {
    /// What the account's devices call it.
    pub name: Option<DisplayName>,
    /// How often it was named: of two names, the one that was given later is the newer.
    pub name_changes: u32,
    /// When it entered itself, by its own clock.
    pub added_at: Timestamp,
    /// Whether it was signed out.
    pub is_signed_out: bool,
    /// How often it was entered and signed out: of two entries, the one that was changed more often is the newer.
    pub changes: u32,
}

/// Why a vault does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The seal does not hold.
    #[error("the vault does not open: {0}")]
    Seal(#[from] SealError),
    /// Written by another version.
    #[error("the vault has version {0}, this program knows versions {OLDEST_VERSION} to {VERSION}")]
    Version(u32),
    /// The seal holds, but the keys inside are those of another account.
    #[error("the vault holds the keys of account {0}")]
    OtherAccount(AccountId),
    /// The seal holds, but the contents are not what this program writes.
    #[error("the contents of the vault are not valid: {0}")]
    Contents(&'static str),
}

impl From<PaddedError> for VaultError {
    fn from(error: PaddedError) -> Self {
        match error {
            PaddedError::Seal(error) => Self::Seal(error),
            PaddedError::Padding(what) => Self::Contents(what),
        }
    }
}

mod encoded {
    //! The protobuf message inside.
    use zeroize::Zeroize;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Vault {
        #[prost(uint32, tag = "1")]
        pub version: u32,
        #[prost(bytes = "vec", tag = "2")]
        pub account_key_seed: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        pub backup_key: Vec<u8>,
        #[prost(bytes = "vec", tag = "4")]
        pub profile_key: Vec<u8>,
        #[prost(message, repeated, tag = "5")]
        pub contacts: Vec<Contact>,
        #[prost(string, tag = "6")]
        pub display_name: String,
        #[prost(bytes = "vec", tag = "7")]
        pub succession_key_hash: Vec<u8>,
        #[prost(message, repeated, tag = "8")]
        pub devices: Vec<Device>,
        #[prost(uint32, tag = "9")]
        pub display_name_changes: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Contact {
        #[prost(bytes = "vec", tag = "1")]
        pub account_id: Vec<u8>,
        #[prost(string, tag = "2")]
        pub handle: String,
        /// Whether it is the handle that the account had until the user moved it.
        #[prost(bool, tag = "3")]
        pub is_former: bool,
        #[prost(uint32, tag = "4")]
        pub moves: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Device {
        #[prost(bytes = "vec", tag = "1")]
        pub id: Vec<u8>,
        #[prost(uint64, tag = "2")]
        pub added_at_ms: u64,
        #[prost(bool, tag = "3")]
        pub is_signed_out: bool,
        #[prost(uint32, tag = "4")]
        pub changes: u32,
        #[prost(string, tag = "5")]
        pub name: String,
        #[prost(uint32, tag = "6")]
        pub name_changes: u32,
    }

    impl Zeroize for Vault {
        fn zeroize(&mut self) {
            self.account_key_seed.zeroize();
            self.backup_key.zeroize();
            self.profile_key.zeroize();
        }
    }
}

impl VaultContents {
    /// New contents, with new keys.
    pub fn generate(
        succession_key_hash: SuccessionKeyHash,
        display_name: Option<DisplayName>,
        mut rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Self {
        Self {
            account_key: AccountSigningKey::generate(&mut rng),
            succession_key_hash,
            backup_key: BackupKey::generate(&mut rng),
            profile_key: ProfileKey::generate(&mut rng),
            contacts: BTreeMap::new(),
            devices: BTreeMap::new(),
            display_name,
            display_name_changes: 0,
        }
    }

    /// Enters a device, also one that was signed out. Of those that were signed out, the oldest leave if there are too
    /// many.
    pub fn add_device(&mut self, device: DeviceId, now: Timestamp) {
        let known = self.devices.get(&device);
        let changes = known.map_or(0, |known| known.changes.saturating_add(1));
        let name = known.and_then(|known| known.name.clone());
        let name_changes = known.map_or(0, |known| known.name_changes);
        self.devices.insert(
            device,
            VaultDevice {
                name,
                name_changes,
                added_at: now,
                is_signed_out: false,
                changes,
            },
        );
        self.bound_devices();
    }

    /// Names a device, if it is entered.
    pub fn name_device(&mut self, device: DeviceId, name: Option<DisplayName>) {
        if let Some(known) = self.devices.get_mut(&device).filter(|known| known.name != name) {
            known.name = name;
            known.name_changes = known.name_changes.saturating_add(1);
        }
    }

    /// Notes that a device was signed out.
    pub fn sign_device_out(&mut self, device: DeviceId) {
        if let Some(known) = self.devices.get_mut(&device).filter(|known| !known.is_signed_out) {
            known.is_signed_out = true;
            known.changes = known.changes.saturating_add(1);
        }
    }

    /// Whether a device is entered and not signed out.
    pub fn has_device(&self, device: DeviceId) -> bool {
        self.devices
            .get(&device)
            .is_some_and(|known| !known.is_signed_out)
    }

    /// Takes over what another device of the account knows about the account's devices.
    pub fn merge_devices(&mut self, theirs: &BTreeMap<DeviceId, VaultDevice>) {
        for (device, entry) in theirs {
            let known = self.devices.entry(*device).or_insert_with(|| entry.clone());
            let age = |entry: &VaultDevice| (entry.changes, entry.is_signed_out, entry.added_at);
            if age(entry) > age(known) {
                known.changes = entry.changes;
                known.is_signed_out = entry.is_signed_out;
                known.added_at = entry.added_at;
            }
            let name_age = |entry: &VaultDevice| (entry.name_changes, text_of(entry.name.as_ref()));
            if name_age(entry) > name_age(known) {
                known.name_changes = entry.name_changes;
                known.name.clone_from(&entry.name);
            }
        }
        self.bound_devices();
    }

    fn bound_devices(&mut self) {
        while self.devices.len() > DEVICES_MAX {
            let oldest = self
                .devices
                .iter()
                .min_by_key(|(_, known)| (!known.is_signed_out, known.added_at));
            let Some(oldest) = oldest.map(|(device, _)| *device) else {
                return;
            };
            self.devices.remove(&oldest);
        }
    }

    /// What the id of the account names.
    pub fn identity(&self) -> AccountIdentity {
        AccountIdentity {
            account_key: self.account_key.public(),
            succession_key_hash: self.succession_key_hash,
        }
    }

    /// Whose vault it is.
    pub fn account_id(&self) -> AccountId {
        self.identity().account_id()
    }

    /// The contents as bytes, not yet sealed: to be kept in an encrypted database.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let contacts = self
            .contacts
            .iter()
            .map(|(account_id, contact)| encoded::Contact {
                account_id: account_id.to_vec(),
                handle: contact
                    .handle
                    .as_ref()
                    .or(contact.former_handle.as_ref())
                    .map(Handle::to_string)
                    .unwrap_or_default(),
                is_former: contact.handle.is_none() && contact.former_handle.is_some(),
                moves: contact.moves,
            });
        let devices = self.devices.iter().map(|(device_id, device)| encoded::Device {
            id: device_id.to_vec(),
            added_at_ms: device.added_at.as_millis(),
            is_signed_out: device.is_signed_out,
            changes: device.changes,
            name: text_of(device.name.as_ref()),
            name_changes: device.name_changes,
        });
        let mut vault = encoded::Vault {
            version: VERSION,
            account_key_seed: self.account_key.seed().to_vec(),
            backup_key: self.backup_key.as_bytes().to_vec(),
            profile_key: self.profile_key.as_bytes().to_vec(),
            contacts: contacts.collect(),
            display_name: text_of(self.display_name.as_ref()),
            succession_key_hash: self.succession_key_hash.as_bytes().to_vec(),
            devices: devices.collect(),
            display_name_changes: self.display_name_changes,
        };
        let bytes = Zeroizing::new(vault.encode_to_vec());
        vault.zeroize();
        bytes
    }

    /// Reads what [`encode`](Self::encode) gave.
    pub fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let mut vault =
            encoded::Vault::decode(bytes).map_err(|_| VaultError::Contents("not a protobuf message"))?;
        let contents = Self::from_encoded(&vault);
        vault.zeroize();
        contents
    }

    fn from_encoded(vault: &encoded::Vault) -> Result<Self, VaultError> {
        if !(OLDEST_VERSION..=VERSION).contains(&vault.version) {
            return Err(VaultError::Version(vault.version));
        }
        let key = |bytes: &[u8], what| <[u8; 32]>::try_from(bytes).map_err(|_| VaultError::Contents(what));
        let mut contacts = BTreeMap::new();
        for contact in &vault.contacts {
            let account_id =
                AccountId::try_from(&contact.account_id).map_err(|_| VaultError::Contents("account id"))?;
            let handle = match contact.handle.as_str() {
                "" => None,
                handle => Some(
                    handle
                        .parse()
                        .map_err(|_| VaultError::Contents("handle of a contact"))?,
                ),
            };
            let (handle, former_handle) = if contact.is_former {
                (None, handle)
            } else {
                (handle, None)
            };
            contacts.insert(
                account_id,
                VaultContact {
                    handle,
                    former_handle,
                    moves: contact.moves,
                },
            );
        }
        let mut devices = BTreeMap::new();
        for device in &vault.devices {
            let device_id = DeviceId::try_from(&device.id).map_err(|_| VaultError::Contents("device id"))?;
            devices.insert(
                device_id,
                VaultDevice {
                    name: name_of(&device.name, "name of a device")?,
                    name_changes: device.name_changes,
                    added_at: Timestamp::from_millis(device.added_at_ms),
                    is_signed_out: device.is_signed_out,
                    changes: device.changes,
                },
            );
        }
        let display_name = name_of(&vault.display_name, "display name")?;
        Ok(Self {
            account_key: AccountSigningKey::from_seed(key(&vault.account_key_seed, "account key")?),
            succession_key_hash: SuccessionKeyHash::from_bytes(key(
                &vault.succession_key_hash,
                "succession key hash",
            )?),
            backup_key: BackupKey::from_bytes(key(&vault.backup_key, "backup key")?),
            profile_key: ProfileKey::from_bytes(key(&vault.profile_key, "profile key")?),
            contacts,
            devices,
            display_name,
            display_name_changes: vault.display_name_changes,
        })
    }
}

fn text_of(name: Option<&DisplayName>) -> String {
    name.map(DisplayName::to_string).unwrap_or_default()
}

fn name_of(text: &str, what: &'static str) -> Result<Option<DisplayName>, VaultError> {
    match text {
        "" => Ok(None),
        text => DisplayName::try_from(text)
            .map(Some)
            .map_err(|_| VaultError::Contents(what)),
    }
}

/// How many contacts fit into a vault with certainty, whatever else is in it.
pub const CONTACTS_MAX: usize =
    (VAULT_MAX - PADDING_STEP - SEAL_OVERHEAD - 1024 - DEVICES_MAX * DEVICE_LEN_MAX) / CONTACT_LEN_MAX;

/// How many devices the vault holds, with those that were signed out: the latter are kept for long enough that a device
/// which has not yet heard of it does not enter them again.
pub const DEVICES_MAX: usize = 4 * DEVICES_PER_ACCOUNT_MAX;

/// The length of an encoded contact: an id, a handle, a flag, a counter and the heads of the fields.
const CONTACT_LEN_MAX: usize = 2 + 2 + 16 + 2 + HANDLE_LEN_MAX + 2 + 6;

/// The length of an encoded device: an id, an instant, a flag, two counters, a name and the heads of the fields.
const DEVICE_LEN_MAX: usize = 3 + 2 + 16 + 11 + 2 + 6 + 6 + 3 + DISPLAY_NAME_MAX;

/// Seals the contents for a revision. Beyond [`CONTACTS_MAX`] contacts the result is longer than the server
/// takes.
pub fn seal(
    contents: &VaultContents,
    key: &VaultKey,
    revision: u64,
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> Vec<u8> {
    seal_for(contents, key, contents.account_id(), revision, rng)
}

fn seal_for(
    contents: &VaultContents,
    key: &VaultKey,
    account_id: AccountId,
    revision: u64,
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> Vec<u8> {
    let aad = aad(account_id, revision);
    wrap::seal_padded(key.as_bytes(), &contents.encode(), sealed_len, &aad, rng)
}

/// The sealed length of contents that would have at least this length when sealed.
fn sealed_len(len_min: usize) -> usize {
    len_min
        .saturating_sub(SEAL_OVERHEAD)
        .next_multiple_of(PADDING_STEP)
        + SEAL_OVERHEAD
}

/// Opens a vault as the server gave it: the keys inside are those that the account id names.
pub fn open(
    sealed: &rest::SealedVault,
    key: &VaultKey,
    account_id: AccountId,
) -> Result<VaultContents, VaultError> {
    let aad = aad(account_id, sealed.revision);
    let encoded = wrap::open_padded(key.as_bytes(), &sealed.ciphertext.0, sealed_len, &aad)?;
    let contents = VaultContents::decode(&encoded)?;
    match contents.account_id() {
        found if found == account_id => Ok(contents),
        found => Err(VaultError::OtherAccount(found)),
    }
}

fn aad(account_id: AccountId, revision: u64) -> Vec<u8> {
    [AAD, account_id.as_bytes(), &revision.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn a_vault_with_the_keys_of_another_account_is_refused() {
        let contents = VaultContents::generate(SuccessionKeyHash::from_bytes([1; 32]), None, &mut OsRng);
        let (key, other) = (VaultKey::generate(&mut OsRng), AccountId::from_bytes([2; 16]));
        let sealed = |account_id| rest::SealedVault {
            revision: 1,
            ciphertext: seal_for(&contents, &key, account_id, 1, &mut OsRng).into(),
        };
        let own = contents.account_id();
        assert!(open(&sealed(own), &key, own).is_ok());
        assert_eq!(
            open(&sealed(other), &key, other).map(drop),
            Err(VaultError::OtherAccount(own))
        );
    }
}
