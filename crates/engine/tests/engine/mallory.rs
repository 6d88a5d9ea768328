//! A member's device that follows no rules: plain OpenMLS in a group of [`Other`]s.

use ed25519_dalek::{Signer as _, SigningKey};
use openmls::{
    framing::{MlsMessageBodyIn, MlsMessageIn, MlsMessageOut},
    group::{MlsGroup, MlsGroupJoinConfig, PURE_PLAINTEXT_WIRE_FORMAT_POLICY},
    messages::proposals::ProposalType,
    prelude::{
        Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, ExtensionType,
        LeafNodeIndex, LeafNodeParameters, ProtocolVersion, RatchetTreeIn,
        tls_codec::{Deserialize as _, Serialize as _},
    },
};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::{
    OpenMlsProvider as _,
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use subrosa_mls::{CERTIFICATE_CREDENTIAL, LogClaim, POLICY_EXTENSION};
use subrosa_wire::{
    DeviceId,
    frames::{LogEntry, log_entry::Payload},
};

use crate::others::Other;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

struct RawSigner(SigningKey);

impl Signer for RawSigner {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// The device, in the group.
pub(crate) struct Mallory {
    pub id: DeviceId,
    provider: OpenMlsRustCrypto,
    signer: RawSigner,
    group: MlsGroup,
}

impl Mallory {
    /// Enters as another device of this person. Also returns the entry of its commit.
    pub(crate) fn enter(other: &mut Other) -> (Self, LogEntry) {
        let identity = other.sibling();
        let signer = RawSigner(SigningKey::from_bytes(identity.signing_key.seed()));
        let provider = OpenMlsRustCrypto::default();
        let state = other.group_state();
        let MlsMessageBodyIn::GroupInfo(group_info) = MlsMessageIn::tls_deserialize_exact(&state.group_info)
            .unwrap()
            .extract()
        else {
            panic!("not a group info")
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .build();
        let credential = CredentialWithKey {
            credential: Credential::new(
                CredentialType::Other(CERTIFICATE_CREDENTIAL),
                identity.certificate.encode(),
            ),
            signature_key: signer.0.verifying_key().to_bytes().to_vec().into(),
        };
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(RatchetTreeIn::tls_deserialize_exact(&state.ratchet_tree).unwrap())
            .with_config(config)
            .with_aad(LogClaim::of_no_place(1).encode().to_vec())
            .build_group(&provider, group_info, credential)
            .unwrap()
            .leaf_node_parameters(
                LeafNodeParameters::builder()
                    .with_capabilities(capabilities())
                    .build(),
            )
            .load_psks(provider.storage())
            .unwrap()
            .build(provider.rand(), provider.crypto(), &signer, |_| true)
            .unwrap()
            .finalize(&provider)
            .unwrap();
        let (commit, _, _) = bundle.into_messages();
        let id = identity.certificate.device_id();
        let entry = other.let_in(id, encode(&commit));
        let mallory = Self {
            id,
            provider,
            signer,
            group,
        };
        (mallory, entry)
    }

    /// A message with this content, padded or not, and this authenticated data.
    pub(crate) fn message(&mut self, content: &[u8], authenticated: &[u8]) -> Payload {
        self.group.set_aad(authenticated.to_vec());
        let message = self.group.create_message(&self.provider, &self.signer, content);
        Payload::ApplicationMessage(encode(&message.unwrap()).into())
    }

    /// A commit that removes the device with this leaf.
    pub(crate) fn removal(&mut self, leaf: u32) -> Payload {
        self.commit(&[LeafNodeIndex::new(leaf)])
    }

    /// A commit whose confirmation tag is that of another transcript. All that is signed is true.
    pub(crate) fn commit_of_another_transcript(&mut self) -> Payload {
        for (key, value) in self.provider.storage().values.write().unwrap().iter_mut() {
            if key.starts_with(b"InterimTranscriptHash") {
                // The hash is a list of numbers in JSON.
                let digit = value.iter().rposition(u8::is_ascii_digit).unwrap();
                value[digit] = if value[digit] == b'1' { b'2' } else { b'1' };
            }
        }
        self.group = MlsGroup::load(self.provider.storage(), self.group.group_id())
            .unwrap()
            .unwrap();
        self.commit(&[])
    }

    fn commit(&mut self, removals: &[LeafNodeIndex]) -> Payload {
        let Self {
            provider,
            signer,
            group,
            ..
        } = self;
        group.set_aad(LogClaim::of_no_place(2).encode().to_vec());
        let bundle = group
            .commit_builder()
            .propose_removals(removals.iter().copied())
            .force_self_update(true)
            .load_psks(provider.storage())
            .unwrap()
            .build(provider.rand(), provider.crypto(), signer, |_| true)
            .unwrap()
            .stage_commit(provider)
            .unwrap();
        let (commit, _, _) = bundle.into_messages();
        Payload::Commit(encode(&commit).into())
    }
}

/// Those of an honest leaf.
fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE, Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519]),
        Some(&[
            ExtensionType::Unknown(POLICY_EXTENSION),
            ExtensionType::LastResort,
        ]),
        Some(&[ProposalType::SelfRemove]),
        Some(&[CredentialType::Other(CERTIFICATE_CREDENTIAL)]),
    )
}

fn encode(message: &MlsMessageOut) -> Vec<u8> {
    message.tls_serialize_detached().unwrap()
}
