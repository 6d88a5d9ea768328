//! The Ed25519 keys: an account's, which certifies devices; its succession key, which outranks that; a
//! device's, which signs MLS; and an invite link's, which signs for whoever comes by it.
//!
//! Every signature made here covers a label, so that a signature given for one purpose never
//! passes for another, least of all for one of MLS.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand_core::CryptoRngCore;

/// Length of a seed and of a public key in bytes.
pub const KEY_LEN: usize = 32;

/// Length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// Bytes are not a public key: not a point of the curve, or one of small order, with which one
/// signature would pass for many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are not an Ed25519 public key")]
pub struct InvalidPublicKey;

/// A signature does not match the key, the label and the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid")]
pub struct InvalidSignature;

macro_rules! signing_key {
    ($(#[$doc:meta])* $name:ident, $public:ident) => {
        $(#[$doc])*
        ///
        /// Zeroized when dropped.
        pub struct $name(SigningKey);

        impl $name {
            /// Generates a key.
            pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
                let mut seed = zeroize::Zeroizing::new([0; KEY_LEN]);
                rng.fill_bytes(seed.as_mut());
                Self(SigningKey::from_bytes(&seed))
            }

            /// The key of a stored seed (RFC 8032, section 5.1.5). Every seed is valid.
            pub fn from_seed(seed: [u8; KEY_LEN]) -> Self {
                let seed = zeroize::Zeroizing::new(seed);
                Self(SigningKey::from_bytes(&seed))
            }

            /// The secret seed, to be stored encrypted.
            pub fn seed(&self) -> &[u8; KEY_LEN] {
                self.0.as_bytes()
            }

            /// The public half.
            pub fn public(&self) -> $public {
                $public(self.0.verifying_key())
            }

            /// Signs `message` for the purpose that `label` names, for example
            /// `"refresh challenge v1"`.
            pub fn sign(&self, label: &'static str, message: &[u8]) -> [u8; SIGNATURE_LEN] {
                self.0.sign(&labelled(label, message)).to_bytes()
            }
        }
    };
}

macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(VerifyingKey);

        impl $name {
            /// The key with these bytes.
            pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Result<Self, InvalidPublicKey> {
                match VerifyingKey::from_bytes(bytes) {
                    Ok(key) if !key.is_weak() => Ok(Self(key)),
                    _ => Err(InvalidPublicKey),
                }
            }

            /// The bytes of the key.
            pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
                self.0.as_bytes()
            }

            /// Checks a signature made by `sign` with the same label, strictly: no other encoding
            /// of the signature passes (RFC 8032, section 5.1.7, without cofactor).
            pub fn verify(
                &self,
                label: &'static str,
                message: &[u8],
                signature: &[u8; SIGNATURE_LEN],
            ) -> Result<(), InvalidSignature> {
                self.0
                    .verify_strict(&labelled(label, message), &Signature::from_bytes(signature))
                    .map_err(|_| InvalidSignature)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidPublicKey;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
                Self::from_bytes(bytes.try_into().map_err(|_| InvalidPublicKey)?)
            }
        }

        /// The first four bytes in hexadecimal: enough to tell keys apart in a log.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                for byte in &self.as_bytes()[..4] {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str("…)")
            }
        }
    };
}

signing_key! {
    /// The long-lived key of an account. Anyone who holds it can certify devices.
    AccountSigningKey, AccountPublicKey
}
public_key! {
    /// The public half of an [`AccountSigningKey`]. The account id commits to it, see
    /// [`AccountIdentity`](crate::AccountIdentity).
    AccountPublicKey
}
signing_key! {
    /// The key that outranks the account key, in case that is compromised. Only the recovery code opens
    /// its seed.
    SuccessionSigningKey, SuccessionPublicKey
}
public_key! {
    /// The public half of a [`SuccessionSigningKey`]. Others see only its hash until it is used.
    SuccessionPublicKey
}
signing_key! {
    /// The key of one device: the signature key of its MLS leaves.
    DeviceSigningKey, DevicePublicKey
}
public_key! {
    /// The public half of a [`DeviceSigningKey`], named by the device's certificate.
    DevicePublicKey
}

signing_key! {
    /// The key of an invite link, which everybody has who has the link.
    LinkSigningKey, LinkPublicKey
}
public_key! {
    /// The public half of a [`LinkSigningKey`], in the policy of its group.
    LinkPublicKey
}

impl DeviceSigningKey {
    /// Signs bytes that MLS has already labelled (RFC 9420, section 5.1.2).
    pub(crate) fn sign_mls(&self, payload: &[u8]) -> Vec<u8> {
        self.0.sign(payload).to_bytes().to_vec()
    }
}

/// What is signed or hashed: the length of the label as eight bytes, the label, the message.
///
/// MLS signs a label of non-zero length with its length first, in one byte for every label of
/// RFC 9420. The first byte here is zero, so neither can be taken for the other.
pub(crate) fn labelled(label: &'static str, message: &[u8]) -> Vec<u8> {
    let label_len = label.len() as u64;
    let mut input = Vec::with_capacity(8 + label.len() + message.len());
    input.extend_from_slice(&label_len.to_be_bytes());
    input.extend_from_slice(label.as_bytes());
    input.extend_from_slice(message);
    input
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_label_and_message_only() {
        let key = DeviceSigningKey::from_seed([7; 32]);
        let signature = key.sign("refresh challenge v1", b"nonce");
        let public = key.public();
        assert_eq!(
            public.verify("refresh challenge v1", b"nonce", &signature),
            Ok(())
        );
        assert_eq!(
            public.verify("refresh challenge v2", b"nonce", &signature),
            Err(InvalidSignature)
        );
        assert_eq!(
            public.verify("refresh challenge v1", b"nonc", &signature),
            Err(InvalidSignature)
        );
        let other = DeviceSigningKey::from_seed([8; 32]).public();
        assert_eq!(
            other.verify("refresh challenge v1", b"nonce", &signature),
            Err(InvalidSignature)
        );
    }

    #[test]
    fn a_labelled_signature_is_stable() {
        let signature = AccountSigningKey::from_seed([1; 32]).sign("subrosa test v1", b"message");
        assert_eq!(
            hex::encode(signature),
            "268f6d5e1ca50e01c9187ff9cad887e3111f91803fb7690ddf77df13be139419\
             bc383a5ae61da3adf695c31652d8feb03b9e4d9176b56592d6ab3c7099100005"
        );
    }

    #[test]
    fn points_of_small_order_and_non_points_are_not_keys() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(AccountPublicKey::from_bytes(&identity), Err(InvalidPublicKey));
        assert_eq!(AccountPublicKey::from_bytes(&[0; 32]), Err(InvalidPublicKey));
        assert_eq!(DevicePublicKey::from_bytes(&[2; 32]), Err(InvalidPublicKey));
        assert_eq!(
            DevicePublicKey::try_from([0; 31].as_slice()),
            Err(InvalidPublicKey)
        );
        let key = AccountSigningKey::from_seed([1; 32]).public();
        assert_eq!(AccountPublicKey::from_bytes(key.as_bytes()).unwrap(), key);
    }

    #[test]
    fn debug_shows_four_bytes_of_a_public_key() {
        let key = AccountSigningKey::from_seed([1; 32]).public();
        assert_eq!(format!("{key:?}"), "AccountPublicKey(8a88e3dd…)");
    }
}
