//! Strict reading of MLS bytes: one message, one version, nothing after it.

use openmls::prelude::{
    OpenMlsSignaturePublicKey,
    tls_codec::{Deserialize as _, Serialize as _, Size as _},
};
use openmls::{
    framing::{MlsMessageBodyIn, MlsMessageIn},
    group::GroupId,
    messages::group_info::VerifiableGroupInfo,
    prelude::{RatchetTreeIn, Verifiable as _},
    treesync::RatchetTree,
};
use openmls_traits::types::SignatureScheme;
use subrosa_wire::ConversationId;

use crate::{
    crypto::{Crypto, is_hpke_public_key},
    keys::DevicePublicKey,
    limits::{MLS_MESSAGE_MAX, RATCHET_TREE_MAX},
    peek::Reader,
    suite::CIPHERSUITE,
};

/// Bytes are not what they should be. The text says what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct Malformed(pub(crate) &'static str);

/// Why a group info is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupInfoError {
    /// The bytes are not a group info.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It is of another group.
    #[error("the group info is of another group")]
    WrongConversation,
    /// The suite is not ours.
    #[error("the group info has suite {0:#06x}")]
    Suite(u16),
    /// It must carry exactly one extension, the external public key.
    #[error("the group info must carry the external public key and nothing else")]
    Extensions,
    /// The external public key is not a key of the suite.
    #[error("the external public key in the group info is not a key")]
    ExternalPub,
    /// It is of another epoch, tree, transcript or policy than the group.
    #[error("the group info does not describe the state of the group")]
    WrongState,
    /// The signer is not the device that made the commit.
    #[error("the group info is signed by leaf {0}, which did not make the commit")]
    WrongSigner(u32),
    /// The signature is not valid.
    #[error("the signature of the group info is not valid")]
    Signature,
}

/// Reads an `MLSMessage` of MLS 1.0 (RFC 9420, section 6).
pub(crate) fn message(bytes: &[u8]) -> Result<MlsMessageBodyIn, Malformed> {
    const EXPECTED: Malformed = Malformed("an MLS 1.0 message");
    if bytes.len() > MLS_MESSAGE_MAX || !bytes.starts_with(&[0, 1]) {
        return Err(EXPECTED);
    }
    MlsMessageIn::tls_deserialize_exact(bytes)
        .map(MlsMessageIn::extract)
        .map_err(|_| EXPECTED)
}

/// Reads a ratchet tree (RFC 9420, section 12.4.3.3). Nothing in it is verified.
pub(crate) fn ratchet_tree(bytes: &[u8]) -> Result<RatchetTreeIn, Malformed> {
    const EXPECTED: Malformed = Malformed("a ratchet tree");
    if bytes.len() > RATCHET_TREE_MAX {
        return Err(EXPECTED);
    }
    RatchetTreeIn::tls_deserialize_exact(bytes).map_err(|_| EXPECTED)
}

/// Writes a ratchet tree. `None` cannot happen: OpenMLS made the tree.
pub(crate) fn encode_ratchet_tree(tree: &RatchetTree) -> Option<Vec<u8>> {
    tree.tls_serialize_detached().ok()
}

/// The conversation of an MLS group id; `None` if it has another length.
pub(crate) fn conversation_id(group_id: &GroupId) -> Option<ConversationId> {
    ConversationId::try_from(group_id.as_slice()).ok()
}

/// The MLS group id of a conversation.
pub(crate) fn group_id(conversation_id: ConversationId) -> GroupId {
    GroupId::from_slice(conversation_id.as_bytes())
}

/// A group info of the expected conversation and our suite, whose only extension is the external
/// public key. Its signature is not verified.
pub(crate) struct UnverifiedGroupInfo {
    pub(crate) info: VerifiableGroupInfo,
    pub(crate) signer: u32,
    /// As in the encoding, with its length in front.
    pub(crate) confirmation_tag: Vec<u8>,
}

impl UnverifiedGroupInfo {
    pub(crate) fn decode(bytes: &[u8], expected: ConversationId) -> Result<Self, GroupInfoError> {
        const EXPECTED: Malformed = Malformed("a group info");
        let MlsMessageBodyIn::GroupInfo(info) = message(bytes).map_err(|_| EXPECTED)? else {
            return Err(EXPECTED.into());
        };
        if conversation_id(info.group_id()) != Some(expected) {
            return Err(GroupInfoError::WrongConversation);
        }
        if info.ciphersuite() != CIPHERSUITE {
            return Err(GroupInfoError::Suite(info.ciphersuite().into()));
        }
        let extensions = info.extensions();
        let external_pub = extensions.external_pub().ok_or(GroupInfoError::Extensions)?;
        if extensions.iter().count() != 1 {
            return Err(GroupInfoError::Extensions);
        }
        if !is_hpke_public_key(external_pub.external_pub().as_slice()) {
            return Err(GroupInfoError::ExternalPub);
        }
        // OpenMLS does not expose the confirmation tag and the signer. They follow the context
        // and the extensions: `MAC confirmation_tag; uint32 signer; opaque signature<V>`.
        let encoded = info.tls_serialize_detached().map_err(|_| EXPECTED)?;
        let front = info.group_context().tls_serialized_len() + extensions.tls_serialized_len();
        let rest = encoded.get(front..).ok_or(EXPECTED)?;
        let mut reader = Reader::new(rest);
        reader.skip_vector().map_err(|_| EXPECTED)?;
        let confirmation_tag = rest[..rest.len() - reader.remaining()].to_vec();
        let signer = reader.u32().map_err(|_| EXPECTED)?;
        Ok(Self {
            info,
            signer,
            confirmation_tag,
        })
    }

    /// Checks the signature with the key of the device that should have made it.
    pub(crate) fn verify_signature(self, device_key: &DevicePublicKey) -> Result<(), GroupInfoError> {
        let key =
            OpenMlsSignaturePublicKey::new(device_key.as_bytes().to_vec().into(), SignatureScheme::ED25519)
                .map_err(|_| GroupInfoError::Signature)?;
        self.info
            .verify(&Crypto, &key)
            .map_err(|_| GroupInfoError::Signature)?;
        Ok(())
    }
}
