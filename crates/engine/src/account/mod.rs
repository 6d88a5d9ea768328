//! What a client does about accounts: passwords, recovery codes, the vault, new devices.
//!
//! Everything here is a function of its arguments: the host carries the messages. The server learns no
//! password, no key and nothing of the vault; what it says is checked against what the vault holds.

pub mod enrolment;
pub mod password;
pub mod record;
pub mod recovery_code;
pub(crate) mod secret;
pub mod vault;
pub mod wrap;

pub use enrolment::{
    EnrolmentError, NewAccount, OpenVault, UnlockError, enrol_device, open_vault, password_and_code_change,
    password_change, recovery_signature, refresh_signature, renew_certificate, sign_up,
};
pub use password::{
    ExportKey, InvalidPassword, Password, PasswordError, Registered, Registration, SignIn, WeakPassword,
};
pub use recovery_code::{InvalidRecoveryCode, RecoveryCode};
pub use secret::{BackupKey, ProfileKey, VaultKey};
pub use vault::{VaultContact, VaultContents, VaultDevice, VaultError};
pub use wrap::{Way, WrapKey};
