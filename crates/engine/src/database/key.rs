//! The key of the database: random, so SQLCipher uses it as it is.

use std::fmt::Write as _;

use rand_core::CryptoRngCore;
use rusqlite::Connection;
use zeroize::Zeroizing;

use super::DatabaseError;

/// Length of a key in bytes.
const DATABASE_KEY_LEN: usize = 32;

/// The key of a database. Zeroized when dropped.
pub struct DatabaseKey(Zeroizing<[u8; DATABASE_KEY_LEN]>);

impl DatabaseKey {
    /// Generates a random key.
    pub fn generate(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        let mut bytes = Zeroizing::new([0; DATABASE_KEY_LEN]);
        rng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// The key with these bytes.
    pub fn from_bytes(bytes: [u8; DATABASE_KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes of the key, to be kept where the platform keeps secrets.
    pub fn as_bytes(&self) -> &[u8; DATABASE_KEY_LEN] {
        &self.0
    }

    /// Sets the key of a new connection. It is passed as a raw key, so there is no slow derivation.
    pub(super) fn give_to(&self, connection: &Connection) -> Result<(), DatabaseError> {
        // With enough capacity, so that no reallocation leaves a copy behind.
        let mut statement = Zeroizing::new(String::with_capacity(128));
        statement.push_str("PRAGMA key = \"x'");
        for byte in self.0.iter() {
            // Writing to a String cannot fail.
            let _ = write!(statement, "{byte:02x}");
        }
        statement.push_str("'\"");
        connection
            .execute_batch(&statement)
            .map_err(|_| DatabaseError::NoCipher)
    }
}
