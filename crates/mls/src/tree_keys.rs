//! The encryption keys of a ratchet tree, and those that a commit brings into one.
//!
//! OpenMLS shows the key of a leaf, but not those of the nodes above, so they are read from the encoding.
//! It also encrypts to a key without having looked at it, and it lets a path repeat a key of the tree. Either
//! would make a later step of every member fail, so both are refused where they appear.

use openmls::{
    group::{PublicGroup, StagedCommit},
    messages::proposals::Proposal,
    prelude::{LeafNode, tls_codec},
    treesync::EncryptionKey,
};
use subrosa_wire::DeviceId;

use crate::{
    codec::{self, Malformed},
    crypto::is_hpke_public_key,
    peek::{self, PeekError, Reader},
    rules::{self, PolicyError},
    suite::KEM_OUTPUT_LEN,
};

const PRESENT: u8 = 1;
const LEAF: u8 = 1;
const PARENT: u8 = 2;

/// The nodes of a tree in the order of RFC 9420, section 12.4.3.3: leaf *n* at 2*n*, `None` for a blank.
pub(crate) struct TreeKeys<'a>(Vec<Option<Node<'a>>>);

struct Node<'a> {
    key: &'a [u8],
    /// The leaves below that do not know the private key; none for a leaf.
    unmerged_leaves: Vec<u32>,
    is_parent: bool,
}

impl<'a> TreeKeys<'a> {
    /// Reads an encoded tree.
    pub(crate) fn read(tree: &'a [u8]) -> Result<Self, Malformed> {
        const EXPECTED: Malformed = Malformed("a ratchet tree");
        let mut reader = Reader::new(tree);
        let nodes = reader.vector().map_err(|_| EXPECTED)?;
        if reader.remaining() != 0 {
            return Err(EXPECTED);
        }
        read_all(nodes, node).map(Self).map_err(|_| EXPECTED)
    }

    /// Checks the keys of the nodes above the leaves. Those of the leaves are checked with their certificates.
    pub(crate) fn check_parents(&self) -> Result<(), PolicyError> {
        let mut parents = self.0.iter().flatten().filter(|node| node.is_parent);
        if parents.all(|node| is_hpke_public_key(node.key)) {
            Ok(())
        } else {
            Err(PolicyError::NodeKey)
        }
    }

    /// The keys whose private half the device at this leaf must have: its own, and that of every node above that
    /// does not count it as unmerged.
    pub(crate) fn owned_by(&self, leaf: u32) -> Vec<&'a [u8]> {
        (0..u32::BITS)
            .map_while(|height| {
                // The node at this height above the leaf is in the middle of the nodes below it.
                let first_leaf = u64::from(leaf >> height) << height;
                let index = usize::try_from(2 * first_leaf + (1 << height) - 1).ok()?;
                (index < self.0.len()).then_some(index)
            })
            .filter_map(|index| self.0[index].as_ref())
            .filter(|node| !node.unmerged_leaves.contains(&leaf))
            .map(|node| node.key)
            .collect()
    }

    fn contains(&self, key: &[u8]) -> bool {
        self.0.iter().flatten().any(|node| node.key == key)
    }
}

fn node<'a>(reader: &mut Reader<'a>) -> Result<Option<Node<'a>>, PeekError> {
    if reader.u8()? != PRESENT {
        return Ok(None);
    }
    let kind = reader.u8()?;
    let (key, unmerged_leaves) = match kind {
        LEAF => (peek::leaf_node(reader)?.encryption_key, Vec::new()),
        PARENT => {
            let key = reader.vector()?;
            reader.skip_vector()?; // parent_hash
            (key, read_all(reader.vector()?, Reader::u32)?)
        }
        _ => return Err(PeekError::Malformed),
    };
    Ok(Some(Node {
        key,
        unmerged_leaves,
        is_parent: kind == PARENT,
    }))
}

fn read_all<'a, T>(
    content: &'a [u8],
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, PeekError>,
) -> Result<Vec<T>, PeekError> {
    let mut reader = Reader::new(content);
    let mut all = Vec::new();
    while reader.remaining() != 0 {
        all.push(read(&mut reader)?);
    }
    Ok(all)
}

/// Checks the key of a leaf that appears for the first time.
pub(crate) fn check_leaf(leaf: &LeafNode, device_id: DeviceId) -> Result<(), PolicyError> {
    if is_hpke_public_key(&bytes_of(leaf.encryption_key())) {
        Ok(())
    } else {
        Err(PolicyError::EncryptionKey(device_id))
    }
}

/// The bytes of a key.
pub(crate) fn bytes_of(key: &EncryptionKey) -> Vec<u8> {
    opaque(key).unwrap_or_default()
}

/// The content of a struct that is one byte string. OpenMLS shows it in its encoding only.
fn opaque(value: &impl tls_codec::Serialize) -> Option<Vec<u8>> {
    let encoded = value.tls_serialize_detached().ok()?;
    Reader::new(&encoded).vector().ok().map(<[u8]>::to_vec)
}

/// Checks what a commit encrypts, and that each key it brings in is a key and is not in the tree yet
/// (RFC 9420, section 12.4.2). Does not check the keys of leaves themselves; see [`check_leaf`].
///
/// `path_nodes` is the encoding of the nodes in its path, as [`peek::path_nodes`] returns it.
pub(crate) fn check_commit(
    group: &PublicGroup,
    staged: &StagedCommit,
    path_nodes: &[u8],
) -> Result<(), PolicyError> {
    let nodes = read_all(path_nodes, path_node).map_err(|_| PolicyError::Ciphertext)?;
    for node in &nodes {
        if !is_hpke_public_key(node.key) {
            return Err(PolicyError::NodeKey);
        }
        if node.kem_output_lens.iter().any(|len| *len != KEM_OUTPUT_LEN) {
            return Err(PolicyError::Ciphertext);
        }
    }
    let mut leaf_keys = Vec::new();
    leaf_keys.extend(
        staged
            .update_path_leaf_node()
            .map(|leaf| bytes_of(leaf.encryption_key())),
    );
    for queued in staged.queued_proposals() {
        match queued.proposal() {
            Proposal::Add(add) => {
                let leaf = add.key_package().leaf_node();
                if !is_hpke_public_key(add.key_package().hpke_init_key().as_slice()) {
                    let certificate = rules::certificate_of(leaf)?;
                    return Err(PolicyError::InitKey(certificate.claimed_device_id()));
                }
                leaf_keys.push(bytes_of(leaf.encryption_key()));
            }
            Proposal::ExternalInit(init)
                if opaque(&**init).is_none_or(|output| output.len() != KEM_OUTPUT_LEN) =>
            {
                return Err(PolicyError::Ciphertext);
            }
            _ => {}
        }
    }
    let encoded = codec::encode_ratchet_tree(&group.export_ratchet_tree()).unwrap_or_default();
    let tree = TreeKeys::read(&encoded).map_err(|_| PolicyError::Tree)?;
    let mut keys = leaf_keys
        .iter()
        .map(Vec::as_slice)
        .chain(nodes.iter().map(|node| node.key));
    if keys.any(|key| tree.contains(key)) {
        return Err(PolicyError::RepeatedKey);
    }
    Ok(())
}

/// An `UpdatePathNode` (RFC 9420, section 7.6).
struct PathNode<'a> {
    key: &'a [u8],
    kem_output_lens: Vec<usize>,
}

fn path_node<'a>(reader: &mut Reader<'a>) -> Result<PathNode<'a>, PeekError> {
    let key = reader.vector()?;
    let kem_output_lens = read_all(reader.vector()?, |reader| {
        let len = reader.vector()?.len(); // kem_output
        reader.skip_vector()?; // ciphertext
        Ok(len)
    })?;
    Ok(PathNode { key, kem_output_lens })
}
