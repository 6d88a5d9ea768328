//! The secret of a server from which what only it may recognise is derived. It is stored in the database, so that a copy
//! that is put back recognises what was given out since.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    random,
    store::{Store, StoreError},
};

/// Under this name it is stored, after its first use. It is as old as the table, so that every copy of a database has it.
const NAME: &str = "first_refresh_tokens_v1";
const DERIVED_LEN: usize = 32;

/// The secret.
pub(crate) struct RootSecret(Zeroizing<Vec<u8>>);

impl RootSecret {
    /// Loads it, and makes it the first time.
    pub(crate) async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let fresh = Zeroizing::new(random::bytes::<32>().to_vec());
        Ok(Self(store.server_secret(NAME, fresh).await?))
    }

    #[cfg(test)]
    pub(crate) fn of(byte: u8) -> Self {
        Self(Zeroizing::new(vec![byte; 32]))
    }

    /// HKDF-Expand-SHA-256 (RFC 5869) of it. The first part of `info` says what for.
    pub(crate) fn derive(&self, info: &[&[u8]]) -> Zeroizing<[u8; DERIVED_LEN]> {
        let mut bytes = Zeroizing::new([0; DERIVED_LEN]);
        // HKDF fails beyond 255 blocks only, and this is one.
        let _ = Hkdf::<Sha256>::new(None, &self.0).expand_multi_info(info, bytes.as_mut_slice());
        bytes
    }
}
