//! The cleartext header of a message, read without any secret.
//!
//! The server does this for every message it receives, so nothing is copied or allocated, and the
//! ciphertext is skipped. It is still strict: lengths must be minimal and end exactly at the end. Only
//! the kinds of message that a conversation carries are accepted: encrypted application messages, unencrypted commits,
//! and the unencrypted proposal with which a device leaves.

use subrosa_wire::ConversationId;

use crate::{
    chain::{EntryKind, LogClaim},
    link::{CommitData, LinkSignature},
    suite::SELF_REMOVE_PROPOSAL,
};

/// The cleartext header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The conversation that the message claims to belong to.
    pub conversation_id: ConversationId,
    /// The epoch that it was made in.
    pub epoch: u64,
    /// The kind of message.
    pub kind: MessageKind,
    /// What its sender says about the log.
    pub claim: LogClaim,
    /// The link by which the device joins that made an external commit. Nothing of it is verified.
    pub link: Option<LinkSignature>,
}

/// The kinds of message that a conversation carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// An encrypted application message (`PrivateMessage`).
    Application,
    /// A commit that anybody can read (`PublicMessage`).
    Commit {
        /// Whether it is from a device that is not a member yet.
        external: bool,
    },
    /// The proposal with which a device leaves (`PublicMessage`).
    Leave,
}

impl From<MessageKind> for EntryKind {
    fn from(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Application => Self::Message,
            MessageKind::Commit { .. } => Self::Commit,
            MessageKind::Leave => Self::Leave,
        }
    }
}

/// Bytes are not a message that a conversation carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeekError {
    /// The bytes end too early, continue after the end, or have a length that is not minimal.
    #[error("not a well-formed MLS message")]
    Malformed,
    /// The version is not MLS 1.0.
    #[error("MLS version {0} is not known")]
    Version(u16),
    /// A welcome, a group info, a key package, or something unknown.
    #[error("a conversation does not carry messages of wire format {0}")]
    WireFormat(u16),
    /// The group id is not a conversation id.
    #[error("the group id is not a conversation id")]
    GroupId,
    /// An encrypted handshake, an application message in the clear, or a proposal other than the one to leave.
    #[error(
        "a conversation carries encrypted application messages, public commits and proposals to leave only"
    )]
    ContentType,
    /// The sender is neither a member nor a device that joins.
    #[error("a handshake cannot come from sender type {0}")]
    Sender(u8),
    /// The authenticated data is not a claim about the log.
    #[error("the authenticated data is not a claim about the log")]
    Claim,
}

const MLS_10: u16 = 1;
const PUBLIC_MESSAGE: u16 = 1;
const PRIVATE_MESSAGE: u16 = 2;
const APPLICATION: u8 = 1;
const PROPOSAL: u8 = 2;
const COMMIT: u8 = 3;
const BY_VALUE: u8 = 1;
const BY_REFERENCE: u8 = 2;
const ADD_PROPOSAL: u16 = 1;
const REMOVE_PROPOSAL: u16 = 3;
const GROUP_CONTEXT_EXTENSIONS_PROPOSAL: u16 = 7;
const SENDER_MEMBER: u8 = 1;
const SENDER_NEW_MEMBER_COMMIT: u8 = 4;

/// Reads the cleartext header of a message (RFC 9420, sections 6, 6.2 and 6.3).
pub fn peek(message: &[u8]) -> Result<Envelope, PeekError> {
    let message = read(message)?;
    let kind = match message.content {
        Content::Application => MessageKind::Application,
        Content::Commit(commit) => MessageKind::Commit {
            external: commit.external,
        },
        Content::Leave => MessageKind::Leave,
    };
    let external = kind == MessageKind::Commit { external: true };
    let CommitData { claim, link } =
        CommitData::decode(message.authenticated_data, external).ok_or(PeekError::Claim)?;
    Ok(Envelope {
        conversation_id: message.conversation_id,
        epoch: message.epoch,
        kind,
        claim,
        link,
    })
}

/// The leaves that a member's commit removes, of whatever epoch it is. Those that leave by themselves are not among them.
pub fn removed_leaves(commit: &[u8]) -> Result<Vec<u32>, PeekError> {
    let mut reader = Reader::new(read_commit(commit)?.proposals);
    let mut removed = Vec::new();
    while reader.remaining() > 0 {
        match reader.u8()? {
            BY_VALUE => removed.extend(proposal(&mut reader)?),
            BY_REFERENCE => reader.skip_vector()?,
            _ => return Err(PeekError::Malformed),
        }
    }
    Ok(removed)
}

/// A `Proposal` of those that our commits contain (RFC 9420, section 12.1). Returns the leaf that it removes, if it does.
fn proposal(reader: &mut Reader<'_>) -> Result<Option<u32>, PeekError> {
    match reader.u16()? {
        ADD_PROPOSAL => {
            reader.u16()?; // version
            reader.u16()?; // suite
            reader.skip_vector()?; // init_key
            leaf_node(reader)?;
            reader.skip_vector()?; // extensions
            reader.skip_vector()?; // signature
        }
        REMOVE_PROPOSAL => return reader.u32().map(Some),
        GROUP_CONTEXT_EXTENSIONS_PROPOSAL => reader.skip_vector()?,
        _ => return Err(PeekError::Malformed),
    }
    Ok(None)
}

/// The confirmation tag of a commit (RFC 9420, section 6.1).
pub(crate) fn confirmation_tag(commit: &[u8]) -> Result<&[u8], PeekError> {
    Ok(read_commit(commit)?.confirmation_tag)
}

/// The encoded nodes of the path of a commit, without the length in front; empty if there are none.
pub(crate) fn path_nodes(commit: &[u8]) -> Result<&[u8], PeekError> {
    Ok(read_commit(commit)?.path_nodes)
}

fn read_commit(commit: &[u8]) -> Result<Commit<'_>, PeekError> {
    match read(commit)?.content {
        Content::Commit(commit) => Ok(commit),
        Content::Application | Content::Leave => Err(PeekError::ContentType),
    }
}

/// What is read of a message.
struct Message<'a> {
    conversation_id: ConversationId,
    epoch: u64,
    authenticated_data: &'a [u8],
    content: Content<'a>,
}

enum Content<'a> {
    Application,
    Commit(Commit<'a>),
    Leave,
}

/// What is read of a commit.
struct Commit<'a> {
    external: bool,
    proposals: &'a [u8],
    path_nodes: &'a [u8],
    confirmation_tag: &'a [u8],
}

fn read(message: &[u8]) -> Result<Message<'_>, PeekError> {
    let mut reader = Reader::new(message);
    let version = reader.u16()?;
    if version != MLS_10 {
        return Err(PeekError::Version(version));
    }
    let wire_format = reader.u16()?;
    if wire_format != PUBLIC_MESSAGE && wire_format != PRIVATE_MESSAGE {
        return Err(PeekError::WireFormat(wire_format));
    }
    let conversation_id = ConversationId::try_from(reader.vector()?).map_err(|_| PeekError::GroupId)?;
    let epoch = reader.u64()?;
    let (authenticated_data, content) = if wire_format == PRIVATE_MESSAGE {
        (private_message(&mut reader)?, Content::Application)
    } else {
        public_message(&mut reader)?
    };
    if reader.remaining() != 0 {
        return Err(PeekError::Malformed);
    }
    Ok(Message {
        conversation_id,
        epoch,
        authenticated_data,
        content,
    })
}

/// The rest of a `PrivateMessage`. Returns the authenticated data.
fn private_message<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], PeekError> {
    if reader.u8()? != APPLICATION {
        return Err(PeekError::ContentType);
    }
    let authenticated_data = reader.vector()?;
    reader.skip_vector()?; // encrypted_sender_data
    reader.skip_vector()?; // ciphertext
    Ok(authenticated_data)
}

/// The rest of a `PublicMessage`. Returns the authenticated data, too.
fn public_message<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], Content<'a>), PeekError> {
    let external = match reader.u8()? {
        SENDER_MEMBER => {
            reader.u32()?; // leaf_index
            false
        }
        SENDER_NEW_MEMBER_COMMIT => true,
        other => return Err(PeekError::Sender(other)),
    };
    let authenticated_data = reader.vector()?;
    match reader.u8()? {
        COMMIT => {}
        PROPOSAL if !external => {
            if reader.u16()? != SELF_REMOVE_PROPOSAL {
                return Err(PeekError::ContentType);
            }
            reader.skip_vector()?; // signature
            reader.skip_vector()?; // membership_tag
            return Ok((authenticated_data, Content::Leave));
        }
        _ => return Err(PeekError::ContentType),
    }
    let proposals = reader.vector()?;
    let path_nodes = match reader.u8()? {
        0 => &[],
        1 => update_path(reader)?,
        _ => return Err(PeekError::Malformed),
    };
    reader.skip_vector()?; // signature
    let confirmation_tag = reader.vector()?;
    if !external {
        reader.skip_vector()?; // membership_tag
    }
    let commit = Commit {
        external,
        proposals,
        path_nodes,
        confirmation_tag,
    };
    Ok((authenticated_data, Content::Commit(commit)))
}

/// An `UpdatePath` (RFC 9420, section 7.6): a leaf node and the nodes above it, which are returned.
fn update_path<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], PeekError> {
    if leaf_node(reader)?.source != SOURCE_COMMIT {
        return Err(PeekError::Malformed);
    }
    reader.vector()
}

const SOURCE_KEY_PACKAGE: u8 = 1;
const SOURCE_UPDATE: u8 = 2;
const SOURCE_COMMIT: u8 = 3;

/// What is read of a `LeafNode` (RFC 9420, section 7.2).
pub(crate) struct Leaf<'a> {
    pub(crate) encryption_key: &'a [u8],
    source: u8,
}

pub(crate) fn leaf_node<'a>(reader: &mut Reader<'a>) -> Result<Leaf<'a>, PeekError> {
    let encryption_key = reader.vector()?;
    reader.skip_vector()?; // signature_key
    reader.u16()?; // credential_type
    reader.skip_vector()?; // credential
    for _ in 0..5 {
        reader.skip_vector()?; // versions, suites, extensions, proposals, credentials
    }
    let source = reader.u8()?;
    match source {
        SOURCE_KEY_PACKAGE => {
            reader.u64()?; // not_before
            reader.u64()?; // not_after
        }
        SOURCE_UPDATE => {}
        SOURCE_COMMIT => reader.skip_vector()?, // parent_hash
        _ => return Err(PeekError::Malformed),
    }
    reader.skip_vector()?; // extensions
    reader.skip_vector()?; // signature
    Ok(Leaf {
        encryption_key,
        source,
    })
}

/// Reads the presentation language of TLS as MLS uses it (RFC 9420, section 2.1).
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.0.len()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PeekError> {
        let (piece, rest) = self.0.split_first_chunk().ok_or(PeekError::Malformed)?;
        self.0 = rest;
        Ok(*piece)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, PeekError> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, PeekError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, PeekError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, PeekError> {
        self.array().map(u64::from_be_bytes)
    }

    /// The content of a vector with a length in front, which must be as short as it can be
    /// (RFC 9420, section 2.1.2).
    pub(crate) fn vector(&mut self) -> Result<&'a [u8], PeekError> {
        let first = self.u8()?;
        let (length, minimum) = match first >> 6 {
            0 => (u32::from(first), 0),
            1 => {
                let [second] = self.array()?;
                (u32::from(u16::from_be_bytes([first & 0x3f, second])), 1 << 6)
            }
            2 => {
                let [b, c, d] = self.array()?;
                (u32::from_be_bytes([first & 0x3f, b, c, d]), 1 << 14)
            }
            _ => return Err(PeekError::Malformed),
        };
        let length = usize::try_from(length).map_err(|_| PeekError::Malformed)?;
        if length < minimum {
            return Err(PeekError::Malformed);
        }
        let (content, rest) = self.0.split_at_checked(length).ok_or(PeekError::Malformed)?;
        self.0 = rest;
        Ok(content)
    }

    pub(crate) fn skip_vector(&mut self) -> Result<(), PeekError> {
        self.vector().map(drop)
    }
}
