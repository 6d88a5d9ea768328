//! The cipher suites and private-use code points: nothing else in Subrosa names one.

use openmls::prelude::{Capabilities, Ciphersuite, CredentialType, ExtensionType, ProtocolVersion};

/// The suite of every conversation: `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519`, the X-Wing
/// hybrid KEM with AES-256-GCM (draft-ietf-mls-pq-ciphersuites). Confidentiality is post-quantum;
/// signatures are classical Ed25519.
pub const SUITE: u16 = 0x004E;

/// The suite that RFC 9420 makes mandatory, `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`: every
/// leaf can do it, so that other implementations can be spoken to. No conversation is created
/// with it.
pub const CLASSICAL_SUITE: u16 = 0x0001;

/// The credential type of a device certificate, from the private-use range of RFC 9420,
/// section 17.5.
pub const CERTIFICATE_CREDENTIAL: u16 = 0xF0B1;

/// The type of the group context extension that holds the policy, from the private-use range of
/// RFC 9420, section 17.3.
pub const POLICY_EXTENSION: u16 = 0xF0B2;

pub(crate) const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
pub(crate) const CLASSICAL_CIPHERSUITE: Ciphersuite =
    Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
/// Length in bytes of an external public key of [`SUITE`]: an X-Wing encapsulation key.
pub(crate) const EXTERNAL_PUB_LEN: usize = 1216;
pub(crate) const CREDENTIAL_TYPE: CredentialType = CredentialType::Other(CERTIFICATE_CREDENTIAL);
pub(crate) const POLICY_TYPE: ExtensionType = ExtensionType::Unknown(POLICY_EXTENSION);

/// What a leaf of Subrosa says that it can do: both suites, our policy extension, our credential,
/// the last-resort key package, and no proposal beyond the default ones.
pub(crate) fn leaf_capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[CIPHERSUITE, CLASSICAL_CIPHERSUITE]),
        Some(&[POLICY_TYPE, ExtensionType::LastResort]),
        Some(&[]),
        Some(&[CREDENTIAL_TYPE]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_code_points_of_the_suites() {
        assert_eq!(u16::from(CIPHERSUITE), SUITE);
        assert_eq!(u16::from(CLASSICAL_CIPHERSUITE), CLASSICAL_SUITE);
    }
}
