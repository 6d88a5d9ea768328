//! The device certificate: an account says with its key that a device is its own.
//!
//! The certificate does not carry the account key. Whoever verifies one supplies the key that it
//! pinned, so a certificate never vouches for itself.
//!
//! Layout, [`CERTIFICATE_LEN`] bytes: version (1), account id (16), device id (16), device key
//! (32), not before and not after (8 each, seconds since 1970, big endian), signature (64) of the
//! account key over everything before it.

use subrosa_wire::{AccountId, DeviceId, Timestamp};

use crate::{
    keys::{AccountPublicKey, AccountSigningKey, DevicePublicKey, SIGNATURE_LEN},
    limits::{CERTIFICATE_BACKDATE, CERTIFICATE_VALIDITY},
};

/// Length of an encoded certificate in bytes.
pub const CERTIFICATE_LEN: usize = BODY_LEN + SIGNATURE_LEN;

const VERSION: u8 = 1;
const BODY_LEN: usize = 1 + 16 + 16 + 32 + 8 + 8;
const LABEL: &str = "subrosa device certificate v1";

/// A certificate is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The encoding has the wrong length; bytes after the end count too.
    #[error("a device certificate has {CERTIFICATE_LEN} bytes, not {0}")]
    Length(usize),
    /// The version is not one that this build knows.
    #[error("device certificate version {0} is not known")]
    Version(u8),
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

/// A certificate whose signature has been checked against the account key that the verifier
/// supplied. The only ways to one are [`DeviceCertificate::issue`] and the `verify` functions of
/// [`UnverifiedCertificate`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceCertificate(UnverifiedCertificate);

/// A certificate that has been decoded and nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnverifiedCertificate {
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
        account_id: AccountId,
        device_id: DeviceId,
        device_key: DevicePublicKey,
        now: Timestamp,
    ) -> Self {
        let mut certificate = UnverifiedCertificate {
            account_id,
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

    /// The same certificate, to be verified once more against another key or clock.
    pub fn into_unverified(self) -> UnverifiedCertificate {
        self.0
    }
}

impl UnverifiedCertificate {
    /// Decodes a certificate, strictly: one version, one length, keys that are keys.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        let encoded: &[u8; CERTIFICATE_LEN] = bytes
            .try_into()
            .map_err(|_| CertificateError::Length(bytes.len()))?;
        let mut reader = Reader(encoded);
        let [version] = reader.take();
        if version != VERSION {
            return Err(CertificateError::Version(version));
        }
        let certificate = Self {
            account_id: AccountId::from_bytes(reader.take()),
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

    /// The account that is claimed to own the device: use it to find the key to verify with.
    pub fn claimed_account_id(&self) -> AccountId {
        self.account_id
    }

    pub(crate) fn claimed_device_id(&self) -> DeviceId {
        self.device_id
    }

    pub(crate) fn claimed_device_key(&self) -> DevicePublicKey {
        self.device_key
    }

    /// For a leaf of a group whose leaves were all verified when they entered.
    pub(crate) fn assume_verified(self) -> DeviceCertificate {
        DeviceCertificate(self)
    }

    /// Checks the signature and that `now` lies in the validity: for a device that enters
    /// something (a directory, a group).
    pub fn verify(
        self,
        key: &AccountPublicKey,
        now: Timestamp,
    ) -> Result<DeviceCertificate, CertificateError> {
        let certificate = self.verify_signature(key)?;
        let now = now.as_secs();
        let (not_before, not_after) = (
            certificate.not_before().as_secs(),
            certificate.not_after().as_secs(),
        );
        if now < not_before {
            return Err(CertificateError::NotYetValid { not_before, now });
        }
        if now >= not_after {
            return Err(CertificateError::Expired { not_after, now });
        }
        Ok(certificate)
    }

    /// Checks the signature alone: for a device that is already in a group. A certificate has to
    /// be valid when its leaf enters; a conversation does not fall apart when it expires later.
    pub fn verify_signature(self, key: &AccountPublicKey) -> Result<DeviceCertificate, CertificateError> {
        key.verify(LABEL, &self.body(), &self.signature)
            .map_err(|_| CertificateError::Signature)?;
        Ok(DeviceCertificate(self))
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(CERTIFICATE_LEN);
        body.push(VERSION);
        body.extend_from_slice(self.account_id.as_bytes());
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
    /// The next `N` bytes; zeroes past the end, which the fixed length of a certificate rules out.
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
