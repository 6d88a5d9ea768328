//! The OPAQUE suite (RFC 9807) that client and server have agreed on.
//!
//! ristretto255 with SHA-512 for the oblivious function and the key exchange (3DH), and Argon2id as the key
//! stretching function on the client. The server sees none of the inputs.

use opaque_ke::{Ristretto255, TripleDh, argon2::Argon2};

/// The one OPAQUE suite. Argon2id runs with this crate's defaults: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy)]
pub struct PasswordSuite;

impl opaque_ke::CipherSuite for PasswordSuite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = Argon2<'static>;
}

/// The server's identity in the OPAQUE key exchange (RFC 9807, section 4); the client's is its handle.
pub const SERVER_IDENTITY: &[u8] = b"subrosa";
