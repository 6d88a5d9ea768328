//! An attacker that speaks MLS without our rules: plain OpenMLS.

use ed25519_dalek::{Signer as _, SigningKey};
use openmls::{
    framing::{MlsMessageBodyIn, MlsMessageIn, MlsMessageOut},
    group::{
        CommitBuilder, GroupId, Initial, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
        PURE_PLAINTEXT_WIRE_FORMAT_POLICY, StagedWelcome,
    },
    key_packages::{KeyPackage, KeyPackageIn, Lifetime},
    messages::proposals::ProposalType,
    prelude::{
        Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension, ExtensionType,
        Extensions, LeafNodeParameters, ProtocolVersion, RatchetTreeIn, RequiredCapabilitiesExtension,
        UnknownExtension,
        tls_codec::{Deserialize as _, Serialize as _, VLBytes},
    },
};
use openmls_traits::{
    OpenMlsProvider as _,
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use subrosa_mls::{CERTIFICATE_CREDENTIAL, CommitBundle, DeviceSigningKey, GroupPolicy, POLICY_EXTENSION};
use subrosa_wire::DeviceId;

use crate::{
    hostile::Hostile,
    world::{Account, CLAIM, CONVERSATION, NOW, Server},
};

pub(crate) const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

pub(crate) struct RawSigner(SigningKey);

impl Signer for RawSigner {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A leaf to make, with every part open to forgery.
pub(crate) struct RawLeaf {
    pub(crate) signer: RawSigner,
    pub(crate) credential: Credential,
    pub(crate) capabilities: Capabilities,
    pub(crate) lifetime: Lifetime,
}

/// A leaf as an honest device of this account, or one of its impostor, would make it.
pub(crate) fn leaf(account: &Account, number: u8) -> RawLeaf {
    let certificate = account.certify_as_is(
        DeviceId::from_bytes([number; 16]),
        DeviceSigningKey::from_seed([number; 32]).public(),
        NOW,
    );
    RawLeaf {
        signer: RawSigner(SigningKey::from_bytes(&[number; 32])),
        credential: credential(certificate),
        capabilities: capabilities(&[ProposalType::SelfRemove]),
        lifetime: Lifetime::init(0, u64::MAX),
    }
}

/// The capabilities of an honest leaf, except the proposals.
pub(crate) fn capabilities(proposals: &[ProposalType]) -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE, Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519]),
        Some(&[
            ExtensionType::Unknown(POLICY_EXTENSION),
            ExtensionType::LastResort,
        ]),
        Some(proposals),
        Some(&[CredentialType::Other(CERTIFICATE_CREDENTIAL)]),
    )
}

pub(crate) fn credential(content: Vec<u8>) -> Credential {
    Credential::new(CredentialType::Other(CERTIFICATE_CREDENTIAL), content)
}

impl RawLeaf {
    pub(crate) fn credential_with_key(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: self.credential.clone(),
            signature_key: self.signer.0.verifying_key().to_bytes().to_vec().into(),
        }
    }

    pub(crate) fn key_package(&self, provider: &Hostile) -> KeyPackage {
        self.key_package_of(provider, SUITE)
    }

    pub(crate) fn key_package_of(&self, provider: &Hostile, suite: Ciphersuite) -> KeyPackage {
        KeyPackage::builder()
            .key_package_lifetime(self.lifetime)
            .leaf_node_capabilities(self.capabilities.clone())
            .build(suite, provider, &self.signer, self.credential_with_key())
            .unwrap()
            .into_key_package()
    }
}

pub(crate) fn encode(message: impl Into<MlsMessageOut>) -> Vec<u8> {
    message.into().tls_serialize_detached().unwrap()
}

pub(crate) fn decode(bytes: &[u8]) -> MlsMessageBodyIn {
    MlsMessageIn::tls_deserialize_exact(bytes).unwrap().extract()
}

/// A key package of an honest device, as the attacker reads it.
pub(crate) fn key_package(bytes: &[u8]) -> KeyPackage {
    let MlsMessageBodyIn::KeyPackage(key_package) = decode(bytes) else {
        panic!("not a key package");
    };
    let key_package: KeyPackageIn = key_package;
    let provider = Hostile::default();
    key_package
        .validate(provider.crypto(), ProtocolVersion::Mls10)
        .unwrap()
}

pub(crate) fn policy_extensions(policy: &GroupPolicy) -> Vec<Extension> {
    vec![
        required_capabilities(&[ProposalType::SelfRemove]),
        Extension::Unknown(POLICY_EXTENSION, UnknownExtension(policy.encode())),
    ]
}

/// The capabilities that an honest group requires, except the proposals.
pub(crate) fn required_capabilities(proposals: &[ProposalType]) -> Extension {
    Extension::RequiredCapabilities(RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(POLICY_EXTENSION)],
        proposals,
        &[CredentialType::Other(CERTIFICATE_CREDENTIAL)],
    ))
}

fn config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .build()
}

/// A member that follows no rules.
pub(crate) struct Mallory {
    pub(crate) provider: Hostile,
    pub(crate) leaf: RawLeaf,
    pub(crate) group: MlsGroup,
}

impl Mallory {
    /// A device that makes a key package, is added by somebody, and joins.
    pub(crate) fn join(leaf: RawLeaf, let_in: impl FnOnce(Vec<u8>) -> (Vec<u8>, Vec<u8>)) -> Self {
        let provider = Hostile::default();
        let (welcome, tree) = let_in(encode(leaf.key_package(&provider)));
        let MlsMessageBodyIn::Welcome(welcome) = decode(&welcome) else {
            panic!("not a welcome");
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(tree).unwrap();
        let group = StagedWelcome::new_from_welcome(&provider, &config(), welcome, Some(tree))
            .unwrap()
            .into_group(&provider)
            .unwrap();
        Self {
            provider,
            leaf,
            group,
        }
    }

    /// A group of its own with these extensions and this suite.
    pub(crate) fn create(leaf: RawLeaf, suite: Ciphersuite, extensions: Vec<Extension>) -> Self {
        Self::create_with(Hostile::default(), leaf, suite, extensions)
    }

    pub(crate) fn create_with(
        provider: Hostile,
        leaf: RawLeaf,
        suite: Ciphersuite,
        extensions: Vec<Extension>,
    ) -> Self {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite)
            .capabilities(leaf.capabilities.clone())
            .lifetime(leaf.lifetime)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .with_group_context_extensions(Extensions::from_vec(extensions).unwrap())
            .build();
        let group = MlsGroup::new_with_group_id(
            &provider,
            &leaf.signer,
            &config,
            GroupId::from_slice(CONVERSATION.as_bytes()),
            leaf.credential_with_key(),
        )
        .unwrap();
        Self {
            provider,
            leaf,
            group,
        }
    }

    pub(crate) fn group_info(&self) -> Vec<u8> {
        encode(
            self.group
                .export_group_info(self.provider.crypto(), &self.leaf.signer, false)
                .unwrap(),
        )
    }

    pub(crate) fn ratchet_tree(&self) -> Vec<u8> {
        self.group.export_ratchet_tree().tls_serialize_detached().unwrap()
    }

    /// Makes a commit as the builder is configured.
    pub(crate) fn commit(
        &mut self,
        fill: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
    ) -> CommitBundle {
        let epoch = self.group.epoch().as_u64();
        self.group.set_aad(CLAIM.encode().to_vec());
        let bundle = fill(self.group.commit_builder())
            .load_psks(self.provider.storage())
            .unwrap()
            .create_group_info(true)
            .build(
                self.provider.rand(),
                self.provider.crypto(),
                &self.leaf.signer,
                |_| true,
            )
            .unwrap()
            .stage_commit(&self.provider)
            .unwrap();
        bundle_of(epoch, bundle.into_messages())
    }

    /// A commit that replaces its leaf with this one.
    pub(crate) fn become_another(&mut self, other: &RawLeaf) -> CommitBundle {
        let epoch = self.group.epoch().as_u64();
        let new_signer = openmls::prelude::NewSignerBundle {
            signer: &other.signer,
            credential_with_key: other.credential_with_key(),
        };
        self.group.set_aad(CLAIM.encode().to_vec());
        let bundle = self
            .group
            .commit_builder()
            .load_psks(self.provider.storage())
            .unwrap()
            .create_group_info(true)
            .build_with_new_signer(
                self.provider.rand(),
                self.provider.crypto(),
                &self.leaf.signer,
                new_signer,
                |_| true,
            )
            .unwrap()
            .stage_commit(&self.provider)
            .unwrap();
        bundle_of(epoch, bundle.into_messages())
    }
}

type Messages = (MlsMessageOut, Option<MlsMessageOut>, Option<MlsMessageOut>);

fn bundle_of(epoch: u64, (commit, welcome, group_info): Messages) -> CommitBundle {
    CommitBundle {
        commit: encode(commit),
        welcome: welcome.map(encode),
        group_info: encode(group_info.unwrap()),
        epoch,
    }
}

impl RawLeaf {
    /// A group info with another confirmation tag.
    pub(crate) fn forge_confirmation_tag(&self, group_info: &[u8]) -> Vec<u8> {
        const SIGNER_LEN: usize = 4;
        self.forge_group_info(group_info, |payload| {
            let last_of_tag = payload.len() - SIGNER_LEN - 1;
            payload[last_of_tag] ^= 1;
        })
    }

    /// A group info of another epoch.
    pub(crate) fn forge_epoch(&self, group_info: &[u8], epoch: u64) -> Vec<u8> {
        // After version, suite and group id.
        const EPOCH_AT: usize = 2 + 2 + 17;
        self.forge_group_info(group_info, |payload| {
            payload[EPOCH_AT..EPOCH_AT + 8].copy_from_slice(&epoch.to_be_bytes());
        })
    }

    /// A group info with a change, and signed for that (RFC 9420, section 5.1.2).
    fn forge_group_info(&self, group_info: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        const SIGNATURE_LEN: usize = 2 + 64;
        let (head, rest) = group_info.split_at(4);
        let mut payload = rest[..rest.len() - SIGNATURE_LEN].to_vec();
        change(&mut payload);
        let sign_content = (
            VLBytes::from(b"MLS 1.0 GroupInfoTBS".to_vec()),
            VLBytes::from(payload.clone()),
        );
        let signature = self
            .signer
            .sign(&sign_content.tls_serialize_detached().unwrap())
            .unwrap();
        let signature = VLBytes::from(signature).tls_serialize_detached().unwrap();
        [head, &payload, &signature].concat()
    }
}

/// An external commit with this leaf.
pub(crate) fn external_commit(leaf: &RawLeaf, server: &Server) -> CommitBundle {
    external_commit_with(&Hostile::default(), leaf, server)
}

pub(crate) fn external_commit_with(provider: &Hostile, leaf: &RawLeaf, server: &Server) -> CommitBundle {
    external_commit_saying(CLAIM.encode().to_vec(), provider, leaf, server)
}

/// The same with other authenticated data.
pub(crate) fn external_commit_saying(
    authenticated_data: Vec<u8>,
    provider: &Hostile,
    leaf: &RawLeaf,
    server: &Server,
) -> CommitBundle {
    let MlsMessageBodyIn::GroupInfo(group_info) = decode(&server.group_info) else {
        panic!("not a group info");
    };
    let epoch = group_info.epoch().as_u64();
    let tree = RatchetTreeIn::tls_deserialize_exact(server.ratchet_tree()).unwrap();
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .with_config(config())
        .with_aad(authenticated_data)
        .build_group(provider, group_info, leaf.credential_with_key())
        .unwrap()
        .leaf_node_parameters(
            LeafNodeParameters::builder()
                .with_capabilities(leaf.capabilities.clone())
                .build(),
        )
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build(provider.rand(), provider.crypto(), &leaf.signer, |_| true)
        .unwrap()
        .finalize(provider)
        .unwrap();
    bundle_of(epoch, bundle.into_messages())
}
