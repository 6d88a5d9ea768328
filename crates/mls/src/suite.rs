//! The cipher suites and private-use code points: nothing else in Subrosa names one.

use openmls::{
    messages::proposals::ProposalType,
    prelude::{Capabilities, Ciphersuite, CredentialType, ExtensionType, ProtocolVersion},
};

/// The suite of every conversation: `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519`, the X-Wing
/// hybrid KEM with AES-256-GCM (draft-ietf-mls-pq-ciphersuites). Confidentiality is post-quantum;
/// signatures are classical Ed25519.
pub const SUITE: u16 = 0x004E;

/// The mandatory suite of RFC 9420, `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`. Every leaf supports
/// it, for interoperability with other implementations, but no conversation is created with it.
pub const CLASSICAL_SUITE: u16 = 0x0001;

/// The credential type of a device certificate, from the private-use range of RFC 9420,
/// section 17.5.
pub const CERTIFICATE_CREDENTIAL: u16 = 0xF0B1;

/// The type of the group context extension that holds the policy, from the private-use range of
/// RFC 9420, section 17.3.
pub const POLICY_EXTENSION: u16 = 0xF0B2;

/// The type of the proposal with which a device leaves (draft-ietf-mls-extensions). Every leaf declares that it supports
/// it.
pub const SELF_REMOVE_PROPOSAL: u16 = 0x000A;

pub(crate) const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
pub(crate) const CLASSICAL_CIPHERSUITE: Ciphersuite =
    Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
/// Length in bytes of what the KEM of [`SUITE`] sends, X-Wing: a ciphertext of ML-KEM-768, then a key of X25519.
pub(crate) const KEM_OUTPUT_LEN: usize = 1088 + 32;
pub(crate) const CREDENTIAL_TYPE: CredentialType = CredentialType::Other(CERTIFICATE_CREDENTIAL);
pub(crate) const POLICY_TYPE: ExtensionType = ExtensionType::Unknown(POLICY_EXTENSION);
pub(crate) const SELF_REMOVE: ProposalType = ProposalType::SelfRemove;

/// The capabilities of a leaf: both suites, our policy extension, our credential, the last-resort key
/// package, and, besides the default proposals, the one to leave.
pub(crate) fn leaf_capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[CIPHERSUITE, CLASSICAL_CIPHERSUITE]),
        Some(&[POLICY_TYPE, ExtensionType::LastResort]),
        Some(&[SELF_REMOVE]),
        Some(&[CREDENTIAL_TYPE]),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use openmls::{
        framing::{MlsMessageIn, ProcessedMessageContent, ProtocolMessage},
        group::{MlsGroup, MlsGroupCreateConfig, StagedWelcome},
        key_packages::KeyPackage,
        prelude::{
            CredentialWithKey,
            tls_codec::{Deserialize as _, Serialize as _},
        },
    };
    use subrosa_test_support::SeededRng;

    use super::*;
    use crate::{
        keys::DeviceSigningKey,
        provider::{MlsSigner, Provider},
        rules,
        store::MemoryStore,
    };

    #[test]
    fn the_constants_are_the_code_points_of_openmls() {
        assert_eq!(u16::from(CIPHERSUITE), SUITE);
        assert_eq!(u16::from(CLASSICAL_CIPHERSUITE), CLASSICAL_SUITE);
        assert_eq!(u16::from(SELF_REMOVE), SELF_REMOVE_PROPOSAL);
    }

    #[test]
    fn every_leaf_says_that_it_can_do_both_suites() {
        let capabilities = leaf_capabilities();
        assert_eq!(
            capabilities.ciphersuites(),
            [CIPHERSUITE.into(), CLASSICAL_CIPHERSUITE.into()]
        );
    }

    #[test]
    fn every_leaf_says_that_it_can_read_how_a_member_leaves() {
        assert_eq!(leaf_capabilities().proposals(), [SELF_REMOVE]);
    }

    #[test]
    fn a_group_works_with_either_suite() {
        for suite in [CIPHERSUITE, CLASSICAL_CIPHERSUITE] {
            two_members_talk(suite);
        }
    }

    /// Our provider, storage, signer and capabilities with OpenMLS's own groups.
    fn two_members_talk(suite: Ciphersuite) {
        let (store, other_store) = (MemoryStore::new(), MemoryStore::new());
        let (mut rng, mut other_rng) = (SeededRng::new(1), SeededRng::new(2));
        let provider = Provider::new(&store, &mut rng);
        let other_provider = Provider::new(&other_store, &mut other_rng);
        let (key, other_key) = (
            DeviceSigningKey::from_seed([1; 32]),
            DeviceSigningKey::from_seed([2; 32]),
        );
        let credential = |key: &DeviceSigningKey| CredentialWithKey {
            credential: openmls::prelude::Credential::new(CREDENTIAL_TYPE, b"a device".to_vec()),
            signature_key: key.public().as_bytes().to_vec().into(),
        };
        let key_package = KeyPackage::builder()
            .key_package_lifetime(rules::lifetime())
            .leaf_node_capabilities(leaf_capabilities())
            .build(
                suite,
                &other_provider,
                &MlsSigner(&other_key),
                credential(&other_key),
            )
            .unwrap()
            .into_key_package();

        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite)
            .capabilities(leaf_capabilities())
            .lifetime(rules::lifetime())
            .use_ratchet_tree_extension(true)
            .build();
        let signer = MlsSigner(&key);
        let mut group = MlsGroup::new_with_group_id(
            &provider,
            &signer,
            &config,
            openmls::group::GroupId::from_slice(&[7; 16]),
            credential(&key),
        )
        .unwrap();
        let (_, welcome, _) = group.add_members(&provider, &signer, &[key_package]).unwrap();
        group.merge_pending_commit(&provider).unwrap();
        let openmls::framing::MlsMessageBodyOut::Welcome(welcome) = welcome.body() else {
            panic!("not a welcome");
        };
        let mut other =
            StagedWelcome::new_from_welcome(&other_provider, config.join_config(), welcome.clone(), None)
                .unwrap()
                .into_group(&other_provider)
                .unwrap();

        let message = group.create_message(&provider, &signer, b"hello").unwrap();
        let message = MlsMessageIn::tls_deserialize_exact(message.tls_serialize_detached().unwrap()).unwrap();
        let message = ProtocolMessage::try_from(message).unwrap();
        let received = other
            .process_message(&other_provider, message)
            .unwrap()
            .into_content();
        let ProcessedMessageContent::ApplicationMessage(message) = received else {
            panic!("not an application message");
        };
        assert_eq!(message.into_bytes(), b"hello");
    }
}
