//! Secret keys: zeroized on drop, compared in constant time, never shown.

use hkdf::Hkdf;
use rand_core::CryptoRngCore;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Length of every symmetric key in bytes.
pub(crate) const SECRET_LEN: usize = 32;

macro_rules! secret_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<[u8; SECRET_LEN]>);

        impl $name {
            /// A new random key.
            pub fn generate(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
                let mut bytes = Zeroizing::new([0; SECRET_LEN]);
                rng.fill_bytes(bytes.as_mut());
                Self(bytes)
            }

            /// The key with these bytes.
            pub fn from_bytes(bytes: [u8; SECRET_LEN]) -> Self {
                Self(Zeroizing::new(bytes))
            }

            /// The bytes of the key, to be stored encrypted.
            pub fn as_bytes(&self) -> &[u8; SECRET_LEN] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(other.0.as_slice()).into()
            }
        }

        impl Eq for $name {}
    };
}

secret_key! {
    /// Seals the vault. It is random, and itself sealed once for each way to open the vault, so that a new
    /// password does not change it.
    VaultKey
}
secret_key! {
    /// Encrypts the backup of messages.
    BackupKey
}
secret_key! {
    /// Encrypts what others may see of the account's profile.
    ProfileKey
}

/// Derives 32 bytes for one purpose: HKDF-SHA-256 (RFC 5869) without salt, the label as info.
pub(crate) fn derive(secret: &[u8], label: &'static str) -> Zeroizing<[u8; SECRET_LEN]> {
    let mut derived = Zeroizing::new([0; SECRET_LEN]);
    // HKDF-SHA-256 gives up to 255 × 32 bytes.
    #[expect(clippy::expect_used, reason = "32 bytes are within what HKDF can give")]
    Hkdf::<Sha256>::new(None, secret)
        .expand(label.as_bytes(), derived.as_mut())
        .expect("32 bytes are a valid length");
    derived
}
