//! This device: its key packages, and the groups that it creates, loads and deletes.

use openmls::{
    credentials::CredentialWithKey,
    extensions::Extensions,
    framing::MlsMessageOut,
    group::{MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig, PURE_PLAINTEXT_WIRE_FORMAT_POLICY},
    key_packages::KeyPackage,
    prelude::{SenderRatchetConfiguration, tls_codec::Serialize as _},
};
use openmls_traits::OpenMlsProvider as _;
use rand_core::CryptoRngCore;
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use crate::{
    certificate::DeviceCertificate,
    codec,
    group::Group,
    key_package::{self, KeyPackageError, VerifiedKeyPackage},
    keys::DeviceSigningKey,
    limits::{FORWARD_DISTANCE_MAX, KEY_PACKAGES_MAX, OUT_OF_ORDER_TOLERANCE},
    policy::GroupPolicy,
    provider::{MlsError, MlsSigner, Provider},
    rules,
    store::KeyValue,
    suite::{CIPHERSUITE, leaf_capabilities},
};

/// A device's certificate and the key that belongs to it.
pub struct DeviceIdentity {
    /// The certificate that the account issued for this device.
    pub certificate: DeviceCertificate,
    /// The key that the certificate names.
    pub signing_key: DeviceSigningKey,
}

impl DeviceIdentity {
    pub(crate) fn signer(&self) -> MlsSigner<'_> {
        MlsSigner(&self.signing_key)
    }

    pub(crate) fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: rules::credential(&self.certificate),
            signature_key: self.certificate.device_key().as_bytes().to_vec().into(),
        }
    }
}

/// MLS for one step of the engine: a store that is one transaction, a random source, the time.
///
/// After any error, roll the transaction back, drop every [`Group`] that took part and load it
/// again: what is in memory may be ahead of what is stored.
pub struct Mls<'a> {
    pub(crate) provider: Provider<'a>,
    pub(crate) now: Timestamp,
}

impl<'a> Mls<'a> {
    /// MLS over this store, at this instant.
    pub fn new(store: &'a dyn KeyValue, rng: &'a mut dyn CryptoRngCore, now: Timestamp) -> Self {
        Self {
            provider: Provider::new(store, rng),
            now,
        }
    }

    /// Makes at most [`KEY_PACKAGES_MAX`] key packages that can each be used for one group. The
    /// private parts stay in the store until a welcome uses them up.
    pub fn key_packages(&self, identity: &DeviceIdentity, count: usize) -> Result<Vec<Vec<u8>>, MlsError> {
        (0..count.min(KEY_PACKAGES_MAX))
            .map(|_| self.key_package(identity, KeyPackage::builder()))
            .collect()
    }

    /// Makes a last-resort key package, which can be used any number of times (RFC 9420, section 16.8).
    pub fn last_resort_key_package(&self, identity: &DeviceIdentity) -> Result<Vec<u8>, MlsError> {
        self.key_package(identity, KeyPackage::builder().mark_as_last_resort())
    }

    fn key_package(
        &self,
        identity: &DeviceIdentity,
        builder: openmls::key_packages::KeyPackageBuilder,
    ) -> Result<Vec<u8>, MlsError> {
        let bundle = builder
            .key_package_lifetime(rules::lifetime())
            .leaf_node_capabilities(leaf_capabilities())
            .build(
                CIPHERSUITE,
                &self.provider,
                &identity.signer(),
                identity.credential(),
            )
            .map_err(|error| self.provider.internal(error))?;
        MlsMessageOut::from(bundle.into_key_package())
            .tls_serialize_detached()
            .map_err(|error| self.provider.internal(error))
    }

    /// The reference of a key package (RFC 9420, section 5.2), under which its private part is stored.
    pub fn key_package_reference(&self, key_package: &[u8]) -> Result<Vec<u8>, KeyPackageError> {
        key_package::reference(key_package)
    }

    /// Whether this device can open a Welcome that is made with this key package.
    pub fn has_key_package(&self, reference: &[u8]) -> Result<bool, MlsError> {
        self.provider
            .storage()
            .has_key_package(reference)
            .map_err(|error| self.provider.internal(error))
    }

    /// Deletes the private part of a key package: no Welcome that is made with it can be opened any more.
    pub fn delete_key_package(&self, reference: &[u8]) -> Result<(), MlsError> {
        self.provider
            .storage()
            .delete_key_package_row(reference)
            .map_err(|error| self.provider.internal(error))
    }

    /// Checks a key package of an account; see [`key_package::verify_key_package`].
    pub fn verify_key_package(
        &self,
        bytes: &[u8],
        account_id: AccountId,
    ) -> Result<VerifiedKeyPackage, KeyPackageError> {
        key_package::verify_key_package(bytes, account_id, self.now)
    }

    /// Creates a group with this device as its only member, in epoch 0.
    pub fn create_group(
        &self,
        identity: &DeviceIdentity,
        conversation_id: ConversationId,
        policy: &GroupPolicy,
    ) -> Result<Group, MlsError> {
        let extensions = Extensions::from_vec(rules::context_extensions(policy))
            .map_err(|error| self.provider.internal(error))?;
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(CIPHERSUITE)
            .capabilities(leaf_capabilities())
            .lifetime(rules::lifetime())
            .with_group_context_extensions(extensions)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .sender_ratchet_configuration(sender_ratchets())
            .build();
        let group = MlsGroup::new_with_group_id(
            &self.provider,
            &identity.signer(),
            &config,
            codec::group_id(conversation_id),
            identity.credential(),
        )
        .map_err(|error| self.provider.internal(error))?;
        Ok(Group::new(group, conversation_id, policy.clone()))
    }

    /// Loads a group, `None` if there is none.
    pub fn load_group(&self, conversation_id: ConversationId) -> Result<Option<Group>, MlsError> {
        let group = MlsGroup::load(self.provider.storage(), &codec::group_id(conversation_id))
            .map_err(|error| self.provider.internal(error))?;
        group
            .map(|group| {
                let policy = rules::policy_of(group.public_group().group_context())
                    .map_err(|error| MlsError::Corrupt(error.to_string()))?;
                Ok(Group::new(group, conversation_id, policy))
            })
            .transpose()
    }

    /// Deletes all state of a group, even if it can no longer be loaded.
    pub fn delete_group(&self, conversation_id: ConversationId) -> Result<(), MlsError> {
        self.provider
            .storage()
            .delete_group(conversation_id)
            .map_err(|error| self.provider.internal(error))
    }
}

/// The configuration of a group that this device joins.
///
/// Handshakes are public, so that the server can check them. No keys of past epochs are kept: the
/// log of a conversation is applied in order, and the server refuses messages of past epochs. The
/// ratchet tree comes from the server.
pub(crate) fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(sender_ratchets())
        .build()
}

fn sender_ratchets() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER_TOLERANCE, FORWARD_DISTANCE_MAX)
}
