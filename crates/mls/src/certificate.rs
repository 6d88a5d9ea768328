//! The device certificate: an account's signature over a device that belongs to it.
//!
//! The certificate carries the keys of the account, from which the account id is made (see
//! [`AccountIdentity`]). If it verifies, the device belongs to the account with this id. A verifier
//! compares that id with the one it expects and does not need to know a key beforehand.
//!
//! Layout, [`CERTIFICATE_LEN`] bytes: version (1), account key (32), SHA-256 of the succession key
//! (32), device id (16), device key (32), not before and not after (8 each, seconds since 1970, big
//! endian), signature (64) of the account key over everything before it.

use subrosa_wire::{AccountId, DeviceId, Timestamp, ids::ID_LEN};

use crate::{
    account::{AccountIdentity, SUCCESSION_KEY_HASH_LEN, SuccessionKeyHash},
    keys::{AccountPublicKey, AccountSigningKey, DevicePublicKey, KEY_LEN, SIGNATURE_LEN},
    limits::{CERTIFICATE_BACKDATE, CERTIFICATE_VALIDITY},
};

/// Length of an encoded certificate in bytes.
pub const CERTIFICATE_LEN: usize = BODY_LEN + SIGNATURE_LEN;

const VERSION: u8 = 2;
const BODY_LEN: usize = 1 + KEY_LEN + SUCCESSION_KEY_HASH_LEN + ID_LEN + KEY_LEN + 8 + 8;
const LABEL: &str = "subrosa device certificate v2";

/// Why a certificate is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The encoding has the wrong length, which includes bytes after the end.
    #[error("a device certificate has {CERTIFICATE_LEN} bytes, not {0}")]
    Length(usize),
    /// This build does not know the version.
    #[error("device certificate version {0} is not known")]
    Version(u8),
    /// The account key is not an Ed25519 public key.
    #[error("the account key in the certificate is not a key")]
    AccountKey,
    /// The device key is not an Ed25519 public key.
    #[error("the device key in the certificate is not a key")]
    DeviceKey,
    /// The validity ends before it begins, or cannot be written as an instant.
    #[error("the validity of the device certificate is not a span of time")]
    Validity,
    /// The account key did not sign this.
    #[error("the device certificate is not signed by the account key")]
    Signature,
    /// The validity has not begun.
    #[error("the device certificate is not valid before second {not_before}, now is {now}")]
    NotYetValid {
        /// Start of the validity, seconds since 1970.
        not_before: u64,
        /// The verifier's clock, seconds since 1970.
        now: u64,
    },
    /// The validity is over.
    #[error("the device certificate was valid until second {not_after}, now is {now}")]
    Expired {
        /// End of the validity, seconds since 1970.
        not_after: u64,
        /// The verifier's clock, seconds since 1970.
        now: u64,
    },
}

/// A certificate whose signature has been checked: the device belongs to the account
/// [`account_id`](Self::account_id). It can only be made by [`DeviceCertificate::issue`] and the
/// `verify` functions of [`UnverifiedCertificate`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceCertificate(UnverifiedCertificate);

/// A certificate that has been decoded but not verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnverifiedCertificate {
    account: AccountIdentity,
    // Computed from `account` once, because it is compared often.
    account_id: AccountId,
    device_id: DeviceId,
    device_key: DevicePublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
    signature: [u8; SIGNATURE_LEN],
}

impl DeviceCertificate {
    /// Certifies a device, valid from [`CERTIFICATE_BACKDATE`] before `now` until
    /// [`CERTIFICATE_VALIDITY`] after it.
    pub fn issue(
        key: &AccountSigningKey,
        succession_key_hash: SuccessionKeyHash,
        device_id: DeviceId,
        device_key: DevicePublicKey,
        now: Timestamp,
    ) -> Self {
        let account = AccountIdentity {
            account_key: key.public(),
            succession_key_hash,
        };
        let mut certificate = UnverifiedCertificate {
            account,
            account_id: account.account_id(),
            device_id,
            device_key,
            not_before: whole_seconds(now.minus(CERTIFICATE_BACKDATE)),
            not_after: whole_seconds(now.plus(CERTIFICATE_VALIDITY)),
            signature: [0; SIGNATURE_LEN],
        };
        certificate.signature = key.sign(LABEL, &certificate.body());
        Self(certificate)
    }

    /// Decodes a certificate, strictly. The result proves nothing yet.
    pub fn decode(bytes: &[u8]) -> Result<UnverifiedCertificate, CertificateError> {
        UnverifiedCertificate::decode(bytes)
    }

    /// The encoding, byte for byte what was decoded.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }

    /// The account that owns the device.
    pub fn account_id(&self) -> AccountId {
        self.0.account_id
    }

    /// The keys that the account id commits to.
    pub fn account(&self) -> AccountIdentity {
        self.0.account
    }

    /// The device.
    pub fn device_id(&self) -> DeviceId {
        self.0.device_id
    }

    /// The signature key of the device.
    pub fn device_key(&self) -> DevicePublicKey {
        self.0.device_key
    }

    /// Start of the validity, inclusive, in whole seconds.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// End of the validity, exclusive, in whole seconds.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Checks that the certificate is valid at `now`.
    pub(crate) fn check_validity(&self, now: Timestamp) -> Result<(), CertificateError> {
        let now = now.as_secs();
        let (not_before, not_after) = (self.not_before().as_secs(), self.not_after().as_secs());
        if now < not_before {
            return Err(CertificateError::NotYetValid { not_before, now });
        }
        if now >= not_after {
            return Err(CertificateError::Expired { not_after, now });
        }
        Ok(())
    }

    /// The same certificate, to be verified again at another time.
    pub fn into_unverified(self) -> UnverifiedCertificate {
        self.0
    }
}

impl UnverifiedCertificate {
    /// Decodes a certificate strictly: version, length and keys must be valid.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        let encoded: &[u8; CERTIFICATE_LEN] = bytes
            .try_into()
            .map_err(|_| CertificateError::Length(bytes.len()))?;
        let mut reader = Reader(encoded);
        let [version] = reader.take();
        if version != VERSION {
            return Err(CertificateError::Version(version));
        }
        let account = AccountIdentity {
            account_key: AccountPublicKey::from_bytes(&reader.take())
                .map_err(|_| CertificateError::AccountKey)?,
            succession_key_hash: SuccessionKeyHash::from_bytes(reader.take()),
        };
        let certificate = Self {
            account,
            account_id: account.account_id(),
            device_id: DeviceId::from_bytes(reader.take()),
            device_key: DevicePublicKey::from_bytes(&reader.take())
                .map_err(|_| CertificateError::DeviceKey)?,
            not_before: instant(reader.take())?,
            not_after: instant(reader.take())?,
            signature: reader.take(),
        };
        if certificate.not_before >= certificate.not_after {
            return Err(CertificateError::Validity);
        }
        Ok(certificate)
    }

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// The account that is claimed to own the device.
    pub fn claimed_account_id(&self) -> AccountId {
        self.account_id
    }

    pub(crate) fn claimed_device_id(&self) -> DeviceId {
        self.device_id
    }

    pub(crate) fn claimed_device_key(&self) -> DevicePublicKey {
        self.device_key
    }

    /// Skips verification, for a leaf of a group whose leaves were all verified when they entered.
    pub(crate) fn assume_verified(self) -> DeviceCertificate {
        DeviceCertificate(self)
    }

    /// Checks the signature and that the certificate is valid at `now`, for a device that enters a
    /// directory or a group.
    pub fn verify(self, now: Timestamp) -> Result<DeviceCertificate, CertificateError> {
        let certificate = self.verify_signature()?;
        certificate.check_validity(now)?;
        Ok(certificate)
    }

    /// Checks only the signature, for a device that is already in a group. A certificate must be
    /// valid when its leaf enters. If it expires later, the conversation goes on.
    pub fn verify_signature(self) -> Result<DeviceCertificate, CertificateError> {
        self.account
            .account_key
            .verify(LABEL, &self.body(), &self.signature)
            .map_err(|_| CertificateError::Signature)?;
        Ok(DeviceCertificate(self))
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(CERTIFICATE_LEN);
        body.push(VERSION);
        body.extend_from_slice(self.account.account_key.as_bytes());
        body.extend_from_slice(self.account.succession_key_hash.as_bytes());
        body.extend_from_slice(self.device_id.as_bytes());
        body.extend_from_slice(self.device_key.as_bytes());
        body.extend_from_slice(&self.not_before.as_secs().to_be_bytes());
        body.extend_from_slice(&self.not_after.as_secs().to_be_bytes());
        body
    }
}

/// Cuts fixed pieces off the front of an encoding of fixed length.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// Takes the next `N` bytes. Past the end they are zeroes, but the fixed length rules that out.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((piece, rest)) => {
                self.0 = rest;
                *piece
            }
            None => [0; N],
        }
    }
}

fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_millis(instant.as_secs() * 1000)
}

fn instant(seconds: [u8; 8]) -> Result<Timestamp, CertificateError> {
    u64::from_be_bytes(seconds)
        .checked_mul(1000)
        .map(Timestamp::from_millis)
        .ok_or(CertificateError::Validity)
}
