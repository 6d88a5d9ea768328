//! The provider for OpenMLS: the cryptography of our suites, and the caller's random source and store.

use std::cell::RefCell;

use openmls_traits::{
    OpenMlsProvider,
    random::OpenMlsRand,
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use rand_core::CryptoRngCore;

use crate::{
    crypto::Crypto,
    keys::DeviceSigningKey,
    storage::Storage,
    store::{KeyValue, KeyValueError},
};

/// A failure that no peer is to blame for. Roll the transaction back, drop the group and load it
/// again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MlsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] KeyValueError),
    /// Stored state cannot be decoded: the database is corrupt or of another version.
    #[error("stored MLS state cannot be read: {0}")]
    Corrupt(String),
    /// OpenMLS refused our call, which is our bug.
    #[error("the MLS library refused: {0}")]
    Internal(String),
}

pub(crate) struct Provider<'a> {
    random: Random<'a>,
    storage: Storage<'a>,
}

/// A provider with the random source of another.
pub(crate) struct OtherStore<'a, 'r> {
    random: &'a Random<'r>,
    storage: Storage<'a>,
}

impl<'a> Provider<'a> {
    pub(crate) fn new(store: &'a dyn KeyValue, rng: &'a mut dyn CryptoRngCore) -> Self {
        Self {
            random: Random(RefCell::new(rng)),
            storage: Storage::new(store),
        }
    }

    /// The error that really occurred: that of the store, if it failed, whatever OpenMLS reports.
    pub(crate) fn store_failure(&self) -> Option<MlsError> {
        store_failure(&self.storage)
    }

    /// Converts an error of OpenMLS that no peer can cause.
    pub(crate) fn internal(&self, error: impl std::fmt::Display) -> MlsError {
        internal(&self.storage, error)
    }

    /// A provider for a group that is not to be stored yet.
    pub(crate) fn with_store<'b>(&'b self, store: &'b dyn KeyValue) -> OtherStore<'b, 'a> {
        OtherStore {
            random: &self.random,
            storage: Storage::new(store),
        }
    }
}

impl OtherStore<'_, '_> {
    /// Like [`Provider::internal`].
    pub(crate) fn internal(&self, error: impl std::fmt::Display) -> MlsError {
        internal(&self.storage, error)
    }
}

fn internal(storage: &Storage<'_>, error: impl std::fmt::Display) -> MlsError {
    store_failure(storage).unwrap_or_else(|| MlsError::Internal(error.to_string()))
}

fn store_failure(storage: &Storage<'_>) -> Option<MlsError> {
    use crate::storage::StorageError;

    storage.take_failure().map(|failure| match failure {
        StorageError::Store(error) => MlsError::Store(error),
        error @ (StorageError::Codec(_) | StorageError::GroupId) => MlsError::Corrupt(error.to_string()),
    })
}

impl<'a, 'r> OpenMlsProvider for OtherStore<'a, 'r> {
    type CryptoProvider = Crypto;
    type RandProvider = Random<'r>;
    type StorageProvider = Storage<'a>;

    fn storage(&self) -> &Storage<'a> {
        &self.storage
    }

    fn crypto(&self) -> &Crypto {
        &Crypto
    }

    fn rand(&self) -> &Random<'r> {
        self.random
    }
}

impl<'a> OpenMlsProvider for Provider<'a> {
    type CryptoProvider = Crypto;
    type RandProvider = Random<'a>;
    type StorageProvider = Storage<'a>;

    fn storage(&self) -> &Storage<'a> {
        &self.storage
    }

    fn crypto(&self) -> &Crypto {
        &Crypto
    }

    fn rand(&self) -> &Random<'a> {
        &self.random
    }
}

/// The caller's random source. HPKE encapsulation has its own: see [`crate::crypto`].
pub(crate) struct Random<'a>(RefCell<&'a mut dyn CryptoRngCore>);

/// The caller's random source failed.
#[derive(Debug, thiserror::Error)]
#[error("the random source failed")]
pub(crate) struct RandomFailed;

impl OpenMlsRand for Random<'_> {
    type Error = RandomFailed;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], RandomFailed> {
        let mut bytes = [0; N];
        self.0
            .borrow_mut()
            .try_fill_bytes(&mut bytes)
            .map_err(|_| RandomFailed)?;
        Ok(bytes)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, RandomFailed> {
        let mut bytes = vec![0; len];
        self.0
            .borrow_mut()
            .try_fill_bytes(&mut bytes)
            .map_err(|_| RandomFailed)?;
        Ok(bytes)
    }
}

/// A device key behind the signer trait of OpenMLS.
pub(crate) struct MlsSigner<'a>(pub(crate) &'a DeviceSigningKey);

impl Signer for MlsSigner<'_> {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign_mls(payload))
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
