//! OpenMLS's storage trait over a [`KeyValue`]: CBOR values under readable keys.
//!
//! The first failure of the store is remembered, because OpenMLS turns some failures into errors that
//! look like a bad message.

use std::cell::RefCell;

use openmls::treesync::EncryptionKey;
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use subrosa_wire::ConversationId;
use zeroize::Zeroizing;

use crate::{
    cbor::{self, CborError, Item, Reader},
    store::{KeyValue, KeyValueError, MemoryStore, group_prefix},
    tree_keys,
};

const VERSION: u16 = CURRENT_VERSION;

/// The rows of one group; the names end its keys.
mod row {
    pub(super) const JOIN_CONFIG: &str = "config";
    pub(super) const OWN_LEAF_NODES: &str = "own_leaf_nodes";
    pub(super) const PROPOSALS: &str = "proposals";
    pub(super) const TREE: &str = "tree";
    pub(super) const INTERIM_TRANSCRIPT_HASH: &str = "interim_transcript_hash";
    pub(super) const CONTEXT: &str = "context";
    pub(super) const CONFIRMATION_TAG: &str = "confirmation_tag";
    pub(super) const STATE: &str = "state";
    pub(super) const MESSAGE_SECRETS: &str = "message_secrets";
    pub(super) const RESUMPTION_PSKS: &str = "resumption_psks";
    pub(super) const OWN_LEAF_INDEX: &str = "own_leaf_index";
    pub(super) const EPOCH_SECRETS: &str = "epoch_secrets";
    pub(super) const EPOCH_KEY_PAIRS: &str = "epoch_key_pairs";
    /// What a public group is made of. None of it is secret.
    pub(super) const PUBLIC: [&str; 5] = [
        TREE,
        INTERIM_TRANSCRIPT_HASH,
        CONTEXT,
        CONFIRMATION_TAG,
        PROPOSALS,
    ];
    pub(super) const ALL: [&str; 13] = [
        JOIN_CONFIG,
        OWN_LEAF_NODES,
        PROPOSALS,
        TREE,
        INTERIM_TRANSCRIPT_HASH,
        CONTEXT,
        CONFIRMATION_TAG,
        STATE,
        MESSAGE_SECRETS,
        RESUMPTION_PSKS,
        OWN_LEAF_INDEX,
        EPOCH_SECRETS,
        EPOCH_KEY_PAIRS,
    ];
}

/// Storage failed, or a stored value cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StorageError {
    #[error(transparent)]
    Store(#[from] KeyValueError),
    #[error("a stored value cannot be read or written: {0}")]
    Codec(#[from] CborError),
    #[error("the group id is not a conversation id")]
    GroupId,
}

/// Keys and values.
pub(crate) type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// The adapter. One value serves one step of the engine.
pub(crate) struct Storage<'a> {
    store: &'a dyn KeyValue,
    failure: RefCell<Option<StorageError>>,
}

impl<'a> Storage<'a> {
    pub(crate) fn new(store: &'a dyn KeyValue) -> Self {
        Self {
            store,
            failure: RefCell::new(None),
        }
    }

    /// Takes the first failure since the last call, whatever OpenMLS reported.
    pub(crate) fn take_failure(&self) -> Option<StorageError> {
        self.failure.borrow_mut().take()
    }

    /// Deletes every row of a group, whether or not the group could still be loaded.
    pub(crate) fn delete_group(&self, conversation_id: ConversationId) -> Result<(), StorageError> {
        row::ALL.iter().try_for_each(|name| {
            let mut key = group_prefix(conversation_id);
            key.extend_from_slice(name.as_bytes());
            self.delete(&key)
        })
    }

    /// The rows that hold the public state of a group.
    pub(crate) fn public_rows(&self, conversation_id: ConversationId) -> Result<Rows, StorageError> {
        let mut rows = Vec::with_capacity(row::PUBLIC.len());
        for name in row::PUBLIC {
            let mut key = group_prefix(conversation_id);
            key.extend_from_slice(name.as_bytes());
            if let Some(value) = self.store.get(&key)? {
                rows.push((key, value));
            }
        }
        Ok(rows)
    }

    /// Whether the private part of a key package is stored.
    pub(crate) fn has_key_package(&self, reference: &[u8]) -> Result<bool, StorageError> {
        let key = [KEY_PACKAGE.as_bytes(), reference].concat();
        self.remember((|| Ok(self.store.get(&key)?.map(Zeroizing::new).is_some()))())
    }

    /// Deletes the private part of a key package.
    pub(crate) fn delete_key_package_row(&self, reference: &[u8]) -> Result<(), StorageError> {
        self.delete(&[KEY_PACKAGE.as_bytes(), reference].concat())
    }

    fn remember<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        result.inspect_err(|error| {
            self.failure.borrow_mut().get_or_insert_with(|| error.clone());
        })
    }

    fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StorageError> {
        self.remember((|| match self.store.get(key)? {
            Some(bytes) => Ok(Some(cbor::from_bytes(&Zeroizing::new(bytes))?)),
            None => Ok(None),
        })())
    }

    /// Writes all rows of another store.
    pub(crate) fn write_rows(&self, rows: &MemoryStore) -> Result<(), StorageError> {
        self.remember(rows.copy_to(self.store).map_err(StorageError::from))
    }

    /// The public keys of the key pairs that are stored for a group, of all its epochs.
    pub(crate) fn epoch_public_keys(
        &self,
        conversation_id: ConversationId,
    ) -> Result<Vec<Vec<u8>>, StorageError> {
        #[derive(Deserialize)]
        struct KeyPair {
            public_key: EncryptionKey,
            #[serde(rename = "private_key")]
            _private_key: IgnoredAny,
        }

        let mut key = group_prefix(conversation_id);
        key.extend_from_slice(row::EPOCH_KEY_PAIRS.as_bytes());
        self.remember((|| {
            let Some(list) = self.store.get(&key)?.map(Zeroizing::new) else {
                return Ok(Vec::new());
            };
            let mut keys = Vec::new();
            for entry in entries(&list)? {
                for pair in cbor::from_bytes::<(IgnoredAny, Vec<KeyPair>)>(&entry)?.1 {
                    keys.push(tree_keys::bytes_of(&pair.public_key));
                }
            }
            Ok(keys)
        })())
    }

    fn write(&self, key: &[u8], value: &impl Serialize) -> Result<(), StorageError> {
        self.remember((|| Ok(self.store.put(key, &cbor::to_bytes(value)?)?))())
    }

    fn delete(&self, key: &[u8]) -> Result<(), StorageError> {
        self.remember(self.store.delete(key).map_err(StorageError::from))
    }

    fn group_key(&self, group_id: &impl Serialize, name: &str) -> Result<Vec<u8>, StorageError> {
        self.remember((|| {
            let id = raw_bytes(group_id)?;
            let id = ConversationId::try_from(id.as_slice()).map_err(|_| StorageError::GroupId)?;
            let mut key = group_prefix(id);
            key.extend_from_slice(name.as_bytes());
            Ok(key)
        })())
    }

    fn object_key(&self, kind: &str, id: &impl Serialize) -> Result<Vec<u8>, StorageError> {
        self.remember((|| {
            let mut key = kind.as_bytes().to_vec();
            key.extend_from_slice(&raw_bytes(id)?);
            Ok(key)
        })())
    }

    fn read_group<T: DeserializeOwned>(
        &self,
        group_id: &impl Serialize,
        name: &str,
    ) -> Result<Option<T>, StorageError> {
        self.read(&self.group_key(group_id, name)?)
    }

    fn write_group(
        &self,
        group_id: &impl Serialize,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), StorageError> {
        self.write(&self.group_key(group_id, name)?, value)
    }

    fn delete_group_row(&self, group_id: &impl Serialize, name: &str) -> Result<(), StorageError> {
        self.delete(&self.group_key(group_id, name)?)
    }

    /// Changes a list, which is one value. Its entries stay encoded, since the trait passes references.
    fn change_list(
        &self,
        group_id: &impl Serialize,
        name: &str,
        change: impl FnOnce(&mut Vec<Entry>) -> Result<(), CborError>,
    ) -> Result<(), StorageError> {
        let key = self.group_key(group_id, name)?;
        self.remember((|| {
            let stored = self.store.get(&key)?.map(Zeroizing::new);
            let mut list = stored.map_or(Ok(Vec::new()), |stored| entries(&stored))?;
            change(&mut list)?;
            if list.is_empty() {
                Ok(self.store.delete(&key)?)
            } else {
                Ok(self
                    .store
                    .put(&key, &cbor::array(list.iter().map(|entry| entry.as_slice())))?)
            }
        })())
    }
}

/// One encoded entry of a list.
type Entry = Zeroizing<Vec<u8>>;

fn entries(list: &[u8]) -> Result<Vec<Entry>, CborError> {
    let mut reader = Reader::new(list);
    let Item::Array(len) = reader.item()? else {
        return Err(CborError::Value("a list was expected".to_owned()));
    };
    let entries = (0..len)
        .map(|_| reader.raw_item().map(|entry| Zeroizing::new(entry.to_vec())))
        .collect::<Result<_, _>>()?;
    reader.finish()?;
    Ok(entries)
}

/// Whether an entry, a pair of owner and value, has this owner. Equal owners have equal encodings.
fn belongs_to(entry: &[u8], owner: &[u8]) -> bool {
    let mut reader = Reader::new(entry);
    reader.item() == Ok(Item::Array(2)) && reader.raw_item() == Ok(owner)
}

/// The bytes inside an id of OpenMLS. Its ids are byte strings wrapped in structs, which the trait
/// only exposes as `Serialize`. They are extracted for readable keys.
fn raw_bytes(id: &impl Serialize) -> Result<Vec<u8>, CborError> {
    fn collect(reader: &mut Reader<'_>, bytes: &mut Vec<u8>) -> Result<(), CborError> {
        match reader.item()? {
            Item::Bytes(more) => bytes.extend_from_slice(more),
            Item::Unsigned(byte) => bytes.push(
                u8::try_from(byte).map_err(|_| CborError::Value("an id holds more than bytes".to_owned()))?,
            ),
            Item::Array(len) => {
                return reader.deeper(|reader| (0..len).try_for_each(|_| collect(reader, bytes)));
            }
            Item::Map(len) => {
                return reader.deeper(|reader| {
                    (0..len).try_for_each(|_| {
                        reader.raw_item()?;
                        collect(reader, bytes)
                    })
                });
            }
            other => return Err(CborError::Value(format!("an id holds {other:?}"))),
        }
        Ok(())
    }
    let mut bytes = Vec::new();
    collect(&mut Reader::new(&cbor::to_bytes(id)?), &mut bytes)?;
    Ok(bytes)
}

const KEY_PACKAGE: &str = "k/";
const SIGNATURE_KEY: &str = "s/";
const ENCRYPTION_KEY: &str = "e/";
const PSK: &str = "p/";

impl StorageProvider<VERSION> for Storage<'_> {
    type Error = StorageError;

    fn write_mls_join_config<
        GroupId: traits::GroupId<VERSION>,
        MlsGroupJoinConfig: traits::MlsGroupJoinConfig<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        config: &MlsGroupJoinConfig,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::JOIN_CONFIG, config)
    }

    fn append_own_leaf_node<GroupId: traits::GroupId<VERSION>, LeafNode: traits::LeafNode<VERSION>>(
        &self,
        group_id: &GroupId,
        leaf_node: &LeafNode,
    ) -> Result<(), StorageError> {
        self.change_list(group_id, row::OWN_LEAF_NODES, |list| {
            list.push(cbor::to_bytes(leaf_node)?);
            Ok(())
        })
    }

    fn queue_proposal<
        GroupId: traits::GroupId<VERSION>,
        ProposalRef: traits::ProposalRef<VERSION>,
        QueuedProposal: traits::QueuedProposal<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
        proposal: &QueuedProposal,
    ) -> Result<(), StorageError> {
        self.change_list(group_id, row::PROPOSALS, |list| {
            list.push(cbor::to_bytes(&(proposal_ref, proposal))?);
            Ok(())
        })
    }

    fn write_tree<GroupId: traits::GroupId<VERSION>, TreeSync: traits::TreeSync<VERSION>>(
        &self,
        group_id: &GroupId,
        tree: &TreeSync,
    ) -> Result<(), StorageError> {
        let key = self.group_key(group_id, row::TREE)?;
        // Of a thousand devices it has 1.7 MB; as numbers its bytes would take twice that.
        self.remember((|| Ok(self.store.put(&key, &cbor::to_packed_bytes(tree)?)?))())
    }

    fn write_interim_transcript_hash<
        GroupId: traits::GroupId<VERSION>,
        InterimTranscriptHash: traits::InterimTranscriptHash<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        interim_transcript_hash: &InterimTranscriptHash,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::INTERIM_TRANSCRIPT_HASH, interim_transcript_hash)
    }

    fn write_context<GroupId: traits::GroupId<VERSION>, GroupContext: traits::GroupContext<VERSION>>(
        &self,
        group_id: &GroupId,
        group_context: &GroupContext,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::CONTEXT, group_context)
    }

    fn write_confirmation_tag<
        GroupId: traits::GroupId<VERSION>,
        ConfirmationTag: traits::ConfirmationTag<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        confirmation_tag: &ConfirmationTag,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::CONFIRMATION_TAG, confirmation_tag)
    }

    fn write_group_state<GroupState: traits::GroupState<VERSION>, GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
        group_state: &GroupState,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::STATE, group_state)
    }

    fn write_message_secrets<
        GroupId: traits::GroupId<VERSION>,
        MessageSecrets: traits::MessageSecrets<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        message_secrets: &MessageSecrets,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::MESSAGE_SECRETS, message_secrets)
    }

    fn write_resumption_psk_store<
        GroupId: traits::GroupId<VERSION>,
        ResumptionPskStore: traits::ResumptionPskStore<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        _: &ResumptionPskStore,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::RESUMPTION_PSKS, &NO_PAST_PSKS)
    }

    fn write_own_leaf_index<
        GroupId: traits::GroupId<VERSION>,
        LeafNodeIndex: traits::LeafNodeIndex<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        own_leaf_index: &LeafNodeIndex,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::OWN_LEAF_INDEX, own_leaf_index)
    }

    fn write_group_epoch_secrets<
        GroupId: traits::GroupId<VERSION>,
        GroupEpochSecrets: traits::GroupEpochSecrets<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        group_epoch_secrets: &GroupEpochSecrets,
    ) -> Result<(), StorageError> {
        self.write_group(group_id, row::EPOCH_SECRETS, group_epoch_secrets)
    }

    fn write_signature_key_pair<
        SignaturePublicKey: traits::SignaturePublicKey<VERSION>,
        SignatureKeyPair: traits::SignatureKeyPair<VERSION>,
    >(
        &self,
        public_key: &SignaturePublicKey,
        signature_key_pair: &SignatureKeyPair,
    ) -> Result<(), StorageError> {
        self.write(&self.object_key(SIGNATURE_KEY, public_key)?, signature_key_pair)
    }

    fn write_encryption_key_pair<
        EncryptionKey: traits::EncryptionKey<VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<VERSION>,
    >(
        &self,
        public_key: &EncryptionKey,
        key_pair: &HpkeKeyPair,
    ) -> Result<(), StorageError> {
        self.write(&self.object_key(ENCRYPTION_KEY, public_key)?, key_pair)
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<VERSION>,
        EpochKey: traits::EpochKey<VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
        key_pairs: &[HpkeKeyPair],
    ) -> Result<(), StorageError> {
        self.change_list(group_id, row::EPOCH_KEY_PAIRS, |list| {
            let owner = cbor::to_bytes(&(epoch, leaf_index))?;
            list.retain(|entry| !belongs_to(entry, &owner));
            list.push(cbor::to_bytes(&((epoch, leaf_index), key_pairs))?);
            Ok(())
        })
    }

    fn write_key_package<
        HashReference: traits::HashReference<VERSION>,
        KeyPackage: traits::KeyPackage<VERSION>,
    >(
        &self,
        hash_ref: &HashReference,
        key_package: &KeyPackage,
    ) -> Result<(), StorageError> {
        self.write(&self.object_key(KEY_PACKAGE, hash_ref)?, key_package)
    }

    fn write_psk<PskId: traits::PskId<VERSION>, PskBundle: traits::PskBundle<VERSION>>(
        &self,
        psk_id: &PskId,
        psk: &PskBundle,
    ) -> Result<(), StorageError> {
        self.write(&psk_key(psk_id)?, psk)
    }

    fn mls_group_join_config<
        GroupId: traits::GroupId<VERSION>,
        MlsGroupJoinConfig: traits::MlsGroupJoinConfig<VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<MlsGroupJoinConfig>, StorageError> {
        self.read_group(group_id, row::JOIN_CONFIG)
    }

    fn own_leaf_nodes<GroupId: traits::GroupId<VERSION>, LeafNode: traits::LeafNode<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<LeafNode>, StorageError> {
        Ok(self
            .read_group(group_id, row::OWN_LEAF_NODES)?
            .unwrap_or_default())
    }

    fn queued_proposal_refs<GroupId: traits::GroupId<VERSION>, ProposalRef: traits::ProposalRef<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<ProposalRef>, StorageError> {
        let list: Vec<(ProposalRef, IgnoredAny)> =
            self.read_group(group_id, row::PROPOSALS)?.unwrap_or_default();
        Ok(list.into_iter().map(|(proposal_ref, _)| proposal_ref).collect())
    }

    fn queued_proposals<
        GroupId: traits::GroupId<VERSION>,
        ProposalRef: traits::ProposalRef<VERSION>,
        QueuedProposal: traits::QueuedProposal<VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<(ProposalRef, QueuedProposal)>, StorageError> {
        Ok(self.read_group(group_id, row::PROPOSALS)?.unwrap_or_default())
    }

    fn tree<GroupId: traits::GroupId<VERSION>, TreeSync: traits::TreeSync<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<TreeSync>, StorageError> {
        self.read_group(group_id, row::TREE)
    }

    fn group_context<GroupId: traits::GroupId<VERSION>, GroupContext: traits::GroupContext<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupContext>, StorageError> {
        self.read_group(group_id, row::CONTEXT)
    }

    fn interim_transcript_hash<
        GroupId: traits::GroupId<VERSION>,
        InterimTranscriptHash: traits::InterimTranscriptHash<VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<InterimTranscriptHash>, StorageError> {
        self.read_group(group_id, row::INTERIM_TRANSCRIPT_HASH)
    }

    fn confirmation_tag<
        GroupId: traits::GroupId<VERSION>,
        ConfirmationTag: traits::ConfirmationTag<VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<ConfirmationTag>, StorageError> {
        self.read_group(group_id, row::CONFIRMATION_TAG)
    }

    fn group_state<GroupState: traits::GroupState<VERSION>, GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupState>, StorageError> {
        self.read_group(group_id, row::STATE)
    }

    fn message_secrets<GroupId: traits::GroupId<VERSION>, MessageSecrets: traits::MessageSecrets<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<MessageSecrets>, StorageError> {
        self.read_group(group_id, row::MESSAGE_SECRETS)
    }

    fn resumption_psk_store<
        GroupId: traits::GroupId<VERSION>,
        ResumptionPskStore: traits::ResumptionPskStore<VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<ResumptionPskStore>, StorageError> {
        self.read_group(group_id, row::RESUMPTION_PSKS)
    }

    fn own_leaf_index<GroupId: traits::GroupId<VERSION>, LeafNodeIndex: traits::LeafNodeIndex<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<LeafNodeIndex>, StorageError> {
        self.read_group(group_id, row::OWN_LEAF_INDEX)
    }

    fn group_epoch_secrets<
        GroupId: traits::GroupId<VERSION>,
        GroupEpochSecrets: traits::GroupEpochSecrets<VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupEpochSecrets>, StorageError> {
        self.read_group(group_id, row::EPOCH_SECRETS)
    }

    fn signature_key_pair<
        SignaturePublicKey: traits::SignaturePublicKey<VERSION>,
        SignatureKeyPair: traits::SignatureKeyPair<VERSION>,
    >(
        &self,
        public_key: &SignaturePublicKey,
    ) -> Result<Option<SignatureKeyPair>, StorageError> {
        self.read(&self.object_key(SIGNATURE_KEY, public_key)?)
    }

    fn encryption_key_pair<
        HpkeKeyPair: traits::HpkeKeyPair<VERSION>,
        EncryptionKey: traits::EncryptionKey<VERSION>,
    >(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<Option<HpkeKeyPair>, StorageError> {
        self.read(&self.object_key(ENCRYPTION_KEY, public_key)?)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<VERSION>,
        EpochKey: traits::EpochKey<VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<Vec<HpkeKeyPair>, StorageError> {
        let key = self.group_key(group_id, row::EPOCH_KEY_PAIRS)?;
        self.remember((|| {
            let Some(list) = self.store.get(&key)?.map(Zeroizing::new) else {
                return Ok(Vec::new());
            };
            let owner = cbor::to_bytes(&(epoch, leaf_index))?;
            match entries(&list)?.iter().find(|entry| belongs_to(entry, &owner)) {
                Some(entry) => Ok(cbor::from_bytes::<(IgnoredAny, Vec<HpkeKeyPair>)>(entry)?.1),
                None => Ok(Vec::new()),
            }
        })())
    }

    fn key_package<KeyPackageRef: traits::HashReference<VERSION>, KeyPackage: traits::KeyPackage<VERSION>>(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<Option<KeyPackage>, StorageError> {
        self.read(&self.object_key(KEY_PACKAGE, hash_ref)?)
    }

    fn psk<PskBundle: traits::PskBundle<VERSION>, PskId: traits::PskId<VERSION>>(
        &self,
        psk_id: &PskId,
    ) -> Result<Option<PskBundle>, StorageError> {
        self.read(&psk_key(psk_id)?)
    }

    fn remove_proposal<GroupId: traits::GroupId<VERSION>, ProposalRef: traits::ProposalRef<VERSION>>(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
    ) -> Result<(), StorageError> {
        self.change_list(group_id, row::PROPOSALS, |list| {
            let proposal_ref = cbor::to_bytes(proposal_ref)?;
            list.retain(|entry| !belongs_to(entry, &proposal_ref));
            Ok(())
        })
    }

    fn delete_own_leaf_nodes<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::OWN_LEAF_NODES)
    }

    fn delete_group_config<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::JOIN_CONFIG)
    }

    fn delete_tree<GroupId: traits::GroupId<VERSION>>(&self, group_id: &GroupId) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::TREE)
    }

    fn delete_confirmation_tag<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::CONFIRMATION_TAG)
    }

    fn delete_group_state<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::STATE)
    }

    fn delete_context<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::CONTEXT)
    }

    fn delete_interim_transcript_hash<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::INTERIM_TRANSCRIPT_HASH)
    }

    fn delete_message_secrets<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::MESSAGE_SECRETS)
    }

    fn delete_all_resumption_psk_secrets<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::RESUMPTION_PSKS)
    }

    fn delete_own_leaf_index<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::OWN_LEAF_INDEX)
    }

    fn delete_group_epoch_secrets<GroupId: traits::GroupId<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::EPOCH_SECRETS)
    }

    fn clear_proposal_queue<GroupId: traits::GroupId<VERSION>, ProposalRef: traits::ProposalRef<VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete_group_row(group_id, row::PROPOSALS)
    }

    fn delete_signature_key_pair<SignaturePublicKey: traits::SignaturePublicKey<VERSION>>(
        &self,
        public_key: &SignaturePublicKey,
    ) -> Result<(), StorageError> {
        self.delete(&self.object_key(SIGNATURE_KEY, public_key)?)
    }

    fn delete_encryption_key_pair<EncryptionKey: traits::EncryptionKey<VERSION>>(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<(), StorageError> {
        self.delete(&self.object_key(ENCRYPTION_KEY, public_key)?)
    }

    fn delete_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<VERSION>,
        EpochKey: traits::EpochKey<VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<(), StorageError> {
        self.change_list(group_id, row::EPOCH_KEY_PAIRS, |list| {
            let owner = cbor::to_bytes(&(epoch, leaf_index))?;
            list.retain(|entry| !belongs_to(entry, &owner));
            Ok(())
        })
    }

    fn delete_key_package<KeyPackageRef: traits::HashReference<VERSION>>(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<(), StorageError> {
        self.delete(&self.object_key(KEY_PACKAGE, hash_ref)?)
    }

    fn delete_psk<PskKey: traits::PskId<VERSION>>(&self, psk_id: &PskKey) -> Result<(), StorageError> {
        self.delete(&psk_key(psk_id)?)
    }
}

/// OpenMLS keeps the resumption secrets of the last 32 epochs of a group that it created or joined
/// by an external commit, and has no option to turn that off. Subrosa never resumes a group, so this is
/// stored instead: the row neither grows nor holds a secret of a past epoch.
#[derive(Serialize)]
struct NoPastPsks {
    max_number_of_secrets: u64,
    resumption_psk: [u8; 0],
    cursor: u64,
}

const NO_PAST_PSKS: NoPastPsks = NoPastPsks {
    max_number_of_secrets: 0,
    resumption_psk: [],
    cursor: 0,
};

/// The key for a PSK id, which is an enum, not a byte string. Subrosa stores no PSKs, but OpenMLS looks them up.
fn psk_key(id: &impl Serialize) -> Result<Vec<u8>, StorageError> {
    let mut key = PSK.as_bytes().to_vec();
    key.extend_from_slice(&cbor::to_bytes(id)?);
    Ok(key)
}
