//! Key packages (RFC 9420, section 10): a device publishes them at the server, so that others can add
//! it to groups while it is offline.

use openmls::{
    framing::MlsMessageBodyIn,
    key_packages::{KeyPackage, KeyPackageIn},
    prelude::ProtocolVersion,
};
use sha2::{Digest as _, Sha256};
use subrosa_wire::{AccountId, DeviceId, Timestamp};

use crate::{
    certificate::{CertificateError, DeviceCertificate},
    codec::{self, Malformed},
    crypto::{Crypto, is_hpke_public_key},
    rules::{self, PolicyError},
    suite::CIPHERSUITE,
    tree_keys,
};

/// Why a key package is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyPackageError {
    /// The bytes are not a key package.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The suite is not ours.
    #[error("the key package has suite {0:#06x}")]
    Suite(u16),
    /// A signature is wrong, or the key package breaks a rule of RFC 9420.
    #[error("the key package does not verify: {0}")]
    Invalid(String),
    /// Its leaf breaks one of our rules, or its certificate is refused.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It is of another account: somebody swapped it.
    #[error("the key package is of account {found}, not of {expected}")]
    WrongAccount {
        /// The account that was expected.
        expected: AccountId,
        /// The account of the key package.
        found: AccountId,
    },
    /// It is of another device of the account.
    #[error("the key package is of device {found}, not of {expected}")]
    WrongDevice {
        /// The device that uploads.
        expected: DeviceId,
        /// The device of the key package.
        found: DeviceId,
    },
}

impl KeyPackageError {
    /// Whether the key package is genuine, but its certificate is not valid now: it is too old, or a clock is wrong.
    pub fn is_out_of_time(&self) -> bool {
        matches!(
            self,
            Self::Policy(PolicyError::Certificate(
                CertificateError::NotYetValid { .. } | CertificateError::Expired { .. }
            ))
        )
    }
}

/// A key package whose signatures, certificate and leaf have been checked.
#[derive(Clone)]
pub struct VerifiedKeyPackage {
    pub(crate) key_package: KeyPackage,
    certificate: DeviceCertificate,
}

impl VerifiedKeyPackage {
    /// The certificate of the device.
    pub fn certificate(&self) -> &DeviceCertificate {
        &self.certificate
    }

    /// The device.
    pub fn device_id(&self) -> DeviceId {
        self.certificate.device_id()
    }

    /// Whether it may be used more than once, when no one-time key package is left.
    pub fn is_last_resort(&self) -> bool {
        self.key_package.last_resort()
    }
}

/// The id of a key package in the store: the SHA-256 of its encoding.
pub fn key_package_id(key_package: &[u8]) -> [u8; 32] {
    Sha256::digest(key_package).into()
}

/// The reference of a key package whose signatures are valid.
pub(crate) fn reference(bytes: &[u8]) -> Result<Vec<u8>, KeyPackageError> {
    let MlsMessageBodyIn::KeyPackage(unverified) = codec::message(bytes)? else {
        return Err(Malformed("a key package").into());
    };
    verify_signatures(unverified)?
        .hash_ref(&Crypto)
        .map(|reference| reference.as_slice().to_vec())
        .map_err(|error| KeyPackageError::Invalid(error.to_string()))
}

/// Checks a key package of any device of an account. The certificate must be valid at `now`.
pub fn verify_key_package(
    bytes: &[u8],
    account_id: AccountId,
    now: Timestamp,
) -> Result<VerifiedKeyPackage, KeyPackageError> {
    let MlsMessageBodyIn::KeyPackage(unverified) = codec::message(bytes)? else {
        return Err(Malformed("a key package").into());
    };
    let key_package = verify_signatures(unverified)?;
    if key_package.ciphersuite() != CIPHERSUITE {
        return Err(KeyPackageError::Suite(key_package.ciphersuite().into()));
    }
    if !key_package
        .extensions()
        .iter()
        .all(|extension| rules::key_package_extension_allowed(extension.extension_type()))
    {
        return Err(KeyPackageError::Invalid("an extension that is not known".into()));
    }
    let certificate = rules::certificate_of(key_package.leaf_node())?;
    let found = certificate.claimed_account_id();
    if found != account_id {
        return Err(KeyPackageError::WrongAccount {
            expected: account_id,
            found,
        });
    }
    let certificate = certificate.verify(now).map_err(PolicyError::Certificate)?;
    if !is_hpke_public_key(key_package.hpke_init_key().as_slice()) {
        return Err(PolicyError::InitKey(certificate.device_id()).into());
    }
    tree_keys::check_leaf(key_package.leaf_node(), certificate.device_id())?;
    Ok(VerifiedKeyPackage {
        key_package,
        certificate,
    })
}

/// Checks a key package that a device uploads: it must be its own.
pub fn verify_uploaded_key_package(
    bytes: &[u8],
    account_id: AccountId,
    device_id: DeviceId,
    now: Timestamp,
) -> Result<VerifiedKeyPackage, KeyPackageError> {
    let key_package = verify_key_package(bytes, account_id, now)?;
    let found = key_package.device_id();
    if found != device_id {
        return Err(KeyPackageError::WrongDevice {
            expected: device_id,
            found,
        });
    }
    Ok(key_package)
}

fn verify_signatures(unverified: KeyPackageIn) -> Result<KeyPackage, KeyPackageError> {
    unverified
        .validate(&Crypto, ProtocolVersion::Mls10)
        .map_err(|error| KeyPackageError::Invalid(error.to_string()))
}
