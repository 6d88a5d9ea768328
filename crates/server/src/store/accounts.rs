//! What the directory keeps: accounts, how they sign in, vaults, devices, sessions, and the server's own keys.
//!
//! That something is not there, or was changed by somebody else, is an outcome; only a failing database is an
//! error.

use async_trait::async_trait;
use subrosa_mls::{AccountIdentity, AccountPublicKey, DevicePublicKey};
use subrosa_wire::{AccountId, DeviceId, Handle, IncarnationId, Timestamp};
use zeroize::Zeroizing;

use super::StoreError;

/// The key of a recovery code. It signs like an account key, with a label of its own.
pub type RecoveryPublicKey = AccountPublicKey;

/// SHA-256 of a refresh token: the token itself is never stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash")
    }
}

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its handle.
    pub handle: Handle,
    /// Its keys, which its id names.
    pub identity: AccountIdentity,
}

impl AccountRecord {
    /// The account.
    pub fn account_id(&self) -> AccountId {
        self.identity.account_id()
    }
}

/// The ways to sign in to an account. None of it is a secret of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// OPAQUE `RegistrationRecord`.
    pub password_record: Vec<u8>,
    /// The vault key, wrapped by the OPAQUE export key.
    pub password_wrap: Vec<u8>,
    /// What is kept of the recovery code.
    pub recovery: RecoveryRecord,
}

/// What is kept of a recovery code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryRecord {
    /// Its public key.
    pub key: RecoveryPublicKey,
    /// The vault key, wrapped by it.
    pub wrap: Vec<u8>,
    /// The seed of the succession key, wrapped by it.
    pub succession_wrap: Vec<u8>,
}

/// An account with its ways to sign in.
#[derive(Debug, Clone)]
pub struct CredentialRecord {
    /// The account.
    pub account: AccountRecord,
    /// One more with each change of the password.
    pub revision: u64,
    /// The ways to sign in.
    pub credentials: Credentials,
}

/// A new password, and with it, perhaps, a new recovery code.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// OPAQUE `RegistrationRecord` for the new password.
    pub password_record: Vec<u8>,
    /// The vault key, wrapped by the new export key.
    pub password_wrap: Vec<u8>,
    /// What is kept of the new recovery code; the old one stays if there is none.
    pub recovery: Option<RecoveryRecord>,
}

/// A vault, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultRecord {
    /// 1 at sign-up, one more with each change.
    pub revision: u64,
    /// Sealed by the vault key.
    pub ciphertext: Vec<u8>,
}

/// A device that signs in, with a certificate that was verified.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its account.
    pub account_id: AccountId,
    /// Its public key.
    pub device_key: DevicePublicKey,
    /// Its certificate as it was received.
    pub certificate: Vec<u8>,
    /// Its first refresh token.
    pub token: TokenHash,
    /// The counter of that token.
    pub token_counter: u64,
    /// When that token ends.
    pub token_expires_at: Timestamp,
    /// Now.
    pub created_at: Timestamp,
}

/// An account that signs up, with its first device.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// What others see of it.
    pub account: AccountRecord,
    /// How it signs in.
    pub credentials: Credentials,
    /// The vault, at revision 1.
    pub vault: Vec<u8>,
    /// The first device.
    pub device: NewDevice,
}

/// Whether a handle can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// Nobody has it, or one that looks like it.
    Free,
    /// Somebody has it.
    Taken,
    /// Somebody has one that looks like it, see [`Handle::skeleton`].
    LookAlikeTaken,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// Account, device and session are there.
    Done,
    /// Somebody has the handle. Nothing was stored.
    HandleTaken,
    /// Somebody has a handle that looks like it. Nothing was stored.
    LookAlikeTaken,
    /// Somebody has the account id. Nothing was stored.
    AccountIdTaken,
    /// Somebody has the device id. Nothing was stored.
    DeviceIdTaken,
}

/// What became of a device that wants to sign in to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolled {
    /// It is signed in; if it was before, with the same key, it has a new session and certificate.
    Done,
    /// The password was changed since the sign-in began. Nothing was stored.
    CredentialsChanged,
    /// The id belongs to another device, or to one that was signed out. Nothing was stored.
    DeviceIdTaken,
    /// The account has its limit of signed-in devices. Nothing was stored.
    TooManyDevices,
}

/// A device of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The device.
    pub device_id: DeviceId,
    /// Its account.
    pub account_id: AccountId,
    /// Its public key.
    pub device_key: DevicePublicKey,
    /// Its certificate as it was received.
    pub certificate: Vec<u8>,
    /// When it signed in first.
    pub created_at: Timestamp,
    /// When it was seen last, rounded down to the hour.
    pub last_seen_at: Timestamp,
    /// When it was signed out; a device with a time here is no device of the account any more.
    pub signed_out_at: Option<Timestamp>,
}

/// The session of a signed-in device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRecord {
    /// The refresh token given out last, never used so far.
    pub newest: TokenHash,
    /// Its counter, higher than that of every token of the device before it.
    pub counter: u64,
    /// The one that was used to get it.
    pub previous: Option<TokenHash>,
    /// When the newest token ends.
    pub expires_at: Timestamp,
}

/// A key that signs access tokens.
#[derive(Clone)]
pub struct SigningKeyRecord {
    /// Names the key in the header of a token.
    pub kid: String,
    /// Ed25519 seed.
    pub seed: Zeroizing<[u8; 32]>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The storage of the directory. Every write is durable when its future resolves.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The server's secret of this name; `fresh` becomes it if there is none yet.
    async fn server_secret(
        &self,
        name: &'static str,
        fresh: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError>;

    /// The keys that sign access tokens, oldest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;

    /// Adds a key and forgets those made before `forget_before`.
    async fn add_signing_key(
        &self,
        key: SigningKeyRecord,
        forget_before: Timestamp,
    ) -> Result<(), StoreError>;

    /// Which life of the database this is: the same until it is restored from an older copy.
    async fn incarnation(&self) -> Result<IncarnationId, StoreError>;

    /// Begins another life of the database, under an id of random bytes.
    async fn renew_incarnation(&self, fresh: IncarnationId) -> Result<(), StoreError>;

    /// Makes an account with its first device and session.
    async fn register(&self, account: NewAccount) -> Result<Registered, StoreError>;

    /// The account with this id.
    async fn account(&self, account_id: AccountId) -> Result<Option<AccountRecord>, StoreError>;

    /// Whether a new account can have this handle.
    async fn availability(&self, handle: Handle) -> Result<Availability, StoreError>;

    /// The account with exactly this handle.
    async fn account_by_handle(&self, handle: Handle) -> Result<Option<AccountRecord>, StoreError>;

    /// Accounts whose handle starts with `prefix`, in the order of their handles.
    async fn accounts_by_prefix(
        &self,
        prefix: String,
        limit: usize,
    ) -> Result<Vec<AccountRecord>, StoreError>;

    /// How the account with this handle signs in.
    async fn credentials(&self, handle: Handle) -> Result<Option<CredentialRecord>, StoreError>;

    /// Replaces the password if the credentials are still at `revision`; tells whether they were. The revision
    /// grows by one.
    async fn change_password(
        &self,
        account_id: AccountId,
        revision: u64,
        change: PasswordChange,
    ) -> Result<bool, StoreError>;

    /// The vault of an account.
    async fn vault(&self, account_id: AccountId) -> Result<Option<VaultRecord>, StoreError>;

    /// Replaces the vault if `vault.revision` is one higher than the stored one; tells whether it was, or
    /// whether the very same vault is stored already.
    async fn replace_vault(&self, account_id: AccountId, vault: VaultRecord) -> Result<bool, StoreError>;

    /// Signs a device in to an account whose credentials are still at `revision`, if the account has fewer
    /// than `devices_max` others. The counter of a session that it replaces grows at least by one.
    async fn enrol(
        &self,
        device: NewDevice,
        revision: u64,
        devices_max: usize,
    ) -> Result<Enrolled, StoreError>;

    /// Replaces the certificate of a signed-in device. Returns whether there is such a device.
    async fn renew_certificate(&self, device_id: DeviceId, certificate: Vec<u8>) -> Result<bool, StoreError>;

    /// A device, signed in or not.
    async fn device(&self, device_id: DeviceId) -> Result<Option<DeviceRecord>, StoreError>;

    /// Notes that a signed-in device was seen; a time before the noted one changes nothing.
    async fn note_seen(&self, device_id: DeviceId, seen_at: Timestamp) -> Result<(), StoreError>;

    /// The signed-in devices of an account, oldest first.
    async fn devices(&self, account_id: AccountId) -> Result<Vec<DeviceRecord>, StoreError>;

    /// Signs a device out: in one transaction its session ends and nothing waits for it any more, neither key
    /// packages nor welcomes, and pruning does not wait for it. Tells whether it was signed in.
    async fn sign_out(&self, device_id: DeviceId, now: Timestamp) -> Result<bool, StoreError>;

    /// The session of a device that is signed in.
    async fn session(&self, device_id: DeviceId) -> Result<Option<SessionRecord>, StoreError>;

    /// Replaces a session whose newest token is still `seen_newest`, and notes when the device was seen; tells
    /// whether it was.
    async fn rotate_session(
        &self,
        device_id: DeviceId,
        seen_newest: TokenHash,
        next: SessionRecord,
        seen_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Writes the instant into a row that serves nothing else: fails if nothing can be written.
    async fn probe_write(&self, now: Timestamp) -> Result<(), StoreError>;
}
