//! Signing up, signing in on a new device, and what a device proves to the server afterwards.

use rand_core::CryptoRngCore;
use sha2::{Digest as _, Sha256};
use subrosa_mls::{
    DeviceCertificate, DeviceIdentity, DeviceSigningKey, SuccessionKeyHash, SuccessionSigningKey,
};
use subrosa_wire::{AccountId, Base64, DeviceId, Handle, Timestamp, rest, rest::signing_labels};

use super::{
    password::{ExportKey, Registered},
    recovery_code::RecoveryCode,
    secret::VaultKey,
    vault::{self, VaultContents, VaultError},
    wrap::{SealError, WrapKey},
};
use crate::content::DisplayName;

/// Length of the nonces that the server sends to be signed, in bytes.
const NONCE_LEN: usize = 32;
/// The revision of a vault at sign-up.
const FIRST_REVISION: u64 = 1;

/// A vault that is open.
pub struct OpenVault {
    /// What opens it.
    pub key: VaultKey,
    /// The revision that the server holds.
    pub revision: u64,
    /// What is in it.
    pub contents: VaultContents,
}

impl OpenVault {
    /// Whose it is.
    pub fn account_id(&self) -> AccountId {
        self.contents.account_id()
    }
}

/// An account as it comes into the world.
pub struct NewAccount {
    /// The body of `POST /v1/registration/finish`.
    pub request: rest::RegistrationFinish,
    /// The first device.
    pub identity: DeviceIdentity,
    /// The vault, as the request holds it.
    pub vault: OpenVault,
    /// To be shown to the user, once.
    pub recovery_code: RecoveryCode,
}

/// Why the vault of a sign-in does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    /// The server gave a key of the vault that does not open with the password or code.
    #[error("the key of the vault does not open: {0}")]
    Key(SealError),
    /// The vault does not open with its key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The server gave no seed of the succession key, or one that does not open with the recovery code.
    #[error("the seed of the succession key does not open: {0}")]
    SuccessionSeed(SealError),
    /// The seed opens, but makes another succession key than the account's.
    #[error("the seed of the succession key is that of another key")]
    SuccessionKeyDiffers,
}

/// A challenge of the server is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// What is to be signed has the wrong length.
    #[error("the server's challenge has {0} bytes, not {NONCE_LEN}")]
    NonceLength(usize),
}

/// Makes an account, its vault, its recovery code and its first device.
pub fn sign_up(
    handle: Handle,
    registered: &Registered,
    display_name: Option<DisplayName>,
    now: Timestamp,
    mut rng: &mut (impl CryptoRngCore + ?Sized),
) -> NewAccount {
    let succession_key = SuccessionSigningKey::generate(&mut rng);
    let succession_key_hash = (&succession_key.public()).into();
    let mut vault = OpenVault {
        key: VaultKey::generate(rng),
        revision: FIRST_REVISION,
        contents: VaultContents::generate(succession_key_hash, display_name, rng),
    };
    let recovery_code = RecoveryCode::generate(&mut rng);
    let (device, identity) = enrol_device(&vault, now, rng);
    vault.contents.add_device(identity.certificate.device_id(), now);
    let ciphertext = vault::seal(&vault.contents, &vault.key, vault.revision, rng);
    let request = rest::RegistrationFinish {
        handle,
        account_key: vault.contents.account_key.public().as_bytes().as_slice().into(),
        succession_key_hash: vault.contents.succession_key_hash.as_bytes().as_slice().into(),
        registration_record: registered.record.as_slice().into(),
        vault: rest::SealedVault {
            revision: vault.revision,
            ciphertext: ciphertext.into(),
        },
        password_wrap: WrapKey::from(&registered.export_key)
            .wrap(&vault.key, vault.account_id(), rng)
            .into(),
        recovery: recovery(&vault, &succession_key, &recovery_code, rng),
        device,
    };
    NewAccount {
        request,
        identity,
        vault,
        recovery_code,
    }
}

/// Opens the vault of a sign-in with the export key of the password ([`WrapKey::from`]) or with the
/// recovery code ([`RecoveryCode::wrap_key`]).
pub fn open_vault(signed_in: &rest::SignedIn, way: &WrapKey) -> Result<OpenVault, UnlockError> {
    let account_id = signed_in.account_id;
    let key = way
        .unwrap_key(&signed_in.wrap.0, account_id)
        .map_err(UnlockError::Key)?;
    let contents = vault::open(&signed_in.vault, &key, account_id)?;
    Ok(OpenVault {
        key,
        revision: signed_in.vault.revision,
        contents,
    })
}

/// Makes a new device of the account: the body of `POST /v1/devices`, and its identity.
pub fn enrol_device(
    vault: &OpenVault,
    now: Timestamp,
    mut rng: &mut (impl CryptoRngCore + ?Sized),
) -> (rest::Enrolment, DeviceIdentity) {
    let device_id = DeviceId::from_bytes(random_id(rng));
    let signing_key = DeviceSigningKey::generate(&mut rng);
    let (enrolment, certificate) = certify(&vault.contents, device_id, &signing_key, now);
    (
        enrolment,
        DeviceIdentity {
            certificate,
            signing_key,
        },
    )
}

/// Certifies a device anew: the body of `PUT /v1/devices/{device_id}/certificate`.
pub fn renew_certificate(vault: &VaultContents, device: &DeviceIdentity, now: Timestamp) -> rest::Enrolment {
    certify(vault, device.certificate.device_id(), &device.signing_key, now).0
}

fn certify(
    vault: &VaultContents,
    device_id: DeviceId,
    signing_key: &DeviceSigningKey,
    now: Timestamp,
) -> (rest::Enrolment, DeviceCertificate) {
    let certificate = DeviceCertificate::issue(
        &vault.account_key,
        vault.succession_key_hash,
        device_id,
        signing_key.public(),
        now,
    );
    let encoded = certificate.encode();
    let signature = signing_key.sign(signing_labels::ENROLMENT, &encoded);
    let enrolment = rest::Enrolment {
        certificate: encoded.into(),
        signature: signature.as_slice().into(),
    };
    (enrolment, certificate)
}

/// The body of `POST /v1/password/finish` that leaves the recovery code as it is.
pub fn password_change(
    vault: &OpenVault,
    registered: &Registered,
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> rest::PasswordFinish {
    rest::PasswordFinish {
        registration_record: registered.record.as_slice().into(),
        password_wrap: wrap_for_password(vault, &registered.export_key, rng),
        recovery: None,
    }
}

/// The body of `POST /v1/password/finish` that also makes a new recovery code: the old one ends. It takes the
/// answer to a recovery, and the old code, because only that opens the seed of the succession key.
pub fn password_and_code_change(
    vault: &OpenVault,
    recovered: &rest::SignedIn,
    old_code: &RecoveryCode,
    registered: &Registered,
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> Result<(rest::PasswordFinish, RecoveryCode), UnlockError> {
    let succession_key = succession_key(vault, recovered, old_code)?;
    let code = RecoveryCode::generate(rng);
    let body = rest::PasswordFinish {
        recovery: Some(recovery(vault, &succession_key, &code, rng)),
        ..password_change(vault, registered, rng)
    };
    Ok((body, code))
}

/// Opens the seed of the succession key: the key is the one that the account id names.
fn succession_key(
    vault: &OpenVault,
    recovered: &rest::SignedIn,
    code: &RecoveryCode,
) -> Result<SuccessionSigningKey, UnlockError> {
    let wrapped = recovered
        .succession_wrap
        .as_ref()
        .ok_or(UnlockError::SuccessionSeed(SealError::Refused))?;
    let key = code
        .unwrap_succession_key(&wrapped.0, vault.account_id())
        .map_err(UnlockError::SuccessionSeed)?;
    if SuccessionKeyHash::from(&key.public()) == vault.contents.succession_key_hash {
        Ok(key)
    } else {
        Err(UnlockError::SuccessionKeyDiffers)
    }
}

/// The signature of `POST /v1/recovery/finish` over the nonce of the challenge.
pub fn recovery_signature(code: &RecoveryCode, nonce: &[u8]) -> Result<Base64, EnrolmentError> {
    check_nonce(nonce)?;
    Ok(code.sign(nonce).as_slice().into())
}

/// The signature of `POST /v1/sessions/refresh` over the nonce of the challenge and the refresh token.
pub fn refresh_signature(
    device_key: &DeviceSigningKey,
    nonce: &[u8],
    refresh_token: &str,
) -> Result<Base64, EnrolmentError> {
    check_nonce(nonce)?;
    let message = [nonce, &Sha256::digest(refresh_token)].concat();
    Ok(device_key
        .sign(signing_labels::REFRESH, &message)
        .as_slice()
        .into())
}

/// A key never signs more or less than a challenge.
fn check_nonce(nonce: &[u8]) -> Result<(), EnrolmentError> {
    if nonce.len() == NONCE_LEN {
        Ok(())
    } else {
        Err(EnrolmentError::NonceLength(nonce.len()))
    }
}

fn wrap_for_password(
    vault: &OpenVault,
    export_key: &ExportKey,
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> Base64 {
    WrapKey::from(export_key)
        .wrap(&vault.key, vault.account_id(), rng)
        .into()
}

fn recovery(
    vault: &OpenVault,
    succession_key: &SuccessionSigningKey,
    code: &RecoveryCode,
    rng: &mut (impl CryptoRngCore + ?Sized),
) -> rest::Recovery {
    rest::Recovery {
        public_key: code.public_key().as_slice().into(),
        wrap: code.wrap_key().wrap(&vault.key, vault.account_id(), rng).into(),
        succession_wrap: code
            .wrap_succession_key(succession_key, vault.account_id(), rng)
            .into(),
    }
}

fn random_id(rng: &mut (impl CryptoRngCore + ?Sized)) -> [u8; 16] {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    id
}
